"""Does anybody but the bank get keys made, anybody but the old key get them, and anybody but the new key end the old one - whoever
else says so, in whatever name, once more or too late?"""
import hashlib
import json
import sqlite3
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from forge import Attacker, envelope, pack, reader, server
from test_handover import made, ready
from test_renew import certificates, renewed, revoked

OTHER_BANKS = ((2, "JPY"), (1, "EUR"))


class Stranger:
    """Keys that nobody certified, under whatever number."""

    def __init__(self, number):
        self.number = number
        self.sign, self.encrypt = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.id = reader.signer_id(number, self.sign.public_key())


def now():
    return int(time.time() * 1000)


def ask(system, who, name, fields, to="authority", **changes):
    """Posts a message of any party; the name of the refusal, or the reply's fields."""
    return tell(system, who, envelope(name, fields, who, server(system, to), **changes), to)


def tell(system, who, data, to="authority"):
    status, kind, reply = system.http(to, "POST", "/v1/message", data)
    if kind == "application/json":
        return json.loads(reply)["error"]
    name, fields = Attacker.open(reply, server(system, to), who)
    return Attacker.error_name(fields["reason"], status) if name == "refusal" else fields


def taken(account, keys):
    """Who has the private keys of an S7."""
    who = Stranger(account)
    _, pair = reader.read_message(keys, "key-pair")
    parts = [reader.read_message(pair[name], "private-key-record")[1]["parts"] for name in ("sign-key", "encrypt-key")]
    who.sign, who.encrypt = (ec.derive_private_key(int.from_bytes(part[0], "big"), ec.SECP256R1()) for part in parts)
    who.id = reader.signer_id(account, who.sign.public_key())
    return who


class Watch:
    """What the authority has, the directory shows and the list names of an account; none of it moves."""

    def __init__(self, system, uim):
        self.system, self.account, self.uim = system, uim.account, uim
        self.before = self.look()

    def look(self):
        db = sqlite3.connect(self.system.dir / "authority" / "authority.db")
        row = db.execute("SELECT sign, encrypt, given, keys FROM made WHERE account = ?", (self.account,)).fetchall()
        count = db.execute("SELECT count(*), sum(revoked > 0) FROM certificates").fetchall()
        db.close()
        return row, count, certificates(self.system, self.uim), revoked(self.system)

    def same(self):
        assert self.look() == self.before


@pytest.fixture(scope="module")
def mallory(shared, tmp_path_factory):
    """Another user, all of whose keys are at hand."""
    return user(shared, tmp_path_factory, "mallory")


def user(system, folders, name):
    who = Attacker(system, folders.mktemp(name), fund=500)
    who.uim.must("withdraw", 100, "--yes")
    return who


def order(uim, **changes):
    """S2, for a pair that would end before long, but after the one that there is."""
    return {"account": uim.account, "expires": now() + 1000 * 86400000, "claimed": None, "time": now(), **changes}


def newest(system, uim):
    """What S6 and S10 name: the digest of the newest certificate of the signature key."""
    db = sqlite3.connect(system.dir / "authority" / "authority.db")
    der, = db.execute("SELECT c.der FROM made AS m JOIN certificates AS c ON c.serial = m.sign WHERE account = ?",
                      (uim.account,)).fetchone()
    db.close()
    return hashlib.sha256(der).digest()


def about_keys(uim, certificate, **changes):
    """S6 or S10."""
    return {"account": uim.account, "purse": uim.purse, "certificate": certificate, "time": now(), **changes}


# shows: R-RENEW-2 R-SEC-2 R-SEC-4
def test_orders_that_are_not_the_banks(shared, mallory, tmp_path_factory):
    alice = user(shared, tmp_path_factory, "alice")
    bank, registrar = server(shared, "bank"), server(shared, "registrar")
    watch = Watch(shared, alice.uim)
    fields = order(alice.uim)
    for who in (mallory.party, alice.party, registrar):
        assert ask(shared, who, "keys-request", fields) == "not-allowed"
    for who in (Stranger(1), Stranger(3)):
        assert ask(shared, who, "keys-request", fields) == "unknown-signer"
    for number in (2, alice.uim.account, 9, 2**62):
        assert ask(shared, Stranger(number), "keys-request", fields) == "not-allowed"
    # In the bank's name, whole; a bank of another number or currency with the very same keys; and another message's domain.
    assert ask(shared, mallory.party, "keys-request", fields, signer_id=bank.id) == "bad-signature"
    for realm in OTHER_BANKS:
        assert ask(shared, bank, "keys-request", fields, realm=realm) == "bad-signature"
    assert ask(shared, bank, "keys-request", fields, domain=reader.SHAPES["renew-certify-request"]["domain"]) in (
        "malformed", "wrong-type")
    # Too late, too early, with a time outside that is not the one inside.
    for off in (-3600000, 3600000):
        assert ask(shared, bank, "keys-request", order(alice.uim, time=now() + off)) == "expired"
    assert ask(shared, bank, "keys-request", fields, time=fields["time"] - 5) == "mismatch"
    # For an account that nobody has, a number that is none, a server, and an end that is none.
    for changes, error in (({"account": alice.uim.account + 1}, "malformed"), ({"account": 1}, "malformed"),
                           ({"expires": now() - 1}, "malformed"), ({"expires": now() + 86400000}, "malformed"),
                           ({"expires": 2**62}, "malformed")):
        assert ask(shared, bank, "keys-request", order(alice.uim, **changes)) == error, changes
    # Sealed for somebody else: the registrar reads it no better than the authority.
    sealed = envelope("keys-request", fields, bank, registrar)
    assert tell(shared, bank, sealed) == "cannot-unseal"
    watch.same()
    assert alice.uim.must("sync").json.get("key_ready") is None


# shows: R-RENEW-2 R-RENEW-4 R-SEC-4
def test_an_order_once_more(shared, mallory, tmp_path_factory):
    alice = user(shared, tmp_path_factory, "alice")
    bank, old = server(shared, "bank"), certificates(shared, alice.uim)
    data = envelope("keys-request", order(alice.uim), bank, server(shared, "authority"))
    first = tell(shared, bank, data)
    watch = Watch(shared, alice.uim)
    again = tell(shared, bank, data)
    assert first["sign-certificate"] == again["sign-certificate"]
    # What answers it is for the bank alone, whoever sends it again.
    with pytest.raises(Exception):
        tell(shared, mallory.party, data)
    watch.same()
    # The bank never ordered these, and knows nothing of them: the UIM is offered none, claims its own and gets those.
    assert "key_ready" not in alice.uim.must("sync").json
    ready(shared, alice.uim)
    watch.same()
    alice.uim.must("renew", "--by", "authority")
    renewed(shared, alice.uim, old)
    watch = Watch(shared, alice.uim)
    assert tell(shared, bank, data) == "malformed"
    watch.same()
    assert made(shared, alice.uim.account) is None


# shows: R-RENEW-3 R-RENEW-5 R-SEC-2 R-SEC-4
def test_requests_for_the_keys_of_others(shared, mallory, tmp_path_factory):
    alice = user(shared, tmp_path_factory, "alice")
    old = certificates(shared, alice.uim)
    bank = server(shared, "bank")
    fields = about_keys(alice.uim, bytes(32))
    assert ask(shared, alice.party, "key-request", fields) == "key-gone"
    ready(shared, alice.uim)
    certificate = newest(shared, alice.uim)
    watch = Watch(shared, alice.uim)
    fields = about_keys(alice.uim, certificate)
    assert ask(shared, mallory.party, "key-request", fields) == "not-allowed"
    assert ask(shared, mallory.party, "key-request", {**fields, "account": mallory.uim.account}) == "key-gone"
    assert ask(shared, mallory.party, "key-request", fields, signer_id=alice.party.id) == "bad-signature"
    assert ask(shared, Stranger(alice.uim.account), "key-request", fields) == "unknown-signer"
    for who in (bank, server(shared, "registrar"), server(shared, "authority")):
        assert ask(shared, who, "key-request", fields) == "not-allowed"
    for realm in OTHER_BANKS:
        assert ask(shared, alice.party, "key-request", fields, realm=realm) == "bad-signature"
    assert ask(shared, alice.party, "key-request", {**fields, "certificate": bytes(32)}) == "mismatch"
    assert ask(shared, alice.party, "key-request", fields, time=fields["time"] + 1) == "mismatch"
    watch.same()
    # Alice's own is answered, twice the same, for her old encryption key: nobody else reads what comes of sending it again.
    data = envelope("key-request", fields, alice.party, server(shared, "authority"))
    replies = [tell(shared, alice.party, data) for _ in range(2)]
    assert replies[0]["keys"] == replies[1]["keys"]
    with pytest.raises(Exception):
        tell(shared, mallory.party, data)
    assert not set(old.values()) & revoked(shared) and made(shared, alice.uim.account)
    # The purse itself comes after all; what was captured is worth nothing after that.
    alice.uim.must("renew", "--by", "authority")
    renewed(shared, alice.uim, old)
    watch = Watch(shared, alice.uim)
    assert tell(shared, Stranger(1), data) == "certificate-revoked"
    watch.same()


# shows: R-RENEW-4 R-RENEW-5 R-SEC-2 R-SEC-4
def test_confirmations_of_others(shared, mallory, tmp_path_factory):
    alice = user(shared, tmp_path_factory, "alice")
    old = certificates(shared, alice.uim)
    ready(shared, alice.uim)
    certificate = newest(shared, alice.uim)
    watch = Watch(shared, alice.uim)
    fields = about_keys(alice.uim, certificate)
    assert ask(shared, mallory.party, "key-confirm", fields) == "not-allowed"
    assert ask(shared, mallory.party, "key-confirm", fields, signer_id=alice.party.id) == "bad-signature"
    assert ask(shared, Stranger(alice.uim.account), "key-confirm", fields) == "unknown-signer"
    assert ask(shared, alice.party, "key-confirm", fields) == "out-of-order"
    for who in (server(shared, "bank"), server(shared, "registrar")):
        assert ask(shared, who, "key-confirm", fields) == "not-allowed"
    watch.same()
    # The new keys, taken by who has the old ones; with them it is the certificate, the bank's name and the time that count.
    pair = ask(shared, alice.party, "key-request", fields)
    new = taken(alice.uim.account, pair["keys"])
    watch = Watch(shared, alice.uim)
    for realm in OTHER_BANKS:
        assert ask(shared, new, "key-confirm", fields, realm=realm) == "bad-signature"
    assert ask(shared, new, "key-confirm", {**fields, "certificate": bytes(32)}) == "mismatch"
    assert ask(shared, new, "key-confirm", {**fields, "account": mallory.uim.account}) == "not-allowed"
    assert ask(shared, new, "key-confirm", fields, time=fields["time"] + 1) == "mismatch"
    assert ask(shared, new, "key-request", fields) == "out-of-order"
    watch.same()
    # At the bank the new key is nobody's until the close entry says so.
    information = alice.information()
    request = {"information": pack("value-information", information), "time": alice.next_time()}
    assert ask(shared, new, "claim-request", request, to="bank") == "pending"
    cash = {**request, "kind": "withdraw", "amount": 5, "time": alice.next_time()}
    assert ask(shared, new, "cash-request", cash, to="bank") == "pending"
    assert ask(shared, mallory.party, "claim-request", request, to="bank") == "mismatch"
    assert ask(shared, mallory.party, "claim-request", request, to="bank", signer_id=alice.party.id) == "bad-signature"
    watch.same()
    alice.uim.must("renew", "--by", "authority")
    renewed(shared, alice.uim, old)
    watch = Watch(shared, alice.uim)
    # Once more, and late: the old ones are on the list already, and nothing else happens.
    assert "request" in ask(shared, new, "key-confirm", about_keys(alice.uim, certificate))
    assert ask(shared, alice.party, "key-confirm", fields) == "certificate-revoked"
    watch.same()
