"""Do a UIM's keys change over to new ones made inside it, in steps that may each be lost, and do the old ones stay good for what they signed?"""
import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from cryptography import x509

from kinchaku import AGAIN, OK, REFUSED, Proxy, Stepper
from meeting import meet, payments
from test_directory import account_name, read_list, values


def certificates(system, uim):
    """Serial numbers in the directory, by whether they sign."""
    found = [x509.load_der_x509_certificate(der)
             for der in values(system, account_name(uim.account), "userCertificate;binary")]
    return {c.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature: c.serial_number for c in found}


def revoked(system):
    return {entry.serial_number for entry in read_list(system)[0]}


def wait_revoked(system, serials):
    for _ in range(300):
        if serials <= revoked(system):
            return
        time.sleep(0.1)
    raise AssertionError("the old certificates are not on the list")


def identity(uim):
    return uim.must("show").json


def last_counter(uim):
    return int(uim.must("show").json["counter"])


def renewed(system, uim, old):
    """New certificates in the directory, the old ones on the list, and the UIM works in every direction."""
    new = certificates(system, uim)
    assert set(new) == {True, False} and not set(new.values()) & set(old.values())
    wait_revoked(system, set(old.values()))
    assert not set(new.values()) & revoked(system)
    before = uim.both()
    uim.must("withdraw", 10, "--yes")
    uim.must("deposit", 10, "--yes")
    assert uim.both() == before
    system.check_audit()


# shows: R-RENEW-5 R-RENEW-6 R-SEC-2
def test_new_keys_made_inside(shared):
    a = shared.open(fund=500)
    a.must("withdraw", 200, "--yes")
    old = certificates(shared, a)
    seen = []

    def look(_, step):
        if step["step"] in ("Sr1", "Sr4", "Sc1"):
            # Until the bank has the confirmation nothing is revoked.
            seen.append((step["step"], bool(set(old.values()) & revoked(shared))))
    stepper = Stepper(shared.base, look)
    done = a.must("renew", "--trace", stepper.place)
    stepper.close()
    assert done.json["uim_amount"] == "200", done
    assert {step for step, _ in seen} == {"Sr1", "Sr4", "Sc1"} and not any(early for _, early in seen), seen
    renewed(shared, a, old)
    # And once more, from the renewed keys.
    second = certificates(shared, a)
    a.must("renew")
    renewed(shared, a, second)


# shows: R-RENEW-5
def test_what_the_old_key_signed_stays_good_whoever_reports_it(shared):
    a, b = shared.open(fund=500), shared.open(fund=500)
    for uim in (a, b):
        uim.must("withdraw", 200, "--yes")
    assert meet(a, ("pay", 30), b)[0].status == OK
    assert meet(b, ("pay", 7), a)[0].status == OK
    old = certificates(shared, a)
    a.must("renew")
    # B took a payment that A's old key signed, and has a receipt by it, and reports both only now.
    done = b.must("sync")
    assert "objections" not in done.json or not done.json["objections"], done
    assert (a.value(), b.value()) == (177, 223) and (a.shadow(), b.shadow()) == (177, 223)
    # B met the old identity; now it takes the new one, and payments under it, in both directions.
    paid, taken = meet(a, ("pay", 5), b)
    assert (paid.status, taken.status) == (OK, OK), (paid, taken)
    paid, taken = meet(b, ("pay", 6), a)
    assert (paid.status, taken.status) == (OK, OK), (paid, taken)
    b.must("sync")
    a.must("sync")
    assert (a.shadow(), b.shadow()) == (178, 222)
    renewed(shared, a, old)


# shows: R-RENEW-5 R-RENEW-7
@pytest.mark.parametrize("lost", ["request", "quote", "answer", "completion"])
def test_each_message_lost_and_taken_up_again(shared, lost):
    a = shared.open(fund=500)
    a.must("withdraw", 100, "--yes")
    old = certificates(shared, a)
    a.must("renew", "--lose", lost, status=AGAIN)
    if lost in ("request", "quote"):
        # The old keys are in force, whatever the directory shows.
        assert not set(old.values()) & revoked(shared)
        a.must("withdraw", 10, "--yes")
        a.must("deposit", 10, "--yes")
    a.must("renew")
    renewed(shared, a, old)


# shows: R-RENEW-5
def test_a_payment_between_change_over_and_confirmation(shared):
    a, b = shared.open(fund=500), shared.open()
    a.must("withdraw", 100, "--yes")
    old = certificates(shared, a)
    a.must("renew", "--lose", "answer", status=AGAIN)
    paid, taken = meet(a, ("pay", 40), b)
    assert (paid.status, taken.status) == (OK, OK), (paid, taken)
    # The payee is first to report what a key signed that the bank has not heard of in use.
    b.must("sync")
    assert b.shadow() == 40
    a.must("renew")
    assert a.shadow() == 60
    renewed(shared, a, old)


# shows: R-RENEW-5 R-RENEW-7
def test_payments_by_the_old_key_while_new_ones_wait(shared):
    a, b = shared.open(fund=500), shared.open()
    a.must("withdraw", 100, "--yes")
    # The bank had the new keys certified, and its word did not arrive: the old ones go on, for as many payments as may be.
    a.must("renew", "--lose", "quote", status=AGAIN)
    for amount in (10, 11, 12):
        paid, taken = meet(a, ("pay", amount), b)
        assert (paid.status, taken.status) == (OK, OK), (paid, taken)
    done = b.must("sync")
    assert not done.json.get("objections"), done
    assert b.shadow() == 33
    a.must("renew")
    assert a.shadow() == 67
    for _ in range(3):
        old = certificates(shared, a)
        a.must("renew")
        # No more than three pairs stand beside each other.
        wait_revoked(shared, set(old.values()))
        assert meet(a, ("pay", 1), b)[0].status == OK
        a.must("sync")
    # Four keys later.
    assert not b.must("sync").json.get("objections")
    assert (a.shadow(), b.shadow()) == (64, 36)
    shared.check_audit()


def change_keys(system, uim, way):
    """A renewal, of whichever form, from its order to the confirmation."""
    if way == "authority":
        from test_handover import ready
        ready(system, uim)
        uim.must("renew", "--by", "authority")
    else:
        uim.must("renew")


def opened(system, way, lost):
    """A payment of 40 from A to B that lost its receipt, or never came to B, and A has new keys since."""
    a, b = system.open(fund=500), system.open(fund=100)
    a.must("withdraw", 100, "--yes")
    b.must("withdraw", 50, "--yes")
    paid, _ = meet(a, ("pay", 40), b, pay=("--lose", lost))
    assert paid.status == AGAIN, paid
    old = certificates(system, a)
    change_keys(system, a, way)
    assert on_the_way(a) == 40 and a.value() == 60
    return a, b, old


def on_the_way(uim):
    return int(uim.must("show").json["open_amount"])


def ended(system, a, b, old, worth):
    """Both have reported, nothing is open, each has that, and so say the books."""
    for uim in (b, a, b, a):
        assert not uim.must("sync").json.get("objections")
    assert on_the_way(a) == 0
    assert (a.value(), b.value()) == worth and (a.shadow(), b.shadow()) == worth
    # Nothing open holds up the next renewal.
    renewed(system, a, old)
    old = certificates(system, a)
    a.must("renew")
    renewed(system, a, old)


WAYS = pytest.mark.parametrize("way", ["inside", "authority"])


# shows: R-RENEW-5 R-RENEW-7 R-XCHG-4
@WAYS
def test_a_receipt_that_was_lost_comes_after_the_renewal(shared, way):
    a, b, old = opened(shared, way, "answer")
    paid, taken = meet(a, ("resume",), b)
    assert (paid.status, taken.status) == (OK, OK), (paid, taken)
    assert payments(paid) == [("paid", 40, True)], paid
    assert on_the_way(a) == 0
    ended(shared, a, b, old, (60, 90))


# shows: R-RENEW-5 R-XCHG-9
@WAYS
def test_the_bank_s_word_comes_after_the_renewal(shared, way):
    a, b, old = opened(shared, way, "answer")
    assert not b.must("sync").json.get("objections")
    assert not a.must("sync").json.get("objections")
    assert on_the_way(a) == 0
    ended(shared, a, b, old, (60, 90))


# shows: R-RENEW-5 R-XCHG-4
@WAYS
@pytest.mark.parametrize("say", ["--yes", "--no"])
def test_a_payment_that_never_arrived_is_made_after_the_renewal(shared, way, say):
    a, b, old = opened(shared, way, "payment")
    paid, _ = meet(a, ("resume",), b, say=say)
    taken = say == "--yes"
    assert payments(paid) == [("paid" if taken else "declined", 40, True)], paid
    assert paid.status == (OK if taken else REFUSED), paid
    # B met the old identity; it takes what the new key signs all the same.
    assert meet(a, ("pay", 5), b)[0].status == OK and meet(b, ("pay", 5), a)[0].status == OK
    ended(shared, a, b, old, (60, 90) if taken else (100, 50))


# shows: R-RENEW-5 R-XCHG-4
def test_a_payee_that_knows_the_new_keys_declines_what_it_did_not_take(shared):
    a, b, old = opened(shared, "inside", "payment")
    # A's new identity comes with its offer, and B's next entry takes the counter that the payment was for.
    assert meet(b, ("pay", 5), a)[0].status == OK
    paid, _ = meet(a, ("resume",), b)
    assert payments(paid) == [("too-late", 40, True)] and paid.status == REFUSED, paid
    assert meet(a, ("pay", 5), b)[0].status == OK
    ended(shared, a, b, old, (100, 50))


# shows: R-RENEW-5
def test_a_payment_open_for_two_renewals_comes_first(shared):
    a, b, old = opened(shared, "inside", "answer")
    before = certificates(shared, a)
    a.must("renew", status=REFUSED)
    assert certificates(shared, a) == before
    b.must("sync")
    ended(shared, a, b, old, (60, 90))


# shows: R-RENEW-5 R-SEC-4
def test_the_old_key_is_refused_after_the_confirmation(shared, tmp_path):
    a, b = shared.open(fund=500), shared.open()
    a.must("withdraw", 100, "--yes")
    copy = tmp_path / "copy.uim"
    shutil.copy(a.path, copy)
    old = certificates(shared, a)
    a.must("renew")
    pin = Path(f"{a.path}.letter").read_text().split()[1]
    before = (a.balance(), a.shadow())

    def each():
        """Everything that a purse can ask of the bank, by one that has the old key still."""
        path, a.path = a.path, copy
        asked = [("withdraw", 10, "--yes"), ("deposit", 10, "--yes"), ("fund", 10), ("redeem", 10), ("renew",), ("sync",),
                 ("transfer", 10, "--to", b.account, "--from", "account", "--yes")]
        found = {words[0]: a.station(*words, env={"KINCHAKU_PIN": pin}) for words in asked}
        a.path = path
        return {verb: (done.status, done.error) for verb, done in found.items()}

    # At once, while the bank has the old certificate in memory, and when it is on the list.
    wrong = {verb: found for verb, found in each().items() if found != (REFUSED, "key-renewed")}
    assert not wrong, wrong
    wait_revoked(shared, set(old.values()))
    wrong = {verb: found for verb, found in each().items() if found != (REFUSED, "key-renewed")}
    assert not wrong, wrong
    assert (a.balance(), a.shadow()) == before
    a.must("withdraw", 10, "--yes")
    shared.check_audit()


# shows: R-RENEW-5 R-RENEW-7 R-SEC-2
def test_a_payment_by_a_pair_that_another_took_the_place_of(shared, tmp_path):
    """An emulated purse has two pairs certified, pays with the first and confirms the second."""
    a, b = shared.open(fund=500), shared.open()
    a.must("withdraw", 100, "--yes")
    before = tmp_path / "before.uim"
    shutil.copy(a.path, before)
    a.must("renew", "--lose", "answer", status=AGAIN)
    paid, taken = meet(a, ("pay", 40), b)
    assert (paid.status, taken.status) == (OK, OK), (paid, taken)
    first = tmp_path / "first.uim"
    shutil.copy(a.path, first)
    shutil.copy(before, a.path)
    a.must("renew")
    # The payee is told why, and owes it; the payer is accused of nothing.
    done = b.must("sync")
    assert [one["reason"] for one in done.objects if "objection" in one] == ["key-renewed"], done
    alerts = [(row["purse"], row["reason"]) for row in shared.bank("alerts").objects if row["purse"] in (a.purse, b.purse)]
    assert alerts == [(b.purse, "key-renewed")], alerts
    assert (b.value(), b.shadow()) == (0, 0)
    shared.check_audit()
    # Nothing comes under the first pair, and the second one works.
    shutil.copy(a.path, before)
    shutil.copy(first, a.path)
    pin = Path(f"{a.path}.letter").read_text().split()[1]
    for words in (("sync",), ("renew",)):
        done = a.station(*words, env={"KINCHAKU_PIN": pin})
        assert (done.status, done.error) == (REFUSED, "key-renewed"), (words, done)
    shutil.copy(before, a.path)
    a.must("withdraw", 10, "--yes")
    shared.check_audit()


# shows: R-RENEW-5 R-RENEW-7
@pytest.mark.parametrize("node", ["authority", "slapd"])
def test_servers_away_in_the_middle(alone, node):
    alone.up()
    a = alone.open(fund=500)
    a.must("withdraw", 100, "--yes")
    old = certificates(alone, a)
    alone.kill(node)
    assert a.station("renew").status != OK
    a.must("withdraw", 10, "--yes")
    alone.up()
    a.must("renew", "--lose", "answer", status=AGAIN)
    if node == "slapd":
        # While it runs it knows the new certificates, which it looked up itself.
        alone.kill("bank")
        alone.up()
    alone.kill(node)
    if node == "authority":
        # The confirmation does not need it; what it leads to waits until it is there, also over a restart of the bank.
        a.must("renew")
        a.must("withdraw", 10, "--yes")
        assert not set(old.values()) & revoked(alone)
        alone.kill("bank")
    else:
        a.must("renew", status=AGAIN)
    alone.up()
    a.must("renew" if node == "slapd" else "sync")
    renewed(alone, a, old)
