"""Does a till take what the cashier typed, give a refund once, and close its day? Does a card in a machine's slot buy?"""
import os
import subprocess

import pytest

from kinchaku import OK, REFUSED, Uim, run
from meeting import PATIENCE
from test_vendor_server import machine_purse
from vending import Machine, buy

STOPPED = 9


@pytest.fixture(scope="module")
def people(shared):
    dealer, buyer, other = shared.open(), shared.open(fund=4000), shared.open(fund=100)
    buyer.must("withdraw", 3000, "--yes")
    return dealer, buyer, other


@pytest.fixture
def machine(shared, people, tmp_path):
    people[1].station("sync")
    made = Machine(tmp_path / "till", machine_purse(shared, people[0], tmp_path / "till.purse"), people[0].account,
                   [("water", 120, 2)])
    yield made
    made.stop()


def said(rows):
    return [row["end"] for row in rows if "typed" in row][-1]


def test_a_day_at_the_till(people, machine):
    _, buyer, other = people
    before = buyer.value()
    machine.start("--pos")
    done = buy(buyer, machine, 1)
    assert (done.status, done.error) == (REFUSED, "sold-out"), done
    assert said(machine.type("250")) == "ok"
    assert buy(buyer, machine, 1).status == OK
    assert said(machine.type("70")) == "ok"
    assert said(machine.type("cancel")) == "ok"
    assert buy(buyer, machine, 1).error == "sold-out"
    assert said(machine.type("90")) == "ok"
    assert buy(buyer, machine, 1).status == OK
    sale = next(row["sale"] for row in machine.objects if row.get("amount") == "250")
    for line, end in ((f"refund {sale} 251", "amount-too-large"), (f"refund {sale} 0", "amount-zero"), ("refund 999", "not-found"),
                      ("refund x", "usage"), ("12.5", "amount-malformed"), ("0", "amount-zero"), ("-3", "amount-malformed"),
                      (f"refund {sale} 100", "ok"), (f"refund {sale} 100", "already-exists"), (f"refund {sale}", "already-exists")):
        assert said(machine.type(line)) == end, line
    assert other.station("claim", "--link", machine.place).status == OK
    assert buyer.value() == before - 340
    assert buyer.station("claim", "--link", machine.place).status == OK
    assert buyer.value() == before - 240
    closing = next(row for row in machine.type("close") if row.get("till") == "closed")
    assert (closing["count"], closing["sum"], closing["refunds"], closing["net"], closing["owed"]) == (2, "340", "100", "240", 0)
    again = next(row for row in machine.type("close") if row.get("till") == "closed")
    assert (again["count"], again["net"]) == (0, "0")
    machine.stop()
    assert machine.kinds() == ["opened", "sale", "released", "sale", "released", "refund", "paying", "returned", "closed", "closed"]


def test_words_for_the_cashier(people, machine):
    """A person types: each no says what it is about."""
    machine.start("--pos")
    machine.type("50")
    assert buy(people[1], machine, 1).status == OK
    machine.stop()
    command = [word for word in machine.command("machine", "--link", "tcp:127.0.0.1:0", "--pos") if word != "--json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, **machine.env}) as process:
        assert process.stdout.readline().startswith("waiting at")
        told = []
        for line in ("refund 2", "refund 2", "refund 77", "sell"):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            told.append(process.stdout.readline())
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert told[0] == "refund 2: ok\n" and "this sale was refunded before" in told[1], told
    assert "no such sale" in told[2] and told[3].startswith("sell: "), told
    assert machine.kinds() == ["opened", "sale", "released", "refund"]


def test_nobody_is_told_to_come_before_the_servers_key_is_there(machine):
    """Without server.pub no server can be answered: the machine ends, and has not said that it waits."""
    done = machine.run("machine", "--link", "tcp:127.0.0.1:0", "--collect", "tcp:127.0.0.1:0")
    assert (done.status, done.error) == (4, "file-missing") and "waiting" not in done.out and "server.pub" in done.err, done


# shows: R-VEND-4
def test_two_refunds_of_one_amount(people, machine):
    """The payment back that is under way at a cut is for one of them: the other is still owed."""
    _, buyer, _ = people
    before = buyer.value()
    machine.start("--pos", "--stop-after", "paying")
    for _ in range(2):
        assert said(machine.type("50")) == "ok"
        assert buy(buyer, machine, 1).status == OK
    machine.wait(lambda: sum(row.get("amount") == "50" for row in machine.objects) == 2)
    for sale in [row["sale"] for row in machine.objects if row.get("amount") == "50"]:
        assert said(machine.type(f"refund {sale}")) == "ok"
    assert buyer.station("claim", "--link", machine.place).status != OK
    assert machine.process.wait(PATIENCE) == STOPPED
    for _ in range(2):
        machine.start("--pos")
        buyer.station("claim", "--link", machine.place)
        machine.stop()
    assert buyer.value() == before, machine.lines()
    counters = [row["counter"] for row in machine.lines() if row["kind"] == "paying"]
    assert machine.kinds().count("returned") == len(counters) == len(set(counters)) == 2


# shows: R-VEND-7
def test_a_card_in_the_slot(shared, people, machine, tmp_path):
    """The machine drives the card; a UIM stands for a card of keys here, which has a PIN."""
    _, buyer, _ = people
    before = buyer.value()

    def card(slot, *more):
        machine.pin.write_text(buyer.path.with_name(buyer.path.name + ".letter").read_text().split("PIN ")[1].split()[0] + "\n")
        machine.pin.chmod(0o600)
        return machine.run("machine", "--card", buyer.path, "--slot", slot, *more)

    done = card(1)
    assert done.status == OK and done.json["end"] == "released", done
    assert buyer.value() == before - 120
    done = card(1, "--amount", 100)
    assert done.status == REFUSED and buyer.value() == before - 120, done
    done = card(1, "--jam", 1)
    assert (done.status, done.error) == (REFUSED, "item-stuck") and buyer.value() == before - 120, done
    assert card(1).error == "item-stuck" and card(7).error == "not-found"
    machine.pin.unlink()
    assert machine.kinds() == ["opened", "sale", "released", "sale", "stuck", "paying", "returned"]


# shows: R-VEND-7
def test_a_card_without_keys_in_the_slot(shared, people, machine, tmp_path):
    """Nothing can be paid to it: what did not come out stays owed, and is not how a later sale ends."""
    path = tmp_path / "bearer.card"
    assert shared.registrar("card", "--uim", path, "--grade", "bearer").status == OK
    holder = shared.open(fund=100)
    loaded = run("kinchaku-station", "--json", "--uim", holder.path, "--card", path, "withdraw", 30, "--yes")
    assert loaded.status == OK, loaded
    machine.write_ini(people[0].account, [("gum", 10, 3), ("bar", 5, 3)])
    done = machine.run("machine", "--card", path, "--slot", 1, "--jam", 1)
    assert (done.status, done.error) == (REFUSED, "item-stuck"), done
    done = machine.run("machine", "--card", path, "--slot", 2)
    assert done.status == OK and done.json["end"] == "released", done
    assert machine.kinds() == ["opened", "sale", "stuck", "sale", "released"]
