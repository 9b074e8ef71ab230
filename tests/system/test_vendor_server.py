"""Does the server gather what machines sold and settle it once, whatever stops in between?"""
import json
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

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
        self.configure(every_ms=200)
        self.machines = machines
        for machine in machines:
            self.pin_to(machine)

    def configure(self, **values):
        lines = [f"{key} = {value}" for key, value in values.items()]
        (self.dir / "server.ini").write_text(f"[bank]\nurl = http://127.0.0.1:{self.system.port('bank')}\nid = 1\n"
                                             "currency = JPY\ndecimals = 0\n[server]\n" + "\n".join(lines) + "\n")

    def pin_to(self, machine):
        (machine.dir / "server.pub").write_bytes((self.dir / "sign.pub").read_bytes())

    def list(self, *others):
        lines = [f"{machine.dir.name} {machine.collecting} {machine.uim.purse}" for machine in self.machines]
        lines += others
        (self.dir / "machines").write_text("\n".join(lines + [f"end {len(lines)}"]) + "\n")

    def run(self, verb, *arguments, dir=None):
        command = [program("kinchaku-vendor"), "--json", verb, "--dir", str(dir or self.dir), *map(str, arguments)]
        return Done(subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False))

    def once(self, *arguments, timeout=5000):
        self.list()
        return self.run("server", "--once", "--timeout", timeout, *arguments)

    def start(self, *arguments):
        return subprocess.Popen([program("kinchaku-vendor"), "--json", "server", "--dir", str(self.dir), *map(str, arguments)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

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
    dealer, buyer = shared.open(), shared.open(fund=4800)
    buyer.must("withdraw", 4600, "--yes")
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


# ---- several workers ----


class Silent:
    """A place that takes callers and says nothing."""

    def __init__(self, path):
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen(16)
        self.place = f"unix:{path}"

    def close(self):
        self.server.close()


class Long:
    """bench-machines: one machine with so many lines, in the purse of a UIM. In memory, where making a line durable costs nothing."""

    def __init__(self, buyer, uim, lines, server):
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.TemporaryDirectory(dir=memory)
        folder = self.folder.name
        inside = Path(folder) / "m1"
        inside.mkdir()
        (inside / "server.pub").write_bytes((server.dir / "sign.pub").read_bytes())
        self.process = subprocess.Popen([str(Path(os.environ["KINCHAKU_BUILD"]) / "bench/bench-machines"), "--lines", str(lines), "--sales", "0",
                                         "--dir", str(folder), str(buyer.path), str(uim.path)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.row = self.process.stdout.readline().strip()
        assert self.process.stdout.readline() == "end 1\n", self.row

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0
        self.folder.cleanup()


# shows: R-VEND-5 R-NODE-9
def test_one_that_hangs_and_one_away_hold_up_nobody(world, people, tmp_path):
    """While one caller waits for a machine that says nothing, the others are collected again and again."""
    server, machine, buyer = world
    silent = Silent(tmp_path / "silent")
    others = [f"hanging {silent.place} {people[0].purse}", f"away unix:{tmp_path / 'nobody'} {people[1].purse}"]
    server.configure(every_ms=100, workers=2)
    server.list(*others)
    process = server.start("--timeout", 4000)
    ends = []
    try:
        assert buy(buyer, machine, 1).status == OK
        while not ends or ends[-1]["machine"] != "hanging":
            ends.append(json.loads(process.stdout.readline()))
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == OK
    assert ends[-1]["end"] == "timeout", ends[-1]
    well = [end for end in ends if end == {"machine": "corner", "end": "ok"}]
    away = [end for end in ends if end == {"machine": "away", "end": "not-reachable"}]
    assert len(well) >= 5 and len(away) >= 5 and len(well) + len(away) == len(ends) - 1, ends
    assert (server.report()[0]["sales"], server.report()[0]["not_settled"]) == (1, 0)
    done = server.run("server", "--once", "--timeout", 500)
    assert (done.status, done.objects[-1]["error"]) == (AGAIN, "timeout"), done
    assert {end["machine"]: end["end"] for end in done.objects[:-1]} == {
        "corner": "ok", "hanging": "timeout", "away": "not-reachable"}, done
    silent.close()


def lines_at(server, name):
    return (server.dir / name / "journal").read_bytes().count(b"\n")


def test_a_machine_whose_lines_do_not_end(shared, world, people):
    """It has its time and no more, the others are served meanwhile; the next rounds go on where it ended; a signal ends it at once."""
    server, machine, buyer = world
    count = 30000
    long = Long(people[1], shared.open(), count, server)
    try:
        assert buy(buyer, machine, 1).status == OK
        server.configure(every_ms=200, workers=2, contact_ms=400)
        server.list(long.row)
        done = server.run("server", "--once")
        assert done.status == OK and {end["machine"]: end["end"] for end in done.objects} == {"corner": "ok", "m1": "ok"}, done
        first = lines_at(server, "m1")
        rows = {row["machine"]: row for row in server.report() if "sales" in row}
        assert 0 < first < count and rows["m1"]["behind"] == count - first, (first, rows)
        assert (rows["corner"]["sales"], rows["corner"]["not_settled"]) == (1, 0), rows
        server.configure(every_ms=200, workers=2)
        process = server.start()
        while lines_at(server, "m1") == first:
            time.sleep(0.01)
        process.terminate()
        begin = time.monotonic()
        out, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == OK and time.monotonic() - begin < 2, time.monotonic() - begin
        assert {"machine": "m1", "end": "not-completed"} in [json.loads(line) for line in out.splitlines()], out
        second = lines_at(server, "m1")
        assert first < second < count, (first, second)
        process = server.start()
        while lines_at(server, "m1") < second + 600:
            time.sleep(0.01)
        process.kill()
        process.communicate(timeout=PATIENCE)
        done = server.run("server", "--once")
        assert done.status == OK, done
        rows = {row["machine"]: row for row in server.report() if "sales" in row}
        assert (rows["m1"]["sales"], rows["m1"]["behind"], rows["m1"]["missing"]) == (count - 1, 0, 0), rows
    finally:
        long.close()
    shared.check_audit()


@pytest.fixture
def corners(shared, people, tmp_path):
    """A server with three workers and three machines, and a buyer with value."""
    dealer, buyer = people[0], shared.open(fund=200)
    buyer.must("withdraw", 150, "--yes")
    (tmp_path / "server").mkdir(mode=0o700)
    machines = [Machine(tmp_path / name, machine_purse(shared, dealer, tmp_path / f"{name}.purse"), dealer.account, [("gum", 2, 500)])
                for name in ("east", "north", "west")]
    server = Server(shared, tmp_path / "server", machines)
    server.configure(every_ms=100, workers=3)
    for machine in machines:
        machine.start("--collect", "tcp:127.0.0.1:0")
    yield server, machines, buyer
    for machine in machines:
        machine.stop()


def check_corners(system, server, machines, buyer, sales):
    for _ in range(2):
        done = server.once()
        assert done.status == OK and len(done.objects) == 3, done
    for row in server.report():
        assert (row["sales"], row["sold"], row["not_settled"], row["missing"]) == (sales, str(2 * sales), 0, 0), row
    assert buyer.value() == 150 - 2 * sales * len(machines)
    buyer.must("sync")
    system.check_audit()


@pytest.mark.parametrize("point", ["records", "report", "answer", "taken"])
def test_several_workers_killed_at_any_point(shared, corners, point):
    server, machines, buyer = corners
    for machine in machines + machines:
        assert buy(buyer, machine, 1).status == OK
    for _ in range(2):
        assert server.once("--stop-after", point).status in (STOPPED, OK)
        for machine in machines:
            assert buy(buyer, machine, 1).status == OK
    check_corners(shared, server, machines, buyer, 4)


def test_several_workers_killed_at_any_time(shared, corners):
    server, machines, buyer = corners
    for count in range(8):
        for machine in machines:
            assert buy(buyer, machine, 1).status == OK
        server.list()
        process = server.start()
        time.sleep(0.01 + 0.012 * count)
        process.kill()
        process.communicate(timeout=PATIENCE)
    check_corners(shared, server, machines, buyer, 8)
