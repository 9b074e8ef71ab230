"""Does the authority's issuing key roll over under certificates that the old one issued, and are both issuers' lists and answers honoured -
with nobody else's issuer believed?"""
import os
import signal
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from hsm import Token
from kinchaku import BUILD, OK, REFUSED
from meeting import meet
from test_directory import ISSUER, account_name, change, values
from test_revocation import Shown, pem, stranger


def rich(system, amount=500):
    uim = system.open(balance=2 * amount, fund=2 * amount)
    uim.must("withdraw", amount, "--yes")
    return uim


def roll_over(system, *arguments):
    system.down()
    done = system.kinchaku("roll", "--authority", *arguments)
    assert done.status == OK, done
    system.up()


def issuers(system):
    found = [x509.load_der_x509_certificate(der) for der in values(system, ISSUER, "cACertificate;binary")]
    return sorted(found, key=lambda one: one.not_valid_before)


def lists(system):
    return [x509.load_der_x509_crl(der) for der in values(system, ISSUER, "certificateRevocationList;binary")]


def serials(system, uim):
    return {x509.load_der_x509_certificate(der).serial_number
            for der in values(system, account_name(uim.account), "userCertificate;binary")}


def issuer_of(system, uim):
    return x509.load_der_x509_certificate(values(system, account_name(uim.account), "userCertificate;binary")[0]).issuer


# shows: R-NODE-2 R-RENEW-8 R-SEC-4
def test_purses_of_both_issuers_pay_each_other_and_each_is_revoked_by_its_own_list(alone):
    alone.up()
    before, goes = rich(alone), rich(alone)
    busy = alone.authority("roll")
    assert busy.error == "in-use"
    assert alone.kinchaku("roll", "--authority").error == "in-use"
    roll_over(alone)
    old, new = issuers(alone)
    assert old.subject != new.subject and old.issuer == new.issuer
    root = x509.load_pem_x509_certificate((alone.dir / "root/root.crt").read_bytes())
    for one in (old, new):
        one.verify_directly_issued_by(root)
    assert sorted(one.issuer.rfc4514_string() for one in lists(alone)) == sorted(one.subject.rfc4514_string() for one in (old, new))
    after, leaves = rich(alone), rich(alone)
    assert issuer_of(alone, before) == old.subject and issuer_of(alone, after) == new.subject
    for payer, payee in ((before, after), (after, before)):
        paid, received = meet(payer, ("pay", 5), payee)
        assert (paid.status, received.status) == (OK, OK), (paid, received)
    for one in (before, after):
        one.must("sync")
    ended = {old.subject: serials(alone, goes), new.subject: serials(alone, leaves)}
    for one in (goes, leaves):
        assert alone.authority("revoke", "--account", one.account).status == OK
        one.fails("cert-revoked", "withdraw", 10, "--yes")
    for one in lists(alone):
        assert one.is_signature_valid((old if one.issuer == old.subject else new).public_key())
        assert {entry.serial_number for entry in one} == ended[one.issuer]
    for one in (before, after):
        one.must("withdraw", 10, "--yes")
    alone.check_audit()


# shows: R-SEC-4 R-RENEW-8
def test_the_responder_answers_for_both_issuers(alone, tmp_path):
    alone.configure("bank", "revocation", mode="ocsp", fresh_ms=0)
    alone.up()
    before, goes = rich(alone), rich(alone)
    roll_over(alone)
    after, leaves = rich(alone), rich(alone)
    for one in (goes, leaves):
        assert alone.authority("revoke", "--account", one.account).status == OK
    shown = Shown(alone, tmp_path)
    for issuer, good, revoked in zip(issuers(alone), (before, after), (goes, leaves)):
        shown.issuer = pem(tmp_path, f"issuer-{issuer.serial_number}", issuer.public_bytes(serialization.Encoding.DER))
        words, done = shown.words(shown.holder(good))
        assert words == ["good"] * 2, done
        # What another one issued is unknown to this one, whatever became of it.
        other = after if good is before else before
        done = shown.ask("-serial", serials(alone, other).pop())
        assert "Response verify OK" in done.stderr and ": unknown" in done.stdout, done
        revoked.fails("cert-revoked", "withdraw", 10, "--yes")
        good.must("withdraw", 10, "--yes")
    alone.check_audit()


# shows: R-RENEW-8
def test_a_roll_over_is_gone_on_with_wherever_it_was_cut(alone):
    alone.up()
    uim = rich(alone)
    alone.down()
    folder = alone.dir / "authority"
    # Killed at every moment of it, until it comes through; the system comes up each time and knows one or two issuers.
    command = [str(BUILD / "src/authority/kinchaku-authority"), "roll", "--dir", str(alone.dir)]
    for wait in (0.001, 0.003, 0.006, 0.01, 0.02):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        if (folder / "issuing-1.crt").exists():
            break
    assert alone.kinchaku("roll", "--authority").status == OK if not (folder / "issuing-1.crt").exists() else True
    key, certificate = (folder / "issuing-1.key").read_bytes(), folder / "issuing-1.crt"
    # Cut before the certificate was written, and before the key was made: the next start goes on.
    certificate.unlink()
    alone.up()
    assert certificate.exists() and (folder / "issuing-1.key").read_bytes() == key
    assert len(issuers(alone)) == 2
    uim.must("withdraw", 10, "--yes")
    alone.down()
    # The root's key is elsewhere: nothing is made, and everything else goes on; it comes back, and so does the roll-over.
    root, away = alone.dir / "root/root.key", alone.dir / "away.key"
    os.rename(root, away)
    assert alone.kinchaku("roll", "--authority").status != OK
    alone.up()
    assert len(issuers(alone)) == 2
    uim.must("withdraw", 10, "--yes")
    alone.down()
    os.rename(away, root)
    alone.up()
    assert len(issuers(alone)) == 3
    uim.must("withdraw", 10, "--yes")
    rich(alone)
    alone.check_audit()


# shows: R-SEC-2 R-RENEW-8
def test_an_issuer_that_the_root_did_not_sign_is_passed_over(alone):
    alone.configure("authority", "times", crl_ms=3_600_000)
    alone.configure("bank", "times", crl_ms=500)
    alone.up()
    uim = rich(alone)
    roll_over(alone)
    key, forged = stranger("Kinchaku issuer 3")
    listed = (x509.CertificateRevocationListBuilder().issuer_name(forged.subject)
              .last_update(forged.not_valid_before).next_update(forged.not_valid_after)
              .add_extension(x509.CRLNumber(10 ** 9), critical=False).sign(key, hashes.SHA256()))
    add(alone, "cACertificate;binary", forged.public_bytes(serialization.Encoding.DER))
    add(alone, "certificateRevocationList;binary", listed.public_bytes(serialization.Encoding.DER))
    assert len(issuers(alone)) == len(lists(alone)) == 3
    victim = rich(alone)
    leaf_key, leaf = stranger(victim.account, forged, key)
    replace(alone, account_name(victim.account), leaf.public_bytes(serialization.Encoding.DER))
    done = victim.station("withdraw", 10, "--yes")
    assert done.status != OK, done
    uim.must("withdraw", 10, "--yes")


# shows: R-SEC-2 R-RENEW-8
def test_the_new_key_is_made_in_a_token(alone, monkeypatch):
    token = Token()
    for name, value in token.env.items():
        monkeypatch.setenv(name, value)
    try:
        alone.up()
        before = rich(alone)
        roll_over(alone, "--token", token.uri)
        assert not (alone.dir / "authority" / "issuing-1.key").exists()
        assert "authority-issuing-1" in token.pkcs11_tool("--list-objects")
        after = rich(alone)
        paid, received = meet(before, ("pay", 5), after)
        assert (paid.status, received.status) == (OK, OK), (paid, received)
        for one in (before, after):
            one.must("sync")
        assert len(lists(alone)) == 2
        alone.check_audit()
    finally:
        token.close()
