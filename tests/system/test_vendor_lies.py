"""What somebody between the parts of a sale, or a machine that lies, must not bring about."""
import socket
import threading
import time

import pytest

import forge
import reader
from kinchaku import AGAIN, OK, Proxy
from meeting import Middle, Talker
from test_vendor_server import Server
from test_vendor_voucher import (DRINKS, ask_offer, balance, by_account, claim, file_of, keep, kept, machine, people,  # noqa: F401
                                 present)
from vending import Machine, buy


@pytest.fixture
def liar(shared):
    """Says without a signature that nobody paid."""
    proxy = Proxy(shared.port("bank"))
    proxy.got = (404, "application/json", b'{"error":"unknown-transaction"}')
    yield proxy
    proxy.close()


# shows: R-VEND-7
def test_a_paid_offer_outlives_who_says_that_nobody_paid(people, machine, liar):
    _, buyer = people
    mine = balance(buyer)
    done = by_account(buyer, machine, 1, "--yes", "--bank", liar.url)
    assert done.status == AGAIN and balance(buyer) == mine - 120, done
    assert len(kept(buyer)) == 1, done
    assert claim(buyer, machine).status == OK and not kept(buyer)


def test_an_offer_is_put_aside_and_not_thrown_away(people, machine, liar):
    """The station was cut before it heard that it had paid, and is lied to when it asks."""
    _, buyer = people
    mine = balance(buyer)
    assert by_account(buyer, machine, 1, "--yes", "--lose", "completion").status == AGAIN
    buyer.must("sync")
    [path] = kept(buyer)
    done = buyer.station("claim", "--link", machine.place, *keep(buyer), "--bank", liar.url)
    assert (done.status, done.error) == (AGAIN, "not-completed") and not kept(buyer), done
    [aside] = buyer.path.parent.glob(f"unpaid-{buyer.account}-*")
    aside.rename(path)
    assert claim(buyer, machine).status == OK and balance(buyer) == mine - 120
    machine.stop()
    assert machine.kinds() == ["opened", "voucher", "released"]


def test_an_offer_that_somebody_else_paid(shared, people, machine):
    """Who knew it and was first has the item; whose transfer the bank refused is not kept waiting for it."""
    _, buyer = people
    mine, other = balance(buyer), shared.open(fund=500)
    assert by_account(buyer, machine, 1, "--yes", "--lose", "answer").status == AGAIN
    offer, _ = file_of(buyer)
    identity, _ = ask_offer(machine)
    server = socket.create_server(("127.0.0.1", 0))

    class Fake:
        place = f"tcp:127.0.0.1:{server.getsockname()[1]}"

    def serve():
        station = Talker(server.accept()[0])
        station.receive()
        station.send(identity)
        station.send(offer)
        word = station.receive()
        outcome = present(machine, offer, reader.read_message(word)[1]["voucher"])
        station.send(forge.pack("sale-outcome", {"outcome": outcome[0], "sale": outcome[1], "back": 0}))
        station.close()

    threading.Thread(target=serve, daemon=True).start()
    assert by_account(other, Fake).status == OK and balance(other) == 380
    server.close()
    done = claim(buyer, machine)
    assert (done.status, done.error) == (AGAIN, "not-completed") and not kept(buyer), done
    assert balance(buyer) == mine
    machine.stop()
    assert machine.kinds() == ["opened", "voucher", "released"]


# shows: R-VEND-7
def test_a_till_that_lost_its_journal_gives_nothing_for_an_old_voucher(people, machine):
    """Its numbers begin again, and the cashier may ask for the same amount."""
    _, buyer = people
    machine.stop()
    machine.start("--pos")
    machine.type("25")
    assert by_account(buyer, machine, 1, "--yes", "--lose", "payment").status == AGAIN
    offer, word = file_of(buyer)
    assert claim(buyer, machine).status == OK
    machine.stop()
    (machine.dir / "journal").unlink()
    machine.start("--pos", "--begin")
    machine.type("25")
    assert present(machine, offer, word) == "stale-state"
    machine.stop()
    assert machine.kinds() == ["opened"]


def test_a_till_with_the_dealers_own_purse_is_settled_by_hand(shared, people, tmp_path):
    """The bank takes a machine's word and no other purse's: it is not asked, so the dealer's hand is not kept waiting."""
    _, buyer = people
    dealer = shared.open()
    machine = Machine(tmp_path / "till", dealer, dealer.account, DRINKS)
    (tmp_path / "server").mkdir(mode=0o700)
    server = Server(shared, tmp_path / "server", [machine])
    machine.start("--pos", "--collect", "tcp:127.0.0.1:0")
    try:
        machine.type("25")
        assert by_account(buyer, machine).status == OK
        machine.type("refund 2")
        done = server.once()
        assert done.status == OK and server.report()[0]["owed"] == 1, done
    finally:
        machine.stop()
    done = machine.run("settle", 2)
    assert done.status == OK, done
    assert machine.kinds() == ["opened", "voucher", "released", "refund", "settled"]


def test_a_report_byte_by_byte_has_its_time_and_no_more(shared, people, machine, tmp_path):
    """The machine alone says how large its report is, and in how small pieces it comes."""
    payer = shared.open(fund=300)
    payer.must("withdraw", 200, "--yes")
    (tmp_path / "server").mkdir(mode=0o700)
    server = Server(shared, tmp_path / "server", [machine])
    machine.stop()
    machine.start("--collect", "tcp:127.0.0.1:0")
    assert buy(payer, machine, 1).status == OK
    wants = []

    def change(side, _, message):
        if side == "payer":
            wants.append(reader.read_message(reader.parse_signed(message)["payload"])[1]["want"])
            return message
        name, fields = reader.read_message(message)
        if wants[-1] not in ("report", 3) or not fields["piece"]:
            return message
        time.sleep(0.1)
        return forge.pack(name, {**fields, "piece": fields["piece"][:1]})

    middle = Middle(tmp_path, machine.collecting, change)
    place, machine.collecting = machine.collecting, middle.place
    server.configure(every_ms=200, contact_ms=1500)
    begin = time.monotonic()
    done = server.once()
    assert {"machine": "corner", "end": "not-completed"} in done.objects, done
    assert time.monotonic() - begin < 8
    middle.close()
    machine.collecting = place
    assert server.once().status == OK and server.report()[0]["not_settled"] == 0
