"""Is an account that is given up paid out once and whole, with clocks that jump, an ordinary bank that is away or silent, and kills at
each step; and is it closed to everybody from then on?"""
import time
from pathlib import Path

import pytest

from kinchaku import OK, REFUSED, Uim, run
from test_charge import Years, statement, years  # noqa: F401

SETTLE = 30


@pytest.fixture
def open_years(alone, tmp_path):
    """Without a management charge."""
    made = Years(alone, tmp_path, amount="")
    yield made
    made.close()


def password(uim):
    path = Path(f"{uim.path}.password")
    if not path.exists():
        path.write_text(Path(f"{uim.path}.letter").read_text().split("password ")[1].split()[0] + "\n")
        path.chmod(0o600)
    return path


def close(years, uim, *arguments, status=OK):
    done = years.system.registrar("close", "--account", uim.account, "--password-file", password(uim), *arguments, env=years.env)
    assert done.status == status, (done, years.system.logs())
    return done


def closing(uim):
    """The row of the closing, and its pay-outs by number."""
    rows = uim.system.bank("closings").objects
    own = [row for row in rows if row.get("closing") == uim.account]
    return (own[0] if own else None), {row["payout"]: row for row in rows if "payout" in row and row["account"] == uim.account}


def await_payout(uim, number, state, seconds=20):
    for _ in range(seconds * 10):
        row = closing(uim)[1].get(number)
        if row and row["state"] == state:
            return row
        time.sleep(0.1)
    raise AssertionError((closing(uim), uim.system.logs()))


def await_closed(uim, seconds=20):
    for _ in range(seconds * 10):
        row = closing(uim)[0]
        if row and row["state"] == "closed":
            return row
        time.sleep(0.1)
    raise AssertionError((closing(uim), uim.system.logs()))


def state(uim):
    return uim.system.bank("account", uim.account).objects[0]["state"]


# shows: R-OPEN-3 R-SEC-4
def test_an_emptied_account_is_paid_out_and_closed_to_everybody(open_years):
    years, system = open_years, open_years.system
    uim, other = system.open(fund=100), system.open(fund=10)
    years.must(uim, "withdraw", 20, "--yes")
    assert close(years, uim, status=REFUSED).error == "not-empty" and state(uim) == "open"
    years.must(uim, "deposit", 20, "--yes")
    wrong = Path(f"{uim.path}.wrong")
    wrong.write_text("something else\n")
    wrong.chmod(0o600)
    done = system.registrar("close", "--account", uim.account, "--password-file", wrong, env=years.env)
    assert done.error == "wrong-password" and state(uim) == "open", done
    row = close(years, uim).json
    assert (row["amount"], row["purse_amount"], row["state"]) == ("100", "0", "closed")
    assert await_payout(uim, 1, "paid")["amount"] == "100"
    assert system.ordinary_balance(uim.ordinary) == 5000 and state(uim) == "closing"
    assert [row["amount"] for row in statement(uim, "payout")] == ["-100"]
    # Out of use for the bank, for the directory and for other purses; and said by its name.
    assert years.must(uim, "sync", status=REFUSED).error == "account-closed"
    assert [row["reason"] for row in system.bank("hotlist").objects] == ["account-closed"]
    own = [row for row in system.authority("list").objects if row["holder"] == uim.account]
    assert len(own) == 2 and all(row["revoked"] for row in own), own
    assert years.must(other, "transfer", 5, "--to", uim.account, "--from", "account", "--yes",
                      status=REFUSED).error == "account-not-open"
    # Who only named it goes on.
    years.must(other, "withdraw", 1, "--yes")
    reissue = system.registrar("reissue", "--account", uim.account, "--uim", system.base / "again.uim", "--password-file",
                               password(uim), env=years.env)
    assert reissue.error == "account-closed", reissue
    # Said again it is the same, whoever says so: the certificates are revoked once more.
    assert close(years, uim).json["due"] == row["due"]
    years.forward(SETTLE + 1)
    await_closed(uim)
    assert state(uim) == "closed" and len(closing(uim)[1]) == 1
    system.check_audit()


# shows: R-OPEN-3
def test_a_purse_that_is_not_there_is_written_off_after_the_settlement_time(open_years):
    years, system = open_years, open_years.system
    uim = system.open(fund=100)
    years.must(uim, "withdraw", 30, "--yes")
    row = close(years, uim, "--write-off").json
    assert (row["amount"], row["purse_amount"]) == ("70", "30")
    years.forward(SETTLE - 1)
    time.sleep(2)
    assert state(uim) == "closing" and not closing(uim)[1] and uim.balance() == 70
    system.check_audit()
    years.restart()
    years.forward(2)
    assert await_payout(uim, 1, "paid")["amount"] == "100"
    assert state(uim) == "closed" and system.ordinary_balance(uim.ordinary) == 5000
    totals = system.check_audit()
    assert int(totals["outside"]) == 0


# shows: R-OPEN-3
@pytest.mark.parametrize("fault", ["down", "lost", "slow"])
def test_the_ordinary_bank_is_silent_and_the_bank_is_killed(open_years, fault):
    """The pay-out is in the books before it leaves, and asked again with its number, until its end is known."""
    years, system = open_years, open_years.system
    uim = system.open(fund=100)
    system.faults(**{"down": {"down": True}, "lost": {"lose_answers": 3}, "slow": {"delay_ms": 1500}}[fault])
    close(years, uim)
    await_payout(uim, 1, "asked")
    if fault == "lost":
        time.sleep(2)
    years.restart()
    done = system.bank("audit")
    assert done.status == OK, done
    years.forward(SETTLE + 2)
    time.sleep(2)
    years.restart()
    assert closing(uim)[1][1]["amount"] == "100" and len(closing(uim)[1]) == 1
    system.faults(down=False, lose_answers=0, delay_ms=0)
    await_payout(uim, 1, "paid")
    years.restart()
    time.sleep(3)
    assert system.ordinary_balance(uim.ordinary) == 5000 and len(closing(uim)[1]) == 1
    system.check_audit()


# shows: R-OPEN-3
def test_kills_at_any_moment_of_the_closing(open_years):
    years, system = open_years, open_years.system
    uims = [system.open(fund=50) for _ in range(3)]
    years.must(uims[2], "withdraw", 20, "--yes")
    for uim, how in zip(uims, ((), ("--write-off",), ("--write-off",))):
        close(years, uim, *how)
    for days in (0, SETTLE + 1):
        years.forward(days)
        for wait in (0.0, 0.3, 0.7, 1.0, 1.3):
            time.sleep(wait)
            years.restart()
    for uim in uims:
        await_closed(uim)
        await_payout(uim, 1, "paid")
        assert system.ordinary_balance(uim.ordinary) == 5000 and len(closing(uim)[1]) == 1
    system.check_audit()


# shows: R-RENEW-1
def test_who_never_pays_is_closed_with_pay_out(years):  # noqa: F811
    system = years.system
    years.charge(close=4)
    years.restart()
    uim = system.open(fund=30)
    years.must(uim, "withdraw", 20, "--yes")
    years.forward(5)
    years.await_(uim, 1, "notified")
    years.forward(5)
    years.await_(uim, 1, "grace")
    years.forward(3)
    years.await_(uim, 1, "suspended")
    assert [(row["reason"], row["purse"]) for row in system.bank("alerts").objects] == [("suspended", uim.purse)]
    years.forward(3)
    time.sleep(2)
    assert state(uim) == "open"
    assert [row["state"] for row in system.bank("charges").objects] == ["suspended"]
    years.forward(1)
    years.await_(uim, 1, "dropped")
    assert not system.bank("charges").objects
    assert state(uim) == "closing" and closing(uim)[0]["by"] == "charge"
    assert [row["reason"] for row in system.bank("alerts").objects] == ["suspended", "account-closed"]
    assert years.must(uim, "sync", status=REFUSED).error == "account-closed"
    # The bank has the certificates revoked itself, as soon as the authority is there.
    for _ in range(200):
        if closing(uim)[0]["revoked"]:
            break
        time.sleep(0.1)
    own = [row for row in system.authority("list").objects if row["holder"] == uim.account]
    assert len(own) == 2 and all(row["revoked"] for row in own), (own, system.logs())
    assert close(years, uim).json["state"] == "closed"
    years.forward(SETTLE + 1)
    assert await_payout(uim, 1, "paid")["amount"] == "30"
    assert system.ordinary_balance(uim.ordinary) == 5000 and years.taken() == 0
    system.check_audit()


# shows: R-OPEN-3
def test_the_operator_closes_and_the_ordinary_bank_refuses(open_years):
    years, system = open_years, open_years.system
    uim = system.open(fund=40)
    assert system.bank("close", "1000000000").status == 1
    system.kill("authority")
    done = system.bank("close", uim.account)
    assert done.status == OK and done.objects[0]["state"] == "closing", done
    text = run("kinchaku-bank", "closings", "--dir", system.dir).out
    assert closing(uim)[0]["revocation"] == "pending" and "revocation pending" in text, text
    years.start()
    for _ in range(200):
        if closing(uim)[0]["revocation"] == "done":
            break
        time.sleep(0.1)
    assert closing(uim)[0]["revocation"] == "done" and closing(uim)[0]["revoked"], system.logs()
    assert "revocation" not in run("kinchaku-bank", "closings", "--dir", system.dir).out
    status, _, _ = system.http("bank", "POST", "/v1/admin/close", b'{"account": "1"}', "application/json")
    assert status == 403
    await_payout(uim, 1, "paid")
    assert closing(uim)[0]["by"] == "operator"
    text = [line for line in system.bank("account", uim.account).objects if "payout" in line]
    assert text[0]["state"] == "paid"
    system.check_audit()


def move(years, uim, path, *arguments, status=OK):
    """Again while the bank is just having the certificates of the purse before it revoked."""
    for _ in range(50):
        done = years.system.registrar("move", "--account", uim.account, "--password-file", password(uim), "--uim", path, *arguments,
                                      env=years.env)
        if done.error != "busy":
            break
        time.sleep(0.1)
    assert done.status == status, (done, years.system.logs())
    if status != OK:
        return done
    fresh = Uim(years.system, path, done.objects[0])
    fresh.ordinary = uim.ordinary
    return fresh


# shows: R-RENEW-6
def test_an_account_moves_to_a_new_uim_whose_price_paid_the_charge(years, tmp_path):  # noqa: F811
    system = years.system
    uim = system.open(fund=100)
    years.must(uim, "withdraw", 20, "--yes")
    years.forward(5)
    years.await_(uim, 1, "notified")
    path = tmp_path / "new.uim"
    # As soon as the directory has the day's revocation list.
    years.must(uim, "sync")
    assert move(years, uim, path, status=REFUSED).error == "not-empty" and not path.exists()
    years.must(uim, "deposit", 20, "--yes")
    fresh = move(years, uim, path, "--paid")
    assert fresh.account == uim.account and fresh.purse != uim.purse
    assert years.rows(uim)[1]["state"] == "paid" and years.rows(uim)[1]["source"] == "included"
    years.must(fresh, "withdraw", 30, "--yes")
    assert (fresh.balance(), fresh.value()) == (70, 30)
    assert years.must(uim, "sync", status=REFUSED).error == "purse-blocked"
    assert [row["reason"] for row in system.bank("hotlist").objects] == ["key-renewed"]
    own = [row for row in system.authority("list").objects if row["holder"] == uim.account]
    assert sorted(row["revoked"] for row in own) == [False, False, True, True], own
    # The old one is not at hand: it is lost, and waited for.
    assert system.registrar("lost", "--account", uim.account, "--purse", fresh.purse, "--password-file", password(uim),
                            env=years.env).status == OK
    assert move(years, uim, tmp_path / "third.uim", status=3).error == "settlement-time-runs"
    years.forward(SETTLE + 1)
    time.sleep(2)
    third = move(years, uim, tmp_path / "third.uim")
    assert years.must(third, "show").json["uim_amount"] == "30"
    system.check_audit()


# shows: R-RENEW-1 R-RENEW-6
def test_a_move_whose_price_would_pay_nothing_changes_nothing(open_years, tmp_path):
    years, system = open_years, open_years.system
    uim = system.open(fund=100)
    path = tmp_path / "new.uim"
    for _ in range(2):
        done = move(years, uim, path, "--paid", status=REFUSED)
        assert done.error == "not-allowed" and not list(tmp_path.glob("new.uim*")), done
    years.must(uim, "withdraw", 20, "--yes")
    years.must(uim, "deposit", 20, "--yes")
    fresh = move(years, uim, path)
    years.must(fresh, "withdraw", 30, "--yes")
    system.check_audit()


# shows: R-RENEW-6
@pytest.mark.parametrize("node", ["authority", "slapd"])
def test_a_move_that_fails_is_done_again(open_years, tmp_path, node):
    """The bank knows of the new purse, and the authority or the directory is away: nothing is lost, and the next try ends it."""
    years, system = open_years, open_years.system
    uim = system.open(fund=100)
    system.kill(node)
    path = tmp_path / "new.uim"
    done = system.registrar("move", "--account", uim.account, "--password-file", password(uim), "--uim", path, env=years.env)
    assert done.status == 3 and not path.exists(), done
    years.start()
    fresh = move(years, uim, path)
    years.must(fresh, "withdraw", 30, "--yes")
    assert (fresh.balance(), fresh.value()) == (70, 30)
    system.check_audit()


# shows: R-RENEW-1
def test_a_card_has_no_charge_and_is_not_closed(years, tmp_path):  # noqa: F811
    system = years.system
    card = tmp_path / "a.card"
    assert system.registrar("card", "--uim", card, env=years.env).status == OK
    number = run("kinchaku-station", "--json", "--uim", card, "show", env=years.env).json["account"]
    word = tmp_path / "word"
    word.write_text("anything\n")
    word.chmod(0o600)
    for verb in (("charge", "--from", "ordinary"), ("close", "--write-off"), ("move", "--uim", tmp_path / "b.card")):
        for more in ((), ("--password-file", word)):
            done = system.registrar(verb[0], "--account", number, *verb[1:], *more, env=years.env)
            assert done.error in ("not-allowed", "wrong-password"), (verb, done)
            assert verb[0] == "move" or done.error == "not-allowed", (verb, done)
    assert system.bank("close", number).error == "not-allowed"
