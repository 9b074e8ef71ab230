"""Do keys that the authority makes get into a UIM as the source's S1 to S11 say, whatever is lost on the way, and do they leave the authority?"""
import sqlite3
import time

import pytest

from kinchaku import AGAIN, OK, REFUSED, Stepper
from meeting import meet
from test_renew import certificates, renewed, revoked


def ready(system, uim):
    """Orders keys and waits until the UIM is told that they wait."""
    done = system.bank("renew", uim.account)
    assert done.status == OK and done.json["result"] == "ordered", done
    for _ in range(100):
        if "key_ready" in uim.must("sync").json:
            return
        time.sleep(0.1)
    raise AssertionError("no keys are ready")


def made(system, account):
    """The private keys as the authority keeps them, sealed, or None."""
    db = sqlite3.connect(system.dir / "authority" / "authority.db")
    rows = db.execute("SELECT keys FROM made WHERE account = ?", (account,)).fetchall()
    db.close()
    return rows[0][0] if rows else None


def files_hold(system, blob):
    """Whether any piece of those bytes stands in a file of the authority."""
    pieces = [blob[at:at + 24] for at in range(0, len(blob) - 24, 24)]
    content = b"".join(path.read_bytes() for path in (system.dir / "authority").iterdir() if path.is_file())
    return any(piece in content for piece in pieces)


def wait_gone(system, blob):
    for _ in range(100):
        if not files_hold(system, blob):
            return
        time.sleep(0.1)
    raise AssertionError("the private keys still stand in the authority's files")


# shows: R-RENEW-2 R-RENEW-3 R-RENEW-4 R-RENEW-5
def test_s1_to_s11(shared):
    a, b = shared.open(fund=500), shared.open(fund=100)
    a.must("withdraw", 200, "--yes")
    assert meet(a, ("pay", 30), b)[0].status == OK
    old = certificates(shared, a)
    ready(shared, a)
    assert set(certificates(shared, a).values()).isdisjoint(old.values()), "S3: the new pair is in the directory"
    assert "key_ready" in a.must("show").json and a.must("show").json["handover"] == "none"
    blob = made(shared, a.account)
    assert blob and files_hold(shared, blob)
    # The old keys work while the new ones wait, also for those who have to look them up.
    a.must("withdraw", 10, "--yes")
    assert meet(b, ("pay", 5), a)[0].status == OK
    seen = []

    def look(_, step):
        if step["step"] in ("S6", "S7", "S10"):
            seen.append((step["step"], bool(set(old.values()) & revoked(shared))))
    stepper = Stepper(shared.base, look)
    done = a.must("renew", "--by", "authority", "--trace", stepper.place)
    stepper.close()
    assert {step for step, _ in seen} == {"S6", "S7", "S10"} and not any(early for _, early in seen), seen
    assert "key_ready" not in done.json and done.json["handover"] == "none", done
    renewed(shared, a, old)
    assert made(shared, a.account) is None
    wait_gone(shared, blob)
    b.must("sync")
    assert meet(a, ("pay", 1), b)[0].status == OK and meet(b, ("pay", 1), a)[0].status == OK
    a.must("sync")
    b.must("sync")
    a.fails("no-key-ready", "renew", "--by", "authority")


# shows: R-RENEW-5 R-RENEW-7
@pytest.mark.parametrize("lost", ["identify", "identity", "request", "quote", "answer", "completion", "payment", "hotlist"])
def test_each_message_lost_and_taken_up_again(shared, lost):
    a, b = shared.open(fund=500), shared.open()
    a.must("withdraw", 100, "--yes")
    old = certificates(shared, a)
    ready(shared, a)
    blob = made(shared, a.account)
    early = lost in ("identify", "identity", "request", "quote")
    # Where only the authority's part is lost after the change, the bank's word stands in for it.
    told = lost in ("answer", "completion")
    a.must("renew", "--by", "authority", "--lose", lost, status=OK if told else AGAIN)
    if early:
        assert not set(old.values()) & revoked(shared)
    if early:
        a.must("withdraw", 10, "--yes")
    for _ in range(2):
        assert meet(a, ("pay", 7), b)[0].status == OK
    # The payee is the first to report what was signed, by whichever key.
    done = b.must("sync")
    assert not done.json.get("objections") and b.shadow() == 14, done
    if early:
        a.must("sync")
    a.must("renew", "--by", "authority")
    renewed(shared, a, old)
    wait_gone(shared, blob)


# shows: R-RENEW-4 R-RENEW-5
def test_keys_whose_time_ran_out(alone):
    alone.configure("authority", "times", keys_ms=1500)
    alone.up()
    a, b = alone.open(fund=500), alone.open(fund=500)
    for uim in (a, b):
        uim.must("withdraw", 100, "--yes")
    old = {uim: certificates(alone, uim) for uim in (a, b)}
    # A's are never asked for: their certificates go with them, and the next claim has others made.
    ready(alone, a)
    blob, first = made(alone, a.account), certificates(alone, a)
    wait_gone(alone, blob)
    for _ in range(50):
        if certificates(alone, a) == old[a]:
            break
        time.sleep(0.1)
    assert certificates(alone, a) == old[a] and set(first.values()) <= revoked(alone) and made(alone, a.account) is None
    a.must("withdraw", 10, "--yes")
    a.must("renew", "--by", "authority")
    renewed(alone, a, old[a])
    # B's were given, and the answer was lost: the authority cannot know that.
    ready(alone, b)
    b.must("renew", "--by", "authority", "--lose", "quote", status=AGAIN)
    blob, first = made(alone, b.account), certificates(alone, b)
    wait_gone(alone, blob)
    assert certificates(alone, b) == first and not set(first.values()) & revoked(alone)
    b.must("withdraw", 10, "--yes")
    b.must("renew", "--by", "authority")
    renewed(alone, b, old[b])
    assert set(first.values()) <= revoked(alone)


# shows: R-RENEW-5 R-RENEW-7
@pytest.mark.parametrize("node", ["authority", "slapd", "bank"])
def test_servers_killed_between_any_two_steps(alone, node):
    alone.up()
    a = alone.open(fund=500)
    a.must("withdraw", 100, "--yes")
    old = certificates(alone, a)
    # Before S2.
    if node != "bank":
        alone.kill(node)
    assert alone.bank("renew", a.account).status == OK
    a.must("withdraw", 10, "--yes")
    if node == "bank":
        alone.kill(node)
    else:
        assert "key_ready" not in a.must("sync").json
    alone.up()
    ready(alone, a)
    # Before the claim, before S6, before S10, before the report.
    alone.kill(node)
    assert a.station("renew", "--by", "authority").status in (AGAIN, REFUSED)
    alone.up()
    for lost in ("request", "quote"):
        a.must("renew", "--by", "authority", "--lose", lost, status=AGAIN)
        alone.kill(node)
        alone.up()
        assert not set(old.values()) & revoked(alone)
        a.must("deposit", 10, "--yes")
    a.must("renew", "--by", "authority", "--lose", "payment", status=AGAIN)
    alone.kill(node)
    alone.up()
    a.must("renew", "--by", "authority")
    renewed(alone, a, old)
    assert made(alone, a.account) is None


# shows: R-RENEW-2
def test_the_calendar_orders(alone):
    alone.configure("bank", "times", account_ms=40 * 86400000)
    alone.up()
    a = alone.open(fund=500)
    a.must("withdraw", 100, "--yes")
    old = certificates(alone, a)
    assert made(alone, a.account) is None
    alone.kill("bank")
    alone.configure("bank", "times", account_ms=400 * 86400000)
    alone.configure("bank", "renewal", before=60)
    alone.up()
    b = alone.open(fund=500)
    for _ in range(100):
        if "key_ready" in a.must("sync").json:
            break
        time.sleep(0.1)
    a.must("renew", "--by", "authority")
    renewed(alone, a, old)
    # Whose certificates last longer gets none, and neither does A again.
    time.sleep(2)
    assert "key_ready" not in b.must("sync").json and "key_ready" not in a.must("sync").json
    assert made(alone, a.account) is None and made(alone, b.account) is None


# shows: R-RENEW-6 R-RENEW-7
def test_a_renewal_that_was_cut_off_goes_on_after_the_authority_made_keys(alone):
    alone.up()
    a = alone.open(fund=500)
    a.must("withdraw", 100, "--yes")
    old = certificates(alone, a)
    alone.kill("authority")
    assert alone.bank("renew", a.account).status == OK
    assert a.must("renew", status=AGAIN).error == "authority-unavailable"
    alone.up()
    for _ in range(100):
        if "key_ready" in a.must("sync").json:
            break
        time.sleep(0.1)
    a.must("renew")
    renewed(alone, a, old)


# shows: R-RENEW-5
def test_the_other_way_in_between(shared):
    a = shared.open(fund=500)
    a.must("withdraw", 100, "--yes")
    old = certificates(shared, a)
    ready(shared, a)
    blob = made(shared, a.account)
    a.must("renew", "--by", "authority", "--lose", "quote", status=AGAIN)
    # The UIM makes its own after all: then nobody waits for the authority's.
    a.must("renew")
    renewed(shared, a, old)
    wait_gone(shared, blob)
    a.fails("no-key-ready", "renew", "--by", "authority")


# shows: R-RENEW-5 R-RENEW-7
@pytest.mark.parametrize("last", [(), ("--by", "authority")])
def test_keys_that_were_given_and_lost_again_and_again(alone, last):
    """Pairs that a UIM left for others take no place for good: a renewal does not wait until they end, years later."""
    alone.configure("authority", "times", keys_ms=1500)
    alone.up()
    a, b = alone.open(fund=500), alone.open()
    a.must("withdraw", 100, "--yes")
    old = certificates(alone, a)
    ready(alone, a)
    for _ in range(3):
        assert a.must("renew", "--by", "authority", "--lose", "quote", status=AGAIN).error == "timeout"
        wait_gone(alone, made(alone, a.account))
        assert meet(a, ("pay", 1), b)[0].status == OK
        a.must("sync")
        good = [row for row in alone.authority("list").objects if row["holder"] == a.account and not row["revoked"]]
        assert len(good) <= 6 and not set(old.values()) & revoked(alone), good
    a.must("renew", *last)
    renewed(alone, a, old)
    assert meet(a, ("pay", 1), b)[0].status == OK
    for uim in (a, b):
        uim.must("sync")
    assert b.shadow() == 4
