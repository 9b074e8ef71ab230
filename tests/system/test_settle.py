"""Does a running bank settle what purses report, with every signature made by an independent client that holds their keys?"""
import hashlib
import hmac
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "vectors"))
import reader  # noqa: E402

from kinchaku import OK, program, run  # noqa: E402
from test_capture import Keys, holder, make_keys  # noqa: E402

REALM = (1, "JPY")
ZEROS = bytes(32)
DECLINED = 0x47
BAD_SIGNATURE = 0x08
UNKNOWN_SIGNER = 0x09


def digest(data):
    return hashlib.sha256(data).digest()


def encode(name, **fields):
    shape = reader.SHAPES[name]
    values = []
    for field, kind in shape["fields"]:
        value = fields.get(field)
        if kind.startswith("enum("):
            words = reader.ENUMS[kind[5:].rstrip("?)")]
            value = next(number for number, word in words.items() if word == value)
        values.append(value)
    return cbor2.dumps([shape["version"], shape["number"], *values], canonical=True)


def sign(header, payload, key, domain, realm=REALM):
    protected = cbor2.dumps(header, canonical=True)
    body = cbor2.dumps(["Signature1", protected, reader.external(domain, realm), payload])
    r, s = decode_dss_signature(key.sign(body, ec.ECDSA(hashes.SHA256())))
    s = min(s, reader.P256_ORDER - s)
    return cbor2.dumps([protected, {}, payload, r.to_bytes(32, "big") + s.to_bytes(32, "big")])


def brief(name, key, realm=REALM, **fields):
    return sign({1: reader.ES256}, encode(name, **fields), key, reader.SHAPES[name]["domain"], realm)


def seal(plain, recipient, domain):
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    wrapped = cbor2.dumps({1: reader.ECDH_ES})
    party = [None, None, None]
    context = cbor2.dumps([reader.A256GCM, party, party, [256, wrapped]])
    key = HKDF(hashes.SHA256(), 32, None, context).derive(ephemeral.exchange(ec.ECDH(), recipient))
    protected, iv = cbor2.dumps({1: reader.A256GCM}), os.urandom(12)
    text = AESGCM(key).encrypt(iv, plain, cbor2.dumps(["Encrypt", protected, reader.external(domain, REALM)]))
    public = cbor2.loads(reader.encode_key(ephemeral.public_key()))
    return cbor2.dumps([protected, {5: iv}, text, [[wrapped, {-1: public}, b""]]], canonical=True)


class Purse:
    """What a purse knows and does, with its keys in our hands; the UIM file beside it is not used any more."""

    def __init__(self, system, tmp_path, name, keys, captured, value):
        folder = make_keys(tmp_path / f"keys-{name}", "es256")
        self.uim = system.open("--keys", folder, fund=1000)
        self.system, self.keys = system, keys
        keys.add(self.uim.account, folder)
        self.key = reader.load_private((folder / "sign.key").read_bytes())
        if value:
            self.uim.must("withdraw", value, "--yes")
        self.uim.must("sync")
        self.learn(captured)
        self.counter, self.head, self.value, self.records = 0, ZEROS, value, []
        self.paid = self.received = self.returned = 0
        self.gap = None

    def learn(self, captured):
        """Identity and newest certified value, out of the recovery call that the UIM just made."""
        asked = [path for path in sorted(captured.glob("*-in.cose")) if holder(path.read_bytes()) == self.uim.account][-1]
        keys, mine = self.keys, self.uim.account
        _, request = reader.open_envelope(asked.read_bytes(), keys.sign[mine], keys.unseal[1], REALM, "state-request")
        answered = Path(str(asked).replace("-in.", "-out.")).read_bytes()
        _, reply = reader.open_envelope(answered, keys.sign[1], keys.unseal[mine], REALM, "state-reply")
        self.identity = reader.read_message(request["information"])[1]["identity"]
        self.certified = reply["certified"]

    def order(self, payee, amount, key=None, realm=REALM):
        return brief("payment-order", key or self.key, realm, payee=payee.uim.account, **{
            "payee-purse": payee.uim.purse, "payer": self.uim.account, "payer-purse": self.uim.purse, "amount": amount,
            "time": int(time.time() * 1000), "payer-counter": self.counter + 1, "payee-counter": payee.counter + 1,
            "head": self.head, "paid": self.paid, "received": self.received, "returned": 0})

    def receipt(self, order):
        return brief("receipt", self.key, payment=digest(order), counter=self.counter + 1, head=self.head, paid=self.paid,
                     received=self.received, returned=0, time=int(time.time() * 1000), **{"payee-purse": self.uim.purse})

    def add(self, kind, amount, order, answer=None, voids=None):
        entry = encode("entry", kind=kind, counter=self.counter + 1, time=int(time.time() * 1000), amount=amount, voids=voids,
                       partner=digest(answer if voids else order))
        self.records.append(encode("log-record", entry=entry, order=None if voids else order, answer=answer))
        self.counter += 1
        self.head = digest(self.head + entry)
        self.value += {"pay": -amount, "refuse": 0}.get(kind, amount)
        self.returned += amount if kind == "void" else 0
        self.received += amount if kind == "receive" else 0
        self.paid += amount if kind == "pay" else 0

    def forget(self):
        """Everything that no certified value covers is overwritten: what is left are totals."""
        self.records = []
        self.gap = encode("gap", counter=self.counter, head=self.head, paid=self.paid, received=self.received, returned=0)

    def envelope(self):
        now = int(time.time() * 1000)
        information = encode("value-information", account=self.uim.account, purse=self.uim.purse, identity=self.identity,
                             certified=self.certified, value=self.value, counter=self.counter, head=self.head,
                             paid=self.paid, received=self.received, returned=self.returned, entries=[], **{"purse-type": "uim"})
        plain = encode("settle-request", information=information, gap=self.gap, records=self.records[:8], time=now)
        domain = reader.SHAPES["settle-request"]["domain"]
        header = {1: reader.ES256, 3: domain, 4: reader.signer_id(self.uim.account, self.key.public_key()),
                  reader.TIME_LABEL: now}
        return sign(header, seal(plain, self.keys.unseal[1].public_key(), domain), self.key, domain)

    def open_reply(self, body, name="settle-reply"):
        _, fields = reader.open_envelope(body, self.keys.sign[1], self.keys.unseal[self.uim.account], REALM, name)
        for kind, names in (("released", "release"), ("objections", "objection")):
            fields[kind] = [reader.read_message(item, names)[1] for item in fields.get(kind, [])]
        return fields

    def report(self, request=None):
        request = request or self.envelope()
        status, kind, body = self.system.http("bank", "POST", "/v1/message", request)
        assert status == 200 and kind == "application/cose", (status, body)
        reply = self.open_reply(body)
        assert reply["request"] == digest(request)
        certified = reader.open_signed(reply["certified"], self.keys.sign[1], REALM, "certified")
        self.certified, self.records, self.value = reply["certified"], [], certified["purse-amount"]
        self.gap, self.limit = None, certified["payment-most"]
        assert certified["counter"] == self.counter and certified["head"] == self.head
        return reply

    def row(self):
        return self.system.bank("purse", self.uim.purse).objects[0]


def purses(system, tmp_path, **values):
    captured = tmp_path / "captured"
    captured.mkdir()
    system.configure("bank", "debug", capture=captured)
    system.up()
    keys = Keys(system)
    return [Purse(system, tmp_path, name, keys, captured, value) for name, value in values.items()]


# shows: R-XCHG-6 R-XCHG-8 R-XCHG-9 R-XCHG-11
def test_either_side_settles_both(alone, tmp_path):
    payer, payee = purses(alone, tmp_path, payer=300, payee=0)
    order = payer.order(payee, 40)
    receipt = payee.receipt(order)
    payee.add("receive", 40, order)
    payer.add("pay", 40, order, receipt)
    alone.kill("bank")
    alone.up()
    # The bank has forgotten every certificate: reporter and partner come from the directory.
    request = payee.envelope()
    assert payee.report(request)["objections"] == []
    assert payee.value == 40
    assert payer.row()["value"] == "260" and payer.row()["certified"] == "300" and payer.row()["ahead_out"] == "40"
    assert payee.report(request)["objections"] == []
    assert payer.report()["released"] == []
    assert payer.value == 260 and payer.row()["certified"] == "260" and payer.row()["ahead_out"] == "0"
    shown = alone.bank("purse", payer.uim.purse).objects[-1]
    assert shown["state"] == "booked" and shown["counted"] == "both" and shown["amount"] == "40", shown
    # On the way back the payer of before takes what the bank has noted already.
    back = payee.order(payer, 15)
    payee.add("pay", 15, back)
    assert payee.report()["released"] == []
    assert alone.check_audit()["in_flight"] == "15"
    payer.add("receive", 15, back)
    payer.report()
    assert [(word["counter"], word["reason"]) for word in payee.report()["released"]] == [(2, 0)]
    assert (payer.value, payee.value) == (275, 25)
    assert alone.bank("alerts").objects == []
    alone.check_audit()


# shows: R-LOG-2 R-LOG-4 R-LOG-5
def test_a_payer_that_loses_what_it_paid_gains_nothing(alone, tmp_path):
    alone.configure("bank", "times", settle_ms=4000)
    payer, payee, other = purses(alone, tmp_path, payer=300, payee=0, other=0)
    order = payer.order(payee, 40)
    payee.add("receive", 40, order)
    payer.add("pay", 40, order)
    payer.forget()
    second = payer.order(other, 10)
    other.add("receive", 10, second)
    payer.add("pay", 10, second, brief("receipt", other.key, payment=digest(second), counter=1, head=ZEROS, paid=0, received=0,
                                       returned=0, time=int(time.time() * 1000), **{"payee-purse": other.uim.purse}))
    payer.report()
    assert payer.value == 250 and alone.check_audit()["in_flight"] == "40"
    alert, = alone.bank("alerts").objects
    assert (alert["purse"], alert["reason"], alert["counter"]) == (payer.uim.purse, "ask-the-bank", 1)
    assert alone.bank("purse", payer.uim.purse).objects[-1]["unexplained_out"] == "40"
    # The bank gives it back in its idle time, and says so.
    end = time.monotonic() + 60
    while payer.row()["certified"] != "290":
        assert time.monotonic() < end, payer.row()
        time.sleep(0.5)
    reply = payer.report()
    assert [(word["counter"], word["reason"]) for word in reply["objections"]] == [(1, 0x74)]
    assert payer.value == 290 and alone.check_audit()["in_flight"] == "0"
    # It pays all of it on; then the payee reports, late: it has its value, and the payer's account pays for it.
    third = payer.order(other, 290)
    other.add("receive", 290, third)
    payer.add("pay", 290, third)
    payee.report()
    assert payee.value == 40 and payer.row()["owed"] == "40"
    payer.report()
    row = payer.row()
    assert (row["owed"], row["claimed"], row["state"]) == ("0", "40", "active"), row
    assert row["account_balance"] == str(1000 - 300 - 40)
    other.report()
    assert (payer.value, other.value) == (0, 300)
    assert {alert["reason"] for alert in alone.bank("alerts").objects} == {"ask-the-bank", "expired", "debt"}
    assert alone.check_audit()["claims"] == "0"


# shows: R-LOG-5 R-SEC-4
def test_a_lost_purse_hid_what_it_paid(alone, tmp_path):
    """Its account pays when the payee comes, and the payee's report is taken though the gap of the payer is open."""
    payer, payee = purses(alone, tmp_path, payer=10, payee=0)
    order = payer.order(payee, 10)
    payee.add("receive", 10, order)
    payer.add("pay", 10, order)
    payer.forget()
    payer.report()
    assert alone.check_audit()["in_flight"] == "10"
    password = tmp_path / "password"
    password.write_text(Path(f"{payer.uim.path}.letter").read_text().split()[-1])
    password.chmod(0o600)
    lost = alone.registrar("lost", "--account", payer.uim.account, "--purse", payer.uim.purse, "--password-file", password)
    assert lost.status == 0, lost
    payee.report()
    assert payee.value == 10
    row, totals = payer.row(), alone.check_audit()
    assert totals["in_flight"] == totals["claims"] == "0", totals
    assert int(row["account_balance"]) + int(row["value"]) == 990, row


# shows: R-SEC-1
def test_a_payee_that_signed_a_receipt_and_a_decline(alone, tmp_path):
    """It is put out of use, and its account pays once for what it passed on."""
    payer, payee, other = purses(alone, tmp_path, payer=100, payee=0, other=0)
    order = payer.order(payee, 40)
    receipt = payee.receipt(order)
    decline = brief("decline", payee.key, payment=digest(order), counter=1, reason=DECLINED, time=int(time.time() * 1000),
                    **{"payee-purse": payee.uim.purse})
    payee.add("receive", 40, order)
    payer.add("pay", 40, order, receipt)
    payer.report()
    payee.report()
    onward = payee.order(other, 40)
    other.add("receive", 40, onward)
    other.report()
    payer.add("void", 40, order, decline, voids=1)
    payer.report()
    assert (payer.value, other.value) == (100, 40)
    row, totals = payee.row(), alone.check_audit()
    assert (row["state"], row["claimed"], row["account_balance"]) == ("blocked", "40", "960"), row
    assert totals["claims"] == "0", totals


# shows: R-XCHG-7
def test_signatures_that_show_nothing(alone, tmp_path):
    payer, payee = purses(alone, tmp_path, payer=300, payee=0)
    wrongs = [payer.order(payee, 40, key=payee.key)]
    payee.add("receive", 40, wrongs[0])
    wrongs.append(payer.order(payee, 41, realm=(2, "JPY")))
    payee.add("receive", 41, wrongs[1])
    reply = payee.report()
    bad = 8
    assert [(word["counter"], word["reason"]) for word in reply["objections"]] == [(1, bad), (2, bad)]
    assert payee.value == 0 and payer.row()["value"] == "300"
    alerts = alone.bank("alerts").objects
    assert [(alert["purse"], alert["reason"], alert["counter"]) for alert in alerts] == [
        (payee.uim.purse, "bad-signature", 1), (payee.uim.purse, "bad-signature", 2)]
    alone.check_audit()


# shows: R-SEC-1
def test_a_copied_purse_is_found(alone, tmp_path):
    payer, payee, other = purses(alone, tmp_path, payer=300, payee=0, other=0)
    first, second = payer.order(payee, 200), payer.order(other, 250)
    payee.add("receive", 200, first)
    other.add("receive", 250, second)
    payee.report()
    assert alone.bank("alerts").objects == []
    other.report()
    assert (payee.value, other.value) == (200, 250)
    alert, = alone.bank("alerts").objects
    assert alert["purse"] == payer.uim.purse and alert["reason"] == "copied-or-restored"
    records = [row for row in alone.bank("evidence", payer.uim.purse).objects if row["kind"] == "log-record"]
    orders = {reader.read_message(bytes.fromhex(row["bytes"]), "log-record")[1]["order"] for row in records}
    assert orders == {first, second}
    # What the purse paid and never had comes from its account at once.
    row = payer.row()
    assert row["state"] == "blocked" and (row["value"], row["claimed"]) == ("0", "150")
    assert alone.check_audit()["claims"] == "0"
    payer.add("pay", 200, first)
    status, _, body = alone.http("bank", "POST", "/v1/message", payer.envelope())
    assert status == 403 and payer.open_reply(body, "refusal")["reason"] == 0x4d


# ---- orders in the name of a card without keys ----

def card_order(card, payee, amount, secret=None):
    """An order of a bearer card as somebody writes it who has a purse's key and the card's numbers, and its secret or a guess."""
    payload = encode("payment-order", payee=payee.uim.account, payer=card["account"], amount=amount, time=int(time.time() * 1000),
                     head=ZEROS, paid=0, received=0, returned=0, **{"payee-purse": payee.uim.purse, "payer-purse": card["purse"],
                     "payer-counter": 1, "payee-counter": payee.counter + 1})
    protected, domain = cbor2.dumps({1: reader.HMAC_256}), reader.SHAPES["payment-order"]["domain"]
    body = cbor2.dumps(["MAC0", protected, reader.external(domain, REALM), payload])
    mac = b"" if secret is None else hmac.digest(secret, body, "sha256")
    return cbor2.dumps([protected if mac else cbor2.dumps({1: reader.ES256}), {}, payload, mac])


def secret_of(path):
    """The secret out of SGN3 as it lies in the card's memory: what the card gives to whom it pays."""
    claim = cbor2.dumps(reader.SECRET_CLAIM) + b"\x58\x20"
    content = path.read_bytes()
    at = content.index(claim) + len(claim)
    return content[at:at + 32]


# shows: R-NODE-8 R-XCHG-7 R-SEC-4
def test_who_never_met_a_card_takes_nothing_of_it(alone, tmp_path):
    """A good key out of a purse and a card's number are not enough, neither to claim its load nor to have it put out of use."""
    rogue, = purses(alone, tmp_path, rogue=0)
    path = tmp_path / "card.purse"
    opened = alone.registrar("card", "--uim", path, "--grade", "bearer").json
    rogue.uim.must("sync")
    done = run("kinchaku-station", "--json", "--uim", rogue.uim.path, "--card", path, "withdraw", 50, "--yes")
    assert done.status == OK, done
    card = {"account": int(opened["account"]), "purse": int(opened["purse"])}

    def whole():
        row = alone.bank("purse", opened["purse"]).objects[0]
        assert (row["state"], row["value"]) == ("active", "50"), row
        found = {(row["purse"], row["reason"]) for row in alone.bank("alerts").objects}
        assert found <= {(rogue.uim.purse, "bad-signature")}, found
        alone.check_audit()
    secret = secret_of(path)
    for guess in (None, bytes(32), bytes(31) + b"\1", digest(str(card["purse"]).encode()), digest(rogue.identity)):
        for kind in ("receive", "refuse"):
            order = card_order(card, rogue, 40, guess)
            rogue.add(kind, 40, order)
            said = rogue.report()["objections"]
            if kind == "receive":
                assert [row["reason"] for row in said] == [BAD_SIGNATURE], said
            assert rogue.value == 0
            whole()
    # Two that exclude each other would show a copy, were they the card's.
    for amount in (10, 20):
        rogue.add("refuse", amount, card_order(card, rogue, amount, bytes(32)))
        rogue.report()
    whole()
    # The same with the card's secret is booked: it was the mark that was missing.
    rogue.add("receive", 40, card_order(card, rogue, 40, secret))
    assert rogue.report()["objections"] == [] and rogue.value == 40
    assert alone.bank("purse", opened["purse"]).objects[0]["value"] == "10"
    alone.check_audit()


def test_a_card_that_was_never_issued_marks_no_order(alone, tmp_path):
    """Its file could not be written, so the application was given up before the bank drew a secret: zeros are none."""
    rogue, = purses(alone, tmp_path, rogue=0)
    path = tmp_path / "full.purse"

    def narrow():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    done = subprocess.run([program("kinchaku-registrar"), "--json", "card", "--dir", str(alone.dir), "--uim", str(path),
                           "--grade", "bearer"], capture_output=True, text=True, preexec_fn=narrow, restore_signals=False, check=False)
    assert done.returncode != 0 and not path.exists(), done
    query = "SELECT account, purse FROM purses WHERE type = 4"
    found = subprocess.run(["sqlite3", str(alone.dir / "bank" / "bank.db"), query], capture_output=True, text=True, check=True).stdout
    account, number = map(int, found.strip().split("|"))
    assert alone.bank("purse", number).objects[0]["state"] != "active", done
    rogue.add("receive", 40, card_order({"account": account, "purse": number}, rogue, 40, bytes(32)))
    said = rogue.report()["objections"]
    assert [row["reason"] for row in said] == [UNKNOWN_SIGNER], said
    assert {row["reason"] for row in alone.bank("alerts").objects} == {"unknown-signer"}
    alone.check_audit()
