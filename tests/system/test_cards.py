"""Are prepaid cards without keys issued, shown and asked about at the bank, and do they pay nothing that they do not hold?"""
import pytest

from kinchaku import OK, REFUSED, USAGE, run
from meeting import PATIENCE, Receiver


def issue(system, tmp_path, grade, name="card.purse"):
    path = tmp_path / name
    done = system.registrar("card", "--uim", path, "--grade", grade)
    assert done.status == OK, done
    return path, done.json


def card_station(path, *arguments, **more):
    return run("kinchaku-station", "--json", "--card", path, *arguments, **more)


# shows: R-NODE-8 R-DATA-7 R-DATA-8
@pytest.mark.parametrize("grade", ["bearer", "keyed"])
def test_a_card_is_issued_shown_and_synced(shared, tmp_path, grade):
    path, opened = issue(shared, tmp_path, grade)
    shown = card_station(path, "show")
    assert shown.status == OK, shown
    assert shown.json["uim_amount"] == "0"
    done = card_station(path, "sync")
    assert done.status == OK, done
    assert card_station(path, "history").status == OK
    purse = shared.bank("purse", opened["purse"])
    assert purse.status == OK and purse.json["type"] == ("bearer" if grade == "bearer" else "card"), purse


# shows: R-XCHG-10
@pytest.mark.parametrize("grade", ["bearer", "keyed"])
def test_a_card_pays_nothing_that_it_does_not_hold(shared, tmp_path, grade):
    path, _ = issue(shared, tmp_path, grade)
    payee = shared.open()
    receiver = Receiver(payee, "--yes", link="tcp:127.0.0.1:0")
    assert receiver.place, receiver.end()
    done = card_station(path, "pay", 10, "--link", receiver.place, timeout=PATIENCE)
    receiver.end()
    assert done.status == REFUSED and done.error == "insufficient-value", done


def test_what_a_card_cannot_do_is_said(shared, tmp_path):
    path, _ = issue(shared, tmp_path, "bearer")
    assert card_station(path, "fund", 10).status == USAGE
    assert shared.registrar("card", "--uim", tmp_path / "x", "--grade", "gold").status == USAGE
    blank = tmp_path / "blank"
    blank.write_bytes(b"")
    done = card_station(blank, "show")
    assert done.status != OK and done.error, done


def test_a_card_whose_bytes_were_edited_says_so(shared, tmp_path):
    path, _ = issue(shared, tmp_path, "bearer")
    content = bytearray(path.read_bytes())
    for at in range(128, 1024):
        content[at] ^= 0xFF
    for at in range(14512, 14512 + 896):
        content[at] ^= 0xFF
    path.write_bytes(content)
    done = card_station(path, "show")
    assert done.status != OK and done.error == "purse-corrupt", done


# shows: R-CASH-10 R-XCHG-10
def test_a_bearer_card_is_loaded_pays_and_a_copy_is_found(alone, tmp_path):
    alone.up()
    holder = alone.open(balance=1000, fund=1000)
    first, second = alone.open(), alone.open()
    path, opened = issue(alone, tmp_path, "bearer")
    done = run("kinchaku-station", "--json", "--uim", holder.path, "--card", path, "withdraw", 30, "--yes")
    assert done.status == OK, done
    assert card_station(path, "show").json["uim_amount"] == "30"
    copy = tmp_path / "copy.purse"
    copy.write_bytes(path.read_bytes())
    copy.chmod(0o600)
    for card, payee in ((path, first), (copy, second)):
        receiver = Receiver(payee, "--yes", link="tcp:127.0.0.1:0")
        done = card_station(card, "pay", 20, "--link", receiver.place, timeout=PATIENCE)
        assert done.status == OK, done
        assert receiver.end().status == OK
    first.must("sync")
    second.station("sync")
    assert alone.bank("purse", opened["purse"]).objects[0]["state"] == "blocked"
    assert first.value() == 20 and second.value() == 0
    reasons = [row["reason"] for row in alone.bank("alerts").objects if "reason" in row]
    assert "card-exhausted" in reasons and "copied-or-restored" in reasons, reasons
    card_station(path, "sync")
    alone.check_audit()


# shows: R-CASH-10
def test_a_keyed_card_is_loaded_and_emptied(shared, tmp_path):
    holder = shared.open(balance=1000, fund=1000)
    path, _ = issue(shared, tmp_path, "keyed")
    done = run("kinchaku-station", "--json", "--uim", holder.path, "--card", path, "withdraw", 30, "--yes")
    assert done.status == OK, done
    assert card_station(path, "show").json["uim_amount"] == "30"
    done = run("kinchaku-station", "--json", "--uim", holder.path, "--card", path, "deposit", 10, "--yes")
    assert done.status == OK, done
    assert card_station(path, "show").json["uim_amount"] == "20"
