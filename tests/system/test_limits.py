"""Do the bank's limits, its hotlist and the log policies hold between stations while the bank is away, told by name on both sides and
with value where it was?"""
import time

import cbor2
import pytest

import forge
from kinchaku import OK, REFUSED, Proxy, run
from meeting import Middle, Receiver, meet, payments

ANY = "tcp:127.0.0.1:0"
NOBODY = "http://127.0.0.1:9"
AWAY = ("--bank", NOBODY)
LOG = 48


def rich(system, amount, *options):
    uim = system.open(*options, balance=2 * amount, fund=2 * amount)
    uim.must("withdraw", amount, "--yes")
    return uim


def shown(uim):
    return uim.station("show").json


def values(*uims):
    """What each may spend; nothing is under way."""
    rows = [shown(uim) for uim in uims]
    assert all(row["open_amount"] == "0" for row in rows), rows
    return [int(row["uim_amount"]) for row in rows]


def pays(payer, amount, payee, error=None, received=None, **more):
    """One payment that ends as told: `error` at the payer, `received` (the same when not given) at the payee; or it is taken."""
    paid, got = meet(payer, ("pay", amount), payee, **more)
    assert (paid.error, got.error) == (error, received or error), (paid, got)
    assert (paid.status, got.status) == ((REFUSED, REFUSED) if error else (OK, OK)), (paid, got)
    return paid, got


# ---- limits ----

@pytest.fixture
def limited(alone):
    alone.configure("bank", "offline", purse_most=100, payment_most=30, spend_most=70, spend_count=4)
    alone.up()
    return alone


# shows: R-XCHG-3 R-XCHG-4
def test_what_may_be_paid_without_the_bank(limited):
    payer, payee, other = rich(limited, 200), rich(limited, 1), rich(limited, 1)
    row = shown(payer)
    assert (row["payment_most"], row["spend_left"], row["count_left"], row["purse_most"]) == ("30", "70", 4, "100"), row
    limited.stop("bank")
    try:
        before = values(payer, payee)
        paid, _ = pays(payer, 31, payee, "limit-exceeded")
        assert "pay less" in paid.err and values(payer, payee) == before
        pays(payer, 30, payee)
        pays(payer, 30, payee)
        row = shown(payer)
        assert (row["spend_left"], row["count_left"]) == ("10", 2), row
        paid, _ = pays(payer, 11, payee, "contact-needed")
        assert "'sync'" in paid.err, paid
        # What the payee declines counts as well: it left the UIM.
        paid, _ = meet(payer, ("pay", 5), payee, say="--no")
        assert paid.error == "declined"
        pays(payer, 2, payee)
        row = shown(payer)
        assert (row["spend_left"], row["count_left"]) == ("3", 0), row
        pays(payer, 1, payee, "contact-needed")
        assert values(payer, payee) == [200 - 62, 63]
        # What was received is the payee's own, and so are its limits.
        pays(payee, 30, other)
        text = run("kinchaku-station", "--uim", payer.path, "show").out
        assert "may pay      3 JPY in all" in text and "may pay      0 times" in text and "may hold     100" in text, text
    finally:
        limited.resume("bank")
    payer.must("sync")
    row = shown(payer)
    assert (row["spend_left"], row["count_left"], row["uim_amount"]) == ("70", 4, "138"), row
    pays(payer, 30, other)


# shows: R-XCHG-3 R-XCHG-4
def test_what_a_uim_may_hold(limited, tmp_path):
    payer, payee, other = rich(limited, 200), rich(limited, 90), rich(limited, 1)
    pays(payer, 11, payee, "limit-exceeded")
    assert values(payer, payee) == [200, 90]
    paid, _ = pays(payer, 10, payee)
    assert values(payer, payee) == [190, 100]
    done = payee.station("receive", "--link", ANY, "--amount", 1)
    assert (done.status, done.error) == (REFUSED, "limit-exceeded") and "deposit" in done.err, done

    def promise(side, count, message):
        if count != 2:
            return message
        fields = cbor2.loads(message)
        names = [name for name, _ in forge.reader.SHAPES["payee-identity"]["fields"]]
        fields[2 + names.index("most")] = 1000
        return cbor2.dumps(fields, canonical=True)

    # Somebody in the middle promises more room than there is: the payee's station declines by itself, and the value is back.
    receiver = Receiver(payee, link=ANY)
    middle = Middle(tmp_path, receiver.place, promise)
    paid = payer.station("pay", 5, "--link", middle.place)
    received = receiver.end()
    middle.close()
    assert (paid.status, paid.error) == (REFUSED, "limit-exceeded"), paid
    assert (received.status, received.error) == (REFUSED, "limit-exceeded"), received
    assert payments(paid) == [("limit-exceeded", 5, False)] == payments(received)
    assert "back in the UIM" in paid.err and "OK or NG" not in received.err
    assert values(payer, payee) == [190, 100]
    # More by the bank is the holder's own affair, and it can pay that.
    payee.must("withdraw", 20, "--yes")
    assert payee.value() == 120
    pays(payee, 30, other)


def test_a_day_too_late(alone):
    alone.configure("bank", "offline", valid_ms=4000)
    alone.up()
    payer, payee = rich(alone, 50), rich(alone, 50)
    payer.must("sync")
    time.sleep(4.2)
    pays(payer, 1, payee, "contact-needed")
    text = run("kinchaku-station", "--uim", payer.path, "show").out
    assert "out of date" in text, text
    payer.must("sync")
    # The payee has to meet the bank as well: it tells so, and the value is back.
    before = values(payer, payee)
    paid, received = meet(payer, ("pay", 1), payee)
    assert (paid.error, received.error) in [("contact-needed", "contact-needed"), ("limit-exceeded", "contact-needed")], (
        paid, received)
    assert values(payer, payee) == before
    for uim in (payee, payer):
        uim.must("sync")
    pays(payer, 1, payee)


# ---- the hotlist ----

def signed_list(system, version, *purses, key=None):
    numbers, listed = sorted(purses), b""
    for before, number in zip([0, *numbers], numbers):
        step = number - before
        while step > 0x7F:
            listed, step = listed + bytes([0x80 | step & 0x7F]), step >> 7
        listed += bytes([step])
    bank = forge.server(system, "bank")
    fields = {"bank": 1, "version": version, "time": int(time.time() * 1000), "complete": True, "count": len(numbers),
              "listed": listed}
    return forge.sign(forge.pack("hotlist", fields), key or bank.sign, bank.id, forge.reader.SHAPES["hotlist"]["domain"])


def told(uim, system, hotlist):
    """The UIM syncs with a bank that tells this list."""
    proxy = Proxy(system.port("bank"), hotlist=hotlist)
    done = uim.must("sync", "--bank", proxy.url)
    proxy.close()
    return done.json["hotlist"]


# shows: R-SEC-4
def test_a_uim_out_of_use_is_refused_without_the_bank(shared, tmp_path):
    first, second, thief = rich(shared, 50), rich(shared, 50), rich(shared, 50)
    assert told(first, shared, None) == 0
    stranger = forge.ec.generate_private_key(forge.ec.SECP256R1())
    for data in (signed_list(shared, 9, thief.purse, key=stranger), b"no list", b"x" * 9000,
                 signed_list(shared, 9, thief.purse)[:-1]):
        assert told(first, shared, data) == 0, data
    assert told(first, shared, signed_list(shared, 3, thief.purse)) == 3
    assert told(first, shared, signed_list(shared, 2)) == 3
    shared.stop("bank")
    try:
        before = values(first, second, thief)
        # It does not let itself be told: it is declined without asking, and has its value back.
        receiver = Receiver(first, link=ANY)
        middle = Middle(tmp_path, receiver.place, lambda side, count, message: b"" if message[:2] == b"\x84\x58" else message)
        paid = thief.station("pay", 1, "--link", middle.place)
        received = receiver.end()
        middle.close()
        assert len(middle.messages) == 5 and shown(thief)["hotlist"] == 0
        assert (paid.status, paid.error) == (REFUSED, "hotlisted") and "do not deal" in paid.err, paid
        assert (received.status, received.error) == (REFUSED, "hotlisted") and "OK or NG" not in received.err, received
        assert payments(paid) == [("hotlisted", 1, False)] == payments(received)
        pays(first, 1, thief, "hotlisted")
        assert values(first, second, thief) == before
    finally:
        shared.resume("bank")


# shows: R-SEC-4
def test_a_list_goes_on_with_payments(shared, tmp_path):
    first, second, third, thief = (rich(shared, 50) for _ in range(4))
    assert told(first, shared, signed_list(shared, 4, thief.purse)) == 4
    shared.stop("bank")
    try:
        # From payer to payee, before the payment; then from payee to payer.
        trace = tmp_path / "trace"
        pays(first, 1, second, pay=("--trace", trace))
        steps = [line.split('"step": "')[1].split('"')[0] if '"step": "' in line else line for line in trace.read_text().splitlines()]
        assert len(steps) == 5 and "hotlist" in trace.read_text(), steps
        assert shown(second)["hotlist"] == 4
        pays(third, 1, second)
        assert shown(third)["hotlist"] == 4
        pays(third, 1, thief, "hotlisted")
        assert values(first, second, third, thief) == [49, 52, 49, 50]
        # Both have it: nothing is sent.
        trace.unlink()
        pays(first, 1, third, pay=("--trace", trace))
        assert "hotlist" not in trace.read_text()
        # A thief that is told about itself stops.
        pays(thief, 1, first, "hotlisted")
        assert shown(thief)["hotlist"] == 4 and values(thief) == [50]
    finally:
        shared.resume("bank")


def test_a_list_is_lost_on_the_way(shared):
    first, second = rich(shared, 50), rich(shared, 50)
    assert told(first, shared, signed_list(shared, 5)) == 5
    before = values(first, second)
    for payer, payee, lose in ((first, second, "pay"), (second, first, "receive")):
        paid, received = meet(payer, ("pay", 1), payee, **{lose: ("--lose", "hotlist")})
        assert paid.error in ("timeout", "not-reachable") and received.status != OK, (paid, received)
        assert values(first, second) == before and shown(second)["hotlist"] == 0
    pays(second, 1, first)
    assert shown(second)["hotlist"] == 5


# ---- log policies ----

def fill(payer, payee, count):
    for _ in range(count):
        paid, received = meet(payer, ("pay", 1), payee, pay=AWAY, receive=AWAY)
        assert (paid.status, received.status) == (OK, OK), (paid, received)


# shows: R-LOG-1
def test_a_full_history_refuses(shared):
    full, other = rich(shared, 100), rich(shared, 100)
    assert shown(full)["log_policy"] == "refuse" and shown(full)["log_room"] == LOG
    fill(full, other, LOG)
    other.must("sync")
    before = values(full, other)
    assert shown(full)["log_room"] == 0
    paid, received = meet(full, ("pay", 1), other)
    assert (paid.status, paid.error) == (REFUSED, "history-full") == (received.status, received.error), (paid, received)
    assert "'sync'" in paid.err
    # Its payer hears that it takes nothing, its own user why.
    paid, received = meet(other, ("pay", 1), full)
    assert (paid.status, paid.error) == (REFUSED, "limit-exceeded"), paid
    assert (received.status, received.error) == (REFUSED, "history-full"), received
    assert values(full, other) == before
    full.must("sync")
    pays(full, 1, other)
    pays(other, 1, full)


# shows: R-LOG-3
def test_a_full_history_is_reported_by_itself(shared):
    uim, other = rich(shared, 100, "--log-policy", "report"), rich(shared, 100)
    assert shown(uim)["log_policy"] == "report"
    fill(uim, other, LOG - 9)
    other.must("sync")
    # With the bank within reach it is told in good time.
    pays(uim, 1, other)
    assert shown(uim)["log_room"] == 8
    pays(uim, 1, other)
    row = shown(uim)
    assert (row["log_room"], row["not_reported"]) == (LOG, 0), row
    # Without it the history fills, refuses, and is reported before the next payment with the bank.
    other.must("sync")
    fill(other, uim, LOG)
    other.must("sync")
    paid, received = meet(uim, ("pay", 1), other, pay=AWAY)
    assert paid.error == "history-full" == received.error, (paid, received)
    pays(other, 1, uim)
    assert shown(uim)["log_room"] == LOG - 1


# shows: R-LOG-2
def test_a_full_history_is_overwritten(shared):
    uim, other = rich(shared, 100, "--log-policy", "overwrite"), rich(shared, 100)
    fill(uim, other, LOG - 1)
    fill(other, uim, 1)
    other.must("sync")
    before = values(uim, other)
    fill(uim, other, 2)
    fill(other, uim, 1)
    row = shown(uim)
    assert (row["log_room"], row["overwritten"], row["not_reported"]) == (0, 3, LOG + 3), row
    assert values(uim, other) == [before[0] - 1, before[1] + 1]
    text = run("kinchaku-station", "--uim", uim.path, "show").out
    assert "overwritten  3 of them" in text and "then: overwrite" in text, text
    assert len(uim.station("history").objects) == LOG
    # Value requests wait for the report.
    done = uim.station("withdraw", 1, "--yes", *AWAY)
    assert done.status != OK and values(uim) == [before[0] - 1], done


# shows: R-LOG-2 R-XCHG-6 R-XCHG-11
@pytest.mark.parametrize("first", ["uim", "partner"])
def test_what_was_overwritten_settles_by_the_partners_word(shared, first):
    """Receipts and a payment are lost from the history; whoever reports first, in the end both sides hold what they should."""
    uim, other = rich(shared, 100, "--log-policy", "overwrite"), rich(shared, 100)
    fill(other, uim, 3)
    fill(uim, other, LOG - 3)
    after = rich(shared, 100)
    fill(uim, after, 4)
    assert shown(uim)["overwritten"] == 4
    held = values(uim, other, after)
    assert held == [100 + 3 - 45 - 4, 100 - 3 + 45, 104]
    order = (uim, other, after, uim) if first == "uim" else (other, uim, after, uim)
    for who in order:
        who.must("sync")
    assert values(uim, other, after) == held == [purse.shadow() for purse in (uim, other, after)]
    assert shown(uim)["overwritten"] == 0 and shown(uim)["not_reported"] == 0
    uim.must("deposit", 1, "--yes")
    shared.check_audit()
