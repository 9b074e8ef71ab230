"""A vendor server with many simulated machines (bench/machines.c): lines collected and records settled a second, and its memory.

Two rounds: one over machines whose journals are long and whose purses hold nothing, which is collecting alone, and one over machines
that sold as much as their purses hold, which is mostly settling. The first is repeated with the server's folder in memory, where
making a line durable costs nothing."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

MACHINES = int(os.environ.get("BENCH_MACHINES", "8"))
RECORDS = int(os.environ.get("BENCH_RECORDS", "12000"))
# A purse keeps 48 entries, and a machine sells only while three are free.
SALES = 40
SETTLERS = min(MACHINES, 50)
# Collecting once more into memory: up to so many records.
AGAIN_MOST = 100000


class Machines:
    """The process of the machines, while it answers."""

    def __init__(self, build, folder, lines, sales, pairs):
        self.folder, self.count = folder, len(pairs)
        names = [name for pair in pairs for name in pair]
        self.command = [str(build / "bench/bench-machines"), "--lines", str(lines), "--sales", str(sales), "--dir", str(folder),
                        *map(str, names)]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.list = ""
        for line in self.process.stdout:
            self.list += line
            if line.startswith("end "):
                return self
        raise SystemExit("bench-machines ended")

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        shutil.rmtree(self.folder)


def peak_kib(pid):
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


class Vendor:
    def __init__(self, place, build, folder):
        self.place, self.build, self.dir = place, build, folder
        self.program = str(build / "src/vendor/kinchaku-vendor")
        bank = place.system.dir / "bank" / "sign.pub"
        subprocess.run([self.program, "init", "--dir", str(folder), "--bank-key", str(bank)], check=True, capture_output=True)
        (folder / "server.ini").write_text(f"[bank]\nurl = http://127.0.0.1:{place.system.port('bank')}\nid = 1\ncurrency = JPY\n"
                                           "decimals = 0\n[server]\nevery_ms = 60000\n")

    def make_folders(self, folder, count):
        for number in range(1, count + 1):
            inside = folder / f"m{number}"
            inside.mkdir(parents=True, mode=0o700, exist_ok=True)
            shutil.copy(self.dir / "sign.pub", inside / "server.pub")

    def once(self, machines):
        """One round; how long it took, its processor time, and the peak of its memory after a tenth of the machines and at the end."""
        (self.dir / "machines").write_text(machines.list)
        tenth, first, last, good, bad = max(1, machines.count // 10), 0, 0, 0, []
        with tempfile.TemporaryFile("w+") as log:
            start = time.monotonic()
            process = subprocess.Popen([self.program, "--json", "server", "--once", "--dir", str(self.dir)], stdout=subprocess.PIPE,
                                       stderr=log, text=True)
            for number, line in enumerate(process.stdout, 1):
                if json.loads(line).get("end") == "ok":
                    good += 1
                else:
                    bad.append(line)
                last = max(last, peak_kib(process.pid))
                first = last if number == tenth else first
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.monotonic() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            if status != 0 or bad or good != machines.count:
                log.seek(0)
                raise SystemExit(f"the server ended with {process.returncode}; {good} of {machines.count} machines were well; the others:\n"
                                 + "".join(bad) + "its log:\n" + log.read())
        return seconds, used.ru_utime + used.ru_stime, first, last


def lines_of(folder):
    return sum(path.read_bytes().count(b"\n") for path in Path(folder).glob("m*/journal"))


def open_purses(place, count):
    """Buyers with value, and the machines' purses."""
    buyers = [place.uims / f"buyer-{number}.uim" for number in range(SETTLERS)]
    machines = [place.uims / f"machine-{number}.uim" for number in range(count)]
    rows = [f"Person,Street,03,{place.system.ordinary_account(10**9)},{path},es256" for path in buyers + machines]
    csv = place.uims / "people.csv"
    csv.write_text("\n".join(rows))
    done = place.system.registrar("bulk", "--file", csv, timeout=3000)
    assert done.status == 0, done
    for buyer in buyers:
        place.station(buyer, "fund", "1000")
        place.station(buyer, "withdraw", "1000", "--yes")
    return buyers, machines


def round_of(figure, name, place, build, pairs, lines, sales, memory, where):
    """The machines' folders lie in memory, the server's in `where`."""
    with tempfile.TemporaryDirectory(dir=memory) as base, tempfile.TemporaryDirectory(dir=where) as disk:
        Path(disk).chmod(0o700)
        vendor = Vendor(place, build, Path(disk) / "server")
        folder = Path(base) / "machines"
        vendor.make_folders(folder, len(pairs))
        with Machines(build, folder, lines, sales, pairs) as machines:
            found = vendor.once(machines)
            count = lines_of(vendor.dir)
            assert count == lines * len(pairs), (count, lines)
            if sales == 0 and count <= AGAIN_MOST:
                quick = Vendor(place, build, Path(base) / "server")
                vendor.make_folders(folder, 0)
                for path in ("sign.key", "sign.pub"):
                    shutil.copy(vendor.dir / path, quick.dir / path)
                seconds, cpu, _, _ = quick.once(machines)
                figure(f"{name}.in-memory", count / seconds, "1/s")
                figure(f"{name}.in-memory.server-cores", cpu / seconds, "cores")
    return count, found


def measure_vendor(figure, tool, place, build):
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    lines = max(2, RECORDS // MACHINES)
    start = time.monotonic()
    buyers, machines = open_purses(place, MACHINES)
    figure("vendor.machines", MACHINES, "machines")
    figure("vendor.opening", time.monotonic() - start, "s")
    silent = [(buyers[0], machine) for machine in machines]
    count, (seconds, cpu, first, last) = round_of(figure, "vendor.collect", place, build, silent, lines, 0, memory, place.folder)
    figure("vendor.collect.records", count, "records")
    figure("vendor.collect", count / seconds, "1/s")
    figure("vendor.collect.seconds", seconds, "s")
    figure("vendor.collect.server-cores", cpu / seconds, "cores")
    figure("vendor.collect.cpu", cpu * 1e6 / count, "us")
    figure("vendor.memory.at-10-percent", first / 1024, "MiB")
    figure("vendor.memory.at-100-percent", last / 1024, "MiB", "vendor.memory.at-10-percent", first / 1024)
    buyers = buyers[:256]
    bare = tool("bench-settle", "--rounds", 1, "--bank", place.system.pid("bank"), *buyers)["all"]["per_second"]
    alone = tool("bench-settle", "--rounds", 1, "--bank", place.system.pid("bank"), "--hot", *buyers)["alone"]["per_second"]
    figure("vendor.settle.bare", bare, "1/s")
    figure("vendor.settle.bare.one-purse", alone, "1/s")
    pairs = list(zip(buyers, machines))
    for name, part, where in (("vendor.settle", pairs[::2], place.folder), ("vendor.settle.in-memory", pairs[1::2], memory)):
        _, (seconds, cpu, _, _) = round_of(figure, name, place, build, part, 1 + 2 * SALES, SALES, memory, where)
        figure(f"{name}.records", SALES * len(part), "records")
        figure(name, SALES * len(part) / seconds, "1/s", "vendor.settle.bare", bare)
        figure(f"{name}.server-cores", cpu / seconds, "cores")
    place.system.check_audit()
