#!/usr/bin/python3
"""evidence.py FILE CERTIFICATE: a second, independent reader of evidence files, by docs/protocol.md "Evidence files" and "Over a renewal".

It shares nothing with the C code but the message table. Prints one JSON object; ends with 0 when the file proves what it says, else 1.
"""
import hashlib
import itertools
import json
import sys
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
import cbor2

import reader
from strict_cbor import Refused, decode, same, want

SIZE_MAX = 32768
BANK = 1
REQUESTS = ("cash-request", "state-request", "fund-request", "transfer-request")
ORDER, RECEIPT, DECLINE, ENTRY, HEAD, STAMP, TOTALS, CLOSE = range(8)
AFTER_CLOSE = "signed-after-close"


def digest(data):
    return hashlib.sha256(data).digest()


def bank_key(pem):
    """The key of a bank's signature certificate. Its validity is not looked at: evidence outlives certificates."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        names = [name.value for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    except (ValueError, x509.ExtensionNotFound) as error:
        raise Refused("certificate-invalid") from error
    want(usage.digital_signature and usage.content_commitment and names == ["bank"], "certificate-invalid")
    return certificate.public_key()


def unseal_with(data, key, realm, domain):
    """What the content key opens. The recipient is read as strictly as by its owner, and not used."""
    item = decode(data)
    want(type(item) is list and len(item) == 4 and type(item[3]) is list and len(item[3]) == 1)
    protected, unprotected, text, recipients = item
    want(same(protected, reader.PROTECTED_GCM) and type(unprotected) is dict and same(list(unprotected), [5]))
    want(type(unprotected[5]) is bytes and type(text) is bytes)
    reader.read_recipient(recipients[0])
    want(len(unprotected[5]) == 12 and len(text) >= 16)
    aad = cbor2.dumps(["Encrypt", protected, reader.external(domain, realm)])
    try:
        return AESGCM(key).decrypt(unprotected[5], text, aad)
    except InvalidTag as error:
        raise Refused("cannot-unseal") from error


class Reader:
    """One file being read: what the accused purse stated, and the history of its report."""

    def __init__(self, bank, realm, accused):
        self.bank, self.realm, self.accused = bank, realm, accused
        self.statements, self.history = [], None
        self.certified, self.entries = None, []

    def add(self, item, what, counter, **more):
        self.statements.append({"item": item, "type": what, "counter": counter, **more})

    def totals(self, item, counter, fields, more=0):
        paid = fields["paid"] + more
        if paid <= reader.NUMBER_MAX:
            self.add(item, TOTALS, counter, totals=(paid, fields["received"], fields["returned"]))

    def own(self, purse, account=None):
        want(purse == self.accused["purse"] and account in (None, self.accused["account"]), "mismatch")

    def brief(self, data, name):
        return reader.open_brief(data, self.accused["key"], self.realm, name)

    def order(self, item, data):
        order = self.brief(data, "payment-order")
        self.own(order["payer-purse"], order["payer"])
        want(order["card"] is None and order["payer-counter"] > 0, "mismatch")
        self.add(item, ORDER, order["payer-counter"], digest=digest(data))
        self.add(item, HEAD, order["payer-counter"] - 1, digest=order["head"])
        self.totals(item, order["payer-counter"] - 1, order)
        self.totals(item, order["payer-counter"], order, order["amount"])

    def receipt(self, item, data):
        receipt = self.brief(data, "receipt")
        self.own(receipt["payee-purse"])
        want(receipt["counter"] > 0, "mismatch")
        self.add(item, RECEIPT, receipt["counter"], digest=receipt["payment"])
        self.add(item, HEAD, receipt["counter"] - 1, digest=receipt["head"])
        self.totals(item, receipt["counter"] - 1, receipt)

    def decline(self, item, data):
        decline = self.brief(data, "decline")
        self.own(decline["payee-purse"])
        want(decline["counter"] > 0, "mismatch")
        self.add(item, DECLINE, decline["counter"], digest=decline["payment"])

    # ---- messages ----

    def entry(self, item, data, entry):
        self.add(item, ENTRY, entry["counter"], digest=digest(data), kind=entry["kind"], about=entry["partner"])

    def follow(self, item, chain, data):
        entry = reader.read_message(data, "entry")[1]
        want(entry["counter"] == chain[0] + 1, "mismatch")
        chain[:] = [entry["counter"], digest(chain[1] + data)]
        self.entry(item, data, entry)
        self.add(item, HEAD, chain[0], digest=chain[1])
        return entry

    def information(self, item, data):
        told = reader.read_message(data, "value-information")[1]
        self.own(told["purse"], told["account"])
        self.certified = reader.open_signed(told["certified"], self.bank, self.realm, "certified")
        want(self.certified["bank"] == self.realm[0], "mismatch")
        self.own(self.certified["purse"], self.certified["account"])
        self.add(item, HEAD, self.certified["counter"], digest=self.certified["head"])
        return told, [self.certified["counter"], self.certified["head"]]

    def close(self, item, told, chain, time):
        ends = chain[0] == told["counter"]
        want(chain[0] <= told["counter"] and (not ends or chain[1] == told["head"]), "mismatch")
        if not ends:
            self.add(item, HEAD, told["counter"], digest=told["head"])
        self.totals(item, told["counter"], told)
        self.add(item, STAMP, told["counter"], time=time)

    def settle(self, item, fields):
        told, chain = self.information(item, fields["information"])
        want(told["entries"] == [])
        if fields["gap"] is not None:
            gap = reader.read_message(fields["gap"], "gap")[1]
            want(gap["counter"] > chain[0], "mismatch")
            chain = [gap["counter"], gap["head"]]
            self.add(item, HEAD, chain[0], digest=chain[1])
            self.totals(item, chain[0], gap)
        records, self.entries = [], []
        for data in fields["records"]:
            record = reader.read_message(data, "log-record")[1]
            entry = self.follow(item, chain, record["entry"])
            if entry["kind"] == "pay" and record["order"] is not None:
                try:
                    self.order(item, record["order"])
                except Refused:
                    pass
            records.append((entry, record))
            self.entries.append(entry)
        self.close(item, told, chain, fields["time"])
        if fields["gap"] is None:
            self.history = (self.certified, records)

    def cash_answer(self, item, fields):
        self.own(fields["purse"])
        if fields["entry"] is None:
            return
        entry = reader.read_message(fields["entry"], "entry")[1]
        want(entry["counter"] > 0, "mismatch")
        self.entry(item, fields["entry"], entry)
        self.add(item, STAMP, entry["counter"], time=fields["time"])

    def envelope(self, item, data, key):
        signed = reader.parse_signed(data)
        header = signed["header"]
        want(reader.TIME_LABEL in header)
        domain = header[3]
        name = reader.BY_DOMAIN[domain][0] if domain in reader.BY_DOMAIN else None
        want(name in (*REQUESTS, "cash-answer", "settle-request"), "wrong-type")
        want(header[4] == reader.signer_id(self.accused["account"], self.accused["key"]), "unknown-signer")
        reader.verify(signed, self.accused["key"], self.realm, domain)
        fields = reader.read_message(unseal_with(signed["payload"], key, self.realm, domain), name)[1]
        want(fields["time"] == header[reader.TIME_LABEL], "mismatch")
        if name == "settle-request":
            self.settle(item, fields)
        elif name == "cash-answer":
            self.cash_answer(item, fields)
        else:
            told, chain = self.information(item, fields["information"])
            for data in told["entries"]:
                self.follow(item, chain, data)
            self.close(item, told, chain, fields["time"])

    def read(self, item, fields):
        self.entries = []
        want((fields["key"] is not None) == (fields["kind"] == "envelope"))
        if fields["kind"] == "envelope":
            self.envelope(item, fields["bytes"], fields["key"])
        else:
            getattr(self, fields["kind"])(item, fields["bytes"])


def conflict(a, b):
    """The rule by which two statements exclude each other, and its counter; None when both may be true."""
    a, b = sorted((a, b), key=lambda statement: statement["type"])
    here = a["counter"] == b["counter"]
    kinds = (a["type"], b["type"])
    if kinds == (STAMP, STAMP):
        early, late = sorted((a, b), key=lambda statement: statement["time"])
        fell = early["time"] < late["time"] and early["counter"] > late["counter"]
        return ("counter-fell", early["counter"]) if fell else None
    if kinds == (TOTALS, TOTALS):
        early, late = sorted((a, b), key=lambda statement: statement["counter"])
        fell = any(before > after for before, after in zip(early["totals"], late["totals"]))
        return ("totals-fell", late["counter"]) if fell or (here and early["totals"] != late["totals"]) else None
    differs = a.get("digest") != b.get("digest")
    other = b["type"] == ENTRY and (b["kind"], b["about"]) != ("pay" if a["type"] == ORDER else "receive", a["digest"])
    if kinds in ((RECEIPT, DECLINE), (DECLINE, ENTRY)):
        taken = not differs if b["type"] == DECLINE else not other
        declined = b if b["type"] == DECLINE else a
        return ("decline-and-taking", declined["counter"]) if taken else None
    rules = {(ORDER, ORDER): ("two-orders", differs), (ORDER, ENTRY): ("order-and-entry", other),
             (ORDER, RECEIPT): ("order-and-receipt", True), (RECEIPT, RECEIPT): ("two-receipts", differs),
             (RECEIPT, ENTRY): ("receipt-and-entry", other), (ENTRY, ENTRY): ("two-entries", differs),
             (HEAD, HEAD): ("two-heads", differs)}
    rule, holds = rules.get(kinds, (None, False))
    return (rule, a["counter"]) if here and holds else None


def close_in(read, identity):
    """The close entry in the report that was read last, when it names the identity that the report is signed under."""
    claims = digest(reader.parse_brief(identity)["payload"])
    return next((entry for entry in read.entries if entry["kind"] == "close" and entry["partner"] == claims), None)


def read_renewed(read, file, items, bank, realm):
    """The statements of both keys. Of the older one only those count that are before the entry which ended it."""
    want(len(items) == 2)
    want(file["closer"] is None or (file["close"] is not None and file["closer"] != b""))
    opened = [reader.open_identity(identity, bank, realm) for identity in
              (file["older"], file["newer"], file["closer"] or file["newer"])]
    older, newer, closer = opened
    for identity in opened:
        want((identity["purse"], identity["account"]) == (file["purse"], file["account"]), "mismatch")
    keys = [reader.encode_key(identity["key"]) for identity in (opened if file["closer"] else opened[:2])]
    want(len(set(keys)) == len(keys), "mismatch")
    end = None
    if file["close"] is not None:
        want(file["rule"] != AFTER_CLOSE)
        read.accused = closer
        read.read(2, reader.read_message(file["close"], "evidence-item")[1])
        end = close_in(read, file["closer"] or file["newer"])
        want(end is not None, "mismatch")
        read.statements = []
    read.accused = older
    read.read(0, items[0])
    first, read.statements, read.accused = read.statements, [], newer
    read.read(1, items[1])
    second, shown = read.statements, close_in(read, file["newer"])
    if shown is not None:
        second.append({"item": 1, "type": CLOSE, "counter": shown["counter"]})
        end = end or shown
    newest = max(statement["counter"] for statement in first)
    counts = []
    if end is not None and newest < end["counter"]:
        counts = [one for one in first if one["type"] != STAMP or one["time"] < end["time"]]
    return first, counts, second


def proves_renewed(file, first, counts, second):
    wanted = (file["rule"], file["counter"])
    if file["rule"] == AFTER_CLOSE:
        return any(a["type"] in (ORDER, RECEIPT, STAMP) and b["type"] in (ORDER, CLOSE) and a["counter"] >= b["counter"]
                   and a["counter"] == file["counter"] for a in first for b in second)
    return any(CLOSE not in (a["type"], b["type"]) and conflict(a, b) == wanted for a in counts for b in second)


def receipt_counts(accused, partners, realm, entry, record):
    try:
        want(record["order"] is not None)
        signed = reader.parse_brief(record["order"])
        order = reader.read_message(signed["payload"], "payment-order")[1]
    except Refused:
        return False
    fits = (order["payee"], order["payee-purse"], order["payee-counter"], order["amount"], order["card"]) == (
        accused["account"], accused["purse"], entry["counter"], entry["amount"], None)
    if not fits or order["payer-counter"] == 0 or digest(record["order"]) != entry["partner"]:
        return False
    known = [partner for partner in partners if partner["purse"] == order["payer-purse"]]
    for partner in known:
        if partner["account"] == order["payer"]:
            try:
                reader.verify(signed, partner["key"], realm, reader.SHAPES["payment-order"]["domain"])
                return True
            except Refused:
                pass
    return not known


def void_counts(entry, before):
    back = entry["voids"]
    if not back or back >= entry["counter"]:
        return False
    for other in before:
        if other["kind"] == "void" and other["voids"] == back:
            return False
        if other["counter"] == back and (other["kind"] not in ("pay", "cash-out") or other["amount"] != entry["amount"]):
            return False
    return True


def overspent(read, partners):
    """The counter of the first entry that the history cannot pay."""
    if read.history is None:
        return None
    certified, records = read.history
    left, before = certified["purse-amount"], []
    sums = {"received": 0, "returned": 0, "uncounted": 0}
    for entry, record in records:
        amount, kind = entry["amount"], entry["kind"]
        if kind in ("pay", "cash-out"):
            if left < amount:
                return entry["counter"]
            left -= amount
        elif kind == "receive":
            counts = receipt_counts(read.accused, partners, read.realm, entry, record)
            sums["received" if counts else "uncounted"] += amount
            left += amount if counts else 0
        elif kind == "void" and void_counts(entry, before):
            sums["returned"] += amount
            left += amount
        if max(left, *sums.values()) > reader.NUMBER_MAX:
            return None
        before.append(entry)
    return None


def proves(read, file, partners):
    wanted = (file["rule"], file["counter"])
    if file["rule"] == "overspent":
        return len(file["items"]) == 1 and overspent(read, partners) == file["counter"]
    last = len(file["items"]) - 1
    return any(conflict(a, b) == wanted for a, b in itertools.combinations(read.statements, 2)
               if a["item"] == 0 and b["item"] == last)


def verify_evidence(data, bank):
    """The file's fields when it proves what it says. Refused, with `not-proven` when everything verifies and shows nothing."""
    want(len(data) <= SIZE_MAX, "too-large")
    signed = reader.parse_signed(data)
    want(reader.TIME_LABEL not in signed["header"])
    name, file = reader.read_message(signed["payload"])
    want(name in ("evidence-file", "renewed-evidence"), "wrong-type")
    want(file["decimals"] <= 8)
    currency = file["currency"]
    want(len(currency) == 3 and all("A" <= letter <= "Z" for letter in currency))
    realm = (file["bank"], currency)
    want(signed["header"][4] == reader.signer_id(BANK, bank), "unknown-signer")
    reader.verify(signed, bank, realm, reader.SHAPES[name]["domain"])
    want(name != "evidence-file" or file["rule"] == "overspent" or not file["partners"])
    items = [reader.read_message(item, "evidence-item")[1] for item in file["items"]]
    want(items != [])
    if name == "renewed-evidence":
        read = Reader(bank, realm, None)
        want(proves_renewed(file, *read_renewed(read, file, items, bank, realm)), "not-proven")
        return file
    accused = reader.open_identity(file["identity"], bank, realm)
    want((accused["purse"], accused["account"]) == (file["purse"], file["account"]), "mismatch")
    read = Reader(bank, realm, accused)
    for number, item in enumerate(items):
        read.read(number, item)
    partners = [reader.open_identity(partner, bank, realm) for partner in file["partners"]]
    want(proves(read, file, partners), "not-proven")
    return file


def main(path, certificate):
    try:
        file = verify_evidence(Path(path).read_bytes(), bank_key(Path(certificate).read_bytes()))
    except Refused as error:
        print(json.dumps({"verdict": "not-proven", "error": str(error)}))
        return 1
    names = ("rule", "counter", "account", "purse", "bank", "currency", "alert")
    print(json.dumps({"verdict": "proven", **{name: file[name] for name in names}}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
