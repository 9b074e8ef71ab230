"""Is a purse behind PC/SC the same purse, whatever happens to the card, the reader and the readers' service?"""
import signal

import pytest

from desk import Card
from kinchaku import AGAIN, OK, REFUSED, USAGE, Uim, run
from meeting import payments


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
