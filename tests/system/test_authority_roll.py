"""Does the authority's issuing key roll over under certificates that the old one issued, and are both issuers' lists and answers honoured -
with nobody else's issuer believed?"""
import base64
import datetime
import os
import signal
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hsm import Token
from kinchaku import BUILD, OK
from meeting import meet
from test_directory import ISSUER, SUCCESS, WRITER, account_name, ldap, secret, values
from test_handover import ready
from test_revocation import Shown, pem


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
    alone.configure("bank", "times", crl_ms=500)
    alone.configure("bank", "revocation", mode="crl")
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
        assert one.issuer == root.subject
        root.public_key().verify(one.signature, one.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
    assert sorted(one.issuer.rfc4514_string() for one in lists(alone)) == sorted(one.subject.rfc4514_string() for one in (old, new))
    after, leaves = rich(alone), rich(alone)
    assert issuer_of(alone, before) == old.subject and issuer_of(alone, after) == new.subject
    for payer, payee in ((before, after), (after, before)):
        paid, received = meet(payer, ("pay", 5), payee)
        assert (paid.status, received.status) == (OK, OK), (paid, received)
    for one in (before, after):
        one.must("sync")
    # Keys renewed after it are by the new one.
    before.must("renew", "--yes")
    assert issuer_of(alone, before) == new.subject
    before.must("withdraw", 10, "--yes")
    ended = {old.subject: serials(alone, goes), new.subject: serials(alone, leaves)}
    for one in (goes, leaves):
        one.must("withdraw", 10, "--yes")
        assert alone.authority("revoke", "--account", one.account).status == OK
    all_ended = set().union(*ended.values())
    time.sleep(2)  # the bank fetches the lists twice a second
    for one in (goes, leaves):
        one.fails("certificate-revoked", "withdraw", 10, "--yes")
    for one in lists(alone):
        assert one.is_signature_valid((old if one.issuer == old.subject else new).public_key())
        assert {entry.serial_number for entry in one} >= ended[one.issuer]
        assert not {entry.serial_number for entry in one} & (all_ended - ended[one.issuer])
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
        one.must("withdraw", 10, "--yes")
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
        revoked.fails("certificate-revoked", "withdraw", 10, "--yes")
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
    assert alone.kinchaku("roll", "--authority").error == "file-missing"
    assert not (folder / "issuing-2.plan").exists()
    (folder / "issuing-2.plan").write_text("[roll]\nnumber = 2\n")
    assert "waits for the root's key" in alone.up().err
    assert len(issuers(alone)) == 2
    uim.must("withdraw", 10, "--yes")
    alone.down()
    os.rename(away, root)
    assert "planned and is gone on with" in alone.up().err
    assert len(issuers(alone)) == 3
    uim.must("withdraw", 10, "--yes")
    rich(alone)
    alone.check_audit()


# shows: R-RENEW-2 R-RENEW-5 R-RENEW-8
def test_keys_that_the_authority_made_before_it_are_handed_over_after_it(alone):
    alone.up()
    made, later = rich(alone), rich(alone)
    old, first = serials(alone, made), serials(alone, later)
    ready(alone, made)
    roll_over(alone)
    before, new = issuers(alone)
    ready(alone, later)
    for one in (made, later):
        one.must("renew", "--by", "authority")
        one.must("withdraw", 10, "--yes")
    assert issuer_of(alone, made) == before.subject and issuer_of(alone, later) == new.subject
    # What they had is on the list of who issued it.
    for _ in range(100):
        listed = {one.issuer: {entry.serial_number for entry in one} for one in lists(alone)}
        if old | first <= listed[before.subject]:
            break
        time.sleep(0.1)
    assert old | first <= listed[before.subject] and not listed[new.subject], listed
    alone.check_audit()


def write(system, name, attribute, ders, how):
    text = f"dn: {name}\nchangetype: modify\n{how}: {attribute}\n"
    text += "".join(f"{attribute}:: {base64.b64encode(der).decode()}\n" for der in ders) + "\n"
    done = ldap(system, "ldapmodify", name=WRITER, password=secret(system), text=text)
    assert done.returncode == SUCCESS, done


def issued_by(key, issuer, der):
    """The same certificate, as if this issuer had made it."""
    one = x509.load_der_x509_certificate(der)
    built = (x509.CertificateBuilder().subject_name(one.subject).issuer_name(issuer.subject).public_key(one.public_key())
             .serial_number(one.serial_number).not_valid_before(issuer.not_valid_before).not_valid_after(issuer.not_valid_after))
    for extension in one.extensions:
        value = extension.value
        if isinstance(value, x509.AuthorityKeyIdentifier):
            value = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())
        built = built.add_extension(value, extension.critical)
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


# shows: R-SEC-2 R-RENEW-8
def test_an_issuer_that_the_root_did_not_sign_is_passed_over(alone):
    """Somebody who can write the directory, and even has the root's name."""
    alone.configure("authority", "times", crl_ms=3_600_000)
    alone.up()
    uim, victim = rich(alone), rich(alone)
    roll_over(alone)
    key, issuer = ec.generate_private_key(ec.SECP256R1()), issuers(alone)[1]
    root_key = ec.generate_private_key(ec.SECP256R1())
    names = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Kinchaku issuer 3")])
    built = (x509.CertificateBuilder().subject_name(names).issuer_name(issuer.issuer).public_key(key.public_key()).serial_number(2 ** 126)
             .not_valid_before(issuer.not_valid_before).not_valid_after(issuer.not_valid_after))
    for extension in issuer.extensions:
        value = extension.value
        if isinstance(value, x509.SubjectKeyIdentifier):
            value = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        built = built.add_extension(value, extension.critical)
    forged = built.sign(root_key, hashes.SHA256())
    now = datetime.datetime.utcnow()
    listed = (x509.CertificateRevocationListBuilder().issuer_name(names).last_update(now).next_update(now + datetime.timedelta(hours=1))
              .add_extension(x509.CRLNumber(10 ** 9), critical=False)
              .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
              .sign(key, hashes.SHA256()))
    mine = values(alone, account_name(victim.account), "userCertificate;binary")

    def put(by, with_key):
        write(alone, account_name(victim.account), "userCertificate;binary", [issued_by(with_key, by, der) for der in mine], "replace")
        alone.kill("bank")
        assert alone.kinchaku("up").status == OK

    for attribute, more in (("cACertificate;binary", forged), ("certificateRevocationList;binary", listed)):
        write(alone, ISSUER, attribute, [more.public_bytes(serialization.Encoding.DER), *values(alone, ISSUER, attribute)], "replace")
    assert len(issuers(alone)) == len(lists(alone)) == 3
    put(forged, key)
    victim.fails("certificate-invalid", "withdraw", 10, "--yes")
    uim.must("withdraw", 10, "--yes")
    # The same by the true key is believed: it was who signed that was refused.
    true_key = serialization.load_pem_private_key((alone.dir / "authority/issuing-1.key").read_bytes(), None)
    put(issuer, true_key)
    victim.must("withdraw", 10, "--yes")


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
        assert not list((alone.dir / "authority").glob("*-1.key")), "nor its own"
        assert all(f"authority-{name}-1" in token.pkcs11_tool("--list-objects") for name in ("issuing", "sign", "encrypt"))
        after = rich(alone)
        paid, received = meet(before, ("pay", 5), after)
        assert (paid.status, received.status) == (OK, OK), (paid, received)
        for one in (before, after):
            one.must("sync")
        assert len(lists(alone)) == 2
        alone.check_audit()
    finally:
        token.close()
