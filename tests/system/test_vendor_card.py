"""Does a machine sell the same where its purse, its buyer's UIM and the card in its slot are cards in readers, and where one is pulled out?"""
import json
import os
import re
import subprocess

import pytest

from kinchaku import AGAIN, OK, REFUSED, Uim, run
from meeting import PATIENCE
from test_card import taken_out
from test_vendor_server import Server
from test_vendor_voucher import balance, by_account, claim, kept
from vending import Machine, buy

DRINKS = [("water", 10, 500), ("tea", 15, 50), ("juice", 20, 50, "jam")]
NOWHERE = 9  # a place that the machine does not have
PULLED = ("card-removed", "no-card")
# The machine's purse answers some dozens of commands in a sale: pulled out at every fourth, and at every one with KINCHAKU_STEP=1.
STEP = int(os.environ.get("KINCHAKU_STEP", "4"))


@pytest.fixture(scope="module")
def medium():
    return "card"


class ReaderMachine(Machine):
    """A machine whose purse is a card; its configuration names the reader in which that is now."""
    pulled_from = None

    def command(self, verb, *arguments):
        path = self.dir / "machine.ini"
        place = self.pulled_from or self.uim.place
        path.write_text(re.sub("(?m)^purse = .*$", f"purse = {place}", path.read_text()))
        return super().command(verb, *arguments)

    def by_card(self, card, slot, *more, place=None):
        return self.run("machine", "--card", place or card.place, "--slot", slot, *more)


class World:
    """A dealer's machine with its server; its buyers have UIMs and cards in readers."""

    def __init__(self, system, dealer, buyer, folder):
        self.system, self.dealer, self.buyer, self.folder = system, dealer, buyer, folder
        self.desk = system.desk
        self.desk.eject_all()
        word, path = folder / "word", folder / "till.card"
        word.write_text((dealer.path.parent / f"{dealer.path.name}.letter").read_text().split("password ")[1].split()[0] + "\n")
        word.chmod(0o600)
        done = system.registrar("machine", "--owner", dealer.account, "--uim", f"pcsc:{self.desk.insert_blank(path).reader}",
                                "--password-file", word, env=self.desk.env)
        assert done.status == OK, done
        self.machine = ReaderMachine(folder / "corner", Uim(system, path, done.json), dealer.account, DRINKS)
        (folder / "server").mkdir(mode=0o700)
        self.server = Server(system, folder / "server", [self.machine])

    def start(self, *more):
        self.machine.start("--collect", "tcp:127.0.0.1:0", *more)
        return self.machine

    def card(self, grade, value):
        """A card with that much, in a reader."""
        path = self.folder / f"{grade}.card"
        place = f"pcsc:{self.desk.insert_blank(path).reader}"
        done = self.system.registrar("card", "--uim", place, "--grade", grade, env=self.desk.env)
        assert done.status == OK, done
        card = Uim(self.system, path, done.json)
        self.buyer.must("withdraw", value, "--card", place, "--yes")
        assert card.value() == value
        return card

    def settle(self, rounds=2):
        """The server's rounds; then machine, dealer and bank agree, and nothing is under way."""
        self.start()
        for _ in range(rounds):
            done = self.server.once()
            assert done.status == OK, done
        self.machine.stop()
        row = self.server.report()[0]
        assert (row["not_settled"], row["missing"], row["owed"]) == (0, 0, 0), row
        till = self.machine.uim
        assert till.station("show").json["open_amount"] == "0"
        assert till.shadow() == till.value() == 0, self.machine.lines()
        return row

    def agrees(self, *uims):
        for uim in uims:
            run("kinchaku-station", "--json", "--uim" if uim is self.buyer else "--card", uim.place, "sync", env=uim.env)
            shown = uim.station("show").json
            assert (shown["open_amount"], int(shown["uim_amount"])) == ("0", uim.shadow()), shown
        self.system.check_audit()


@pytest.fixture(scope="module")
def people(shared):
    """A dealer and a buyer with value and an account."""
    dealer, buyer = shared.open(), shared.open(fund=4800)
    buyer.must("withdraw", 1500, "--yes")
    return dealer, buyer


@pytest.fixture
def world(shared, people, tmp_path):
    made = World(shared, *people, tmp_path)
    made.buyer.must("sync")
    yield made
    made.machine.stop()
    shared.desk.eject_all()


# shows: R-VEND-1 R-VEND-3 R-VEND-4 R-NODE-10
def test_a_sale_too_little_and_a_jam(world):
    buyer, earned = world.buyer, balance(world.dealer)
    before = buyer.value()
    machine = world.start()
    shelf = buyer.station("shelf", "--link", machine.place)
    assert [(row["name"], row["price"]) for row in shelf.objects[1:]] == [("water", "10"), ("tea", "15"), ("juice", "20")], shelf
    done = buy(buyer, machine, 1)
    assert done.status == OK and f"account {world.dealer.account}" in done.err, done
    for amount, name in ((9, "amount-short"), (11, "wrong-price")):
        done = buy(buyer, machine, 1, "--amount", amount, "--yes")
        assert (done.status, done.error) == (REFUSED, name), done
    assert buyer.value() == before - 10
    done = buy(buyer, machine, 3)
    assert (done.status, done.error) == (REFUSED, "item-stuck") and buyer.value() == before - 10, done
    assert buy(buyer, machine, 2).status == OK
    machine.stop()
    assert (buyer.value(), machine.value()) == (before - 25, 25)
    assert machine.kinds() == ["opened", "sale", "released", "sale", "stuck", "paying", "returned", "sale", "released"]
    world.settle()
    assert balance(world.dealer) == earned + 25
    world.agrees(buyer)


# shows: R-VEND-1 R-VEND-7 R-NODE-10
@pytest.mark.parametrize("point", ["sale", "let-go"])
def test_the_power_goes_in_a_sale(world, point):
    buyer, before = world.buyer, world.buyer.value()
    machine = world.start("--stop-after", point)
    buy(buyer, machine, 1)
    assert machine.process.wait(PATIENCE) == 9
    world.start()
    buyer.station("resume", "--link", machine.place)
    done = buyer.station("claim", "--link", machine.place)
    assert done.status == OK, done
    machine.stop()
    taken = 10 if point == "let-go" else 0
    assert (buyer.value(), machine.value()) == (before - taken, taken), machine.lines()
    world.settle()
    world.agrees(buyer)


# shows: R-VEND-7 R-NODE-10
def test_from_the_account_with_a_cut_and_a_claim(world):
    buyer = world.buyer
    mine, theirs, value = balance(buyer), balance(world.dealer), buyer.value()
    machine = world.start()
    without = buy(buyer, machine, 1, "--from", "account", "--yes")
    assert without.status != OK and "--keep" in without.err and balance(buyer) == mine, without
    done = by_account(buyer, machine)
    assert done.status == OK and not kept(buyer), done
    done = by_account(buyer, machine, 2, "--yes", "--lose", "payment")
    assert done.status == AGAIN and len(kept(buyer)) == 1, done
    assert (balance(buyer), balance(world.dealer)) == (mine - 25, theirs + 25)
    done = by_account(buyer, machine)
    assert (done.status, done.error) == (REFUSED, "pending"), done
    world.desk.eject(buyer.path)
    assert claim(buyer, machine).status == OK and not kept(buyer)
    assert claim(buyer, machine).status == OK
    done = by_account(buyer, machine, 3)
    assert (done.status, done.error) == (REFUSED, "item-stuck"), done
    machine.stop()
    assert machine.kinds() == ["opened", "voucher", "released", "voucher", "released", "voucher", "stuck"]
    world.settle(3)
    assert (balance(buyer), balance(world.dealer), buyer.value()) == (mine - 25, theirs + 25, value)
    world.agrees(buyer)


# shows: R-VEND-3 R-VEND-5 R-VEND-6 R-VEND-7 R-NODE-8 R-NODE-10
@pytest.mark.parametrize("grade", ["keyed", "bearer"])
def test_a_card_in_the_machines_slot(world, grade):
    card, machine, earned = world.card(grade, 60), world.machine, balance(world.dealer)
    done = machine.by_card(card, 1)
    assert done.status == OK and done.json["end"] == "released", done
    done = machine.by_card(card, 1, "--amount", 9)
    assert done.status == REFUSED and card.value() == 50, done
    done = machine.by_card(card, 3)
    assert (done.status, done.error) == (REFUSED, "item-stuck"), done
    assert (card.value(), machine.value()) == ((50, 10) if grade == "keyed" else (30, 30))
    for _ in range(2):
        assert machine.by_card(card, 2).status == OK
    done = machine.by_card(card, 2, "--amount", 61)
    assert done.status == REFUSED and done.error in ("insufficient-value", "wrong-price"), done
    row = world.settle(3)
    assert (row["by_bank"], row["returned"]) == ((0, 1) if grade == "keyed" else (1, 0)), row
    assert balance(world.dealer) == earned + 40
    world.agrees(card)
    assert card.value() == 20


# ---- a card that is pulled out ----

def pulled(done, where):
    """A named no, for the card that went."""
    assert done.status == AGAIN and done.error in PULLED, (where, done)


# shows: R-VEND-1 R-VEND-4 R-NODE-10
@pytest.mark.parametrize("when", ["command", "answer"])
@pytest.mark.parametrize("source", ["uim", "account"])
def test_the_buyers_uim_is_pulled_out_at_any_command(world, source, when):
    """What was paid is sold for, now or when it is there again; what was not is not taken."""
    buyer = world.buyer
    value, mine = buyer.value(), balance(buyer)
    machine = world.start()
    number, ended = 0, False
    more = ("--from", "account", "--keep", buyer.path.parent) if source == "account" else ()
    while not ended:
        number += 1
        assert number < 60
        process, place = taken_out(buyer, when, number)
        done = run("kinchaku-station", "--json", "--uim", place, "buy", 1, "--link", machine.place, *more, "--yes", env=buyer.env,
                   timeout=PATIENCE)
        process.pull()
        ended = done.status == OK
        if not ended:
            pulled(done, number)
        if source == "uim":
            again = buyer.station("resume", "--link", machine.place)
            assert again.status == OK or again.error in ("not-found", "declined"), (number, again)
        elif kept(buyer):
            again = claim(buyer, machine)
            assert again.status == OK or again.error == "not-completed", (number, again)
            assert not kept(buyer), number
        shown = buyer.station("show").json
        assert shown["open_amount"] == "0", (number, shown)
    machine.stop()
    sold = 10 * machine.kinds().count("released")
    assert number > 3 and sold >= 10, number
    buyer.must("sync")
    assert (buyer.value(), balance(buyer)) == ((value - sold, mine) if source == "uim" else (value, mine - sold)), machine.lines()
    world.settle()
    world.agrees(buyer)


# shows: R-VEND-7 R-NODE-8 R-NODE-10
@pytest.mark.parametrize("when", ["command", "answer"])
@pytest.mark.parametrize("grade", ["keyed", "bearer"])
def test_a_card_is_pulled_out_of_the_machines_slot_at_any_command(world, grade, when):
    held = 400 if grade == "keyed" else 60  # a card without keys holds little
    card, machine = world.card(grade, held), world.machine
    number, ended = 0, False
    while not ended:
        number += 1
        assert number < 60
        process, place = taken_out(card, when, number)
        done = machine.by_card(card, 1, place=place)
        process.pull()
        ended = done.status == OK
        if not ended:
            pulled(done, number)
        again = machine.by_card(card, NOWHERE)
        assert (again.status, again.error) == (REFUSED, "not-found"), (number, again)
    sold = 10 * machine.kinds().count("released")
    assert number > 3 and sold >= 10
    world.settle(3)
    world.agrees(card)
    assert card.value() == held - sold, machine.lines()


# shows: R-VEND-4 R-VEND-8 R-NODE-10
@pytest.mark.parametrize("when", ["command", "answer"])
def test_the_machines_purse_is_pulled_out_at_any_command(world, when):
    """In a sale to a card in the slot: then the machine has its purse again, and sells or gives back what it took."""
    card, machine = world.card("keyed", 400), world.machine
    number, ended = 1 - STEP, False
    while not ended:
        number += STEP
        assert number < 90
        process, machine.pulled_from = taken_out(machine.uim, when, number)
        done = machine.by_card(card, 1)
        process.pull()
        machine.pulled_from = None
        ended = done.status == OK
        if not ended:
            pulled(done, number)
        again = machine.by_card(card, NOWHERE)
        assert (again.status, again.error) == (REFUSED, "not-found"), (number, again)
        if number // STEP % 8 == 7:
            world.settle()  # purse and card have room for so many payments only
            world.agrees(card)
    sold = 10 * machine.kinds().count("released")
    assert number > 3 and sold >= 10
    world.settle(3)
    world.agrees(card)
    assert card.value() == 400 - sold, machine.lines()


# shows: R-VEND-4 R-VEND-8 R-NODE-10
def test_the_machines_purse_is_pulled_out_while_it_serves(world):
    """Whoever buys then hears a named no, and so does the next: nothing is sold without a purse. With it all is as it was paid."""
    buyer, machine = world.buyer, world.machine
    value, number, ended = buyer.value(), 1 - STEP, False
    while not ended:
        number += STEP
        assert number < 90
        process, machine.pulled_from = taken_out(machine.uim, "answer", number)
        with subprocess.Popen(machine.command("machine", "--link", "tcp:127.0.0.1:0"), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env={**os.environ, **machine.env}) as serving:
            try:
                told = json.loads(serving.stdout.readline())
                if "waiting" in told:
                    order = ("buy", 1, "--link", told["waiting"], "--yes", "--timeout", 8000)
                    done = buyer.station(*order, timeout=PATIENCE)
                    ended = done.status == OK and process.process.poll() is None
                    assert done.status == OK or done.status in (REFUSED, AGAIN) and done.error, (number, done)
                    if not ended:
                        other = buyer.station(*order, timeout=PATIENCE)
                        assert other.status in (REFUSED, AGAIN) and other.error, (number, other)
                    serving.terminate()
            except BaseException:
                serving.kill()
                raise
            out, err = serving.communicate(timeout=PATIENCE)
        last = json.loads((out.splitlines() or [json.dumps(told)])[-1])
        went_on = serving.returncode == OK and "waiting" in told
        assert went_on or serving.returncode == AGAIN and last["error"] in PULLED, (number, out, err)
        process.pull()
        machine.pulled_from = None
        if "waiting" in told:
            machine.start()
            again = buyer.station("resume", "--link", machine.place)
            assert again.status == OK or again.error in ("not-found", "declined"), (number, again)
            assert buyer.station("claim", "--link", machine.place).status == OK
            machine.stop()
            assert buyer.station("show").json["open_amount"] == "0", number
        if number // STEP % 8 == 7:
            world.settle()
            buyer.must("sync")
    sold = 10 * machine.kinds().count("released")
    assert number > 3 and sold >= 10
    buyer.must("sync")
    assert buyer.value() == value - sold, machine.lines()
    world.settle()
    world.agrees(buyer)
