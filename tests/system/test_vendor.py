"""Does a machine sell for its price, and nothing else, and give back what it could not deliver?"""
import os
import socket
import threading
import time

import pytest

from kinchaku import AGAIN, OK, REFUSED
from meeting import PATIENCE, Middle, Talker
from vending import Machine, buy

DRINKS = [("water", 120, 3), ("tea", 150, 1), ("juice", 200, 5)]


@pytest.fixture(scope="module")
def people(shared):
    """A dealer, a machine's purse, and a buyer with value."""
    dealer, till, buyer = shared.open(), shared.open(), shared.open(fund=4000)
    buyer.must("withdraw", 3000, "--yes")
    return dealer, till, buyer


@pytest.fixture
def machine(people, tmp_path):
    dealer, till, buyer = people
    till.station("sync")
    buyer.station("sync")
    made = Machine(tmp_path / "machine", till, dealer.account, DRINKS)
    yield made
    made.stop()


# shows: R-VEND-1 R-VEND-4 R-NODE-9
def test_a_drink_is_sold(people, machine):
    dealer, till, buyer = people
    before, had = buyer.value(), till.value()
    machine.start()
    shelf = buyer.station("shelf", "--link", machine.place)
    assert shelf.status == OK and shelf.objects[0]["dealer"] == dealer.account, shelf
    assert [(row["slot"], row["name"], row["price"], row["state"]) for row in shelf.objects[1:]] == [
        (1, "water", "120", "ready"), (2, "tea", "150", "ready"), (3, "juice", "200", "ready")]
    done = buy(buyer, machine, 1)
    assert done.status == OK, done
    assert f"account {dealer.account}" in done.err and "costs 120" in done.err
    assert buyer.value() == before - 120
    done = buy(buyer, machine, 2)
    assert done.status == OK, done
    done = buy(buyer, machine, 2)
    assert (done.status, done.error) == (REFUSED, "sold-out"), done
    done = buy(buyer, machine, 9)
    assert (done.status, done.error) == (REFUSED, "not-found"), done
    done = buy(buyer, machine, 1, "--no")
    assert done.status == REFUSED or done.status == OK, done
    machine.stop()
    assert buyer.value() == before - 270 and till.value() == had + 270
    assert machine.kinds() == ["opened", "sale", "released", "sale", "released"]
    assert [row["amount"] for row in machine.lines()][1::2] == ["120", "150"]


# shows: R-VEND-3
def test_less_and_more_than_the_price(people, machine):
    _, till, buyer = people
    before, had = buyer.value(), till.value()
    machine.start()
    for amount, name in ((119, "amount-short"), (1, "amount-short"), (121, "wrong-price")):
        done = buy(buyer, machine, 1, "--amount", amount, "--yes")
        assert (done.status, done.error) == (REFUSED, name), done
        assert buyer.value() == before
    done = buyer.station("pay", 120, "--link", machine.place)
    assert (done.status, done.error) == (REFUSED, "declined"), done
    done = buyer.station("buy", 1, "--link", machine.place, "--no")
    assert (done.status, done.json["result"]) == (OK, "declined"), done
    assert buyer.value() == before
    assert buy(buyer, machine, 1).status == OK
    machine.stop()
    assert till.value() == had + 120 and machine.kinds() == ["opened", "sale", "released"]


def test_a_jam_gives_the_value_back(people, machine):
    _, till, buyer = people
    before, had = buyer.value(), till.value()
    machine.start("--jam", 1)
    done = buy(buyer, machine, 1)
    assert (done.status, done.error) == (REFUSED, "item-stuck"), done
    assert buyer.value() == before
    done = buy(buyer, machine, 1)
    assert (done.status, done.error) == (REFUSED, "item-stuck"), done
    assert buy(buyer, machine, 3).status == OK
    machine.stop()
    assert till.value() == had + 200
    assert machine.kinds() == ["opened", "sale", "stuck", "paying", "returned", "sale", "released"]
    assert machine.run("fill", 1, 7).status == OK
    machine.start()
    assert buy(buyer, machine, 1).status == OK
    assert buyer.station("claim", "--link", machine.place).status == OK


# ---- power cuts, losses, damage ----

STOPPED = 9
JAMMED = ["ended", "reserved", "paying", "answered", "concluded"]


@pytest.mark.parametrize("point", ["decided", "sale", "let-go", "ended"])
def test_the_power_goes_in_a_sale(people, machine, point):
    """The item came out and was paid, or it did not and its price comes back: never between."""
    _, till, buyer = people
    machine.start()
    assert buy(buyer, machine, 3).status == OK
    machine.stop()
    before, had = buyer.value(), till.value()
    machine.start("--stop-after", point)
    buy(buyer, machine, 1)
    assert machine.process.wait(PATIENCE) == STOPPED
    machine.start()
    buyer.station("resume", "--link", machine.place)
    claimed = buyer.station("claim", "--link", machine.place)
    assert claimed.status == OK, claimed
    released = point in ("let-go", "ended")
    shelf = buyer.station("shelf", "--link", machine.place)
    machine.stop()
    assert buyer.station("show").json["open_amount"] == "0"
    assert (buyer.value(), till.value()) == ((before - 120, had + 120) if released else (before, had)), machine.lines()
    kinds = machine.kinds()
    assert kinds[3:] == {"decided": ["lost", "paying", "returned"], "sale": ["sale", "stuck", "paying", "returned"],
                         "let-go": ["sale", "released"], "ended": ["sale", "released"]}[point], kinds
    assert shelf.objects[1]["state"] == "ready"


@pytest.mark.parametrize("point", JAMMED)
def test_the_power_goes_while_value_goes_back(people, machine, point):
    _, till, buyer = people
    before, had = buyer.value(), till.value()
    machine.start("--jam", 1, "--stop-after", point)
    buy(buyer, machine, 1)
    assert machine.process.wait(PATIENCE) == STOPPED
    for _ in range(3):
        machine.start()
        buyer.station("resume", "--link", machine.place)
        claimed = buyer.station("claim", "--link", machine.place)
        assert claimed.status == OK, claimed
        machine.stop()
    assert (buyer.value(), till.value()) == (before, had), (point, machine.lines())
    assert [till.station("show").json["open_amount"], buyer.station("show").json["open_amount"]] == ["0", "0"]
    assert machine.kinds().count("returned") == 1 and machine.kinds().count("stuck") == 1


@pytest.mark.parametrize("what", ["identify", "identity", "payment", "answer"])
def test_a_payer_that_loses_a_message(people, machine, what):
    _, till, buyer = people
    before, had = buyer.value(), till.value()
    machine.start()
    done = buy(buyer, machine, 1, "--yes", "--lose", what, "--wait", 2000, "--timeout", 2000)
    assert done.status == AGAIN, done
    done = buyer.station("resume", "--link", machine.place)
    paid = what in ("payment", "answer")
    assert done.status in ((OK, REFUSED) if paid else (REFUSED,)), done
    shown = buyer.station("show").json
    assert shown["open_amount"] == "0"
    machine.stop()
    taken = machine.kinds().count("sale")
    assert taken == (1 if what == "answer" else 0) and machine.kinds().count("released") == taken
    assert (buyer.value(), till.value()) == (before - 120 * taken, had + 120 * taken)


def test_a_journal_that_is_torn_edited_or_gone(people, machine):
    _, _, buyer = people
    machine.start()
    for _ in range(2):
        assert buy(buyer, machine, 1).status == OK
    machine.stop()
    path = machine.dir / "journal"
    good = path.read_bytes()
    last = good[:-1].rindex(b"\n") + 1
    for cut in (last + 1, last + 100, len(good) - 1):
        path.write_bytes(good[:cut])
        assert len(machine.lines()) >= 4, cut
        path.write_bytes(good)
    for at in range(0, len(good), 97):
        bad = bytearray(good)
        bad[at] = ord("0") if bad[at] != ord("0") else ord("1")
        path.write_bytes(bytes(bad))
        done = machine.run("journal")
        assert (done.status, done.error) == (4, "store-corrupt"), (at, done)
    begin = good.index(b"\n") + 1
    path.write_bytes(good[:begin])
    done = machine.run("journal")
    assert (done.status, done.error) == (REFUSED, "stale-state"), done
    for cut in (0, 1, begin - 1):
        for _ in range(2):
            path.write_bytes(good[:cut])
            done = machine.run("journal")
            assert (done.status, done.error) == (REFUSED, "stale-state"), (cut, done)
    path.write_bytes(good[begin:])
    assert machine.run("journal").error == "store-corrupt"
    path.unlink()
    assert machine.run("journal").error == "file-missing"
    assert machine.run("machine", "--begin").status == 2
    assert [(row["kind"], row["number"]) for row in machine.lines()] == [("opened", 5)]


def test_a_configuration_that_lost_its_end(machine):
    path = machine.dir / "machine.ini"
    good = path.read_text()
    for cut in range(len(good) - 1):
        path.write_text(good[:cut])
        done = machine.run("fill", 1, 1)
        assert (done.status, done.error) == (4, "config-invalid"), (cut, done)
    path.write_text(good)
    assert machine.run("fill", 1, 1).status == OK
    for bad in (good.replace("price = 120", "price = 0"), good.replace("price = 120", "price = x"), good + "[slot-4]\nname = x\n",
                good.replace("slots = 3", "slots = 2"), good.replace("talk_ms", "talk_me"), good.replace("count = 3", "count = -1")):
        path.write_text(bad)
        done = machine.run("journal")
        assert (done.status, done.error) == (4, "config-invalid"), (bad, done)
    path.write_text(good)
    stock = machine.dir / "stock"
    whole = stock.read_bytes()
    for cut in range(1, len(whole)):
        stock.write_bytes(whole[:cut])
        assert machine.run("journal").error == "store-corrupt", cut


def test_garbage_and_silence_at_the_port(people, machine):
    _, _, buyer = people
    machine.start()
    host, port = machine.place.removeprefix("tcp:").rsplit(":", 1)
    for junk in (b"", b"GET / HTTP/1.0\r\n\r\n", os.urandom(3000), b"~" * 5000):
        with socket.create_connection((host, int(port))) as line:
            line.sendall(junk)
    done = buy(buyer, machine, 1, "--yes", "--timeout", 30000)
    assert done.status == OK, done


# shows: R-VEND-2
def test_a_payer_of_another_bank(people, machine, tmp_path):
    from kinchaku import System
    other = System(tmp_path / "other")
    other.base.mkdir()
    other.init("--bank", "2")
    other.up()
    try:
        stranger = other.open(fund=500)
        stranger.must("withdraw", 300, "--yes")
        machine.start()
        done = buy(stranger, machine, 1)
        assert (done.status, done.error) == (REFUSED, "wrong-domain"), done
        assert stranger.value() == 300
        machine.stop()
        assert machine.kinds() == ["opened"] or machine.kinds() == ["opened", "improper"]
    finally:
        other.down()


# shows: R-VEND-2
def test_a_payment_that_does_not_verify(people, machine, tmp_path):
    """A byte of its signature is changed on the way: nothing is taken, a notice, and a line of improper access."""
    _, till, buyer = people
    before, had = buyer.value(), till.value()
    machine.start()
    changed = []

    def change(side, count, message):
        # The payment is the longest of the payer's messages, its last byte the signature's.
        if side == "payer" and len(message) > 150 and not changed:
            changed.append(count)
            return message[:-1] + bytes([message[-1] ^ 1])
        return message

    middle = Middle(tmp_path, machine.place, change)
    done = buyer.station("buy", 1, "--link", middle.place, "--yes", timeout=PATIENCE)
    assert changed and (done.status, done.error) == (REFUSED, "bad-signature"), done
    assert buy(buyer, machine, 3).status == OK
    machine.stop()
    assert machine.kinds() == ["opened", "improper", "sale", "released"] or machine.kinds()[:2] == ["opened", "improper"]
    assert machine.lines()[1]["account"] == buyer.account and machine.lines()[1]["reason"] == "bad-signature"
    assert buyer.station("show").json["open_amount"] == "0" and sum((buyer.value(), till.value())) == before + had


def test_two_buyers_at_once(shared, people, machine):
    _, till, first = people
    second = shared.open(fund=500)
    second.must("withdraw", 400, "--yes")
    had, before = till.value(), first.value()
    machine.start()
    ends = []
    threads = [threading.Thread(target=lambda uim=uim: ends.append(buy(uim, machine, 2, "--yes", "--timeout", 30000)))
               for uim in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    machine.stop()
    assert sorted((done.status, done.error) for done in ends if done.status != OK) == [(REFUSED, "sold-out")], ends
    assert till.value() == had + 150 and first.value() + second.value() == before + 400 - 150
    assert machine.kinds() == ["opened", "sale", "released"]


def is_answer(message):
    return message[1:4] == b"\x01\x18\x2e"


def relay(folder, place, change):
    """A middle for conversations in which one side says two things in a row; `change` sees what the buyer says, None hangs up."""
    server = socket.socket(socket.AF_UNIX)
    path = str(folder / f"r{time.monotonic_ns() % 10**9}")
    server.bind(path)
    server.listen(1)

    def pump(source, target, change):
        try:
            while (message := change(source.receive())) is not None:
                target.send(message)
        except (EOFError, OSError):
            pass
        target.close()
        source.close()

    def serve():
        buyer = Talker(server.accept()[0])
        seller = Talker.call(place)
        threading.Thread(target=pump, args=(seller, buyer, lambda message: message), daemon=True).start()
        pump(buyer, seller, change)
        server.close()

    threading.Thread(target=serve, daemon=True).start()
    return f"unix:{path}"


# shows: R-VEND-4
def test_an_answer_to_another_payment_back(shared, people, machine, tmp_path):
    """One buyer's receipt in the place of another's: nobody's payment back counts as taken that is still open."""
    dealer, till, first = people
    second = shared.open(fund=500)
    second.must("withdraw", 400, "--yes")
    had, before = till.value(), first.value()
    machine.write_ini(dealer.account, [("water", 120, 3, "jam"), ("cola", 150, 3, "jam")])
    machine.start()
    kept = []

    def take(message):
        if is_answer(message):
            kept.append(message)
            return None
        return message

    def give(message):
        return kept[0] if is_answer(message) else message

    for uim, slot, change in ((first, 1, take), (second, 2, give)):
        place = relay(tmp_path, machine.place, change)
        assert uim.station("buy", slot, "--link", place, "--yes", timeout=PATIENCE).status != OK
    assert kept
    machine.stop()
    back = [row["account"] for row in machine.lines() if row["kind"] == "returned"]
    assert second.account not in back, machine.lines()
    for _ in range(2):
        machine.start()
        for uim in (first, second):
            uim.station("claim", "--link", machine.place)
        machine.stop()
    assert (first.value(), second.value(), till.value()) == (before, 400, had), machine.lines()
    assert till.station("show").json["open_amount"] == "0" and machine.kinds().count("returned") == 2
