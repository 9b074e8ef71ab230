"""Does a transfer reach the account that the user meant, once or not at all, whatever is lost, killed or mistyped?"""
import csv
import io
import sqlite3
import time

import pytest

from kinchaku import AGAIN, USAGE, Proxy, Uim, run


def pair(system, purse=300, account=700):
    """Two users; the first has this much in the UIM and in the account, the second 100 in the account."""
    first, second = system.open(fund=purse + account), system.open(fund=100)
    if purse:
        first.must("withdraw", purse, "--yes")
    return first, second


def statement(system, uim):
    return system.bank("account", uim.account, "--statement").objects


def slip(number):
    return number - number % 10 + (number + 1) % 10


# shows: R-MOVE-1 R-MOVE-2 R-MOVE-3 R-MOVE-4
@pytest.mark.parametrize("source", ["uim", "account"])
def test_to_somebody_else(shared, source):
    first, second = pair(shared)
    shown = first.must("transfer", 50, "--to", second.account, "--from", source, text="y\n").err
    assert "Taro Yamada" in shown and str(second.account) in shown, shown
    assert ("300 -> 250" if source == "uim" else "700 -> 650") in shown, shown
    assert ("700 -> 700" if source == "uim" else "300 -> 300") in shown, shown
    assert first.both() == ((700, 250) if source == "uim" else (650, 300)) and first.shadow() == first.value()
    assert second.both() == (150, 0) and first.state() == "ready"
    second.must("withdraw", 150, "--yes")
    assert second.both() == (0, 150)
    shared.check_audit()


# shows: R-MOVE-1 R-MOVE-4
def test_the_default_is_the_uim_and_the_own_account_is_a_deposit(shared):
    first, second = pair(shared)
    first.must("transfer", 300, "--to", second.account, "--yes")
    assert first.both() == (700, 0) and second.both() == (400, 0)
    second.must("withdraw", 200, "--yes")
    shown = second.must("transfer", 80, "--to", second.account, "--yes").err
    assert "200 -> 280" in shown and "200 -> 120" in shown, shown
    assert second.both() == (280, 120)
    kinds = [(row["kind"], row["amount"]) for row in statement(shared, second)]
    assert kinds == [("fund", "+100"), ("transfer", "+300"), ("withdraw", "-200"), ("transfer", "+80")]
    shared.check_audit()


# shows: R-MOVE-5
@pytest.mark.parametrize("source", ["uim", "account"])
def test_no_changes_nothing_and_is_kept_as_evidence(shared, source):
    first, second = pair(shared)
    done = first.must("transfer", 50, "--to", second.account, "--from", source, "--no")
    assert done.json["result"] == "declined" and first.both() == (700, 300) and second.both() == (100, 0)
    evidence = [row["kind"] for row in shared.bank("evidence", first.purse).objects]
    assert evidence.count("transfer-request") == 1 and evidence.count("answer") == 2, evidence
    shared.check_audit()


# shows: R-MOVE-5
@pytest.mark.parametrize("lost", ["request", "quote", "answer", "completion"])
@pytest.mark.parametrize("source", ["uim", "account"])
@pytest.mark.parametrize("then", ["sync", "next", "cash", "killed"])
def test_a_lost_message_and_the_next_contact(shared, lost, source, then):
    first, second = pair(shared)
    done = first.must("transfer", 50, "--to", second.account, "--from", source, "--yes", "--lose", lost, status=AGAIN)
    assert done.error == "timeout" and ("not completed" in done.err or "sync" in done.err), done
    booked = 50 if lost == "completion" else 0
    more = 0
    if then == "next":
        first.must("transfer", 1, "--to", second.account, "--from", source, "--yes")
        more = 1
    elif then == "cash":
        first.must("deposit", 1, "--yes")
    else:
        if then == "killed":
            shared.kill("bank")
            shared.up()
        first.must("sync")
    account, value = (700, 300 - booked - more) if source == "uim" else (700 - booked - more, 300)
    if then == "cash":
        account, value = account + 1, value - 1
    assert first.both() == (account, value) and first.shadow() == value and first.state() == "ready"
    assert second.both() == (100 + booked + more, 0)
    shared.check_audit()


# shows: R-MOVE-5
@pytest.mark.parametrize("source", ["uim", "account"])
def test_an_answer_after_the_expiry_books_nothing(alone, source):
    alone.configure("bank", "times", quote_ms=700)
    alone.up()
    first, second = pair(alone)
    proxy = Proxy(alone.port("bank"), change=lambda n, reply: (time.sleep(1.2) if n == 1 else None, reply)[1])
    done = first.must("transfer", 60, "--to", second.account, "--from", source, "--yes", "--bank", proxy.url, status=AGAIN)
    assert done.error == "not-completed", done
    assert first.both() == (700, 300) and first.shadow() == 300 and second.both() == (100, 0)
    proxy.close()
    alone.check_audit()


# shows: R-MOVE-2 R-MOVE-5
def test_repeats_and_replays_move_it_once(shared):
    first, second = pair(shared)
    proxy = Proxy(shared.port("bank"))
    for source in ("uim", "account"):
        first.must("transfer", 50, "--to", second.account, "--from", source, "--yes", "--bank", proxy.url)
        for request in list(proxy.requests):
            status, _, _ = shared.http("bank", "POST", "/v1/message", request)
            assert status in (200, 409)
    assert first.both() == (650, 250) and second.both() == (200, 0)
    proxy.close()
    shared.check_audit()


# shows: R-MOVE-2
@pytest.mark.parametrize("source", ["uim", "account"])
def test_what_is_refused(shared, source):
    first, second = pair(shared)
    short = {"uim": "insufficient-value", "account": "insufficient-account"}[source]
    to = ("--from", source, "--yes", "--to")
    proxy = Proxy(shared.port("bank"))
    for number in (slip(second.account), 0, 12, "1" * 30, "x", "-5", ""):
        first.fails("wrong-number", "transfer", 10, *to, number, "--bank", proxy.url)
    assert not proxy.requests
    proxy.close()
    first.fails("unknown-account", "transfer", 10, *to, 99999997)
    first.fails("unknown-account", "transfer", 10, *to, first.purse)
    first.fails(short, "transfer", 701, *to, second.account)
    first.fails("amount-zero", "transfer", 0, *to, second.account)
    first.fails("amount-too-large", "transfer", 2**63, *to, second.account)
    first.fails("amount-malformed", "transfer", "1.5", *to, second.account, status=USAGE)
    if source == "account":
        first.fails("same-account", "transfer", 10, *to, first.account)
    assert first.must("transfer", 10, "--yes", status=USAGE).status == USAGE
    assert first.must("transfer", 10, "--to", second.account, "--from", "nowhere", status=USAGE).status == USAGE
    assert second.both() == (100, 0)
    shared.check_audit()


def change(system, sql):
    """The store is changed behind a bank that is down."""
    system.down()
    with sqlite3.connect(system.dir / "bank" / "bank.db") as database:
        database.execute(sql)
    database.close()
    system.up()


# shows: R-MOVE-2
def test_a_receiver_that_is_closed_or_expired(alone):
    alone.up()
    first, second = pair(alone)
    where = f"WHERE account = {second.account}"
    for sql, error in (("state = 3", "account-not-open"), ("state = 2, expires = 5", "account-expired")):
        change(alone, f"UPDATE accounts SET {sql} {where}")
        for source in ("uim", "account"):
            first.fails(error, "transfer", 10, "--to", second.account, "--from", source, "--yes")
    change(alone, f"UPDATE accounts SET expires = {2**62} {where}")
    first.must("transfer", 10, "--to", second.account, "--yes")
    assert second.balance() == 110
    alone.check_audit()


# shows: R-MOVE-2 R-MOVE-5
@pytest.mark.parametrize("source", ["uim", "account"])
def test_a_receiver_that_closes_between_quote_and_ok(alone, source):
    alone.up()
    first, second = pair(alone)
    def close(number, reply):
        if number == 1:
            with sqlite3.connect(alone.dir / "bank" / "bank.db") as database:
                database.execute(f"UPDATE accounts SET state = 3 WHERE account = {second.account}")
            database.close()
        return reply
    proxy = Proxy(alone.port("bank"), close)
    done = first.must("transfer", 10, "--to", second.account, "--from", source, "--yes", "--bank", proxy.url, status=AGAIN)
    assert done.error == "not-completed" and first.both() == (700, 300) and second.balance() == 100
    proxy.close()


# shows: R-MOVE-4
def test_the_statement_of_both(shared):
    first, second = pair(shared, purse=0)
    first.must("transfer", 50, "--to", second.account, "--from", "account", "--yes")
    first.must("redeem", 20)
    rows = statement(shared, first)
    assert [(r["kind"], r["amount"], r["balance"]) for r in rows] == [
        ("fund", "+700", "700"), ("transfer", "-50", "650"), ("redeem", "-20", "630")]
    assert rows[1]["partner"] == str(second.account) and rows[1]["name"] == "Taro Yamada"
    assert rows[0]["partner"] == first.ordinary
    received = statement(shared, second)[-1]
    assert received["kind"] == "transfer" and received["amount"] == "+50" and received["balance"] == "150"
    assert received["partner"] == str(first.account) and received["name"] == "Taro Yamada"
    done = run("kinchaku-bank", "--dir", shared.dir, "account", second.account, "--statement")
    assert "transfer" in done.out and "Taro Yamada" in done.out and "+50" in done.out
    assert shared.bank("account", 99999997, "--statement").error == "unknown-account"
    assert shared.bank("alerts", "--statement").status == USAGE
    assert shared.bank("account", second.account, "--csv").status == USAGE


# shows: R-MOVE-4
@pytest.mark.parametrize("name", ['=HYPERLINK("http://x","y")', "+1", "-1+2", "@SUM(A1)", '  =1', 'a "b", c', "|x"])
def test_a_name_is_no_formula_in_a_csv(shared, name):
    first = shared.open(fund=100)
    ordinary = shared.ordinary_account()
    path = shared.base / f"{ordinary}.uim"
    done = shared.registrar("open", "--name", name, "--address", "A", "--phone", "03-1", "--bank-account", ordinary, "--uim",
                            path)
    assert done.status == 0, done
    first.must("transfer", 5, "--to", done.json["account"], "--from", "account", "--yes")
    out = run("kinchaku-bank", "--dir", shared.dir, "account", first.account, "--statement", "--csv").out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["kind"] for row in rows] == ["fund", "transfer"] and rows[1]["amount"] == "-5"
    shown = rows[1]["name"]
    assert shown == (name if name.startswith("a") else "'" + name) and shown.lstrip()[0] not in "=+-@|", shown


def test_a_statement_that_is_not_the_balance_is_damage(alone):
    alone.up()
    first, _ = pair(alone)
    change(alone, f"UPDATE accounts SET balance = balance + 1 WHERE account = {first.account}")
    assert alone.bank("account", first.account, "--statement").error == "store-corrupt"


def make(system, verb, *arguments):
    """A new card or machine; the station drives it as a UIM without a PIN."""
    system.count += 1
    path = system.base / f"{verb}-{system.count}.uim"
    done = system.registrar(verb, "--uim", path, *arguments)
    assert done.status == 0, (done, system.logs())
    return Uim(system, path, done.json)


# shows: R-MOVE-1 R-MOVE-2 R-MOVE-4
@pytest.mark.parametrize("source", ["uim", "account"])
def test_to_a_card_and_from_it(shared, source):
    first, second = pair(shared)
    card = make(shared, "card")
    first.must("transfer", 80, "--to", card.account, "--from", source, "--yes")
    assert first.both() == ((700, 220) if source == "uim" else (620, 300)) and card.shadow() == 80
    assert card.value() == 0
    card.must("sync")
    assert card.value() == 80 and card.balance() == 0
    shown = card.must("transfer", 30, "--to", second.account, "--yes").err
    assert "80 -> 50" in shown and "Taro Yamada" in shown, shown
    assert card.value() == 50 == card.shadow() and second.both() == (130, 0) and card.balance() == 0
    other = make(shared, "card")
    card.must("transfer", 20, "--to", other.account, "--yes")
    other.must("sync")
    assert (card.value(), other.value()) == (30, 20)
    row = statement(shared, second)[-1]
    assert (row["kind"], row["amount"], row["partner"]) == ("transfer", "+30", str(card.account))
    shared.check_audit()


# shows: R-MOVE-5
@pytest.mark.parametrize("lost", ["request", "quote", "answer", "completion"])
def test_a_lost_message_of_a_card(shared, lost):
    first, second = pair(shared)
    card = make(shared, "card")
    first.must("transfer", 80, "--to", card.account, "--yes")
    card.must("sync")
    card.must("transfer", 30, "--to", second.account, "--yes", "--lose", lost, status=AGAIN)
    first.must("transfer", 5, "--to", card.account, "--yes")
    card.must("sync")
    booked = 30 if lost == "completion" else 0
    assert card.value() == card.shadow() == 85 - booked and second.balance() == 100 + booked
    shared.check_audit()


# shows: R-MOVE-2
def test_what_a_card_or_a_machine_is_refused(shared):
    first, second = pair(shared)
    card, machine = make(shared, "card"), None
    word = shared.base / "password"
    first.must("transfer", 50, "--to", card.account, "--yes")
    card.must("sync")
    card.fails("same-account", "transfer", 1, "--to", card.account, "--yes")
    card.fails("not-allowed", "transfer", 1, "--to", second.account, "--from", "account", "--yes")
    card.fails("insufficient-value", "transfer", 51, "--to", second.account, "--yes")
    word.write_text("a dealer's password\n")
    word.chmod(0o600)
    owner = shared.open("--password-file", word)
    machine = make(shared, "machine", "--owner", owner.account, "--password-file", word)
    for source in ("uim", "account"):
        first.fails("not-allowed", "transfer", 1, "--to", machine.account, "--from", source, "--yes")
    card.fails("not-allowed", "transfer", 1, "--to", machine.account, "--yes")
    assert card.must("transfer", 50, "--to", second.account, "--yes").status == 0 and card.value() == 0
    shared.check_audit()


# shows: R-MOVE-2 R-MOVE-5
@pytest.mark.parametrize("source", ["uim", "account"])
def test_a_card_that_is_full_or_becomes_so(alone, source):
    alone.configure("bank", "offline", purse_most=100)
    alone.up()
    first, _ = pair(alone, purse=300)
    card = make(alone, "card")
    to = ("--to", card.account, "--from", source, "--yes")
    first.fails("limit-exceeded", "transfer", 101, *to)

    def fill(number, reply):
        if number == 1:
            other.must("transfer", 60, "--to", card.account, "--from", "account", "--yes")
        return reply
    other = alone.open(fund=100)
    proxy = Proxy(alone.port("bank"), fill)
    done = first.must("transfer", 41, *to, "--bank", proxy.url, status=AGAIN)
    assert done.error == "not-completed" and first.both() == (700, 300), done
    first.must("transfer", 40, *to)
    card.must("sync")
    assert card.value() == 100
    proxy.close()
    alone.check_audit()
