"""Does the directory take the authority's word only, and does the authority keep it up to date, whatever happens to it?"""
import base64
import shutil
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID

WRITER = "cn=authority,o=kinchaku"
ISSUER = "cn=issuer,ou=servers,o=kinchaku"
SUCCESS, SIZE_LIMIT, STRONGER, INVALID, INSUFFICIENT, UNWILLING = 0, 4, 8, 49, 50, 53


def ldap(system, tool, *arguments, name=None, password=None, text=None):
    command = [tool, "-x", "-H", f"ldap://127.0.0.1:{system.port('slapd')}"]
    command += ["-D", name, "-w", password] if name else []
    return subprocess.run([*command, *arguments], capture_output=True, text=True, input=text, check=False, timeout=60)


def search(system, base, scope="base", attribute="*"):
    return ldap(system, "ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", base, "-s", scope, "(objectClass=*)", attribute)


def values(system, base, attribute):
    """The binary values of an attribute, as anybody reads them."""
    lines = search(system, base, attribute=attribute).stdout.splitlines()
    return [base64.b64decode(line.partition(":: ")[2]) for line in lines if line.startswith(f"{attribute}:: ")]


def account_name(number):
    return f"cn={number},ou=accounts,o=kinchaku"


def secret(system):
    return (system.dir / "authority/directory.secret").read_text().strip()


def entry(name):
    return f"dn: cn={name},ou=accounts,o=kinchaku\nobjectClass: applicationProcess\ncn: {name}\n\n"


# shows: R-NODE-3 R-SEC-3
def test_only_the_authority_writes(shared):
    uim = shared.open()
    mine = account_name(uim.account)
    certificates = sorted(values(shared, mine, "userCertificate;binary"))
    assert len(certificates) == 2
    change = f"dn: {mine}\nchangetype: modify\nadd: description\ndescription: changed\n\n"
    takeover = f"dn: {mine}\nchangetype: modify\ndelete: userCertificate;binary\n\n"
    password = f"dn: {mine}\nchangetype: modify\nadd: userPassword\nuserPassword: mine\n\n"
    crl = f"dn: {ISSUER}\nchangetype: modify\ndelete: certificateRevocationList;binary\n\n"
    refused = {STRONGER, INVALID, INSUFFICIENT, UNWILLING}
    for name, word in ((None, None), (WRITER, "wrong"), (WRITER, ""), (mine, "word"), (mine, ""), ("cn=admin,o=kinchaku", "admin"),
                       ("cn=config", "config")):
        for text in (change, takeover, password, crl):
            done = ldap(shared, "ldapmodify", name=name, password=word, text=text)
            assert done.returncode in refused, (name, done)
        assert ldap(shared, "ldapadd", name=name, password=word, text=entry(26)).returncode in refused
        assert ldap(shared, "ldapdelete", mine, name=name, password=word).returncode in refused
    assert sorted(values(shared, mine, "userCertificate;binary")) == certificates
    # slapd itself refuses to let nobody write; the access rule stands behind it, so somebody with a name is needed to meet it.
    somebody = "cn=somebody,ou=accounts,o=kinchaku"
    person = f"dn: {somebody}\nobjectClass: person\ncn: somebody\nsn: somebody\nuserPassword: word\n\n"
    assert ldap(shared, "ldapadd", name=WRITER, password=secret(shared), text=person).returncode == SUCCESS
    for text in (change, takeover, crl, change.replace(mine, somebody)):
        done = ldap(shared, "ldapmodify", name=somebody, password="word", text=text)
        assert done.returncode == INSUFFICIENT, done
    assert ldap(shared, "ldapdelete", somebody, name=WRITER, password=secret(shared)).returncode == SUCCESS
    # The same change is a good one for the authority: it was who asked that was refused.
    done = ldap(shared, "ldapmodify", name=WRITER, password=secret(shared), text=change)
    assert done.returncode == SUCCESS, done
    assert "description: changed" in search(shared, mine).stdout


def test_nobody_reads_the_configuration(shared):
    for base in ("cn=config", "cn=monitor"):
        found = search(shared, base, "sub")
        assert found.stdout == "" and found.returncode != SUCCESS, found
    assert "rootpw" not in search(shared, "o=kinchaku", "sub").stdout
    assert (shared.dir / "directory/slapd.conf").stat().st_mode & 0o077 == 0
    assert (shared.dir / "authority/directory.secret").stat().st_mode & 0o077 == 0


# shows: R-NODE-3
def test_found_by_account_number_and_never_all_at_once(shared):
    uim = shared.open()
    text = "".join(entry(f"other-{i}") for i in range(510))
    done = ldap(shared, "ldapadd", name=WRITER, password=secret(shared), text=text)
    assert done.returncode == SUCCESS, done.stderr
    found = search(shared, "ou=accounts,o=kinchaku", "sub", "cn")
    assert found.returncode == SIZE_LIMIT and found.stdout.count("dn: ") == 500, found.returncode
    found = ldap(shared, "ldapsearch", "-LLL", "-b", "ou=accounts,o=kinchaku", f"(cn={uim.account})", "cn")
    assert found.returncode == SUCCESS and found.stdout.count("dn: ") == 1


def critical(certificate, oid):
    return certificate.extensions.get_extension_for_oid(oid).critical


def usages(certificate):
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
             "crl_sign")
    return {name for name in names if getattr(usage, name)}


def check_certificate(certificate, issuer, subject, wanted, path_length):
    """The profiles of RFC 5280 as we chose them, read by another library than the one that wrote them."""
    issuer.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
    assert certificate.version == x509.Version.v3 and certificate.issuer == issuer.subject
    assert [name.value for name in certificate.subject] == [subject] and certificate.subject.rdns[0]
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert 2**126 <= certificate.serial_number < 2**127
    assert certificate.not_valid_after <= issuer.not_valid_after
    assert usages(certificate) == wanted
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (path_length is not None, path_length)
    assert critical(certificate, ExtensionOID.KEY_USAGE) and critical(certificate, ExtensionOID.BASIC_CONSTRAINTS)
    own = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert own == x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    above = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert above.key_identifier == issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert len(certificate.extensions) == 4


# shows: R-NODE-2 R-NODE-3
def test_certificates_as_another_reader_sees_them(shared):
    root = x509.load_pem_x509_certificate((shared.dir / "root/root.crt").read_bytes())
    issuer = x509.load_der_x509_certificate(values(shared, ISSUER, "cACertificate;binary")[0])
    authority = {"key_cert_sign", "crl_sign"}
    check_certificate(root, root, "Kinchaku root", authority, 1)
    check_certificate(issuer, root, "Kinchaku issuer", authority, 0)
    assert root.public_key().public_numbers() != issuer.public_key().public_numbers()
    names = {f"cn={name},ou=servers,o=kinchaku": name for name in ("bank", "authority", "registrar")}
    seals = {"es256": {"key_agreement"}, "rs2048": {"key_encipherment"}}
    found, by_name = set(), {name: seals["es256"] for name in names}
    for suite, seal in seals.items():
        account = shared.open("--suite", suite).account
        names[account_name(account)], by_name[account_name(account)] = str(account), seal
    for name, subject in names.items():
        certificates = [x509.load_der_x509_certificate(der) for der in values(shared, name, "userCertificate;binary")]
        assert len(certificates) == 2
        for certificate in certificates:
            check_certificate(certificate, issuer, subject, usages(certificate), None)
            found.add(certificate.serial_number)
        assert sorted(map(usages, certificates), key=len) == [by_name[name], {"digital_signature", "content_commitment"}]
    assert len(found) == 2 * len(names)


def read_list(system):
    """The revocation list, checked: by the issuing key, not by the root's, with number and next update."""
    issuer = x509.load_der_x509_certificate(values(system, ISSUER, "cACertificate;binary")[0])
    root = x509.load_pem_x509_certificate((system.dir / "root/root.crt").read_bytes())
    found = x509.load_der_x509_crl(values(system, ISSUER, "certificateRevocationList;binary")[0])
    assert found.is_signature_valid(issuer.public_key()) and not found.is_signature_valid(root.public_key())
    assert found.issuer == issuer.subject and found.next_update > found.last_update
    above = found.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert above.key_identifier == issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    return found, found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def wait_for_list(system, number):
    for _ in range(300):
        found, newer = read_list(system)
        if newer > number:
            return found, newer
        time.sleep(0.1)
    raise AssertionError("no newer list")


# shows: R-NODE-2 R-SEC-4
def test_the_list_comes_on_schedule_also_after_the_directory_was_away(alone):
    alone.configure("authority", "times", crl_ms=500)
    alone.up()
    _, number = read_list(alone)
    _, number = wait_for_list(alone, number)
    gone = alone.open()
    serials = {x509.load_der_x509_certificate(der).serial_number
               for der in values(alone, account_name(gone.account), "userCertificate;binary")}
    alone.kill("slapd")
    done = alone.authority("revoke", "--account", gone.account)
    assert done.error == "directory-unavailable", done
    for _ in range(200):
        if "publishing failed" in alone.log("authority"):
            break
        time.sleep(0.1)
    alone.up()
    # The list that was made just before the directory went may stand there for a moment.
    found, later = wait_for_list(alone, number)
    for _ in range(3):
        if {entry.serial_number for entry in found} != serials:
            found, later = wait_for_list(alone, later)
    assert {entry.serial_number for entry in found} == serials
    # Killed, the authority goes on with the next number and other serials.
    alone.kill("authority")
    alone.up()
    _, latest = wait_for_list(alone, later)
    assert latest > later
    stays = alone.open()
    new = {x509.load_der_x509_certificate(der).serial_number
           for der in values(alone, account_name(stays.account), "userCertificate;binary")}
    assert len(new) == 2 and not new & serials


# shows: R-NODE-3
def test_a_lost_directory_is_filled_again(alone):
    alone.up()
    uims = [alone.open(fund=10) for _ in range(3)]
    before = {uim.account: sorted(values(alone, account_name(uim.account), "userCertificate;binary")) for uim in uims}
    alone.down()
    shutil.rmtree(alone.dir / "directory/data")
    alone.up()

    def filled():
        return before == {uim.account: sorted(values(alone, account_name(uim.account), "userCertificate;binary")) for uim in uims}

    # The authority sees it when it starts, and an operator may ask for it.
    assert filled()
    done = alone.authority("publish")
    assert done.status == 0 and filled(), done
    uims[0].must("withdraw", 10, "--yes")
