"""Does a machine sell to somebody who pays from his account, once for each payment, whatever is cut off or forged in between?"""
import threading

import pytest

from kinchaku import AGAIN, OK, REFUSED
from meeting import PATIENCE, Middle, Talker
from test_vendor_server import machine_purse
from vending import Machine, buy

DRINKS = [("water", 120, 50), ("tea", 150, 1)]
STOPPED = 9


@pytest.fixture(scope="module")
def people(shared):
    """A dealer, and a buyer whose UIM never held any value."""
    return shared.open(), shared.open(fund=5000)


@pytest.fixture
def machine(shared, people, tmp_path):
    dealer, buyer = people
    buyer.station("sync")
    made = Machine(tmp_path / "corner", machine_purse(shared, dealer, tmp_path / "corner.purse"), dealer.account, DRINKS)
    made.start()
    yield made
    made.stop()


def balance(uim):
    return int(uim.system.bank("account", uim.account).objects[0]["balance"])


def kept(uim):
    return sorted(uim.path.parent.glob(f"voucher-{uim.account}-*"))


def by_account(uim, machine, slot=1, *more, **options):
    return buy(uim, machine, slot, "--from", "account", *(more or ["--yes"]), **options)


def claim(uim, machine, *more):
    return uim.station("claim", "--link", machine.place, *more)


# shows: R-VEND-7
def test_a_drink_is_paid_from_the_account(people, machine):
    dealer, buyer = people
    mine, theirs = balance(buyer), balance(dealer)
    done = by_account(buyer, machine)
    assert done.status == OK, done
    assert "costs 120" in done.err and f"account {dealer.account}" in done.err
    assert (balance(buyer), balance(dealer)) == (mine - 120, theirs + 120) and buyer.value() == 0
    assert not kept(buyer)
    assert by_account(buyer, machine, 1, "--no").json["result"] == "declined"
    assert not kept(buyer) and balance(buyer) == mine - 120
    assert by_account(buyer, machine, 2).status == OK
    done = by_account(buyer, machine, 2)
    assert (done.status, done.error) == (REFUSED, "sold-out"), done
    machine.stop()
    assert machine.kinds() == ["opened", "voucher", "released", "voucher", "released"]
    assert machine.value() == 0 and balance(buyer) == mine - 270
