"""Are the certificates of a purse out of use revoked without anybody's doing, however long the authority was away when it was reported?"""
import json
import time

import pytest

from between import Between
from kinchaku import AGAIN, OK, Uim
from test_close import password
from test_cmp import post
from test_cmp_bank import Dropping, rich
from test_cmp_other import USE
from test_directory import WRITER, ldap, secret as directory_secret
from test_reissue import lose, reissue, row
from test_renew import certificates, revoked, wait_revoked


def speak(system, protocol):
    for node in ("registrar", "bank"):
        system.configure(node, "authority", protocol=protocol)


def wait_row(uim, **wanted):
    """Until the bank shows that of the purse."""
    for _ in range(300):
        found = row(uim)
        if all(found[name] == value for name, value in wanted.items()):
            return found
        time.sleep(0.1)
    raise AssertionError((found, wanted))


def wait_tried(uim, tries):
    for _ in range(300):
        found = row(uim)
        if found["revocation_tries"] >= tries:
            return found
        time.sleep(0.1)
    raise AssertionError(found)


def owed(system):
    return system.bank("audit").objects[-1]["revocations_owed"]


# shows: R-SEC-4 R-RENEW-5 R-NODE-2 R-NODE-3
@pytest.mark.parametrize("protocol", ["kinchaku", "cmp"])
@pytest.mark.parametrize("bank", ["goes on", "begins anew"])
def test_lost_while_the_authority_is_away(alone, protocol, bank):
    """In the middle of a renewal, so that the directory shows the new pair and the purse has the old one."""
    speak(alone, protocol)
    alone.up()
    uim = rich(alone)
    both = set(certificates(alone, uim).values())
    uim.must("renew", "--lose", "quote", status=AGAIN)
    both |= set(certificates(alone, uim).values())
    assert len(both) == 4 and row(uim)["revocation"] == "-" and owed(alone) == 0
    alone.kill("authority")
    assert lose(uim, password(uim)).status == AGAIN
    found = wait_tried(uim, 1)
    assert (found["state"], found["revocation"], found["revocation_reason"]) == ("blocked", "pending", "authority-unavailable"), found
    assert found["revocation_owed"] >= found["out_time"] and owed(alone) == 1
    alone.check_audit()
    if bank == "begins anew":
        alone.kill("bank")
    alone.up()
    wait_revoked(alone, both)
    wait_row(uim, revocation="done", revocation_reason="-")
    assert owed(alone) == 0
    log = alone.log("bank")
    assert log.count(f"out of use revoked purse={uim.purse}") == 1 and log.count("out of use not revoked") == 1, log
    assert lose(uim, password(uim)).status == OK
    alone.check_audit()


class Deaf(Between):
    """Between the bank and the authority: carries what the bank asks, and keeps the answer to itself while it is deaf; with `second`
    by CMP only what it says of a second certificate."""

    def __init__(self, system, path, second=False):
        self.system, self.path, self.second = system, path, second
        self.deaf, self.kept = False, 0
        super().__init__(self.carry)

    def carry(self, body, kind):
        reply = post(self.system, body, kind, self.path)
        use = USE.search(body)
        if self.deaf and (not self.second or (use and not use[1][0] & 0x80)):
            self.kept += 1
            return None
        return reply


class Liar(Between):
    """Between the bank and the authority: carries what the bank asks, or answers by itself with what it was told to, or holds it."""

    def __init__(self, system):
        self.system, self.lie, self.asked, self.held, self.last = system, None, 0, [], None
        self.before = None  # called once, before something is carried
        super().__init__(self.carry)

    def carry(self, body, kind):
        before, self.before = self.before, None
        if before:
            before()
            return post(self.system, body, kind, "/v1/message")
        if self.lie == "hold":
            self.held.append((body, kind))
            time.sleep(5)
            return None
        if self.lie:
            self.asked += 1
            return self.lie
        self.last = post(self.system, body, kind, "/v1/message")
        return self.last

    def says(self, word):
        self.lie = (404, "application/json", json.dumps({"error": word}).encode())


# shows: R-SEC-4 R-NODE-2
def test_what_somebody_else_says_is_no_word_of_the_authority(alone):
    """Whatever answers at its address, as a server does that does not know the path."""
    between = Liar(alone)
    alone.configure("bank", "authority", url=between.url)
    try:
        alone.up()
        uim = rich(alone)
        old = set(certificates(alone, uim).values())
        alone.kill("authority")
        between.says("not-found")
        assert lose(uim, password(uim)).status == AGAIN
        found = wait_tried(uim, 2)
        assert (found["revocation"], found["revocation_reason"]) == ("pending", "authority-unavailable") and owed(alone) == 1, found
        assert between.asked >= 2 and "no word of the authority reason=not-found" in alone.log("bank")
        between.lie = None
        alone.up()
        wait_revoked(alone, old)
        wait_row(uim, revocation="done")
    finally:
        between.close()


# shows: R-SEC-4 R-NODE-2
def test_a_directory_without_the_authority_is_no_word_of_it(alone):
    alone.up()
    uim = rich(alone)
    old = set(certificates(alone, uim).values())
    alone.kill("authority")
    assert lose(uim, password(uim)).status == AGAIN
    gone = ldap(alone, "ldapdelete", "cn=authority,ou=servers,o=kinchaku", name=WRITER, password=directory_secret(alone))
    assert gone.returncode == 0, gone
    found = wait_tried(uim, row(uim)["revocation_tries"] + 2)
    assert (found["revocation"], found["revocation_reason"]) == ("pending", "authority-unavailable"), found
    alone.up()
    wait_revoked(alone, old)
    wait_row(uim, revocation="done")


# shows: R-SEC-4 R-RENEW-5 R-OPEN-7
@pytest.mark.parametrize("word", ["unsigned", "played back"])
def test_a_late_pair_is_asked_for_until_the_authority_itself_answers(alone, tmp_path, word):
    """Where a pair that it does not know is no reason to go on: of the old purse, when the next one is there."""
    between = Liar(alone)
    alone.configure("bank", "authority", url=between.url)
    try:
        alone.up()
        uim = alone.open(fund=100)
        secret, first, moved = password(uim), set(certificates(alone, uim).values()), []
        uim.must("renew")
        wait_revoked(alone, first)
        played = between.last  # the answer about these

        def move():
            moved.append(alone.registrar("move", "--account", uim.account, "--uim", tmp_path / "b.uim", "--password-file", secret))
            if word == "unsigned":
                between.says("mismatch")
            else:
                between.lie = played

        between.before = move
        done = uim.station("renew")
        assert moved[0].status == OK and done.error == "purse-blocked", (moved, done, alone.logs())
        found = wait_tried(uim, 2)
        assert (found["revocation"], found["revocation_reason"]) == ("pending", "authority-unavailable"), found
        if word == "played back":
            assert "no word of the authority reason=replayed" in alone.log("bank")
        between.lie = None
        wait_row(uim, revocation="done")
        assert len(revoked(alone)) == 6
        fresh = Uim(alone, tmp_path / "b.uim", moved[0].objects[0])
        fresh.must("withdraw", 30, "--yes")
        alone.check_audit()
    finally:
        between.close()


# shows: R-SEC-4 R-OPEN-7
def test_what_was_asked_about_the_old_purse_and_comes_late_spares_the_next(alone, tmp_path):
    """Held up on the way until the next purse has its keys; the bank had stopped waiting."""
    between = Liar(alone)
    alone.configure("bank", "authority", url=between.url)
    alone.configure("bank", "times", settle_ms=100)
    try:
        alone.up()
        uim = rich(alone)
        secret, old = password(uim), set(certificates(alone, uim).values())
        between.lie = "hold"
        assert lose(uim, secret).status == OK and old <= revoked(alone)
        wait_tried(uim, 1)
        between.lie = None
        for _ in range(100):
            done = reissue(uim, secret, tmp_path / "b.uim")
            if done.status == OK:
                break
            time.sleep(0.05)
        assert done.status == OK and between.held, done
        fresh = Uim(alone, tmp_path / "b.uim", done.objects[0])
        for body, kind in between.held:
            post(alone, body, kind, "/v1/message")
        assert "refused reason=expired" in alone.log("authority")
        wait_row(uim, revocation="done")
        assert not set(certificates(alone, fresh).values()) & revoked(alone)
        fresh.must("deposit", 10, "--yes")
        alone.check_audit()
    finally:
        between.close()


# shows: R-SEC-4 R-NODE-2
def test_an_authority_that_takes_and_says_nothing_is_waited_for_once_a_try(alone):
    """By CMP, where there is a request for each of two certificates: who waits keeps others from the directory."""
    between = Liar(alone)
    alone.configure("bank", "authority", url=between.url)
    speak(alone, "cmp")
    try:
        alone.up()
        uim = rich(alone)
        between.lie = "hold"
        assert lose(uim, password(uim)).status == OK
        assert wait_tried(uim, 1)["revocation_reason"] == "authority-unavailable"
        assert len(between.held) == 1
    finally:
        between.close()


# shows: R-SEC-4 R-RENEW-5 R-RENEW-2
def test_keys_that_the_bank_never_heard_of(alone):
    """Made by the authority for the purse, or certified for it: what it said of them was lost."""
    between = Deaf(alone, "/v1/message")
    alone.configure("bank", "authority", url=between.url)
    try:
        alone.up()
        uim, made = rich(alone), rich(alone)
        old = set(certificates(alone, uim).values()) | set(certificates(alone, made).values())
        between.deaf = True
        uim.must("renew", status=AGAIN)
        assert alone.bank("renew", made.account).status == OK
        for _ in range(100):
            shown = set(certificates(alone, uim).values()) | set(certificates(alone, made).values())
            if len(shown - old) == 4:
                break
            time.sleep(0.1)
        assert len(shown - old) == 4
        alone.kill("authority")
        for one in (uim, made):
            assert lose(one, password(one)).status == AGAIN
        between.deaf = False
        alone.up()
        wait_revoked(alone, old | shown)
        for one in (uim, made):
            wait_row(one, revocation="done")
        alone.check_audit()
    finally:
        between.close()


# shows: R-SEC-4 R-RENEW-5 R-NODE-2
def test_keys_that_the_bank_never_heard_of_by_cmp(alone):
    """It has no numbers of them: the directory shows them."""
    between = Deaf(alone, "/cmp", second=True)
    speak(alone, "cmp")
    alone.configure("bank", "authority", url=between.url)
    try:
        alone.up()
        uim = rich(alone)
        old = set(certificates(alone, uim).values())
        between.deaf = True
        uim.must("renew", status=AGAIN)
        assert between.kept > 0
        shown = set(certificates(alone, uim).values())
        assert len(shown - old) == 2
        alone.kill("authority")
        assert lose(uim, password(uim)).status == AGAIN
        between.deaf = False
        alone.up()
        wait_revoked(alone, old | shown)
        wait_row(uim, revocation="done")
        alone.check_audit()
    finally:
        between.close()


# shows: R-SEC-4 R-RENEW-5 R-OPEN-7
@pytest.mark.parametrize("protocol", ["kinchaku", "cmp"])
def test_a_pair_that_comes_when_the_next_purse_is_there(alone, tmp_path, protocol):
    """The old one asked for it before the account was moved; it alone ends."""
    between = Dropping(alone, "/cmp" if protocol == "cmp" else "/v1/message")
    speak(alone, protocol)
    alone.configure("bank", "authority", url=between.url)
    try:
        alone.up()
        uim = alone.open(fund=100)
        secret, old, moved = password(uim), set(certificates(alone, uim).values()), []

        def move():
            moved.append(alone.registrar("move", "--account", uim.account, "--uim", tmp_path / "b.uim", "--password-file", secret))

        between.before = move
        done = uim.station("renew")
        assert moved[0].status == OK and done.error == "purse-blocked", (moved, done, alone.logs())
        wait_row(uim, revocation="done")
        assert old < revoked(alone) and len(revoked(alone)) == 4
        fresh = Uim(alone, tmp_path / "b.uim", moved[0].objects[0])
        assert not set(certificates(alone, fresh).values()) & revoked(alone)
        fresh.must("withdraw", 30, "--yes")
        alone.check_audit()
    finally:
        between.close()


# shows: R-SEC-4 R-OPEN-7
@pytest.mark.parametrize("protocol", ["kinchaku", "cmp"])
def test_the_purse_that_comes_after_keeps_its_keys(alone, tmp_path, protocol):
    """The bank goes on about the old one when the new one has its own."""
    between = Deaf(alone, "/cmp" if protocol == "cmp" else "/v1/message")
    speak(alone, protocol)
    alone.configure("bank", "authority", url=between.url)
    alone.configure("bank", "times", settle_ms=100)
    try:
        alone.up()
        uim = rich(alone)
        secret = password(uim)
        old = set(certificates(alone, uim).values())
        between.deaf = True
        assert lose(uim, secret).status == OK and old <= revoked(alone)
        wait_tried(uim, 1)
        assert between.kept > 0
        for _ in range(50):
            done = reissue(uim, secret, tmp_path / "b.uim")
            if done.status == OK:
                break
            assert done.status == AGAIN and done.error in ("busy", "settlement-time-runs"), done
            time.sleep(0.1)
        assert done.status == OK, done
        fresh = Uim(alone, tmp_path / "b.uim", done.objects[0])
        between.deaf = False
        wait_row(uim, revocation="done")
        assert not set(certificates(alone, fresh).values()) & revoked(alone)
        assert fresh.value() + fresh.balance() == 500
        fresh.must("deposit", 10, "--yes")
        alone.check_audit()
    finally:
        between.close()


# shows: R-SEC-4 R-OPEN-7
def test_numbers_of_the_old_purse_end_while_the_next_one_waits(alone, tmp_path):
    """By CMP, where what is named cannot be the next one's: whoever makes that may not come back for a day."""
    between = Dropping(alone)
    speak(alone, "cmp")
    alone.configure("registrar", "servers", authority=between.url)
    alone.configure("bank", "times", settle_ms=100)
    try:
        alone.up()
        uim = rich(alone)
        secret, old = password(uim), set(certificates(alone, uim).values())
        alone.kill("authority")
        assert lose(uim, secret).status == AGAIN
        # The new purse is begun, and cannot be taken back.
        between.before = lambda: alone.kill("bank")
        for _ in range(50):
            done = reissue(uim, secret, tmp_path / "b.uim")
            assert done.status == AGAIN, done
            if between.before is None:
                break
            time.sleep(0.1)
        alone.up()
        wait_revoked(alone, old)
        wait_row(uim, revocation="pending", revocation_reason="pending")
        for _ in range(50):
            done = reissue(uim, secret, tmp_path / "b.uim")
            if done.error != "busy":
                break
            time.sleep(0.1)
        assert done.status == OK, done
        wait_row(uim, revocation="done")
        fresh = Uim(alone, tmp_path / "b.uim", done.objects[0])
        assert not set(certificates(alone, fresh).values()) & revoked(alone)
        alone.check_audit()
    finally:
        between.close()


# shows: R-SEC-4 R-OPEN-7
def test_no_other_purse_is_begun_while_the_authority_is_asked(alone, tmp_path):
    """It would end whatever the account has when it comes to it, and so the next purse's keys."""
    alone.configure("bank", "times", settle_ms=100, outside_ms=10_000)
    alone.configure("registrar", "times", timeout_ms=1000)
    alone.up()
    uim = rich(alone)
    secret = password(uim)
    alone.stop("authority")
    try:
        assert lose(uim, secret).status == AGAIN
        # The bank begins to ask two seconds after the report, and waits. A purse that was begun before that would put it off.
        time.sleep(4)
        done = reissue(uim, secret, tmp_path / "b.uim")
        assert (done.status, done.error) == (AGAIN, "busy"), done
        assert row(uim)["revocation_tries"] == 0, "the bank was not waiting any more"
    finally:
        alone.resume("authority")
    wait_row(uim, revocation="done")
    done = reissue(uim, secret, tmp_path / "b.uim")
    assert done.status == OK, done
    fresh = Uim(alone, tmp_path / "b.uim", done.objects[0])
    assert not set(certificates(alone, fresh).values()) & revoked(alone)
    assert fresh.value() + fresh.balance() == 500
    alone.check_audit()
