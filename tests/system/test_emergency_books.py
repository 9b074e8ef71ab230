"""After an emergency: is a key that only the stolen issuing key certified nobody's, also where the bank has it in its books, while those that
the authority certified, and that are in the middle of a renewal, go on? A thief who signed as the registrar left such keys there."""
import datetime
import re
import sqlite3
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

import forge
from kinchaku import AGAIN, OK
from meeting import meet
from renewing import RenewingTown
from test_authority_emergency import DER, MINE, Thief, holders, restart
from test_authority_roll import rich, write
from test_directory import account_name
from test_settle import REALM, reader


def store(system):
    return sqlite3.connect(system.dir / "authority/authority.db", isolation_level=None)


def only_in_the_books(system, uim, shown=()):
    """As a re-issue by a forged registrar leaves it: the bank has the purse, and the authority others of that account, or none."""
    base = store(system)
    assert base.execute("DELETE FROM certificates WHERE holder = ?", (int(uim.account),)).rowcount >= 2
    for der in shown:
        one = x509.load_der_x509_certificate(der)
        signs = one.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
        ends_ms = int(one.not_valid_after.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)
        base.execute("INSERT INTO certificates (serial, holder, use, expires, revoked, reason, der, request) VALUES (?,?,?,?,0,0,?,?)",
                     (one.serial_number.to_bytes(16, "big"), int(uim.account), 2 if signs else 3, ends_ms, der, b"r" * 32))
    base.close()


def expired(thief, system, uim):
    """The account's certificates by the stolen key, whose time is over."""
    now = datetime.datetime.utcnow().replace(microsecond=0)
    out = []
    for one in holders(system, account_name(uim.account)):
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        made = (x509.CertificateBuilder().subject_name(one.subject).issuer_name(thief.issuer.subject).public_key(key)
                .serial_number(x509.random_serial_number() >> 33 | 1 << 126)
                .not_valid_before(now - datetime.timedelta(days=2)).not_valid_after(now - datetime.timedelta(hours=1)))
        for extension in one.extensions:
            value = extension.value
            if isinstance(value, x509.SubjectKeyIdentifier):
                value = x509.SubjectKeyIdentifier.from_public_key(key)
            if isinstance(value, x509.AuthorityKeyIdentifier):
                value = x509.AuthorityKeyIdentifier.from_issuer_public_key(thief.issuer.public_key())
            made = made.add_extension(value, extension.critical)
        out.append(made.sign(thief.key, hashes.SHA256()).public_bytes(DER))
    return out


# shows: R-SEC-2 R-SEC-3 R-RENEW-8
def test_a_key_that_only_the_stolen_one_certified_is_nobodys(alone):
    alone.configure("bank", "times", crl_ms=500)
    alone.up()
    beside, taken, stays, middle, b = (rich(alone) for _ in range(5))
    for uim in (beside, middle):
        uim.must("renew", "--lose", "quote", status=AGAIN)
    thief = Thief(alone)
    honest = thief.pair(beside)  # of the account's holder, whose place the thief's purse took in the books
    alone.down()
    only_in_the_books(alone, beside, honest)
    only_in_the_books(alone, taken)
    assert alone.kinchaku("roll", "--authority", "--emergency").status == OK
    alone.up()
    # The account is shown with a pair that counts, and the purse has a renewal in the middle; yet that pair is none of its own.
    ends = {one.serial_number for one in map(x509.load_der_x509_certificate, honest)}
    assert {one.serial_number for one in holders(alone, account_name(beside.account))} == ends
    # No word of the directory's helps, not even that all has ended by itself.
    for word in (None, "expired"):
        if word is not None:
            for uim in (beside, taken):
                write(alone, account_name(uim.account), MINE, expired(thief, alone, uim), "replace")
            restart(alone, "bank")
        for uim in (beside, taken):
            done = uim.station("sync")
            assert done.error == "certificate-revoked", done
            assert meet(uim, ("pay", 7), b)[0].status == OK
        b.must("sync")
        assert b.shadow() == 500
    # What the authority certified itself goes on, pays, and comes to the end of its renewal.
    stays.must("withdraw", 1, "--yes")
    middle.must("withdraw", 1, "--yes")
    assert meet(middle, ("pay", 3), b)[0].status == OK
    b.must("sync")
    assert b.shadow() == 503
    middle.must("renew")
    assert meet(middle, ("pay", 4), b)[0].status == OK
    b.must("sync")
    assert b.shadow() == 507
    alone.check_audit()


# shows: R-SEC-3
def test_a_kept_list_that_is_none_is_told(alone):
    alone.up()
    alone.down()
    (kept,) = (alone.dir / "bank").glob("root-*.crl")
    good = kept.read_bytes()
    for bad in (b"", good[:-1], good[:-1] + bytes([good[-1] ^ 1])):
        kept.write_bytes(bad)
        before = alone.log("bank").count("is none root=")
        alone.up()
        assert alone.log("bank").count("is none root=") > before
        assert kept.read_bytes() == good
        alone.down()
    before = alone.log("bank").count("is none root=")
    alone.up()
    assert alone.log("bank").count("is none root=") == before


# shows: R-SEC-3
def test_what_was_done_since_the_theft_is_told_by_the_books(alone, tmp_path):
    """The question of docs/operations.md "An issuing key was stolen", to a copy of the ledger."""
    text = (Path(__file__).resolve().parents[2] / "docs/operations.md").read_text(encoding="utf-8")
    begin = text.index("### An issuing key was stolen")
    (question,) = re.findall(r'sqlite3 copy\.db "(SELECT [^"]*)"', text[begin:text.index("### Rolling the authority's root over")])
    alone.up()
    a = rich(alone)
    a.must("renew")
    copy = sqlite3.connect(tmp_path / "copy.db")
    books = sqlite3.connect(alone.dir / "bank/bank.db")
    books.backup(copy)
    books.close()
    since = question.replace("2026-11-01", "2000-01-01")
    assert since != question
    told = {(kind, purse) for kind, purse, _ in copy.execute(since)}
    assert {(kind, int(a.purse)) for kind in (5, 6, 13)} <= told
    assert not list(copy.execute(question.replace("2026-11-01", "2100-01-01")))
    copy.close()


# shows: R-RENEW-8
def test_a_pair_that_was_left_speaks_for_its_purse(tmp_path):
    """Certified beside the keys in force, left for others, and shown yet, since the authority was away when those were asked for."""
    town = RenewingTown(tmp_path)
    system = town.system
    try:
        (purse,) = town.purses(300)
        purse.renew()
        system.kill("authority")
        sign_key, encrypt_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        keys = {"sign-key": reader.encode_key(sign_key.public_key()), "encrypt-key": reader.encode_key(encrypt_key.public_key())}
        proof = forge.sign(forge.pack("key-proof", keys), sign_key, bytes(16), reader.SHAPES["key-proof"]["domain"], REALM)
        _, (status, _, _) = purse.post("renew-request", information=purse.information(), proof=proof)
        assert status == 503
        shown = holders(system, account_name(purse.uim.account))
        assert system.authority("roll", "--emergency").status == OK
        assert system.kinchaku("up").status == OK
        restart(system, "bank")
        again = holders(system, account_name(purse.uim.account))
        assert {one.serial_number for one in again} == {one.serial_number for one in shown}
        assert all(one.issuer != other.issuer for one in again for other in shown)
        purse.renewed()
        system.check_audit()
    finally:
        system.down()
