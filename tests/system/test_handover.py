"""Do keys that the authority makes get into a UIM as the source's S1 to S11 say, whatever is lost on the way, and do they leave the authority?"""
import sqlite3
import time

import pytest

from kinchaku import AGAIN, OK, Stepper
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
