"""Does the server gather what machines sold and settle it once, whatever stops in between?"""
import os
import subprocess

import pytest

from kinchaku import AGAIN, OK, REFUSED, Done, Uim, program
from meeting import PATIENCE, Middle, Talker
from vending import Machine, buy

DRINKS = [("water", 120, 500), ("tea", 150, 500)]
STOPPED = 9


class Server:
    def __init__(self, system, base, machines):
        self.dir, self.system = base, system
        done = self.run("init", "--bank-key", system.dir / "bank" / "sign.pub")
        assert done.status == OK, done
        (base / "server.ini").write_text(f"[bank]\nurl = http://127.0.0.1:{system.port('bank')}\nid = 1\n"
                                         "currency = JPY\ndecimals = 0\n[server]\nevery_ms = 200\n")
        self.machines = machines
        for machine in machines:
            self.pin_to(machine)

    def pin_to(self, machine):
        (machine.dir / "server.pub").write_bytes((self.dir / "sign.pub").read_bytes())

    def list(self):
        lines = [f"{machine.dir.name} {machine.collecting} {machine.uim.purse}" for machine in self.machines]
        (self.dir / "machines").write_text("\n".join(lines + [f"end {len(lines)}"]) + "\n")

    def run(self, verb, *arguments, dir=None):
        command = [program("kinchaku-vendor"), "--json", verb, "--dir", str(dir or self.dir), *map(str, arguments)]
        return Done(subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False))

    def once(self, *arguments, timeout=5000):
        self.list()
        return self.run("server", "--once", "--timeout", timeout, *arguments)

    def report(self):
        done = self.run("report")
        assert done.status == OK, done
        return done.objects


def machine_purse(system, dealer, path):
    """A purse of type machine, owned by the dealer's account."""
    password = path.with_suffix(".password")
    letter = dealer.path.with_name(dealer.path.name + ".letter").read_text()
    password.write_text(letter.split("password ")[1].split()[0] + "\n" if "password " in letter else "")
    password.chmod(0o600)
    done = system.registrar("machine", "--owner", dealer.account, "--uim", path, "--password-file", password)
    assert done.status == OK, (done, letter)
    return Uim(system, path, done.json)


@pytest.fixture(scope="module")
def people(shared, tmp_path_factory):
    dealer, buyer = shared.open(), shared.open(fund=4000)
    buyer.must("withdraw", 3000, "--yes")
    return dealer, buyer


@pytest.fixture
def world(shared, people, tmp_path):
    """A server, a running machine of the dealer, and a buyer with value."""
    dealer, buyer = people
    buyer.station("sync")
    machine = Machine(tmp_path / "corner", machine_purse(shared, dealer, tmp_path / "corner.purse"), dealer.account, DRINKS)
    (tmp_path / "server").mkdir(mode=0o700)
    server = Server(shared, tmp_path / "server", [machine])
    machine.start("--collect", "tcp:127.0.0.1:0")
    yield server, machine, buyer
    machine.stop()


def settled(system, machine):
    return int(system.bank("purse", machine.uim.purse).objects[0]["value"])


# shows: R-VEND-5 R-NODE-9
def test_collect_and_settle(shared, world):
    server, machine, buyer = world
    for slot in (1, 2, 1):
        assert buy(buyer, machine, slot).status == OK
    done = server.once()
    assert done.status == OK and done.json == {"machine": "corner", "end": "ok"}, done
    row = server.report()[0]
    assert (row["sales"], row["sold"], row["missing"], row["not_settled"], row["behind"]) == (3, "390", 0, 0, 0), row
    assert server.once().status == OK
    assert len(server.report()) == 1
    assert server.run("report", "--machine", "corner").objects == server.report()
    unknown = server.run("report", "--machine", "nobody")
    assert (unknown.error, unknown.objects[:-1]) == ("not-found", []), unknown
    assert buy(buyer, machine, 1).status == OK
    assert server.once().status == OK
    assert server.report()[0]["sales"] == 4
    buyer.must("sync")
    shared.check_audit()


@pytest.mark.parametrize("point", ["records", "report", "answer", "taken"])
def test_a_server_killed_at_any_point(shared, world, point):
    server, machine, buyer = world
    before = buyer.value()
    for slot in (1, 2):
        assert buy(buyer, machine, slot).status == OK
    done = server.once("--stop-after", point)
    assert done.status == STOPPED, done
    assert buy(buyer, machine, 1).status == OK
    for _ in range(2):
        done = server.once()
        assert done.status == OK, done
    row = server.report()[0]
    assert (row["sales"], row["sold"], row["not_settled"], row["missing"]) == (3, "390", 0, 0), row
    assert buyer.value() == before - 390
    buyer.must("sync")
    shared.check_audit()


# shows: R-VEND-5
def test_a_request_played_back(world, tmp_path):
    """Who heard a request may say it a few times, and is then not listened to: the machine has others to serve."""
    server, machine, buyer = world
    place, heard = machine.collecting, []

    def change(side, _, message):
        if side == "payer":
            heard.append(message)
        return message

    middle = Middle(tmp_path, place, change)
    machine.collecting = middle.place
    assert server.once().status == OK
    middle.close()
    talker, answers = Talker.call(place), 0
    with pytest.raises((EOFError, OSError)):
        for _ in range(20):
            talker.send(heard[0])
            talker.receive()
            answers += 1
    assert 1 <= answers <= 3
    assert buy(buyer, machine, 1).status == OK
    machine.collecting = place
    assert server.once().status == OK


def test_two_servers_at_one_machine(shared, world, tmp_path):
    """A copy of the server, with the same key and its own folder: the same work twice, and nothing counted twice."""
    server, machine, buyer = world
    assert buy(buyer, machine, 1).status == OK
    server.list()
    other = tmp_path / "copy"
    subprocess.run(["cp", "-a", server.dir, other], check=True)
    assert server.once("--stop-after", "answer").status == STOPPED
    assert server.run("server", "--once", dir=other).status == OK
    assert server.once().status == OK
    assert buy(buyer, machine, 2).status == OK
    both = [subprocess.Popen([program("kinchaku-vendor"), "server", "--once", "--dir", str(path)], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True) for path in (server.dir, other)]
    for process in both:
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode in (OK, REFUSED, AGAIN), (out, err)
    assert server.once().status == OK and server.run("server", "--once", dir=other).status == OK
    for path in (server.dir, other):
        row = server.run("report", dir=path).json
        assert (row["sales"], row["sold"], row["not_settled"]) == (2, "270", 0), row
    buyer.must("sync")
    shared.check_audit()


def test_a_second_server_in_one_folder(world):
    server, _, _ = world
    server.list()
    first = subprocess.Popen([program("kinchaku-vendor"), "server", "--dir", str(server.dir)], stdout=subprocess.PIPE, text=True)
    assert first.stdout.readline()
    done = server.run("server", "--once")
    assert (done.status, done.error) == (AGAIN, "in-use"), done
    first.terminate()
    assert first.wait(PATIENCE) == OK


def test_machine_away_and_bank_away(shared, world):
    server, machine, buyer = world
    assert buy(buyer, machine, 1).status == OK
    shared.kill("bank")
    done = server.once(timeout=2000)
    assert (done.status, done.json["error"]) == (AGAIN, "not-reachable"), done
    row, *notes = server.report()
    assert row["sales"] == 1 and row["not_settled"] > 0 and row["last_round"] == "not-reachable", row
    assert [(note["note"], note["reason"]) for note in notes] == [("bank", "not-reachable")], notes
    assert buy(buyer, machine, 1).status == OK
    shared.up()
    assert server.once().status == OK
    assert server.report()[0]["not_settled"] == 0
    server.list()
    machine.stop()
    done = server.run("server", "--once", "--timeout", 1000)
    assert (done.status, done.json["error"]) == (AGAIN, "not-reachable"), done
    assert [note["note"] for note in server.report()[1:]] == ["bank", "machine"]
    buyer.must("sync")
    shared.check_audit()


# shows: R-VEND-2 R-VEND-6
def test_a_server_of_another_dealer(shared, world, tmp_path):
    """Its key is not pinned: it gets nothing, the machine writes it down, and the right server tells of it."""
    server, machine, buyer = world
    assert buy(buyer, machine, 1).status == OK
    (tmp_path / "thief").mkdir(mode=0o700)
    thief = Server(shared, tmp_path / "thief", [])
    thief.machines = [machine]
    for _ in range(2):
        done = thief.once()
        assert (done.status, done.json["error"]) == (REFUSED, "bad-signature"), done
    assert not (thief.dir / "corner" / "journal").exists()
    assert server.once().status == OK
    row, *notes = server.report()
    assert row["improper"] == 2 and {note["note"] for note in notes} == {"improper"}, (row, notes)
    assert all(note["reason"] == "bad-signature" for note in notes)


def test_a_machine_that_is_another_than_listed(shared, world, people, tmp_path):
    server, machine, _ = world
    machine.uim.purse, kept = people[1].purse, machine.uim.purse
    done = server.once()
    assert (done.status, done.json["error"]) == (REFUSED, "mismatch"), done
    machine.uim.purse = kept
    assert server.once().status == OK


def test_full_and_collected(shared, people, tmp_path):
    """A machine whose journal is full sells nothing and says so; a round makes room."""
    dealer, buyer = people
    buyer.station("sync")
    machine = Machine(tmp_path / "small", machine_purse(shared, dealer, tmp_path / "small.purse"), dealer.account,
                      [("gum", 2, 500)], journal_most=64)
    (tmp_path / "server").mkdir(mode=0o700)
    server = Server(shared, tmp_path / "server", [machine])
    machine.start("--collect", f"unix:{os.path.relpath(tmp_path / 'c.sock')}")
    try:
        for count in range(60):
            done = buy(buyer, machine, 1)
            if done.status != OK:
                break
            if count % 10 == 9:
                buyer.must("sync")
        assert (done.status, done.error) == (REFUSED, "history-full") and 20 < count < 40, (count, done)
        assert server.once().status == OK
        buyer.must("sync")
        assert buy(buyer, machine, 1).status == OK
        assert server.once().status == OK
        row = server.report()[0]
        assert (row["sales"], row["missing"], row["not_settled"]) == (count + 1, 0, 0), row
    finally:
        machine.stop()
    shared.check_audit()
