"""Does a machine sell for its price, and nothing else, and give back what it could not deliver?"""
import os
import signal
import socket

import pytest

from kinchaku import AGAIN, OK, REFUSED
from meeting import PATIENCE
from vending import Machine, buy

DRINKS = [("water", 120, 3), ("tea", 150, 1), ("juice", 200, 5)]


@pytest.fixture(scope="module")
def people(shared):
    """A dealer, a machine's purse, and a buyer with value."""
    dealer, till, buyer = shared.open(), shared.open(), shared.open(fund=4000)
    buyer.must("withdraw", 3000, "--yes")
    return dealer, till, buyer


@pytest.fixture
def machine(people, tmp_path):
    dealer, till, buyer = people
    till.station("sync")
    buyer.station("sync")
    made = Machine(tmp_path / "machine", till, dealer.account, DRINKS)
    yield made
    made.stop()


# shows: R-VEND-1 R-VEND-4 R-NODE-9
def test_a_drink_is_sold(people, machine):
    dealer, till, buyer = people
    before, had = buyer.value(), till.value()
    machine.start()
    shelf = buyer.station("shelf", "--link", machine.place)
    assert shelf.status == OK and shelf.objects[0]["dealer"] == dealer.account, shelf
    assert [(row["slot"], row["name"], row["price"], row["state"]) for row in shelf.objects[1:]] == [
        (1, "water", "120", "ready"), (2, "tea", "150", "ready"), (3, "juice", "200", "ready")]
    done = buy(buyer, machine, 1)
    assert done.status == OK, done
    assert f"account {dealer.account}" in done.err and "costs 120" in done.err
    assert buyer.value() == before - 120
    done = buy(buyer, machine, 2)
    assert done.status == OK, done
    done = buy(buyer, machine, 2)
    assert (done.status, done.error) == (REFUSED, "sold-out"), done
    done = buy(buyer, machine, 9)
    assert (done.status, done.error) == (REFUSED, "not-found"), done
    done = buy(buyer, machine, 1, "--no")
    assert done.status == REFUSED or done.status == OK, done
    machine.stop()
    assert buyer.value() == before - 270 and till.value() == had + 270
    assert machine.kinds() == ["opened", "sale", "released", "sale", "released"]
    assert [row["amount"] for row in machine.lines()][1::2] == ["120", "150"]


# shows: R-VEND-3
def test_less_and_more_than_the_price(people, machine):
    _, till, buyer = people
    before, had = buyer.value(), till.value()
    machine.start()
    for amount, name in ((119, "amount-short"), (1, "amount-short"), (121, "wrong-price")):
        done = buy(buyer, machine, 1, "--amount", amount, "--yes")
        assert (done.status, done.error) == (REFUSED, name), done
        assert buyer.value() == before
    done = buyer.station("pay", 120, "--link", machine.place)
    assert (done.status, done.error) == (REFUSED, "declined"), done
    assert buyer.value() == before
    assert buy(buyer, machine, 1).status == OK
    machine.stop()
    assert till.value() == had + 120 and machine.kinds() == ["opened", "sale", "released"]


def test_a_jam_gives_the_value_back(people, machine):
    _, till, buyer = people
    before, had = buyer.value(), till.value()
    machine.start("--jam", 1)
    done = buy(buyer, machine, 1)
    assert (done.status, done.error) == (REFUSED, "item-stuck"), done
    assert buyer.value() == before
    done = buy(buyer, machine, 1)
    assert (done.status, done.error) == (REFUSED, "item-stuck"), done
    assert buy(buyer, machine, 3).status == OK
    machine.stop()
    assert till.value() == had + 200
    assert machine.kinds() == ["opened", "sale", "stuck", "paying", "returned", "sale", "released"]
    assert machine.run("fill", 1, 7).status == OK
    machine.start()
    assert buy(buyer, machine, 1).status == OK
    assert buyer.station("claim", "--link", machine.place).status == OK
