"""Does the end of a stolen issuing key hold when something is gone: the token of the stolen keys, the authority's database, its folder?"""
import shutil
import sqlite3
import subprocess
import time

from cryptography import x509

from hsm import Token
from kinchaku import BUILD, OK
from test_authority_emergency import Thief, emergency, holders, restart, root_list
from test_authority_roll import issuer_of, issuers, rich, write
from test_directory import account_name
from test_authority_emergency import MINE


def database_copy(system, to):
    source, copy = sqlite3.connect(system.dir / "authority/authority.db"), sqlite3.connect(to)
    source.backup(copy)
    source.close()
    copy.close()


def put_database(system, copy):
    database = system.dir / "authority/authority.db"
    for end in ("-wal", "-shm"):
        (database.parent / (database.name + end)).unlink(missing_ok=True)
    shutil.copy(copy, database)


def serials_of(certificates):
    return {one.serial_number for one in certificates}


# shows: R-SEC-2 R-RENEW-8
def test_the_token_of_the_stolen_keys_is_gone(alone, monkeypatch):
    token = Token()
    for name, value in token.env.items():
        monkeypatch.setenv(name, value)
    try:
        alone.up()
        a = rich(alone)
        alone.down()
        assert alone.kinchaku("roll", "--authority", "--token", token.uri).status == OK
        alone.up()
        a.must("withdraw", 1, "--yes")
        token.fail("gone")
        assert emergency(alone)["number"] == 2
        assert issuer_of(alone, a) == issuers(alone)[-1].subject
        a.must("withdraw", 10, "--yes")
        restart(alone, "authority")
        rich(alone)
        assert "own keys of generation 1 are kept no more" in alone.log("authority")
        alone.check_audit()
    finally:
        token.close()


# shows: R-RENEW-8
def test_the_database_of_before_is_taken_over_again(alone, tmp_path):
    alone.up()
    a, b = rich(alone), rich(alone)
    alone.down()
    database_copy(alone, tmp_path / "copy.db")
    emergency(alone)
    a.must("withdraw", 1, "--yes")
    alone.down()
    put_database(alone, tmp_path / "copy.db")
    alone.up()
    for uim in (a, b):
        assert issuer_of(alone, uim) == issuers(alone)[-1].subject
        uim.must("withdraw", 1, "--yes")
    assert alone.authority("publish").status == OK
    restart(alone, "bank")
    a.must("withdraw", 1, "--yes")
    rich(alone)
    alone.check_audit()
