"""Is a purse refused from the moment its certificates are revoked, by the responder or by the list, whatever becomes of either - and is
nobody refused by what a stranger says?"""
import base64
import datetime
import http.client
import re
import sqlite3
import subprocess
import time
import urllib.parse

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from between import Between
from kinchaku import AGAIN, OK, REFUSED
from forge import Attacker, pack
from test_cmp import Client, save
from test_directory import ISSUER, account_name, values

DAY = 86_400_000
ASKED, ANSWERED = "application/ocsp-request", "application/ocsp-response"
HOUR = datetime.timedelta(hours=1)


def pem(folder, name, der):
    path = folder / f"{name}.pem"
    path.write_bytes(x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM))
    return path


class Shown:
    """What OpenSSL's own client says of certificates, and whether it believes the answer."""

    def __init__(self, system, folder):
        self.system, self.folder = system, folder
        self.issuer = pem(folder, "issuer", values(system, ISSUER, "cACertificate;binary")[0])
        self.root = system.dir / "root/root.crt"
        self.url = f"http://127.0.0.1:{system.port('authority')}/ocsp"

    def holder(self, uim):
        return [pem(self.folder, f"{uim.account}-{i}", der)
                for i, der in enumerate(values(self.system, account_name(uim.account), "userCertificate;binary"))]

    def ask(self, *arguments, url=None):
        command = ["openssl", "ocsp", "-issuer", self.issuer, *arguments, "-url", url or self.url, "-resp_text",
                   "-CAfile", self.root, "-verify_other", self.issuer]
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=False)

    def words(self, certificates, *more, **kinds):
        names = [word for path in certificates for word in ("-cert", path)]
        done = self.ask(*more, *names, **kinds)
        assert done.returncode == 0 and "Response verify OK" in done.stderr, done
        return [re.search(f"{re.escape(str(path))}: (.*)", done.stdout)[1] for path in certificates], done


# shows: R-SEC-4 R-NODE-2
def test_openssl_asks_our_responder(shared, tmp_path):
    shown = Shown(shared, tmp_path)
    stays, goes = shared.open(), shared.open("--suite", "rs2048")
    ours, theirs = shown.holder(stays), shown.holder(goes)
    assert len(ours) == len(theirs) == 2
    words, done = shown.words(ours + theirs)
    assert words == ["good"] * 4
    assert "Nonce" in done.stdout and "Next Update" in done.stdout and "WARNING" not in done.stderr
    assert shared.authority("revoke", "--account", goes.account, "--reason", 1).status == OK
    # At once, for each digest that a client may name the issuer by, and without a nonce.
    for more in ((), ("-sha256",), ("-sha384",), ("-no_nonce",)):
        words, done = shown.words(ours + theirs, *more)
        assert words == ["good"] * 2 + ["revoked"] * 2, (more, done)
        assert done.stdout.count("keyCompromise") == 4
        assert ("Response Extensions" in done.stdout) == ("-no_nonce" not in more)
    # Who signs is certified for answers alone, by the issuer; the key is another one at every start, and in no file.
    signer = x509.load_pem_x509_certificate(done.stdout[done.stdout.index("-----BEGIN"):].encode())
    issuer = x509.load_pem_x509_certificate(shown.issuer.read_bytes())
    issuer.public_key().verify(signer.signature, signer.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
    uses = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(uses.value) == [ExtendedKeyUsageOID.OCSP_SIGNING] and uses.critical
    assert signer.extensions.get_extension_for_class(x509.OCSPNoCheck)
    assert not signer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert signer.not_valid_after - signer.not_valid_before < datetime.timedelta(days=8)
    rows = [row for row in shared.authority("list").objects if row["use"] == "status"]
    assert {int(row["serial"], 16) for row in rows} == {signer.serial_number} and rows[0]["holder"] == 2


# shows: R-SEC-4
def test_what_the_responder_never_issued_is_unknown(shared, tmp_path):
    shown = Shown(shared, tmp_path)
    for serial in ("1", "0x" + "7f" * 16, "0x" + "7f" * 20, "0"):
        done = shown.ask("-serial", serial)
        assert "Response verify OK" in done.stderr and f"{serial}: unknown" in done.stdout, done
    # Another issuer's certificates are not ours to speak of, though the serial may be.
    mine = x509.load_pem_x509_certificate(shown.holder(shared.open())[0].read_bytes())
    key, other = stranger("Kinchaku issuer")
    (tmp_path / "other.pem").write_bytes(other.public_bytes(serialization.Encoding.PEM))
    question = ocsp.OCSPRequestBuilder().add_certificate(mine, other, hashes.SHA256()).build()
    status, kind, answer = shared.http("authority", "POST", "/ocsp", question.public_bytes(serialization.Encoding.DER), ASKED)
    assert (status, kind) == (200, ANSWERED)
    assert ocsp.load_der_ocsp_response(answer).certificate_status == ocsp.OCSPCertStatus.UNKNOWN


def question_about(system, uim, folder):
    shown = Shown(system, folder)
    issuer = x509.load_pem_x509_certificate(shown.issuer.read_bytes())
    leaf = x509.load_pem_x509_certificate(shown.holder(uim)[0].read_bytes())
    built = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA1()).build()
    return built.public_bytes(serialization.Encoding.DER)


# shows: R-SEC-4
def test_a_question_by_get_and_bad_questions(shared, tmp_path):
    uim = shared.open()
    question = question_about(shared, uim, tmp_path)
    text = base64.b64encode(question).decode()
    for path in (urllib.parse.quote(text, safe=""), text):
        status, kind, answer = shared.http("authority", "GET", f"/ocsp/{path}", content_type="")
        assert (status, kind) == (200, ANSWERED)
        assert ocsp.load_der_ocsp_response(answer).certificate_status == ocsp.OCSPCertStatus.GOOD
    for path in ("", "%00", "x", "AAA", "A===", text + "=", text[:-1], "A" * 2000, "%2e%2e%2fsecret"):
        status, kind, _ = shared.http("authority", "GET", f"/ocsp/{path}", content_type="")
        assert status in (200, 400, 413) and (status != 200 or kind == ANSWERED), (path, status)
    for body in (b"", b"0", question[:-1], question + b"0", b"\x30\x80" + question, b"\x00" * 5000, b"\x30\x84\xff\xff\xff\xff"):
        status, kind, answer = shared.http("authority", "POST", "/ocsp", body, ASKED)
        assert (status, kind) == (200, ANSWERED), body
        assert ocsp.load_der_ocsp_response(answer).response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    assert shared.http("authority", "POST", "/ocsp", b"\x00" * 9000, ASKED)[0] == 413
    assert shared.http("authority", "POST", "/ocsp", question, "text/plain")[0] == 415
    assert shared.http("authority", "PUT", "/ocsp", question, ASKED)[0] == 405
    assert shared.http("authority", "POST", "/ocsp/" + text, question, ASKED)[0] == 405
    assert shared.http("authority", "GET", "/ocspx", content_type="")[0] == 404


# shows: R-SEC-4
def test_the_responder_answers_while_the_directory_hangs(alone, tmp_path):
    """Its word is the database's: said from the commit on, whatever publishing the list waits for."""
    alone.configure("authority", "times", crl_ms=500)
    alone.up()
    uim = alone.open()
    shown = Shown(alone, tmp_path)
    certificates = shown.holder(uim)
    alone.stop("slapd")
    try:
        time.sleep(1)
        assert alone.authority("revoke", "--account", uim.account).error == "directory-unavailable"
        begun = time.monotonic()
        assert shown.words(certificates)[0] == ["revoked"] * 2
        assert time.monotonic() - begun < 1
    finally:
        alone.resume("slapd")
    alone.kill("authority")
    alone.up()
    assert shown.words(certificates)[0] == ["revoked"] * 2


# ---- the bank ----

class Responder(Between):
    """Between the bank and the responder: counts, and answers what a test wants. `answer` gets question and true answer."""

    def __init__(self, system):
        self.port, self.asked, self.answer = system.port("authority"), [], None
        super().__init__(self.reply)
        self.url += "/ocsp"

    def reply(self, question, _):
        self.asked.append(question)
        reply = self.carry(question)
        return reply if isinstance(reply, tuple) else (200, ANSWERED, reply)

    def true_answer(self, question):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("POST", "/ocsp", question, {"Content-Type": ASKED})
        return connection.getresponse().read()

    def carry(self, question):
        true = self.true_answer(question)
        return self.answer(question, true) if self.answer else true


@pytest.fixture
def watched(alone, request):
    """A system whose bank fetches the list once, when it starts, and asks the responder through somebody."""
    between = Responder(alone)
    alone.configure("bank", "revocation", mode=getattr(request, "param", "both"), url=between.url)
    alone.configure("bank", "times", crl_ms=DAY, outside_ms=1000)
    alone.configure("authority", "times", crl_ms=DAY)
    alone.up()
    alone.between = between
    yield alone
    between.close()


def quiet():
    """The bank leaves a responder alone for a second that it could not reach."""
    time.sleep(1.2)


# shows: R-SEC-4 R-RENEW-5
@pytest.mark.parametrize("watched", ["both", "ocsp"], indirect=True)
def test_refused_from_the_moment_of_revocation(watched):
    uim, other = watched.open(fund=100), watched.open(fund=100)
    for each in (uim, other):
        each.must("withdraw", 30, "--yes")
    assert watched.authority("revoke", "--account", uim.account).status == OK
    for words in (("withdraw", 10, "--yes"), ("deposit", 10, "--yes"), ("fund", 1), ("transfer", 5, "--to", other.account, "--yes")):
        uim.fails("certificate-revoked", *words)
        other.must(*(word if word != other.account else uim.account for word in words))
    assert "refused reason=certificate-revoked" in watched.log("bank")
    watched.check_audit()


# shows: R-SEC-4
def test_by_the_list_alone_it_takes_until_the_next_list(watched):
    """What the responder is for; and that the tests around see more than the list."""
    watched.down()
    watched.configure("bank", "revocation", mode="crl")
    watched.up()
    uim = watched.open(fund=100)
    assert watched.authority("revoke", "--account", uim.account).status == OK
    uim.must("withdraw", 10, "--yes")
    assert watched.between.asked == []
    watched.kill("bank")
    watched.up()
    # The directory has it no more, and the bank forgot it.
    uim.fails("unknown-signer", "withdraw", 10, "--yes")


def stranger(name, key=None):
    """A certificate that nobody stands behind."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    names = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.utcnow()
    return key, (x509.CertificateBuilder().subject_name(names).issuer_name(names).public_key(key.public_key())
                 .serial_number(77).not_valid_before(now - HOUR).not_valid_after(now + HOUR)
                 .add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256()))


class Cast:
    """Answers that look right, made by whoever should not make them; Python's own writer."""

    def __init__(self, system):
        self.system = system
        self.key, self.certificate = stranger("Kinchaku issuer")
        self.issuer = x509.load_der_x509_certificate(values(system, ISSUER, "cACertificate;binary")[0])
        path = system.dir / "authority/issuing.key"
        self.issuing_key = serialization.load_pem_private_key(path.read_bytes(), None)

    def certify(self, subject, uses):
        """By the true issuer: somebody who is not there to answer."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
                   .issuer_name(self.issuer.subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now - HOUR).not_valid_after(now + HOUR)
                   .add_extension(x509.BasicConstraints(False, None), True)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                       self.issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value), False)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))
        if uses:
            builder = builder.add_extension(x509.ExtendedKeyUsage(uses), False)
        return key, builder.sign(self.issuing_key, hashes.SHA256())


def said(answer):
    """The answer with its first certificate status turned into another, so that the signature is all that is wrong."""
    at = answer.index(b"\x80\x00", 60)
    return answer[:at] + b"\x82\x00" + answer[at + 2:]


def wrong_answers(watched):
    """Name of what the log says, and how the answer is made from the question and the true one."""
    first = []
    cast = Cast(watched)

    def replayed(question, true):
        first.append(true)
        return first[0]

    def about_another(question, true):
        serials = set(re.findall(rb"\x02\x10(.{16})", question, re.DOTALL))
        changed = question
        for serial in serials:
            changed = changed.replace(serial, bytes([serial[0]]) + bytes(15))
        return watched.between.true_answer(changed)

    def by(key, certificate):
        """Signed by somebody else: the true answer's own bytes, under another signature and certificate."""
        def answer(question, true):
            loaded = ocsp.load_der_ocsp_response(true)
            tbs = loaded.tbs_response_bytes
            signature = key.sign(tbs, ec.ECDSA(hashes.SHA256()))
            return enclose(tbs, signature, certificate.public_bytes(serialization.Encoding.DER))
        return answer

    user = cast.certify("10000008", [])
    mail = cast.certify("10000008", [ExtendedKeyUsageOID.EMAIL_PROTECTION])
    return {
        "certificate-invalid": [by(cast.key, cast.certificate), by(*user), by(*mail), by(cast.key, cast.issuer),
                                lambda question, true: said(true)],
        "replayed": [replayed],
        "mismatch": [about_another],
        "malformed": [lambda question, true: b"", lambda question, true: b"junk", lambda question, true: true[:-1],
                      lambda question, true: true + b"0", lambda question, true: b"\x30\x03\x0a\x01\x01"],
        "busy": [lambda question, true: b"\x30\x03\x0a\x01\x03", lambda question, true: b"\x30\x03\x0a\x01\x02"],
        "not-allowed": [lambda question, true: b"\x30\x03\x0a\x01\x06", lambda question, true: b"\x30\x03\x0a\x01\x05"],
        "wrong-content-type": [lambda question, true: (500, ANSWERED, true), lambda question, true: (200, "text/html", true),
                               lambda question, true: (302, "text/html", b"")],
        "too-large": [lambda question, true: true + bytes(9000)],
    }


def tlv(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    head = bytes([size]) if size < 128 else bytes([0x82, size >> 8, size & 255])
    return bytes([tag]) + head + body


def enclose(tbs, signature, certificate):
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    basic = tlv(0x30, tbs, algorithm, tlv(0x03, b"\0", signature), tlv(0xa0, tlv(0x30, certificate)))
    kind = bytes.fromhex("06092b0601050507300101")
    return tlv(0x30, b"\x0a\x01\x00", tlv(0xa0, tlv(0x30, kind, tlv(0x04, basic))))


# shows: R-SEC-4
@pytest.mark.parametrize("watched", ["both", "ocsp"], indirect=True)
def test_answers_that_do_not_hold(watched, request):
    """By the list alone then, or by nobody's word; never by theirs, whether it says good or revoked."""
    mode = request.node.callspec.params["watched"]
    uim = watched.open(fund=1000)
    uim.must("withdraw", 10, "--yes")
    for name, answers in wrong_answers(watched).items():
        for answer in answers:
            watched.between.answer = answer
            if answer.__name__ == "replayed":
                # The first is a true one.
                uim.must("withdraw", 1, "--yes") if mode == "both" else uim.station("withdraw", 1, "--yes")
            if mode == "both":
                uim.must("withdraw", 1, "--yes")
            else:
                uim.fails("revocation-unknown", "fund", 1, status=AGAIN)
            assert f"revocation responder {name}" in watched.log("bank"), (name, watched.log("bank")[-2000:])
            watched.between.answer = None
            uim.must("sync")
            uim.must("withdraw", 1, "--yes")
        assert "revocation responder ok" in watched.log("bank")
    watched.check_audit()


# shows: R-SEC-4
@pytest.mark.parametrize("watched", ["both", "ocsp"], indirect=True)
def test_the_responder_is_away_or_hangs(watched, request):
    mode = request.node.callspec.params["watched"]
    uim, gone = watched.open(fund=1000), watched.open(fund=1000)

    def hang(question, true):
        time.sleep(3)
        return true

    watched.between.answer = hang
    begun = time.monotonic()
    for _ in range(3):
        if mode == "both":
            uim.must("withdraw", 1, "--yes")
        else:
            uim.fails("revocation-unknown", "fund", 1, status=AGAIN)
    # One message waits for the time that is set; who comes right behind it does not.
    assert time.monotonic() - begun < 8
    assert "revocation responder timeout" in watched.log("bank")
    watched.between.answer = None
    quiet()
    # Who was seen to be revoked stays refused while nobody can be asked.
    assert watched.authority("revoke", "--account", gone.account).status == OK
    gone.fails("certificate-revoked", "withdraw", 1, "--yes")
    watched.between.close()
    for _ in range(2):
        gone.fails("certificate-revoked", "withdraw", 1, "--yes")
        if mode == "both":
            uim.must("withdraw", 1, "--yes")
        else:
            uim.fails("revocation-unknown", "fund", 1, status=AGAIN)
    assert "revocation responder not-reachable" in watched.log("bank")
    watched.check_audit()


# shows: R-SEC-4
@pytest.mark.parametrize("watched", ["both", "ocsp"], indirect=True)
def test_a_certificate_that_the_authority_never_issued(watched):
    """Signed by a stolen issuing key it verifies; the responder does not know it. Here the authority's database forgets one."""
    uim = watched.open(fund=100)
    watched.down()
    with sqlite3.connect(watched.dir / "authority/authority.db") as database:
        database.execute("DELETE FROM certificates WHERE holder = ?", (uim.account,))
    watched.up()
    uim.fails("unknown-signer", "withdraw", 10, "--yes")
    watched.check_audit()


# shows: R-SEC-2 R-SEC-4
def test_nobody_is_asked_about_who_did_not_sign(watched, tmp_path):
    """Whose number and key id somebody knows cannot be made to cost a question for each message in that name."""
    mallory, alice = (Attacker(watched, tmp_path / name, fund=100) for name in ("mallory", "alice"))
    alice.uim.must("withdraw", 1, "--yes")
    words = {"information": pack("value-information", mallory.information()), "kind": "deposit", "amount": 1,
             "time": mallory.next_time()}
    count = len(watched.between.asked)
    for _ in range(5):
        assert mallory.send("cash-request", words, signer_id=alice.party.id)[0] == "bad-signature"
    assert len(watched.between.asked) == count
    # Also when the bank has to fetch the certificate first.
    watched.down()
    watched.up()
    assert mallory.send("cash-request", words, signer_id=alice.party.id)[0] == "bad-signature"
    assert len(watched.between.asked) == count
    alice.uim.must("withdraw", 1, "--yes")
    assert len(watched.between.asked) > count
    watched.check_audit()


# shows: R-SEC-4
def test_an_answer_is_believed_as_long_as_configured(watched):
    watched.down()
    watched.configure("bank", "revocation", fresh_ms=2500)
    watched.up()
    uim = watched.open(fund=100)
    uim.must("withdraw", 1, "--yes")
    count = len(watched.between.asked)
    uim.must("withdraw", 1, "--yes")
    assert len(watched.between.asked) == count
    assert watched.authority("revoke", "--account", uim.account).status == OK
    time.sleep(2.6)
    uim.fails("certificate-revoked", "withdraw", 1, "--yes")
    assert len(watched.between.asked) == count + 1


# shows: R-SEC-4
@pytest.mark.parametrize("mode", ["both", "ocsp"])
def test_an_old_list(alone, mode):
    """The list is past its next update and no newer one is to be had: who goes by it believes nobody, who asks goes on."""
    alone.configure("authority", "times", crl_ms=500)
    alone.configure("bank", "revocation", mode=mode)
    alone.up()
    uim = alone.open(fund=100)
    uim.must("withdraw", 10, "--yes")
    alone.kill("slapd")
    # It lives for three times half a second, and ten seconds.
    time.sleep(12.5)
    if mode == "ocsp":
        uim.must("withdraw", 10, "--yes")
        assert alone.authority("revoke", "--account", uim.account).error == "directory-unavailable"
        uim.fails("certificate-revoked", "withdraw", 10, "--yes")
    else:
        uim.fails("directory-unavailable", "fund", 10, status=AGAIN)


def test_modes_that_are_none(alone):
    alone.configure("bank", "authority", url="")
    for values_ in ({"mode": "never", "url": "http://127.0.0.1:1/ocsp"}, {"mode": "both", "url": ""}, {"mode": "ocsp", "url": ""}):
        alone.configure("bank", "revocation", **values_)
        done = alone.bank("serve")
        assert done.status not in (OK, REFUSED), done
        assert "config-invalid" in done.err or "[revocation]" in done.err, done


# shows: R-SEC-4 R-RENEW-5
@pytest.mark.parametrize("watched", ["crl", "both", "ocsp"], indirect=True)
def test_renewed_and_revoked(watched, request):
    """New keys are asked about as others are; and neither old nor new ones are believed when the account is revoked in between."""
    mode = request.node.callspec.params["watched"]
    uim = watched.open(fund=100)
    uim.must("withdraw", 30, "--yes")
    uim.must("renew")
    uim.must("withdraw", 5, "--yes")

    # The answer is lost: the purse has its old keys, the directory the new ones, and the bank believes the old ones meanwhile.
    uim.must("renew", "--lose", "quote", status=AGAIN)
    uim.must("withdraw", 1, "--yes")
    assert watched.authority("revoke", "--account", uim.account).status == OK
    for restart in range(2):
        # By the list alone a bank that fetched it before believes on.
        if mode != "crl" or restart == 1:
            uim.fails("certificate-revoked" if restart == 0 else "unknown-signer", "withdraw", 1, "--yes")
            done = uim.station("renew")
            assert (done.status, done.error) in ((REFUSED, "certificate-revoked"), (REFUSED, "unknown-signer")), done
        if restart == 0:
            watched.kill("bank")
            watched.up()
    watched.check_audit()


# shows: R-SEC-4 R-RENEW-5
@pytest.mark.parametrize("watched,use", [("crl", True), ("both", False), ("ocsp", True)], indirect=["watched"])
def test_the_old_certificate_alone_is_revoked_while_new_ones_wait(watched, request, tmp_path, use):
    """The directory shows the new pair only, and the bank has forgotten the old one's certificate: it knows its number."""
    mode = request.node.callspec.params["watched"]
    uim = watched.open(fund=100)
    uim.must("withdraw", 30, "--yes")
    old = [x509.load_der_x509_certificate(der) for der in values(watched, account_name(uim.account), "userCertificate;binary")]
    one = next(c for c in old if c.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature == use)
    uim.must("renew", "--lose", "quote", status=AGAIN)
    watched.kill("bank")
    watched.up()
    uim.must("withdraw", 1, "--yes")
    assert Client(watched, tmp_path).run("rr", "-oldcert", save(tmp_path, one), "-revreason", 1)
    # Of the new ones nothing is said.
    assert len(values(watched, account_name(uim.account), "userCertificate;binary")) == 2
    for restart in range(2):
        if mode != "crl" or restart == 1:
            uim.fails("certificate-revoked", "withdraw", 1, "--yes")
            uim.fails("certificate-revoked", "renew")
        if restart == 0:
            watched.kill("bank")
            watched.up()
    assert uim.shadow() == 31
    watched.check_audit()
