"""A certified user who writes messages by hand: the keys are in files, so whatever a purse would never say can be said.

Built on the second reader's table and codec, not on the C code, so that a forged message is wrong only where the test says so.
"""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "vectors"))
import reader  # noqa: E402

from kinchaku import Proxy  # noqa: E402

REALM = (1, "JPY")
SERVERS = {"bank": 1, "authority": 2, "registrar": 3}


def make_keys(folder):
    folder.mkdir()
    for name in ("sign", "encrypt"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                        str(folder / f"{name}.key")], check=True, capture_output=True)
        (folder / f"{name}.key").chmod(0o600)
    return folder


class Party:
    """A holder's number and both private keys."""

    def __init__(self, number, folder):
        self.number = number
        self.sign = reader.load_private((folder / "sign.key").read_bytes())
        self.encrypt = reader.load_private((folder / "encrypt.key").read_bytes())

    @property
    def id(self):
        return reader.signer_id(self.number, self.sign.public_key())


def server(system, name):
    return Party(SERVERS[name], system.dir / name)


def pack(name, fields, version=None):
    """A plain message in the order of the table; a name of an enum's value becomes its number."""
    shape, items = reader.SHAPES[name], []
    for field, kind in shape["fields"]:
        value = fields[field]
        if kind.startswith("enum(") and isinstance(value, str):
            words = reader.ENUMS[kind[5:-1]]
            value = next(number for number, word in words.items() if word == value)
        items.append(value)
    return cbor2.dumps([version or shape["version"], shape["number"], *items], canonical=True)


def seal(plain, recipient, domain, realm=REALM):
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    inner, party, nonce = cbor2.dumps({1: reader.ECDH_ES}), [None, None, None], os.urandom(12)
    context = cbor2.dumps([reader.A256GCM, party, party, [256, inner]])
    key = HKDF(hashes.SHA256(), 32, None, context).derive(ephemeral.exchange(ec.ECDH(), recipient))
    protected = cbor2.dumps({1: reader.A256GCM})
    text = AESGCM(key).encrypt(nonce, plain, cbor2.dumps(["Encrypt", protected, reader.external(domain, realm)]))
    public = cbor2.loads(reader.encode_key(ephemeral.public_key()))
    return cbor2.dumps([protected, {5: nonce}, text, [[inner, {-1: public}, b""]]], canonical=True)


def sign(payload, key, signer_id, domain, realm=REALM, time=None):
    header = {1: reader.ES256, 3: domain, 4: signer_id, **({} if time is None else {reader.TIME_LABEL: time})}
    protected = cbor2.dumps(header, canonical=True)
    body = cbor2.dumps(["Signature1", protected, reader.external(domain, realm), payload])
    r, s = decode_dss_signature(key.sign(body, ec.ECDSA(hashes.SHA256())))
    s = min(s, reader.P256_ORDER - s)
    return cbor2.dumps([protected, {}, payload, r.to_bytes(32, "big") + s.to_bytes(32, "big")], canonical=True)


def envelope(name, fields, signer, recipient, *, signer_id=None, realm=REALM, domain=None, time=None, plain=None):
    """A whole envelope. What is named in the keywords replaces what belongs there."""
    domain = domain or reader.SHAPES[name]["domain"]
    sealed = seal(plain or pack(name, fields), recipient.encrypt.public_key(), domain, realm)
    return sign(sealed, signer.sign, signer_id or signer.id, domain, realm, fields["time"] if time is None else time)


class Attacker:
    """An honest account whose keys were made outside, so that its owner can sign anything with them."""

    def __init__(self, system, folder, **more):
        folder.mkdir(parents=True, exist_ok=True)
        keys = make_keys(folder / "keys")
        self.system, self.uim = system, system.open("--keys", keys, **more)
        self.party, self.bank = Party(self.uim.account, keys), server(system, "bank")
        self.stamp = 0

    def honest(self, *arguments):
        """What the purse really says to the bank for a command: names and fields, in order."""
        proxy = Proxy(self.system.port("bank"))
        self.uim.station(*arguments, "--bank", proxy.url)
        proxy.close()
        return [self.open(data, self.party, self.bank) for data in proxy.requests]

    @staticmethod
    def open(data, signer, recipient):
        return reader.open_envelope(data, signer.sign.public_key(), recipient.encrypt, REALM)

    def information(self):
        """The purse's value information as it is now, open for changes."""
        said = self.honest("withdraw", "1", "--no")
        self.stamp = max([self.stamp, *(fields["time"] for _, fields in said)])
        fields = next(fields for name, fields in said if name == "cash-request")
        return reader.read_message(fields["information"], "value-information")[1]

    def next_time(self):
        self.stamp += 1
        return self.stamp

    def send(self, name, fields, to="bank", **changes):
        """Posts a forged message; the stable name of the refusal, or the reply's name and fields."""
        recipient = server(self.system, to)
        return self.post(envelope(name, fields, self.party, recipient, **changes), to)

    def post(self, data, to="bank"):
        status, kind, reply = self.system.http(to, "POST", "/v1/message", data)
        if kind == "application/json":
            return json.loads(reply)["error"], None
        name, fields = self.open(reply, server(self.system, to), self.party)
        if name == "refusal":
            return self.error_name(fields["reason"], status), None
        return name, fields

    @staticmethod
    def error_name(number, status):
        name, wanted = errors()[number]
        assert status == wanted, (name, status)
        return name


def errors():
    """Number to stable name and HTTP status, out of the one table."""
    text = (Path(__file__).resolve().parents[2] / "src/base/result.h").read_text()
    rows = re.findall(r'X\(\w+, (0x[0-9a-f]+), "([a-z-]+)", 0x[0-9a-f]+, (\d+),', text)
    return {int(number, 16): (name, int(status)) for number, name, status in rows}

