"""Does a machine sell to somebody who pays from his account, once for each payment, whatever is cut off or forged in between?"""
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest

import forge
import reader
from kinchaku import AGAIN, BUILD, OK, REFUSED
from meeting import PATIENCE, Talker
from test_vendor_server import Server, machine_purse
from vending import Machine, buy

DRINKS = [("water", 120, 50), ("tea", 150, 1)]
STOPPED = 9


@pytest.fixture(scope="module")
def people(shared):
    """A dealer, and a buyer whose UIM never held any value."""
    return shared.open(), shared.open(fund=5000)


@pytest.fixture
def machine(shared, people, tmp_path):
    dealer, buyer = people
    buyer.station("sync")
    made = Machine(tmp_path / "corner", machine_purse(shared, dealer, tmp_path / "corner.purse"), dealer.account, DRINKS)
    made.start()
    yield made
    made.stop()


def balance(uim):
    return int(uim.system.bank("account", uim.account).objects[0]["balance"])


def keep(uim):
    """A card in a reader has no folder of its own."""
    return ["--keep", uim.path.parent] if uim.system.desk else []


def kept(uim):
    return sorted(uim.path.parent.glob(f"voucher-{uim.account}-*"))


def by_account(uim, machine, slot=1, *more, **options):
    return buy(uim, machine, slot, "--from", "account", *keep(uim), *(more or ["--yes"]), **options)


def claim(uim, machine):
    return uim.station("claim", "--link", machine.place, *keep(uim), timeout=PATIENCE)


def restart(machine, *arguments):
    machine.stop()
    machine.start(*arguments)


def ask_offer(machine, slot=1):
    """Identity and offer, as the machine signed them."""
    talker = Talker.call(machine.place)
    talker.send(forge.pack("offer-request", {"slot": slot}))
    identity, offer = talker.receive(), talker.receive()
    talker.close()
    return identity, offer


def present(machine, offer, voucher):
    """The machine's answer: (outcome, sale), or the name of its reason."""
    talker = Talker.call(machine.place)
    talker.send(forge.pack("voucher-sale", {"offer": offer, "voucher": voucher}))
    name, fields = reader.read_message(talker.receive())
    talker.close()
    if name == "notice":
        return forge.errors()[fields["reason"]][0]
    return fields["outcome"], fields["sale"]


def voucher(system, offer, payer, *, key=None, domain=None, realm=forge.REALM, **changes):
    """What the bank would sign for that offer, but for the changes."""
    told = reader.read_message(reader.parse_brief(offer)["payload"])[1]
    bank = forge.server(system, "bank")
    fields = {"bank": 1, "reference": hashlib.sha256(offer).digest(), "machine": told["machine"], "to": told["dealer"],
              "amount": told["price"], "payer": payer.account, "purse": payer.purse, "transaction": 1, "time": 2, **changes}
    return forge.sign(forge.pack("voucher", fields), key or bank.sign, bank.id, domain or reader.SHAPES["voucher"]["domain"], realm)


def file_of(uim):
    """Offer and voucher, as they stand in the file."""
    words = kept(uim)[0].read_text().split(" ")
    return bytes.fromhex(words[1]), bytes.fromhex(words[3])


# shows: R-VEND-7
def test_a_drink_is_paid_from_the_account(people, machine):
    dealer, buyer = people
    mine, theirs = balance(buyer), balance(dealer)
    done = by_account(buyer, machine)
    assert done.status == OK, done
    assert "costs 120" in done.err and f"account {dealer.account}" in done.err
    assert (balance(buyer), balance(dealer)) == (mine - 120, theirs + 120) and buyer.value() == 0
    assert not kept(buyer)
    assert by_account(buyer, machine, 1, "--no").json["result"] == "declined"
    assert not kept(buyer) and balance(buyer) == mine - 120
    assert by_account(buyer, machine, 2).status == OK
    done = by_account(buyer, machine, 2)
    assert (done.status, done.error) == (REFUSED, "sold-out"), done
    machine.stop()
    assert machine.kinds() == ["opened", "voucher", "released", "voucher", "released"]
    assert machine.value() == 0 and balance(buyer) == mine - 270


def test_what_does_not_come_out_is_owed(people, machine):
    """It stays owed to the payer's account: the machine's purse never had it, and pays nothing back by itself."""
    dealer, buyer = people
    mine, theirs = balance(buyer), balance(dealer)
    restart(machine, "--jam", 1)
    done = by_account(buyer, machine)
    assert (done.status, done.error) == (REFUSED, "item-stuck"), done
    assert (balance(buyer), balance(dealer)) == (mine - 120, theirs + 120) and not kept(buyer)
    done = by_account(buyer, machine)
    assert (done.status, done.error) == (REFUSED, "item-stuck"), done
    assert balance(buyer) == mine - 120 and not kept(buyer)
    restart(machine)
    assert claim(buyer, machine).status == OK
    machine.stop()
    assert machine.kinds() == ["opened", "voucher", "stuck"]
    about = [row["offer"] for row in machine.lines()[1:]]
    assert len(about) == 2 and about[0] == about[1] and len(about[0]) == 64, about


@pytest.mark.parametrize("what", ["sold-out", "wrong-price"])
def test_what_can_no_longer_be_sold_is_owed(shared, people, machine, what):
    """Paid, cut off, and meanwhile the last one went, or costs something else."""
    _, buyer = people
    mine = balance(buyer)
    done = by_account(buyer, machine, 2, "--yes", "--lose", "payment")
    assert done.status == AGAIN and len(kept(buyer)) == 1, done
    assert balance(buyer) == mine - 150
    if what == "sold-out":
        other = shared.open(fund=500)
        assert by_account(other, machine, 2).status == OK
    else:
        machine.stop()
        machine.write_ini(people[0].account, [("water", 120, 50), ("tea", 151, 1)])
        machine.start()
    for _ in range(2):
        done = claim(buyer, machine)
        assert (done.status, done.error) == (REFUSED, "item-stuck") or (_ == 1 and done.status == OK), done
    assert not kept(buyer) and balance(buyer) == mine - 150
    machine.stop()
    assert machine.kinds().count("unsold") == 1
    line = [row for row in machine.lines() if row["kind"] == "unsold"][0]
    assert (line["account"], line["amount"], line["reason"]) == (buyer.account, "150", what), line


# ---- cuts ----

# shows: R-VEND-7
@pytest.mark.parametrize("point", ["believed", "sale", "let-go", "ended"])
def test_the_power_goes_at_the_machine(people, machine, point):
    """One payment, one item or one debt; the voucher again gets that outcome, before and after."""
    _, buyer = people
    mine = balance(buyer)
    restart(machine, "--stop-after", point)
    done = by_account(buyer, machine)
    assert done.status == AGAIN, done
    assert machine.process.wait(PATIENCE) == STOPPED
    assert len(kept(buyer)) == 1 and balance(buyer) == mine - 120
    offer, word = file_of(buyer)
    machine.start()
    done = claim(buyer, machine)
    assert done.status == OK if point != "sale" else done.error == "item-stuck", done
    assert not kept(buyer) and balance(buyer) == mine - 120
    before = present(machine, offer, word)
    restart(machine)
    assert present(machine, offer, word) == before == ("stuck" if point == "sale" else "released", 2)
    machine.stop()
    assert machine.kinds() == ["opened", "voucher", "stuck" if point == "sale" else "released"]


# shows: R-VEND-7
@pytest.mark.parametrize("what", ["request", "quote", "answer", "completion", "payment"])
def test_a_station_that_is_cut_off(people, machine, what):
    """Either nothing was paid, and it is forgotten; or it was, and the item comes when it is claimed."""
    _, buyer = people
    mine = balance(buyer)
    done = by_account(buyer, machine, 1, "--yes", "--lose", what)
    assert done.status == AGAIN, done
    paid = what in ("completion", "payment")
    assert balance(buyer) == mine - (120 if paid else 0)
    if kept(buyer):
        again = by_account(buyer, machine)
        assert (again.status, again.error) == (REFUSED, "pending"), again
        done = claim(buyer, machine)
        assert done.status == OK if paid else done.error == "not-completed", done
    assert not kept(buyer) and balance(buyer) == mine - (120 if paid else 0)
    assert by_account(buyer, machine).status == OK
    machine.stop()
    assert machine.kinds().count("voucher") == machine.kinds().count("released") == (2 if paid else 1)


def test_a_machine_that_is_away_when_it_is_paid(people, machine):
    """What was paid stands in the file until the machine is there again."""
    _, buyer = people
    mine = balance(buyer)
    assert by_account(buyer, machine, 1, "--yes", "--lose", "payment").status == AGAIN
    place = machine.place
    machine.stop()
    assert buyer.station("claim", "--link", place, *keep(buyer)).status == AGAIN
    assert len(kept(buyer)) == 1 and balance(buyer) == mine - 120
    machine.start()
    assert claim(buyer, machine).status == OK and not kept(buyer)


# ---- what is no voucher ----

# shows: R-VEND-7
def test_forged_and_foreign_vouchers(shared, people, machine, tmp_path):
    dealer, buyer = people
    stranger = forge.Party(1, forge.make_keys(tmp_path / "stranger"))
    _, offer = ask_offer(machine)
    cases = {"stranger": ({"key": stranger.sign}, "bad-signature"),
             "other-domain": ({"domain": reader.SHAPES["certified"]["domain"]}, "wrong-domain"),
             "other-bank": ({"realm": (2, "JPY")}, "bad-signature"),
             "other-currency": ({"realm": (1, "EUR")}, "bad-signature"),
             "bank-in-it": ({"bank": 2}, "wrong-domain"),
             "other-machine": ({"machine": machine.uim.purse + 8}, "wrong-machine"),
             "other-offer": ({"reference": bytes(32)}, "mismatch"),
             "less": ({"amount": 119}, "mismatch"), "more": ({"amount": 121}, "mismatch"),
             "to-another": ({"to": buyer.account}, "mismatch")}
    for name, (changes, error) in cases.items():
        assert present(machine, offer, voucher(shared, offer, buyer, **changes)) == error, name
    good = voucher(shared, offer, buyer)
    for spoiled in (good[:-1] + bytes([good[-1] ^ 1]), good[:-1], good + b"x", b"", offer):
        assert isinstance(present(machine, offer, spoiled), str)
    for spoiled in (offer[:-1] + bytes([offer[-1] ^ 1]), offer[:-1], b"", good):
        assert isinstance(present(machine, spoiled, voucher(shared, offer, buyer)), str)
    outcome = present(machine, offer, good)
    assert outcome[0] == "released", outcome
    assert present(machine, offer, good) == present(machine, offer, voucher(shared, offer, people[0])) == outcome
    machine.stop()
    kinds = machine.kinds()
    assert kinds.count("voucher") == kinds.count("released") == 1 and kinds.count("improper") >= 12, kinds


def test_the_offer_of_another_machine_and_of_a_lost_journal(shared, people, machine, tmp_path):
    dealer, buyer = people
    other = Machine(tmp_path / "other", machine_purse(shared, dealer, tmp_path / "other.purse"), dealer.account, DRINKS)
    other.start()
    _, offer = ask_offer(other)
    assert present(machine, offer, voucher(shared, offer, buyer)) == "wrong-machine"
    _, unused = ask_offer(other)
    assert by_account(buyer, other, 1, "--yes", "--lose", "payment").status == AGAIN
    used, word = file_of(buyer)
    assert claim(buyer, other).status == OK
    other.stop()
    (other.dir / "journal").unlink()
    other.start("--begin")
    assert present(other, used, word) == present(other, unused, voucher(shared, unused, buyer)) == "stale-state"
    assert by_account(buyer, other).status == OK
    other.stop()
    assert other.kinds() == ["opened", "voucher", "released"]


def test_who_may_not_be_paid(shared, people, machine, tmp_path):
    """The dealer's own account, and a machine that says it sells for somebody else."""
    dealer, buyer = people
    mine = balance(buyer)
    shared.bank("account", dealer.account)
    done = by_account(dealer, machine)
    assert (done.status, done.error) == (REFUSED, "same-account"), done
    friend = shared.open()
    machine.stop()
    machine.write_ini(friend.account, DRINKS)
    machine.start()
    done = by_account(buyer, machine)
    assert (done.status, done.error) == (REFUSED, "wrong-machine"), done
    poor = shared.open(fund=100)
    restart(machine)
    machine.stop()
    machine.write_ini(dealer.account, DRINKS)
    machine.start()
    done = by_account(poor, machine)
    assert (done.status, done.error) == (REFUSED, "insufficient-account"), done
    for uim in (dealer, buyer, poor):
        assert not kept(uim)
    assert balance(buyer) == mine and balance(poor) == 100


def test_the_bank_gives_its_word_to_whoever_knows_the_offer(shared, people, machine):
    _, buyer = people
    assert by_account(buyer, machine, 1, "--yes", "--lose", "payment").status == AGAIN
    offer, word = file_of(buyer)
    reference = hashlib.sha256(offer).hexdigest()
    status, _, data = shared.http("bank", "GET", f"/v1/voucher?reference={reference}")
    bank = forge.server(shared, "bank")
    assert status == 200
    told = [reader.open_signed(one, bank.sign.public_key(), forge.REALM, "voucher") for one in (data, word)]
    assert told[0] == told[1]
    for wrong, expect in (("00" * 32, 404), ("00" * 31, 400), ("", 400), ("zz" * 32, 400), ("A" * 64, 400)):
        assert shared.http("bank", "GET", f"/v1/voucher?reference={wrong}")[0] == expect, wrong
    assert claim(buyer, machine).status == OK
    lines = shared.bank("account", buyer.account, "--statement").objects
    assert any(reference in str(row) for row in lines), lines[-2:]
    shared.check_audit()


@pytest.mark.parametrize("years", [-5, 5])
def test_a_machine_whose_clock_is_years_off(people, machine, years):
    """No safety rests on it: the offer is paid and taken all the same."""
    _, buyer = people
    machine.stop()
    plain = Path(tempfile.mkdtemp(prefix="kc-clock-", dir="/tmp"))
    shutil.copy(BUILD / "tests/system/clock.so", plain / "clock.so")
    (plain / "now").write_text(f"{years * 365 * 24 * 3600 * 1000}\n")
    machine.start(prefix=("env", f"LD_PRELOAD={plain / 'clock.so'}", f"KINCHAKU_TEST_CLOCK={plain / 'now'}",
                          "ASAN_OPTIONS=" + os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"))
    assert by_account(buyer, machine).status == OK
    machine.stop()
    shutil.rmtree(plain)
    assert machine.kinds() == ["opened", "voucher", "released"]


# shows: R-VEND-5 R-VEND-7
def test_the_server_tells_of_vouchers_as_of_sales(shared, people, machine, tmp_path):
    _, buyer = people
    (tmp_path / "server").mkdir(mode=0o700)
    server = Server(shared, tmp_path / "server", [machine])
    restart(machine, "--collect", "tcp:127.0.0.1:0", "--jam", 2)
    assert by_account(buyer, machine).status == OK
    assert by_account(buyer, machine, 2).error == "item-stuck"
    for _ in range(2):  # the bank gives back after the lines were gathered, so its line comes with the next round
        done = server.once()
        assert done.status == OK, done
    row = server.report()[0]
    assert (row["sales"], row["sold"], row["reversals"], row["owed"], row["by_bank"], row["behind"]) == (2, "270", 1, 0, 1, 0), row
    assert row["not_settled"] == 0, row
    assert server.once().status == OK and server.report()[0] == {**row, "seen": server.report()[0]["seen"]}
    shared.check_audit()


# shows: R-VEND-7
def test_a_refund_of_what_a_voucher_paid_is_not_the_purses(people, machine):
    dealer, buyer = people
    machine.stop()
    machine.start("--pos")
    assert any("typed" in row for row in machine.type("25"))
    assert by_account(buyer, machine).status == OK
    machine.type("refund 2")
    assert claim(buyer, machine).status == OK
    machine.stop()
    lines = machine.lines()
    assert machine.kinds() == ["opened", "voucher", "released", "refund"]
    assert lines[1]["offer"] == lines[3]["offer"] and buyer.value() == 0
