"""Does the end of a stolen issuing key hold when something is gone: the token of the stolen keys, the authority's database, its folder?"""
import datetime
import shutil
import sqlite3
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hsm import Token
from kinchaku import OK
from test_authority_emergency import LIST, MINE, ROOT, Thief, emergency, restart, root_list
from test_authority_roll import issuer_of, issuers, rich, write
from test_directory import ISSUER, account_name, values


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


def listed(system):
    return {entry.serial_number for entry in root_list(system)[0]}


def list_by(thief):
    """An empty one that is good, but for what the root says of its issuer."""
    now = datetime.datetime.utcnow().replace(microsecond=0)
    built = x509.CertificateRevocationListBuilder().issuer_name(thief.issuer.subject).last_update(now).next_update(now + datetime.timedelta(days=1))
    built = built.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(thief.issuer.public_key()), False)
    return built.add_extension(x509.CRLNumber(int(time.time() * 1000)), False).sign(thief.key, hashes.SHA256()).public_bytes(
        serialization.Encoding.DER)


# shows: R-RENEW-8 R-SEC-2
def test_a_folder_of_before_forgets_no_issuer(alone, tmp_path):
    """The folder of before the first end is put back after it, so the issuer that was made then is known beside the root's key alone."""
    alone.configure("bank", "times", crl_ms=500)
    alone.configure("authority", "times", crl_ms=3_600_000)
    alone.up()
    a, b, c = rich(alone), rich(alone), rich(alone)
    first = issuers(alone)[-1]
    alone.down()
    folder = alone.dir / "authority"
    shutil.copytree(folder, tmp_path / "before")
    emergency(alone)
    a.must("withdraw", 1, "--yes")
    second, thief = issuers(alone)[-1], Thief(alone)
    thief.key = serialization.load_pem_private_key((folder / "issuing-1.key").read_bytes(), None)
    number = root_list(alone)[1]
    alone.down()
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "before", folder)
    done = alone.kinchaku("up")
    assert done.status == OK and "issuing key 0 ended by the root's list, and this folder does not know of it" in done.err, done
    # The bank has the list of the end, and the root's folder does, so the directory shows what it says yet.
    assert listed(alone) == {first.serial_number} and root_list(alone)[1] > number
    assert a.station("withdraw", 1, "--yes").error == "certificate-revoked"
    assert emergency(alone)["number"] == 1
    assert listed(alone) == {first.serial_number, second.serial_number}
    reasons = {entry.extensions.get_extension_for_class(x509.CRLReason).value.reason for entry in root_list(alone)[0]}
    assert reasons == {x509.ReasonFlags.ca_compromise}
    a.must("withdraw", 10, "--yes")
    b.must("withdraw", 10, "--yes")
    # Its thief shows it in the directory again, with a list of his own: it has ended all the same.
    write(alone, account_name(c.account), MINE, thief.pair(c), "replace")
    for attribute, more in (("cACertificate;binary", second.public_bytes(serialization.Encoding.DER)),
                            ("certificateRevocationList;binary", list_by(thief))):
        write(alone, ISSUER, attribute, [more, *values(alone, ISSUER, attribute)], "replace")
    time.sleep(1.5)
    c.fails("certificate-revoked", "withdraw", 1, "--yes")
    assert alone.authority("publish").status == OK
    c.must("withdraw", 1, "--yes")
    # What a root's list names stays there, and the next root's names it too.
    alone.down()
    assert alone.kinchaku("roll", "--root").status == OK
    alone.up()
    lists_of_roots = [x509.load_der_x509_crl(der) for der in values(alone, ROOT, LIST)]
    assert [{first.serial_number, second.serial_number} == {entry.serial_number for entry in one} for one in lists_of_roots] == [True, True]
    a.must("withdraw", 1, "--yes")
    alone.check_audit()


# shows: R-RENEW-8
def test_a_list_by_a_clock_that_was_ahead_is_followed_by_a_newer_one(alone):
    """The list is lost, and its number is beside the root's key."""
    alone.up()
    a = rich(alone)
    alone.down()
    folder, root = alone.dir / "authority", alone.dir / "root"
    certificate = x509.load_pem_x509_certificate((root / "root.crt").read_bytes())
    key = serialization.load_pem_private_key((root / "root.key").read_bytes(), None)
    ahead = int((time.time() + 10 * 365 * 86400) * 1000)
    now = datetime.datetime.utcnow().replace(microsecond=0)
    old = x509.load_der_x509_crl((folder / "root.crl").read_bytes())
    built = x509.CertificateRevocationListBuilder().issuer_name(certificate.subject).last_update(now).next_update(certificate.not_valid_after)
    for extension in old.extensions:
        value = x509.CRLNumber(ahead) if isinstance(extension.value, x509.CRLNumber) else extension.value
        built = built.add_extension(value, extension.critical)
    (folder / "root.crl").write_bytes(built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))
    alone.up()
    assert root_list(alone)[1] == ahead
    alone.down()
    (folder / "root.crl").unlink()
    emergency(alone)
    assert root_list(alone)[1] == ahead + 1 and len(listed(alone)) == 1
    a.must("withdraw", 10, "--yes")
    alone.check_audit()


# shows: R-RENEW-8
@pytest.mark.parametrize("by_root_alone", [False, True])
def test_an_emergency_does_not_wait_for_the_issuer_of_a_newer_root(alone, by_root_alone):
    """The root's roll-over was cut, and issuing keys were made until there was no room for its own."""
    alone.up()
    a = rich(alone)
    alone.down()
    folder = alone.dir / "authority"
    for _ in range(3):
        assert alone.authority("roll").status == OK
    (folder / "root-1.plan").write_text("[roll]\nnumber = 1\nuntil_ms = 0\n")
    if by_root_alone:
        alone.up()
        assert (folder / "root-1.crt").exists() and not (folder / "issuing-4.crt").exists()
        a.must("withdraw", 1, "--yes")
        alone.down()
        assert alone.authority("roll").error == "pending"
    assert alone.authority("roll", "--emergency").json["number"] == 4
    newest = x509.load_pem_x509_certificate((folder / "issuing-4.crt").read_bytes())
    root = x509.load_pem_x509_certificate((folder / "root-1.crt").read_bytes())
    root.public_key().verify(newest.signature, newest.tbs_certificate_bytes, ec.ECDSA(newest.signature_hash_algorithm))
    alone.up()
    assert issuer_of(alone, a) == newest.subject
    assert max(len(list(x509.load_der_x509_crl(der))) for der in values(alone, ROOT, LIST)) == 4
    a.must("withdraw", 10, "--yes")
    rich(alone)
    alone.check_audit()


# shows: R-SEC-2 R-RENEW-8
def test_the_directorys_password_goes_first(alone):
    """It lay beside the stolen key: it is another whether or not the end was cut, and none is kept in silence."""
    alone.up()
    a = rich(alone)
    secret = alone.dir / "authority/directory.secret"
    old = secret.read_text()
    for node in ("bank", "authority"):
        alone.kill(node)
    done = alone.kinchaku("roll", "--authority", "--emergency")
    assert done.error == "in-use" and "the system has to be down" in done.err, done
    assert not (alone.dir / "authority/issuing-1.plan").exists() and secret.read_text() == old
    alone.down()
    database = sqlite3.connect(alone.dir / "authority/authority.db", isolation_level=None)
    database.execute("CREATE TRIGGER no_room BEFORE INSERT ON former BEGIN SELECT RAISE(ABORT, 'no room'); END")
    assert alone.kinchaku("roll", "--authority", "--emergency").status != OK
    assert not secret.exists() or secret.read_text() != old
    database.execute("DROP TRIGGER no_room")
    database.close()
    assert alone.kinchaku("roll", "--authority", "--emergency").json["number"] == 1
    assert secret.read_text() != old
    alone.up()
    a.must("withdraw", 10, "--yes")
    alone.check_audit()


# shows: R-SEC-2 R-RENEW-8
@pytest.mark.parametrize("certified", [False, True])
def test_a_planned_key_in_a_token_that_is_gone_is_given_up(alone, monkeypatch, certified):
    """It was planned in a token that nobody has, or made in one that is gone since, and even certified there before the cut."""
    token = Token()
    for name, value in token.env.items():
        monkeypatch.setenv(name, value)
    try:
        alone.up()
        a = rich(alone)
        first = issuers(alone)[-1]
        alone.down()
        ended = {first.serial_number}
        path = alone.dir / "authority/issuing-1.crt"
        if certified:
            assert alone.kinchaku("roll", "--authority", "--token", token.uri).status == OK
            ended.add(x509.load_pem_x509_certificate(path.read_bytes()).serial_number)
            path.unlink()
            token.fail("gone")
        else:
            done = alone.kinchaku("roll", "--authority", "--emergency", "--token", token.uri.replace("token=kc", "token=none"))
            assert done.error == "token-unavailable", done
        assert not path.exists() and (alone.dir / "authority/issuing-1.plan").exists()
        done = emergency(alone)
        assert done["number"] == 1 and (alone.dir / "authority/issuing-1.key").exists()
        assert listed(alone) == ended
        a.must("withdraw", 10, "--yes")
        restart(alone, "authority")
        rich(alone)
        alone.check_audit()
    finally:
        token.close()
