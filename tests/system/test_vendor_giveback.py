"""Does the bank pay what a machine owes to a card without keys or to an account, once, from the dealer's, whatever stops in between?"""
import json
import sys
from pathlib import Path

import pytest

from kinchaku import AGAIN, OK, REFUSED, Proxy
from meeting import Receiver
from test_vendor_server import STOPPED, Server, machine_purse
from test_vendor_trouble import by_card, card_of, notes
from test_vendor_voucher import balance, by_account, claim, kept
from vending import Machine, buy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "vectors"))
import reader  # noqa: E402

SHELF = [("tea", 15, 9, "jam"), ("gum", 10, 9), ("bun", 5, 9, "jam")]


@pytest.fixture(scope="module")
def holder(shared):
    holder = shared.open(fund=2000)
    holder.must("withdraw", 500, "--yes")
    return holder


def is_word(data):
    try:
        return reader.read_message(reader.parse_brief(data)["payload"])[0] == "give-back"
    except reader.Refused:
        return False


class World:
    """A dealer of its own, a machine whose first place jams, a server that reaches the bank by a proxy, and a card with 40."""

    def __init__(self, shared, holder, folder):
        self.shared, self.holder, self.folder = shared, holder, folder
        self.dealer = shared.open()
        self.machine = Machine(folder / "corner", machine_purse(shared, self.dealer, folder / "corner.purse"),
                               self.dealer.account, SHELF)
        (folder / "server").mkdir(mode=0o700)
        self.server = Server(shared, folder / "server", [self.machine])
        self.words = []
        self.proxy = Proxy(shared.port("bank"), self.keep)
        ini = self.server.dir / "server.ini"
        ini.write_text(ini.read_text().replace(f"http://127.0.0.1:{shared.port('bank')}", self.proxy.url))
        self.path = folder / "a.card"
        self.issued = card_of(shared, holder, self.path, "bearer", 40)
        self.card, self.lose = self.issued["purse"], False

    def keep(self, count, reply):
        if is_word(self.proxy.requests[count - 1]):
            self.words.append((self.proxy.requests[count - 1], reply))
            if self.lose:
                return None
        return reply

    def start(self, *more):
        self.machine.start("--collect", "tcp:127.0.0.1:0", *more)
        return self

    def jam(self, slot=1):
        """The card buys what does not come out."""
        done = by_card(self.path, "buy", slot, "--link", self.machine.place, "--yes")
        assert (done.status, done.error) == (REFUSED, "item-stuck"), done

    def shadow(self):
        return int(self.shared.bank("purse", self.card).objects[0]["value"])

    def kinds(self):
        self.machine.stop()
        return self.machine.kinds()

    def post(self, word):
        status, _, body = self.shared.http("bank", "POST", "/v1/give-back", word)
        return json.loads(body)["error"] if status != 200 else body

    def check(self, owed=0):
        self.holder.must("sync")
        self.shared.check_audit()
        assert self.server.report()[0]["owed"] == owed


@pytest.fixture
def world(shared, holder, tmp_path):
    world = World(shared, holder, tmp_path)
    yield world
    world.machine.stop()
    world.proxy.close()


# shows: R-VEND-6 R-NODE-8
def test_the_bank_pays_what_a_machine_owes_to_a_card(shared, world):
    world.start().jam()
    assert world.server.once().status == OK
    assert world.shadow() == 40 and world.dealer.balance() == 0
    assert world.server.once().status == OK and len(world.words) == 1
    row = world.server.report()[0]
    assert (row["owed"], row["by_bank"], row["reversals"], row["returned"]) == (0, 1, 1, 0), row
    assert [note["amount"] for note in notes(world.server, "given-back")] == ["15"]
    # The card learns of it, and spends it.
    assert by_card(world.path, "sync").status == OK
    assert by_card(world.path, "show").json["uim_amount"] == "40"
    for _ in range(4):
        assert by_card(world.path, "buy", 2, "--link", world.machine.place, "--yes").status == OK
    assert world.server.once().status == OK and world.dealer.balance() == 40 and world.shadow() == 0
    assert world.kinds()[:4] == ["opened", "sale", "stuck", "asked"] and "given-back" in world.machine.kinds()
    lines = shared.bank("account", world.dealer.account, "--statement").objects
    assert [(line["kind"], line["amount"]) for line in lines][:2] == [("sweep", "+15"), ("give-back", "-15")], lines
    moves = [row for row in shared.bank("purse", world.card).objects if row.get("move") == "give-back"]
    assert [(row["amount"], row["from"]) for row in moves] == [("15", world.dealer.account)], moves
    world.check()


@pytest.mark.parametrize("point", ["owed", "paid-back", "handed-back"])
def test_a_server_killed_between_any_two_steps(world, point):
    world.start().jam()
    assert world.server.once("--stop-after", point).status == STOPPED
    assert world.shadow() == (25 if point == "owed" else 40)
    for _ in range(2):
        assert world.server.once().status == OK
    assert world.shadow() == 40 and world.dealer.balance() == 0
    assert world.kinds() == ["opened", "sale", "stuck", "asked", "given-back"]
    world.check()


# shows: R-VEND-8
@pytest.mark.parametrize("point", ["asked", "given-back"])
def test_a_machine_cut_between_any_two_steps(world, point):
    world.start("--stop-after", point).jam()
    world.server.once()
    world.machine.stop()
    assert world.shadow() == (25 if point == "asked" else 40)
    world.start()
    for _ in range(2):
        assert world.server.once().status == OK
    assert world.shadow() == 40 and world.dealer.balance() == 0
    assert world.kinds() == ["opened", "sale", "stuck", "asked", "given-back"]
    world.check()


# shows: R-VEND-8 R-NODE-8
def test_a_payment_without_a_sale_goes_back_by_the_bank(world):
    """The power went after the purse took it: whose purse paid is not known any more, and the bank knows."""
    world.start("--stop-after", "decided")
    by_card(world.path, "buy", 2, "--link", world.machine.place, "--yes")
    world.machine.stop()
    world.start()
    for _ in range(2):
        assert world.server.once().status == OK
    assert world.shadow() == 40 and world.dealer.balance() == 0
    assert world.kinds() == ["opened", "lost", "asked", "given-back"]
    world.check()


def test_a_word_that_is_lost_is_asked_for_again(world):
    world.start().jam()
    # A word may go out twice in a round: over a connection that stood, and over a new one when that gives nothing.
    world.lose = True
    for _ in range(3):
        assert world.server.once().error == "not-reachable" and world.shadow() == 40
    world.lose = False
    for _ in range(2):
        assert world.server.once().status == OK
    # The bank's answers say the same, whoever signs how.
    said = {reader.parse_signed(reply)["payload"] for _, reply in world.words}
    assert len(world.words) >= 4 and len(said) == 1 and world.shadow() == 40
    assert world.kinds() == ["opened", "sale", "stuck", "asked", "given-back"]
    world.check()


# shows: R-VEND-6 R-SEC-4
def test_what_is_forged_or_played_back_pays_nobody(shared, world):
    world.start().jam()
    assert world.server.once().status == OK
    word, reply = world.words[0]
    again = world.post(word)
    assert reader.parse_signed(again)["payload"] == reader.parse_signed(reply)["payload"]
    assert world.post(word[:-1] + bytes([word[-1] ^ 1])) == "bad-signature"
    # Another sale, another account, another amount: each byte of what was signed.
    at = word.index(reader.parse_brief(word)["payload"])
    refusals = {str(world.post(word[:i] + bytes([word[i] ^ 1]) + word[i + 1:]))
                for i in range(at, at + len(reader.parse_brief(word)["payload"]))}
    assert "bad-signature" in refusals and not any(said.startswith("b'") for said in refusals), refusals
    assert world.post(reply) in ("malformed", "wrong-type", "wrong-domain", "wrong-algorithm")
    assert world.shadow() == 40 and world.dealer.balance() == 0
    world.server.once()
    world.check()


def test_a_word_of_the_bank_that_is_forged_or_of_another_sale(shared, world):
    world.start().jam()
    assert world.server.once().status == OK
    old = world.words[0][1]
    kept = world.keep
    forged = [old, old[:-1] + bytes([old[-1] ^ 1])]

    def change(count, reply):
        reply = kept(count, reply)
        return forged.pop() if is_word(world.proxy.requests[count - 1]) and forged else reply

    world.proxy.change = change
    world.jam(3)
    for _ in range(3):
        assert world.server.once().status == OK
    assert [row["reason"] for row in notes(world.server, "given-back-refused")] == ["bad-signature"]
    assert world.server.once().status == OK
    assert world.kinds().count("given-back") == 2 and "improper" in world.machine.kinds()
    assert world.shadow() == 40 and world.dealer.balance() == 0
    world.check()


class Before:
    """Does something once, after the machine's report was answered and before its word comes."""

    def __init__(self, world, act):
        self.world, self.act, self.kept = world, act, world.keep
        world.proxy.change = self.change

    def change(self, count, reply):
        if self.act and not is_word(self.world.proxy.requests[count - 1]):
            act, self.act = self.act, None
            act()
        return self.kept(count, reply)


# shows: R-VEND-6
def test_a_dealer_who_has_not_enough(world):
    world.start().jam()
    Before(world, lambda: world.dealer.must("redeem", 15))
    for _ in range(3):
        assert world.server.once().status == OK
    assert world.shadow() == 25 and world.server.report()[0]["owed"] == 1
    # Told and written once, and tried in every round.
    assert [row["reason"] for row in notes(world.server, "not-given-back")] == ["insufficient-account"]
    assert len(world.words) == 3
    world.dealer.must("fund", 20)
    for _ in range(2):
        assert world.server.once().status == OK
    assert world.shadow() == 40 and world.dealer.balance() == 5
    lines = world.kinds()
    assert lines == ["opened", "sale", "stuck", "asked", "asked", "given-back"]
    assert world.machine.lines()[4]["reason"] == "insufficient-account"
    world.check()


# shows: R-VEND-6 R-NODE-8
def test_a_card_that_is_out_of_use_and_a_dealer_who_repays_by_hand(shared, world, tmp_path):
    """Its copy was found meanwhile: what is owed stays owed, until the dealer repays it otherwise."""
    copy = tmp_path / "b.card"
    copy.write_bytes(world.path.read_bytes())
    copy.chmod(0o600)
    other = shared.open()
    world.start().jam()

    def spend():
        for _ in range(2):
            receiver = Receiver(other, "--yes", link="tcp:127.0.0.1:0")
            done = by_card(copy, "pay", 20, "--link", receiver.place)
            assert done.status == OK and receiver.end().status == OK, done
        other.must("sync")

    Before(world, spend)
    assert world.server.once().status == OK
    assert [row["reason"] for row in notes(world.server, "not-given-back")] == ["purse-blocked"]
    assert world.server.once().status == OK and world.server.report()[0]["owed"] == 1
    done = world.machine.run("settle", 2)
    assert (done.status, done.error) == (3, "in-use"), done
    world.machine.stop()
    assert world.machine.run("settle", 7).error == "not-found"
    assert world.machine.run("settle", 2).status == OK
    assert world.machine.run("settle", 2).error == "not-found"
    assert world.machine.run("settle").status == 2 and world.machine.run("settle", "x").status == 2
    world.start()
    seen = len(world.words)
    assert world.server.once().status == OK and len(world.words) == seen
    row = world.server.report()[0]
    assert (row["owed"], row["by_bank"], row["by_hand"]) == (0, 0, 1), row
    assert world.kinds() == ["opened", "sale", "stuck", "asked", "asked", "settled"]
    world.check()


# shows: R-VEND-6 R-NODE-8
def test_a_card_that_was_reported_lost(shared, world):
    world.start().jam()
    done = shared.registrar("lost", "--account", world.issued["account"], "--purse", world.card)
    assert done.status == OK, done
    for _ in range(2):
        assert world.server.once().status == OK
    assert [row["reason"] for row in notes(world.server, "not-given-back")] == ["reported-lost"]
    assert world.kinds() == ["opened", "sale", "stuck", "asked", "asked"] and world.dealer.balance() == 15
    assert world.shadow() == 25
    world.check(owed=1)


def test_nothing_is_settled_by_hand_while_it_is_under_way(world):
    world.start("--stop-after", "asked").jam()
    world.server.once()
    world.machine.stop()
    done = world.machine.run("settle", 2)
    assert (done.status, done.error) == (REFUSED, "pending"), done
    world.start()
    for _ in range(2):
        assert world.server.once().status == OK
    world.machine.stop()
    assert world.machine.run("settle", 2).error == "not-found" and world.shadow() == 40
    world.check()


def test_nothing_is_settled_by_hand_while_a_word_is_out_again(world):
    """The bank said no once; the next word left, and its server may still bring it."""
    world.start().jam()
    Before(world, lambda: world.dealer.must("redeem", 15))
    assert world.server.once().status == OK and world.shadow() == 25
    world.machine.stop()
    world.start("--stop-after", "asked-again")
    world.server.once()
    world.machine.stop()
    assert world.machine.run("settle", 2).error == "pending"
    world.start()
    assert world.server.once("--stop-after", "owed").status == STOPPED
    world.dealer.must("fund", 15)
    world.machine.stop()
    done = world.machine.run("settle", 2)
    assert (done.status, done.error) == (REFUSED, "pending"), done
    # The word that was out is brought after all.
    word = world.words[-1][0]
    assert isinstance(world.post(word), bytes) and world.shadow() == 40
    world.start()
    assert world.server.once().status == OK
    assert world.kinds() == ["opened", "sale", "stuck", "asked", "asked", "given-back"]
    assert not list(world.machine.dir.glob("asked-*")) and world.dealer.balance() == 0
    assert world.machine.run("settle", 2).error == "not-found"
    world.check()


def test_after_the_next_no_it_can_be_settled_again(world):
    world.start().jam()
    Before(world, lambda: world.dealer.must("redeem", 15))
    assert world.server.once().status == OK
    assert world.server.once("--stop-after", "owed").status == STOPPED
    world.machine.stop()
    assert world.machine.run("settle", 2).error == "pending"
    assert len(list(world.machine.dir.glob("asked-*"))) == 1
    world.start()
    assert world.server.once().status == OK and not list(world.machine.dir.glob("asked-*"))
    world.machine.stop()
    assert world.machine.run("settle", 2).status == OK
    assert world.kinds() == ["opened", "sale", "stuck", "asked", "asked", "settled"]
    world.start()
    assert world.server.once().status == OK
    world.check()


# shows: R-VEND-6
def test_what_the_purse_can_pay_the_bank_is_not_asked_for(shared, world, holder):
    """A buyer with keys has his value back purse to purse, as before; by hand it can be repaid before."""
    world.start()
    before = holder.value()
    assert buy(holder, world.machine, 1).error == "item-stuck"
    for _ in range(2):
        assert world.server.once().status == OK
    assert not world.words and holder.value() == before
    assert world.kinds() == ["opened", "sale", "stuck", "paying", "returned"]
    world.check()


# shows: R-VEND-6 R-NODE-8
def test_a_refund_at_the_till_to_a_card(shared, world):
    world.start("--pos")
    world.machine.type("12")
    assert by_card(world.path, "buy", 1, "--link", world.machine.place, "--yes").status == OK
    rows = world.machine.type("refund 2 5")
    assert rows[-1]["end"] == "ok", rows
    for _ in range(2):
        assert world.server.once().status == OK
    assert world.shadow() == 33 and world.dealer.balance() == 7
    till = world.machine.type("close")[0]
    assert (till["refunds"], till["by_bank"], till["by_hand"], till["owed"]) == ("5", 1, 0, 0), till
    assert world.server.once().status == OK
    world.check()


# ---- paid from an account ----

@pytest.fixture
def payer(shared):
    return shared.open(fund=500)


# shows: R-VEND-6 R-VEND-7
def test_what_a_voucher_paid_and_did_not_come_out_is_back_in_the_account(shared, world, payer):
    world.start()
    done = by_account(payer, world.machine, 1)
    assert (done.status, done.error) == (REFUSED, "item-stuck") and "comes back to the account" in done.err, done
    assert (balance(payer), balance(world.dealer)) == (485, 15) and not kept(payer)
    assert by_account(payer, world.machine, 2).status == OK
    assert world.server.once().status == OK
    assert (balance(payer), balance(world.dealer)) == (490, 10)
    assert world.server.once().status == OK
    row = world.server.report()[0]
    assert (row["sales"], row["owed"], row["by_bank"], row["by_hand"]) == (2, 0, 1, 0), row
    theirs = shared.bank("account", world.dealer.account, "--statement").objects
    mine = shared.bank("account", payer.account, "--statement").objects
    assert [(line["kind"], line["amount"], line["partner"]) for line in theirs][-1] == (
        "give-back", "-15", str(world.machine.uim.purse)), theirs
    assert [(line["kind"], line["amount"], line["partner"]) for line in mine][-1] == (
        "give-back", "+15", str(world.dealer.account)), mine
    # Whatever comes again changes nothing.
    seen = world.words[0]
    for _ in range(2):
        assert world.server.once().status == OK
    assert claim(payer, world.machine).status == OK
    assert reader.parse_signed(world.post(seen[0]))["payload"] == reader.parse_signed(seen[1])["payload"]
    assert len(world.words) == 1 and (balance(payer), balance(world.dealer)) == (490, 10) and payer.value() == 0
    assert world.kinds() == ["opened", "voucher", "stuck", "voucher", "released", "asked", "given-back"]
    world.check()


# shows: R-VEND-7
def test_what_was_sold_out_by_the_time_of_the_voucher_is_back(shared, world, payer):
    world.machine.write_ini(world.dealer.account, [("tea", 15, 9), ("gum", 10, 1)])
    world.start()
    assert by_account(payer, world.machine, 2, "--yes", "--lose", "payment").status == AGAIN
    assert by_card(world.path, "buy", 2, "--link", world.machine.place, "--yes").status == OK
    assert claim(payer, world.machine).error == "item-stuck" and balance(payer) == 490
    for _ in range(2):
        assert world.server.once().status == OK
    assert balance(payer) == 500 and balance(world.dealer) == 10 and not kept(payer)
    assert [note["amount"] for note in notes(world.server, "given-back")] == ["10"]
    assert world.kinds() == ["opened", "sale", "released", "unsold", "asked", "given-back"]
    world.check()


@pytest.mark.parametrize("point", ["owed", "paid-back", "handed-back"])
def test_a_server_killed_while_a_voucher_is_given_back(world, payer, point):
    world.start()
    assert by_account(payer, world.machine, 1).error == "item-stuck"
    assert world.server.once("--stop-after", point).status == STOPPED
    assert balance(payer) == (485 if point == "owed" else 500)
    for _ in range(2):
        assert world.server.once().status == OK
    assert balance(payer) == 500 and balance(world.dealer) == 0
    assert world.kinds() == ["opened", "voucher", "stuck", "asked", "given-back"]
    world.check()


# shows: R-VEND-7
def test_a_refund_at_the_till_of_what_a_voucher_paid(shared, world, payer):
    world.start("--pos")
    world.machine.type("25")
    assert by_account(payer, world.machine, 1).status == OK
    assert world.machine.type("refund 2 20")[-1]["end"] == "ok"
    assert claim(payer, world.machine).status == OK and payer.value() == 0 and balance(payer) == 475
    for _ in range(2):
        assert world.server.once().status == OK
    assert (balance(payer), balance(world.dealer)) == (495, 5)
    till = world.machine.type("close")[0]
    assert (till["sum"], till["refunds"], till["by_bank"], till["owed"]) == ("25", "20", 1, 0), till
    assert world.kinds() == ["opened", "voucher", "released", "refund", "asked", "given-back", "closed"]
    world.check()


def test_a_voucher_that_was_settled_by_hand(world, payer):
    world.start()
    assert by_account(payer, world.machine, 1).error == "item-stuck"
    world.machine.stop()
    assert world.machine.run("settle", 2).status == OK
    world.start()
    assert world.server.once().status == OK and not world.words
    assert (balance(payer), balance(world.dealer)) == (485, 15)
    assert world.kinds() == ["opened", "voucher", "stuck", "settled"]
    world.check()
