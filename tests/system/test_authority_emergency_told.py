"""Is the end of a stolen issuing key told in the right order - everybody made anew and shown before anybody is ended - also where the database is
full, the root's key is away, a token is pulled; and does the responder wait for whoever has read before?"""
import sqlite3
import subprocess
import threading
import time

import pytest

from hsm import Token
from kinchaku import AGAIN, BUILD, OK
from test_authority_emergency import holders, root_list
from test_authority_roll import issuers, lists, rich
from test_directory import account_name


def marks(system):
    return sorted(path.name for path in (system.dir / "authority").glob("issuing-1.*") if path.suffix in (".taken", ".shown"))


def run(system, sql):
    database = sqlite3.connect(system.dir / "authority/authority.db", isolation_level=None)
    database.execute(sql)
    database.close()


def wait(what, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.1)
    return what()


def ended(system):
    return {entry.serial_number for entry in root_list(system)[0]}


# shows: R-SEC-4 R-RENEW-8
@pytest.mark.parametrize("mode", ["both", "ocsp"])
def test_the_responder_believes_what_the_bank_still_knows(alone, mode):
    """The bank reads the directory each 8 seconds, and asks at once about the certificates that it has read before."""
    alone.configure("bank", "revocation", mode=mode)
    for node in ("authority", "bank"):
        alone.configure(node, "times", crl_ms=8000)
    alone.up()
    people = [rich(alone) for _ in range(2)]
    heard, over = [], threading.Event()

    def go_on(uim):
        while not over.is_set():
            heard.append(uim.station("withdraw", 1, "--yes").error)
            time.sleep(0.1)

    threads = [threading.Thread(target=go_on, args=(uim,)) for uim in people]
    for thread in threads:
        thread.start()
    try:
        alone.kill("authority")
        assert alone.authority("roll", "--emergency").status == OK
        assert alone.kinchaku("up").status == OK
        so_far = len(heard)
        assert wait(lambda: alone.log("bank").count("of issuers that ended, is kept: ok ended=1") == 1 and len(heard) > so_far + 12)
        so_far = len(heard)
        assert wait(lambda: len(heard) > so_far + 8)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    # While the authority is away the responder is, too, and a moment more; nobody is told that his certificate was revoked.
    assert set(heard) <= {None, "revocation-unknown"} and set(heard[-6:]) == {None}, " ".join(map(str, heard))
    alone.check_audit()


# shows: R-RENEW-8
def test_nobody_is_ended_before_all_are_made_anew(alone):
    alone.configure("authority", "times", crl_ms=1000)
    alone.configure("bank", "times", crl_ms=500)
    alone.up()
    uim = rich(alone)
    alone.kill("authority")
    run(alone, "CREATE TRIGGER no_room BEFORE INSERT ON former BEGIN SELECT RAISE(ABORT, 'no room'); END")
    assert alone.authority("roll", "--emergency").status != OK
    assert marks(alone) == []
    with open(alone.base / "serve.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen([str(BUILD / "src/authority/kinchaku-authority"), "serve", "--dir", str(alone.dir)], stderr=log)
    try:
        # The next issuer is shown and serves; those by the one before are believed, and it is tried again.
        assert wait(lambda: len(issuers(alone)) == 2)
        assert wait(lambda: "serving" in (alone.base / "serve.log").read_text())
        time.sleep(2)
        uim.must("withdraw", 1, "--yes")
        assert marks(alone) == [] and ended(alone) == set()
        run(alone, "DROP TRIGGER no_room")
        assert wait(lambda: marks(alone) == ["issuing-1.shown", "issuing-1.taken"])
        old, new = issuers(alone)
        assert ended(alone) == {old.serial_number}
        assert holders(alone, account_name(uim.account))[0].issuer == new.subject
        time.sleep(2)
        uim.must("withdraw", 1, "--yes")
    finally:
        process.terminate()
        process.wait()
    alone.up()
    uim.must("withdraw", 1, "--yes")
    alone.check_audit()


# shows: R-SEC-4 R-RENEW-8
@pytest.mark.parametrize("mode", ["crl", "ocsp"])
def test_nobody_is_told_without_the_roots_list(alone, mode):
    """Killed before the list, and the root's key taken away again: nothing is told until the key is back."""
    alone.configure("bank", "revocation", mode=mode)
    alone.configure("authority", "times", crl_ms=1000)
    alone.configure("bank", "times", crl_ms=500)
    alone.up()
    uim, middle = rich(alone), rich(alone)
    middle.must("renew", "--lose", "quote", status=AGAIN)
    alone.down()
    names_nobody = (alone.dir / "authority/root.crl").read_bytes()
    assert alone.authority("roll", "--emergency").status == OK
    (alone.dir / "authority/root.crl").write_bytes(names_nobody)
    key = alone.dir / "root/root.key"
    key.rename(alone.dir / "away.key")
    alone.up()
    time.sleep(3)
    assert marks(alone) == ["issuing-1.taken"] and ended(alone) == set()
    assert "stolen issuing keys count on" in alone.log("authority")
    uim.must("withdraw", 1, "--yes")
    middle.must("withdraw", 1, "--yes")
    (alone.dir / "away.key").rename(key)
    alone.up()
    assert wait(lambda: marks(alone) == ["issuing-1.shown", "issuing-1.taken"])
    old, _ = issuers(alone)
    assert ended(alone) == {old.serial_number}
    uim.must("withdraw", 1, "--yes")
    middle.must("renew")
    middle.must("withdraw", 1, "--yes")
    alone.check_audit()


# shows: R-RENEW-8
def test_a_token_of_an_ended_key_that_is_pulled_holds_nobody_up(alone, monkeypatch):
    token = Token()
    for name, value in token.env.items():
        monkeypatch.setenv(name, value)
    try:
        for node in ("authority", "bank"):
            alone.configure(node, "times", crl_ms=500)
        alone.configure("bank", "revocation", mode="both")
        alone.up()
        uim = rich(alone)
        alone.down()
        assert alone.kinchaku("roll", "--authority", "--token", token.uri).status == OK
        assert alone.kinchaku("roll", "--authority", "--emergency").status == OK
        alone.up()
        uim.must("withdraw", 1, "--yes")
        assert len(lists(alone)) == 3
        token.fail("gone")
        assert wait(lambda: len(lists(alone)) == 2)
        # Longer than a list lasts, by which the bank goes.
        time.sleep(13)
        uim.must("withdraw", 1, "--yes")
        assert len(issuers(alone)) == 3
        assert alone.log("authority").count("an issuer that ended is shown without a list of its own") == 1
        assert "publishing failed" not in alone.log("authority")
        alone.check_audit()
    finally:
        token.close()
