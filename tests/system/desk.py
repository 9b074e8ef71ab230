"""Virtual card readers: pcscd with the driver vpcd, in namespaces of its own, and cards that kinchaku-card puts into them.

The driver listens on every address there is, so it runs where loopback is all the network there is; nobody outside reaches it.
Needs no privilege where a user may make namespaces. What is started here ends with the test run, whatever ends it.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from kinchaku import program, run

DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
PCSCD = shutil.which("pcscd") or "/usr/sbin/pcscd"
SLOWER = int(os.environ.get("KINCHAKU_SLOWER", "1"))
# A driver knows two slots only, whatever it is told; a copy of its file is a driver of its own. pcscd has room for 16 readers.
COPIES, SLOTS, FIRST_PORT = 4, 2, 36000
NAMESPACES = ["--user", "--map-root-user"] if os.getuid() != 0 else []
END_WITH_US = ["setpriv", "--pdeathsig", "KILL"]


class Card:
    """A purse's file in a reader's slot."""

    def __init__(self, desk, path, slot, *arguments):
        self.path, self.reader = Path(path), f"Desk {slot // SLOTS} 00 {slot % SLOTS:02}"
        desk.await_(lambda: desk.is_empty(self.reader), "the card before is still there")
        self.slot, self.since = slot, len(desk.log())
        command = [*desk.inside, program("kinchaku-card"), "--json", "--uim", str(path), "--vpcd",
                   f"127.0.0.1:{FIRST_PORT + slot}", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.first = self.process.stdout.readline()
        assert "inserted" in self.first, (self.first, self.process.communicate())

    def pull(self, how=signal.SIGKILL):
        """Out of the reader, whatever it was doing."""
        self.process.send_signal(how)
        return self.end()

    def end(self):
        self.process.communicate(timeout=60 * SLOWER)
        return self.process.returncode

    def await_seen(self, desk):
        """Until the reader knows of it, without a command to it."""
        desk.await_(lambda: f"inserted into {self.reader}" in desk.log()[self.since:], "the card is not seen")


class Desk:
    @staticmethod
    def possible():
        return subprocess.run(["unshare", *NAMESPACES, "--net", "--mount", "true"], capture_output=True,
                              check=False).returncode == 0

    def __init__(self, folder):
        self.folder, self.cards, self.turn = Path(folder), {}, 0
        self.run, self.conf = self.folder / "run", self.folder / "conf"
        self.env = {"PCSCLITE_CSOCK_NAME": os.path.relpath(self.run / "pcscd.comm")}
        self.run.mkdir()
        self.conf.mkdir()
        for copy in range(COPIES):
            shutil.copy(DRIVER, self.run / f"driver{copy}.so")
            port = f"0x{FIRST_PORT + copy * SLOTS:x}"
            with open(self.conf / "readers", "a", encoding="utf-8") as readers:
                readers.write(f'FRIENDLYNAME "Desk {copy}"\nDEVICENAME /dev/null:{port}\nLIBPATH /run/pcscd/driver{copy}.so\n'
                              f"CHANNELID {port}\n")
        # It only keeps the namespaces, so that pcscd can be started again where its cards are.
        self.keeper = subprocess.Popen(
            ["unshare", *NAMESPACES, "--net", "--mount", *END_WITH_US, sys.executable,
             str(Path(__file__).parent / "inside.py"), str(self.run), "sh", "-c", "echo ready; exec sleep infinity"],
            stdout=subprocess.PIPE, text=True)
        assert self.keeper.stdout.readline() == "ready\n"
        user = ["-U", "--preserve-credentials"] if NAMESPACES else []
        self.inside = ["nsenter", *user, "-n", "-m", f"-w{os.getcwd()}", "-t", str(self.keeper.pid), *END_WITH_US]
        self.start()

    def start(self):
        with open(self.folder / "log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([*self.inside, PCSCD, "--foreground", "--info", "--config", str(self.conf)],
                                            stdout=log, stderr=log)
        self.await_(lambda: self.look().error != "not-reachable", "pcscd does not come up")

    def log(self):
        return (self.folder / "log").read_text()

    def is_empty(self, reader):
        """As pcscd, whichever runs now, said last: it takes a card that is changed too fast for one and the same."""
        log = self.log().rpartition("daemon ready")[2]
        return log.rfind(f"Card Removed From {reader}") >= log.rfind(f"inserted into {reader}")

    def await_(self, is_so, words, seconds=20):
        end = time.monotonic() + seconds * SLOWER
        while not is_so():
            assert time.monotonic() < end and self.process.poll() is None, (words, self.log()[-3000:])
            time.sleep(0.02)

    def look(self, reader="Desk 0 00 00"):
        return run("kinchaku-station", "--json", "--uim", f"pcsc:{reader}", "show", env=self.env)

    def stop(self):
        """pcscd goes, its cards stay and wait for it."""
        self.process.terminate()
        self.process.wait()

    def close(self):
        self.eject_all()
        self.stop()
        self.keeper.kill()
        self.keeper.communicate()

    def eject(self, path):
        card = self.cards.pop(str(path), None)
        if card:
            card.pull(signal.SIGTERM)

    def eject_all(self):
        for path in list(self.cards):
            self.eject(path)

    def free_slot(self):
        """The slot whose card was used longest ago: the reader has noticed by now that an earlier one went."""
        for _ in range(COPIES * SLOTS):
            self.turn = (self.turn + 1) % (COPIES * SLOTS)
            if all(card.slot != self.turn for card in self.cards.values()):
                return self.turn
        oldest = next(iter(self.cards))
        slot = self.cards[oldest].slot
        self.eject(oldest)
        return slot

    def insert(self, path, *arguments):
        """The card with that file; it is put into a reader, and the reader knows of it, when it was in none."""
        card = self.cards.pop(str(path), None)
        if card is None or card.process.poll() is not None:
            card = Card(self, path, self.free_slot(), *arguments)
            self.cards[str(path)] = card
            card.await_seen(self)
        self.cards[str(path)] = card
        return card

    def insert_blank(self, path):
        made = run("kinchaku-card", "--json", "--new", path)
        assert made.status == 0 and json.loads(made.out)["blank"] == str(path), made
        return self.insert(path)
