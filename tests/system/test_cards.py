"""Are prepaid cards without keys issued, shown and asked about at the bank, and do they pay nothing that they do not hold?"""
import subprocess

import pytest

from kinchaku import AGAIN, OK, REFUSED, USAGE, Proxy, Stepper, System, program, run
from meeting import PATIENCE, Receiver
from test_vendor_server import machine_purse
from vending import Machine


def issue(system, tmp_path, grade, name="card.purse"):
    path = tmp_path / name
    done = system.registrar("card", "--uim", path, "--grade", grade)
    assert done.status == OK, done
    return path, done.json


def card_station(path, *arguments, **more):
    return run("kinchaku-station", "--json", "--card", path, *arguments, **more)


# shows: R-NODE-8 R-DATA-7 R-DATA-8
@pytest.mark.parametrize("grade", ["bearer", "keyed"])
def test_a_card_is_issued_shown_and_synced(shared, tmp_path, grade):
    path, opened = issue(shared, tmp_path, grade)
    shown = card_station(path, "show")
    assert shown.status == OK, shown
    assert shown.json["uim_amount"] == "0"
    done = card_station(path, "sync")
    assert done.status == OK, done
    assert card_station(path, "history").status == OK
    purse = shared.bank("purse", opened["purse"])
    assert purse.status == OK and purse.json["type"] == ("bearer" if grade == "bearer" else "card"), purse


# shows: R-XCHG-10
@pytest.mark.parametrize("grade", ["bearer", "keyed"])
def test_a_card_pays_nothing_that_it_does_not_hold(shared, tmp_path, grade):
    path, _ = issue(shared, tmp_path, grade)
    payee = shared.open()
    receiver = Receiver(payee, "--yes", link="tcp:127.0.0.1:0")
    assert receiver.place, receiver.end()
    done = card_station(path, "pay", 10, "--link", receiver.place, timeout=PATIENCE)
    receiver.end()
    assert done.status == REFUSED and done.error == "insufficient-value", done


def test_what_a_card_cannot_do_is_said(shared, tmp_path):
    path, _ = issue(shared, tmp_path, "bearer")
    assert card_station(path, "fund", 10).status == USAGE
    assert shared.registrar("card", "--uim", tmp_path / "x", "--grade", "gold").status == USAGE
    blank = tmp_path / "blank"
    blank.write_bytes(b"")
    done = card_station(blank, "show")
    assert done.status != OK and done.error, done


# shows: R-NODE-8
@pytest.mark.parametrize("grade", ["bearer", "keyed"])
def test_a_card_is_called_a_card(shared, loaded, tmp_path, grade):
    holder, path, _ = loaded
    if grade == "keyed":
        path, _ = issue(shared, tmp_path, "keyed", "keyed.purse")
    else:
        receiver = Receiver(holder, "--yes", link="tcp:127.0.0.1:0")
        assert card_station(path, "pay", 10, "--link", receiver.place, timeout=PATIENCE).status == OK
        assert receiver.end().status == OK
    said = run("kinchaku-station", "--card", path, "show")
    assert said.status == OK and f"on the card  {30 if grade == 'bearer' else 0} JPY" in said.out and "UIM" not in said.out, said
    for verb in ("show", "sync"):
        said = run("kinchaku-station", "--card", path, verb)
        assert said.status == OK and "not reported" not in said.out + said.err, said
        assert ("such a card does not report" in said.out) == (grade == "bearer"), said


# shows: R-NODE-8
@pytest.mark.parametrize("grade", ["bearer", "keyed"])
def test_the_shelf_is_shown_to_whoever_holds_a_card(shared, tmp_path, grade):
    path, _ = issue(shared, tmp_path, grade)
    dealer = shared.open()
    machine = Machine(tmp_path / "machine", machine_purse(shared, dealer, tmp_path / "till.purse"), dealer.account, [("tea", 15, 1)])
    machine.start()
    shelf = card_station(path, "shelf", "--link", machine.place)
    machine.stop()
    assert shelf.status == OK and [row["name"] for row in shelf.objects[1:]] == ["tea"], shelf


def test_options_that_exclude_each_other_are_usage(shared, tmp_path):
    table = tmp_path / "cards.csv"
    table.write_text(f"{tmp_path / 'one.card'}\n")
    done = shared.registrar("card", "--uim", tmp_path / "two.card", "--file", table)
    assert done.status == USAGE and "--uim" in done.err, done
    assert not (tmp_path / "one.card").exists() and not (tmp_path / "two.card").exists()


def test_a_card_whose_bytes_were_edited_says_so(shared, tmp_path):
    path, _ = issue(shared, tmp_path, "bearer")
    content = bytearray(path.read_bytes())
    for at in range(128, 1024):
        content[at] ^= 0xFF
    for at in range(14512, 14512 + 896):
        content[at] ^= 0xFF
    path.write_bytes(content)
    done = card_station(path, "show")
    assert done.status != OK and done.error == "purse-corrupt", done


# shows: R-CASH-10 R-XCHG-10
def test_a_bearer_card_is_loaded_pays_and_a_copy_is_found(alone, tmp_path):
    alone.up()
    holder = alone.open(balance=1000, fund=1000)
    first, second = alone.open(), alone.open()
    path, opened = issue(alone, tmp_path, "bearer")
    done = run("kinchaku-station", "--json", "--uim", holder.path, "--card", path, "withdraw", 30, "--yes")
    assert done.status == OK, done
    assert card_station(path, "show").json["uim_amount"] == "30"
    copy = tmp_path / "copy.purse"
    copy.write_bytes(path.read_bytes())
    copy.chmod(0o600)
    for card, payee in ((path, first), (copy, second)):
        receiver = Receiver(payee, "--yes", link="tcp:127.0.0.1:0")
        done = card_station(card, "pay", 20, "--link", receiver.place, timeout=PATIENCE)
        assert done.status == OK, done
        assert receiver.end().status == OK
    first.must("sync")
    second.station("sync")
    assert alone.bank("purse", opened["purse"]).objects[0]["state"] == "blocked"
    assert first.value() == 20 and second.value() == 0
    alerts = [row for row in alone.bank("alerts").objects if "reason" in row]
    assert sorted((row["reason"], row["class"]) for row in alerts) == [("card-exhausted", "bearer"), ("copied-or-restored", "bearer")]
    for verb in ("stats", "audit"):
        totals = alone.bank(verb).json
        assert (totals["bearer_alerts"], totals["bearer_takings"], totals["bearer_lost"]) == (2, 1, "20"), totals
    for row in alerts:
        done = alone.bank("evidence", row["alert"], "--out", tmp_path / "proof.kce")
        assert (done.status, done.error) == (REFUSED, "not-proven") and not (tmp_path / "proof.kce").exists(), done
    second.station("sync")
    assert alone.bank("stats").json["bearer_lost"] == "20"
    blocked = card_station(path, "sync")
    assert (blocked.status, blocked.error) == (REFUSED, "purse-blocked") and "to the registrar" in blocked.err, blocked
    assert "UIM" not in blocked.err and card_station(path, "show").json["uim_amount"] == "10", blocked
    refused = run("kinchaku-station", "--json", "--uim", holder.path, "--card", path, "withdraw", 5, "--yes")
    assert (refused.status, refused.error) == (REFUSED, "account-not-open") and holder.both() == (970, 0), refused
    holder.must("withdraw", 5, "--yes")
    assert holder.both() == (965, 5)
    alone.check_audit()


# shows: R-CASH-10
def test_a_keyed_card_is_loaded_and_emptied(shared, tmp_path):
    holder = shared.open(balance=1000, fund=1000)
    path, _ = issue(shared, tmp_path, "keyed")
    done = run("kinchaku-station", "--json", "--uim", holder.path, "--card", path, "withdraw", 30, "--yes")
    assert done.status == OK, done
    for verb in ("withdraw", "deposit"):
        done = run("kinchaku-station", "--json", "--uim", holder.path, "--card", path, verb, 5, "--no")
        assert (done.status, done.json["result"]) == (OK, "declined"), done
    assert card_station(path, "show").json["uim_amount"] == "30"
    done = run("kinchaku-station", "--json", "--uim", holder.path, "--card", path, "deposit", 10, "--yes")
    assert done.status == OK, done
    assert card_station(path, "show").json["uim_amount"] == "20"


# ---- from a card without keys: by way of the UIM ----

def beside(holder, path, *arguments, **more):
    return run("kinchaku-station", "--json", "--uim", holder.path, "--card", path, *arguments, **more)


def held(path):
    return int(card_station(path, "show").json["uim_amount"])


@pytest.fixture
def loaded(shared, tmp_path):
    """A holder with 500 in the account and 40 on a bearer card."""
    holder = shared.open(fund=540)
    path, opened = issue(shared, tmp_path, "bearer")
    done = beside(holder, path, "withdraw", 40, "--yes")
    assert done.status == OK and held(path) == 40 and holder.both() == (500, 0), done
    assert "  UIM  " in done.err and "  card  " not in done.err, done  # the quote is of the purse that asks
    return holder, path, opened


# shows: R-CASH-10
def test_a_bearer_card_is_emptied_by_way_of_the_uim(shared, loaded):
    holder, path, opened = loaded
    done = beside(holder, path, "deposit", 15, "--no")
    assert done.status == OK and done.json["result"] == "declined" and held(path) == 40, done
    done = beside(holder, path, "deposit", 15, "--yes")
    assert done.status == OK and done.objects[0]["payment"] == "received", done
    assert held(path) == 25 and holder.both() == (515, 0)
    assert beside(holder, path, "deposit", 21, "--yes").error == "limit-exceeded"
    assert beside(holder, path, "deposit", 0, "--yes").error == "amount-zero"
    assert held(path) == 25 and holder.both() == (515, 0)
    assert int(shared.bank("purse", opened["purse"]).objects[0]["value"]) == 25
    shared.check_audit()


# shows: R-CASH-10 R-CASH-8
def test_a_bearer_card_is_emptied_and_the_bank_is_away(shared, loaded):
    """What was taken is in the UIM, and that is said; it goes on without the card."""
    holder, path, _ = loaded
    done = beside(holder, path, "deposit", 15, "--yes", "--bank", "http://127.0.0.1:1")
    assert (done.status, done.error) == (AGAIN, "not-reachable"), done
    assert {"taken": "15", "now_in": "uim"} in done.objects and "15 JPY left the card and are in the UIM" in done.err, done
    assert held(path) == 25 and holder.both() == (500, 15)
    assert holder.must("deposit", 15, "--yes").json["uim_amount"] == "0"
    assert holder.both() == (515, 0)
    shared.check_audit()


# shows: R-CASH-10 R-MOVE-5
@pytest.mark.parametrize("order", [["deposit", 15], ["transfer", 15, "--from", "card", "--to", "{to}"]])
def test_a_no_to_the_second_question_says_where_the_value_is(shared, loaded, order):
    """The card has paid by then: that nothing was changed would not be true."""
    holder, path, _ = loaded
    order = [str(word).format(to=shared.open().account) for word in order]
    done = beside(holder, path, *order, text="OK\nNG\n")
    assert done.status == OK and done.objects[-1]["result"] == "taken", done
    assert {"taken": "15", "now_in": "uim"} in done.objects and held(path) == 25 and holder.both() == (500, 15), done
    assert f"'{' '.join(word for word in order if word not in ('--from', 'card'))}' without --card" in done.err, done
    shared.check_audit()


# shows: R-CASH-10
def test_a_card_that_is_not_there_has_its_name_in_the_error(shared, tmp_path):
    holder = shared.open(balance=10, fund=10)
    done = beside(holder, tmp_path / "no.card", "withdraw", 5, "--yes")
    assert done.error == "file-missing" and "no.card" in done.err and str(holder.path) not in done.err, done


# shows: R-CASH-10 R-XCHG-8
def test_a_bearer_card_is_emptied_and_the_process_dies_at_any_step(shared, loaded, tmp_path):
    """Nothing is lost or doubled: what left the card is in the UIM, or the card brings it at the next try."""
    holder, path, _ = loaded
    number, ended, deposited = 0, False, 0
    while not ended:
        killed, process = [], []

        def at_step(at, _, wanted=number, killed=killed, process=process):
            if at == wanted:
                killed.append(at)
                process[0].kill()
                process[0].wait()
        stepper = Stepper(tmp_path, at_step)
        with subprocess.Popen([program("kinchaku-station"), "--uim", holder.path, "--card", path, "deposit", "2", "--yes",
                               "--trace", stepper.place], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            process.append(running)
            running.wait(PATIENCE)
        stepper.close()
        ended = not killed
        number += 3
        assert number < 90
        holder.must("sync")
        balance, inside = holder.both()
        opened = int(card_station(path, "show").json["open_amount"])
        assert balance + inside + held(path) + opened in (540, 540 + opened), (number, opened)
        if opened:
            # The next try takes this payment, and no second one.
            before = held(path)
            done = beside(holder, path, "deposit", 2, "--yes")
            assert done.status == OK and held(path) == before, (number, done)
        balance, inside = holder.both()
        assert balance + inside + held(path) == 540, number
        deposited += balance - 500
        if held(path) < 10:
            assert beside(holder, path, "withdraw", 20, "--yes").status == OK
    assert number > 20 and deposited
    shared.check_audit()


# shows: R-MOVE-1 R-CASH-10
@pytest.mark.parametrize("grade", ["keyed", "bearer"])
def test_a_transfer_from_a_card(shared, tmp_path, grade):
    holder, other = shared.open(fund=540), shared.open()
    path, opened = issue(shared, tmp_path, grade)
    assert beside(holder, path, "withdraw", 40, "--yes").status == OK
    order = ("transfer", 12, "--to", other.account)
    done = beside(holder, path, *order, "--from", "card", "--yes")
    assert done.status == OK and "Taro Yamada" in done.err, done
    assert ("from the card to" in done.err) == ("  card  " in done.err) == (grade == "keyed"), done
    assert ("from the UIM to" in done.err) == ("  UIM  " in done.err) == (grade == "bearer"), done
    assert held(path) == 28 and other.both() == (12, 0) and holder.both() == (500, 0)
    done = beside(holder, path, *order, "--from", "account", "--yes")
    assert "from the account to" in done.err and "  UIM  " in done.err, done
    assert done.status == OK and held(path) == 28 and holder.both() == (488, 0) and other.both() == (24, 0), done
    assert beside(holder, path, *order, "--yes").status == USAGE
    assert holder.station(*order, "--from", "card", "--yes").status == USAGE
    done = card_station(path, *order, "--from", "card", "--yes")
    assert done.status == (OK if grade == "keyed" else USAGE), done
    assert held(path) == (16 if grade == "keyed" else 28)
    done = beside(holder, path, "transfer", 5, "--to", opened["account"], "--from", "card", "--yes")
    assert (done.status, done.error) == ((REFUSED, "same-account") if grade == "keyed" else (OK, None)), done
    assert card_station(path, "sync").status == OK and held(path) == (16 if grade == "keyed" else 28)
    shared.check_audit()


# shows: R-CASH-10
def test_what_a_copied_bearer_card_paid_is_not_deposited(shared, loaded):
    """The bank's objection is told, and nothing is said to be in the UIM that the bank does not credit. The proxy has no hotlist."""
    holder, path, opened = loaded
    other, last, content = shared.open(), shared.open(), path.read_bytes()
    proxy = Proxy(shared.port("bank"))
    ends = []
    for uim in (holder, other, last):
        path.write_bytes(content)
        ends.append(beside(uim, path, "deposit", 20, "--yes", "--bank", proxy.url))
    proxy.close()
    assert [done.status for done in ends] == [OK, OK, REFUSED], ends
    assert "now_in" not in ends[2].out and "card-exhausted" in ends[2].out, ends[2]
    assert [uim.both() for uim in (holder, other, last)] == [(520, 0), (20, 0), (0, 0)]
    path.write_bytes(content)
    again = beside(shared.open(), path, "deposit", 20, "--yes")
    assert (again.status, again.error) == (REFUSED, "hotlisted") and held(path) == 40, again
    assert shared.bank("purse", opened["purse"]).objects[0]["state"] == "blocked"
    shared.check_audit()


def test_a_uim_is_no_card(shared):
    """Neither its PIN is guessed at nor its holder's account moved."""
    holder, other = shared.open(fund=100), shared.open(fund=100)
    for order in (("show",), ("history",), ("sync",), ("pay", 1, "--link", "tcp:127.0.0.1:1")):
        done = card_station(other.path, *order)
        assert (done.status, done.error) == (REFUSED, "not-allowed") and "is no card" in done.err, done
    for order in (("deposit", 1, "--yes"), ("withdraw", 1, "--yes")):
        done = beside(holder, other.path, *order)
        assert (done.status, done.error) == (REFUSED, "not-allowed") and "is no card" in done.err, done
    assert holder.both() == (100, 0) and other.both() == (100, 0)
    assert other.station("show").json["pin_tries"] == 3


# shows: R-NODE-8 R-XCHG-9
def test_the_hotlist_keeps_a_card_from_uims_that_never_met_the_bank_since(alone, tmp_path):
    """Its bank says once that the card is lost; one UIM hears of it, tells another by paying it, and neither is paid by the card."""
    alone.up()
    holder, third, fourth, fifth = alone.open(fund=500), alone.open(fund=100), alone.open(), alone.open()
    third.must("withdraw", 50, "--yes")
    path, opened = issue(alone, tmp_path, "bearer")
    assert beside(holder, path, "withdraw", 40, "--yes").status == OK
    done = alone.registrar("lost", "--account", opened["account"], "--purse", opened["purse"])
    assert done.status == OK, done
    unaware = path.read_bytes()
    blocked = card_station(path, "sync")
    assert (blocked.status, blocked.error) == (REFUSED, "purse-blocked"), blocked
    third.must("sync")
    alone.down()

    def pay(payer, payee):
        receiver = Receiver(payee, "--yes", link="tcp:127.0.0.1:0")
        done = payer("pay", 5, "--link", receiver.place, timeout=PATIENCE)
        receiver.end()
        return done

    def card(*arguments, **more):
        return card_station(path, *arguments, **more)
    done = pay(card, fifth)
    assert (done.status, done.error) == (REFUSED, "hotlisted") and fifth.value() == 0, done
    assert pay(third.station, fourth).status == OK and fourth.value() == 5
    for payee in (third, fourth):
        path.write_bytes(unaware)
        done = pay(card, payee)
        assert (done.status, done.error) == (REFUSED, "hotlisted"), done
        assert payee.value() == (45 if payee is third else 5) and held(path) == 40
    alone.up()
    alone.check_audit()


# shows: R-NODE-8 R-SEC-4
def test_cards_of_another_bank(shared, tmp_path):
    """Also where the number of the card's account is somebody's here, and that of the holder's account somebody's there."""
    holder, path = shared.open(fund=100), None
    other = System(tmp_path / "other")
    other.base.mkdir()
    other.init("--bank", "2")
    other.up()
    try:
        stranger = other.open(fund=500)
        path, _ = issue(other, tmp_path, "bearer")
        assert beside(stranger, path, "withdraw", 40, "--yes").status == OK
        receiver = Receiver(holder, "--yes", link="tcp:127.0.0.1:0")
        done = card_station(path, "pay", 5, "--link", receiver.place, timeout=PATIENCE)
        receiver.end()
        assert (done.status, done.error) == (REFUSED, "wrong-domain"), done
        done = beside(holder, path, "deposit", 5, "--yes")
        assert (done.status, done.error) == (REFUSED, "wrong-domain"), done
        before = holder.both()
        keyed, _ = issue(other, tmp_path, "keyed", "keyed.purse")
        assert beside(stranger, keyed, "withdraw", 40, "--yes").status == OK
        for card in (path, keyed):
            for order in ("withdraw", "deposit"):
                done = beside(holder, card, order, 5, "--yes")
                assert (done.status, done.error) == (REFUSED, "wrong-domain"), (order, done)
            assert held(card) == 40 and holder.both() == before
    finally:
        other.down()


# shows: R-VEND-6 R-NODE-8
def test_what_a_machine_owes_to_a_bearer_card_stays_written(shared, loaded, tmp_path):
    """Nobody pays to a card without keys: the jam is told, what is owed stays in the journal, and the next buyer is served."""
    holder, path, opened = loaded
    dealer = shared.open()
    machine = Machine(tmp_path / "machine", machine_purse(shared, dealer, tmp_path / "till.purse"), dealer.account,
                      [("tea", 15, 1, "jam"), ("water", 10, 2)])
    done = machine.run("machine", "--card", path, "--slot", 1)
    assert (done.status, done.error) == (REFUSED, "item-stuck") and "without keys" in done.err, done
    assert held(path) == 25
    done = machine.run("machine", "--card", path, "--slot", 2)
    assert done.status == OK and held(path) == 15, done
    lines = machine.lines()
    assert [row["kind"] for row in lines] == ["opened", "sale", "stuck", "sale", "released"]
    assert (lines[2]["amount"], lines[2]["account"]) == ("15", opened["account"])
