"""Does a machine that goes wrong under the servers - disk, clock, files, owners, keys - cost service only, and say what is wrong?"""
import os
import resource
import shutil
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path
from contextlib import contextmanager

import pytest

from kinchaku import AGAIN, BUILD, FAULT, OK, REFUSED, System, Uim, program, run

UNLIMITED = resource.RLIM_INFINITY


def serve(system, node, prefix=(), **more):
    """Starts a server by hand in the hope that it refuses; what it says."""
    return subprocess.run([*prefix, program(f"kinchaku-{node}"), "serve", "--dir", str(system.dir)], capture_output=True, text=True,
                          timeout=30, check=False, **more)


def refuses(system, node, error, status=FAULT, **more):
    done = serve(system, node, **more)
    assert done.returncode == status and error in done.stderr, (node, done)
    return done


def settle(uim):
    """Until the bank has learnt how an order ended; it asks again by itself."""
    for _ in range(300):
        if uim.station("sync").json.get("state") == "ready":
            return
        time.sleep(0.05)
    raise AssertionError(uim.station("show"))


# ---- the database ----

@pytest.mark.parametrize("node", ["bank", "authority", "sandbank"])
def test_a_database_that_is_gone_is_not_made_anew(alone, node):
    """An empty ledger would forget every account: the server says so and waits for the copy."""
    alone.up()
    uim = alone.open(fund=100)
    alone.down()
    path = alone.dir / node / f"{node}.db"
    kept = path.read_bytes()
    path.unlink()
    refuses(alone, node, "file-missing")
    assert not path.exists()
    path.write_bytes(kept)
    path.chmod(0o600)
    alone.up()
    uim.must("withdraw", 10, "--yes")
    assert uim.both() == (90, 10)
    alone.check_audit()


# ---- the disk ----

class Full:
    """While it holds, no file of these processes may grow: a limit of sizes says what a full disk says."""

    def __init__(self, system, *nodes):
        self.pids = [system.pid(node) for node in nodes]

    def __enter__(self):
        for pid in self.pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, UNLIMITED))

    def __exit__(self, *_):
        for pid in self.pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))


def full_disk():
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, UNLIMITED))


# shows: R-CASH-8 R-NODE-1
def test_a_full_disk_at_each_server(alone, tmp_path):
    """Each refuses by name and goes on without a restart once there is room; nothing half-open, nothing lost."""
    alone.configure("bank", "times", outside_ms=1000)
    alone.up()
    uim = alone.open(fund=1000)
    uim.must("withdraw", 100, "--yes")
    with Full(alone, "bank"):
        for arguments in (("withdraw", 10, "--yes"), ("deposit", 10, "--yes"), ("fund", 10), ("redeem", 10)):
            done = uim.must(*arguments, status=FAULT)
            assert done.error == "disk-full", (arguments, done)
        failed = alone.apply(alone.ordinary_account(), tmp_path / "a.uim")
        assert (failed.status, failed.error) == (FAULT, "disk-full"), failed
        assert alone.http("bank", "GET", "/v1/health")[0] == 200
    uim.must("sync")
    assert uim.both() == (900, 100) and uim.state() == "ready"
    with Full(alone, "sandbank"):
        uim.must("fund", 10, status=AGAIN)
        assert uim.both() == (900, 100)
    settle(uim)
    assert uim.both() == (910, 100)
    with Full(alone, "authority"):
        failed = alone.apply(alone.ordinary_account(), tmp_path / "b.uim")
        assert (failed.status, failed.error) == (FAULT, "disk-full"), failed
    with Full(alone, "slapd"):
        failed = alone.apply(alone.ordinary_account(), tmp_path / "c.uim")
        assert failed.status in (OK, AGAIN), failed
        opened = failed.status == OK
    assert not list(tmp_path.glob("[ab].uim*")) and bool(list(tmp_path.glob("c.uim*"))) == opened
    left = {row["holder"] for row in alone.authority("list").objects if not row["revoked"] and row["holder"] > 9}
    assert len(left) == 1 + opened, left
    alone.open(fund=1).must("withdraw", 1, "--yes")
    alone.check_audit()


# shows: R-CASH-8
def test_a_full_disk_at_registrar_and_station(shared, tmp_path):
    command = [program("kinchaku-registrar"), "--json", "open", "--dir", str(shared.dir), "--name", "N", "--address", "A", "--phone",
               "1", "--bank-account", shared.ordinary_account(), "--uim", str(tmp_path / "a.uim")]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=full_disk, check=False)
    assert done.returncode == FAULT and '"disk-full"' in done.stdout, done
    assert list(tmp_path.iterdir()) == []
    uim = shared.open(fund=100)
    uim.must("withdraw", 50, "--yes")
    for arguments in (["withdraw", "10", "--yes"], ["deposit", "10", "--yes"], ["fund", "5"], ["sync"]):
        done = subprocess.run([program("kinchaku-station"), "--json", "--uim", str(uim.path), *arguments], capture_output=True,
                              text=True, preexec_fn=full_disk, check=False)
        assert done.returncode == FAULT and '"disk-full"' in done.stdout, (arguments, done)
        assert uim.both() == (50, 50)
    uim.must("sync")
    uim.must("withdraw", 10, "--yes")
    assert uim.both() == (40, 60)


# ---- databases ----

DATABASES = {"bank": "bank.db", "authority": "authority.db", "sandbank": "sandbank.db"}


def test_databases_that_cannot_be_used(alone):
    """Newer than the program, damaged, of another kind, read-only, a folder: each by its name, and none is changed."""
    alone.up()
    alone.open(fund=100)
    alone.down()
    for node, name in DATABASES.items():
        path = alone.dir / node / name
        good = path.read_bytes()

        def damage(data, path=path, node=node):
            path.write_bytes(data)
            refuses(alone, node, "store-corrupt")
            assert path.read_bytes()[:len(data)] == data

        damage(b"not a database at all " * 300)
        damage(good[:64] + b"\xff" * 4096 + good[4160:])
        path.write_bytes(good)
        database = sqlite3.connect(path)
        database.execute("PRAGMA user_version = 99")
        database.close()
        newer = path.read_bytes()
        refuses(alone, node, "store-version")
        assert path.read_bytes() == newer
        path.write_bytes(good)
        path.chmod(0o400)
        weak = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
        refuses(alone, node, "store-failed", prefix=weak)
        path.chmod(0o600)
        path.unlink()
        path.mkdir()
        done = serve(alone, node)
        assert done.returncode == FAULT and ("file-missing" in done.stderr or "store-" in done.stderr), done
        path.rmdir()
        path.write_bytes(good)
    done = alone.bank("audit")
    assert done.status == OK
    alone.up()
    alone.check_audit()


# ---- files and folders of others ----

def test_folders_that_others_may_change(alone, tmp_path):
    for node in DATABASES:
        for folder in (alone.dir / node, alone.dir):
            for mode in (0o777, 0o770, 0o1777, 0o702):
                folder.chmod(mode)
                refuses(alone, node, "key-permissions")
            folder.chmod(0o700)
    alone.dir.chmod(0o777)
    done = alone.kinchaku("up")
    assert (done.status, done.error) == (FAULT, "key-permissions"), done
    alone.dir.chmod(0o700)
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o777)
    theirs.chmod(0o777)
    done = run("kinchaku", "--json", "up", "--dir", theirs)
    assert (done.status, done.error) == (FAULT, "key-permissions") and list(theirs.iterdir()) == [], done


SECRETS = [("bank", "sign.key"), ("authority", "issuing.key"), ("sandbank", "access.token"), ("authority", "directory.secret")]


@pytest.mark.parametrize("node, key", SECRETS)
def test_what_stands_in_a_secret_s_place(alone, tmp_path, node, key):
    """A pipe never makes the server wait, a link leads only to files as closed as the secret, another's file is not believed."""
    path = alone.dir / node / key
    good = path.read_bytes()
    path.unlink()
    os.mkfifo(path, 0o600)
    refuses(alone, node, "key-permissions")
    path.unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(good)
    elsewhere.chmod(0o644)
    path.symlink_to(elsewhere)
    refuses(alone, node, "key-permissions")
    path.unlink()
    path.mkdir(0o700)
    refuses(alone, node, "key-permissions")
    path.rmdir()
    path.symlink_to(tmp_path / "nothing")
    refuses(alone, node, "file-missing")
    path.unlink()
    path.write_bytes(good)
    path.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
        refuses(alone, node, "key-permissions")
        os.chown(path, 0, 0)
    if not key.endswith(".key"):
        for text in (b"", b"\n", b"two\nlines\n", b"a b\n", b"\xff\n", b"x" * 4000):
            path.write_bytes(text)
            done = serve(alone, node)
            assert done.returncode in (REFUSED, FAULT) and ("config-invalid" in done.stderr or "too-large" in done.stderr), done


def test_what_stands_in_a_uim_s_place(shared, tmp_path):
    uim = shared.open(fund=10)
    path = tmp_path / "u.uim"

    def show(status, *errors):
        done = run("kinchaku-station", "--json", "--uim", path, "show", timeout=20)
        assert done.status == status and (not errors or done.error in errors), done

    show(FAULT, "file-missing")
    path.mkdir()
    show(FAULT, "io-failed", "purse-corrupt", "key-permissions")
    path.rmdir()
    os.mkfifo(path, 0o600)
    show(FAULT, "purse-corrupt")
    path.unlink()
    shutil.copy(uim.path, path)
    for mode in (0o644, 0o660, 0o602):
        path.chmod(mode)
        show(FAULT, "key-permissions")
    path.unlink()
    path.symlink_to(uim.path)
    show(OK)
    letter = uim.path.with_name(uim.path.name + ".letter")
    letter.chmod(0o644)
    uim.fails("key-permissions", "withdraw", 1, "--yes", status=FAULT)
    letter.unlink()
    os.mkfifo(letter, 0o600)
    uim.fails("key-permissions", "withdraw", 1, "--yes", status=FAULT)


# ---- configurations that do not belong together ----

def test_a_configuration_with_wrong_values(alone):
    for node, section, values in (
            ("bank", "bank", {"url": "", "currency": "jpy", "id": "0", "decimals": "9", "port": "70000", "address": "nowhere"}),
            ("bank", "directory", {"url": ""}), ("bank", "ordinary-bank", {"url": ""}),
            ("bank", "limits", {"items": "0", "work_threads": "33", "people": "-1"}), ("bank", "times", {"quote_ms": "1e9"}),
            ("authority", "authority", {"currency": "", "bank": "4294967296", "address": "::1"}),
            ("authority", "directory", {"url": ""}), ("sandbank", "sandbank", {"currency": "JP", "faults": "maybe"})):
        path = alone.dir / node / f"{node}.ini"
        good = path.read_text()
        for key, value in values.items():
            alone.configure(node, section, **{key: value})
            refuses(alone, node, "config-invalid")
            path.write_text(good)
    path = alone.dir / "bank" / "bank.ini"
    good = path.read_text()
    for name in ("purse_most", "payment_most", "spend_most"):
        alone.configure("bank", "offline", **{name: "20.5"})
        assert f"[offline] {name} is no amount" in refuses(alone, "bank", "config-invalid").stderr
        path.write_text(good)
    # `up` ends as the server did that it started: what no other command reads, and what only the start can show.
    for section, keys in {"revocation": {"mode": "sometimes"}, "offline": {"purse_most": "20.5"}}.items():
        alone.configure("bank", section, **keys)
        done = alone.kinchaku("up", "--faults")
        assert (done.status, done.error) == (FAULT, "config-invalid"), done
        path.write_text(good)
    path = alone.dir / "registrar" / "registrar.ini"
    good = path.read_text()
    for bad in (good.replace("JPY", "jpy"), good + "\nx = y\n"):
        path.write_text(bad)
        done = alone.registrar("identify", "--account", "10000008", "--password-file", "/none")
        assert (done.status, done.error) == (FAULT, "config-invalid"), (bad, done)
    path.write_text(good)
    for name in ("sign.key", "encrypt.key"):
        key = alone.dir / "registrar" / name
        kept = key.read_bytes()
        key.write_bytes((alone.dir / "bank" / "sign.key").read_bytes())
        done = alone.registrar("identify", "--account", "10000008", "--password-file", "/none")
        assert (done.status, done.error) == (FAULT, "config-invalid"), done
        key.write_bytes(kept)


@contextmanager
def by_hand(system, node, **changed):
    """A server started without `up`, which would mend its files: with these of them replaced, as name_ending=content."""
    system.kill(node)
    kept = {}
    for name, content in changed.items():
        path = system.dir / node / ".".join(name.rsplit("_", 1)).replace("_", "-")
        kept[path] = path.read_bytes()
        path.write_bytes(content)
    server = subprocess.Popen([program(f"kinchaku-{node}"), "serve", "--dir", str(system.dir)], stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(400):
            try:
                if system.http(node, "GET", "/v1/health")[0] == 200:
                    break
            except OSError:
                assert server.poll() is None, server.communicate()
                time.sleep(0.05)
        said = []
        yield said
    finally:
        server.terminate()
        said.append(server.communicate()[1])
        for path, content in kept.items():
            path.write_bytes(content)


# shows: R-SEC-2 R-SEC-3
def test_keys_and_tokens_of_another_system(alone, tmp_path):
    """Well-formed, but not ours: every use is refused by a name, nothing moves, and the log does not tell the secret."""
    other = System(tmp_path / "other")
    other.base.mkdir()
    other.init()
    alone.configure("bank", "times", outside_ms=1000)
    alone.up()
    uim = alone.open(fund=100)
    with by_hand(alone, "bank", root_crt=(other.dir / "bank" / "root.crt").read_bytes()):
        done = uim.must("withdraw", 10, "--yes", status=REFUSED)
        assert done.error in ("certificate-invalid", "bad-signature"), done
    token = "another-token-than-before"
    with by_hand(alone, "bank", ordinary_bank_token=token.encode()) as said:
        failed = alone.apply(alone.ordinary_account(), tmp_path / "x.uim")
        assert (failed.status, failed.error) == (AGAIN, "ordinary-bank-unavailable"), failed
        assert uim.must("fund", 10, status=AGAIN).error == "in-doubt"
        uim.must("withdraw", 10, "--yes")
    assert token not in said[0] + alone.log("sandbank") and "not-allowed" in alone.log("sandbank")
    alone.up()
    with by_hand(alone, "authority", directory_secret=b"not-the-directory-s-secret") as said:
        failed = alone.apply(alone.ordinary_account(), tmp_path / "x.uim")
        assert failed.status in (REFUSED, AGAIN) and failed.error in ("not-allowed", "directory-unavailable"), failed
    assert "not-the-directory" not in said[0] and "not-allowed" in said[0], said
    alone.up()
    root = alone.dir / "registrar" / "root.crt"
    good = root.read_bytes()
    root.write_bytes((other.dir / "registrar" / "root.crt").read_bytes())
    failed = alone.apply(alone.ordinary_account(), tmp_path / "x.uim")
    assert failed.status == REFUSED and failed.error in ("certificate-invalid", "bad-signature"), failed
    root.write_bytes(good)
    assert not list(tmp_path.glob("x.uim*"))
    settle(uim)
    assert uim.both() == (100, 10)
    alone.check_audit()


# ---- the clock ----

@pytest.fixture
def clocked(alone, tmp_path):
    """A system whose servers look at a clock that a test moves."""
    shown = tmp_path / "clock"
    shown.write_text("0\n")
    # The loader takes a blank or a colon in LD_PRELOAD for the end of a path.
    plain = Path(tempfile.mkdtemp(prefix="kc-clock-", dir="/tmp")) / "clock.so"
    shutil.copy(BUILD / "tests/system/clock.so", plain)
    environment = {"LD_PRELOAD": str(plain), "KINCHAKU_TEST_CLOCK": str(shown),
                   "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def start():
        done = run("kinchaku", "up", "--faults", "--dir", alone.dir, env=environment, timeout=120)
        assert done.status == OK, done

    def show(ms):
        new = shown.with_suffix(".new")
        new.write_text(f"{ms}\n")
        new.rename(shown)

    start()
    yield alone, show, start
    shutil.rmtree(plain.parent)


# shows: R-CASH-2 R-CASH-8 R-DATA-9
def test_the_bank_s_clock_jumps(clocked, tmp_path):
    """Order rests on counters: a jump back loses nothing and lets nothing through twice; a jump far ahead refuses until it is back."""
    system, show, start = clocked
    uim = system.open(fund=1000)
    uim.must("withdraw", 100, "--yes")
    minute = 60_000
    for offset in (-2 * minute, -60 * minute, 2 * minute):
        show(offset)
        before = uim.both()
        uim.must("withdraw", 10, "--yes")
        uim.must("deposit", 3, "--yes")
        uim.must("fund", 5)
        assert uim.both() == (before[0] - 2, before[1] + 7)
        system.check_audit()
    show(-60 * minute)
    done = system.apply(system.ordinary_account(), tmp_path / "x.uim")
    assert (done.status, done.error) == (AGAIN, "expired") and not (tmp_path / "x.uim").exists(), done
    show(0)
    before = uim.both()
    show(200 * 24 * 60 * minute)
    done = uim.station("withdraw", 10, "--yes")
    assert done.status in (OK, REFUSED, AGAIN), done
    show(0)
    uim.must("sync")
    for node in ("bank", "authority", "sandbank"):
        system.kill(node)
    start()
    uim.must("withdraw", 1, "--yes")
    Uim(system, tmp_path / "y.uim", system.apply(system.ordinary_account(), tmp_path / "y.uim").json).must("sync")
    assert sum(uim.both()) == sum(before)
    system.check_audit()
