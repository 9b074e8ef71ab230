"""A machine and its buyers as processes."""
import json
import os
import subprocess
import threading
import time
from pathlib import Path

from kinchaku import Done, program, run
from meeting import PATIENCE


class Machine:
    """A machine in a folder, with its purse; `start` serves, `stop` ends, `lines` is its journal."""

    def __init__(self, base, uim, dealer, items, **keys):
        self.dir = Path(base)
        self.dir.mkdir(mode=0o700, exist_ok=True)
        self.uim, self.process, self.collecting = uim, None, None
        self.env = uim.system.desk.env if uim.system.desk else {}
        self.pin = self.dir / "pin"
        letter = Path(str(uim.path) + ".letter")
        if letter.exists():
            self.pin.write_text(letter.read_text().split("PIN ")[1].split()[0] + "\n")
            self.pin.chmod(0o600)
        self.write_ini(dealer, items, **keys)

    def write_ini(self, dealer, items, **keys):
        values = {"name": "Drinks at the corner", "dealer": dealer, "purse": self.uim.path, "talk_ms": 4000, **keys}
        lines = ["[machine]"] + [f"{key} = {value}" for key, value in values.items()]
        for at, (name, price, count, *state) in enumerate(items, 1):
            lines += [f"[slot-{at}]", f"name = {name}", f"price = {price}", f"count = {count}"]
            lines += [f"state = {state[0]}"] if state else []
        (self.dir / "machine.ini").write_text("\n".join(lines + ["[end]", f"slots = {len(items)}"]) + "\n")

    def command(self, verb, *arguments):
        pin = ["--pin-file", str(self.pin)] if self.pin.exists() else []
        return [program("kinchaku-vendor"), "--json", verb, *map(str, arguments), "--dir", str(self.dir), *pin]

    def run(self, verb, *arguments, text=None):
        return Done(subprocess.run(self.command(verb, *arguments), capture_output=True, text=True, timeout=PATIENCE,
                                   input=text, env={**os.environ, **self.env}, check=False))

    def start(self, *arguments, link="tcp:127.0.0.1:0", prefix=()):
        self.process = subprocess.Popen([*prefix, *self.command("machine", "--link", link, *arguments)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, **self.env})
        self.objects = []
        first = self.process.stdout.readline()
        assert first, self.process.communicate()
        self.place = json.loads(first)["waiting"]
        if "--collect" in arguments:
            second = self.process.stdout.readline()
            assert second, self.process.communicate()
            self.collecting = json.loads(second)["collecting"]
        threading.Thread(target=self.read, args=(self.process,), daemon=True).start()
        return self

    def read(self, process):
        for line in process.stdout:
            if line.startswith("{"):
                self.objects.append(json.loads(line))

    def type(self, line):
        """What the cashier types; the answer."""
        seen = len(self.objects)
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        self.wait(lambda: any("typed" in row for row in self.objects[seen:]))
        return self.objects[seen:]

    def wait(self, condition):
        until = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < until and self.process.poll() is None, self.process.stderr.read()
            time.sleep(0.01)

    def stop(self, sig=15):
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, sig)
            self.process.wait(PATIENCE)
        process, self.process = self.process, None
        return process.stderr.read() if process else ""

    def lines(self):
        done = self.run("journal")
        assert done.status == 0, done
        return done.objects

    def kinds(self):
        return [row["kind"] for row in self.lines()]

    def value(self):
        return int(self.uim.station("show").json["uim_amount"])


def buy(uim, machine, slot=1, *more, **options):
    return uim.station("buy", slot, "--link", machine.place, *(more or ["--yes"]), timeout=PATIENCE, **options)
