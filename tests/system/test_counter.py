"""Do a UIM's keys change over to new ones at the counter, also when their certificates have ended, for its holder alone, and does
what is lost or cut on the way leave one working key?"""
import shutil
import time

import pytest

from kinchaku import AGAIN, OK, REFUSED, USAGE, Proxy, Stepper, System
from meeting import meet
from test_charge import Years
from test_close import password, state
from test_renew import certificates, renewed, revoked

ACCOUNT_DAYS = 20


def at_counter(uim, *arguments, env=None, secret=None, path=None, status=OK):
    done = uim.system.registrar("renew", "--uim", path or uim.path, "--password-file", secret or password(uim), *arguments,
                                env=env)
    assert done.status == status, (done, uim.system.logs())
    return done


def secret_file(path, text):
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def ending(alone, tmp_path):
    """Certificates of accounts last twenty days."""
    alone.configure("bank", "times", account_ms=ACCOUNT_DAYS * 86_400_000)
    made = Years(alone, tmp_path, amount="")
    yield made
    made.close()


def counter_soon(years, uim, *arguments, status=OK, **more):
    """As soon as the bank has the day's revocation list."""
    for _ in range(100):
        done = uim.system.registrar("renew", "--uim", uim.path, "--password-file", password(uim), *arguments, env=years.env, **more)
        if done.status != 3 or status == 3:
            break
        time.sleep(0.2)
    assert done.status == status, (done, uim.system.logs())
    return done


def renewed_then(years, uim, old):
    """As `renewed`, for stations whose clock is moved."""
    new = certificates(years.system, uim)
    assert set(new) == {True, False} and not set(new.values()) & set(old.values())
    before = uim.both()
    years.must(uim, "withdraw", 10, "--yes")
    years.must(uim, "deposit", 10, "--yes")
    assert uim.both() == before
    years.system.check_audit()


# shows: R-RENEW-6
def test_renewed_at_the_counter_while_the_old_key_is_good(shared):
    a = shared.open(fund=500)
    a.must("withdraw", 200, "--yes")
    old = certificates(shared, a)
    done = at_counter(a)
    assert done.json == {"account": a.account, "uim": str(a.path), "result": "completed"}, done
    renewed(shared, a, old)
    # The registrar's word on each message is evidence.
    kinds = [row["kind"] for row in shared.bank("evidence", a.purse).objects if "kind" in row]
    assert "counter-request" in kinds, kinds


# shows: R-RENEW-6 R-RENEW-7 R-SEC-2
def test_a_key_whose_certificate_has_ended(ending):
    a, b = ending.system.open(fund=500), ending.system.open(fund=10)
    ending.must(a, "withdraw", 200, "--yes")
    assert meet(a, ("pay", 30), b)[0].status == OK
    old = certificates(ending.system, a)
    ending.forward(ACCOUNT_DAYS + 1)
    # It cannot help itself: neither with what it did nor with new keys.
    for verb in ("sync", "renew"):
        assert ending.must(a, verb, status=REFUSED).error == "certificate-expired", verb
    counter_soon(ending, a)
    assert a.value() == 170 and a.shadow() == 170
    renewed_then(ending, a, old)
    # The other one's holder stays away: nothing of it counts.
    assert ending.must(b, "sync", status=REFUSED).error == "certificate-expired"


# shows: R-RENEW-6 R-SEC-4
def test_who_is_not_the_holder(shared, tmp_path):
    a, b = shared.open(fund=100), shared.open(fund=100)
    old = certificates(shared, a)
    before = shared.bank("evidence", a.purse).objects
    wrong = at_counter(a, secret=secret_file(tmp_path / "wrong", "something else"), status=REFUSED)
    assert wrong.error == "wrong-password"
    # B brings A's UIM, with his own password.
    assert at_counter(a, secret=password(b), status=REFUSED).error == "wrong-password"
    assert shared.registrar("renew", "--uim", a.path).status == USAGE
    assert shared.registrar("renew", "--password-file", password(a)).status == USAGE
    # Who has the password but not the PIN.
    assert at_counter(a, "--pin-file", secret_file(tmp_path / "pin", "0000000"), status=REFUSED).error == "pin-wrong"
    after = [row for row in shared.bank("evidence", a.purse).objects if row.get("kind") == "counter-request"]
    assert not after and before is not None and certificates(shared, a) == old
    at_counter(a)
    renewed(shared, a, old)


# shows: R-RENEW-6 R-SEC-4
def test_closed_lost_and_moved(shared, tmp_path):
    a, b, c = (shared.open() for _ in range(3))
    closing = shared.registrar("close", "--account", a.account, "--password-file", password(a))
    assert closing.status == OK and state(a) != "open", closing
    assert at_counter(a, status=REFUSED).error == "account-closed"
    assert shared.registrar("lost", "--account", b.account, "--purse", b.purse, "--password-file", password(b)).status == OK
    assert at_counter(b, status=REFUSED).error == "reported-lost"
    kept = tmp_path / "old.uim"
    shutil.copy(c.path, kept)
    shutil.copy(f"{c.path}.letter", f"{kept}.letter")
    moved = shared.registrar("move", "--account", c.account, "--uim", tmp_path / "new.uim", "--password-file", password(c))
    assert moved.status == OK, moved
    assert at_counter(c, path=kept, status=REFUSED).error == "purse-blocked"
    assert not any(set(certificates(shared, uim).values()) for uim in (a, b))


# shows: R-RENEW-6
def test_a_registrar_of_another_bank(shared, tmp_path):
    """It answers for its own bank alone, whatever bank the UIM is of; nothing is asked of anybody."""
    other = System(tmp_path)
    other.init("--bank", "7")
    other.up()
    a = shared.open()
    old = certificates(shared, a)
    done = other.registrar("renew", "--uim", a.path, "--password-file", password(a))
    other.down()
    assert (done.status, done.error) == (REFUSED, "wrong-domain") and certificates(shared, a) == old, done


# shows: R-RENEW-6 R-RENEW-7
@pytest.mark.parametrize("ended", [False, True])
def test_each_message_lost_and_taken_up_again(ending, ended):
    """The registrar's requests and the UIM's in turn, and the answers to them: after each loss `renew` ends it."""
    system = ending.system
    config = system.dir / "registrar" / "registrar.ini"
    text = config.read_text()
    url = f"http://127.0.0.1:{system.port('bank')}"
    assert url in text, text
    lost = 1
    while True:
        ending.show(0)
        a = system.open(fund=500)
        ending.must(a, "withdraw", 100, "--yes")
        old = certificates(system, a)
        if ended:
            ending.forward(ACCOUNT_DAYS + 1)
        proxy = Proxy(system.port("bank"), lambda count, reply, n=lost: None if count == n else reply)
        config.write_text(text.replace(url, proxy.url))
        done = system.registrar("renew", "--uim", a.path, "--password-file", password(a), env=ending.env)
        config.write_text(text)
        count = len(proxy.requests)
        proxy.close()
        if done.status == OK and count < lost:
            assert lost > 6, (count, lost)
            return
        # Where a connection that was used before ends without an answer, the client sends the same once more by itself.
        assert done.status in (OK, AGAIN), (lost, done)
        if done.status == AGAIN:
            counter_soon(ending, a)
        assert a.value() == 100 and a.shadow() == 100
        renewed_then(ending, a, old)
        lost += 1


# shows: R-RENEW-6 R-RENEW-7
@pytest.mark.parametrize("node", ["authority", "slapd", "bank"])
def test_servers_away_in_the_middle(ending, node):
    system = ending.system
    a = system.open(fund=500)
    ending.must(a, "withdraw", 100, "--yes")
    old = certificates(system, a)
    ending.forward(ACCOUNT_DAYS + 1)

    def cut(_, step):
        if step["step"] == "Sr1":
            system.kill(node)
    stepper = Stepper(system.base, cut)
    done = system.registrar("renew", "--uim", a.path, "--password-file", password(a), "--trace", stepper.place, env=ending.env)
    stepper.close()
    assert done.status != OK, done
    ending.start()
    counter_soon(ending, a)
    renewed_then(ending, a, old)
    if node == "authority":
        assert not set(certificates(system, a).values()) & revoked(system)


# shows: R-RENEW-6 R-SEC-4
def test_what_was_revoked_is_not_renewed(ending):
    system = ending.system
    a = system.open(fund=100)
    done = system.authority("revoke", "--account", a.account)
    assert done.status == OK, done
    assert system.registrar("renew", "--uim", a.path, "--password-file", password(a), env=ending.env).status != OK
    ending.forward(ACCOUNT_DAYS + 1)
    done = counter_soon(ending, a, status=REFUSED)
    assert done.error in ("certificate-revoked", "unknown-signer"), done


# shows: R-RENEW-1 R-RENEW-6
def test_a_suspended_account_gets_keys_and_stays_suspended(alone, tmp_path):
    years = Years(alone, tmp_path)
    a = alone.open()
    old = certificates(alone, a)
    for days, step in ((5, "notified"), (5, "grace"), (3, "suspended")):
        years.forward(days)
        years.await_(a, 1, step)
    counter_soon(years, a)
    new = certificates(alone, a)
    assert new and not set(new.values()) & set(old.values())
    assert years.rows(a)[1]["state"] == "suspended"
    assert years.must(a, "withdraw", 1, "--yes", status=REFUSED).error == "suspended"
    # Again is fine: each time there are others.
    counter_soon(years, a)
    assert not set(certificates(alone, a).values()) & set(new.values())
    years.close()
