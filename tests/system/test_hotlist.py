"""Does the hotlist reach stations as a base and what adds to it, and from them others, while the bank is away?"""
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from kinchaku import OK, REFUSED
from meeting import Receiver, Talker, meet

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "vectors"))
import reader  # noqa: E402

from test_capture import Keys  # noqa: E402
from test_reissue import lose, secret  # noqa: E402

REALM = (1, "JPY")
STEP = 2


def numbers(record):
    """The listed numbers without their check digits, read bit by bit."""
    if record["count"] == 0:
        assert record["least"] == record["bits"] == 0 and record["listed"] == b""
        return []
    bits = "".join(f"{byte:08b}" for byte in record["listed"])
    found, at, low = [record["least"]], 0, record["bits"]
    while len(found) < record["count"]:
        end = bits.index("0", at)
        rest = bits[end + 1:end + 1 + low]
        assert len(rest) == low
        found.append(found[-1] + 1 + ((end - at) << low) + int(rest or "0", 2))
        at = end + 1 + low
    assert len(bits) - at < 8 and "1" not in bits[at:]
    return found


def asked(system, have):
    """What the bank says to who holds that base: form, version, the base it adds to, numbers."""
    status, kind, body = system.http("bank", "GET", f"/v1/hotlist?have={have}", content_type="text/plain")
    assert status == 200 and kind == "application/cose", (status, kind)
    for form in ("hotlist-base", "hotlist-delta"):
        try:
            record = reader.open_signed(body, Keys(system).sign[1], REALM, form)
        except Exception:  # it is the other one
            continue
        assert record["bank"] == 1 and record["complete"], record
        return form[8:], record["version"], record.get("base"), numbers(record)
    raise AssertionError(body.hex())


def version(uim):
    return uim.station("show").json["hotlist"]


def lost(thief, password):
    done = lose(thief, password)
    assert done.status == OK, done


@pytest.fixture
def system(alone):
    alone.configure("bank", "hotlist", step=STEP)
    alone.up()
    return alone


def rich(system, *arguments):
    uim = system.open(*arguments, balance=100, fund=100)
    uim.must("withdraw", 50, "--yes")
    return uim


# shows: R-SEC-4
def test_a_base_and_what_adds_to_it(system, tmp_path):
    password = secret(tmp_path / "password", "open sesame\n")
    thieves = [rich(system, "--password-file", password) for _ in range(5)]
    first, second, third = (rich(system) for _ in range(3))
    known = [thief.purse // 10 for thief in thieves]

    assert asked(system, 0) == ("delta", 0, 0, [])
    lost(thieves[0], password)
    # While there is no base everybody gets what adds to none.
    assert asked(system, 0) == asked(system, 7) == ("delta", 1, 0, known[:1])
    first.must("sync")
    assert version(first) == 1
    lost(thieves[1], password)
    lost(thieves[2], password)
    assert asked(system, 0) == ("base", 2, None, sorted(known[:2]))
    assert asked(system, 2) == ("delta", 3, 2, sorted(known[2:3]))
    for have in ("x", "-1", "1" * 19, "%00"):
        assert system.http("bank", "GET", f"/v1/hotlist?have={have}")[0] == 400, have
    first.must("sync")
    assert version(first) == 3
    lost(thieves[3], password)
    lost(thieves[4], password)
    second.must("sync")
    assert version(second) == 5
    # The same after the bank was killed: base and delta follow from what is in the books.
    system.kill("bank")
    system.up()
    assert asked(system, 2) == ("base", 4, None, sorted(known[:4]))
    assert asked(system, 4) == ("delta", 5, 4, sorted(known[4:]))
    system.stop("bank")
    try:
        # Offline: to who has an older base, both parts; to who has nothing, too, from payee to payer.
        for payer, payee, learner in ((second, first, first), (third, first, third)):
            trace = tmp_path / f"trace-{learner.purse}"
            paid, got = meet(payer, ("pay", 1), payee, pay=("--trace", trace))
            assert (paid.status, got.status) == (OK, OK), (paid, got)
            assert version(learner) == 5
        for thief in (thieves[0], thieves[3], thieves[4]):
            paid, got = meet(third, ("pay", 1), thief)
            assert (paid.status, paid.error) == (REFUSED, "hotlisted"), (paid, got)
    finally:
        system.resume("bank")
    system.check_audit()


# shows: R-SEC-4
def test_after_a_list_of_the_older_form_come_newer_ones(alone, tmp_path):
    """Newer than the newest base, it keeps that from being taken, and so what adds to it."""
    alone.configure("bank", "hotlist", step=3)
    alone.up()
    password = secret(tmp_path / "password", "open sesame\n")
    thieves = [alone.open("--password-file", password) for _ in range(5)]
    uim = rich(alone)

    for thief in thieves[:4]:
        lost(thief, password)
    status, _, older = alone.http("bank", "GET", "/v1/hotlist", content_type="text/plain")
    assert status == 200 and version(uim) == 0
    receiver = Receiver(uim, "--yes", link="tcp:127.0.0.1:0")
    talker = Talker.call(receiver.place)
    talker.send(older)
    talker.close()
    receiver.end()
    assert version(uim) == 4
    lost(thieves[4], password)
    assert asked(alone, 3)[:3] == ("delta", 5, 3)
    uim.must("sync")
    assert version(uim) == 5


# shows: R-SEC-4
def test_whoever_has_ended_is_listed_no_more(system, tmp_path):
    password = secret(tmp_path / "password", "open sesame\n")

    def lasts(account_ms):
        system.configure("bank", "times", account_ms=account_ms, settle_ms=500)
        system.kill("bank")
        system.up()

    lasts(6000)
    short = rich(system, "--password-file", password)
    lost(short, password)
    assert asked(system, 0) == ("delta", 1, 0, [short.purse // 10])
    lasts(86_400_000)
    long = rich(system, "--password-file", password)
    keeper = rich(system)
    keeper.must("sync")
    assert version(keeper) == 1
    listed = system.bank("hotlist").objects
    ends = datetime.fromisoformat(listed[0]["ends"].replace("Z", "+00:00")).timestamp()
    time.sleep(max(0, ends + 1 - time.time()))
    lost(long, password)
    assert asked(system, 0) == ("base", 2, None, [long.purse // 10])
    keeper.must("sync")
    assert version(keeper) == 2
    # The books have both, the newest first.
    listed = system.bank("hotlist").objects
    assert [(line["version"], line["purse"]) for line in listed] == [(2, long.purse), (1, short.purse)]
    # Nobody takes it for that: it has ended.
    paid, _ = meet(short, ("pay", 1), keeper)
    assert paid.status == REFUSED, paid
    system.check_audit()
