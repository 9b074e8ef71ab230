"""Is a purse behind PC/SC the same purse, whatever happens to the card, the reader and the readers' service?"""
import pytest


@pytest.fixture(scope="module")
def medium():
    return "card"


# shows: R-NODE-10
def test_a_card_is_written_and_used(shared):
    uim = shared.open(fund=1000)
    uim.must("withdraw", 100, "--yes")
    assert uim.both() == (900, 100)
