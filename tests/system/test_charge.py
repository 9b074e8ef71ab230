"""Is the management charge told to the user before it is taken, taken once by what was told, and missed, suspended and paid as the
books say - with clocks that jump, banks that are away, and kills at each step?"""
import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from kinchaku import OK, program, run

BUILD = Path(program("kinchaku")).parents[2]
DAY = 86_400_000


class Years:
    """A system whose servers and stations look at a clock that a test moves."""

    def __init__(self, system, folder, **charge):
        self.system, self.folder, self.at = system, folder, 0
        self.shown = folder / "clock"
        # The loader takes a blank or a colon in LD_PRELOAD for the end of a path.
        self.plain = Path(tempfile.mkdtemp(prefix="kc-clock-", dir="/tmp"))
        shutil.copy(BUILD / "tests/system/clock.so", self.plain)
        self.env = {"LD_PRELOAD": str(self.plain / "clock.so"), "KINCHAKU_TEST_CLOCK": str(self.shown),
                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        self.show(0)
        self.charge(**{"amount": 12, "first_due": 10, "period": 30, "notice": 5, "grace": 3, **charge})
        # The list of the day is there soon after the clock jumped.
        system.configure("authority", "times", crl_ms=500)
        system.configure("bank", "times", crl_ms=500)
        self.start()

    def charge(self, **values):
        self.system.configure("bank", "charge", **values)

    def start(self):
        done = run("kinchaku", "up", "--faults", "--dir", self.system.dir, env=self.env, timeout=120)
        assert done.status == OK, (done, self.system.logs())

    def restart(self, node="bank"):
        self.system.kill(node)
        self.start()

    def show(self, days):
        self.at = days
        new = self.shown.with_suffix(".new")
        new.write_text(f"{days * DAY}\n")
        new.rename(self.shown)

    def forward(self, days):
        self.show(self.at + days)

    def close(self):
        shutil.rmtree(self.plain)

    def must(self, uim, *arguments, status=OK):
        """As soon as the bank has the day's revocation list."""
        done = uim.station(*arguments, env=self.env)
        for _ in range(100):
            if done.status != 3:
                break
            time.sleep(0.2)
            done = uim.station(*arguments, env=self.env)
        assert done.status == status, (done, self.system.logs())
        return done

    def told(self, uim):
        """What the station shows after it met the bank: state and amount."""
        row = self.must(uim, "sync").json
        assert row == {**row, **self.must(uim, "show").json} or "result" in row
        return (row["charge"], int(row["charge_amount"])) if "charge" in row else None

    def rows(self, uim):
        return {row["charge"]: row for row in self.system.bank("account", uim.account).objects if "charge" in row}

    def await_(self, uim, period, state, seconds=20):
        """Until the bank's own scheduler has brought it there."""
        for _ in range(seconds * 10):
            row = self.rows(uim).get(period)
            if row and row["state"] == state:
                return row
            time.sleep(0.1)
        raise AssertionError((self.rows(uim), self.system.logs()))

    def taken(self):
        stats = self.system.bank("stats").json
        assert int(stats["charges"]) <= int(stats["fees"])
        return int(stats["charges"])


@pytest.fixture
def years(alone, tmp_path):
    made = Years(alone, tmp_path)
    yield made
    made.close()


def statement(uim, kind):
    return [row for row in uim.system.bank("account", uim.account, "--statement").objects if row["kind"] == kind]


# shows: R-RENEW-1
def test_a_charge_is_told_and_then_taken_once(years):
    system = years.system
    uim = system.open(fund=100)
    years.must(uim, "withdraw", 20, "--yes")
    assert years.told(uim) is None and years.rows(uim)[1]["state"] == "ahead"
    years.forward(5)
    row = years.await_(uim, 1, "notified")
    assert (row["amount"], row["told"]) == ("12", "")
    assert years.told(uim) == ("notified", 12) and years.rows(uim)[1]["told"] != ""
    # Both forms name the day on which it is due.
    shown = uim.station("show", env=years.env).json
    text = run("kinchaku-station", "--uim", uim.path, "show", env=years.env).out
    assert shown["charge_due"] == row["due"] and f"12 JPY for the account on {row['due']}" in text
    assert uim.balance() == 80 and [row["state"] for row in system.bank("charges").objects] == ["notified"]
    years.forward(5)
    years.await_(uim, 1, "paid")
    years.restart()
    time.sleep(2)
    assert uim.balance() == 68 and years.told(uim) is None and years.taken() == 12
    assert [row["amount"] for row in statement(uim, "charge")] == ["-12"]
    assert years.rows(uim)[2]["state"] == "ahead"
    assert system.check_audit()["fees"] == "12"
    years.must(uim, "withdraw", 1, "--yes")


# shows: R-RENEW-1
def test_what_was_told_is_taken_after_the_amount_changed(years):
    uim = years.system.open(fund=100)
    years.forward(5)
    years.await_(uim, 1, "notified")
    assert years.told(uim) == ("notified", 12)
    years.charge(amount=40, notice=1, period=60)
    years.restart()
    years.forward(5)
    years.await_(uim, 1, "paid")
    assert uim.balance() == 88
    years.forward(55)
    assert years.await_(uim, 2, "ahead")["amount"] == "-"
    years.forward(4)
    years.await_(uim, 2, "notified")
    assert years.told(uim) == ("notified", 40)
    # No charges from now on: what was told before is taken, and nothing else.
    years.charge(amount="")
    years.restart()
    years.forward(1)
    years.await_(uim, 2, "paid")
    years.forward(200)
    time.sleep(3)
    assert uim.balance() == 48 and years.taken() == 52 and years.told(uim) is None
    years.system.check_audit()


# shows: R-RENEW-1
def test_down_time_over_several_periods(years):
    """The period that was told is charged once, those that nobody was told of are not, and the next one is told in time."""
    told, untold = (years.system.open(fund=100) for _ in range(2))
    years.system.bank("account", untold.account, "--charge", "paid")
    years.forward(5)
    years.await_(told, 1, "notified")
    years.system.kill("bank")
    years.forward(5 + 90)
    years.start()
    years.await_(told, 1, "paid")
    row = years.await_(told, 5, "ahead")
    assert set(years.rows(told)) == {1, 5} and told.balance() == 88
    # The other one's second period came and went, and the third; the one after it is put off, so that it is told in time.
    assert years.await_(untold, 4, "notified")["due"] > row["notified"] and untold.balance() == 100
    years.forward(4)
    time.sleep(2)
    assert untold.balance() == 100
    years.forward(1)
    years.await_(untold, 4, "paid")
    assert (told.balance(), untold.balance(), years.taken()) == (88, 88, 24)
    # Years ahead, where accounts have come to their end, nothing is taken; and nothing twice when the clock is back.
    for days in (4000, 100):
        years.show(days)
        time.sleep(3)
    assert (told.balance(), untold.balance(), years.taken()) == (88, 88, 24)
    years.system.check_audit()


# shows: R-RENEW-1
def test_who_does_not_pay_is_suspended_until_he_does(years):
    system = years.system
    uim, other = system.open(fund=30), system.open(fund=200)
    years.must(uim, "withdraw", 25, "--yes")
    years.forward(5)
    years.await_(uim, 1, "notified")
    years.forward(5)
    years.await_(uim, 1, "grace")
    assert years.told(uim) == ("grace", 12)
    years.must(uim, "deposit", 1, "--yes")
    years.must(uim, "withdraw", 1, "--yes")
    years.forward(3)
    assert years.await_(uim, 1, "suspended")["reason"] == "insufficient-account"
    stats = system.bank("stats").json
    assert (stats["charges_suspended"], stats["charges_in_grace"], stats["charges"]) == (1, 0, "12")
    assert years.told(uim) == ("suspended", 12)
    text = run("kinchaku-station", "--uim", uim.path, "show", env=years.env).out
    assert "suspended    12 JPY were due" in text and "it pays nobody before the charge is paid\n" in text and "run 'sync'" not in text, text
    for words in (("withdraw", 1, "--yes"), ("transfer", 1, "--to", other.account, "--from", "account", "--yes"),
                  ("transfer", 1, "--to", other.account, "--from", "uim", "--yes")):
        assert years.must(uim, *words, status=1).error == "suspended"
    assert uim.both() == (5, 25)
    # What goes home and what comes in is not stopped; what does not reach lifts nothing.
    years.must(uim, "redeem", 2)
    years.must(uim, "deposit", 3, "--yes")
    assert years.must(uim, "withdraw", 1, "--yes", status=1).error == "suspended" and uim.both() == (6, 22)
    years.must(other, "transfer", 10, "--to", uim.account, "--from", "account", "--yes")
    assert uim.balance() == 4 and years.rows(uim)[1]["state"] == "paid"
    assert years.told(uim) is None
    years.must(uim, "withdraw", 4, "--yes")
    assert uim.both() == (0, 26) and years.taken() == 24
    system.check_audit()


def ordinary(years, uim):
    done = years.system.bank("account", uim.account, "--charge", "ordinary")
    assert done.status == OK, done
    years.forward(5)
    years.await_(uim, 1, "notified")


# shows: R-RENEW-1
def test_from_the_ordinary_bank_account(years):
    system = years.system
    uim = system.open(fund=100)
    ordinary(years, uim)
    assert years.told(uim) == ("notified", 12)
    years.forward(5)
    assert years.await_(uim, 1, "paid")["source"] == "ordinary"
    assert uim.balance() == 100 and system.ordinary_balance(uim.ordinary) == 4888 and years.taken() == 12
    assert not statement(uim, "charge")
    system.check_audit()
    # Nothing left there: grace, a new order each day, and then it comes from what is put into the account.
    years.must(uim, "fund", 4885)
    years.forward(25)
    years.await_(uim, 2, "notified")
    years.forward(5)
    assert years.await_(uim, 2, "grace")["reason"] == "no-ability-to-pay"
    years.forward(1)
    time.sleep(3)
    assert system.ordinary_balance(uim.ordinary) == 3 and years.rows(uim)[2]["state"] == "grace"
    years.must(uim, "fund", 1)
    assert years.rows(uim)[2]["state"] == "paid" and uim.balance() == 100 + 4885 + 1 - 12
    system.check_audit()


# shows: R-RENEW-1
@pytest.mark.parametrize("fault", ["down", "lost", "slow"])
def test_the_ordinary_bank_is_in_doubt_and_the_bank_is_killed(years, fault):
    """The order is in the books before it leaves, and asked again with its number, until its end is known."""
    system = years.system
    uim = system.open(fund=100)
    ordinary(years, uim)
    system.faults(**{"down": {"down": True}, "lost": {"lose_answers": 3}, "slow": {"delay_ms": 1500}}[fault])
    years.forward(5)
    years.await_(uim, 1, "asked")
    if fault == "lost":
        time.sleep(2)
    years.restart()
    years.forward(2)
    time.sleep(2)
    years.restart()
    system.check_audit()
    system.faults(down=False, lose_answers=0, delay_ms=0)
    years.await_(uim, 1, "paid")
    years.restart()
    time.sleep(3)
    assert (uim.balance(), system.ordinary_balance(uim.ordinary), years.taken()) == (100, 4888, 12)
    system.check_audit()


# shows: R-RENEW-1
def test_kills_at_any_moment_of_the_day(years):
    """Notice and charge of several accounts, while the bank is killed again and again: each is told and charged once."""
    system = years.system
    uims = [system.open(fund=50) for _ in range(3)]
    for uim in uims[1:2]:
        assert system.bank("account", uim.account, "--charge", "ordinary").status == OK
    for period in (1, 2):
        for days in (5, 5) if period == 1 else (25, 5):
            years.forward(days)
            for wait in (0.0, 0.3, 0.7, 1.0, 1.3):
                time.sleep(wait)
                years.restart()
            time.sleep(2)
        for uim in uims:
            years.await_(uim, period, "paid")
    assert [uim.balance() for uim in uims] == [26, 50, 26]
    assert system.ordinary_balance(uims[1].ordinary) == 5000 - 50 - 24 and years.taken() == 72
    system.check_audit()


# shows: R-RENEW-1
def test_included_in_a_sale(years, tmp_path):
    system = years.system
    uim = system.open(fund=100)
    password = tmp_path / "password"
    password.write_text(Path(f"{uim.path}.letter").read_text().split("password ")[1].split()[0] + "\n")
    password.chmod(0o600)
    account = ("charge", "--account", uim.account)
    for wrong in ((), ("--paid", "--from", "account"), ("--from", "nowhere"), ("--from", "included")):
        assert system.registrar(*account, *wrong).status == 2
    for _ in range(2):
        done = system.registrar(*account, "--from", "included", "--password-file", password)
        assert done.status == OK and done.json["charge"] == "included", done
        done = system.registrar(*account, "--paid")
        assert done.status == OK and done.json["charge"] == "paid", done
    assert set(years.rows(uim)) == {1, 2}
    assert (years.rows(uim)[1]["source"], years.rows(uim)[1]["state"]) == ("included", "paid")
    years.forward(35)
    years.await_(uim, 2, "notified")
    assert years.told(uim) == ("notified", 12)
    assert system.bank("account", uim.account, "--charge", "paid").status == OK
    assert years.told(uim) is None
    years.forward(10)
    time.sleep(2)
    assert uim.balance() == 100 and years.taken() == 0
    assert system.bank("account", uim.account, "--charge", "never").status == 2
    assert system.bank("account", "1000000000", "--charge", "paid").status == 1
    status, _, _ = system.http("bank", "POST", "/v1/admin/charge", b'{"account": "1", "charge": "paid"}', "application/json")
    assert status == 403
    system.check_audit()
