"""Does every accusation that the bank can make give a file that convinces a stranger, or is it one that docs/protocol.md names?

ACCUSATIONS lists each place in the ledger that accuses, with what brings the bank there and what `evidence` makes of it. A place that
is not listed fails the first test.
"""
import re
import time
from pathlib import Path

import pytest

from kinchaku import OK, REFUSED, run
from renewing import stranger, town  # noqa: F401
from test_evidence import COPIED, check, decline
from test_settle import ZEROS, card_order, digest, encode, reader, secret_of

LEDGER = Path(__file__).resolve().parents[2] / "src/ledger"
CALLS = re.compile(r"\b(kc_ledger_accuse|kc_count_accuse_reporter|kc_count_accuse_partner|kc_count_accuse_answerer)\(")
# These accuse for who calls them.
WRAPPERS = {"kc_count_accuse_reporter", "kc_count_accuse_partner", "kc_count_accuse_answerer"}
NONE = "not-proven"


def tell(purse):
    """A report whose answer may be a refusal."""
    status, _, body = purse.system.http("bank", "POST", "/v1/message", purse.envelope())
    return status, body


def stand(purse):
    return purse.counter, purse.head, purse.value, purse.certified, purse.paid, purse.received, purse.returned


def back_to(purse, kept):
    purse.counter, purse.head, purse.value, purse.certified, purse.paid, purse.received, purse.returned = kept
    purse.records = []


def gap(purse, counter, paid=0, received=0, head=ZEROS):
    """Everything up to there is overwritten."""
    purse.counter, purse.head, purse.paid, purse.received = counter, head, paid, received
    purse.forget()


# ---- what a payee shows of its payer ----

def two_orders(town):
    payer, first, second = town.purses(300, 0, 0)
    orders = payer.order(first, 40), payer.order(second, 50)
    for payee, order, amount in zip((first, second), orders, (40, 50)):
        payee.add("receive", amount, order)
        tell(payee)
    return payer


def order_beside_a_counted_entry(town):
    payer, friend, payee = town.purses(300, 100, 0)
    order = payer.order(payee, 40)
    payer.add("receive", 7, friend.order(payer, 7))
    payer.report()
    payee.add("receive", 40, order)
    tell(payee)
    return payer


def order_with_another_head(town):
    payer, first, second = town.purses(300, 0, 0)
    payer.add("pay", 40, payer.order(first, 40))
    payer.report()
    payer.head = bytes([7]) * 32
    second.add("receive", 5, payer.order(second, 5))
    tell(second)
    return payer


def order_beyond_a_gap(town):
    payer, payee = town.purses(300, 0)
    payer.counter = 1
    order = payer.order(payee, 40)
    gap(payer, 3, paid=10)
    payer.value = 290
    payer.report()
    payee.add("receive", 40, order)
    tell(payee)
    return payer


# ---- what a payer shows of its payee ----

def receipt_beyond_a_gap(town):
    payer, payee = town.purses(300, 0)
    order = payer.order(payee, 40)
    receipt = payee.receipt(order)
    gap(payee, 2, received=5)
    payee.value = 5
    payee.report()
    payer.add("pay", 40, order, receipt)
    tell(payer)
    return payee


def receipt_beside_another_entry(town):
    payer, friend, payee = town.purses(300, 100, 0)
    order = payer.order(payee, 40)
    receipt = payee.receipt(order)
    payee.add("receive", 7, friend.order(payee, 7))
    payee.report()
    payer.add("pay", 40, order, receipt)
    tell(payer)
    return payee


def declined_and_taken(town):
    payer, payee = town.purses(300, 0)
    order = payer.order(payee, 40)
    payee.add("receive", 40, order)
    payee.report()
    payer.add("pay", 40, order, decline(payee, order, 1))
    tell(payer)
    return payee


def refused_with_a_receipt(town):
    payer, payee = town.purses(300, 0)
    order = payer.order(payee, 40)
    receipt = payee.receipt(order)
    payee.add("refuse", 40, order)
    payee.report()
    payer.add("pay", 40, order, receipt)
    tell(payer)
    return payee


def taken_and_given_back(town):
    payer, payee = town.purses(300, 0)
    order = payer.order(payee, 40)
    receipt = payee.receipt(order)
    payee.add("receive", 40, order)
    payer.add("pay", 40, order, receipt)
    payer.report()
    payee.report()
    payer.add("void", 40, order, decline(payee, order, 1), voids=1)
    tell(payer)
    return payee


def told_again(town, first, then):
    """A pay record without an answer, and the same again with one, beside the next entry."""
    payer, friend, payee = town.purses(300, 100, 0)
    order = payer.order(payee, 40)
    certified = payer.certified
    answers = {"receipt": payee.receipt(order), "decline": decline(payee, order, 1)}
    payer.add("pay", 40, order)
    entry = reader.read_message(payer.records[0])[1]["entry"]
    payer.report()
    if first == "other":
        payee.add("receive", 7, friend.order(payee, 7))
    else:
        payee.add(first, 40, order)
    payee.report()
    payer.certified, payer.records = certified, [encode("log-record", entry=entry, order=order, answer=answers[then])]
    payer.add("pay", 1, payer.order(friend, 1))
    tell(payer)
    return payee


def released_and_told_with_a_receipt(town):
    return told_again(town, "other", "receipt")


def refused_and_told_with_a_receipt(town):
    return told_again(town, "refuse", "receipt")


def booked_and_told_with_a_decline(town):
    return told_again(town, "receive", "decline")


# ---- what a purse shows of itself ----

def overspent(town):
    payer, payee = town.purses(300, 0)
    payer.add("pay", 301, payer.order(payee, 301))
    payer.value = 0
    tell(payer)
    return payer


def overspent_in_a_gap(town):
    payer, payee = town.purses(300, 0)
    gap(payer, 2, paid=900)
    payer.value = 0
    tell(payer)
    return payer


def own_order_with_another_head(town):
    payer, payee = town.purses(300, 0)
    head, payer.head = payer.head, bytes([9]) * 32
    order = payer.order(payee, 40)
    payer.head = head
    payer.add("pay", 40, order)
    tell(payer)
    return payer


def taken_after_a_decline(town):
    payer, payee = town.purses(300, 0)
    order = payer.order(payee, 40)
    payer.add("pay", 40, order, decline(payee, order, 1))
    payer.report()
    payee.add("receive", 40, order)
    tell(payee)
    return payee


def taken_after_a_decline_that_a_void_shows(town):
    """The payment itself is in its payer's gap."""
    payer, payee = town.purses(300, 0)
    order = payer.order(payee, 40)
    gap(payer, 1, paid=40)
    payer.value = 260
    payer.report()
    entry = encode("entry", kind="void", counter=2, time=int(time.time() * 1000), amount=40, voids=1, partner=bytes(32))
    payer.records.append(encode("log-record", entry=entry, order=order, answer=decline(payee, order, 1)))
    payer.counter, payer.head, payer.value, payer.returned = 2, digest(payer.head + entry), payer.value + 40, 40
    tell(payer)
    payee.add("receive", 40, order)
    tell(payee)
    return payee


def told_otherwise(town):
    payer, payee = town.purses(300, 0)
    kept = stand(payer)
    payer.add("pay", 40, payer.order(payee, 40))
    payer.report()
    back_to(payer, kept)
    payer.add("pay", 40, payer.order(payee, 40))
    payer.add("pay", 10, payer.order(payee, 10))
    tell(payer)
    return payer


def an_older_state(town):
    payer, payee = town.purses(300, 0)
    kept = stand(payer)
    payer.add("pay", 40, payer.order(payee, 40))
    payer.report()
    back_to(payer, kept)
    tell(payer)
    return payer


def passed_with_another_entry(town):
    payer, payee, other = town.purses(300, 0, 0)
    order = payer.order(payee, 40)
    payee.add("receive", 40, order)
    payee.report()
    payer.add("pay", 30, payer.order(other, 30))
    tell(payer)
    return payer


def a_gap_beside_an_order(town):
    payer, payee = town.purses(300, 0)
    payee.add("receive", 40, payer.order(payee, 40))
    payee.report()
    gap(payer, 3, paid=10)
    payer.value = 290
    tell(payer)
    return payer


def a_gap_beside_two_orders(town):
    payer, first, second = town.purses(300, 0, 0)
    first.add("receive", 30, payer.order(first, 30))
    first.report()
    payer.counter = 1
    second.add("receive", 30, payer.order(second, 30))
    second.report()
    gap(payer, 3, paid=40)
    payer.value = 260
    tell(payer)
    return payer


def a_gap_beside_a_receipt(town):
    payer, payee = town.purses(300, 0)
    order = payer.order(payee, 40)
    payer.add("pay", 40, order, payee.receipt(order))
    payer.report()
    gap(payee, 2, received=5)
    payee.value = 5
    tell(payee)
    return payee


def a_gap_told_otherwise(town):
    payer, = town.purses(300)
    certified = payer.certified
    gap(payer, 3, paid=10)
    payer.value = 290
    payer.report()
    payer.certified = certified
    gap(payer, 3, paid=10, head=bytes([3]) * 32)
    payer.value, payer.counter = 290, 4
    payer.gap = encode("gap", counter=3, head=bytes([3]) * 32, paid=10, received=0, returned=0)
    tell(payer)
    return payer


# ---- value given to the bank ----

def cash_out_beside_an_order(town):
    payer, payee = town.purses(300, 0)
    payee.add("receive", 40, payer.order(payee, 40))
    payee.report()
    payer.deposit(20)
    return payer


def cash_out_told_otherwise(town):
    payer, payee = town.purses(300, 0)
    entry = payer.deposit(20, lambda: payer.add("pay", 40, payer.order(payee, 40)))
    other = payer.cash_out_entry(20, entry["transaction"], payer.counter + 1, partner=bytes([5]) * 32)
    payer.records.append(encode("log-record", entry=other, order=None, answer=None))
    payer.counter, payer.head = payer.counter + 1, digest(payer.head + other)
    payer.value, payer.paid = payer.value - 20, payer.paid + 20
    tell(payer)
    return payer


def a_copied_card(town):
    taker, other = town.purses(0, 0)
    path = town.folder / f"card-{town.count}.purse"
    opened = town.system.registrar("card", "--uim", path, "--grade", "bearer").json
    taker.uim.must("sync")
    done = run("kinchaku-station", "--json", "--uim", taker.uim.path, "--card", path, "withdraw", 50, "--yes")
    assert done.status == OK, done
    card = {"account": int(opened["account"]), "purse": int(opened["purse"])}
    for purse, amount in ((taker, 10), (other, 20)):
        purse.add("receive", amount, card_order(card, purse, amount, secret_of(path)))
        tell(purse)
    return type("Card", (), card)


OVERSPENT = "overspent"
# Place, what brings the bank there, the reason of the alert, the rule of the file or NONE.
ACCUSATIONS = [
    ("check_payer", two_orders, COPIED, "two-orders"),
    ("check_payer", order_beside_a_counted_entry, COPIED, "order-and-entry"),
    ("check_payer", order_with_another_head, COPIED, "two-heads"),
    ("check_payer", order_beyond_a_gap, COPIED, "totals-fell"),
    ("count_pay_to_gap", receipt_beyond_a_gap, COPIED, NONE),
    ("kc_count_decide_noted", receipt_beside_another_entry, COPIED, "receipt-and-entry"),
    ("count_known_pay", declined_and_taken, COPIED, "decline-and-taking"),
    ("count_known_pay", refused_with_a_receipt, COPIED, "receipt-and-entry"),
    ("void_pay", taken_and_given_back, COPIED, "decline-and-taking"),
    ("take_anyway", released_and_told_with_a_receipt, COPIED, "receipt-and-entry"),
    ("take_anyway", refused_and_told_with_a_receipt, COPIED, "receipt-and-entry"),
    ("hear_booked", booked_and_told_with_a_decline, COPIED, "decline-and-taking"),
    ("kc_count_overspend", overspent, OVERSPENT, "overspent"),
    ("check_value", overspent_in_a_gap, OVERSPENT, NONE),
    ("count_pay", own_order_with_another_head, COPIED, "two-heads"),
    ("count_receive", taken_after_a_decline, COPIED, "decline-and-taking"),
    ("count_receive", taken_after_a_decline_that_a_void_shows, COPIED, "decline-and-taking"),
    ("kc_report_see_again", told_otherwise, COPIED, "two-entries"),
    ("kc_ledger_match", an_older_state, COPIED, "counter-fell"),
    ("accuse_of", passed_with_another_entry, COPIED, "order-and-entry"),
    ("accuse", a_gap_beside_an_order, COPIED, "totals-fell"),
    ("accuse", a_gap_beside_two_orders, COPIED, "totals-fell"),
    ("accuse", a_gap_beside_a_receipt, COPIED, NONE),
    ("kc_gap_see_again", a_gap_told_otherwise, COPIED, "two-heads"),
    ("check_counter", cash_out_beside_an_order, COPIED, "order-and-entry"),
    ("kc_count_cash_out", cash_out_told_otherwise, COPIED, "two-entries"),
    ("kc_count_bearer", a_copied_card, COPIED, NONE),
]


def accusing():
    """Functions of the ledger that accuse."""
    found = set()
    for path in LEDGER.glob("*.c"):
        function = None
        for line in path.read_text().splitlines():
            begins = re.match(r"^(?:static )?(?:struct \w+ |enum \w+ |\w+ )\*?(\w+)\(", line)
            function = begins.group(1) if begins else function
            if not begins and CALLS.search(line):
                found.add(function)
    return found - WRAPPERS


# shows: R-SEC-1
def test_every_place_that_accuses_is_listed():
    assert accusing() == {place for place, *_ in ACCUSATIONS}


# shows: R-SEC-1
@pytest.mark.parametrize("brings, reason, rule", [row[1:] for row in ACCUSATIONS], ids=[row[1].__name__ for row in ACCUSATIONS])
def test_an_accusation_has_a_file_or_is_named(town, stranger, tmp_path, brings, reason, rule):
    accused = brings(town)
    alert = town.alert(accused, (reason,))
    if rule == NONE:
        done = town.system.bank("evidence", alert["alert"], "--out", tmp_path / "none.kce")
        assert done.status == REFUSED and done.error == NONE, done
        return
    told = town.export(accused, tmp_path / "any.kce")
    assert told["rule"] == rule, told
    check(town, stranger, accused, reason, rule, told["counter"])
