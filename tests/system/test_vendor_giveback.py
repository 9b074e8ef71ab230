"""Does the bank pay what a machine owes to a card without keys, once, from the dealer's account, whatever stops in between?"""
import json
import sys
from pathlib import Path

import pytest

from kinchaku import OK, REFUSED, Proxy, run
from test_vendor_server import STOPPED, Server, machine_purse
from test_vendor_trouble import by_card, card_of, notes
from vending import Machine, buy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "vectors"))
import reader  # noqa: E402

SHELF = [("tea", 15, 9, "jam"), ("gum", 10, 9)]


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
        self.card, self.lose = self.issued["purse"], 0

    def keep(self, count, reply):
        if is_word(self.proxy.requests[count - 1]):
            self.words.append((self.proxy.requests[count - 1], reply))
            if self.lose:
                self.lose -= 1
                return None
        return reply

    def start(self, *more):
        self.machine.start("--collect", "tcp:127.0.0.1:0", *more)
        return self

    def jam(self):
        """The card buys what does not come out."""
        done = by_card(self.path, "buy", 1, "--link", self.machine.place, "--yes")
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
