"""A second, independent reader of Kinchaku's messages, on Debian's python3-cbor2 and python3-cryptography.

It shares nothing with the C code but the message table: its CBOR is in strict_cbor.py. It opens envelopes, signed records and plain messages,
and refuses what is not deterministic, not of the table, or not verifiable, by the same stable names.
"""
import hashlib
import hmac
import re
from pathlib import Path

import cbor2
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strict_cbor import Refused, decode, same, want

TABLE = Path(__file__).resolve().parents[2] / "protocol/messages.table"
NUMBER_MAX = 2**63 - 1
TIME_LABEL, PURSE_CLAIM, SECRET_CLAIM = -65537, -65538, -65539
ES256, PS256, HMAC_256, A256GCM, ECDH_ES, OAEP = -7, -37, 5, 3, -25, -41
PROTECTED_GCM, PROTECTED_ECDH = cbor2.dumps({1: A256GCM}), cbor2.dumps({1: ECDH_ES})
PROTECTED_SIZE_MAX, DOMAIN_SIZE_MAX = 96, 40
P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551


def read_table():
    enums, shapes, current = {}, {}, None
    for line in TABLE.read_text().splitlines():
        words = line.partition(" -- ")[0].split()
        if not words or line.startswith("#"):
            continue
        if not line.startswith(" "):
            if words[0] == "enum":
                current = enums[words[1]] = {}
            else:
                current = shapes[words[1]] = {"number": int(words[2]), "version": int(words[3]),
                                              "fields": [], "domain": None}
        elif "fields" not in current:
            current[int(words[1])] = words[0]
        elif words[0] in ("signed", "sealed", "brief"):
            current["domain"] = f"kinchaku/{current['version']}-{words[1]}"
        elif words[0] not in ("step", "from", "to", "source") or " -- " in line:
            current["fields"].append((words[0], words[1]))
    return enums, shapes


ENUMS, SHAPES = read_table()
BY_NUMBER = {shape["number"]: (name, shape) for name, shape in SHAPES.items()}
BY_DOMAIN = {shape["domain"]: (name, shape) for name, shape in SHAPES.items() if shape["domain"]}


def check_number(value):
    want(type(value) is int and value >= 0)
    want(value <= NUMBER_MAX, "amount-too-large")


def check_string(value, kind, size):
    want(type(value) is kind)
    length = len(value.encode() if kind is str else value)
    if size.startswith(".."):
        want(length <= int(size[2:]), "too-large")
    else:
        want(length == int(size))


def check_field(value, kind):
    match = re.fullmatch(r"([a-z]+)(?:\((.*)\))?(\?)?", kind)
    name, args, optional = match[1], match[2], match[3]
    if optional and value is None:
        return None
    if name == "bool":
        want(type(value) is bool)
    elif name == "enum":
        want(type(value) is int and value in ENUMS[args])
        return ENUMS[args][value]
    elif name == "bytes":
        check_string(value, bytes, args)
    elif name == "text":
        check_string(value, str, args)
    elif name == "list":
        count, size = args.split(",")
        want(type(value) is list)
        want(len(value) <= int(count), "too-large")
        for item in value:
            check_string(item, bytes, ".." + size)
    else:
        check_number(value)
    return value


def read_message(data, name=None):
    """A plain message or record: its name and fields."""
    item = decode(data)
    want(type(item) is list and len(item) >= 2 and all(type(i) is int and i >= 0 for i in item[:2]))
    version, number = item[:2]
    want(number in BY_NUMBER, "wrong-type")
    found, shape = BY_NUMBER[number]
    want(name in (None, found), "wrong-type")
    want(version == shape["version"], "wrong-version")
    want(len(item) == 2 + len(shape["fields"]))
    return found, {field: check_field(value, kind)
                   for (field, kind), value in zip(shape["fields"], item[2:])}


def read_key(item):
    """A COSE_Key as a public key of the cryptography package; None for a point that is not on the curve."""
    want(type(item) is dict and same(list(item)[:1], [1]))
    if same(item[1], 2):
        want(same(list(item), [1, -1, -2, -3]) and same(item[-1], 1))
        want(all(type(item[k]) is bytes and len(item[k]) == 32 for k in (-2, -3)))
        try:
            return ec.EllipticCurvePublicNumbers(int.from_bytes(item[-2], "big"), int.from_bytes(item[-3], "big"),
                                                 ec.SECP256R1()).public_key()
        except ValueError:
            return None
    want(same(item[1], 3) and same(list(item), [1, -1, -2]) and same(item[-2], b"\x01\x00\x01"))
    want(type(item[-1]) is bytes and len(item[-1]) in (256, 384) and item[-1][0] >= 0x80 and item[-1][-1] % 2 == 1)
    return rsa.RSAPublicNumbers(65537, int.from_bytes(item[-1], "big")).public_key()


def encode_key(public):
    if isinstance(public, ec.EllipticCurvePublicKey):
        numbers = public.public_numbers()
        return cbor2.dumps({1: 2, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")},
                           canonical=True)
    size = public.key_size // 8
    return cbor2.dumps({1: 3, -1: public.public_numbers().n.to_bytes(size, "big"), -2: b"\x01\x00\x01"},
                       canonical=True)


def signer_id(holder, public):
    return holder.to_bytes(8, "big") + hashlib.sha256(encode_key(public)).digest()[:8]


def external(domain, realm):
    return cbor2.dumps([domain, realm[0], realm[1]])


def parse_signed(data):
    item = decode(data)
    want(type(item) is list and len(item) == 4 and same(item[1], {}))
    want(all(type(item[i]) is bytes for i in (0, 2, 3)))
    want(len(item[0]) <= PROTECTED_SIZE_MAX)
    header = decode(item[0])
    want(type(header) is dict and list(header) in ([1, 3, 4], [1, 3, 4, TIME_LABEL]))
    want(type(header[1]) is int)
    want(header[1] in (ES256, PS256), "wrong-algorithm")
    want(type(header[3]) is str and len(header[3].encode()) <= DOMAIN_SIZE_MAX)
    want(type(header[4]) is bytes and len(header[4]) == 16)
    time = header.get(TIME_LABEL, 1)
    want(type(time) is int and 1 <= time <= NUMBER_MAX)
    return {"header": header, "protected": item[0], "payload": item[2], "signature": item[3]}


def parse_brief(data):
    """COSE_Sign1 whose protected header holds the algorithm alone."""
    item = decode(data)
    want(type(item) is list and len(item) == 4 and same(item[1], {}))
    want(all(type(item[i]) is bytes for i in (0, 2, 3)))
    want(len(item[0]) <= PROTECTED_SIZE_MAX)
    header = decode(item[0])
    want(type(header) is dict and same(list(header), [1]) and type(header[1]) is int)
    want(header[1] in (ES256, PS256), "wrong-algorithm")
    return {"header": header, "protected": item[0], "payload": item[2], "signature": item[3]}


def verify(signed, public, realm, domain):
    want(signed["header"].get(3, domain) == domain, "wrong-domain")
    body = cbor2.dumps(["Signature1", signed["protected"], external(domain, realm), signed["payload"]])
    is_ec = isinstance(public, ec.EllipticCurvePublicKey)
    want(signed["header"][1] == (ES256 if is_ec else PS256), "wrong-algorithm")
    signature = signed["signature"]
    want(len(signature) == (64 if is_ec else public.key_size // 8), "bad-signature")
    try:
        if is_ec:
            r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
            want(s <= P256_ORDER // 2, "bad-signature")
            public.verify(encode_dss_signature(r, s), body, ec.ECDSA(hashes.SHA256()))
        else:
            public.verify(signature, body, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    except InvalidSignature as error:
        raise Refused("bad-signature") from error


def read_recipient(item):
    """The ephemeral key of ECDH-ES, or the wrapped key of RSAES-OAEP; the other is None."""
    want(type(item) is list and len(item) == 3)
    protected, unprotected, wrapped = item
    want(type(protected) is bytes and type(unprotected) is dict and type(wrapped) is bytes)
    if protected == b"":
        want(same(unprotected, {1: OAEP}))
        return None, wrapped
    want(protected == PROTECTED_ECDH, "wrong-algorithm")
    want(same(list(unprotected), [-1]))
    ephemeral = read_key(unprotected[-1])
    want(wrapped == b"")
    return ephemeral, None


def content_key(ephemeral, wrapped, private):
    """COSE_KDF_Context of RFC 9053 §5.2: nothing is known of the parties, 256 bits, the recipient's protected header."""
    if isinstance(private, rsa.RSAPrivateKey):
        want(wrapped is not None and len(wrapped) == private.key_size // 8, "cannot-unseal")
        try:
            return private.decrypt(wrapped, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
        except ValueError as error:
            raise Refused("cannot-unseal") from error
    want(isinstance(ephemeral, ec.EllipticCurvePublicKey), "cannot-unseal")
    party = [None, None, None]
    context = cbor2.dumps([A256GCM, party, party, [256, PROTECTED_ECDH]])
    return HKDF(hashes.SHA256(), 32, None, context).derive(private.exchange(ec.ECDH(), ephemeral))


def unseal(data, private, realm, domain):
    item = decode(data)
    want(type(item) is list and len(item) == 4 and type(item[3]) is list and len(item[3]) == 1)
    protected, unprotected, text, recipients = item
    want(same(protected, PROTECTED_GCM) and type(unprotected) is dict and same(list(unprotected), [5]))
    want(type(unprotected[5]) is bytes and type(text) is bytes)
    ephemeral, wrapped = read_recipient(recipients[0])
    want(len(unprotected[5]) == 12 and len(text) >= 16)
    key = content_key(ephemeral, wrapped, private)
    want(len(key) == 32, "cannot-unseal")
    aad = cbor2.dumps(["Encrypt", protected, external(domain, realm)])
    try:
        return AESGCM(key).decrypt(unprotected[5], text, aad)
    except InvalidTag as error:
        raise Refused("cannot-unseal") from error


def open_envelope(data, public, private, realm, name=None):
    """Verifies, unseals and reads an envelope; with `name`, it must be that message."""
    want(len(data) <= 8192, "too-large")
    signed = parse_signed(data)
    want(TIME_LABEL in signed["header"])
    domain = SHAPES[name]["domain"] if name else signed["header"][3]
    want(domain in BY_DOMAIN, "wrong-domain")
    verify(signed, public, realm, domain)
    found, fields = read_message(unseal(signed["payload"], private, realm, domain), BY_DOMAIN[domain][0])
    want(fields["time"] == signed["header"][TIME_LABEL], "mismatch")
    return found, fields


def open_signed(data, public, realm, name):
    """Verifies and reads a signed record such as a certified value."""
    signed = parse_signed(data)
    verify(signed, public, realm, SHAPES[name]["domain"])
    return read_message(signed["payload"], name)[1]


def open_brief(data, public, realm, name):
    """Verifies and reads a record that two purses give each other, such as a payment order."""
    signed = parse_brief(data)
    verify(signed, public, realm, SHAPES[name]["domain"])
    return read_message(signed["payload"], name)[1]


def open_marked(data, secret, realm, name):
    """Verifies and reads a record of a card without keys: COSE_Mac0 without a tag, by HMAC-SHA-256 with the card's secret."""
    item = decode(data)
    want(type(item) is list and len(item) == 4 and same(item[1], {}))
    want(all(type(item[i]) is bytes for i in (0, 2, 3)))
    header = decode(item[0])
    want(type(header) is dict and same(list(header), [1]) and type(header[1]) is int)
    want(header[1] in (ES256, PS256, HMAC_256), "wrong-algorithm")
    body = cbor2.dumps(["MAC0", item[0], external(SHAPES[name]["domain"], realm), item[2]])
    good = header[1] == HMAC_256 and hmac.compare_digest(hmac.digest(secret, body, "sha256"), item[3])
    want(good, "bad-signature")
    return read_message(item[2], name)[1]


def luhn(number):
    """The check digit of account and purse numbers (ISO/IEC 7812-1)."""
    digits = [int(digit) for digit in reversed(str(number))]
    doubled = [digit if place % 2 == 0 else digit * 2 - 9 * (digit > 4) for place, digit in enumerate(digits)]
    return 10 < number < 10**18 and sum(doubled) % 10 == 0


def open_identity(data, public, realm):
    """A CWT (RFC 8392) with the key of its subject in `cnf` (RFC 8747)."""
    signed = parse_brief(data)
    verify(signed, public, realm, "kinchaku/2-identity")
    claims = decode(signed["payload"])
    # A bearer card has no key but a secret; everybody else has a key.
    keyless = type(claims) is dict and 8 not in claims
    want(type(claims) is dict and same(list(claims), [2, 4, 6, PURSE_CLAIM, SECRET_CLAIM] if keyless else [2, 4, 6, 8, PURSE_CLAIM]))
    want(not keyless or (type(claims[SECRET_CLAIM]) is bytes and len(claims[SECRET_CLAIM]) == 32))
    want(type(claims[2]) is str and re.fullmatch("[1-9][0-9]{1,17}", claims[2]) and luhn(int(claims[2])))
    want(type(claims[4]) is int and type(claims[6]) is int)
    want(0 <= claims[6] < claims[4] <= NUMBER_MAX // 1000)
    want(keyless or (type(claims[8]) is dict and same(list(claims[8]), [1])))
    key = None if keyless else read_key(claims[8][1])
    want(type(claims[PURSE_CLAIM]) is list and len(claims[PURSE_CLAIM]) == 3)
    want(all(type(part) is int for part in claims[PURSE_CLAIM]))
    kind, purse, bank = claims[PURSE_CLAIM]
    want(kind in ENUMS["purse-type"] and keyless == (ENUMS["purse-type"][kind] == "bearer") and luhn(purse) and bank >= 0)
    want(bank == realm[0], "wrong-domain")
    return {"account": int(claims[2]), "expires": claims[4], "issued": claims[6], "key": key,
            "purse-type": ENUMS["purse-type"][kind], "purse": purse}


def load_private(pem):
    return serialization.load_pem_private_key(pem, None)
