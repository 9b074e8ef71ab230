"""Do cards and machines work at the real bank: written by the registrar, paid and paying, settled, lost and replaced; and does
what a machine takes come to its dealer's account less the fee?"""
import time

import pytest

from kinchaku import AGAIN, OK, REFUSED, USAGE, Uim, run
from meeting import meet, payments

SETTLE_MS = 3000
PASSWORD = "correct horse"


def secret(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


def card(system, name, *arguments):
    path = system.base / name
    done = system.registrar("card", "--uim", path, *arguments)
    assert done.status == OK and done.json["type"] == "card" and done.json["letter"] is False, done
    assert not path.with_name(name + ".letter").exists()
    return Uim(system, path, done.json)


def machine(system, dealer, name):
    path = system.base / name
    done = system.registrar("machine", "--owner", dealer.account, "--uim", path, "--password-file", dealer.password)
    assert done.status == OK and done.json["type"] == "machine", done
    return Uim(system, path, done.json)


def dealer_of(system):
    password = secret(system.base / f"password-{system.count}", PASSWORD)
    dealer = system.open("--password-file", password)
    dealer.password = password
    return dealer


def rich(system, amount):
    uim = system.open(balance=5000, fund=amount)
    uim.must("withdraw", amount, "--yes")
    return uim


def give(payer, amount, payee):
    paid, taken = meet(payer, ("pay", amount), payee)
    assert payments(paid)[-1][:2] == ("paid", amount), (paid, taken)


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    from kinchaku import System
    system = System(tmp_path_factory.mktemp("cards and machines"))
    system.init()
    system.configure("bank", "merchant", fee_fixed=2, fee_permille=10, keep=20)
    system.configure("bank", "times", settle_ms=SETTLE_MS)
    system.up()
    yield system
    system.check_audit()
    system.down()


# shows: R-NODE-8 R-DATA-3 R-DATA-8 R-XCHG-10
def test_a_card_is_paid_and_pays_and_is_settled(system):
    user, prepaid = rich(system, 500), card(system, "a.card")
    give(user, 200, prepaid)
    give(prepaid, 50, user)
    assert (user.value(), prepaid.value()) == (350, 150)
    prepaid.must("sync")
    user.must("sync")
    assert (user.shadow(), prepaid.shadow()) == (350, 150)
    assert prepaid.station("show").json["account_amount"] == "0"
    shown = system.bank("account", prepaid.account).objects[0]
    assert (shown["type"], shown["balance"], shown["bank_account"]) == ("card", "0", ""), shown
    assert "owner" not in shown
    for order in (("fund", 10), ("redeem", 10), ("withdraw", 10, "--yes"), ("deposit", 10, "--yes")):
        prepaid.fails("not-allowed", *order)
    system.check_audit()


# shows: R-NODE-8
def test_a_lost_card_is_replaced_with_what_was_left(system):
    user, prepaid = rich(system, 300), card(system, "b.card")
    give(user, 120, prepaid)
    user.must("sync")
    done = system.registrar("lost", "--account", prepaid.account, "--purse", prepaid.purse)
    assert done.status == OK, done
    assert prepaid.station("sync").error == "reported-lost"
    path = system.base / "b2.card"
    for _ in range(200):
        done = system.registrar("reissue", "--account", prepaid.account, "--uim", path)
        if done.status == OK:
            break
        assert done.status == AGAIN and done.error in ("busy", "settlement-time-runs"), done
        time.sleep(0.1)
    assert done.status == OK and done.json["type"] == "card" and not path.with_name("b2.card.letter").exists(), done
    fresh = Uim(system, path, done.json)
    assert fresh.value() == 120
    give(fresh, 20, user)
    system.check_audit()


# shows: R-VEND-5 R-NODE-9
def test_what_a_machine_took_comes_to_its_dealer_less_the_fee(system):
    dealer, user = dealer_of(system), rich(system, 1000)
    vending = machine(system, dealer, "a.machine")
    shown = system.bank("purse", vending.purse).objects[0]
    assert (shown["type"], shown["owner"]) == ("machine", dealer.account), shown
    give(user, 520, vending)
    vending.must("sync")
    # 500 are swept, and 2 + 5 are the fee.
    assert (dealer.balance(), vending.value(), vending.shadow()) == (493, 20, 20)
    assert vending.station("show").json["account_amount"] == "493"
    moves = [row for row in system.bank("account", dealer.account).objects if "move" in row]
    assert [(row["move"], row["from"], row["amount"], row["fee_permille"]) for row in moves] == [
        ("sweep", vending.purse, "500", 10), ("fee", vending.purse, "7", 10)], moves
    assert [row for row in system.bank("purse", vending.purse).objects if "move" in row] == moves
    statement = system.bank("account", dealer.account, "--statement").objects
    assert [(row["kind"], row["partner"], row["amount"], row["balance"]) for row in statement] == [
        ("sweep", str(vending.purse), "+500", "500"), ("fee", str(vending.purse), "-7", "493")], statement
    vending.must("sync")
    assert dealer.balance() == 493
    assert system.check_audit()["fees"] == "7"
    before = system.ordinary_balance(dealer.ordinary)
    dealer.must("redeem", 493)
    assert system.ordinary_balance(dealer.ordinary) == before + 493
    # What the machine kept it can still pay back.
    give(vending, 20, user)
    vending.must("sync")
    system.check_audit()


# shows: R-NODE-9
def test_who_may_have_a_machine(system):
    dealer, prepaid = dealer_of(system), card(system, "c.card")
    wrong = secret(system.base / "wrong", "something else")
    path = system.base / "none.machine"

    def asked(owner, *arguments):
        done = system.registrar("machine", "--owner", owner, "--uim", path, *arguments)
        assert not path.exists() and not path.with_name("none.machine.new").exists()
        return done.status, done.error

    assert asked(dealer.account, "--password-file", wrong) == (REFUSED, "wrong-password")
    assert asked(dealer.account)[0] == USAGE
    assert asked(prepaid.account) == (REFUSED, "not-allowed")
    assert asked(prepaid.account, "--password-file", wrong) == (REFUSED, "wrong-password")
    assert asked(10000008 + 10 * 90000 + 0, "--password-file", wrong)[0] in (REFUSED, USAGE)
    assert system.registrar("card", "--uim", path, "--grade", "golden").status == USAGE
    assert system.registrar("identify", "--account", prepaid.account).error == "not-allowed"
    assert system.registrar("lost", "--account", dealer.account, "--purse", dealer.purse).status == USAGE
    assert dealer.must("sync").status == OK


def test_a_lost_machine_needs_its_dealers_password(system):
    dealer = dealer_of(system)
    vending = machine(system, dealer, "b.machine")
    wrong = secret(system.base / "wrong too", "something else")
    order = ("lost", "--account", vending.account, "--purse", vending.purse, "--password-file")
    assert system.registrar(*order, wrong).error == "wrong-password"
    vending.must("sync")
    assert system.registrar(*order, dealer.password).status == OK
    assert vending.station("sync").error == "reported-lost"


def test_a_machine_shows_whose_account_it_is(system):
    """What the bank certifies to it is in its owner's account, not in its own, which holds nothing."""
    dealer = dealer_of(system)
    vending = machine(system, dealer, "c.machine")
    dealer.must("fund", 70)
    vending.must("sync")
    done = run("kinchaku-station", "--uim", vending.path, "show")
    line = next(line for line in done.out.splitlines() if line.startswith("in account"))
    assert "  70 " in line and line.endswith(f", that of the owner of machine {vending.account})"), done


def test_a_card_has_no_pin(system):
    prepaid = card(system, "d.card")
    assert run("kinchaku-station", "--json", "--uim", prepaid.path, "pin", secret(system.base / "pin", "1234")).error == "not-allowed"
    assert prepaid.must("history").status == OK


def test_a_fee_that_is_no_amount_stops_the_bank(alone):
    alone.configure("bank", "merchant", fee_fixed="a lot")
    assert alone.kinchaku("up", "--faults").status != OK
    assert "[merchant] fee_fixed is no amount" in alone.log("bank")


# shows: R-NODE-8
def test_many_cards_from_one_file(system):
    paths = [system.base / f"many {number}.card" for number in range(3)]
    rows = [f'"{paths[0]}"', f"{paths[1]},rs2048,overwrite", "# a comment", "", str(paths[0]), f"{paths[2]},golden", ",es256",
            str(paths[2])]
    listed = system.base / "cards.csv"
    listed.write_text("\n".join(rows) + "\n")
    done = system.registrar("card", "--file", listed)
    assert [row["result"] for row in done.objects] == ["ok", "ok", "already-exists", "malformed", "malformed", "ok"], done
    assert done.status == REFUSED and "3 of 6 cards written" in done.err
    for path, row in zip(paths, [done.objects[at] for at in (0, 1, 5)]):
        assert Uim(system, path, row).must("sync").json["purse"] == row["purse"]
    assert system.registrar("card", "--file", system.base / "no such.csv").error == "file-missing"
