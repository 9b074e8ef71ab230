"""What goes wrong between a machine and the bank: does the machine's keeper read enough of it in the server's report to act?"""
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from kinchaku import BUILD, FAULT, OK, REFUSED, run
from meeting import PATIENCE, Receiver
from test_vendor_server import Server, machine_purse, settled
from vending import Machine, buy

GUM = [("gum", 20, 500)]
YEAR_MS = 365 * 24 * 3600 * 1000


@pytest.fixture(scope="module")
def people(shared):
    dealer, buyer = shared.open(), shared.open(fund=4000)
    buyer.must("withdraw", 1000, "--yes")
    return dealer, buyer


@pytest.fixture
def world(shared, people, tmp_path):
    dealer, buyer = people
    buyer.station("sync")
    machine = Machine(tmp_path / "corner", machine_purse(shared, dealer, tmp_path / "corner.purse"), dealer.account, GUM)
    (tmp_path / "server").mkdir(mode=0o700)
    server = Server(shared, tmp_path / "server", [machine])
    machine.start("--collect", "tcp:127.0.0.1:0")
    yield server, machine, buyer
    machine.stop()


def card_of(system, holder, path, grade, amount):
    """A card with this much on it."""
    done = system.registrar("card", "--uim", path, "--grade", grade)
    assert done.status == OK, done
    loaded = run("kinchaku-station", "--json", "--uim", holder.path, "--card", path, "withdraw", amount, "--yes")
    assert loaded.status == OK, loaded
    return done.json


def by_card(path, *arguments):
    return run("kinchaku-station", "--json", "--card", path, *arguments, timeout=PATIENCE)


def notes(server, kind):
    return [row for row in server.report() if row.get("note") == kind]


# shows: R-VEND-6 R-VEND-7
def test_a_copied_card_is_objected_to_and_the_report_names_the_sale(shared, world, tmp_path):
    server, machine, buyer = world
    card, copy = tmp_path / "a.card", tmp_path / "b.card"
    issued = card_of(shared, buyer, card, "bearer", 30)
    shutil.copy(card, copy)
    other = shared.open()
    receiver = Receiver(other, "--yes", link="tcp:127.0.0.1:0")
    done = by_card(copy, "pay", 20, "--link", receiver.place)
    assert done.status == OK and receiver.end().status == OK, done
    other.must("sync")
    assert buy(buyer, machine, 1).status == OK
    done = by_card(card, "buy", 1, "--link", machine.place, "--yes")
    assert done.status == OK, done
    server.once()
    found = notes(server, "objection")
    assert [(row["reason"], row["amount"], row["account"]) for row in found] == [("card-exhausted", "20", issued["account"])], found
    # The sale before it is settled, and machine and server go on.
    assert buy(buyer, machine, 1).status == OK
    assert server.once().status == OK
    assert server.report()[0]["not_settled"] == 0
    machine.stop()
    sale = [row for row in machine.lines() if row["kind"] == "sale"][1]
    assert (found[0]["line"], found[0]["counter"]) == (sale["number"], sale["counter"]), (found, sale)
    buyer.must("sync")
    shared.check_audit()


# shows: R-VEND-6
def test_a_machine_whose_purse_was_reported_lost(shared, world):
    server, machine, buyer = world
    assert buy(buyer, machine, 1).status == OK
    assert server.once().status == OK
    assert buy(buyer, machine, 1).status == OK
    done = shared.registrar("lost", "--account", machine.uim.account, "--purse", machine.uim.purse,
                            "--password-file", machine.uim.path.with_suffix(".password"))
    assert done.status == OK, done
    done = server.once()
    assert done.status == REFUSED and done.json["error"] == "reported-lost", done
    row, *found = server.report()
    assert (row["machine"], row["purse"], row["last_round"]) == ("corner", machine.uim.purse, "reported-lost"), row
    assert [(note["note"], note["reason"]) for note in found] == [("refusal", "reported-lost")], found
    assert row["sales"] == 2 and row["not_settled"] == 1, row
    buyer.must("sync")
    shared.check_audit()


# shows: R-VEND-6 R-VEND-8
def test_a_machine_that_lost_its_journal(shared, world):
    """What no server has is gone as a line; the purse's own log still settles the payment."""
    server, machine, buyer = world
    assert buy(buyer, machine, 1).status == OK
    assert server.once().status == OK
    assert buy(buyer, machine, 1).status == OK
    machine.stop()
    (machine.dir / "journal").unlink()
    done = machine.run("machine", "--link", "tcp:127.0.0.1:0")
    assert (done.status, done.error) == (FAULT, "file-missing"), done
    machine.start("--begin", "--collect", "tcp:127.0.0.1:0")
    assert buy(buyer, machine, 1).status == OK
    server.once()
    row = server.report()[0]
    found = [note for note in server.report() if note.get("note") in ("gap", "lines-lost")]
    assert [(note["note"], note["reason"]) for note in found] == [("gap", "file-missing")] and row["missing"] == 1, (row, found)
    assert (row["sales"], row["not_settled"]) == (2, 0) and found[0]["line"] > 1, (row, found)
    assert settled(shared, machine) == 0 and server.once().status == OK
    before = buyer.value()
    buyer.must("sync")
    assert buyer.value() == before
    shared.check_audit()


# shows: R-VEND-7 R-NODE-8
@pytest.mark.parametrize("grade", ["keyed", "bearer"])
def test_a_card_buys(shared, world, tmp_path, grade):
    server, machine, buyer = world
    path = tmp_path / "a.card"
    issued = card_of(shared, buyer, path, grade, 50)
    for _ in range(2):
        done = by_card(path, "buy", 1, "--link", machine.place, "--yes")
        assert done.status == OK, done
    assert by_card(path, "show").json["uim_amount"] == "10"
    done = by_card(path, "buy", 1, "--link", machine.place, "--yes")
    assert (done.status, done.error) == (REFUSED, "insufficient-value"), done
    assert server.once().status == OK
    row = server.report()[0]
    assert (row["sales"], row["sold"], row["not_settled"]) == (2, "40", 0), row
    by_card(path, "sync")
    assert shared.bank("purse", issued["purse"]).objects[0]["value"] == "10"
    buyer.must("sync")
    shared.check_audit()


# shows: R-VEND-5 R-VEND-6
@pytest.mark.parametrize("years", [-5, -1, 1, 5])
def test_a_machine_whose_clock_is_years_off(shared, world, tmp_path, years):
    """It sells and settles, or says by a name why it does not; no value is lost, and it works when its clock is right again."""
    server, machine, buyer = world
    machine.stop()
    plain = Path(tempfile.mkdtemp(prefix="kc-clock-", dir="/tmp"))
    shutil.copy(BUILD / "tests/system/clock.so", plain / "clock.so")
    (plain / "now").write_text(f"{years * YEAR_MS}\n")
    before = buyer.value()
    machine.start("--collect", "tcp:127.0.0.1:0", prefix=("env", f"LD_PRELOAD={plain / 'clock.so'}", f"KINCHAKU_TEST_CLOCK={plain / 'now'}",
                                                          "ASAN_OPTIONS=" + os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"))
    done = buy(buyer, machine, 1)
    assert done.status == OK or done.error in ("contact-needed", "identity-expired"), done
    sold = 20 if done.status == OK else 0
    # A payment whose answer the buyer's purse does not take stays open until both have met the bank.
    assert buyer.value() in (before - sold, before - 20)
    ended = server.once()
    assert ended.status == OK or ended.json.get("error"), ended
    machine.stop()
    shutil.rmtree(plain)
    machine.start("--collect", "tcp:127.0.0.1:0")
    again = buy(buyer, machine, 1)
    if again.error == "declined":
        # The payment that was open came first and was sold for: the second one was too many.
        again = buy(buyer, machine, 1)
    assert again.status == OK, (done, ended, again)
    assert server.once().status == OK
    row = server.report()[0]
    assert row["not_settled"] == 0 and int(row["sold"]) >= sold + 20, (row, done, ended)
    buyer.must("sync")
    assert buyer.value() == before - int(row["sold"]), (row, done, ended)
    shared.check_audit()
