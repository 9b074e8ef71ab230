"""Does our registrar get its certificates from a CMP authority that is not ours - `openssl cmp -port` - and take nothing else from it?"""
import base64
import http.client
import os
import re
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from forge import make_keys
from kinchaku import OK, Uim
from test_cmp import CERTIFICATE, CMP, common
from test_directory import SUCCESS, WRITER, account_name, ldap, search, secret, values

PEM = serialization.Encoding.PEM


class OtherAuthority:
    """One mock server for each certificate, since it gives out a single one, and behind it what CMP leaves open: the directory."""

    def __init__(self, system, folder, keys):
        self.system, self.folder = system, folder
        self.keys = {use: serialization.load_pem_private_key((keys / f"{use}.key").read_bytes(), None).public_key()
                     for use in ("sign", "encrypt")}
        # As our own authority makes them, but for name, key and number.
        model = account_name(system.open().account)
        known = [x509.load_der_x509_certificate(one) for one in values(system, model, CERTIFICATE)]
        self.classes = "".join(line + "\n" for line in search(system, model).stdout.splitlines() if line.startswith("objectClass:"))
        self.models = {"sign" if self.signs(one) else "encrypt": one for one in known}
        for name in ("root/root.crt", "authority/issuing.crt", "authority/sign.crt", "authority/sign.key"):
            (folder / name.replace("/", "-")).write_bytes((system.dir / name).read_bytes())
        self.wrong_key, self.more = None, []  # what a test has it do wrong
        self.processes, self.made, self.requests, self.serving = [], {}, [], None
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                reply = server.answer(body)
                self.send_response(200)
                self.send_header("Content-Type", CMP)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @staticmethod
    def signs(certificate):
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature

    @staticmethod
    def raw(public):
        return public.public_numbers().x.to_bytes(32, "big")

    @staticmethod
    def serial():
        """16 bytes, the only size that ours has."""
        return int.from_bytes(os.urandom(16), "big") >> 2 | 1 << 126

    def issue(self, use, account):
        model, key = self.models[use], self.wrong_key or self.keys[use]
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
        done = ldap(self.system, "ldapadd", name=WRITER, password=secret(self.system),
                    text=f"dn: {account_name(account)}\n{self.classes}cn: {account}\n{lines}\n")
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
        use = next((use for use, key in self.keys.items() if self.raw(key) in body), None)
        if use:
            account = int(re.search(rb"\x0c.([0-9]{3,18})(?![0-9Z])", body)[1])
            self.made[use] = self.issue(use, account)
            self.serving = http.client.HTTPConnection("127.0.0.1", self.start(self.made[use]), timeout=20)
            if len(self.made) == 2:
                self.show(account)
        # It forgets the transaction when the connection ends.
        self.serving.request("POST", "/pkix/", body, {"Content-Type": CMP, "Connection": "keep-alive"})
        return self.serving.getresponse().read()

    def words(self):
        return [path.read_text()[-1000:] for path in self.folder.glob("*.log")]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def other(alone, tmp_path):
    alone.up()
    folder = tmp_path / "other"
    folder.mkdir()
    made = OtherAuthority(alone, folder, make_keys(tmp_path / "keys"))
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
