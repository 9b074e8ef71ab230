"""Does an evidence file convince a stranger where the accused purse renewed its keys between the two things that it signed, and
does none hold an older key's doings against who renewed because of them?"""
import itertools
import random

import pytest

from kinchaku import OK, REFUSED
from renewing import RenewingTown
from test_evidence import COPIED, Stranger, blocked, check, decline, flip, pack, server, unpack  # noqa: F401
from test_settle import brief, digest, encode, reader
from forge import sign as forge_sign

UNREADABLE = {"malformed", "trailing-bytes", "not-canonical", "too-large", "wrong-version", "wrong-type", "wrong-algorithm",
              "amount-too-large"}
AFTER = "signed-after-close"


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    town = RenewingTown(tmp_path_factory.mktemp("town"))
    yield town
    town.system.check_audit()
    town.system.down()


@pytest.fixture
def stranger(town, tmp_path):
    return Stranger(town.system, tmp_path)


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
