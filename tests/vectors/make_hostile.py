#!/usr/bin/python3
"""make_hostile.py FOLDER: writes identity.json and hostile.json beside the vectors of make-vectors, with the same keys.json.

Made with Debian's cbor2 and cryptography and nothing of the C code: the good ones show that the C reader reads what a stranger wrote
from the RFCs, the bad ones take one rule of COSE, CWT, CBOR or our table each and break just that. What make-vectors does to every
message (cuts, wrong keys, wrong versions) is not repeated here."""
import hmac
import json
import os
import re
import sys
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from check_vectors import private_key

TIME, TIME_LABEL, PURSE_CLAIM, SECRET_CLAIM = 1795478400000, -65537, -65538, -65539
ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
PROTECTED_GCM, PROTECTED_ECDH = bytes.fromhex("a10103"), bytes.fromhex("a1013818")
RECORD, MESSAGE = "kinchaku/3-certified", "kinchaku/1-done"
DIGEST, HEAD = bytes(range(32)), bytes(32)
SECRET = bytes([0x5e]) * 32
PLAIN_DONE = [1, 25, DIGEST, TIME]
PLAIN_CERTIFIED = [3, 2, 1, 1, 18, 26, 900, 100, TIME, 7, 3, HEAD, 5000, 500, 1000, 20, TIME, 1, 1, TIME, 12]
BRIEF, PLAIN_DECLINE = "kinchaku/1-decline", [1, 45, DIGEST, 26, 3, 1, TIME]
SHA256, MGF = hashes.SHA256(), padding.MGF1(hashes.SHA256())
PSS = padding.PSS(MGF, 32)


def pairs(*items):
    """A map with exactly these keys in this order, each key and value an item or bytes that are encoded already (as Raw)."""
    return bytes([0xa0 + len(items)]) + b"".join(dump(part) for pair in items for part in pair)


class Raw(bytes):
    """Encoded already."""


def dump(item):
    return bytes(item) if isinstance(item, Raw) else cbor2.dumps(item)


def array(*items):
    return bytes([0x80 + len(items)]) + b"".join(map(dump, items))


def is_ec(key):
    return isinstance(key, ec.EllipticCurvePrivateKey)


def cose_key(public):
    if isinstance(public, ec.EllipticCurvePublicKey):
        numbers = public.public_numbers()
        return {1: 2, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
    return {1: 3, -1: public.public_numbers().n.to_bytes(public.key_size // 8, "big"), -2: b"\x01\x00\x01"}


def signer_id(holder, key):
    digest = hashes.Hash(SHA256)
    digest.update(cbor2.dumps(cose_key(key.public_key())))
    return holder.to_bytes(8, "big") + digest.finalize()[:8]


def raw_signature(key, body, high=False):
    r, s = decode_dss_signature(key.sign(body, ec.ECDSA(SHA256)))
    return r.to_bytes(32, "big") + (max(s, ORDER - s) if high else min(s, ORDER - s)).to_bytes(32, "big")


class Party:
    """The keys of one suite and what they sign and seal; each keyword breaks one thing."""

    def __init__(self, suite, entries, realm):
        self.suite, self.realm = suite, realm
        self.entries, self.keys = entries, {name: private_key(entry) for name, entry in entries.items()}
        self.signer, self.recipient = self.keys[f"{suite}-sign"], self.keys[f"{suite}-encrypt"]
        self.alg = -7 if is_ec(self.signer) else -37
        self.kid = signer_id(entries[f"{suite}-sign"]["holder"], self.signer)

    def external(self, domain):
        return cbor2.dumps([domain, *self.realm])

    def header(self, domain, timed, **other):
        items = {1: self.alg, 3: domain, 4: self.kid, **({TIME_LABEL: TIME} if timed else {}), **other}
        return pairs(*items.items())

    def sign(self, payload, domain, timed=False, header=None, external=None, context="Signature1", make=None, shape=None):
        header = self.header(domain, timed) if header is None else header
        external = self.external(domain) if external is None else external
        body = cbor2.dumps([context, header, external, payload])
        if make is None:
            make = raw_signature if is_ec(self.signer) else lambda key, text: key.sign(text, PSS, SHA256)
        signature = make(self.signer, body)
        return (shape or (lambda *parts: array(*parts)))(header, {}, payload, signature)

    def agree(self, ephemeral, context):
        shared = ephemeral.exchange(ec.ECDH(), self.recipient.public_key())
        return HKDF(SHA256, 32, None, context).derive(shared)

    def recipient_part(self, key_bits=256, protected=PROTECTED_ECDH, public=None, wrap=None, key=None):
        if not is_ec(self.recipient):
            key = os.urandom(32) if key is None else key
            oaep = padding.OAEP(MGF, SHA256, None) if wrap is None else wrap
            return key, [b"", {1: -41}, self.recipient.public_key().encrypt(key, oaep)]
        ephemeral = ec.generate_private_key(ec.SECP256R1())
        context = cbor2.dumps([3, [None] * 3, [None] * 3, [key_bits, protected]])
        public = cose_key(ephemeral.public_key()) if public is None else public
        return self.agree(ephemeral, context), [protected, {-1: public}, b""]

    def seal(self, plain, domain, recipient=None, iv=None, aad=None, external=None, shape=None):
        iv = os.urandom(12) if iv is None else iv
        key, part = self.recipient_part() if recipient is None else recipient
        external = self.external(domain) if external is None else external
        aad = ["Encrypt", PROTECTED_GCM, external] if aad is None else aad
        gcm_iv = iv if len(iv) >= 8 else bytes(12)
        text = AESGCM(key if len(key) in (16, 32) else bytes(32)).encrypt(gcm_iv, plain, cbor2.dumps(aad))
        return (shape or (lambda *parts: array(*parts)))(PROTECTED_GCM, {5: iv}, text, [part])

    def envelope(self, sealed):
        return self.sign(sealed, MESSAGE, timed=True)


def signature_cases(party, payload, domain, timed):
    """One name, one outcome, one message a case: what is wrong with COSE_Sign1."""
    def headed(header):
        return party.sign(payload, domain, header=header)

    def shaped(shape):
        return party.sign(payload, domain, timed, shape=shape)

    def made(make):
        return party.sign(payload, domain, timed, make=make)

    alg, rest = (1, party.alg), [(3, domain), (4, party.kid)] + ([(TIME_LABEL, TIME)] if timed else [])
    other = -37 if is_ec(party.signer) else -7
    yield "critical-header", "malformed", headed(pairs(alg, (2, [3]), *rest))
    yield "unknown-header", "malformed", headed(pairs(alg, *rest[:2], (16, domain), *rest[2:]))
    yield "duplicate-label", "malformed", headed(pairs(alg, alg, *rest))
    yield "labels-out-of-order", "malformed", headed(pairs(rest[0], alg, *rest[1:]))
    yield "label-as-float", "malformed", headed(pairs((Raw(b"\xf9\x3c\x00"), party.alg), *rest))
    yield "label-as-true", "malformed", headed(pairs((True, party.alg), *rest))
    yield "label-too-long", "not-canonical", headed(pairs((Raw(b"\x18\x01"), party.alg), *rest))
    yield "header-indefinite", "not-canonical", headed(b"\xbf" + pairs(alg, *rest)[1:] + b"\xff")
    yield "header-empty", "malformed", headed(b"")
    yield "header-of-nothing", "malformed", headed(b"\xa0")
    yield "header-trailing", "trailing-bytes", headed(pairs(alg, *rest) + b"\x00")
    yield "alg-of-another-suite", "wrong-algorithm", headed(pairs((1, other), *rest))
    yield "alg-eddsa", "wrong-algorithm", headed(pairs((1, -8), *rest))
    yield "alg-hmac", "wrong-algorithm", headed(pairs((1, 5), *rest))
    yield "alg-as-text", "malformed", headed(pairs((1, "ES256"), *rest))
    yield "alg-as-float", "malformed", headed(pairs((1, Raw(b"\xf9\xc7\x00")), *rest))
    yield "key-id-short", "malformed", headed(pairs(alg, rest[0], (4, party.kid[:15]), *rest[2:]))
    yield "key-id-long", "malformed", headed(pairs(alg, rest[0], (4, party.kid + b"\0"), *rest[2:]))
    yield "content-type-number", "malformed", headed(pairs(alg, (3, 60), *rest[1:]))
    yield "content-type-too-long", "malformed", headed(pairs(alg, (3, domain + "x" * (41 - len(domain))), *rest[1:]))
    yield "domain-of-another-version", "wrong-domain", headed(pairs(alg, (3, re.sub(r"/\d+", "/99", domain)), *rest[1:]))
    yield "unprotected-alg", "malformed", shaped(lambda p, u, b, s: array(p, {1: party.alg}, b, s))
    yield "tagged", "malformed", shaped(lambda p, u, b, s: b"\xd2" + array(p, u, b, s))
    yield "payload-detached", "malformed", shaped(lambda p, u, b, s: array(p, u, None, s))
    yield "payload-a-text", "malformed", shaped(lambda p, u, b, s: array(p, u, "payload", s))
    yield "payload-in-pieces", "not-canonical", shaped(lambda p, u, b, s: array(p, u, Raw(b"\x5f" + dump(b) + b"\xff"), s))
    yield "three-parts", "malformed", shaped(lambda p, u, b, s: array(p, u, b))
    yield "five-parts", "malformed", shaped(lambda p, u, b, s: array(p, u, b, s, s))
    yield "signature-empty", "bad-signature", shaped(lambda p, u, b, s: array(p, u, b, b""))
    yield "signature-short", "bad-signature", shaped(lambda p, u, b, s: array(p, u, b, s[:-1]))
    yield "signature-long", "bad-signature", shaped(lambda p, u, b, s: array(p, u, b, s + b"\0"))
    yield "no-external-data", "bad-signature", party.sign(payload, domain, timed, external=b"")
    yield "context-of-cose-sign", "bad-signature", party.sign(payload, domain, timed, context="Signature")
    if is_ec(party.signer):
        yield "s-in-the-upper-half", "bad-signature", made(lambda key, body: raw_signature(key, body, high=True))
        yield "signature-as-der", "bad-signature", made(lambda key, body: key.sign(body, ec.ECDSA(SHA256)))
        yield "signature-of-zeros", "bad-signature", made(lambda key, body: bytes(64))
        yield "s-of-zero", "bad-signature", made(lambda key, body: raw_signature(key, body)[:32] + bytes(32))
    else:
        yield "pss-salt-of-20", "bad-signature", made(lambda key, body: key.sign(body, padding.PSS(MGF, 20), SHA256))
        yield "pss-salt-of-33", "bad-signature", made(lambda key, body: key.sign(body, padding.PSS(MGF, 33), SHA256))
        sha1 = padding.PSS(padding.MGF1(hashes.SHA1()), 32)
        yield "pss-mask-of-sha1", "bad-signature", made(lambda key, body: key.sign(body, sha1, SHA256))
        yield "pss-of-sha384", "bad-signature", made(
            lambda key, body: key.sign(body, padding.PSS(padding.MGF1(hashes.SHA384()), 32), hashes.SHA384()))
        yield "pkcs1-v1.5", "bad-signature", made(lambda key, body: key.sign(body, padding.PKCS1v15(), SHA256))
    if timed:
        for name, expect, value in (("missing", "malformed", None), ("zero", "malformed", 0), ("negative", "malformed", -1),
                                    ("too-large", "malformed", 2**63), ("a-float", "malformed", 1.5),
                                    ("too-long", "not-canonical", Raw(b"\x1b" + bytes(7) + b"\x01"))):
            items = [alg, *rest[:2]] + ([] if value is None else [(TIME_LABEL, value)])
            yield f"time-{name}", expect, headed(pairs(*items))


def ephemeral_cases(party):
    def sent(public, **other):
        return party.recipient_part(public=public, **other)

    good = cose_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    off = {**good, -3: bytes(31) + b"\x01"}
    yield "ephemeral-off-the-curve", "cannot-unseal", sent(off)
    yield "ephemeral-of-zeros", "cannot-unseal", sent({**good, -2: bytes(32), -3: bytes(32)})
    yield "ephemeral-not-reduced", "cannot-unseal", sent({**good, -2: b"\xff" * 32})
    yield "ephemeral-of-another", "cannot-unseal", sent(good)
    yield "ephemeral-compressed", "malformed", sent({**good, -3: True})
    yield "ephemeral-of-p384", "malformed", sent({**good, -1: 2})
    yield "ephemeral-short", "malformed", sent({**good, -2: good[-2][:31]})
    yield "ephemeral-with-key-id", "malformed", sent({1: 2, 2: b"id", -1: 1, -2: good[-2], -3: good[-3]})
    yield "ephemeral-without-y", "malformed", sent({1: 2, -1: 1, -2: good[-2]})
    yield "ephemeral-with-d", "malformed", sent({**good, -4: bytes(32)})
    yield "ephemeral-an-rsa-key", "cannot-unseal", sent(cose_key(party.keys["rs2048-sign"].public_key()))
    yield "alg-ecdh-ss", "wrong-algorithm", sent(good, protected=bytes.fromhex("a101381a"))
    yield "alg-ecdh-es-a256kw", "wrong-algorithm", sent(good, protected=bytes.fromhex("a101381e"))
    yield "derived-for-128-bits", "cannot-unseal", party.recipient_part(key_bits=128)
    key, part = party.recipient_part()
    yield "wrapped-beside-agreement", "malformed", (key, [part[0], part[1], bytes(32)])
    yield "recipient-of-another-suite", "cannot-unseal", (bytes(32), [b"", {1: -41}, bytes(256)])


def oaep_cases(party):
    key, part = party.recipient_part()
    encrypt = party.recipient.public_key().encrypt
    yield "oaep-label", "cannot-unseal", party.recipient_part(wrap=padding.OAEP(MGF, SHA256, b"label"))
    yield "oaep-of-sha1", "cannot-unseal", party.recipient_part(wrap=padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None))
    yield "oaep-mask-of-sha1", "cannot-unseal", party.recipient_part(wrap=padding.OAEP(padding.MGF1(hashes.SHA1()), SHA256, None))
    yield "wrapped-pkcs1-v1.5", "cannot-unseal", (key, [b"", {1: -41}, encrypt(key, padding.PKCS1v15())])
    yield "key-of-16-bytes", "cannot-unseal", party.recipient_part(key=os.urandom(16))
    yield "key-of-33-bytes", "cannot-unseal", party.recipient_part(key=os.urandom(33))
    yield "wrapped-short", "cannot-unseal", (key, [b"", {1: -41}, part[2][1:]])
    yield "wrapped-empty", "cannot-unseal", (key, [b"", {1: -41}, b""])
    yield "wrapped-not-reduced", "cannot-unseal", (key, [b"", {1: -41}, b"\xff" * len(part[2])])
    yield "alg-oaep-of-sha1", "malformed", (key, [b"", {1: -40}, part[2]])
    yield "alg-protected", "wrong-algorithm", (key, [cbor2.dumps({1: -41}), {1: -41}, part[2]])
    yield "alg-missing", "malformed", (key, [b"", {}, part[2]])
    ephemeral = cose_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    yield "recipient-of-another-suite", "cannot-unseal", (key, [PROTECTED_ECDH, {-1: ephemeral}, b""])


def seal_cases(party, plain):
    """What is wrong with COSE_Encrypt."""
    def shaped(shape):
        return party.seal(plain, MESSAGE, shape=shape)

    external = party.external(MESSAGE)
    yield "tagged", "malformed", shaped(lambda p, u, t, r: b"\xd8\x60" + array(p, u, t, r))
    yield "no-recipient", "malformed", shaped(lambda p, u, t, r: array(p, u, t, []))
    yield "two-recipients", "malformed", shaped(lambda p, u, t, r: array(p, u, t, r + r))
    yield "recipient-of-a-recipient", "malformed", shaped(lambda p, u, t, r: array(p, u, t, [r[0] + [r]]))
    yield "as-encrypt0", "malformed", shaped(lambda p, u, t, r: array(p, u, t))
    yield "text-detached", "malformed", shaped(lambda p, u, t, r: array(p, u, None, r))
    yield "text-short", "malformed", shaped(lambda p, u, t, r: array(p, u, t[:15], r))
    yield "tag-cut-to-12", "cannot-unseal", shaped(lambda p, u, t, r: array(p, u, t[:-4], r))
    yield "tag-of-zeros", "cannot-unseal", shaped(lambda p, u, t, r: array(p, u, t[:-16] + bytes(16), r))
    yield "iv-short", "malformed", party.seal(plain, MESSAGE, iv=bytes(8))
    yield "iv-long", "malformed", party.seal(plain, MESSAGE, iv=bytes(16))
    yield "iv-empty", "malformed", party.seal(plain, MESSAGE, iv=b"")
    yield "iv-partial", "malformed", shaped(lambda p, u, t, r: array(p, {6: u[5]}, t, r))
    yield "iv-protected", "malformed", shaped(lambda p, u, t, r: array(pairs((1, 3), (5, u[5])), {}, t, r))
    yield "alg-a128gcm", "malformed", shaped(lambda p, u, t, r: array(cbor2.dumps({1: 1}), u, t, r))
    yield "alg-unprotected", "malformed", shaped(lambda p, u, t, r: array(b"", pairs((1, 3), (5, u[5])), t, r))
    yield "context-of-encrypt0", "cannot-unseal", party.seal(plain, MESSAGE, aad=["Encrypt0", PROTECTED_GCM, external])
    yield "no-external-data", "cannot-unseal", party.seal(plain, MESSAGE, external=b"")
    yield "nothing-inside", "malformed", party.seal(b"", MESSAGE)
    yield "trailing", "trailing-bytes", party.seal(plain, MESSAGE) + b"\x00"
    yield "empty", "malformed", b""
    for name, expect, recipient in (ephemeral_cases if is_ec(party.recipient) else oaep_cases)(party):
        yield name, expect, party.seal(plain, MESSAGE, recipient=recipient)


def field_cases():
    """What is wrong with a field, in three records that nobody signs: (record, name, outcome, bytes)."""
    entry = [1, 4, 1, 9, TIME, 100, 18, 26, None, None, None, DIGEST]
    settings = [1, 7, 1, "JPY", 0, 1, 18, 26, "http://127.0.0.1/", "user"]
    information = [1, 3, 1, 18, 26, b"identity", b"certified", 100, 9, HEAD, 1, 2, 3, [b"entry"]]

    offer = [1, 78, 1, 26, 18, 1, 120, 5, bytes(16), TIME]
    voucher = [1, 79, 1, DIGEST, 26, 18, 120, 34, 42, TIME, TIME]
    presented = [1, 85, b"offer", b"voucher"]

    def put(record, place, value):
        return array(*record[:place], value, *record[place + 1:])

    for name, record in (("sale-offer", offer), ("voucher", voucher), ("voucher-sale", presented)):
        yield name, "by-another-hand", "ok", array(*record)
        yield name, "one-field-less", "malformed", array(*record[:-1])
        yield name, "number-of-another", "wrong-type", put(record, 1, 77)
        yield name, "version-of-tomorrow", "wrong-version", put(record, 0, 2)
    yield "sale-offer", "price-beyond", "amount-too-large", put(offer, 6, 2**63)
    yield "sale-offer", "price-negative", "malformed", put(offer, 6, -1)
    yield "sale-offer", "nonce-short", "malformed", put(offer, 8, bytes(15))
    yield "sale-offer", "nonce-long", "malformed", put(offer, 8, bytes(17))
    yield "voucher", "reference-short", "malformed", put(voucher, 3, DIGEST[:31])
    yield "voucher", "reference-null", "malformed", put(voucher, 3, None)
    yield "voucher", "amount-beyond", "amount-too-large", put(voucher, 6, 2**63)
    yield "voucher", "payer-a-text", "malformed", put(voucher, 7, "34")
    yield "voucher-sale", "offer-full", "ok", put(presented, 2, bytes(608))
    yield "voucher-sale", "offer-too-large", "too-large", put(presented, 2, bytes(609))
    yield "voucher-sale", "voucher-full", "ok", put(presented, 3, bytes(1152))
    yield "voucher-sale", "voucher-too-large", "too-large", put(presented, 3, bytes(1153))
    yield "voucher-sale", "voucher-a-text", "malformed", put(presented, 3, "voucher")
    yield "entry", "by-another-hand", "ok", array(*entry)
    for place, what in ((3, "uint"), (4, "time"), (5, "amount"), (6, "account")):
        for name, expect, value in (("negative", "malformed", -1), ("float", "malformed", 1.0), ("true", "malformed", True),
                                    ("text", "malformed", "1"), ("bignum", "malformed", Raw(b"\xc2\x41\x01")),
                                    ("beyond", "amount-too-large", 2**63), ("last", "amount-too-large", 2**64 - 1),
                                    ("bignum-beyond", "malformed", 2**64), ("too-long", "not-canonical", Raw(b"\x19\x00\x09"))):
            yield "entry", f"{what}-{name}", expect, put(entry, place, value)
        yield "entry", f"{what}-greatest", "ok", put(entry, place, 2**63 - 1)
    for value in (0, 7, 31, 32, 2**32 + 1, 2**64 - 1):
        yield "entry", f"enum-{value}", "malformed", put(entry, 2, value)
    yield "entry", "null-where-required", "malformed", put(entry, 5, None)
    yield "entry", "undefined-where-optional", "malformed", put(entry, 8, Raw(b"\xf7"))
    yield "entry", "false-where-optional", "malformed", put(entry, 8, False)
    yield "entry", "digest-short", "malformed", put(entry, 11, DIGEST[:31])
    yield "entry", "digest-long", "malformed", put(entry, 11, DIGEST + b"\0")
    yield "entry", "digest-a-text", "malformed", put(entry, 11, "x" * 32)
    yield "entry", "digest-in-pieces", "not-canonical", put(entry, 11, Raw(b"\x5f" + dump(DIGEST) + b"\xff"))
    yield "entry", "tagged", "malformed", b"\xd9\xd9\xf7" + array(*entry)
    yield "entry", "a-map", "malformed", pairs((1, 4))
    yield "entry", "indefinite", "not-canonical", b"\x9f" + array(*entry)[1:] + b"\xff"
    yield "entry", "version-0", "wrong-version", put(entry, 0, 0)
    yield "entry", "version-a-text", "malformed", put(entry, 0, "1")
    yield "entry", "number-of-another", "wrong-type", put(entry, 1, 7)
    yield "entry", "number-of-none", "wrong-type", put(entry, 1, 200)
    yield "entry", "one-field-less", "malformed", array(*entry[:-1])
    yield "entry", "nothing", "malformed", b""
    yield "entry", "break", "malformed", b"\xff"
    yield "entry", "nested-deep", "malformed", b"\x81" * 1000 + b"\x80"
    yield "entry", "huge-count", "malformed", b"\x9b" + b"\xff" * 8
    for name, data in (("overlong", b"\xc0\xaf"), ("surrogate", b"\xed\xa0\x80"), ("beyond", b"\xf4\x90\x80\x80"),
                       ("cut", b"\xe5\xb7"), ("stray", b"\x80"), ("line-break", b"a\nb"), ("nul", b"a\0"), ("delete", b"\x7f"),
                       ("c1-control", b"\xc2\x85")):
        yield "purse-settings", f"text-{name}", "malformed", put(settings, 9, Raw(bytes([0x60 + len(data)]) + data))
    yield "purse-settings", "text-of-japan", "ok", put(settings, 9, "巾着")
    yield "purse-settings", "text-empty", "ok", put(settings, 9, "")
    yield "purse-settings", "text-as-bytes", "malformed", put(settings, 9, b"user")
    yield "purse-settings", "text-full", "ok", put(settings, 9, "u" * 80)
    yield "purse-settings", "text-too-large", "too-large", put(settings, 9, "u" * 81)
    yield "purse-settings", "text-in-pieces", "not-canonical", put(settings, 9, Raw(b"\x7f\x61a\xff"))
    yield "value-information", "bytes-full", "ok", put(information, 5, bytes(1152))
    yield "value-information", "bytes-too-large", "too-large", put(information, 5, bytes(1153))
    yield "value-information", "list-full", "ok", put(information, 13, [bytes(320)] * 8)
    yield "value-information", "list-too-long", "too-large", put(information, 13, [b""] * 9)
    yield "value-information", "list-item-too-large", "too-large", put(information, 13, [bytes(321)])
    yield "value-information", "list-of-texts", "malformed", put(information, 13, ["entry"])
    yield "value-information", "list-a-map", "malformed", put(information, 13, {})
    yield "value-information", "list-indefinite", "not-canonical", put(information, 13, Raw(b"\x9f\xff"))


# The messages of both renewals and of a roll-over, by their kinds of fields: a size is that of bytes at most.
NUMBER, OPTIONAL, HASH, URL, FLAG, NONCE, STEP = "number", "number or null", "digest", "text", "flag", "nonce", "step"
RENEWALS = {
    "renew-request": (92, 2560, 1408, NUMBER), "renew-reply": (93, HASH, NUMBER, 1152, 2048, 2048, NUMBER),
    "renew-certify-request": (94, NUMBER, NUMBER, 1408, NUMBER), "retire-request": (95, NUMBER, HASH, FLAG, NUMBER),
    "keys-request": (96, NUMBER, NUMBER, OPTIONAL, NUMBER), "claim-request": (97, 2560, NUMBER),
    "claim-reply": (98, HASH, NUMBER, 1152, 416, 2048, 2048, 416, 416, URL, NUMBER),
    "key-request": (99, NUMBER, NUMBER, HASH, NUMBER), "key-reply": (100, HASH, NUMBER, 2100, NUMBER),
    "key-confirm": (101, NUMBER, NUMBER, HASH, NUMBER), "key-pair": (102, 1040, 1040), "next-keys": (103, 416, 416, 416, URL, NUMBER),
    "key-roll": (116, NUMBER, NUMBER, NUMBER, NUMBER, 416, 416, 416), "rolled-keys": (117, 1792),
    "authority-notice": (118, NUMBER, NUMBER, NUMBER, 1024, NUMBER, 416, 416, HASH),
    "renewal-query": (122, 1152, NONCE), "renewal-word": (123, NUMBER, HASH, NUMBER, STEP, FLAG, OPTIONAL, OPTIONAL, NUMBER),
}
LATER_VERSIONS = {"next-keys": 2, "retire-request": 2}


def good_value(kind, place):
    fixed = {NUMBER: TIME + place, OPTIONAL: None, HASH: DIGEST, URL: "http://127.0.0.1/", FLAG: False, NONCE: DIGEST[:16], STEP: 5}
    return fixed.get(kind, bytes([place]) * 40)


def kind_cases(kind):
    """What is wrong with a value of that kind, and what is just allowed: (name, outcome, value)."""
    yield "a-list", "malformed", []
    if kind != OPTIONAL:
        yield "null", "malformed", None
    if kind in (NUMBER, OPTIONAL):
        yield "greatest", "ok", 2**63 - 1
        yield "beyond", "amount-too-large", 2**63
        yield "negative", "malformed", -1
        yield "bytes", "malformed", b"1"
        yield "too-long", "not-canonical", Raw(b"\x19\x00\x09")
    elif kind in (HASH, NONCE):
        size = 32 if kind == HASH else 16
        yield "short", "malformed", DIGEST[:size - 1]
        yield "long", "malformed", DIGEST[:size] + b"\0"
        yield "text", "malformed", "x" * size
    elif kind == STEP:
        yield "first", "ok", 1
        yield "last", "ok", 6
        yield "none", "malformed", 0
        yield "one-more", "malformed", 7
        yield "a-word", "malformed", "none"
    elif kind == FLAG:
        yield "true", "ok", True
        yield "one", "malformed", 1
        yield "in-two-bytes", "malformed", Raw(b"\xf8\x15")
    elif kind == URL:
        yield "full", "ok", "u" * 128
        yield "too-large", "too-large", "u" * 129
        yield "bytes", "malformed", b"http://127.0.0.1/"
        yield "line-break", "malformed", "http://127.0.0.1/\n"
    else:
        yield "empty", "ok", b""
        yield "full", "ok", bytes(kind)
        yield "too-large", "too-large", bytes(kind + 1)
        yield "text", "malformed", "bytes"
        yield "in-pieces", "not-canonical", Raw(b"\x5f\x41\x00\xff")


def renewal_cases():
    for name, (number, *kinds) in RENEWALS.items():
        version = LATER_VERSIONS.get(name, 1)
        good = [version, number, *(good_value(kind, place) for place, kind in enumerate(kinds))]
        yield name, "by-another-hand", "ok", array(*good)
        yield name, "one-field-less", "malformed", array(*good[:-1])
        yield name, "one-field-more", "malformed", array(*good, 0)
        yield name, "trailing", "trailing-bytes", array(*good) + b"\0"
        yield name, "indefinite", "not-canonical", b"\x9f" + array(*good)[1:] + b"\xff"
        yield name, "version-of-tomorrow", "wrong-version", array(version + 1, *good[1:])
        # What belongs to the step before or after is not taken for this one.
        yield name, "number-of-another", "wrong-type", array(version, number + 1 if number != 117 else 116, *good[2:])
        for place, kind in enumerate(kinds, 2):
            for what, expect, value in kind_cases(kind):
                yield name, f"field-{place - 1}-{what}", expect, array(*good[:place], value, *good[place + 1:])


def brief_cases(party):
    """The brief form: who signed and for what stands outside, so a signature of another domain is just a bad one."""
    payload, header, other = cbor2.dumps(PLAIN_DECLINE), pairs((1, party.alg)), -37 if is_ec(party.signer) else -7

    def signed(data=payload, domain=BRIEF, **broken):
        return party.sign(data, domain, **{"header": header, **broken})

    whole = signed()
    yield "by-another-hand", "ok", whole
    yield "brief-truncated", "malformed", whole[:-1]
    yield "brief-trailing", "trailing-bytes", whole + b"\0"
    yield "brief-long-head", "not-canonical", b"\x98\x04" + whole[1:]
    yield "brief-tagged", "malformed", b"\xd2" + whole
    yield "brief-payload-trailing", "trailing-bytes", signed(payload + b"\0")
    yield "brief-as-a-receipt", "bad-signature", signed(domain="kinchaku/1-receipt")
    yield "brief-of-another-version", "bad-signature", signed(domain="kinchaku/2-decline")
    yield "brief-old-word", "bad-signature", signed(domain="kinchaku/1 decline")
    yield "brief-without-external-data", "bad-signature", signed(external=b"")
    yield "brief-context-of-cose-sign", "bad-signature", signed(context="Signature")
    yield "brief-header-empty", "malformed", signed(header=b"")
    yield "brief-header-of-nothing", "malformed", signed(header=pairs())
    yield "brief-header-trailing", "trailing-bytes", signed(header=header + b"\0")
    yield "brief-with-key-id", "malformed", signed(header=pairs((1, party.alg), (4, party.kid)))
    yield "brief-with-time", "malformed", signed(header=pairs((1, party.alg), (TIME_LABEL, TIME)))
    yield "brief-in-the-long-form", "malformed", party.sign(payload, BRIEF)
    yield "brief-alg-of-another-suite", "wrong-algorithm", signed(header=pairs((1, other)))
    yield "brief-unprotected-key-id", "malformed", signed(shape=lambda p, u, b, s: array(p, {4: party.kid}, b, s))
    yield "brief-payload-detached", "malformed", signed(shape=lambda p, u, b, s: array(p, u, None, s))
    yield "brief-signature-short", "bad-signature", signed(shape=lambda p, u, b, s: array(p, u, b, s[:-1]))
    if is_ec(party.signer):
        yield "brief-s-in-the-upper-half", "bad-signature", signed(make=lambda key, body: raw_signature(key, body, high=True))
        yield "brief-signature-of-zeros", "bad-signature", signed(make=lambda key, body: bytes(64))


def hostile(party):
    for name, expect, data in brief_cases(party):
        yield vector(party, "decline", "brief", name, expect, data)
    for name, expect, data in signature_cases(party, cbor2.dumps(PLAIN_CERTIFIED), RECORD, False):
        yield vector(party, "certified", "signed", name, expect, data)
    plain = cbor2.dumps(PLAIN_DONE)
    for name, expect, data in signature_cases(party, party.seal(plain, MESSAGE), MESSAGE, True):
        yield vector(party, "done", "envelope", name, expect, data)
    for name, expect, data in seal_cases(party, plain):
        yield vector(party, "done", "envelope", f"seal-{name}", expect, party.envelope(data))
    yield vector(party, "certified", "signed", "by-another-hand", "ok", party.sign(cbor2.dumps(PLAIN_CERTIFIED), RECORD))
    yield vector(party, "done", "envelope", "by-another-hand", "ok", party.envelope(party.seal(plain, MESSAGE)))


def identity_cases(party, holder):
    key = cose_key(party.keys[holder].public_key())
    good = [(2, "18"), (4, 1895478400), (6, 1795478400), (8, {1: key}), (PURSE_CLAIM, [1, 26, party.realm[0]])]
    domain = "kinchaku/2-identity"
    brief = pairs((1, party.alg))

    def claims(place, *value):
        return pairs(*good[:place], *value, *good[place + 1:])

    def signed(data, **other):
        return party.sign(data, domain, **{"header": brief, **other})

    whole = signed(pairs(*good))
    yield "good", "ok", whole
    yield "truncated", "malformed", whole[:-1]
    yield "trailing", "trailing-bytes", whole + b"\0"
    yield "non-canonical", "not-canonical", b"\x98\x04" + whole[1:]
    yield "bad-signature", "bad-signature", whole[:-1] + bytes([whole[-1] ^ 1])
    yield "wrong-version", "bad-signature", party.sign(pairs(*good), "kinchaku/1-identity", header=brief)
    yield "domain-of-a-record", "bad-signature", party.sign(pairs(*good), RECORD, header=brief)
    yield "long-form", "malformed", party.sign(pairs(*good), domain)
    yield "brief-with-key-id", "malformed", signed(pairs(*good), header=pairs((1, party.alg), (4, party.kid)))
    yield "brief-without-algorithm", "malformed", signed(pairs(*good), header=pairs())
    yield "brief-algorithm-of-another-key", "wrong-algorithm", signed(pairs(*good), header=pairs((1, -37 if party.alg == -7 else -7)))
    stranger = Party(party.suite, party.entries, party.realm)
    stranger.signer = party.keys[f"{party.suite}-other"]
    yield "wrong-key", "bad-signature", stranger.sign(pairs(*good), domain, header=brief)
    stranger = Party(party.suite, party.entries, (party.realm[0], "XTS"))
    yield "wrong-realm", "bad-signature", stranger.sign(pairs(*good), domain, header=brief)
    yield "tagged-as-cwt", "malformed", b"\xd8\x3d\xd2" + whole
    yield "claims-truncated", "malformed", signed(pairs(*good)[:-1])
    yield "claims-trailing", "trailing-bytes", signed(pairs(*good) + b"\0")
    yield "claims-indefinite", "not-canonical", signed(b"\xbf" + pairs(*good)[1:] + b"\xff")
    yield "with-issuer", "malformed", signed(pairs((1, "bank"), *good))
    yield "without-expiry", "malformed", signed(claims(1))
    yield "without-key", "malformed", signed(claims(3))
    yield "out-of-order", "malformed", signed(pairs(good[1], good[0], *good[2:]))
    yield "duplicate-claim", "malformed", signed(pairs(good[0], *good))
    for name, value in (("check-digit", "19"), ("zero", "018"), ("number", 18), ("empty", ""), ("letters", "1b"), ("sign", "+18"),
                        ("19-digits", "1000000000000000009")):
        yield f"account-{name}", "malformed", signed(claims(0, (2, value)))
    for name, value in (("float", 1.5), ("negative", -1), ("text", "soon"), ("before-issue", 1795478400), ("beyond", 2**62),
                        ("tagged", Raw(b"\xc1\x1a" + (1895478400).to_bytes(4, "big")))):
        yield f"expiry-{name}", "malformed", signed(claims(1, (4, value)))
    for name, value in (("by-id", {3: b"id"}), ("encrypted", {2: [b"", {}, b""]}), ("and-id", {1: key, 3: b"id"}), ("empty", {}),
                        ("no-map", b"key"), ("no-key", {1: {}}), ("with-alg", {1: {1: key[1], 3: party.alg, **key}})):
        yield f"confirmation-{name}", "malformed", signed(claims(3, (8, value)))
    if key[1] == 3:
        for name, value in (("exponent-3", {**key, -2: b"\x03"}), ("exponent-1", {**key, -2: b"\x01"}),
                            ("exponent-padded", {**key, -2: b"\0\x01\0\x01"}), ("even", {**key, -1: key[-1][:-1] + b"\x02"}),
                            ("short", {**key, -1: b"\0" + key[-1][1:]}), ("1024", {**key, -1: key[-1][:128]})):
            yield f"modulus-{name}", "malformed", signed(claims(3, (8, {1: value})))
    for name, value in (("type-0", [0, 26, 1]), ("type-4", [4, 26, 1]), ("check-digit", [1, 27, 1]), ("two", [1, 26]),
                        ("four", [1, 26, 1, 1]), ("true", [True, 26, 1])):
        yield f"purse-{name}", "malformed", signed(claims(4, (PURSE_CLAIM, value)))
    yield "of-another-bank", "wrong-domain", signed(claims(4, (PURSE_CLAIM, [1, 26, party.realm[0] + 1])))
    yield from keyless_cases(good, signed)


def keyless_cases(good, signed):
    """A bearer card has no key and no `cnf` but a secret; nobody else is without a key, or has one."""
    first, key = good[:3], good[3]
    bank = good[4][1][2]
    card, secret = (PURSE_CLAIM, [4, 26, bank]), (SECRET_CLAIM, SECRET)
    whole = signed(pairs(*first, card, secret))
    yield "keyless", "ok", whole
    yield "keyless-bad-signature", "bad-signature", whole[:-1] + bytes([whole[-1] ^ 1])
    for kind in (0, 1, 2, 3, 5):
        yield f"keyless-type-{kind}", "malformed", signed(pairs(*first, (PURSE_CLAIM, [kind, 26, bank]), secret))
    yield "keyless-with-key", "malformed", signed(pairs(*first, key, card))
    yield "keyless-with-key-and-secret", "malformed", signed(pairs(*first, key, card, secret))
    yield "keyed-with-secret", "malformed", signed(pairs(*good, secret))
    yield "keyless-confirmation-empty", "malformed", signed(pairs(*first, (8, {}), card))
    yield "keyless-confirmation-null", "malformed", signed(pairs(*first, (8, None), card))
    yield "keyless-without-secret", "malformed", signed(pairs(*first, card))
    yield "keyless-without-secret-in-a-map-of-five", "malformed", signed(b"\xa5" + pairs(*first, card)[1:])
    yield "keyless-secret-first", "malformed", signed(pairs(*first, secret, card))
    for size in (0, 31, 33):
        yield f"keyless-secret-of-{size}", "malformed", signed(pairs(*first, card, (SECRET_CLAIM, bytes(size))))
    yield "keyless-secret-as-text", "malformed", signed(pairs(*first, card, (SECRET_CLAIM, "s" * 32)))
    yield "keyless-of-another-bank", "wrong-domain", signed(pairs(*first, (PURSE_CLAIM, [4, 26, bank + 1]), secret))


def bearer_cases(party):
    """A card without keys pays: SGN3, SGN4 and an order marked with the secret in SGN3. As a signed record that order is nothing."""
    header = pairs((1, -7))
    order = cbor2.dumps([1, 42, 34, 34, 18, 26, None, 60, TIME, 4, 9, HEAD, 0, 0, 0])
    unsigned = array(header, {}, order, b"")

    def marked(data=order, secret=SECRET, alg=5, context="MAC0", domain="kinchaku/1-payment", size=32):
        protected = pairs((1, alg))
        body = cbor2.dumps([context, protected, party.external(domain), data])
        return array(protected, {}, data, hmac.digest(secret, body, "sha256")[:size])

    identity = party.sign(pairs((2, "18"), (4, 1895478400), (6, 1795478400), (PURSE_CLAIM, [4, 26, party.realm[0]]),
                                (SECRET_CLAIM, SECRET)),
                          "kinchaku/2-identity", header=pairs((1, party.alg)))
    certified = party.sign(cbor2.dumps([3, 2, party.realm[0], 4, 18, 26, 0, 100, TIME, 7, 3, HEAD, 5000, 500, 1000, 20, TIME, 1, None, None, None]), RECORD)
    yield "payment", "plain", "bearer", "ok", cbor2.dumps([2, 43, identity, certified, marked()])
    yield "payment", "plain", "bearer-known", "ok", cbor2.dumps([2, 43, None, certified, marked()])
    yield "payment", "plain", "bearer-without-order", "malformed", cbor2.dumps([2, 43, identity, certified, None])
    yield "payment", "plain", "bearer-of-version-1", "wrong-version", cbor2.dumps([1, 43, identity, marked()])
    yield "certified", "signed", "of-a-bearer-card", "ok", certified
    yield "payment-order", "brief", "unsigned", "bad-signature", unsigned
    yield "payment-order", "brief", "marked", "wrong-algorithm", marked()
    yield "payment-order", "mac", "marked-by-a-card", "ok", marked()
    for name, data in (("by-another-secret", marked(secret=bytes(32))), ("by-none", unsigned), ("short", marked(size=31)),
                       ("as-a-receipt", marked(domain="kinchaku/1-receipt")), ("as-a-signature", marked(context="Signature1")),
                       ("of-another-alg", marked(alg=-7)), ("signed", party.sign(order, "kinchaku/1-payment", header=header)),
                       ("changed", marked()[:-1] + bytes([marked()[-1] ^ 1]))):
        yield "payment-order", "mac", f"marked-{name}", "bad-signature", data
    yield "payment-order", "mac", "marked-by-hmac-384", "wrong-algorithm", marked(alg=6)
    yield "payment-order", "mac", "marked-trailing", "trailing-bytes", marked() + b"\0"
    yield "payment-order", "mac", "marked-without-alg", "malformed", array(b"\xa0", {}, order, bytes(32))
    yield "payment-order", "brief", "signature-null", "malformed", array(header, {}, order, None)


def give_back_cases(party):
    """What a machine owes is signed by its purse in a domain of its own, and the bank's word on it in the bank's: neither is the other."""
    header, bank = pairs((1, party.alg)), party.realm[0]
    fields = [1, 82, bank, 26, 2, 1, 18, 15, TIME, None]
    said = cbor2.dumps([1, 83, bank, 26, 2, 18, 15, TIME])

    def owes(items, domain="kinchaku/1-give-back", **broken):
        return party.sign(cbor2.dumps(items), domain, header=header, **broken)

    yield "give-back", "brief", "give-back", "ok", owes(fields)
    yield "give-back", "brief", "give-back-with-reference", "ok", owes(fields[:-1] + [DIGEST])
    yield "give-back", "brief", "give-back-as-a-sale", "bad-signature", owes(fields, domain="kinchaku/1-sale")
    yield "give-back", "brief", "give-back-unsigned", "bad-signature", array(header, {}, cbor2.dumps(fields), b"")
    yield "give-back", "brief", "give-back-short-reference", "malformed", owes(fields[:-1] + [DIGEST[:31]])
    yield "give-back", "brief", "give-back-without-reference-field", "malformed", owes(fields[:-1])
    yield "give-back", "brief", "give-back-of-version-2", "wrong-version", owes([2] + fields[1:])
    yield "given-back", "signed", "given-back", "ok", party.sign(said, "kinchaku/1-given-back")
    yield "given-back", "signed", "given-back-as-give-back", "wrong-domain", party.sign(said, "kinchaku/1-give-back")
    yield "given-back", "signed", "given-back-brief", "malformed", party.sign(said, "kinchaku/1-given-back", header=header)


def vector(party, message, form, name, expect, data):
    return {"message": message, "name": f"{party.suite}.{name}", "form": form, "signer": f"{party.suite}-sign",
            "recipient": f"{party.suite}-encrypt", "expect": expect, "bytes": data.hex()}


def main(folder):
    stored = json.loads((folder / "keys.json").read_text())
    entries = {entry["name"]: entry for entry in stored["keys"]}
    parties = [Party(suite, entries, (stored["bank"], stored["currency"])) for suite in ("es256", "rs2048")]
    found = [item for party in parties for item in hostile(party)]
    found += [vector(parties[0], message, "plain", name, expect, data) for message, name, expect, data in field_cases()]
    found += [vector(parties[0], message, "plain", name, expect, data) for message, name, expect, data in renewal_cases()]
    found += [vector(parties[0], message, form, name, expect, data) for message, form, name, expect, data in bearer_cases(parties[0])]
    found += [vector(parties[0], message, form, name, expect, data) for message, form, name, expect, data in give_back_cases(parties[0])]
    (folder / "hostile.json").write_text(json.dumps(found, indent=1) + "\n")
    found = [vector(party, "identity", "identity", f"{holder}.{name}", expect, data)
             for party, holder in ((parties[0], "es256-other"), (parties[0], "rs2048-other"), (parties[1], "rs3072-other"))
             for name, expect, data in identity_cases(party, holder)]
    (folder / "identity.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
