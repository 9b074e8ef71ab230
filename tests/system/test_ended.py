"""Is a key that was revoked heard as one that ended, because a directory says so?"""
import datetime
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from kinchaku import OK
from meeting import meet
from test_authority_roll import issuers, write
from test_directory import WRITER, account_name, entry, ldap, secret, values

HOUR = datetime.timedelta(hours=1)


def ended(key, issuer, der, subject):
    """The same certificate, when it ended an hour ago; also of another account."""
    one = x509.load_der_x509_certificate(der)
    names = x509.Name([x509.NameAttribute(name.oid, subject) if name.value.isdigit() else name for name in one.subject])
    now = datetime.datetime.utcnow().replace(microsecond=0)
    built = (x509.CertificateBuilder().subject_name(names).issuer_name(issuer.subject).public_key(one.public_key())
             .serial_number(one.serial_number ^ 0xff).not_valid_before(now - 3 * HOUR).not_valid_after(now - HOUR))
    for extension in one.extensions:
        built = built.add_extension(extension.value, extension.critical)
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


# shows: R-SEC-4 R-NODE-3
@pytest.mark.parametrize("revoked", [False, True])
@pytest.mark.parametrize("own", [True, False])
def test_that_others_ended_does_not_settle_what_a_revoked_key_signed(alone, own, revoked):
    """Who lost nothing by it has its key from the bank's own books; who was revoked has none, whatever pair is shown."""
    alone.configure("bank", "times", crl_ms=500)
    alone.up()
    payer, payee = (alone.open(fund=100) for _ in range(2))
    for uim in (payer, payee):
        uim.must("withdraw", 30, "--yes")
    # An issuer that began now signed nothing that ended: as if it had begun before.
    mine = values(alone, account_name(payer.account), "userCertificate;binary")
    key = serialization.load_pem_private_key((alone.dir / "authority/issuing.key").read_bytes(), None)
    issuer, = issuers(alone)
    shown = [ended(key, issuer, der, str(payer.account if own else payee.account)) for der in mine]
    paid, taken = meet(payer, ("pay", 7), payee)
    assert (paid.status, taken.status) == (OK, OK), (paid, taken)
    if revoked:
        assert alone.authority("revoke", "--account", payer.account).status == OK
        time.sleep(2)
    if revoked:
        again = entry(payer.account).replace("cn:", "objectClass: pkiUser\ncn:", 1)
        assert ldap(alone, "ldapadd", name=WRITER, password=secret(alone), text=again).returncode == 0
    write(alone, account_name(payer.account), "userCertificate;binary", shown, "replace")
    alone.kill("bank")
    alone.up()
    done = payee.must("sync")
    words = [one["reason"] for one in done.objects if "objection" in one]
    taken = own and not revoked
    assert words == ([] if taken else ["certificate-revoked" if own else "certificate-invalid"]), done
    assert payee.shadow() == (37 if taken else 30)
    alone.check_audit()
