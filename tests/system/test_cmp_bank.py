"""Does the bank have keys renewed and certificates ended by CMP, as it does by our own messages, whoever is lost or away in between?"""
import shutil
import sqlite3
import time

import pytest

from between import Between
from kinchaku import AGAIN, FAULT, OK, REFUSED, Uim
from test_authority_roll import lists, roll_over as issuing_roll
from test_close import password
from test_cmp import authority_list, post
from test_cmp_other import USE
from test_counter import ACCOUNT_DAYS, counter_soon, ending, renewed_then  # noqa: F401
from test_reissue import SETTLE_MS, lose, reissue
from test_renew import certificates, renewed, revoked, wait_revoked
from test_roll import roll_over
from test_root_roll import roll_root


def native(system):
    """Lines of the authority's log about our own messages."""
    return [line for line in system.log("authority").splitlines()
            if "by=cmp" not in line and any(word in line for word in ("certified ", "retired ", "revoked ", "keys made "))]


@pytest.fixture
def speaking(alone):
    """Registrar and bank ask by CMP alone."""
    for node in ("registrar", "bank"):
        alone.configure(node, "authority", protocol="cmp")
    alone.up()
    yield alone
    assert not native(alone), native(alone)
    alone.check_audit()


class Dropping(Between):
    """Between the bank and the authority: carries what is asked, and, while it drops, no second certificate."""

    def __init__(self, system, path="/cmp"):
        self.system, self.path, self.dropping = system, path, False
        self.before = None  # called once, before something is carried
        super().__init__(self.carry)

    def carry(self, body, kind):
        if self.dropping and USE.search(body) and not USE.search(body)[1][0] & 0x80:
            return None
        before, self.before = self.before, None
        if before:
            before()
        return post(self.system, body, kind, self.path)


def rich(system, *arguments):
    uim = system.open(*arguments, fund=500)
    uim.must("withdraw", 200, "--yes")
    return uim


# shows: R-RENEW-5 R-RENEW-2 R-NODE-2 R-OPEN-7
@pytest.mark.parametrize("suite", ["es256", "rs2048"])
def test_new_keys_made_inside_and_the_old_ones_ended(speaking, suite):
    uim = rich(speaking, "--suite", suite)
    for _ in range(2):
        old = certificates(speaking, uim)
        uim.must("renew")
        renewed(speaking, uim, old)
    assert speaking.log("authority").count("revoked account=") == 4


# shows: R-RENEW-5 R-RENEW-7
@pytest.mark.parametrize("lost", ["quote", "answer", "completion"])
def test_each_message_lost_and_taken_up_again(speaking, lost):
    uim = rich(speaking)
    old = certificates(speaking, uim)
    uim.must("renew", "--lose", lost, status=AGAIN)
    if lost != "completion":
        assert not set(old.values()) & revoked(speaking)
    uim.must("renew")
    renewed(speaking, uim, old)


# shows: R-RENEW-5 R-RENEW-7 R-SEC-2
def test_a_pair_that_was_left_ends_with_the_old_one(speaking, tmp_path):
    uim = rich(speaking)
    old, before = certificates(speaking, uim), tmp_path / "before.uim"
    shutil.copy(uim.path, before)
    uim.must("renew", "--lose", "answer", status=AGAIN)
    left = certificates(speaking, uim)
    shutil.copy(before, uim.path)
    uim.must("renew")
    wait_revoked(speaking, set(old.values()) | set(left.values()))
    renewed(speaking, uim, old)


# shows: R-RENEW-7 R-SEC-2
def test_pairs_that_were_left_make_room_for_a_fourth(speaking, tmp_path):
    uim, before = rich(speaking), tmp_path / "before.uim"
    old = certificates(speaking, uim)
    shutil.copy(uim.path, before)
    for _ in range(2):
        uim.must("renew", "--lose", "quote", status=AGAIN)
        shutil.copy(before, uim.path)
    assert authority_list(speaking, uim.account).count(("sign", False)) == 3
    uim.must("withdraw", 10, "--yes")
    assert not set(old.values()) & revoked(speaking)
    uim.must("renew", "--lose", "quote", status=AGAIN)
    assert authority_list(speaking, uim.account).count(("sign", True)) == 2
    assert not set(old.values()) & revoked(speaking)
    uim.must("renew")
    renewed(speaking, uim, old)
    assert authority_list(speaking, uim.account).count(("sign", False)) == 1


# shows: R-RENEW-5 R-RENEW-7
def test_the_authority_is_away_in_the_middle(speaking):
    uim = rich(speaking)
    old = certificates(speaking, uim)
    speaking.kill("authority")
    assert uim.station("renew").status == AGAIN
    uim.must("withdraw", 10, "--yes")
    speaking.up()
    uim.must("renew", "--lose", "answer", status=AGAIN)
    speaking.kill("authority")
    # Confirmed without it, and once more asked for; the end of the first pair waits, also over a restart of the bank.
    uim.must("renew")
    assert uim.station("renew").status == AGAIN
    speaking.kill("bank")
    speaking.up()
    renewed(speaking, uim, old)
    second = certificates(speaking, uim)
    uim.must("renew")
    renewed(speaking, uim, second)


# shows: R-SEC-4 R-RENEW-5
def test_a_closed_account_s_certificates_end(speaking, tmp_path):
    uim = rich(speaking)
    before = tmp_path / "before.uim"
    shutil.copy(uim.path, before)
    all_of_it = set(certificates(speaking, uim).values())
    # One pair left, one that waits.
    for last in (False, True):
        uim.must("renew", "--lose", "quote", status=AGAIN)
        all_of_it |= set(certificates(speaking, uim).values())
        if not last:
            shutil.copy(before, uim.path)
    assert len(all_of_it) == 6
    assert speaking.bank("close", uim.account).status == OK
    wait_revoked(speaking, all_of_it)
    for _ in range(50):
        shown = [row for row in speaking.bank("closings").objects if row.get("closing") == uim.account]
        if shown[0]["revoked"]:
            break
        time.sleep(0.2)
    assert shown[0]["revoked"], shown


# shows: R-RENEW-6
def test_at_the_counter_beside_a_pair_that_has_ended(ending):  # noqa: F811
    system = ending.system
    for node in ("registrar", "bank"):
        system.configure(node, "authority", protocol="cmp")
    ending.restart()
    uim = system.open(fund=500)
    ending.must(uim, "withdraw", 200, "--yes")
    old = certificates(system, uim)
    ending.forward(ACCOUNT_DAYS + 1)
    assert ending.must(uim, "renew", status=REFUSED).error == "certificate-expired"
    counter_soon(ending, uim)
    renewed_then(ending, uim, old)
    assert not native(system)


# shows: R-RENEW-8 R-RENEW-5
def test_under_the_bank_s_next_key(speaking):
    uim = rich(speaking)
    old = certificates(speaking, uim)
    roll_over(speaking)
    uim.must("renew")
    renewed(speaking, uim, old)


def on_lists(system):
    return {entry.serial_number for one in lists(system) for entry in one}


# shows: R-RENEW-8 R-RENEW-5 R-RENEW-7
@pytest.mark.parametrize("lost", ["encrypt", "answer"])
def test_the_issuing_key_rolls_over_in_the_middle(alone, lost):
    """Of the new pair the first was certified, or both; the purse asks again under the next issuer."""
    between = Dropping(alone)
    alone.configure("bank", "authority", protocol="cmp", url=between.url)
    try:
        alone.up()
        uim = rich(alone)
        old = certificates(alone, uim)
        between.dropping = lost == "encrypt"
        uim.must("renew", *(() if between.dropping else ("--lose", "quote")), status=AGAIN)
        between.dropping = False
        issuing_roll(alone)
        uim.must("renew")
        assert len(lists(alone)) == 2
        new = certificates(alone, uim)
        assert set(new) == {True, False} and not set(new.values()) & set(old.values())
        for _ in range(100):
            if set(old.values()) <= on_lists(alone):
                break
            time.sleep(0.1)
        assert set(old.values()) <= on_lists(alone) and not set(new.values()) & on_lists(alone)
        uim.must("withdraw", 10, "--yes")
        # And a pair under the next issuer after that.
        uim.must("renew")
        uim.must("withdraw", 10, "--yes")
        alone.check_audit()
    finally:
        between.close()


# shows: R-RENEW-8 R-RENEW-5
def test_the_root_rolls_over_in_the_middle(speaking):
    uim = rich(speaking)
    old = certificates(speaking, uim)
    uim.must("renew", "--lose", "quote", status=AGAIN)
    roll_root(speaking)
    for _ in range(2):
        uim.must("renew")
        new = certificates(speaking, uim)
        assert set(new) == {True, False} and not set(new.values()) & set(old.values())
        for _ in range(100):
            if set(old.values()) <= on_lists(speaking):
                break
            time.sleep(0.1)
        assert set(old.values()) <= on_lists(speaking) and not set(new.values()) & on_lists(speaking)
        uim.must("withdraw", 10, "--yes")
        old = new


# shows: R-SEC-2 R-RENEW-7
def test_what_has_no_form_in_cmp(speaking):
    uim = rich(speaking)
    assert speaking.bank("renew", uim.account).error == "not-allowed"
    assert uim.must("renew", "--by", "authority", status=REFUSED).error == "no-key-ready"
    speaking.down()
    for values, more in (({"protocol": "cmpp"}, {}), ({"path": "cmp"}, {}), ({"url": ""}, {}), ({}, {"before": 30})):
        shutil.copy(speaking.dir / "bank/bank.ini", speaking.dir / "kept.ini")
        speaking.configure("bank", "authority", **values)
        speaking.configure("bank", "renewal", **more)
        done = speaking.bank("serve")
        assert done.status == FAULT and "config-invalid" in done.err and "[authority]" in done.err, done
        shutil.copy(speaking.dir / "kept.ini", speaking.dir / "bank/bank.ini")
    speaking.up()
    # Back to our own messages: what was renewed by CMP goes on by them.
    old = certificates(speaking, uim)
    uim.must("renew")
    renewed(speaking, uim, old)


# shows: R-OPEN-7 R-RENEW-6 R-NODE-2
def test_lost_and_issued_again(alone, tmp_path):
    for node in ("registrar", "bank"):
        alone.configure(node, "authority", protocol="cmp")
    alone.configure("bank", "times", settle_ms=SETTLE_MS)
    alone.up()
    uim = rich(alone)
    secret = password(uim)
    both = set(certificates(alone, uim).values())
    uim.must("renew", "--lose", "quote", status=AGAIN)
    both |= set(certificates(alone, uim).values())
    # The answer of the authority, or all that it does, is lost: the same command goes on.
    alone.kill("authority")
    assert lose(uim, secret).status == AGAIN
    alone.up()
    for _ in range(2):
        done = lose(uim, secret)
        assert done.status == OK and both <= revoked(alone), done
    time.sleep(SETTLE_MS / 1000 + 1)
    done = reissue(uim, secret, tmp_path / "b.uim", "--suite", "rs2048")
    assert done.status == OK, (done, alone.logs())
    fresh = Uim(alone, tmp_path / "b.uim", done.objects[0])
    assert not set(certificates(alone, fresh).values()) & revoked(alone)
    assert fresh.value() + fresh.balance() == 500
    old = certificates(alone, fresh)
    fresh.must("renew")
    renewed(alone, fresh, old)
    assert not native(alone)


# shows: R-SEC-4 R-NODE-2
@pytest.mark.parametrize("how", ["lost", "closed"])
def test_a_number_that_the_authority_does_not_know_spares_no_other(speaking, how):
    uim = rich(speaking)
    old = certificates(speaking, uim)
    uim.must("renew", "--lose", "quote", status=AGAIN)
    new = certificates(speaking, uim)
    speaking.kill("authority")
    with sqlite3.connect(speaking.dir / "authority" / "authority.db") as database:
        assert database.execute("DELETE FROM certificates WHERE serial = ?", (old[True].to_bytes(16, "big"),)).rowcount == 1
    speaking.up()
    if how == "lost":
        assert lose(uim, password(uim)).error == "not-found"
    else:
        assert speaking.bank("close", uim.account).status == OK
    wait_revoked(speaking, {old[False]} | set(new.values()))
    # The bank says so once, and asks no more.
    for _ in range(100):
        shown = [row for row in speaking.bank("closings").objects if row.get("closing") == uim.account]
        word = speaking.bank("purse", uim.purse).objects[0]["revocation"]
        if word == "not known" if how == "lost" else shown and shown[0]["revoked"]:
            break
        time.sleep(0.1)
    assert word == "not known" if how == "lost" else shown[0]["revoked"], (word, shown)
    said = [line for line in speaking.log("bank").splitlines() if "not revoked" in line]
    assert len(said) == 1 and "reason=not-found" in said[0], said


# shows: R-OPEN-7 R-RENEW-5 R-SEC-4
@pytest.mark.parametrize("protocol", ["cmp", "kinchaku"])
def test_lost_while_the_new_keys_are_certified(alone, protocol):
    """The registrar reaches the bank, and not the authority, so that nothing is revoked yet. The thief gets no identity."""
    between = Dropping(alone, "/cmp" if protocol == "cmp" else "/v1/message")
    for node in ("registrar", "bank"):
        alone.configure(node, "authority", protocol=protocol)
    alone.configure("bank", "authority", url=between.url)
    try:
        alone.up()
        uim = rich(alone)
        secret, old = password(uim), certificates(alone, uim)
        ini = alone.dir / "registrar" / "registrar.ini"
        whole = ini.read_text()
        seen = []

        def lost():
            alone.configure("registrar", "servers", authority="http://127.0.0.1:9")
            seen.append(lose(uim, secret))
            ini.write_text(whole)

        between.before = lost
        done = uim.station("renew")
        assert seen[0].status == AGAIN and done.error == "purse-blocked", (seen, done, alone.logs())
        # Without another word the bank, which reaches the authority, has all of it revoked.
        wait_revoked(alone, set(old.values()))
        for _ in range(100):
            if len(revoked(alone)) == 4:
                break
            time.sleep(0.1)
        assert len(revoked(alone)) == 4
        assert lose(uim, secret).status == OK and len(revoked(alone)) == 4
    finally:
        between.close()


# shows: R-SEC-4 R-NODE-2
def test_the_registrar_closes_and_says_it_again(speaking):
    uim = speaking.open(fund=100)
    pair = set(certificates(speaking, uim).values())
    for _ in range(2):
        done = speaking.registrar("close", "--account", uim.account, "--password-file", password(uim))
        assert done.status == OK and pair <= revoked(speaking), done
