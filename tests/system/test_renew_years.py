"""Do both renewals of a UIM's keys come to their end when its clock and the servers' are a year apart, when a year goes by between
two steps, and with RSA keys?"""
import pytest

from kinchaku import AGAIN, OK, Uim
from meeting import meet
from test_charge import DAY, Years
from test_handover import made, ready, wait_gone
from test_renew import certificates, renewed

YEAR = 365


class Dated(Uim):
    """A UIM whose station looks at a clock of its own, so many days off the real one."""

    clock = None

    @property
    def env(self):
        return {**super().env, **({**self.years.env, "KINCHAKU_TEST_CLOCK": str(self.clock)} if self.clock else {})}

    def show(self, days):
        new = self.clock.with_suffix(".new")
        new.write_text(f"{days * DAY}\n")
        new.rename(self.clock)


@pytest.fixture
def years(alone, tmp_path):
    made_ = Years(alone, tmp_path, amount=0)
    yield made_
    made_.close()


def dated(years, *arguments, days=0):
    opened = years.system.open(*arguments, fund=500)
    uim = Dated(years.system, opened.path, {"account": opened.account, "purse": opened.purse})
    uim.years, uim.clock = years, opened.path.with_suffix(".clock")
    uim.must("withdraw", 100, "--yes")
    uim.show(days)
    return uim


# shows: R-RENEW-5 R-RENEW-6
@pytest.mark.parametrize("suite", ["rs2048", "rs3072"])
@pytest.mark.parametrize("by", ["purse", "authority"])
def test_rsa_keys(shared, by, suite):
    a, b = shared.open("--suite", suite, fund=500), shared.open(fund=500)
    for uim in (a, b):
        uim.must("withdraw", 100, "--yes")
    assert meet(a, ("pay", 7), b)[0].status == OK
    old = certificates(shared, a)
    how = ("--by", "authority") if by == "authority" else ()
    if how:
        ready(shared, a)
        blob = made(shared, a.account)
    a.must("renew", *how, "--lose", "quote", status=AGAIN)
    assert meet(b, ("pay", 3), a)[0].status == OK
    a.must("sync")
    a.must("renew", *how)
    renewed(shared, a, old)
    if how:
        assert made(shared, a.account) is None
        wait_gone(shared, blob)
    # Under the new key, with a partner who met the old one and has what it signed.
    assert meet(a, ("pay", 5), b)[0].status == OK and meet(b, ("pay", 2), a)[0].status == OK
    for uim in (a, b):
        done = uim.must("sync")
        assert not done.json.get("objections"), done
    assert (a.shadow(), b.shadow()) == (93, 107)


# shows: R-RENEW-5 R-RENEW-7
@pytest.mark.parametrize("days", [YEAR, -YEAR])
@pytest.mark.parametrize("by", ["purse", "authority"])
def test_the_stations_clock_is_a_year_off(years, by, days):
    system, a = years.system, dated(years, days=days)
    old = certificates(system, a)
    how = ("--by", "authority") if by == "authority" else ()
    if how:
        ready(system, a)
    a.station("renew", *how, "--lose", "answer")
    # Set right in between, as a user does who sees the date.
    a.show(0)
    a.must("renew", *how)
    renewed(system, a, old)
    second = certificates(system, a)
    a.show(days)
    if how:
        ready(system, a)
    a.must("renew", *how)
    renewed(system, a, second)


# shows: R-RENEW-4 R-RENEW-5 R-RENEW-7
@pytest.mark.parametrize("lost", [None, "request", "quote"])
def test_a_year_goes_by_between_two_steps(years, lost):
    system, a = years.system, dated(years)
    old = certificates(system, a)
    ready(system, a)
    if lost:
        a.must("renew", "--by", "authority", "--lose", lost, status=AGAIN)
    blob = made(system, a.account)
    years.show(YEAR)
    a.show(YEAR)
    # By then the authority has the private keys no more; the old ones are good for another year.
    wait_gone(system, blob)
    years.must(a, "withdraw", 10, "--yes")
    years.must(a, "renew", "--by", "authority")
    renewed(system, a, old)


# shows: R-RENEW-5 R-RENEW-7
@pytest.mark.parametrize("lost", ["quote", "answer", "completion"])
def test_a_year_goes_by_in_the_purses_own(years, lost):
    system, a = years.system, dated(years)
    old = certificates(system, a)
    a.must("renew", "--lose", lost, status=AGAIN)
    years.show(YEAR)
    a.show(YEAR)
    years.must(a, "renew")
    renewed(system, a, old)
