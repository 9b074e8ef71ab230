"""Is anything that was acknowledged lost, or anything created, when a process is killed between any two steps?

Every command that moves something is traced once to learn its steps. Then, for each step and each process that lives at
that moment, the process is killed with SIGKILL right there, started again, and the next contact must leave both sides
where the books say.
"""
import subprocess

import pytest

from kinchaku import AGAIN, OK, Stepper, Uim, program

SERVERS = ["bank", "authority", "sandbank", "slapd"]
MOVES = {
    "withdraw": (["withdraw", "100", "--yes"], ["bank", "slapd", "station"]),
    "deposit": (["deposit", "100", "--yes"], ["bank", "slapd", "station"]),
    "decline": (["withdraw", "100", "--no"], ["bank", "station"]),
    "fund": (["fund", "100"], ["bank", "sandbank", "station"]),
    "redeem": (["redeem", "100"], ["bank", "sandbank", "station"]),
    "sync": (["sync"], ["bank", "station"]),
    "transfer": (["transfer", "100", "--yes"], ["bank", "slapd", "station"]),
    "transfer from the account": (["transfer", "100", "--yes", "--from", "account"], ["bank", "station"]),
}


class Killer:
    """Runs one traced command; at step `at` kills `victim`, and starts it again when it is a server."""

    def __init__(self, system, folder, at, victim):
        self.system, self.at, self.victim = system, at, victim
        self.process = None
        self.stepper = Stepper(folder, self.at_step)

    def at_step(self, number, _):
        if number != self.at:
            return
        if self.victim in ("station", "registrar"):
            self.process.kill()
            self.process.wait()
        else:
            self.system.kill(self.victim)
            self.system.up()

    def run(self, name, *arguments):
        self.process = subprocess.Popen([program(name), *map(str, arguments), "--trace", self.stepper.place],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.said = self.process.communicate(timeout=90)
        self.stepper.close()
        return self.process.returncode


def steps_of(system, folder, *command):
    killer = Killer(system, folder, -1, None)
    killer.run(*command)
    return len(killer.stepper.steps)


def totals(uim, system):
    """What the user owns, wherever it is."""
    return uim.balance() + uim.value() + system.ordinary_balance(uim.ordinary)


# shows: R-CASH-6 R-CASH-8 R-CASH-9 R-CASH-11 R-DATA-2
@pytest.mark.parametrize("move", MOVES)
def test_killed_at_every_step(alone, tmp_path, move):
    arguments, victims = MOVES[move]
    alone.configure("bank", "times", outside_ms=1000)
    alone.up()
    uim = alone.open(balance=100_000, fund=20_000)
    uim.must("withdraw", 5_000, "--yes")
    command = ["kinchaku-station", "--uim", uim.path, *arguments]
    receiver = alone.open() if arguments[0] == "transfer" else None
    command += ["--to", receiver.account] if receiver else []
    count = steps_of(alone, tmp_path, *command)
    assert count >= 4
    owned = totals(uim, alone) + (receiver.balance() if receiver else 0)
    for at in range(count):
        for victim in victims:
            before = uim.both()
            killer = Killer(alone, tmp_path, at, victim)
            status = killer.run(*command)
            assert len(killer.stepper.steps) > at, (at, victim, killer.said)
            assert uim.value() <= before[1] + 100
            done = uim.must("sync")
            assert done.json["result"] != "in-doubt"
            where = (move, at, victim, status, done, alone.logs()["bank.log"])
            assert uim.state() == "ready" and uim.value() == uim.shadow(), where
            assert totals(uim, alone) + (receiver.balance() if receiver else 0) == owned, where
            if status == OK and (receiver or move in ("withdraw", "deposit", "fund", "redeem")):
                assert uim.both() != before, where
            uim.must("withdraw", 1, "--yes")
            alone.check_audit()


# shows: R-OPEN-5 R-OPEN-6
@pytest.mark.parametrize("victim", ["registrar", "bank", "authority", "slapd", "sandbank"])
def test_opening_killed_at_every_step(alone, tmp_path, victim):
    alone.configure("bank", "times", temporary_ms=5000, outside_ms=3000)
    alone.up()
    form = ["open", "--dir", alone.dir, "--name", "A", "--address", "B", "--phone", "1", "--bank-account"]
    count = steps_of(alone, tmp_path, "kinchaku-registrar", *form, alone.ordinary_account(), "--uim", tmp_path / "first.uim")
    assert count == 9
    for at in range(count):
        ordinary, path = alone.ordinary_account(), tmp_path / f"{victim}-{at}.uim"
        killer = Killer(alone, tmp_path, at, victim)
        status = killer.run("kinchaku-registrar", *form, ordinary, "--uim", path)
        if status != OK:
            assert not path.exists() or victim == "registrar", (at, status)
            path.unlink(missing_ok=True)
            path.with_name(path.name + ".letter").unlink(missing_ok=True)
            for stray in tmp_path.glob(f"{path.name}.new-*"):
                stray.unlink()
            again = alone.apply(ordinary, path)
            assert again.status == OK, (at, again)
            opened = again.json
        else:
            opened = [row for row in alone.bank("account", newest(alone)).objects][0]
            opened["purse"] = [row["purse"] for row in alone.bank("account", opened["account"]).objects if "purse" in row][0]
        uim = Uim(alone, path, opened)
        uim.must("fund", 10)
        uim.must("withdraw", 10, "--yes")
        assert uim.both() == (0, 10)
    alone.check_audit()


def newest(system):
    """The highest account number that has certificates."""
    return max(row["holder"] for row in system.authority("list").objects)


def test_an_acknowledged_payment_survives_any_restart(alone):
    alone.up()
    uim = alone.open(fund=1000)
    expected = 0
    for _ in range(8):
        uim.must("withdraw", 10, "--yes")
        expected += 10
        for node in SERVERS:
            alone.kill(node)
        alone.up()
        assert uim.both() == (1000 - expected, expected) and uim.shadow() == expected
    alone.check_audit()


def test_down_for_good_says_so(alone):
    alone.up()
    uim = alone.open(fund=100)
    alone.kill("bank")
    done = uim.must("withdraw", 10, "--yes", status=AGAIN)
    assert done.error == "not-reachable" and uim.value() == 0
    alone.up()
    uim.must("withdraw", 10, "--yes")
    assert uim.both() == (90, 10)
