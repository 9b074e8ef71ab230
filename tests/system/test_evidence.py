"""Does an evidence file convince a stranger who has nothing but the bank's certificate, and no file that was touched or does not prove?"""
import itertools
import json
import random
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import cbor2
import pytest

from kinchaku import BUILD, OK, REFUSED, USAGE, System, program
from meeting import meet

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "vectors"))
import evidence  # noqa: E402
import reader  # noqa: E402
from strict_cbor import Refused  # noqa: E402

from forge import errors, server, sign as forge_sign  # noqa: E402
from test_capture import Keys  # noqa: E402
from test_settle import Purse, brief, digest, encode  # noqa: E402

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
COPIED = "copied-or-restored"
# What cannot be read may have more than one fault; which one a reader meets first is its own affair.
UNREADABLE = {"malformed", "trailing-bytes", "not-canonical", "too-large", "wrong-version", "wrong-type", "wrong-algorithm",
              "amount-too-large"}


class Town:
    """A running bank and purses that sign whatever they are told to."""

    def __init__(self, folder):
        self.system, self.folder, self.count = System(folder), folder, 0
        self.captured = folder / "captured"
        self.captured.mkdir()
        self.system.init()
        self.system.configure("bank", "debug", capture=self.captured)
        self.system.up()
        self.keys = Keys(self.system)

    def purses(self, *values):
        self.count += 1
        return [Purse(self.system, self.folder, f"{self.count}-{place}", self.keys, self.captured, value)
                for place, value in enumerate(values)]

    def alert(self, accused, reasons=(COPIED, "overspent")):
        purse = getattr(accused, "uim", accused).purse
        alerts = [row for row in self.system.bank("alerts").objects if row["purse"] == purse and row["reason"] in reasons]
        assert len(alerts) == 1, alerts
        return alerts[0]

    def export(self, accused, path):
        """The alert of a purse as a file: what the bank says of it."""
        done = self.system.bank("evidence", self.alert(accused)["alert"], "--out", path)
        assert done.status == OK, done
        return done.json


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    town = Town(tmp_path_factory.mktemp("town"))
    yield town
    town.system.check_audit()
    town.system.down()


class Stranger:
    """Somebody in another folder, with the file and a certificate."""

    def __init__(self, system, folder):
        self.folder = folder / "stranger"
        self.folder.mkdir()
        self.certificate = self.folder / "bank.crt"
        shutil.copy(system.dir / "bank" / "sign.crt", self.certificate)
        self.bank = evidence.bank_key(self.certificate.read_bytes())

    def command(self, path, *more, certificate=None):
        return subprocess.run([program("kinchaku"), *more, "verify-evidence", str(path), "--certificate",
                               str(certificate or self.certificate)], cwd=self.folder, capture_output=True, text=True, check=False)

    def says(self, path):
        """The name of the refusal, or "proven", by the shipped command."""
        done = self.command(path, "--json")
        said = json.loads(done.stdout)
        assert (done.returncode == 0) == (said.get("verdict") == "proven"), done
        assert done.returncode in (OK, REFUSED), done
        return said.get("error", "proven")

    def python(self, data):
        try:
            evidence.verify_evidence(data, self.bank)
        except Refused as error:
            return str(error)
        return "proven"

    def both(self, data):
        """What the two readers say of these bytes; they agree."""
        path = self.folder / "file.kce"
        path.write_bytes(data)
        said, second = self.says(path), self.python(data)
        assert said == second or {said, second} <= UNREADABLE, (said, second)
        return said


@pytest.fixture
def stranger(town, tmp_path):
    return Stranger(town.system, tmp_path)


def check(town, stranger, accused, reason, rule, counter):
    """Exports the alert of the accused; both readers find exactly this in it. The file's path."""
    path = stranger.folder / f"{rule}.kce"
    told = town.export(accused, path)
    assert (told["reason"], told["rule"], told["counter"]) == (reason, rule, counter), told
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.stat().st_size == told["size"] <= 32768
    done = stranger.command(path, "--json")
    said = json.loads(done.stdout)
    purse = getattr(accused, "uim", accused)
    assert done.returncode == OK and said["verdict"] == "proven", done
    assert (said["reason"], said["rule"], said["counter"]) == (reason, rule, counter), said
    assert (said["purse"], said["account"], said["alert"]) == (purse.purse, purse.account, told["alert"])
    python = subprocess.run(["/usr/bin/python3", str(VECTORS / "evidence.py"), str(path), str(stranger.certificate)],
                            capture_output=True, text=True, check=False, cwd=stranger.folder)
    assert python.stdout, python
    second = json.loads(python.stdout)
    assert python.returncode == OK and (second["rule"], second["counter"]) == (rule, counter), python
    words = stranger.command(path)
    assert words.returncode == OK and words.stdout.startswith(f"proven: purse {purse.purse} "), words
    assert f" (counter {counter})\n" in words.stdout
    return path


def rich(system, amount):
    uim = system.open(balance=2 * amount, fund=2 * amount)
    uim.must("withdraw", amount, "--yes")
    return uim


# ---- with the programs alone ----

# shows: R-SEC-1
def test_a_copied_uim_that_paid_twice(town, stranger, tmp_path):
    payer, first, second = (rich(town.system, amount) for amount in (300, 20, 30))
    shutil.copy(payer.path, tmp_path / "copy")
    assert meet(payer, ("pay", 100), first)[0].status == OK
    shutil.copy(tmp_path / "copy", payer.path)
    assert meet(payer, ("pay", 250), second)[0].status == OK
    first.must("sync")
    assert not [row for row in town.system.bank("alerts").objects if row["purse"] == payer.purse]
    second.must("sync")
    path = check(town, stranger, payer, COPIED, "two-orders", 1)
    words = stranger.command(path).stdout
    assert f"pays 100 to purse {first.purse}" in words and f"pays 250 to purse {second.purse}" in words, words
    # Only what the payer signed is in it: neither payee's name, report nor signature.
    items = [reader.read_message(item)[1] for item in reader.read_message(reader.parse_signed(path.read_bytes())["payload"])[1]["items"]]
    assert [item["kind"] for item in items] == ["order", "order"] and all(item["key"] is None for item in items)


# shows: R-SEC-1 R-CASH-6
def test_a_uim_restored_from_an_older_copy(town, stranger, tmp_path):
    uim = rich(town.system, 300)
    shutil.copy(uim.path, tmp_path / "copy")
    uim.must("deposit", 200, "--yes")
    shutil.copy(tmp_path / "copy", uim.path)
    uim.must("deposit", 200, "--yes", status=REFUSED)
    check(town, stranger, uim, COPIED, "counter-fell", 1)


# shows: R-SEC-1
def test_a_copy_reports_what_the_other_one_did_otherwise(town, stranger, tmp_path):
    payer, first, second = (rich(town.system, amount) for amount in (300, 20, 30))
    shutil.copy(payer.path, tmp_path / "copy")
    assert meet(payer, ("pay", 100), first)[0].status == OK
    first.must("sync")
    shutil.copy(tmp_path / "copy", payer.path)
    assert meet(payer, ("pay", 50), second)[0].status == OK
    assert meet(payer, ("pay", 5), second)[0].status == OK
    payer.station("sync")
    check(town, stranger, payer, COPIED, "order-and-entry", 1)


# ---- with purses that sign anything ----

def decline(who, order, counter):
    return brief("decline", who.key, payment=digest(order), counter=counter, reason=0x47, time=1795478400000,
                 **{"payee-purse": who.uim.purse})


def blocked(who):
    """The reason why a report is refused: it proves something against its reporter."""
    _, _, body = who.system.http("bank", "POST", "/v1/message", who.envelope())
    return errors()[who.open_reply(body, "refusal")["reason"]][0]


# shows: R-SEC-1 R-XCHG-7
def test_a_receipt_for_a_counter_that_had_another_entry(town, stranger):
    payer, other, payee = town.purses(300, 300, 0)
    taken = payer.order(payee, 40)
    receipt = payee.receipt(taken)
    payer.add("pay", 40, taken, receipt)
    payee.add("receive", 7, other.order(payee, 7))
    payee.report()
    payer.report()
    path = check(town, stranger, payee, COPIED, "receipt-and-entry", 1)
    file = reader.read_message(reader.parse_signed(path.read_bytes())["payload"])[1]
    items = [reader.read_message(item)[1] for item in file["items"]]
    assert sorted(item["kind"] for item in items) == ["envelope", "receipt"]


# shows: R-SEC-1
def test_a_decline_of_what_was_taken(town, stranger):
    payer, payee = town.purses(300, 0)
    order = payer.order(payee, 40)
    payer.add("pay", 40, order, decline(payee, order, 1))
    payee.add("receive", 40, order)
    payee.report()
    payer.report()
    check(town, stranger, payee, COPIED, "decline-and-taking", 1)


# shows: R-SEC-1
def test_a_void_that_holds_the_decline_of_what_was_taken(town, stranger):
    """The decline came after the payment was reported, and stands in the record of the void alone."""
    payer, payee = town.purses(300, 0)
    order = payer.order(payee, 40)
    payer.add("pay", 40, order)
    payer.report()
    entry = encode("entry", kind="void", counter=2, time=1795478400000, amount=40, voids=1, partner=bytes(32))
    payer.records.append(encode("log-record", entry=entry, order=None, answer=decline(payee, order, 1)))
    payer.counter, payer.head, payer.value = 2, digest(payer.head + entry), payer.value + 40
    payer.returned = 40
    payer.report()
    payee.add("receive", 40, order)
    assert blocked(payee) == COPIED
    check(town, stranger, payee, COPIED, "decline-and-taking", 1)


# shows: R-SEC-1
def test_an_order_with_another_history_before_it(town, stranger):
    payer, first, second = town.purses(300, 0, 0)
    order = payer.order(first, 40)
    payer.add("pay", 40, order)
    payer.report()
    payer.head = bytes([7]) * 32
    second.add("receive", 5, payer.order(second, 5))
    second.report()
    check(town, stranger, payer, COPIED, "two-heads", 1)


# shows: R-SEC-1
def test_a_report_that_contradicts_its_own_order(town, stranger):
    payer, payee = town.purses(300, 0)
    head, payer.head = payer.head, bytes([9]) * 32
    order = payer.order(payee, 40)
    payer.head = head
    payer.add("pay", 40, order)
    assert blocked(payer) == COPIED
    path = check(town, stranger, payer, COPIED, "two-heads", 0)
    assert len(reader.read_message(reader.parse_signed(path.read_bytes())["payload"])[1]["items"]) == 1


# shows: R-SEC-1
def test_a_history_told_in_two_ways(town, stranger):
    payer, payee = town.purses(300, 0)
    before = (payer.counter, payer.head, payer.value, payer.certified)
    payer.add("pay", 40, payer.order(payee, 40))
    payer.report()
    payer.counter, payer.head, payer.value, payer.certified = before
    payer.paid = 0
    payer.add("pay", 30, payer.order(payee, 30))
    assert blocked(payer) == COPIED
    check(town, stranger, payer, COPIED, "two-entries", 1)


# shows: R-SEC-1
def test_more_paid_than_it_ever_held(town, stranger):
    friend, payer, payee = town.purses(100, 300, 0)
    payer.add("receive", 60, friend.order(payer, 60))
    payer.add("pay", 200, payer.order(payee, 200))
    payer.add("pay", 161, payer.order(payee, 161))
    payer.value = 0
    assert blocked(payer) == "overspent"
    path = check(town, stranger, payer, "overspent", "overspent", 3)
    said = json.loads(stranger.command(path, "--json").stdout)
    assert (said["certified"], said["received"], said["paid"], said["left"], said["amount"]) == ("300", "60", "200", "160", "161")
    assert said["uncounted"] == "0"


# shows: R-SEC-1
def test_forged_receipts_do_not_cover_a_payment(town, stranger):
    """The payer of the first is known and never signed it; the second has no order; both are what the purse says it received."""
    friend, payer, payee = town.purses(100, 300, 0)
    friend.report()
    payer.add("receive", 60, friend.order(payer, 60, key=payer.key))
    payer.add("pay", 301, payer.order(payee, 301))
    assert blocked(payer) == "overspent"
    path = check(town, stranger, payer, "overspent", "overspent", 2)
    said = json.loads(stranger.command(path, "--json").stdout)
    assert (said["received"], said["uncounted"], said["amount"]) == ("0", "60", "301")
    # Without the friend's identity a reader has to believe the receipt.
    file = unpack(path.read_bytes())
    assert len(file["partners"]) == 1
    assert stranger.both(pack(town, {**file, "partners": []})) == "not-proven"


# ---- what is no proof ----

def unpack(data):
    return reader.read_message(reader.parse_signed(data)["payload"])[1]


def pack(town, fields, key=None):
    """An evidence file of these fields, signed as the bank does."""
    bank = server(town.system, "bank")
    return forge_sign(encode("evidence-file", **fields), key or bank.sign, bank.id, reader.SHAPES["evidence-file"]["domain"])


def open_items(file):
    return [reader.read_message(item, "evidence-item")[1] for item in file["items"]]


@pytest.fixture(scope="module")
def proofs(town, tmp_path_factory):
    """Files of several kinds, made once."""
    folder = tmp_path_factory.mktemp("proofs")
    stranger = Stranger(town.system, folder)
    test_a_decline_of_what_was_taken(town, stranger)
    test_an_order_with_another_history_before_it(town, stranger)
    test_forged_receipts_do_not_cover_a_payment(town, stranger)
    test_a_history_told_in_two_ways(town, stranger)
    return {path.stem: path.read_bytes() for path in stranger.folder.glob("*-*.kce")} | {
        "overspent": (stranger.folder / "overspent.kce").read_bytes()}


# shows: R-SEC-1
def test_an_objection_is_no_proof(town, tmp_path):
    payer, payee = town.purses(300, 0)
    payee.add("receive", 40, payer.order(payee, 40, key=payee.key))
    payee.report()
    alert = town.alert(payee, ("bad-signature",))
    done = town.system.bank("evidence", alert["alert"], "--out", tmp_path / "none.kce")
    assert done.status == REFUSED and done.error == "not-proven" and not (tmp_path / "none.kce").exists(), done
    assert town.system.bank("evidence", 999999, "--out", tmp_path / "none.kce").error == "not-found"
    assert town.system.bank("alerts", "--out", tmp_path / "none.kce").status == USAGE
    # A purse's number still lists what is kept of it.
    kinds = {row["kind"] for row in town.system.bank("evidence", payee.uim.purse).objects}
    assert "settle-request" in kinds


# shows: R-SEC-1 R-SEC-2
def test_every_changed_byte_is_refused(proofs, stranger):
    source = random.Random(11)
    for data in proofs.values():
        assert stranger.both(data) == "proven"
        for place in sorted(source.sample(range(len(data)), 30)):
            changed = bytearray(data)
            changed[place] ^= 1 << source.randrange(8)
            assert stranger.both(bytes(changed)) != "proven", place
        for size in (0, 1, len(data) - 1):
            assert stranger.both(data[:size]) != "proven"
        assert stranger.both(data + b"\0") in UNREADABLE


# shows: R-SEC-1 R-SEC-2
def test_a_file_that_the_bank_itself_made_wrong(town, proofs, stranger):
    """Signed by the bank, so only the accused purse's own signatures stand between a lie and a proof."""
    files = {name: unpack(data) for name, data in proofs.items()}
    for name, file in files.items():
        assert stranger.both(pack(town, file)) == "proven"
        others = [rule for rule in reader.ENUMS["proof-rule"].values() if rule != file["rule"]]
        for rule in others:
            found = stranger.both(pack(town, {**file, "rule": rule}))
            # Two histories told by two reports are two orders too.
            assert found in ("not-proven", "malformed") or (name == "two-entries" and found == "proven"), (name, rule)
        for counter in (0, file["counter"] + 1, 2**63 - 1):
            if counter != file["counter"]:
                assert stranger.both(pack(town, {**file, "counter": counter})) == "not-proven"
        if len(file["items"]) == 2:
            assert stranger.both(pack(town, {**file, "items": file["items"][:1]})) == "not-proven"
            assert stranger.both(pack(town, {**file, "items": file["items"][:1] * 2})) == "not-proven"
            assert stranger.both(pack(town, {**file, "items": file["items"][::-1]})) == "proven"
        assert stranger.both(pack(town, {**file, "items": []})) == "malformed"
        assert stranger.both(pack(town, {**file, "currency": "EUR"})) == "bad-signature"
        assert stranger.both(pack(town, {**file, "decimals": 9})) == "malformed"
        assert stranger.both(pack(town, {**file, "purse": files["two-heads"]["account"]})) == "mismatch"
    # Items and identities of two purses.
    for (_, one), (_, two) in itertools.permutations(files.items(), 2):
        mixed = {**one, "items": [one["items"][0], two["items"][0]]}
        assert stranger.both(pack(town, mixed)) in ("bad-signature", "unknown-signer", "mismatch")
        assert stranger.both(pack(town, {**one, "identity": two["identity"]})) == "mismatch"


# shows: R-SEC-1 R-SEC-2
def test_two_readers_of_changed_items(town, proofs, stranger):
    """Deep changes, with the outer signature made anew: both readers say the same of every one."""
    source = random.Random(12)
    said = {}
    for file in map(unpack, proofs.values()):
        for _ in range(40):
            changed = {**file, "items": list(file["items"])}
            place = source.randrange(len(changed["items"]))
            item = reader.read_message(changed["items"][place])[1]
            which = source.choice(("bytes", "bytes", "bytes", "key", "kind", "identity"))
            if which == "identity":
                changed["identity"] = flip(file["identity"], source)
            elif which == "kind":
                item["kind"] = source.choice(list(reader.ENUMS["proof-kind"].values()))
            elif which == "key":
                item["key"] = source.choice((None, bytes(32), flip(item["key"] or bytes(32), source)))
            else:
                item["bytes"] = flip(item["bytes"], source)
            changed["items"][place] = encode("evidence-item", **item)
            found = stranger.both(pack(town, changed))
            assert found != "proven" or changed == file, which
            said[found] = said.get(found, 0) + 1
    assert len(said) >= 5, said


def flip(data, source):
    changed = bytearray(data)
    changed[source.randrange(len(changed))] ^= 1 << source.randrange(8)
    return bytes(changed)


# shows: R-SEC-1 R-SEC-2
def test_another_bank_s_certificate(town, proofs, stranger, tmp_path):
    path = stranger.folder / "file.kce"
    path.write_bytes(next(iter(proofs.values())))
    other = System(tmp_path)
    other.init()
    theirs = other.dir / "bank" / "sign.crt"
    done = stranger.command(path, "--json", certificate=theirs)
    assert done.returncode == REFUSED and json.loads(done.stdout)["error"] == "unknown-signer", done
    with pytest.raises(Refused, match="unknown-signer"):
        evidence.verify_evidence(path.read_bytes(), evidence.bank_key(theirs.read_bytes()))
    # Other certificates of the same system are no bank's signature certificate.
    for wrong in ("bank/encrypt.crt", "registrar/sign.crt", "bank/root.crt"):
        done = stranger.command(path, "--json", certificate=town.system.dir / wrong)
        assert done.returncode == REFUSED and json.loads(done.stdout)["error"] == "certificate-invalid", (wrong, done)
    missing = stranger.command(path, certificate=tmp_path / "none")
    assert missing.returncode == 4 and str(tmp_path / "none") in missing.stderr and str(path) not in missing.stderr, missing
    done = subprocess.run([program("kinchaku"), "verify-evidence", str(path)], capture_output=True, check=False)
    assert done.returncode == USAGE
