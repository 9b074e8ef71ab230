"""Do the bank's keys roll over under purses that were there before, online and offline, and does nothing but the bank's own word do it?"""
import shutil

import pytest

from kinchaku import OK, REFUSED, AGAIN, System, run
from meeting import meet, payments


def roll(system, *arguments):
    done = system.kinchaku("roll", *arguments)
    assert done.status == OK, done


def roll_over(system, *arguments):
    system.down()
    roll(system, *arguments)
    system.up()


def record(system, number):
    return (system.dir / "bank" / f"roll-{number}.cose").read_bytes()


def served(system, after=None):
    status, _, body = system.http("bank", "GET", "/v1/roll" + ("" if after is None else f"?after={after}"))
    return status, body


def rich(system, amount=500):
    uim = system.open(balance=2 * amount, fund=2 * amount)
    uim.must("withdraw", amount, "--yes")
    return uim


# shows: R-SEC-2 R-NODE-3
def test_a_purse_learns_the_banks_new_keys_when_it_comes(alone):
    alone.up()
    uim = rich(alone)
    other = rich(alone)
    assert served(alone)[0] == 404
    roll_over(alone)
    assert served(alone) == (200, record(alone, 1)) == served(alone, 0)
    assert served(alone, 1)[0] == 404
    uim.must("withdraw", 10, "--yes")
    uim.must("deposit", 20, "--yes")
    other.must("sync")
    fresh = rich(alone, 100)
    assert uim.both() == (510, 490)
    # Each of them pays each other one, whatever key signed its identity.
    for payer, payee in ((uim, other), (other, fresh), (fresh, uim)):
        paid, received = meet(payer, ("pay", 5), payee)
        assert (paid.status, received.status) == (OK, OK), (paid, received)
    for one in (uim, other, fresh):
        one.must("sync")
    assert [one.both() for one in (uim, other, fresh)] == [(510, 490), (500, 500), (100, 100)]
    alone.check_audit()


# shows: R-SEC-2 R-SEC-4
def test_a_purse_that_was_away_learns_them_from_another_one(alone):
    alone.up()
    away = rich(alone)
    here = rich(alone)
    third = rich(alone)
    roll_over(alone)
    here.must("sync")
    fresh = rich(alone)
    alone.down()
    # As payer and as payee, from one that learned it at the bank and from one that was personalised after it.
    for payer, payee in ((away, here), (fresh, third), (third, away), (away, fresh)):
        paid, received = meet(payer, ("pay", 7), payee)
        assert (paid.status, received.status) == (OK, OK), (paid, received)
    alone.up()
    for uim in (away, here, third, fresh):
        uim.must("sync")
    alone.check_audit()
