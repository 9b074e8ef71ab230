"""Does a lost purse stop, for the bank and for whoever has the hotlist, and does its holder get a new one with what is left?"""
import json
import shutil
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from kinchaku import AGAIN, OK, REFUSED, USAGE, Stepper, Uim
from meeting import meet, payments

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "vectors"))
import reader  # noqa: E402

from test_capture import Keys  # noqa: E402

REALM = (1, "JPY")
SETTLE_MS = 4000


def secret(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


def listed(system):
    """The hotlist as everybody gets it: version, complete, purses."""
    status, kind, body = system.http("bank", "GET", "/v1/hotlist", content_type="text/plain")
    assert status == 200 and kind == "application/cose", (status, kind)
    assert system.http("bank", "GET", "/v1/hotlist")[2] == body
    record = reader.open_signed(body, Keys(system).sign[1], REALM, "hotlist")
    purses, number, shift, last = [], 0, 0, 0
    for byte in record["listed"]:
        number |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            last += number
            purses.append(last)
            number, shift = 0, 0
    assert record["bank"] == 1 and record["count"] == len(purses) and shift == 0
    assert purses == sorted(set(purses)) and abs(record["time"] / 1000 - time.time()) < 600
    return record["version"], record["complete"], purses


def copied(uim, path):
    """The same UIM once more, and its letter, so that it can be used."""
    shutil.copy(f"{uim.path}.letter", f"{path}.letter")
    return Uim(uim.system, shutil.copy(uim.path, path), {"account": uim.account, "purse": uim.purse})


def row(uim):
    return uim.system.bank("purse", uim.purse).objects[0]


def rich(system, amount, *arguments, left=0):
    uim = system.open(*arguments, balance=5000, fund=amount + left)
    if amount:
        uim.must("withdraw", amount, "--yes")
    return uim


def give(payer, amount, payee):
    paid, taken = meet(payer, ("pay", amount), payee)
    assert payments(paid)[-1][:2] == ("paid", amount), (paid, taken)


def lose(uim, password):
    return uim.system.registrar("lost", "--account", uim.account, "--purse", uim.purse, "--password-file", password)


def reissue(uim, password, path, *arguments):
    return uim.system.registrar("reissue", "--account", uim.account, "--password-file", password, "--uim", path, *arguments)


def reissue_not_busy(uim, password, path, *arguments):
    """What else it says: two seconds behind a report the bank asks the authority about the account, and is busy with that."""
    for _ in range(100):
        done = reissue(uim, password, path, *arguments)
        if done.error != "busy":
            break
        time.sleep(0.05)
    return done


def wait_until_due(uim, password, path, *arguments):
    """Asks until the settlement time is over, which must not be earlier than the bank says."""
    for _ in range(200):
        done = reissue_not_busy(uim, password, path, *arguments)
        if done.status == OK:
            return done
        assert done.status == AGAIN and done.error == "settlement-time-runs", done
        time.sleep(0.1)
    raise AssertionError("the settlement time does not end")


@pytest.fixture
def system(alone):
    alone.configure("bank", "times", settle_ms=SETTLE_MS, crl_ms=300)
    alone.up()
    return alone


# shows: R-SEC-4 R-XCHG-8 R-LOG-2
def test_lost_and_issued_anew(system, tmp_path):
    password = secret(tmp_path / "password", "open sesame\n")
    old = rich(system, 200, "--password-file", password, "--log-policy", "report", left=60)
    early, late, friend = rich(system, 0), rich(system, 0), rich(system, 50)
    assert listed(system) == (0, True, []) and system.bank("hotlist").objects == []
    give(old, 30, early)
    give(old, 45, late)
    give(friend, 20, old)
    assert row(old)["log_policy"] == "report" and row(old)["out_reason"] == "-"

    # Only the holder can say so; then everything of the old purse ends at once.
    assert lose(old, secret(tmp_path / "wrong", "guess\n")).error == "wrong-password"
    assert reissue(old, password, tmp_path / "new.uim").error == "out-of-order"
    assert not (tmp_path / "new.uim").exists() and not (tmp_path / "new.uim.letter").exists()
    assert lose(friend, password).error == "wrong-password" and row(friend)["state"] == "active"
    before = time.monotonic()
    done = lose(old, password)
    assert done.status == OK and done.json["state"] == "blocked", (done, system.logs())
    assert lose(old, password).status == OK
    shown = row(old)
    assert (shown["state"], shown["out_reason"]) == ("blocked", "reported-lost") and shown["out_time"] != "-"
    assert listed(system) == (1, True, [old.purse])
    assert [(line["version"], line["purse"], line["reason"]) for line in system.bank("hotlist").objects] == [
        (1, old.purse, "reported-lost")]
    finder = copied(old, tmp_path / "found.uim")
    assert finder.station("sync").error == "reported-lost"
    assert finder.state() == "blocked" and finder.station("withdraw", 5, "--yes").error == "purse-blocked"

    # Too early, and the bank says until when; a late record is booked as any.
    done = reissue_not_busy(old, password, tmp_path / "new.uim")
    assert done.status == AGAIN and done.error == "settlement-time-runs", done
    due, out = (datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (done.objects[0]["due"], shown["out_time"]))
    assert round((due - out).total_seconds() * 1000) == SETTLE_MS
    early.must("sync")
    assert early.both() == (0, 30) and old.shadow() == 170

    done = wait_until_due(old, password, tmp_path / "new.uim", "--log-policy", "overwrite", "--suite", "rs2048")
    assert time.monotonic() - before >= SETTLE_MS / 1000 - 1
    assert done.json["account"] == old.account and done.json["purse"] != old.purse, done
    letter = Path(f"{tmp_path}/new.uim.letter").read_text()
    assert letter.startswith("PIN ") and "password" not in letter
    new = Uim(system, tmp_path / "new.uim", done.json)
    assert new.both() == (60, 170) and new.shadow() == 170 and old.shadow() == 0
    assert row(new)["log_policy"] == "overwrite" and row(new)["state"] == "active"
    new.must("withdraw", 10, "--yes")
    assert new.both() == (50, 180)
    assert lose(old, password).error == "purse-blocked"
    assert new.must("sync") and new.both() == (50, 180)
    assert finder.station("sync").error in ("purse-blocked", "reported-lost")

    # Late records of the old purse: what it paid comes from the account, what it was paid goes there.
    late.must("sync")
    assert late.both() == (0, 45) and new.balance() == 5 and new.both() == (5, 180)
    friend.must("sync")
    assert friend.both() == (0, 30) and new.balance() == 25
    give(new, 7, early)
    give(late, 5, new)
    for uim in (early, late, new):
        assert uim.must("sync").json is not None
    assert (new.value(), new.shadow(), old.shadow()) == (178, 178, 0)
    assert (early.both(), late.both()) == ((0, 37), (0, 40))
    assert system.bank("alerts").objects == [] and listed(system) == (1, True, [old.purse])
    system.kill("bank")
    system.up()
    assert listed(system) == (1, True, [old.purse])
    assert new.must("sync") and new.value() == 178
    totals = system.check_audit()
    assert totals["claims"] == "0" and totals["in_flight"] == "0", totals


# shows: R-SEC-4
def test_what_the_account_does_not_reach_for_is_owed(system, tmp_path):
    password = secret(tmp_path / "password", "open sesame\n")
    old = rich(system, 100, "--password-file", password, left=10)
    shop = rich(system, 0)
    give(old, 80, shop)
    assert lose(old, password).status == OK
    new = Uim(system, tmp_path / "new.uim", wait_until_due(old, password, tmp_path / "new.uim").json)
    assert new.both() == (10, 100)
    shop.must("sync")
    assert shop.both() == (0, 80)
    assert new.balance() == 0 and row(new)["owed"] == "70" and new.shadow() == 30 and old.shadow() == 0
    system.check_audit()


# shows: R-SEC-4
def test_a_new_uim_that_cannot_be_written_is_taken_back(system, tmp_path):
    password = secret(tmp_path / "password", "open sesame\n")
    old = rich(system, 100, "--password-file", password)
    assert lose(old, password).status == OK
    wait = Uim(system, tmp_path / "one.uim", wait_until_due(old, password, tmp_path / "one.uim").json)
    assert wait.both() == (0, 100)
    # The authority is away: nothing of the next one stays.
    assert lose(wait, password).status == OK
    time.sleep(SETTLE_MS / 1000)
    system.kill("authority")
    done = reissue(wait, password, tmp_path / "two.uim")
    assert (done.status, done.error) == (AGAIN, "authority-unavailable"), done
    assert not list(tmp_path.glob("two.uim*"))
    system.up()
    done = reissue(wait, password, tmp_path / "two.uim")
    assert done.status == OK, (done, system.logs())
    two = Uim(system, tmp_path / "two.uim", done.json)
    assert two.both() == (0, 100)
    two.must("deposit", 100, "--yes")
    assert two.both() == (100, 0)
    assert listed(system) == (2, True, sorted([old.purse, wait.purse]))
    system.check_audit()


# shows: R-SEC-4
@pytest.mark.parametrize("at", [0, 1])
def test_two_registrars_issue_at_once(system, tmp_path, at):
    """One of them is overtaken by the other at a step: exactly one new UIM comes out of it, and it works."""
    password = secret(tmp_path / "password", "open sesame\n")
    old = rich(system, 100, "--password-file", password)
    assert lose(old, password).status == OK
    time.sleep(SETTLE_MS / 1000)
    other = []

    def at_step(number, _):
        if number == at:
            other.append(wait_until_due(old, password, tmp_path / "second.uim"))

    stepper = Stepper(tmp_path, at_step)
    first = reissue(old, password, tmp_path / "first.uim", "--trace", stepper.place)
    stepper.close()
    assert first.status == REFUSED and other and not list(tmp_path.glob("first.uim*")), (first, other)
    new = Uim(system, tmp_path / "second.uim", other[0].json)
    time.sleep(0.5)
    assert new.both() == (0, 100)
    new.must("sync")
    new.must("deposit", 100, "--yes")
    assert new.both() == (100, 0)
    system.check_audit()


# shows: R-SEC-4
def test_a_proof_lists_a_purse(system, tmp_path):
    password = secret(tmp_path / "password", "open sesame\n")
    uim = rich(system, 100, "--password-file", password)
    copy = copied(uim, tmp_path / "copy.uim")
    uim.must("deposit", 10, "--yes")
    assert listed(system) == (0, True, [])
    assert copy.station("sync").error == "copied-or-restored"
    assert row(uim)["state"] == "blocked" and row(uim)["out_reason"] == "copied-or-restored"
    assert listed(system) == (1, True, [uim.purse])
    assert len(system.bank("alerts").objects) == 1
    assert system.http("bank", "POST", "/v1/hotlist")[0] == 405
    # Its certificates were never revoked; they give way to those of the new one.
    new = Uim(system, tmp_path / "new.uim", wait_until_due(uim, password, tmp_path / "new.uim").json)
    assert new.both() == (10, 90)
    new.must("deposit", 90, "--yes")
    assert new.both() == (100, 0) and copy.station("sync").error == "purse-blocked"
    system.check_audit()


# shows: R-LOG-1 R-LOG-2 R-LOG-3
def test_the_policy_of_a_purse(system, tmp_path):
    table = tmp_path / "people.csv"
    names = [system.ordinary_account() for _ in range(2)]
    lines = [f"Taro,A,T,{name},{tmp_path}/{name}.uim,es256,{policy}" for name, policy in zip(names, ("overwrite", "never"))]
    table.write_text("\n".join(lines) + "\n")
    done = system.registrar("bulk", "--file", table)
    assert [line["result"] for line in done.objects] == ["ok", "malformed"], done
    uim = Uim(system, tmp_path / f"{names[0]}.uim", done.objects[0])
    assert row(uim)["log_policy"] == "overwrite"
    changed = system.bank("purse", uim.purse, "--log-policy", "report")
    assert changed.status == OK and changed.objects[0]["log_policy"] == "report", changed
    uim.must("fund", 10)
    assert row(uim)["log_policy"] == "report"
    assert system.bank("purse", uim.purse, "--log-policy", "never").status == USAGE
    assert system.bank("stats", "--log-policy", "report").status == USAGE
    assert system.bank("purse", 10000008, "--log-policy", "report").error == "unknown-purse"
    # Nobody else gives orders.
    order = json.dumps({"purse": str(uim.purse), "log-policy": "refuse"}).encode()
    place = ("bank", "POST", "/v1/admin/log-policy", order, "application/json")
    token = (system.dir / "bank" / "admin.token").read_text().strip()
    assert (system.dir / "bank" / "admin.token").stat().st_mode & 0o777 == 0o600
    for wrong in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {token}x"}, {"Authorization": "Bearer "}):
        assert system.http(*place, wrong)[0] == 403
    good = {"Authorization": f"Bearer {token}"}
    assert system.http(*place[:3], b"[1]", "application/json", good)[0] == 400
    assert system.http(*place[:3], b"", "application/json", good)[0] == 400
    assert row(uim)["log_policy"] == "report"
    assert system.http(*place, good)[0] == 200 and row(uim)["log_policy"] == "refuse"
    system.kill("bank")
    assert system.bank("purse", uim.purse, "--log-policy", "report").status == AGAIN
    system.up()
    system.check_audit()
