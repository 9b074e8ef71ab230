"""Can a certified user gain or do harm with messages that no purse would write: in another's name, another's purse, another role?"""
import time

import pytest

from forge import REALM, Attacker, envelope, pack, reader, server, sign

HUGE = 2**63


@pytest.fixture(scope="module")
def two(shared, tmp_path_factory):
    """Mallory, whose keys are in files, and Alice, who only owns something."""
    mallory = Attacker(shared, tmp_path_factory.mktemp("mallory"), fund=1000)
    mallory.uim.must("withdraw", 100, "--yes")
    alice = Attacker(shared, tmp_path_factory.mktemp("alice"), fund=1000)
    alice.uim.must("withdraw", 300, "--yes")
    return mallory, alice


@pytest.fixture(autouse=True)
def nothing_moves(two, shared):
    """Whatever a forged message was answered: both users own what they owned, the purse is not blocked, the books are good."""
    before = [(who.uim.both(), who.uim.shadow()) for who in two]
    yield
    for who, (both, shadow) in zip(two, before):
        assert (who.uim.both(), who.uim.shadow()) == (both, shadow)
        who.uim.must("sync")
        assert who.uim.both() == both and who.uim.state() == "ready"
    shared.check_audit()


def cash(who, information, **changes):
    when = changes.pop("time", None) or who.next_time()
    return {"information": pack("value-information", information), "kind": "deposit", "amount": 100, "time": when, **changes}


# shows: R-SEC-2 R-CASH-2
def test_in_the_name_of_another(two):
    mallory, alice = two
    theirs = alice.information()
    ours = mallory.information()
    bank = server(mallory.system, "bank")
    request = cash(mallory, ours)
    assert mallory.send("cash-request", cash(mallory, theirs))[0] == "mismatch"
    assert mallory.send("cash-request", request, signer_id=alice.party.id)[0] == "bad-signature"
    mixed = mallory.party.number.to_bytes(8, "big") + alice.party.id[8:]
    assert mallory.send("cash-request", request, signer_id=mixed)[0] == "unknown-signer"
    mixed = alice.party.number.to_bytes(8, "big") + mallory.party.id[8:]
    assert mallory.send("cash-request", request, signer_id=mixed)[0] == "unknown-signer"
    for changed in ({"account": alice.uim.account}, {"purse": alice.uim.purse}, {"identity": theirs["identity"]},
                    {"certified": theirs["certified"]}):
        error, _ = mallory.send("cash-request", cash(mallory, {**ours, **changed}))
        assert error in ("mismatch", "unknown-purse", "not-allowed"), (changed, error)
    # A signature taken off Alice's message and replaced by one's own: the content is still hers.
    hers = envelope("cash-request", cash(alice, theirs), alice.party, bank)
    parts = reader.parse_signed(hers)
    stolen = sign(parts["payload"], mallory.party.sign, mallory.party.id, parts["header"][3],
                  time=parts["header"][reader.TIME_LABEL])
    assert mallory.post(stolen)[0] == "mismatch"


def test_answers_to_the_quote_of_another(two):
    mallory, alice = two
    name, quote = alice.send("cash-request", cash(alice, alice.information(), kind="withdraw"))
    assert name == "cash-quote"
    for answer in ("ok", "ng"):
        fields = {"purse": alice.uim.purse, "transaction": quote["transaction"], "quote": bytes(32), "answer": answer,
                  "entry": None, "time": mallory.next_time()}
        error, _ = mallory.send("cash-answer", fields)
        assert error in ("mismatch", "unknown-transaction", "not-allowed", "unknown-purse"), error
        fields["purse"] = mallory.uim.purse
        assert mallory.send("cash-answer", fields)[0] in ("unknown-transaction", "mismatch")
    state = {"information": pack("value-information", alice.information()), "pending": quote["transaction"],
             "time": mallory.next_time()}
    assert mallory.send("state-request", state)[0] == "mismatch"


def test_more_value_than_there_is(two):
    mallory, _ = two
    ours = mallory.information()
    for changed in ({"value": 10**9}, {"counter": 7}, {"head": bytes(32)[:31] + b"\1"}, {"paid": 1}, {"received": 5},
                    {"returned": 5}, {"entries": [b"\x80"]}, {"entries": [b""] * 8}, {"purse-type": "card"}):
        error, _ = mallory.send("cash-request", cash(mallory, {**ours, **changed}))
        # A counter beyond the entries told is one of a purse that has to report first.
        wanted = ("pending",) if "counter" in changed else ("mismatch", "malformed", "wrong-type", "stale-state", "trailing-bytes",
                                                            "not-canonical")
        assert error in wanted, (changed, error)
    for amount, error in ((0, "amount-zero"), (101, "insufficient-value"), (HUGE - 1, "insufficient-value"),
                          (HUGE, "amount-too-large"), (2**64 - 1, "amount-too-large"), (-1, "malformed"), (1.0, "malformed"),
                          ("1", "malformed"), (None, "malformed")):
        assert mallory.send("cash-request", cash(mallory, ours, amount=amount))[0] == error, amount
    for kind in ("fund", "redeem"):
        for amount, wanted in ((0, "amount-zero"), (HUGE, "amount-too-large"), (2**64, None), (-1, "malformed")):
            fields = {**cash(mallory, ours, amount=amount), "kind": kind}
            error, _ = mallory.send("fund-request", fields)
            assert error == (wanted or "malformed"), (kind, amount, error)
    # Entries that a purse would never write: a payment received from nobody, a void of nothing, a deposit nobody quoted.
    for kind, more in (("receive", {}), ("void", {"voids": 1}), ("cash-out", {"transaction": 5}), ("close", {}), ("pay", {})):
        entry = {"kind": kind, "counter": ours["counter"] + 1, "time": mallory.next_time(), "amount": 50, "recipient": None,
                 "payer": None, "card": None, "transaction": None, "voids": None, "partner": bytes(32), **more}
        body = pack("entry", entry)
        head = reader.hashlib.sha256(ours["head"] + body).digest()
        told = {**ours, "entries": [*ours["entries"], body], "counter": ours["counter"] + 1, "head": head,
                "value": ours["value"] + 50}
        error, _ = mallory.send("cash-request", cash(mallory, told))
        assert error == ("stale-state" if kind == "cash-out" else "pending"), (kind, error)


# shows: R-SEC-2 R-CASH-2
def test_other_purposes_realms_times_and_encodings(two):
    mallory, _ = two
    ours = mallory.information()
    wanted = {
        "wrong-type": [{"domain": "kinchaku/1-completion"}, {"domain": "kinchaku/1-nonsense"}],
        "wrong-domain": [],
        "bad-signature": [{"realm": (2, "JPY")}, {"realm": (1, "EUR")}],
        "mismatch": [{"time": 5}],
    }
    for error, changes in wanted.items():
        for change in changes:
            got, _ = mallory.send("cash-request", cash(mallory, ours), **change)
            assert got == error, (change, got)
    plain = pack("cash-request", cash(mallory, ours))
    for bad in (plain + b"\0", plain[:-1], b"\x80", pack("cash-request", cash(mallory, ours), version=2),
                b"\x9f" + plain[1:] + b"\xff", b"\xa0"):
        got, _ = mallory.send("cash-request", cash(mallory, ours), plain=bad)
        assert got in ("malformed", "trailing-bytes", "not-canonical", "wrong-version", "wrong-type"), (bad[:4], got)
    # The seal made for another message, and for another receiver.
    bank, authority = server(mallory.system, "bank"), server(mallory.system, "authority")
    data = envelope("cash-request", cash(mallory, ours), mallory.party, authority)
    assert mallory.post(data)[0] == "cannot-unseal"
    parts = reader.parse_signed(envelope("fund-request", cash(mallory, ours, kind="fund"), mallory.party, bank))
    moved = sign(parts["payload"], mallory.party.sign, mallory.party.id, "kinchaku/1-cash-request",
                 time=parts["header"][reader.TIME_LABEL])
    assert mallory.post(moved)[0] == "cannot-unseal"
    # Time stamps at their ends: an old one is a replay.
    for when in (1, 2):
        assert mallory.send("cash-request", cash(mallory, ours, time=when))[0] == "replayed"
    assert mallory.send("cash-request", cash(mallory, ours, time=HUGE))[0] in ("malformed", "amount-too-large")


# shows: R-SEC-2 R-OPEN-1
def test_a_user_who_plays_registrar_authority_or_bank(two):
    mallory, alice = two
    now = int(time.time() * 1000)
    form = {"id": bytes(16), "name": "M", "address": "X", "phone": "1", "bank-account": alice.uim.ordinary,
            "password-hash": "scrypt$x", "suite": "es256", "log-policy": "refuse", "purse-type": "uim", "owner": None,
            "time": now}
    orders = {
        "open-request": form,
        "confirm-request": {"account": alice.uim.account, "purse": alice.uim.purse, "sign-digest": bytes(32),
                            "encrypt-digest": bytes(32), "time": now},
        "cancel-request": {"account": alice.uim.account, "purse": alice.uim.purse, "time": now},
        "identify-request": {"account": alice.uim.account, "time": now},
        "lost-request": {"account": alice.uim.account, "purse": alice.uim.purse, "time": now},
        "reissue-request": {"id": bytes(16), "account": alice.uim.account, "suite": "es256", "log-policy": "refuse",
                            "time": now},
        "charge-order": {"account": alice.uim.account, "source": None, "time": now},
        "move-request": {"id": bytes(16), "account": alice.uim.account, "suite": "es256", "log-policy": "refuse", "paid": False,
                         "time": now},
        "close-request": {"account": alice.uim.account, "kind": "write-off", "time": now},
    }
    for name, fields in orders.items():
        assert mallory.send(name, fields)[0] == "not-allowed", name
        # The registrar's number with one's own signature.
        registrar = server(mallory.system, "registrar")
        assert mallory.send(name, fields, signer_id=registrar.id)[0] == "bad-signature", name
        assert mallory.send(name, fields, signer_id=(3).to_bytes(8, "big") + mallory.party.id[8:])[0] == "unknown-signer"
    certificates = {
        "revoke-request": {"account": alice.uim.account, "reason": 1, "time": now},
        "certify-request": {"account": alice.uim.account, "expires": now + 10**6, "proof": b"\x80", "time": now},
    }
    for name, fields in certificates.items():
        assert mallory.send(name, fields, to="authority")[0] == "not-allowed", name
        registrar = server(mallory.system, "registrar")
        assert mallory.send(name, fields, to="authority", signer_id=registrar.id)[0] == "bad-signature", name
    for name, signer in (("cash-request", 1), ("cash-request", 2), ("fund-request", 3)):
        fields = cash(mallory, mallory.information(), **({"kind": "fund"} if name == "fund-request" else {}))
        assert mallory.send(name, fields, signer_id=signer.to_bytes(8, "big") + bytes(8))[0] == "not-allowed"
    # Replies are not requests.
    for name in ("completion", "refusal", "cash-quote", "certified"):
        domain = reader.SHAPES[name]["domain"]
        assert mallory.send("cash-request", cash(mallory, mallory.information()), domain=domain)[0] == "wrong-type"


def test_a_registrar_who_asks_what_it_may_not(two):
    """Its key signs applications, not users' messages, and its clock must be near the bank's."""
    mallory, alice = two
    registrar = server(mallory.system, "registrar")
    now = int(time.time() * 1000)
    cancel = {"account": alice.uim.account, "purse": alice.uim.purse, "time": now}

    def send(name, fields, to="bank"):
        status, kind, reply = mallory.system.http(to, "POST", "/v1/message", envelope(
            name, fields, registrar, server(mallory.system, to)))
        assert kind == "application/cose", reply
        got, answer = Attacker.open(reply, server(mallory.system, to), registrar)
        return Attacker.error_name(answer["reason"], status) if got == "refusal" else got

    assert send("cancel-request", cancel) not in ("done",)
    assert send("cancel-request", {**cancel, "account": mallory.uim.account}) not in ("done",)
    assert send("identify-request", {"account": 10**9 + 7, "time": now}) == "unknown-account"
    assert send("identify-request", {"account": alice.uim.account, "time": now + 10**7}) == "expired"
    lost = {"account": alice.uim.account, "purse": alice.uim.purse, "time": now}
    assert send("lost-request", {**lost, "time": now + 10**7}) == "expired"
    assert send("lost-request", {**lost, "account": mallory.uim.account}) == "unknown-account"
    assert send("lost-request", {**lost, "purse": 10**9 + 7}) == "unknown-account"
    charge = {"account": alice.uim.account, "source": 2, "time": now}
    assert send("charge-order", {**charge, "time": now + 10**7}) == "expired"
    assert send("charge-order", {**charge, "account": 10**9 + 7}) == "unknown-account"
    assert send("charge-order", charge) == "not-allowed"
    counter = {"account": alice.uim.account, "purse": alice.uim.purse, "request": bytes(32), "time": now}
    assert send("counter-request", {**counter, "time": now + 10**7}) == "expired"
    assert send("counter-request", {**counter, "account": mallory.uim.account}) == "unknown-purse"
    assert send("counter-request", {**counter, "purse": 10**9 + 7}) == "unknown-purse"
    assert send("counter-request", counter) == "done"
    assert mallory.send("counter-request", counter)[0] == "not-allowed"
    close = {"account": alice.uim.account, "kind": "empty", "time": now}
    assert send("close-request", {**close, "time": now + 10**7}) == "expired"
    assert send("close-request", {**close, "account": 10**9 + 7}) == "unknown-account"
    assert send("close-request", {**close, "kind": "follow"}) == "out-of-order"
    move = {"id": bytes(15) + b"m", "account": alice.uim.account, "suite": "es256", "log-policy": "report", "paid": False, "time": now}
    assert send("move-request", {**move, "time": now - 10**7}) == "expired"
    assert send("move-request", {**move, "account": 10**9 + 7}) == "unknown-account"
    reissue = {"id": bytes(16), "account": alice.uim.account, "suite": "es256", "log-policy": "report", "time": now}
    assert send("reissue-request", {**reissue, "time": now - 10**7}) == "expired"
    assert send("reissue-request", {**reissue, "account": 10**9 + 7}) == "unknown-account"
    assert send("reissue-request", reissue) == "out-of-order"
    assert send("revoke-request", {"account": 12345, "reason": 1, "time": now}, to="authority") == "malformed"
    assert send("revoke-request", {"account": alice.uim.account, "reason": 7, "time": now}, to="authority") == "malformed"
    certify = {"account": alice.uim.account, "expires": now + 10**6, "proof": key_proof(mallory), "time": now}
    assert send("certify-request", certify, to="authority") == "already-exists"
    assert send("certify-request", {**certify, "expires": now - 1}, to="authority") == "malformed"
    assert send("certify-request", {**certify, "expires": HUGE - 1}, to="authority") == "malformed"
    wrong = key_proof(mallory, signer=alice)
    assert send("certify-request", {**certify, "proof": wrong}, to="authority") == "bad-signature"
    assert send("confirm-request", {"account": alice.uim.account, "purse": mallory.uim.purse, "sign-digest": bytes(32),
                                    "encrypt-digest": bytes(32), "time": now}) == "mismatch"


def key_proof(who, signer=None):
    keys = {"sign-key": reader.encode_key(who.party.sign.public_key()),
            "encrypt-key": reader.encode_key(who.party.encrypt.public_key())}
    return sign(pack("key-proof", keys), (signer or who).party.sign, bytes(16), reader.SHAPES["key-proof"]["domain"], REALM)
