"""Does money between account and UIM move once or not at all, whatever is lost, repeated, copied or forged?"""
import fcntl
import shutil
import subprocess
import time

import pytest

from kinchaku import AGAIN, OK, REFUSED, USAGE, Proxy
from meeting import Receiver

HUGE = [str(2**63), str(2**64), str(2**64 + 1), "1" * 40]


@pytest.fixture(scope="module", params=["file", "card"])
def medium(request):
    return request.param


# shows: R-CASH-1 R-CASH-4 R-CASH-5 R-CASH-6 R-DATA-5 R-NODE-6 R-NODE-7
def test_withdraw_and_deposit(shared):
    uim = shared.open(fund=1000)
    quote = uim.must("withdraw", 100, text="y\n").err
    assert "Taro Yamada" in quote and "1000 -> 900" in quote and "0 -> 100" in quote, quote
    assert uim.both() == (900, 100)
    quote = uim.must("deposit", 40, text="y\n").err
    assert "900 -> 940" in quote and "100 -> 60" in quote, quote
    assert uim.both() == (940, 60)
    shown = uim.station("show").json
    assert shown["state"] == "ready" and shown["account_amount"] == "940" and shown["uim_amount"] == "60"
    assert shown["account"] == uim.account and shown["sequence"] == 4


# shows: R-DATA-2 R-DATA-6
def test_the_bank_s_record_of_a_uim(shared):
    uim = shared.open(fund=500)
    uim.must("withdraw", 200, "--yes")
    uim.must("deposit", 50, "--yes")
    record = shared.bank("purse", uim.purse).objects[0]
    assert record["account"] == uim.account and record["value"] == "150"
    assert record["access_account"] == "350" and record["access_value"] == "150"
    assert record["access_time"] > "2020" and record["value_time"] > "2020"
    kinds = [(row["kind"], row["state"], row["amount"]) for row in shared.bank("purse", uim.purse).objects[1:]]
    assert ("withdraw", "completed", "200") in kinds and ("deposit", "completed", "50") in kinds
    history = uim.station("history").objects
    assert [(row["kind"], row["amount"]) for row in history] == [("cash-out", "50")]


# shows: R-CASH-7
def test_no_changes_nothing_and_is_kept_as_evidence(shared):
    uim = shared.open(fund=100)
    done = uim.must("withdraw", 10, "--no")
    assert done.json["result"] == "declined" and uim.both() == (100, 0)
    done = uim.must("deposit", 0, "--no", status=REFUSED)
    assert done.error == "amount-zero"
    uim.must("withdraw", 30, "--yes")
    done = uim.must("deposit", 10, "--no")
    assert done.json["result"] == "declined" and uim.both() == (70, 30) and uim.state() == "ready"
    evidence = shared.bank("evidence", uim.purse).objects
    assert sum(row["kind"] == "answer" for row in evidence) == 3, evidence


@pytest.mark.parametrize("verb", ["withdraw", "deposit", "fund", "redeem"])
def test_amounts_that_are_none(shared, verb):
    uim = shared.open(fund=50)
    for amount in ("-1", "1.5", "1e3", "", "x", "0x10", "1 ", "+1"):
        done = uim.station("--yes", verb, "--", amount) if amount.startswith("-") else uim.station(verb, amount)
        assert done.status in (USAGE, REFUSED) and done.error in ("amount-malformed", None), (amount, done)
    uim.fails("amount-zero", verb, 0)
    for amount in HUGE:
        uim.fails("amount-too-large", verb, amount)


# shows: R-CASH-4
def test_more_than_there_is(shared):
    uim = shared.open(fund=100)
    uim.fails("insufficient-account", "withdraw", 101, "--yes")
    uim.fails("insufficient-value", "deposit", 1, "--yes")
    uim.fails("insufficient-account", "redeem", 101)
    uim.fails("insufficient-account", "withdraw", 2**63 - 1, "--yes")
    uim.fails("no-ability-to-pay", "fund", 4901)
    uim.must("withdraw", 100, "--yes")
    uim.fails("insufficient-value", "deposit", 101, "--yes")
    assert uim.both() == (0, 100)


# shows: R-CASH-11
def test_fund_and_redeem(shared):
    uim = shared.open(balance=700)
    uim.must("fund", 700)
    assert uim.both() == (700, 0) and shared.ordinary_balance(uim.ordinary) == 0
    uim.must("redeem", 650)
    assert uim.both() == (50, 0) and shared.ordinary_balance(uim.ordinary) == 650


# shows: R-CASH-8 R-CASH-9
@pytest.mark.parametrize("lost", ["request", "quote", "answer", "completion"])
@pytest.mark.parametrize("verb", ["withdraw", "deposit"])
@pytest.mark.parametrize("then", ["sync", "next", "other"])
def test_a_lost_message_and_the_next_contact(shared, lost, verb, then):
    uim = shared.open(fund=1000)
    uim.must("withdraw", 500, "--yes")
    done = uim.must(verb, 100, "--yes", "--lose", lost, status=AGAIN)
    assert done.error == "timeout" and ("not completed" in done.err or "sync" in done.err), done
    booked = lost == "completion"
    sign = 1 if verb == "withdraw" else -1
    if then == "sync":
        uim.must("sync")
    else:
        uim.must("withdraw" if (then == "next") == (verb == "withdraw") else "deposit", 1, "--yes")
    account, value = 500, 500
    if booked:
        account, value = account - 100 * sign, value + 100 * sign
    if then != "sync":
        step = 1 if (then == "next") == (verb == "withdraw") else -1
        account, value = account - step, value + step
    assert uim.both() == (account, value) and uim.shadow() == value and uim.state() == "ready"


# shows: R-CASH-8
def test_an_answer_after_the_expiry_books_nothing(alone):
    alone.configure("bank", "times", quote_ms=700)
    alone.up()
    uim = alone.open(fund=1000)
    uim.must("withdraw", 100, "--yes")
    proxy = Proxy(alone.port("bank"), change=lambda n, reply: (time.sleep(1.2) if n == 1 else None, reply)[1])
    done = uim.must("deposit", 60, "--yes", "--bank", proxy.url, status=AGAIN)
    assert done.error == "not-completed", done
    assert uim.both() == (900, 100) and uim.state() == "ready" and uim.shadow() == 100
    assert [row["state"] for row in alone.bank("purse", uim.purse).objects[1:] if row["kind"] == "deposit"] == [
        "not-completed"]
    proxy.close()
    alone.check_audit()


def stored_state(system, kind):
    """The state of the newest transaction of this kind, as it stands in the database (5: not completed)."""
    number = {"withdraw": 1, "deposit": 2}[kind]
    query = f"SELECT state FROM transactions WHERE kind = {number} ORDER BY time DESC LIMIT 1"
    return int(subprocess.run(["sqlite3", str(system.dir / "bank" / "bank.db"), query], capture_output=True, text=True,
                              check=True).stdout)


def test_a_quote_nobody_answers_is_not_completed_after_its_time(alone):
    alone.configure("bank", "times", quote_ms=500)
    alone.up()
    uim = alone.open(fund=1000)
    uim.must("withdraw", 100, "--yes", "--lose", "quote", status=AGAIN)
    for _ in range(100):
        if stored_state(alone, "withdraw") == 5:
            break
        time.sleep(0.1)
    assert stored_state(alone, "withdraw") == 5
    rows = alone.bank("purse", uim.purse).objects[1:]
    assert [row["state"] for row in rows if row["kind"] == "withdraw"] == ["not-completed"], rows


# shows: R-CASH-2 R-CASH-3 R-DATA-9 R-SEC-2
def test_repeats_and_replays(shared):
    uim = shared.open(fund=1000)
    proxy = Proxy(shared.port("bank"))
    uim.must("withdraw", 100, "--yes", "--bank", proxy.url)
    for _ in range(3):
        for request in list(proxy.requests):
            status, kind, reply = shared.http("bank", "POST", "/v1/message", request)
            assert (status, kind) == (200, "application/cose") and len(reply) > 100
    assert uim.both() == (900, 100)
    uim.must("deposit", 50, "--yes", "--bank", proxy.url)
    outcomes = [shared.http("bank", "POST", "/v1/message", request)[0] for request in proxy.requests]
    assert set(outcomes) <= {200, 409}, outcomes
    assert uim.both() == (950, 50) and uim.shadow() == 50
    uim.must("withdraw", 1, "--yes")
    proxy.close()
    shared.check_audit()


# shows: R-SEC-2
def test_a_reply_that_was_changed_on_the_way_is_not_taken(shared):
    uim = shared.open(fund=1000)
    for place in (20, -20, 200):
        for target in (1, 2):
            def change(number, reply, target=target, place=place):
                if number != target:
                    return reply
                return reply[:place] + bytes([reply[place] ^ 1]) + reply[place + 1:] if place > 0 else (
                    reply[:place] + bytes([reply[place] ^ 1]) + reply[place + 1:])
            proxy = Proxy(shared.port("bank"), change)
            done = uim.station("withdraw", 100, "--yes", "--bank", proxy.url)
            assert done.status in (REFUSED, AGAIN), done
            proxy.close()
            before = uim.both()
            assert before[1] % 100 == 0
            uim.must("sync")
            assert sum(uim.both()) == 1000 and uim.value() == uim.shadow()


def test_a_reply_to_somebody_else_is_not_taken(shared):
    first, second = shared.open(fund=1000), shared.open(fund=1000)
    keep = Proxy(shared.port("bank"))
    first.must("withdraw", 100, "--yes", "--bank", keep.url)
    swap = Proxy(shared.port("bank"), lambda number, reply: keep.replies[number - 1])
    done = second.station("withdraw", 100, "--yes", "--bank", swap.url)
    assert done.status in (REFUSED, AGAIN) and second.both() == (1000, 0), done
    again = Proxy(shared.port("bank"), lambda number, reply: keep.replies[-1])
    done = first.station("withdraw", 100, "--yes", "--bank", again.url)
    assert done.status in (REFUSED, AGAIN), done
    first.must("sync")
    assert first.both() == (900, 100)
    for proxy in (keep, swap, again):
        proxy.close()


# shows: R-CASH-6 R-SEC-2
def test_a_purse_restored_from_an_old_copy(shared, tmp_path):
    uim = shared.open(fund=1000)
    uim.must("withdraw", 300, "--yes")
    shutil.copy(uim.path, tmp_path / "copy")
    uim.must("deposit", 200, "--yes")
    shutil.copy(tmp_path / "copy", uim.path)
    assert uim.value() == 300
    balance = uim.balance()
    done = uim.must("deposit", 200, "--yes", status=REFUSED)
    assert done.error == "copied-or-restored" and uim.balance() == balance, done
    alerts = [row for row in shared.bank("alerts").objects if row["purse"] == uim.purse]
    assert len(alerts) == 1 and alerts[0]["reason"] == "copied-or-restored", alerts
    for verb in (("withdraw", 1, "--yes"), ("deposit", 1, "--yes"), ("sync",)):
        assert uim.station(*verb).error in ("purse-blocked", "copied-or-restored")
    assert shared.bank("purse", uim.purse).objects[0]["state"] == "blocked"


def test_an_old_copy_of_a_withdrawal_gains_nothing(shared, tmp_path):
    uim = shared.open(fund=1000)
    shutil.copy(uim.path, tmp_path / "before")
    uim.must("withdraw", 100, "--yes")
    shutil.copy(tmp_path / "before", uim.path)
    uim.station("sync")
    uim.station("withdraw", 100, "--yes")
    assert uim.balance() + uim.shadow() == 1000 and uim.value() <= uim.shadow()


# shows: R-SEC-2
def test_pin(shared, tmp_path):
    pin = tmp_path / "pin"
    pin.write_text("493817\n")
    pin.chmod(0o600)
    uim = shared.open("--pin-file", pin)
    uim.must("fund", 100, "--pin-file", pin)
    wrong = {"KINCHAKU_PIN": "000000"}
    for left in (2, 1):
        uim.fails("pin-wrong", "withdraw", 10, "--yes", env=wrong)
        assert uim.station("show").json["pin_tries"] == left
    uim.must("withdraw", 10, "--yes", "--pin-file", pin)
    assert uim.station("show").json["pin_tries"] == 3
    for _ in range(3):
        uim.station("sync", env=wrong)
    uim.fails("pin-blocked", "withdraw", 10, "--yes", "--pin-file", pin)
    assert uim.both() == (90, 10)


def test_change_of_pin(shared, tmp_path):
    uim = shared.open(fund=10)
    new = tmp_path / "new"
    new.write_text("864209\n")
    new.chmod(0o600)
    uim.must("pin", new)
    uim.fails("pin-wrong", "withdraw", 1, "--yes")
    uim.must("withdraw", 1, "--yes", "--pin-file", new)


def test_station_needs_a_pin(shared):
    uim = shared.open(fund=10)
    (uim.path.parent / (uim.path.name + ".letter")).unlink()
    uim.fails("pin-required", "withdraw", 1, "--yes", text="")
    assert uim.station("show").status == OK


def test_two_stations_on_one_uim(shared):
    uim = shared.open(fund=10)
    if shared.desk is None:
        with open(uim.path, "rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            done = uim.station("show")
    else:
        receiver = Receiver(uim, link="tcp:127.0.0.1:0")
        done = uim.station("show")
        receiver.kill()
    assert (done.status, done.error) == (AGAIN, "in-use"), done
    uim.must("withdraw", 10, "--yes")
