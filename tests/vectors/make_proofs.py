#!/usr/bin/python3
"""make_proofs.py FOLDER: writes proofs.json, whole evidence files with the verdict on each, with the keys of keys.json.

As in make_hostile.py nothing of the C code is used. The purse has three keys, one after the other, of three kinds; the first two
ended with entries 6 and 9. Each bad file breaks one thing, and the bank's signature on it is good where the name does not say otherwise."""
import hashlib
import json
import sys
from pathlib import Path

import cbor2

import reader
from make_hostile import PROTECTED_GCM, PURSE_CLAIM, TIME, TIME_LABEL, Party, array, cose_key, pairs, signer_id
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ACCOUNT, PURSE, OTHER_ACCOUNT, OTHER_PURSE = 18, 26, 34, 42
FIRST_END, SECOND_END = 6, 9
ZEROS = bytes(32)


def digest(data):
    return hashlib.sha256(data).digest()


def pack(name, **fields):
    shape, items = reader.SHAPES[name], []
    for field, kind in shape["fields"]:
        value = fields.get(field)
        if kind.startswith("enum(") and isinstance(value, str):
            value = next(number for number, word in reader.ENUMS[kind[5:].rstrip("?)")].items() if word == value)
        items.append(value)
    return cbor2.dumps([shape["version"], shape["number"], *items])


class Signer(Party):
    """One of the keys, for one holder."""

    def __init__(self, name, holder, entries, realm):
        super().__init__(name.split("-", maxsplit=1)[0], entries, realm)
        self.signer, self.kid = self.keys[name], signer_id(holder, self.keys[name])

    def record(self, name, **fields):
        return self.sign(pack(name, **fields), reader.SHAPES[name]["domain"])

    def brief(self, name, **fields):
        return self.sign(pack(name, **fields), reader.SHAPES[name]["domain"], header=pairs((1, self.alg)))

    def envelope_of(self, name, time, recipient, **fields):
        """The envelope as an evidence-item, with its content key."""
        domain = reader.SHAPES[name]["domain"]
        key, part = recipient.recipient_part()
        text = AESGCM(key).encrypt(bytes(12), pack(name, time=time, **fields),
                                   cbor2.dumps(["Encrypt", PROTECTED_GCM, self.external(domain)]))
        header = pairs((1, self.alg), (3, domain), (4, self.kid), (TIME_LABEL, time))
        sealed = array(PROTECTED_GCM, {5: bytes(12)}, text, [part])
        return pack("evidence-item", kind="envelope", bytes=self.sign(sealed, domain, header=header), key=key)


class Town:
    def __init__(self, stored):
        entries, realm = {entry["name"]: entry for entry in stored["keys"]}, (stored["bank"], stored["currency"])
        self.realm = realm
        self.bank, self.stranger = Signer("es256-sign", 1, entries, realm), Signer("es256-encrypt", 1, entries, realm)
        self.keys = [Signer(name, ACCOUNT, entries, realm) for name in ("es256-other", "rs2048-sign", "rs3072-sign")]
        self.identities = [self.identity(key, place) for place, key in enumerate(self.keys)]

    def identity(self, key, place, account=ACCOUNT, purse=PURSE, by=None):
        claims = pairs((2, str(account)), (4, 1895478400), (6, 1795478400 + place), (8, {1: cose_key(key.signer.public_key())}),
                       (PURSE_CLAIM, [1, purse, self.realm[0]]))
        return (by or self.bank).sign(claims, "kinchaku/2-identity", header=pairs((1, (by or self.bank).alg)))

    def order(self, key, counter, amount=5):
        return pack("evidence-item", kind="order", bytes=key.brief(
            "payment-order", payee=OTHER_ACCOUNT, payer=ACCOUNT, amount=amount, time=TIME, head=bytes([counter]) * 32, paid=0, received=0,
            returned=0, **{"payee-purse": OTHER_PURSE, "payer-purse": PURSE, "payer-counter": counter, "payee-counter": 1}))

    def receipt(self, key, counter):
        return pack("evidence-item", kind="receipt", bytes=key.brief(
            "receipt", payment=ZEROS, counter=counter, head=ZEROS, paid=0, received=0, returned=0, time=TIME, **{"payee-purse": PURSE}))

    def decline(self, key, counter):
        return pack("evidence-item", kind="decline", bytes=key.brief(
            "decline", payment=ZEROS, counter=counter, reason=0x47, time=TIME, **{"payee-purse": PURSE}))

    def report(self, place, counter, records=(), gap=None, head=ZEROS, time=TIME):
        certified = self.bank.record("certified", bank=self.realm[0], account=ACCOUNT, purse=PURSE, time=TIME, sequence=1, counter=0,
                                     head=ZEROS, **{"purse-type": "uim", "account-amount": 0, "purse-amount": 100, "log-policy": "refuse",
                                                    "purse-most": 1000, "payment-most": 1000, "spend-most": 1000,
                                                    "spend-count": 9, "valid-until": TIME})
        information = pack("value-information", account=ACCOUNT, purse=PURSE, identity=self.identities[place], certified=certified,
                           value=0, counter=counter, head=head, paid=500, received=0, returned=0, entries=[], **{"purse-type": "uim"})
        return self.keys[place].envelope_of("settle-request", time, self.bank, information=information, gap=gap, records=list(records))

    def close(self, place, end, identity=None):
        """The first report under a key: entries before the close entry are left out."""
        claims = reader.parse_brief(identity or self.identities[place])["payload"]
        before = bytes([end]) * 32
        gap = pack("gap", counter=end - 1, head=before, paid=500, received=0, returned=0)
        entry = pack("entry", kind="close", counter=end, time=TIME + end, amount=0, partner=digest(claims))
        record = pack("log-record", entry=entry)
        return self.report(place, end, [record], gap, digest(before + entry), TIME + end + 1)

    # ---- files ----

    def file(self, name, rule, counter, items, by=None, **more):
        fields = {"bank": self.realm[0], "currency": self.realm[1], "decimals": 0, "alert": 7, "rule": rule, "counter": counter,
                  "account": ACCOUNT, "purse": PURSE, "items": items, "time": TIME, **more}
        return (by or self.bank).record(name, **fields)


def single(town):
    """Of one key."""
    def file(rule, counter, items, **more):
        return town.file("evidence-file", rule, counter, items, **{"identity": town.identities[0], "partners": [], **more})
    key = town.keys[0]
    pair = [town.order(key, 3), town.order(key, 3, 6)]
    yield "single-two-orders", "ok", file("two-orders", 3, pair)
    taken = [town.decline(key, 3), town.receipt(key, 3)]
    yield "single-decline-and-taking", "ok", file("decline-and-taking", 3, taken)
    yield "single-report-and-order", "ok", file("counter-fell", 8, [town.report(0, 8), town.report(0, 3, time=TIME + 1)])
    yield "single-another-counter", "not-proven", file("two-orders", 4, pair)
    yield "single-of-the-newer-key", "wrong-algorithm", file("two-orders", 3, pair, identity=town.identities[1])
    yield "single-of-both-keys", "wrong-algorithm", file("two-orders", 3, [pair[0], town.order(town.keys[1], 3)])
    yield "single-after-close", "not-proven", file("signed-after-close", 3, pair)


def renewed(town):
    first, second, third = town.keys
    close_a, close_b = town.close(1, FIRST_END), town.close(2, SECOND_END)
    taken = [town.receipt(first, 5), town.decline(second, 5)]
    apart = [town.receipt(first, 5), town.decline(third, 5)]
    behind = [town.order(first, 8), close_a]

    def file(rule, counter, items, close=None, closer=None, older=0, newer=1, **more):
        named = {"older": older, "newer": newer, "closer": closer}
        given = {name: town.identities[value] if isinstance(value, int) else value for name, value in named.items()}
        given = {**given, "close": close, **more}
        return town.file("renewed-evidence", rule, counter, items, **given)
    rule = "decline-and-taking"
    yield "renewed", "ok", file(rule, 5, taken, close_a)
    yield "renewed-twice", "ok", file(rule, 5, apart, close_a, 1, newer=2)
    yield "renewed-the-second-time", "ok", file(rule, 8, [town.receipt(second, 8), town.decline(third, 8)], close_b, older=1, newer=2)
    yield "renewed-shown-by-the-item", "ok", file("two-heads", 5, [town.report(0, 5, head=bytes([1]) * 32), close_a])
    yield "renewed-after-close", "ok", file("signed-after-close", 8, behind)
    yield "renewed-after-close-two-orders", "ok", file("signed-after-close", 8, [behind[0], town.order(second, 7)])
    # Identities.
    yield "swapped-identities", "unknown-signer", file(rule, 5, taken, close_a, older=1, newer=0)
    yield "swapped-identities-and-items", "unknown-signer", file(rule, 5, taken[::-1], close_a, older=1, newer=0)
    yield "swapped-items", "wrong-algorithm", file(rule, 5, taken[::-1], close_a)
    yield "one-identity-twice", "mismatch", file(rule, 5, [taken[0], town.decline(first, 5)], newer=0)
    yield "older-of-another-account", "mismatch", file(rule, 5, taken, close_a, older=town.identity(first, 0, OTHER_ACCOUNT))
    yield "newer-of-another-account", "mismatch", file(rule, 5, taken, close_a, newer=town.identity(second, 1, OTHER_ACCOUNT))
    yield "newer-of-another-purse", "mismatch", file(rule, 5, taken, close_a, newer=town.identity(second, 1, purse=OTHER_PURSE))
    yield "closer-of-another-account", "mismatch", file(rule, 5, apart, close_a, newer=2, closer=town.identity(second, 1, OTHER_ACCOUNT))
    yield "newer-of-a-later-time", "mismatch", file(rule, 5, taken, close_a, newer=town.identity(second, 9))
    yield "closer-of-a-later-time", "mismatch", file(rule, 5, apart, close_a, newer=2, closer=town.identity(second, 9))
    yield "newer-by-a-stranger", "bad-signature", file(rule, 5, taken, close_a, newer=town.identity(second, 1, by=town.stranger))
    # The end of the older key.
    yield "missing-close", "not-proven", file(rule, 5, taken)
    yield "close-of-the-next-renewal", "unknown-signer", file(rule, 5, taken, close_b)
    yield "close-without-its-key", "unknown-signer", file(rule, 5, apart, close_a, newer=2)
    yield "closer-without-close", "malformed", file(rule, 5, apart, None, 1, newer=2)
    yield "closer-is-the-newer-one", "mismatch", file(rule, 5, taken, close_a, 1)
    yield "close-by-the-older-key", "mismatch", file(rule, 5, taken, town.close(0, FIRST_END), 0)
    yield "close-that-names-another-identity", "mismatch", file(rule, 5, taken, town.close(1, FIRST_END, town.identities[2]))
    yield "close-that-closes-nothing", "mismatch", file(rule, 5, taken, town.report(1, 7))
    yield "close-that-is-an-order", "mismatch", file(rule, 5, taken, town.order(second, 5))
    yield "close-beside-after-close", "malformed", file("signed-after-close", 8, behind, close_a)
    # What the older key says behind its end, or may have been made to say.
    late = [town.receipt(first, FIRST_END), town.decline(second, FIRST_END)]
    yield "taken-behind-the-end", "not-proven", file(rule, FIRST_END, late, close_a)
    yield "told-after-the-end", "not-proven", file("counter-fell", 7, [town.report(0, 5, time=TIME + 99), town.report(1, 7)], close_a)
    yield "not-behind", "not-proven", file("signed-after-close", 5, [town.order(first, 5), close_a])
    yield "declined-by-the-newer-key", "not-proven", file("signed-after-close", 8, [behind[0], town.decline(second, 5)])
    yield "answered-again-by-the-newer-key", "not-proven", file("signed-after-close", 5, [town.receipt(first, 5), town.receipt(second, 5)])
    # Form.
    yield "one-item", "malformed", file(rule, 5, taken[:1], close_a)
    yield "another-rule", "not-proven", file("two-receipts", 5, taken, close_a)
    yield "another-counter", "not-proven", file(rule, 4, taken, close_a)
    yield "overspent", "not-proven", file("overspent", FIRST_END, taken, close_a)
    yield "by-a-stranger", "unknown-signer", town.file("renewed-evidence", rule, 5, taken, by=town.stranger, older=town.identities[0],
                                                       newer=town.identities[1], close=close_a)
    yield "of-another-currency", "bad-signature", file(rule, 5, taken, close_a, currency="EUR")
    other = town.bank.sign(pack("renewed-evidence"), reader.SHAPES["evidence-file"]["domain"])
    yield "fields-of-nothing", "malformed", other


def main(folder):
    stored = json.loads((folder / "keys.json").read_text())
    town = Town(stored)
    found = [{"name": name, "expect": expect, "bytes": data.hex()} for make in (single, renewed) for name, expect, data in make(town)]
    (folder / "proofs.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
