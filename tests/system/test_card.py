"""Is a purse behind PC/SC the same purse, whatever happens to the card, the reader and the readers' service?"""
import signal
from pathlib import Path

import pytest

from desk import Card
from kinchaku import AGAIN, OK, REFUSED, USAGE, Uim, run
from meeting import payments
from vending import Machine


@pytest.fixture(scope="module")
def medium():
    return "card"


def prepaid(system, value=0, payer=None):
    """A keyed card, which has no PIN; `payer` puts value on it."""
    system.count += 1
    path = system.base / f"card-{system.count}"
    reader = system.desk.insert_blank(path).reader
    done = system.registrar("card", "--uim", f"pcsc:{reader}", env=system.desk.env)
    assert done.status == OK, done
    card = Uim(system, path, done.json)
    if value:
        payer.must("pay", value, "--link", card.place)
    return card


def rich(system, amount):
    uim = system.open(fund=2 * amount)
    uim.must("withdraw", amount, "--yes")
    return uim


def values(*uims):
    return [uim.value() for uim in uims]


# shows: R-NODE-10 R-NODE-8
def test_a_uim_pays_a_card_and_the_card_pays_a_uim(shared):
    uim = rich(shared, 100)
    card = prepaid(shared)
    paid = uim.must("pay", 30, "--link", card.place)
    assert payments(paid) == [("paid", 30, False)] and values(uim, card) == [70, 30]
    got = uim.must("receive", "--link", card.place, "--amount", 12, "--yes")
    assert payments(got) == [("received", 12, False)] and values(uim, card) == [82, 18]
    no = uim.must("receive", "--link", card.place, "--amount", 12, "--no")
    assert payments(no) == [("declined", 12, False)] and values(uim, card) == [82, 18]
    assert uim.must("receive", "--link", card.place, "--yes", status=REFUSED).error == "not-found"
    assert uim.must("resume", "--link", card.place, status=REFUSED).error == "not-found"
    assert uim.must("pay", 83, "--link", card.place, status=REFUSED).error == "insufficient-value"
    assert uim.must("receive", "--link", card.place, "--amount", 19, "--yes", status=REFUSED).error == "insufficient-value"
    assert values(uim, card) == [82, 18]
    uim.must("sync")
    assert (uim.shadow(), card.shadow()) == (82, 18)


# shows: R-NODE-10
def test_a_uim_on_the_reader_wants_its_pin(shared):
    uim, other = rich(shared, 50), rich(shared, 50)
    assert uim.must("pay", 10, "--link", other.place, status=REFUSED).error == "pin-required"
    assert values(uim, other) == [50, 50]


# ---- cards that are not there, or not ours ----

# shows: R-NODE-10
def test_no_card_two_cards_and_no_such_reader(shared, tmp_path):
    desk = shared.desk
    desk.eject_all()
    desk.await_(lambda: run("kinchaku-station", "--json", "--uim", "pcsc:", "show", env=desk.env).error == "no-card", "cards stay")

    def show(place):
        return run("kinchaku-station", "--json", "--uim", place, "show", env=desk.env)

    assert (show("pcsc:").status, show("pcsc:").error) == (AGAIN, "no-card")
    assert (show("pcsc:Desk").status, show("pcsc:Desk").error) == (REFUSED, "several-cards")
    nowhere = show("pcsc:Desk 7")
    assert (nowhere.status, nowhere.error) == (AGAIN, "not-reachable") and "'Desk 0 00 00'" in nowhere.err, nowhere
    uim = shared.open()
    assert show("pcsc:").json["account"] == uim.account
    blank = desk.insert_blank(tmp_path / "blank")
    both = show("pcsc:")
    assert (both.status, both.error) == (REFUSED, "several-cards") and both.err.count("with a card") == 2, both
    for order in (("show",), ("withdraw", 1, "--yes"), ("sync",)):
        done = run("kinchaku-station", "--json", "--uim", f"pcsc:{blank.reader}", *order, env=desk.env)
        assert (done.status, done.error) == (REFUSED, "blank-card"), done
    assert uim.must("pay", 1, "--link", f"pcsc:{blank.reader}", status=REFUSED).error == "blank-card"
    gone = show("pcsc:") if desk.eject(blank.path) else uim.station("show")
    assert gone.json["account"] == uim.account
    elsewhere = {"PCSCLITE_CSOCK_NAME": str(tmp_path / "nobody")}
    down = run("kinchaku-station", "--json", "--uim", "pcsc:", "show", env=elsewhere)
    assert (down.status, down.error) == (AGAIN, "not-reachable") and "pcscd" in down.err, down


def test_a_file_is_a_card_or_a_file(shared):
    """Whose file is a card's has no other user, and the other way round."""
    uim = shared.open()
    place = uim.place
    done = run("kinchaku-station", "--json", "--uim", uim.path, "show")
    assert (done.status, done.error) == (AGAIN, "in-use"), done
    again = run("kinchaku-card", "--json", "--uim", uim.path)
    assert (again.status, again.error) == (AGAIN, "in-use"), again
    same = uim.must("pay", 1, "--link", place, status=AGAIN)
    assert same.error == "in-use", same


# shows: R-NODE-4 R-NODE-10
def test_what_the_registrar_writes_on(shared, tmp_path):
    ordinary = shared.ordinary_account()
    blank = shared.desk.insert_blank(tmp_path / "blank")
    place, env, letter = f"pcsc:{blank.reader}", shared.desk.env, tmp_path / "letter"
    done = shared.apply(ordinary, place, env=env)
    assert done.status == USAGE and "--letter" in done.err, done
    done = shared.apply(ordinary, "pcsc:Desk 7", "--letter", letter, env=env)
    assert (done.status, done.error) == (AGAIN, "not-reachable") and "Desk 0" in done.err, done
    done = shared.apply("no such account", place, "--letter", letter, env=env)
    assert done.error == "no-bank-account" and not letter.exists(), done
    done = shared.apply(ordinary, place, "--letter", letter, env=env)
    assert done.status == OK and letter.read_text().startswith("PIN "), done
    done = shared.apply(ordinary, place, "--letter", tmp_path / "other", env=env)
    assert (done.status, done.error) == (REFUSED, "already-exists") and "written already" in done.err, done
    assert not (tmp_path / "other").exists()


def test_orders_to_kinchaku_card(tmp_path):
    path = tmp_path / "card"
    assert run("kinchaku-card", "--new", path).status == OK and path.stat().st_mode & 0o777 == 0o600
    assert run("kinchaku-card", "--json", "--new", path).error == "already-exists"
    for order in ((), ("--new", path, "--uim", path), ("--uim", path, "x"), ("--uim", path, "--vpcd", "nowhere"),
                  ("--uim", path, "--vpcd", "127.0.0.1:0"), ("--uim", path, "--vpcd", "example.org:1"),
                  ("--uim", path, "--remove", "answer"), ("--uim", path, "--remove", "answer:-1")):
        assert run("kinchaku-card", *order).status == USAGE, order
    assert run("kinchaku-card", "--json", "--uim", tmp_path / "none").error == "file-missing"
    path.write_bytes(path.read_bytes()[:-1])
    assert run("kinchaku-card", "--json", "--uim", path).error == "purse-corrupt"


# ---- a card that is taken out ----

def taken_out(uim, when, number):
    """The card, which goes from its reader at that command, and its place."""
    desk = uim.system.desk
    desk.eject(uim.path)
    card = Card(desk, uim.path, desk.free_slot(), "--remove", f"{when}:{number}")
    card.await_seen(desk)
    return card, f"pcsc:{card.reader}"


# shows: R-NODE-10 R-CASH-8
@pytest.mark.parametrize("when", ["command", "answer"])
def test_taken_out_at_any_command_of_a_withdrawal(shared, when):
    uim = shared.open(fund=1000)
    number, ended, held = 0, False, 0
    while not ended:
        number += 1
        assert number < 40
        card, place = taken_out(uim, when, number)
        done = run("kinchaku-station", "--json", "--uim", place, "withdraw", 10, "--yes", env=uim.env)
        ended = done.status == OK
        if ended:
            card.pull()
        else:
            assert done.status == AGAIN and done.error in ("card-removed", "no-card"), (number, done)
            card.pull()
        uim.must("sync")
        value = uim.value()
        assert value in (held, held + 10) and (value == held + 10 or not ended), (number, done)
        held = value
        assert uim.both() == (1000 - held, held) and uim.shadow() == held, number
    assert number > 5
    shared.check_audit()


# shows: R-NODE-10 R-XCHG-8
@pytest.mark.parametrize("order, when", [("pay", "answer"), ("receive", "answer"), ("receive", "command")])
def test_taken_out_at_any_command_of_a_payment(shared, when, order):
    """At every command of the card's, in either direction; then the two meet again, and all of the value is there."""
    uim = rich(shared, 500)
    card = prepaid(shared, 200, uim)
    number, ended = 0, False
    arguments = ("pay", 5) if order == "pay" else ("receive", "--amount", 5, "--yes")
    while not ended:
        number += 1
        assert number < 40
        process, place = taken_out(card, when, number)
        done = uim.station(*arguments, "--link", place)
        ended = done.status == OK
        if ended:
            process.pull()
        else:
            assert done.status == AGAIN and done.error in ("card-removed", "no-card"), (number, done)
            process.pull()
        again = uim.station(*(("resume",) if order == "pay" else ("receive", "--yes")), "--link", card.place)
        assert again.status == OK or again.error == "not-found", (number, again)
        rows = [each.station("show").json for each in (uim, card)]
        assert sum(int(row["uim_amount"]) for row in rows) == 500, (number, rows)
        assert all(row["open_amount"] == "0" for row in rows), (number, rows)
        if number % 8 == 0:
            uim.must("sync")
            card.must("sync")
    assert number > 5
    for each in (uim, card):
        each.must("sync")
        assert each.shadow() == each.value()
    shared.check_audit()


# shows: R-NODE-10
def test_the_readers_service_is_restarted(shared):
    """A card that was in its reader is in it again, and nothing has to be told to it."""
    uim = rich(shared, 20)
    other = shared.open()
    places = uim.place, other.place
    shared.desk.stop()
    assert run("kinchaku-station", "--json", "--uim", places[0], "show", env=shared.desk.env).error == "not-reachable"
    for card in shared.desk.cards.values():
        card.since = len(shared.desk.log())
    shared.desk.start()
    for card in list(shared.desk.cards.values()):
        card.await_seen(shared.desk)
    assert (uim.place, other.place) == places and uim.value() == 20 and other.value() == 0


# ---- cards that are loaded, and a machine whose purse and buyers are cards ----

def machine_in_a_reader(system, tmp_path, dealer, items):
    """Its purse is a card, too, and stays in its reader."""
    word = tmp_path / "word"
    word.write_text(Path(f"{dealer.path}.letter").read_text().split("password ")[1].split()[0] + "\n")
    word.chmod(0o600)
    path = tmp_path / "till.card"
    place = f"pcsc:{system.desk.insert_blank(path).reader}"
    done = system.registrar("machine", "--owner", dealer.account, "--uim", place, "--password-file", word, env=system.desk.env)
    assert done.status == OK, done
    return Machine(tmp_path / "machine", Uim(system, path, done.json), dealer.account, items, purse=place)


# shows: R-NODE-8 R-NODE-10 R-CASH-10 R-VEND-7
@pytest.mark.parametrize("grade", ["keyed", "bearer"])
def test_a_card_in_a_reader_is_loaded_and_buys(shared, tmp_path, grade):
    dealer, holder = shared.open(), shared.open(fund=500)
    path = tmp_path / "prepaid"
    place = f"pcsc:{shared.desk.insert_blank(path).reader}"
    done = shared.registrar("card", "--uim", place, "--grade", grade, env=shared.desk.env)
    assert done.status == OK, done
    card = Uim(shared, path, done.json)
    holder.must("withdraw", 60, "--card", place, "--yes")
    assert card.value() == 60 and holder.both() == (440, 0)
    machine = machine_in_a_reader(shared, tmp_path, dealer, [("water", 15, 3), ("tea", 15, 1, "jam")])
    done = machine.run("machine", "--card", card.place, "--slot", 1)
    assert done.status == OK and done.json["end"] == "released", done
    done = machine.run("machine", "--card", "pcsc:nowhere", "--slot", 1)
    assert (done.status, done.error) == (AGAIN, "not-reachable") and "Desk 0" in done.err, done
    assert (card.value(), machine.value()) == (45, 15)
    machine.start()
    done = run("kinchaku-station", "--json", "--card", card.place, "buy", 1, "--link", machine.place, "--yes", env=shared.desk.env)
    assert done.status == OK, done
    machine.stop()
    assert (card.value(), machine.value()) == (30, 30) and machine.kinds()[-2:] == ["sale", "released"]
    holder.must("deposit", 5, "--card", card.place, "--yes")
    assert (card.value(), *holder.both()) == (25, 445, 0)
    machine.uim.must("sync")
    assert card.shadow() == 25 and dealer.balance() == 30
    shared.check_audit()
