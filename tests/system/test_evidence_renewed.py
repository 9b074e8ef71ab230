"""Does an evidence file convince a stranger where the accused purse renewed its keys between the two things that it signed, and
does none hold an older key's doings against who renewed because of them?"""
import itertools
import json
import random

import pytest

from kinchaku import OK, REFUSED
from renewing import RenewingTown, stranger, town  # noqa: F401
from test_evidence import COPIED, Stranger, blocked, check, decline, flip, server, unpack
from test_roll import roll_over
from test_settle import encode, reader, sign as sign_brief
from forge import sign as forge_sign

UNREADABLE = {"malformed", "trailing-bytes", "not-canonical", "too-large", "wrong-version", "wrong-type", "wrong-algorithm",
              "amount-too-large"}
AFTER = "signed-after-close"


def file_of(path):
    return reader.read_message(reader.parse_signed(path.read_bytes())["payload"])


def repack(town, fields):
    bank = server(town.system, "bank")
    return forge_sign(encode("renewed-evidence", **fields), bank.sign, bank.id, reader.SHAPES["renewed-evidence"]["domain"])


# shows: R-SEC-1 R-RENEW-7
def test_taken_with_the_older_key_and_declined_with_the_newer(town, stranger):
    payer, payee = town.purses(300, 0)
    order = payer.order(payee, 40)
    receipt = payee.receipt(order)
    payer.add("pay", 40, order, receipt)
    payee.add("receive", 40, order)
    payee.report()
    payee.renewed()
    payer.records = []
    payer.counter, payer.head, payer.value, payer.paid = 0, bytes(32), 300, 0
    payer.add("pay", 40, order, decline(NewKey(payee), order, 1))
    payer.report()
    path = check(town, stranger, payee, COPIED, "decline-and-taking", 1)
    name, file = file_of(path)
    assert name == "renewed-evidence" and file["close"] is not None and file["closer"] is None


class NewKey:
    """What `decline` wants to know of a purse, with its key in force."""

    def __init__(self, purse):
        self.key, self.uim = purse.key, purse.uim


# shows: R-SEC-1 R-RENEW-7
def test_a_history_told_anew_with_the_newer_key(town, stranger):
    """The report that closed the older key tells the history too: one key is enough."""
    payer, payee = town.purses(300, 0)
    before = (payer.counter, payer.head, payer.value, payer.certified, payer.paid)
    payer.add("pay", 40, payer.order(payee, 40))
    payer.report()
    payer.renewed()
    payer.counter, payer.head, payer.value, payer.certified, payer.paid = before
    payer.add("pay", 30, payer.order(payee, 30))
    assert blocked(payer) == COPIED
    path = check(town, stranger, payer, COPIED, "two-heads", 1)
    assert file_of(path)[0] == "evidence-file"


def receipt_of(payee, order, counter):
    """A receipt that says that this counter took the order, whatever stands there."""
    kept = (payee.counter, payee.head, payee.received)
    payee.counter, payee.head, payee.received = counter - 1, bytes(32), 0
    receipt = payee.receipt(order)
    payee.counter, payee.head, payee.received = kept
    return receipt


# shows: R-SEC-1 R-RENEW-7
@pytest.mark.parametrize("renewals", [1, 2])
def test_the_newest_key_signs_a_receipt_for_an_older_counter(town, stranger, renewals):
    payer, friend, payee = town.purses(300, 100, 0)
    order = payer.order(payee, 40)
    payee.add("receive", 7, friend.order(payee, 7))
    payee.report()
    for _ in range(renewals):
        payee.renewed()
    payer.add("pay", 40, order, receipt_of(payee, order, 1))
    payer.report()
    path = check(town, stranger, payee, COPIED, "receipt-and-entry", 1)
    name, file = file_of(path)
    assert name == "renewed-evidence" and file["close"] is not None and (file["closer"] is not None) == (renewals == 2)


# shows: R-SEC-1 R-RENEW-7
def test_the_older_key_pays_behind_its_end(town, stranger):
    """Its payee is the first to report, when the bank does not know yet that the purse changed over."""
    payer, payee = town.purses(300, 0)
    payer.renew()
    payer.change_over()
    order = payer.with_old_key(payer.order, payee, 40, counter=3)
    payee.add("receive", 40, order)
    assert payee.report()["objections"] == []
    other, = town.purses(0)
    for _ in range(3):
        payer.add("pay", 5, payer.order(other, 5))
    payer.system.http("bank", "POST", "/v1/message", payer.envelope())
    path = check(town, stranger, payer, COPIED, AFTER, 4)
    file = file_of(path)[1]
    assert file["close"] is None and len(file["items"]) == 2


# shows: R-SEC-1 R-RENEW-7
def test_both_keys_pay_with_one_counter(town, stranger):
    payer, first, second = town.purses(300, 0, 0)
    payer.renew()
    payer.change_over()
    order = payer.with_old_key(payer.order, first, 40, counter=3)
    payer.counter = 3
    first.add("receive", 40, order)
    first.report()
    second.add("receive", 30, payer.order(second, 30))
    second.report()
    check(town, stranger, payer, COPIED, AFTER, 4)


# shows: R-SEC-1 R-RENEW-7
def test_who_renewed_pays_nothing_for_the_older_key(town, tmp_path):
    """After the confirmation an order of the older key is told to its payee, and nobody is accused: there is no file."""
    payer, payee = town.purses(300, 0)
    payer.renewed()
    order = payer.with_old_key(payer.order, payee, 40, counter=5)
    payee.add("receive", 40, order)
    status, _, body = payee.system.http("bank", "POST", "/v1/message", payee.envelope())
    assert status == 200 and [one["counter"] for one in payee.open_reply(body)["objections"]] == [1]
    alerts = [(row["purse"], row["reason"]) for row in town.system.bank("alerts").objects
              if row["purse"] in (payer.uim.purse, payee.uim.purse)]
    assert alerts == [(payee.uim.purse, "key-renewed")], alerts
    number = town.alert(payee, ("key-renewed",))["alert"]
    done = town.system.bank("evidence", number, "--out", tmp_path / "none.kce")
    assert done.status == REFUSED and done.error == "not-proven", done


# ---- what is no proof ----

@pytest.fixture(scope="module")
def proofs(town, tmp_path_factory):
    folder = tmp_path_factory.mktemp("proofs")
    stranger = Stranger(town.system, folder)
    test_taken_with_the_older_key_and_declined_with_the_newer(town, stranger)
    test_the_newest_key_signs_a_receipt_for_an_older_counter(town, stranger, 2)
    test_the_older_key_pays_behind_its_end(town, stranger)
    return {path.stem: path.read_bytes() for path in stranger.folder.glob("*-*.kce")}


# shows: R-SEC-1 R-SEC-2 R-RENEW-7
def test_every_changed_byte_is_refused(proofs, stranger):
    source = random.Random(21)
    assert len(proofs) == 3
    for data in proofs.values():
        assert stranger.both(data) == "proven"
        for place in sorted(source.sample(range(len(data)), 20)):
            changed = bytearray(data)
            changed[place] ^= 1 << source.randrange(8)
            assert stranger.both(bytes(changed)) != "proven", place
        assert stranger.both(data[:-1]) != "proven"
        assert stranger.both(data + b"\0") in UNREADABLE


# shows: R-SEC-1 R-SEC-2 R-RENEW-7
def test_a_file_that_the_bank_itself_made_wrong(town, proofs, stranger):
    """Signed by the bank: swapped identities, another account's, one of a later time, a close that is missing or another's."""
    files = {name: unpack(data) for name, data in proofs.items()}
    ordinary, apart, after = files["decline-and-taking"], files["receipt-and-entry"], files[AFTER]

    def says(file, **changes):
        return stranger.both(repack(town, {**file, **changes}))

    for file in files.values():
        assert says(file) == "proven"
        assert says(file, older=file["newer"], newer=file["older"]) in ("bad-signature", "unknown-signer")
        assert says(file, items=file["items"][::-1]) in ("bad-signature", "unknown-signer")
        assert says(file, newer=file["older"]) == "mismatch"
        assert says(file, items=file["items"][:1]) == "malformed"
        assert says(file, items=[]) == "malformed"
        assert says(file, counter=file["counter"] + 1) == "not-proven"
        assert says(file, account=file["purse"]) == "mismatch"
        assert says(file, currency="EUR") == "bad-signature"
        for rule in reader.ENUMS["proof-rule"].values():
            found = says(file, rule=rule)
            assert found == "proven" if rule == file["rule"] else found in ("not-proven", "malformed"), rule
    for one, two in itertools.permutations(files.values(), 2):
        assert says(one, older=two["older"]) == "mismatch"
        assert says(one, newer=two["newer"]) == "mismatch"
        assert says(one, items=[one["items"][0], two["items"][1]]) in ("bad-signature", "unknown-signer", "mismatch")
    # The end of the older key.
    for file in (ordinary, apart):
        assert says(file, close=None, closer=None) == "not-proven"
    assert says(ordinary, close=apart["close"]) in ("unknown-signer", "bad-signature")
    assert says(ordinary, closer=apart["closer"]) == "mismatch"
    assert says(ordinary, closer=ordinary["newer"]) == "mismatch"
    assert says(ordinary, closer=ordinary["older"]) == "mismatch"
    assert says(ordinary, closer=b"") == "malformed"
    assert says(apart, close=None) == "malformed"
    assert says(apart, closer=None) in ("unknown-signer", "bad-signature")
    assert says(apart, newer=apart["closer"], closer=None) in ("unknown-signer", "bad-signature")
    assert says(after, close=after["items"][1]) == "malformed"
    # The same keys under claims of a later time: the close entry names others.
    for file, name in ((ordinary, "newer"), (apart, "closer")):
        assert says(file, **{name: later(town, file[name])}) == "mismatch"
    assert says(apart, newer=later(town, apart["newer"])) == "proven"


def later(town, identity):
    """The identity as if it had been issued a second later."""
    claims = reader.decode(reader.parse_brief(identity)["payload"])
    payload = reader.cbor2.dumps({**claims, 6: claims[6] + 1})
    return sign_brief({1: reader.ES256}, payload, server(town.system, "bank").sign, "kinchaku/2-identity")


# shows: R-SEC-1 R-SEC-2 R-RENEW-7
def test_two_readers_of_changed_parts(town, proofs, stranger):
    """Deep changes, with the outer signature made anew: both readers say the same of every one."""
    source = random.Random(22)
    said = {}
    for file in map(unpack, proofs.values()):
        for _ in range(25):
            changed = {**file, "items": list(file["items"])}
            which = source.choice([name for name in ("older", "newer", "closer", "close", "item", "item") if file.get(name, True)])
            if which == "item":
                place = source.randrange(2)
                changed["items"][place] = change_item(file["items"][place], source)
            elif which == "close":
                changed["close"] = change_item(file["close"], source)
            else:
                changed[which] = flip(file[which], source)
            found = stranger.both(repack(town, changed))
            assert found != "proven" or changed == file, which
            said[found] = said.get(found, 0) + 1
    assert len(said) >= 4, said


def change_item(data, source):
    item = reader.read_message(data)[1]
    which = source.choice(("bytes", "bytes", "key", "kind"))
    if which == "kind":
        item["kind"] = source.choice(list(reader.ENUMS["proof-kind"].values()))
    elif which == "key":
        item["key"] = source.choice((None, bytes(32), flip(item["key"] or bytes(32), source)))
    else:
        item["bytes"] = flip(item["bytes"], source)
    return encode("evidence-item", **item)


# shows: R-SEC-1 R-RENEW-6 R-RENEW-7
def test_over_a_renewal_and_a_roll_over_of_the_bank(tmp_path):
    """The bank's own keys rolled over meanwhile: what the purse showed is certified by the one before."""
    town = RenewingTown(tmp_path)
    try:
        payer, friend, payee = town.purses(300, 100, 0)
        order = payer.order(payee, 40)
        payee.add("receive", 7, friend.order(payee, 7))
        payee.report()
        payee.renewed()
        payer.add("pay", 40, order, receipt_of(payee, order, 1))
        payer.report()
        roll_over(town.system)
        path = tmp_path / "rolled.kce"
        assert town.export(payee, path)["rule"] == "receipt-and-entry"
        stranger = Stranger(town.system, tmp_path)
        bank = town.system.dir / "bank"
        for certificate in ("sign.crt", "sign-1.crt"):
            done = stranger.command(path, "--json", "--roll", bank / "roll-1.cose", certificate=bank / certificate)
            assert done.returncode == OK and json.loads(done.stdout)["renewed"] is True, done
        done = stranger.command(path, "--json", certificate=bank / "sign.crt")
        assert done.returncode == REFUSED and json.loads(done.stdout)["error"] == "unknown-signer", done
        # It needs the record: the certified values in it are of the former key.
        assert stranger.command(path, certificate=bank / "sign-1.crt").returncode == REFUSED
        town.system.check_audit()
    finally:
        town.system.down()
