#!/usr/bin/python3
"""run.py BUILD: measures a whole system and the purse core. Prints one JSON object a figure, as tools/run-bench wants them.

Speeds are set beside something that ran in the same run on the same cores: withdrawals beside the bare cryptographic operations
of both sides of a withdrawal, since load generator and bank share the machine; settled records beside the verifications of the
signatures in the same reports, which purses made before the clock ran; renewals beside the bare operations of purse, bank and
authority, and beside bare writes to the same directory.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(sys.argv[1]).resolve()
sys.path.insert(0, str(ROOT / "tests/system"))
os.environ["KINCHAKU_BUILD"] = str(BUILD)
import vendor  # noqa: E402
from kinchaku import System  # noqa: E402

PURSES = int(os.environ.get("BENCH_PURSES", "48"))
# Every purse sends one report at a time, so that many are needed for the bank to have something to do until the end.
SETTLERS = {"es256": 4 * PURSES, "rs2048": PURSES}
# Fewer with the longest keys: making them takes seconds.
LONG_KEYS = 4 + max(1, PURSES // 4)
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "6"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "6"))
FLEET = int(os.environ.get("BENCH_FLEET", "10000"))
FLEET_DAYS = int(os.environ.get("BENCH_FLEET_DAYS", "3"))
WRITES = int(os.environ.get("BENCH_WRITES", "300"))
SIZES = [int(size) for size in os.environ.get("BENCH_ACCOUNTS", "10000,100000").split(",")]


def figure(name, value, unit, beside=None, of=None):
    ratio = None if of is None else value / of
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, "ratio": ratio and round(ratio, 4),
                      "beside": beside}), flush=True)


def tool(name, *arguments):
    done = subprocess.run([str(BUILD / "bench" / name), *map(str, arguments)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout) if done.stdout else None


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Place:
    """A system on the disk of the build folder; the UIMs where writing costs nothing."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.uims = Path(tempfile.mkdtemp(prefix="kinchaku-bench-", dir=memory))
        self.system = System(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.system.down()
        shutil.rmtree(self.folder)
        shutil.rmtree(self.uims)

    def open_uims(self, suite, count):
        rows, paths = [], []
        for number in range(count):
            paths.append(self.uims / f"{suite}-{number}.uim")
            rows.append(f"Person {number},Street,03,{self.system.ordinary_account(10**9)},{paths[-1]},{suite}")
        csv = self.uims / "people.csv"
        csv.write_text("\n".join(rows))
        done = self.system.registrar("bulk", "--file", csv, timeout=900)
        assert done.status == 0, done
        for path in paths:
            self.station(path, "fund", "1000000")
        return paths

    def station(self, path, *arguments):
        done = subprocess.run([str(BUILD / "src/station/kinchaku-station"), "--uim", str(path), *arguments],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done


def database_bytes(system):
    return sum(path.stat().st_size for path in (system.dir / "bank").glob("bank.db*"))


def checkpointed_bytes(system):
    path = system.dir / "bank" / "bank.db"
    subprocess.run(["sqlite3", str(path), "PRAGMA wal_checkpoint(TRUNCATE)"], capture_output=True, check=True)
    return path.stat().st_size


def measure_suite(place, suite, paths):
    system, name = place.system, {"es256": "withdraw.es256", "rs2048": "withdraw.rs2048"}[suite]
    tool("bench-load", "--seconds", 1, *paths)
    before, start = cpu_seconds(system.pid("bank")), time.monotonic()
    full = tool("bench-load", "--seconds", SECONDS, *paths)
    share = (cpu_seconds(system.pid("bank")) - before) / (time.monotonic() - start)
    bare = tool("bench-bare", "--seconds", max(2, SECONDS // 2), suite)
    assert full["failed"] == 0 and full["done"] > 0, full
    figure(f"{name}.bare", bare["per_second"], "1/s")
    figure(name, full["per_second"], "1/s", f"{name}.bare", bare["per_second"])
    figure(f"{name}.bank-cores", share, "cores", "all cores", os.cpu_count())
    figure(f"{name}.p50.full-load", full["p50_us"] / 1000, "ms")
    figure(f"{name}.p99.full-load", full["p99_us"] / 1000, "ms")
    one = tool("bench-load", "--seconds", max(2, SECONDS // 2), paths[0])
    figure(f"{name}.p50.one-purse", one["p50_us"] / 1000, "ms")
    figure(f"{name}.p99.one-purse", one["p99_us"] / 1000, "ms")
    half_load(name, full["per_second"], paths)
    return full["done"]


def measure_token():
    """A key in SoftHSM beside one of bytes. What a real module does is its maker's figure; this is what the way to it costs."""
    with tempfile.TemporaryDirectory(prefix="kt") as folder:
        tokens, pin, conf = (Path(folder) / name for name in ("tokens", "pin", "conf"))
        tokens.mkdir()
        conf.write_text(f"directories.tokendir = {tokens}\nlog.level = ERROR\n")
        pin.touch(0o600)
        pin.write_text("473829")
        os.environ["SOFTHSM2_CONF"] = str(conf)
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "bench", "--pin", "473829", "--so-pin", "87654321"],
                       check=True, capture_output=True)
        uri = f"pkcs11:token=bench?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:{pin}"
        for suite in ("es256", "rs2048"):
            done = subprocess.run([BUILD / "bench" / "bench-token", "--seconds", str(max(2, SECONDS // 2)), suite, uri],
                                  check=True, capture_output=True, text=True)
            for found in map(json.loads, done.stdout.splitlines()):
                name = f"token.{found['what']}.{suite}"
                figure(f"{name}.libcrypto", found["libcrypto"], "1/s")
                figure(name, found["token"], "1/s", f"{name}.libcrypto", found["libcrypto"])


def directory_writes(system):
    """The certificates of one account put in place of themselves, again and again: what the directory takes, one after another."""
    secret = (system.dir / "authority/directory.secret").read_text().strip()
    address = ["-x", "-H", f"ldap://127.0.0.1:{system.port('slapd')}"]
    found = subprocess.run(["ldapsearch", *address, "-LLL", "-o", "ldif-wrap=no", "-b", "ou=accounts,o=kinchaku", "-z", "1",
                            "(userCertificate;binary=*)", "userCertificate;binary"], capture_output=True, text=True, check=False)
    lines = found.stdout.split("\n\n")[0].splitlines()
    assert lines and lines[0].startswith("dn: "), found
    change = "\n".join([lines[0], "changetype: modify", "replace: userCertificate;binary", *lines[1:], "-", "", ""])
    start = time.monotonic()
    subprocess.run(["ldapmodify", *address, "-D", "cn=authority,o=kinchaku", "-w", secret], input=change * WRITES, text=True,
                   capture_output=True, check=True)
    return WRITES / (time.monotonic() - start)


def revoked_count(system):
    found = subprocess.run(["sqlite3", "-readonly", str(system.dir / "authority" / "authority.db"),
                            "SELECT count(*) FROM certificates WHERE revoked IS NOT NULL AND revoked > 0"],
                           capture_output=True, text=True, check=True)
    return int(found.stdout)


def measure_renewal(place, suite, paths):
    """Every purse once, so many at a time. The old certificates are revoked behind it, at the bank's own pace."""
    name, system = f"renew.{suite}", place.system
    wanted = revoked_count(system) + 2 * len(paths)
    tool("bench-load", "--renew", *paths[:4])
    paths_left, done, seconds, times = paths[4:], 0, 0.0, []
    begun = time.monotonic()
    for at in range(0, len(paths_left), PURSES):
        part = tool("bench-load", "--renew", *paths_left[at:at + PURSES])
        assert part["failed"] == 0 and part["done"] == len(paths_left[at:at + PURSES]), part
        done, seconds = done + part["done"], seconds + part["done"] / part["per_second"]
        times.append(part["p50_us"] / 1000)
    for _ in range(3000):
        if revoked_count(system) >= wanted:
            break
        time.sleep(0.1)
    ended = time.monotonic() - begun
    assert revoked_count(system) == wanted, "old certificates are still good"
    bare = tool("bench-bare", "--renew", "--seconds", max(2, SECONDS // 2), suite)
    writes = directory_writes(system)
    figure(f"{name}.bare", bare["per_second"], "1/s")
    figure(f"{name}.directory-writes", writes, "1/s")
    figure(name, done / seconds, "1/s", f"{name}.bare", bare["per_second"])
    figure(f"{name}.beside-directory", done / seconds, "1/s", f"{name}.directory-writes", writes)
    figure(f"{name}.p50.full-load", sorted(times)[len(times) // 2], "ms")
    figure(f"{name}.revoked", done / ended, "1/s", name, done / seconds)


def measure_fleet():
    """In one process; the database where writing costs nothing, because what is asked is whether a payment fails."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="kinchaku-fleet-", dir=memory) as folder:
        found = tool("bench-fleet", "--purses", FLEET, "--days", FLEET_DAYS, Path(folder) / "fleet.db")
    for name in ("purses", "days", "renewals", "lost_answers", "revoked", "payments", "old_key", "unconfirmed", "late_reports",
                 "requests", "failures", "audit_faults"):
        figure(f"fleet.{name.replace('_', '-')}", found[name], name.replace("_", " "))
    figure("fleet.open", found["open_seconds"], "s")
    figure("fleet.wall", found["days_seconds"], "s")
    assert found["failures"] == 0 and found["audit_faults"] == 0, found


def half_load(name, per_second, paths):
    """Every purse begins a withdrawal at fixed times, so that together they ask for half of what was reached."""
    every_us = int(2e6 * len(paths) / per_second)
    half = tool("bench-load", "--seconds", SECONDS, "--every-us", every_us, *paths)
    figure(f"{name}.half-load", half["per_second"], "1/s", name, per_second)
    figure(f"{name}.p50.half-load", half["p50_us"] / 1000, "ms")
    figure(f"{name}.p99.half-load", half["p99_us"] / 1000, "ms")


def settle_figures(name, part):
    """What the timed parts of one kind came to."""
    records = part["records"]
    cpu = (part["bank_cpu"] + part["load_cpu"]) * 1e6 / records
    bare = part["bare_cpu"] * 1e6 / records
    figure(f"{name}.bare", part["bare_per_second"], "1/s")
    figure(name, part["per_second"], "1/s", f"{name}.bare", part["bare_per_second"])
    figure(f"{name}.cpu.bare", bare, "us")
    figure(f"{name}.cpu", cpu, "us", f"{name}.cpu.bare", bare)
    figure(f"{name}.records-per-report", records / part["reports"], "records")
    figure(f"{name}.signatures-per-record", part["checks"] / records, "signatures")


def measure_settle(place, suite, paths):
    for path in paths:
        place.station(path, "withdraw", "1000", "--yes")
    bank = place.system.pid("bank")
    name = {"es256": "settle.es256", "rs2048": "settle.rs2048"}[suite]
    settle_figures(name, tool("bench-settle", "--rounds", ROUNDS, "--bank", bank, *paths)["all"])
    if suite == "es256":
        hot = tool("bench-settle", "--rounds", ROUNDS, "--bank", bank, "--hot", *paths)
        settle_figures(f"{name}.hot", hot["all"])
        figure(f"{name}.hot.merchant-alone", hot["alone"]["per_second"], "1/s")


def measure_speed():
    with Place() as place:
        place.system.up()
        for suite in ("es256", "rs2048"):
            paths = place.open_uims(suite, SETTLERS[suite])
            measure_suite(place, suite, paths[:PURSES])
            measure_settle(place, suite, paths)
            measure_renewal(place, suite, paths)
        measure_renewal(place, "rs3072", place.open_uims("rs3072", LONG_KEYS))
        system = place.system
        paths = sorted(place.uims.glob("es256-*.uim"))[:PURSES]
        size = checkpointed_bytes(system)
        done = tool("bench-load", "--seconds", SECONDS, *paths)["done"]
        figure("disk.bytes-per-transaction", (checkpointed_bytes(system) - size) / done, "bytes")
        system.check_audit()


def measure_vendors():
    with Place() as place:
        place.system.up()
        vendor.measure_vendor(figure, tool, place, BUILD)


def measure_size():
    for accounts in SIZES:
        with Place() as place:
            system = place.system
            system.init()
            path = system.dir / "bank" / "bank.db"
            tool("bench-fill", path, 1)
            empty = checkpointed_bytes(system)
            tool("bench-fill", path, accounts)
            figure(f"disk.bytes-per-account.{accounts}", (checkpointed_bytes(system) - empty) / accounts, "bytes")
            system.up()
            figure(f"memory.bank.{accounts}.started", rss_kib(system.pid("bank")) / 1024, "MiB")
            paths = place.open_uims("es256", 8)
            tool("bench-load", "--seconds", 3, *paths)
            figure(f"memory.bank.{accounts}.working", rss_kib(system.pid("bank")) / 1024, "MiB")


# ---- one payment from purse to purse ----

# Bits a second, and bits on the line for a byte: a serial line sends a start and a stop bit with each.
LINKS = {"106k": (106_000, 8), "212k": (212_000, 8), "424k": (424_000, 8), "115200-baud": (115_200, 10)}


def contact_figures(prefix, contact, found, links):
    """`contact` is first or later: whether the purses have met before. Times without a word are those of later ones."""
    messages, compute_ms, word = found["messages"], 0, ".first" if contact == "first" else ""
    figure(f"{prefix}.bytes.{contact}", max(messages), "bytes")
    figure(f"{prefix}.bytes.{contact}.total", sum(messages), "bytes")
    figure(f"{prefix}.bytes.{contact}.on-the-line", found["line"], "bytes")
    for side in ("payer", "payee"):
        name, total, bare = f"{prefix}.compute.{side}{word}", found[side]["total_us"], found[side]["bare_us"]
        compute_ms += total / 1000
        figure(f"{name}.bare", bare, "us")
        figure(name, total, "us", f"{name}.bare", bare)
    for link, (bits, bits_per_byte) in links.items():
        link_ms = found["line"] * bits_per_byte * 1000 / bits
        figure(f"{prefix}.link.{link}{word}", link_ms, "ms")
        figure(f"{prefix}.link.{link}{word}.with-compute", link_ms + compute_ms, "ms")


def measure_exchange():
    for suite, prefix, links in (("es256", "exchange", LINKS), ("rs2048", "exchange.rs2048", {})):
        found = tool("bench-exchange", "--pairs", 20, suite)
        figure(f"{prefix}.messages", len(found["later"]["messages"]), "messages")
        for contact in ("first", "later"):
            contact_figures(prefix, contact, found[contact], links)


# ---- the hotlist ----

def measure_hotlist():
    """1 in 1,000 of 1,000,000 purses is listed; a day's delta is that of three more, as when they become so many in a year."""
    found = tool("bench-hotlist", "--purses", 1_000_000, "--listed", 1000, "--day", 3)
    for name, key, unit in (("listed", "listed", "purses"), ("bytes.numbers", "numbers", "bytes"),
                            ("bytes.numbers.older", "older_numbers", "bytes"), ("bytes.base", "base", "bytes"),
                            ("bytes.delta.day", "delta", "bytes"), ("bytes.delta.largest", "largest_delta", "bytes"),
                            ("limit.base", "limit", "purses"), ("limit.delta", "limit_in_delta", "purses")):
        figure(f"hotlist.{name}", found[key], unit)
    figure("hotlist.verify.bare", found["verify_us"], "us")
    for name, key in (("look-up", "look_up_us"), ("look-up.listed", "look_up_listed_us"),
                      ("look-up.in-delta", "look_up_in_delta_us"), ("take.base", "take_base_us"), ("take.delta", "take_delta_us")):
        figure(f"hotlist.{name}", found[key], "us", "hotlist.verify.bare", found["verify_us"])


# ---- a sale by a machine ----

SALE_BITS = {"106k": 106_000, "424k": 424_000}


def sale_times(name, byte_count, compute_us):
    for link, bits in SALE_BITS.items():
        figure(f"{name}.{link}", byte_count * 8 * 1000 / bits, "ms")
        figure(f"{name}.{link}.with-compute", byte_count * 8 * 1000 / bits + compute_us / 1000, "ms")


def sale_compute(name, found):
    for side in ("buyer", "machine"):
        figure(f"{name}.compute.{side}.bare", found[side]["bare_us"], "us")
        figure(f"{name}.compute.{side}", found[side]["us"], "us", f"{name}.compute.{side}.bare", found[side]["bare_us"])
        figure(f"{name}.signatures.{side}", found[side]["signs"] + found[side]["verifies"], "signatures")


def sale_over_link(kind, contact, found):
    """`both`: the station's purse lies in a reader of the same speed, and what goes to it and to the machine adds up."""
    name = f"sale.link.{kind}.{contact}"
    release_us = found["buyer"]["us"] + found["machine"]["us"]
    all_us = found["buyer_all"]["us"] + found["machine_all"]["us"]
    messages = found["messages"][:found["paid"]]
    figure(f"{name}.messages", len(messages), "messages")
    figure(f"{name}.messages.all", len(found["messages"]), "messages")
    figure(f"{name}.bytes", sum(messages), "bytes")
    figure(f"{name}.bytes.on-the-line", found["line"], "bytes")
    figure(f"{name}.bytes.on-the-line.all", found["line_all"], "bytes")
    sale_compute(name, found)
    sale_times(name, found["line"], release_us)
    sale_times(f"{name}.all", found["line_all"], all_us)
    both = f"sale.both.{kind}.{contact}"
    figure(f"{both}.bytes", found["line"] + found["buyer"]["bytes"], "bytes")
    sale_times(both, found["line"] + found["buyer"]["bytes"], release_us)
    sale_times(f"{both}.all", found["line_all"] + found["buyer_all"]["bytes"], all_us)


def sale_in_reader(way, kind, contact, found):
    name = f"sale.reader.{way}.{kind}.{contact}"
    figure(f"{name}.commands", found["buyer"]["commands"], "commands")
    figure(f"{name}.bytes", found["buyer"]["bytes"], "bytes")
    sale_compute(name, found)
    sale_times(name, found["buyer"]["bytes"], found["buyer"]["us"] + found["machine"]["us"])


def measure_sale():
    for way in ("link", "extended", "chained"):
        for kind in ("uim", "card", "bearer"):
            found = tool("bench-sale", "--rounds", 20, way, kind)
            for contact in ("first", "later"):
                if way == "link":
                    sale_over_link(kind, contact, found[contact])
                else:
                    sale_in_reader(way, kind, contact, found[contact])


def measure_simulator():
    """One process; schedules differ, so a figure of this program is only to be compared with itself."""
    seconds = str(SECONDS)
    done = subprocess.run([str(BUILD / "tests/model/sim-whole"), "--bench", "--seconds", seconds], capture_output=True,
                          text=True, check=True)
    found = json.loads(done.stdout)
    figure("simulate.schedules", found["value"], "1/s")
    figure("simulate.steps", found["steps_per_second"], "1/s")


# ---- the purse core ----

CORE = ["src/purse/*.c", "src/message/shape.c", "src/message/key.c", "src/message/sign.c", "src/message/seal.c",
        "src/message/envelope.c", "src/message/generated/messages.c", "src/base/amount.c", "src/base/bytes.c",
        "src/base/cursor.c", "src/base/ids.c", "src/base/result.c"]


def compile_core(folder):
    objects = []
    for pattern in CORE:
        for source in sorted(ROOT.glob(pattern)):
            objects.append(folder / (source.stem + "-" + source.parent.name + ".o"))
            subprocess.run(["cc", "-std=c17", "-Os", "-ffunction-sections", "-fdata-sections", "-fcallgraph-info=su",
                            "-I", str(ROOT / "src"), "-c", str(source), "-o", str(objects[-1])], cwd=folder, check=True)
    return objects


def sizes(objects):
    done = subprocess.run(["size", "-t", *map(str, objects)], capture_output=True, text=True, check=True)
    text, data, bss = done.stdout.splitlines()[-1].split()[:3]
    return int(text), int(data), int(bss)


def stack_depth(folder):
    """The deepest path through the call graph. Calls through the tables of the platform end it: what the platform's own functions
    need comes on top."""
    own, calls = {}, {}
    for path in folder.glob("*.ci"):
        text = path.read_text()
        for name, used in re.findall(r'node: \{ title: "([^"]+)" label: "[^"]*?(\d+) bytes \((?:static|dynamic,bounded)\)', text):
            own[name] = int(used)
        for source, target in re.findall(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', text):
            calls.setdefault(source, set()).add(target)
    known = {}

    def deepest(name, above=()):
        if name in above:
            raise SystemExit(f"recursion through {name}")
        if name not in known:
            below = [deepest(target, (*above, name)) for target in calls.get(name, ())]
            known[name] = own.get(name, 0) + max(below, default=0)
        return known[name]

    return max(deepest(name) for name in own if name.endswith("kc_purse_transmit") or "kc_purse_" in name)


def measure_core():
    with tempfile.TemporaryDirectory(dir=BUILD) as name:
        folder = Path(name)
        text, data, bss = sizes(compile_core(folder))
        figure("purse-core.text", text, "bytes")
        figure("purse-core.data", data + bss, "bytes")
        figure("purse-core.stack", stack_depth(folder), "bytes")
        probe = folder / "probe.c"
        probe.write_text('#include <stdio.h>\n#include "purse/purse.h"\n'
                         'int main(void) { printf("%zu\\n", sizeof(struct kc_purse)); return 0; }\n')
        subprocess.run(["cc", "-std=c17", "-I", str(ROOT / "src"), str(probe), "-o", str(folder / "probe")], check=True)
        ram = int(subprocess.run([str(folder / "probe")], capture_output=True, text=True, check=True).stdout)
        figure("purse-core.ram", ram, "bytes")


def main():
    measure_core()
    measure_exchange()
    measure_hotlist()
    measure_sale()
    measure_simulator()
    measure_token()
    measure_speed()
    measure_fleet()
    measure_vendors()
    measure_size()


if __name__ == "__main__":
    main()
