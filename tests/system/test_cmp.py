"""Does the authority speak CMP with a client that is not ours, to those alone who may ask; and do we with an authority that is not ours?"""
import hashlib
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from between import Between
from kinchaku import AGAIN, FAULT, OK, REFUSED
from test_directory import account_name, values

CMP = "application/pkixcmp"
# What openssl says of an answer that is HTTP's and no message: nobody's request is worth a signature.
FORBIDDEN = "Forbidden"
CERTIFICATE, CRL = "userCertificate;binary", "certificateRevocationList;binary"
ISSUER = "cn=issuer,ou=servers,o=kinchaku"
count = iter(range(1, 10**6))


def number(nth):
    """An account number with its check digit."""
    digits = [int(d) for d in reversed(str(nth))]
    total = sum((2 * d - 9 if d > 4 else 2 * d) if i % 2 == 0 else d for i, d in enumerate(digits))
    return nth * 10 + (10 - total % 10) % 10


class Client:
    """`openssl cmp`, as somebody."""

    def __init__(self, system, folder, cert=None, key=None):
        self.system, self.folder = system, Path(folder)
        self.cert = cert or system.dir / "registrar/sign.crt"
        self.key = key or system.dir / "registrar/sign.key"
        # A list for openssl ends at a space.
        self.root, self.issuer = self.folder / "root.crt", self.folder / "issuing.crt"
        shutil.copy(system.dir / "root/root.crt", self.root)
        shutil.copy(system.dir / "authority/issuing.crt", self.issuer)

    def file(self, what):
        return self.folder / f"{next(count)}-{what}"

    def new_key(self, kind="ec"):
        key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
        path = self.file("key.pem")
        path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption()))
        return path

    def run(self, command, *arguments, signer=True, usage=None):
        """Gives openssl's words and the certificate, if one came."""
        config, out = self.file("config"), self.file("certificate.pem")
        config.write_text(f"[cmp]\n[wanted]\nkeyUsage = critical,{usage or 'digitalSignature,nonRepudiation'}\n")
        call = ["openssl", "cmp", "-batch", "-config", config, "-cmd", command, "-msg_timeout", "20", "-server",
                f"127.0.0.1:{self.system.port('authority')}/cmp", "-trusted", self.root, "-untrusted", self.issuer]
        call += ["-cert", self.cert, "-key", self.key] if signer else []
        call += ["-certout", out, "-reqexts", "wanted"] if command in ("ir", "cr", "kur") else []
        call += ["-certout", out] if command == "p10cr" else []
        done = subprocess.run([*map(str, call), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
        self.words = done.stdout + done.stderr
        got = x509.load_pem_x509_certificate(out.read_bytes()) if out.exists() else None
        assert (done.returncode == 0) == ("error" not in self.words.lower()), self.words
        return got if command != "rr" else done.returncode == 0

    def refused(self, reason, command, *arguments, **more):
        assert not self.run(command, *arguments, **more), self.words
        assert reason in self.words, self.words


@pytest.fixture
def client(shared, tmp_path):
    return Client(shared, tmp_path)


def save(folder, certificate):
    path = Path(folder) / f"{next(count)}-saved.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path


def common(certificate):
    return certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def revoked(system):
    crl = x509.load_der_x509_crl(values(system, ISSUER, CRL)[0])
    return {entry.serial_number for entry in crl}


def authority_list(system, account):
    listed = system.authority("list").objects
    return [(item["use"], item["revoked"]) for item in listed if item["holder"] == account]


# shows: R-OPEN-3 R-NODE-2 R-RENEW-2
@pytest.mark.parametrize("kind,usage", [("ec", "keyAgreement"), ("rsa", "keyEncipherment")])
def test_another_client_gets_both_certificates(shared, client, kind, usage):
    account = number(700001 + (kind == "rsa"))
    sign_key, encrypt_key = client.new_key(kind), client.new_key(kind)
    sign = client.run("ir", "-newkey", sign_key, "-subject", f"/CN={account}", "-days", 30)
    assert sign is not None and "PKICONF" in client.words, client.words
    encrypt = client.run("cr", "-newkey", encrypt_key, "-subject", f"/CN={account}", "-implicit_confirm", usage=usage)
    assert encrypt is not None and "PKICONF" not in client.words, client.words
    use = sign.extensions.get_extension_for_class(x509.KeyUsage).value
    assert use.digital_signature and use.content_commitment and not use.key_agreement and not use.key_encipherment
    use = encrypt.extensions.get_extension_for_class(x509.KeyUsage).value
    assert not use.digital_signature and (use.key_agreement if kind == "ec" else use.key_encipherment)
    for made in (sign, encrypt):
        assert common(made) == str(account)
        issuer = x509.load_pem_x509_certificate((shared.dir / "authority/issuing.crt").read_bytes())
        made.verify_directly_issued_by(issuer) if hasattr(made, "verify_directly_issued_by") else None
        assert made.issuer == issuer.subject
    assert sorted(values(shared, account_name(account), CERTIFICATE)) == sorted([der(sign), der(encrypt)])
    # Again: the same one, and no second.
    again = client.run("cr", "-newkey", sign_key, "-subject", f"/CN={account}")
    assert der(again) == der(sign)
    assert authority_list(shared, account) == [("sign", False), ("encrypt", False)]


# shows: R-OPEN-3
def test_a_pkcs10_request(shared, client):
    account, key, csr = number(700011), client.new_key(), client.file("request.pem")
    subprocess.run(["openssl", "req", "-new", "-key", key, "-subj", f"/CN={account}", "-out", csr, "-addext",
                    "keyUsage=critical,digitalSignature,nonRepudiation"], check=True, capture_output=True)
    made = client.run("p10cr", "-csr", csr)
    assert common(made) == str(account)


# shows: R-SEC-2 R-SEC-3
def test_who_may_not_ask(shared, client, tmp_path):
    account, key = number(700021), client.new_key()
    ask = ("-newkey", key, "-subject", f"/CN={account}")
    # Signed by a stranger with the registrar's name, by a holder, by nobody, by a password.
    registrar = x509.load_pem_x509_certificate((shared.dir / "registrar/sign.crt").read_bytes())
    key_id = registrar.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.key_identifier.hex()
    stranger = client.new_key()
    for words, more in ((FORBIDDEN, ()), ("rejection", ("-addext", f"subjectKeyIdentifier={key_id}"))):
        forged = client.file("stranger.pem")
        subprocess.run(["openssl", "req", "-x509", "-new", "-key", stranger, "-subj", "/CN=registrar", "-days", "3", "-out", forged,
                        *more], check=True, capture_output=True)
        Client(shared, tmp_path, forged, stranger).refused(words, "ir", *ask)
    holder_key = client.new_key()
    holder = save(tmp_path, client.run("ir", "-newkey", holder_key, "-subject", f"/CN={number(700022)}"))
    Client(shared, tmp_path, holder, holder_key).refused(FORBIDDEN, "ir", *ask)
    client.refused(FORBIDDEN, "ir", *ask, "-unprotected_requests")
    assert "refused reason=bad-signature by=cmp" in shared.log("authority")
    # By a password nobody is the registrar, whatever a library thinks of one that it was given no secret for.
    before, sent = shared.log("authority").count("refused reason=bad-signature by=cmp"), client.file("password.der")
    client.refused(FORBIDDEN, "ir", *ask, "-ref", "registrar", "-secret", "pass:kinchaku", "-recipient", "/CN=authority",
                   "-reqout", sent)
    assert b"registrar" in sent.read_bytes()[:60] and bytes.fromhex("2a864886f67d07420d") in sent.read_bytes()
    assert shared.log("authority").count("refused reason=bad-signature by=cmp") == before + 1
    # The authority is no requester, and its certificate is public.
    Client(shared, tmp_path, shared.dir / "authority/sign.crt", shared.dir / "authority/sign.key").refused(FORBIDDEN, "ir", *ask)
    assert "refused reason=unknown-signer by=cmp" in shared.log("authority")
    # The registrar's key for sealing signs nothing.
    Client(shared, tmp_path, shared.dir / "registrar/encrypt.crt", shared.dir / "registrar/encrypt.key").refused("", "ir", *ask)
    assert authority_list(shared, account) == []


# shows: R-OPEN-5
def test_a_number_that_was_certified_before_is_told_and_passed_over(alone, tmp_path):
    alone.up()
    client, account = Client(alone, tmp_path), alone.open().account
    client.refused("rejection", "ir", "-newkey", client.new_key(), "-subject", f"/CN={number(account // 10 + 2) + 1}")
    assert client.run("ir", "-newkey", client.new_key(), "-subject", f"/CN={number(account // 10 + 2)}")
    ordinary, path = alone.ordinary_account(), tmp_path / "a.uim"
    done = alone.apply(ordinary, path)
    assert (done.status, done.error) == (REFUSED, "already-exists") and f"account {number(account // 10 + 2)}" in done.err, done
    assert "try again" in done.err and not list(tmp_path.glob("a.uim*"))
    assert alone.apply(ordinary, path).json["account"] == number(account // 10 + 4)


# shows: R-SEC-2
def test_what_nobody_gets(shared, client, tmp_path):
    account, key = number(700031), client.new_key()
    for name in ("bank", "registrar", "authority", "Kinchaku issuer", "0123", str(account + 1), f"{account}x", "7"):
        client.refused("rejection", "ir", "-newkey", key, "-subject", f"/CN={name}")
    client.refused("badCertTemplate", "ir", "-newkey", key, "-subject", f"/O=more/CN={account}")
    client.refused("badCertTemplate", "ir", "-newkey", key, "-subject", f"/CN={account}", "-days", 4000)
    client.refused("badCertTemplate", "ir", "-newkey", key, "-subject", f"/CN={account}", usage="digitalSignature,keyAgreement")
    client.refused("badCertTemplate", "ir", "-newkey", key, "-subject", f"/CN={account}", usage="keyCertSign,cRLSign")
    client.refused("rejection", "ir", "-newkey", key, "-subject", f"/CN={account}", "-popo", -1)
    other = client.file("p521.pem")
    subprocess.run(["openssl", "ecparam", "-name", "secp521r1", "-genkey", "-noout", "-out", other], check=True, capture_output=True)
    client.refused("badAlg", "ir", "-newkey", other, "-subject", f"/CN={account}")
    assert authority_list(shared, account) == []
    # One key for one use, one kind of keys, one certificate.
    assert client.run("ir", "-newkey", key, "-subject", f"/CN={account}")
    client.refused("wrong-algorithm", "ir", "-newkey", key, "-subject", f"/CN={account}", usage="keyAgreement")
    client.refused("wrong-algorithm", "ir", "-newkey", client.new_key("rsa"), "-subject", f"/CN={account}", usage="keyEncipherment")
    client.refused("duplicateCertReq", "ir", "-newkey", client.new_key(), "-subject", f"/CN={account}")
    # The bank renews what is there and opens nothing.
    bank = Client(shared, tmp_path, shared.dir / "bank/sign.crt", shared.dir / "bank/sign.key")
    bank.refused("certRevoked", "cr", "-newkey", bank.new_key(), "-subject", f"/CN={number(700032)}")
    assert authority_list(shared, number(700032)) == []
    client.refused("rejection", "genm")


def bodytype(message):
    """The tag of the body, which follows the header."""
    def enter(at):
        more = message[at + 1] & 0x7f if message[at + 1] & 0x80 else 0
        size = int.from_bytes(message[at + 2:at + 2 + more], "big") if more else message[at + 1]
        return at + 2 + more, size
    header, _ = enter(0)
    start, size = enter(header)
    return message[start + size] & 0x1f


def post(system, message, content_type=CMP, path="/cmp"):
    request = urllib.request.Request(f"http://127.0.0.1:{system.port('authority')}{path}", message, {"Content-Type": content_type})
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, reply.headers["Content-Type"], reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


# shows: R-SEC-4 R-SEC-2
def test_a_message_again_changed_and_in_pieces(shared, client):
    account, key = number(700041), client.new_key()
    first, confirm = client.file("ir.der"), client.file("certconf.der")
    assert client.run("ir", "-newkey", key, "-subject", f"/CN={account}", "-reqout", f"{first},{confirm}")
    before = authority_list(shared, account)
    for message, word in ((first, b"replayed"), (confirm, b"")):
        status, kind, reply = post(shared, message.read_bytes())
        assert (status, kind) == (200, CMP) and word in reply and b"subject" not in reply
    # What it holds cannot be changed; a piece of it is no message.
    bytes_ = bytearray(first.read_bytes())
    at = bytes_.find(str(account).encode())
    changed = bytes(bytes_[:at]) + str(number(700042)).encode() + bytes(bytes_[at + 7:])
    assert len(changed) == len(bytes_) and post(shared, changed)[1] == CMP
    for message in (bytes(bytes_[:-1]), bytes(bytes_) + b"\0", b"", b"\x30\x80" * 100, b"\x30\x84\xff\xff\xff\xff", os.urandom(500)):
        status, kind, reply = post(shared, message)
        assert status == 400 and b"malformed" in reply, (status, kind, reply)
    assert post(shared, b"\x30" * 9000)[0] == 413
    assert post(shared, bytes(bytes_), "application/octet-stream")[0] == 415
    assert authority_list(shared, account) == before and authority_list(shared, number(700042)) == []
    assert shared.pid("authority")


# shows: R-SEC-4 R-NODE-2 R-RENEW-5
def test_revocation(shared, client, tmp_path):
    account, key = number(700051), client.new_key()
    made = client.run("ir", "-newkey", key, "-subject", f"/CN={account}")
    path = save(tmp_path, made)
    stranger = Client(shared, tmp_path, path, key)
    stranger.refused(FORBIDDEN, "rr", "-oldcert", path)
    for server in ("bank", "registrar", "authority"):
        client.refused("notAuthorized", "rr", "-oldcert", shared.dir / server / "sign.crt")
    client.refused("badCertId", "rr", "-oldcert", shared.dir / "authority/issuing.crt")
    client.refused("badCertTemplate", "rr", "-oldcert", path, "-revreason", 8)
    assert made.serial_number not in revoked(shared)
    assert client.run("rr", "-oldcert", path, "-revreason", 1), client.words
    crl = x509.load_der_x509_crl(values(shared, ISSUER, CRL)[0])
    entry = crl.get_revoked_certificate_by_serial_number(made.serial_number)
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason == x509.ReasonFlags.key_compromise
    assert values(shared, account_name(account), CERTIFICATE) == []
    assert client.run("rr", "-oldcert", path, "-revreason", 4), client.words
    # A key that was revoked is certified no more; another one is.
    client.refused("certRevoked", "ir", "-newkey", key, "-subject", f"/CN={account}")
    assert client.run("ir", "-newkey", client.new_key(), "-subject", f"/CN={account}")


# shows: R-RENEW-2 R-RENEW-7
def test_updates(alone, tmp_path):
    alone.configure("authority", "cmp", users=1)
    alone.up()
    client = Client(alone, tmp_path)
    account, key, new_key = number(700061), client.new_key(), client.new_key()
    cert = save(tmp_path, client.run("ir", "-newkey", key, "-subject", f"/CN={account}", "-days", 30))
    holder = Client(alone, tmp_path, cert, key)
    holder.refused("notAuthorized", "kur", "-newkey", new_key, "-oldcert", cert, "-subject", f"/CN={number(700062)}")
    holder.refused("notAuthorized", "ir", "-newkey", new_key, "-subject", f"/CN={account}")
    holder.refused("badCertTemplate", "kur", "-newkey", new_key, "-oldcert", cert, "-days", 20)
    made = holder.run("kur", "-newkey", new_key, "-oldcert", cert, "-days", 60)
    assert common(made) == str(account) and values(alone, account_name(account), CERTIFICATE) == [der(made)]
    # The answer was lost: the old key asks again and gets the same one; a third stands beside them only when the first is gone.
    assert der(holder.run("kur", "-newkey", new_key, "-oldcert", cert, "-days", 60)) == der(made)
    holder.refused("duplicateCertReq", "kur", "-newkey", client.new_key(), "-oldcert", cert, "-days", 90)
    assert holder.run("rr", "-oldcert", cert, "-revreason", 4)
    holder.refused(FORBIDDEN, "kur", "-newkey", client.new_key(), "-oldcert", cert, "-days", 90)
    # The registrar's own, and then its word under the new key.
    own_key = client.new_key()
    own = client.run("kur", "-newkey", own_key, "-oldcert", client.cert)
    assert common(own) == "registrar"
    renewed = Client(alone, tmp_path, save(tmp_path, own), own_key)
    assert renewed.run("ir", "-newkey", client.new_key(), "-subject", f"/CN={number(700063)}")


# shows: R-SEC-2
def test_a_declined_certificate_is_revoked(shared, client):
    """openssl trusts another root for what it gets, and says so in its confirmation."""
    account, key = number(700071), client.new_key()
    other = client.file("root.pem")
    subprocess.run(["openssl", "req", "-x509", "-new", "-key", client.new_key(), "-subj", "/CN=other", "-days", "3", "-out", other],
                   check=True, capture_output=True)
    client.refused("", "ir", "-newkey", key, "-subject", f"/CN={account}", "-out_trusted", other)
    assert authority_list(shared, account) == [("sign", True)]


# shows: R-SEC-2 R-SEC-4
def test_a_forged_confirmation_ends_nothing(shared, client):
    """Somebody between both sees the transaction's number and is faster with a confirmation of his own."""
    account, key, forged = number(700076), client.new_key(), []

    def carry(message, _):
        if bodytype(message) == 24 and not forged:
            certhash = message.index(b"\x04\x20") + 2
            forged.append(post(shared, message[:certhash] + bytes(32) + message[certhash + 32:]))
        return post(shared, message)

    with Between(carry) as between:
        made = client.run("ir", "-newkey", key, "-subject", f"/CN={account}", "-server", between.url.removeprefix("http://") + "/cmp")
    assert forged[0][0] == 403 and b"bad-signature" in forged[0][2], forged
    assert made is not None and "PKICONF" in client.words, client.words
    assert authority_list(shared, account) == [("sign", False)]


# shows: R-SEC-4
def test_killed_between_certificate_and_confirmation(alone, tmp_path):
    alone.up()
    client = Client(alone, tmp_path)
    account, key = number(700081), client.new_key()
    first, confirm = client.file("ir.der"), client.file("certconf.der")
    assert client.run("ir", "-newkey", key, "-subject", f"/CN={account}", "-reqout", f"{first},{confirm}")
    alone.kill("authority")
    alone.up()
    status, kind, reply = post(alone, confirm.read_bytes())
    assert (status, kind) == (200, CMP)
    # Nothing is remembered of the transaction: the request may even come again, and has no second effect.
    assert post(alone, first.read_bytes())[1] == CMP
    assert client.run("ir", "-newkey", key, "-subject", f"/CN={account}")
    assert authority_list(alone, account) == [("sign", False)]


# shows: R-SEC-2
def test_time_and_switch(alone, tmp_path):
    alone.configure("authority", "times", clock_ms=1000)
    alone.up()
    client = Client(alone, tmp_path)
    account, first = number(700091), client.file("ir.der")
    client.run("ir", "-newkey", client.new_key(), "-subject", f"/CN={account}", "-reqout", f"{first},{client.file('c.der')}")
    time.sleep(3)
    assert b"expired" in post(alone, first.read_bytes())[2]
    alone.down()
    alone.configure("authority", "cmp", serve=0)
    alone.up()
    assert post(alone, first.read_bytes())[0] == 404


# shows: R-OPEN-3 R-OPEN-7 R-NODE-2 R-RENEW-6
@pytest.mark.parametrize("suite", ["es256", "rs2048"])
def test_the_registrar_asks_by_cmp(alone, tmp_path, suite):
    password = tmp_path / "password"
    password.write_text("a password\n")
    password.chmod(0o600)
    alone.configure("registrar", "authority", protocol="cmp")
    alone.up()
    uim = alone.open("--suite", suite, "--password-file", password, fund=300)
    uim.must("withdraw", 100, "--yes")
    assert uim.both() == (200, 100)
    certificates = [x509.load_der_x509_certificate(one) for one in values(alone, account_name(uim.account), CERTIFICATE)]
    assert len(certificates) == 2
    lost = alone.registrar("lost", "--account", uim.account, "--purse", uim.purse, "--password-file", password)
    assert lost.status == OK, lost
    assert {one.serial_number for one in certificates} <= revoked(alone)
    assert values(alone, account_name(uim.account), CERTIFICATE) == []
    assert "by=cmp" in alone.log("authority")
    # Said again: the bank knows which ones they were, and the authority that they are revoked.
    again = alone.registrar("lost", "--account", uim.account, "--purse", uim.purse, "--password-file", password)
    assert again.status == OK, again
    alone.check_audit()
