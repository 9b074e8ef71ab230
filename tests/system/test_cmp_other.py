"""Do our registrar and our bank get certificates from a CMP authority that is not ours - `openssl cmp -port` -, have it end them, and take
nothing else from it?"""
import base64
import http.client
import os
import re
import socket
import sqlite3
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from between import Between
from forge import make_keys
from kinchaku import OK, REFUSED, Uim
from test_close import password
from test_authority_roll import lists
from test_cmp import CERTIFICATE, CMP, bodytype, common
from test_directory import SUCCESS, WRITER, account_name, ldap, search, secret, values

PEM = serialization.Encoding.PEM
# In a request's template: a P-256 key, which has the template's own tag there, and the use of the certificate.
KEY = re.compile(bytes.fromhex("a6593013") + re.escape(bytes.fromhex("06072a8648ce3d020106082a8648ce3d030107034200")) + b"(.{65})", re.S)
USE = re.compile(bytes.fromhex("0603551d0f") + b"(?:\x01\x01\xff)?\x04\x04\x03\x02.(.)", re.S)


class OtherAuthority(Between):
    """One mock server for each certificate, since it gives out a single one, and behind it what CMP leaves open: the directory."""

    def __init__(self, system, folder):
        self.system, self.folder = system, folder
        # As our own authority makes them, but for name, key and number.
        model = account_name(system.open().account)
        known = [x509.load_der_x509_certificate(one) for one in values(system, model, CERTIFICATE)]
        self.classes = "".join(line + "\n" for line in search(system, model).stdout.splitlines() if line.startswith("objectClass:"))
        self.models = {"sign" if self.signs(one) else "encrypt": one for one in known}
        for name in ("root/root.crt", "authority/issuing.crt", "authority/sign.crt", "authority/sign.key"):
            (folder / name.replace("/", "-")).write_bytes((system.dir / name).read_bytes())
        self.wrong_key, self.more = None, []  # what a test has it do wrong
        self.processes, self.made, self.requests, self.serving = [], {}, [], None
        self.ever, self.ended = [], []  # certificates, and numbers that somebody had it revoke
        super().__init__(lambda body, _: (200, CMP, self.answer(body)))

    @staticmethod
    def signs(certificate):
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature

    @staticmethod
    def serial():
        """16 bytes, the only size that ours has."""
        return int.from_bytes(os.urandom(16), "big") >> 2 | 1 << 126

    def issue(self, use, account, key):
        model, key = self.models[use], self.wrong_key or key
        builder = x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, str(account))]))
        builder = builder.issuer_name(model.issuer).public_key(key).serial_number(self.serial())
        builder = builder.not_valid_before(model.not_valid_before).not_valid_after(model.not_valid_after)
        for one in model.extensions:
            is_id = one.oid == x509.SubjectKeyIdentifier.oid
            builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key) if is_id else one.value, one.critical)
        issuing = serialization.load_pem_private_key((self.system.dir / "authority/issuing.key").read_bytes(), None)
        return builder.sign(issuing, hashes.SHA256())

    def show(self, account):
        """Both in the directory, as ours would."""
        lines = "".join(f"{CERTIFICATE}:: {base64.b64encode(one.public_bytes(serialization.Encoding.DER)).decode()}\n"
                        for one in self.made.values())
        known = search(self.system, account_name(account)).stdout.count("cn: ")
        text = f"changetype: modify\nreplace: {CERTIFICATE}\n" if known else f"{self.classes}cn: {account}\n"
        done = ldap(self.system, "ldapmodify" if known else "ldapadd", name=WRITER, password=secret(self.system),
                    text=f"dn: {account_name(account)}\n{text}{lines}\n")
        assert done.returncode == SUCCESS, done

    def start(self, certificate):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        path = self.folder / f"mock-{port}.pem"
        path.write_bytes(certificate.public_bytes(PEM))
        call = ["openssl", "cmp", "-config", "", "-port", port, "-srv_cert", "authority-sign.crt", "-srv_key", "authority-sign.key",
                "-srv_trusted", "root-root.crt", "-srv_untrusted", "authority-issuing.crt", "-rsp_cert", path, "-accept_raverified",
                *self.more]
        self.processes.append(subprocess.Popen([str(one) for one in call], cwd=self.folder, stdout=subprocess.DEVNULL,
                                               stderr=(self.folder / f"mock-{port}.log").open("w")))
        for _ in range(100):
            if f":{port:04X} " in open("/proc/net/tcp").read() + open("/proc/net/tcp6").read():
                return port
            time.sleep(0.05)
        raise AssertionError("no mock server")

    def answer(self, body):
        self.requests.append(body)
        kind, key = bodytype(body), KEY.search(body)
        if kind == 11:
            one = next(one for one in self.ever if one.serial_number.to_bytes(16, "big") in body)
            self.ended.append(one.serial_number)
            self.serving = http.client.HTTPConnection("127.0.0.1", self.start(one), timeout=20)
        elif key:
            use = "sign" if USE.search(body)[1][0] & 0x80 else "encrypt"
            account = int(re.search(rb"\x0c.([0-9]{3,18})(?![0-9Z])", body)[1])
            self.made = {} if len(self.made) == 2 else self.made
            self.made[use] = self.issue(use, account, ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key[1]))
            self.ever.append(self.made[use])
            self.serving = http.client.HTTPConnection("127.0.0.1", self.start(self.made[use]), timeout=20)
            if len(self.made) == 2:
                self.show(account)
        # It forgets the transaction when the connection ends.
        self.serving.request("POST", "/pkix/", body, {"Content-Type": CMP, "Connection": "keep-alive"})
        return self.serving.getresponse().read()

    def words(self):
        return [path.read_text()[-1000:] for path in self.folder.glob("*.log")]

    def close(self):
        super().close()
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def other(alone, tmp_path):
    alone.up()
    folder = tmp_path / "other"
    folder.mkdir()
    make_keys(tmp_path / "keys")
    made = OtherAuthority(alone, folder)
    alone.configure("registrar", "authority", protocol="cmp")
    alone.configure("registrar", "servers", authority=made.url)
    yield made
    made.close()


def apply(system, tmp_path):
    return system.apply(system.ordinary_account(), tmp_path / "a.uim", "--keys", tmp_path / "keys")


# shows: R-OPEN-3 R-OPEN-4 R-NODE-2
def test_an_account_with_certificates_of_another_authority(alone, other, tmp_path):
    done = apply(alone, tmp_path)
    assert done.status == OK, (done, other.words())
    uim = Uim(alone, tmp_path / "a.uim", done.json)
    assert {common(one) for one in other.made.values()} == {str(uim.account)}
    # A request and a confirmation for each.
    assert len(other.requests) == 4
    shown = {x509.load_der_x509_certificate(one).serial_number for one in values(alone, account_name(uim.account), CERTIFICATE)}
    assert shown == {one.serial_number for one in other.made.values()}
    ours = alone.authority("list").objects
    assert not [item for item in ours if item["holder"] == uim.account]
    uim.must("fund", 300)
    uim.must("withdraw", 100, "--yes")
    assert uim.both() == (200, 100)
    alone.check_audit()


def nothing_opened(system, other, done, error):
    assert done.status != OK and done.error == error, (done, other.words())
    assert len(other.made) == 1, "the second is not asked for"


# shows: R-OPEN-4 R-SEC-2
def test_what_it_must_not_give_is_declined(alone, other, tmp_path):
    other.wrong_key = ec.generate_private_key(ec.SECP256R1()).public_key()
    nothing_opened(alone, other, apply(alone, tmp_path), "certificate-invalid")


@pytest.mark.parametrize("how,error", [
    (("-pkistatus", 2, "-failure", 10), "certificate-revoked"), (("-pkistatus", 2, "-failure", 24), "authority-unavailable"),
    (("-pkistatus", 2, "-failure", 9), "authority-refused"),
    (("-send_unprotected",), "bad-signature"), (("-pkistatus", 3, "-poll_count", 100), "timeout")])
# shows: R-OPEN-4 R-SEC-2
def test_its_refusals_by_name(alone, other, tmp_path, how, error):
    other.more = how
    nothing_opened(alone, other, apply(alone, tmp_path), error)


@pytest.fixture
def opened(alone, other, tmp_path):
    """An account of the other authority, whose bank asks it too."""
    alone.configure("bank", "authority", protocol="cmp", url=other.url)
    alone.kill("bank")
    alone.up()
    done = apply(alone, tmp_path)
    assert done.status == OK, (done, other.words())
    uim = Uim(alone, tmp_path / "a.uim", done.json)
    uim.must("fund", 300)
    uim.must("withdraw", 100, "--yes")
    return uim


def await_state(system, purse, state):
    for _ in range(100):
        with sqlite3.connect(f"file:{system.dir}/bank/bank.db?mode=ro", uri=True) as database:
            found = [row[0] for row in database.execute("SELECT state FROM renewals WHERE purse = ? ORDER BY number", (int(purse),))]
        if found and found[-1] == state:
            return
        time.sleep(0.1)
    raise AssertionError(found)


RETIRED = 4


# shows: R-RENEW-5 R-RENEW-2 R-NODE-2
def test_a_renewal_with_certificates_of_another_authority(alone, other, opened):
    for _ in range(2):
        old, sent = list(other.made.values()), len(other.requests)
        opened.must("renew")
        new = list(other.made.values())
        assert {common(one) for one in new} == {str(opened.account)} and not set(old) & set(new)
        await_state(alone, opened.purse, RETIRED)
        # Two requests with their confirmations, and one word for each of the old certificates.
        assert sorted(other.ended[-2:]) == sorted(one.serial_number for one in old)
        assert len(other.requests) == sent + 6 and len(other.ended) == len(set(other.ended))
        assert opened.both() == (200, 100)
        opened.must("withdraw", 10, "--yes")
        opened.must("deposit", 10, "--yes")
    ours = alone.authority("list").objects
    assert not [item for item in ours if item["holder"] == opened.account]
    alone.check_audit()


@pytest.mark.parametrize("how,error", [
    (("-pkistatus", 2, "-failure", 10), "certificate-revoked"), (("-pkistatus", 2, "-failure", 24), "authority-unavailable"),
    (("-send_unprotected",), "bad-signature"), (None, "certificate-invalid")])
# shows: R-RENEW-7 R-SEC-2
def test_a_renewal_that_it_refuses(alone, other, opened, how, error):
    old = list(other.made.values())
    other.more = how or []
    other.wrong_key = None if how else ec.generate_private_key(ec.SECP256R1()).public_key()
    assert opened.station("renew").error == error
    # The purse goes on with what it has, and takes the renewal up again.
    opened.must("withdraw", 10, "--yes")
    assert not other.ended
    other.more, other.wrong_key, other.made = [], None, {}
    opened.must("renew")
    await_state(alone, opened.purse, RETIRED)
    assert sorted(other.ended) == sorted(one.serial_number for one in old)
    alone.check_audit()


# shows: R-SEC-4 R-RENEW-5
def test_a_closed_account_with_certificates_of_another_authority(alone, other, opened):
    assert alone.bank("close", opened.account).status == OK
    for _ in range(100):
        if alone.bank("closings").objects[0]["revoked"]:
            break
        time.sleep(0.1)
    assert sorted(other.ended) == sorted(one.serial_number for one in other.made.values())
    assert opened.must("withdraw", 1, "--yes", status=REFUSED).error == "account-closed"


# shows: R-SEC-4 R-NODE-2
def test_a_directory_that_goes_on_showing_them(alone, other, opened):
    """The authority takes the word, and nobody takes the certificates away: that is told, and not that it is done."""
    lost = ("lost", "--account", opened.account, "--purse", opened.purse, "--password-file", password(opened))
    done = alone.registrar(*lost)
    assert (done.status, done.error) == (REFUSED, "pending"), done
    assert set(other.ended) == {one.serial_number for one in other.made.values()}
    gone = ldap(alone, "ldapdelete", account_name(opened.account), name=WRITER, password=secret(alone))
    assert gone.returncode == SUCCESS, gone
    assert alone.registrar(*lost).status == OK
    assert set(other.ended) == {one.serial_number for one in other.made.values()}


# shows: R-SEC-4 R-NODE-2 R-RENEW-5
def test_a_directory_that_shows_the_next_pair_late(alone, other, opened):
    """The bank does not say that it is done before what is shown is on the list, or gone."""

    def wait(**wanted):
        for _ in range(300):
            row = alone.bank("purse", opened.purse).objects[0]
            if all(row[name] == value for name, value in wanted.items()):
                return
            time.sleep(0.1)
        raise AssertionError(row)

    lost = ("lost", "--account", opened.account, "--purse", opened.purse, "--password-file", password(opened))
    assert alone.registrar(*lost).error == "pending"
    wait(revocation="pending", revocation_reason="pending")
    other.made = {use: other.issue(use, opened.account, one.public_key()) for use, one in other.made.items()}
    other.ever += other.made.values()
    late = {one.serial_number for one in other.made.values()}
    assert not late & set(other.ended)
    other.show(opened.account)
    for _ in range(300):
        if late <= set(other.ended):
            break
        time.sleep(0.1)
    assert late <= set(other.ended)
    row = alone.bank("purse", opened.purse).objects[0]
    assert row["revocation"] == "pending", row
    gone = ldap(alone, "ldapdelete", account_name(opened.account), name=WRITER, password=secret(alone))
    assert gone.returncode == SUCCESS, gone
    wait(revocation="done", revocation_reason="-")


# shows: R-SEC-2 R-SEC-4 R-RENEW-8
def test_a_key_that_the_authority_gave_up_answers_nothing(alone, other, opened, tmp_path):
    """The other one answers with a key that was the authority's own, until that rolled its keys over."""
    alone.configure("authority", "times", keys_ms=1500, crl_ms=500)
    alone.configure("bank", "times", crl_ms=300)
    alone.down()
    assert alone.kinchaku("roll", "--authority").status == OK
    time.sleep(1.5)
    alone.up()
    former = x509.load_pem_x509_certificate((other.folder / "authority-sign.crt").read_bytes()).serial_number
    for _ in range(100):
        if former in {entry.serial_number for one in lists(alone) for entry in one}:
            break
        time.sleep(0.1)
    time.sleep(0.6)
    old = dict(other.made)
    assert opened.station("renew").error == "bad-signature"
    assert alone.registrar("lost", "--account", opened.account, "--purse", opened.purse,
                           "--password-file", password(opened)).error == "bad-signature"
    other.made = {}
    nothing_opened(alone, other, alone.apply(alone.ordinary_account(), tmp_path / "b.uim", "--keys", tmp_path / "keys"), "bad-signature")
    # By the key in force it goes on.
    for name in ("sign.crt", "sign.key"):
        (other.folder / f"authority-{name}").write_bytes((alone.dir / "authority" / name.replace("sign", "sign-1")).read_bytes())
    (other.folder / "authority-issuing.crt").write_bytes((alone.dir / "authority/issuing-1.crt").read_bytes())
    other.made = old
    done = alone.registrar("lost", "--account", opened.account, "--purse", opened.purse, "--password-file", password(opened))
    assert done.error in (None, "pending"), (done, other.words())
