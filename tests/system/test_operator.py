"""Does a mistake, an accident or a stranger at the operator's machine end in a named error, with nothing half-done left behind?"""
import json
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from kinchaku import AGAIN, FAULT, OK, REFUSED, USAGE, Stepper, System, Uim, program, run

NODES = ("slapd", "sandbank", "authority", "bank")


# ---- command lines that make configurations ----

LONG = "9" * 5000


@pytest.mark.parametrize("name, good, wrong", [
    ("sandbank", {"port": "2000"}, {"port": ["0", "65536", "x", "-1", "1 ", LONG, "1\nfaults = yes"],
                                    "currency": ["jpy", "JP", "JPYX", "", "J\nP", LONG], "decimals": ["9", "-1", "x", LONG]}),
    ("authority", {"port": "2000", "directory-url": "ldap://x"}, {
        "port": ["0", "65536", "x", LONG], "bank": ["0", "-5", "4294967296", "x", LONG], "currency": ["jpy", "", LONG],
        "directory-url": ["", "ldap://" + "x" * 3000, "a b", "a\nb"]}),
    ("registrar", {"bank-url": "http://b", "authority-url": "http://a", "directory-url": "ldap://d"}, {
        "bank-url": ["", "http://" + "x" * 3000, "a b"], "authority-url": ["", "x" * 129], "directory-url": ["", "\x1b"],
        "bank": ["0", "x", LONG], "currency": ["jpy"], "decimals": ["9", "x"]}),
])
def test_configurations_are_made_of_checked_words(tmp_path, name, good, wrong):
    """Nothing beyond what was asked for reaches a file: no second key, and no bytes from beside a text that did not fit."""
    for option, values in wrong.items():
        for value in values:
            words = [word for key, text in {**good, option: value}.items() for word in (f"--{key}", text)]
            done = run(f"kinchaku-{name}", "init", "--dir", tmp_path, *words)
            assert done.status == USAGE and done.out == "", (option, value[:20], done)
            assert not (tmp_path / name / f"{name}.ini").exists()
    done = run(f"kinchaku-{name}", "init", "--dir", tmp_path, *[w for k, t in good.items() for w in (f"--{k}", t)])
    assert done.status == OK, done
    assert all(32 <= byte < 127 or byte == 10 for byte in (tmp_path / name / f"{name}.ini").read_bytes())


def test_words_of_kinchaku_itself(tmp_path):
    for option, values in {"bank": ["0", "x", "4294967296", LONG], "currency": ["jpy", "JPY1"], "decimals": ["9", "-1"],
                           "store": ["oracle", ""]}.items():
        for value in values:
            done = run("kinchaku", "init", "--dir", tmp_path / "s", f"--{option}", value)
            assert done.status == USAGE and not (tmp_path / "s").exists(), (option, value, done)
    for verb in ("status", "down"):
        done = run("kinchaku", "--json", verb, "--dir", tmp_path / "nothing")
        assert (done.status, done.error) == (FAULT, "file-missing"), done
    assert list(tmp_path.iterdir()) == []


# ---- applicants ----

# shows: R-OPEN-1
def test_bulk_reads_every_line_as_one_row_or_none(shared, tmp_path):
    account = shared.ordinary_account()

    def row(name, uim, more=""):
        return f"{name},S,1,{account},{tmp_path}/{uim}.uim{more}".encode()

    good = [b"\xef\xbb\xbf" + row("Bom", "bom"), row('"Quoted, ""Q"""', "quoted"), row("Crlf", "crlf") + b"\r",
            row("日本", "utf8"), row("ｱｲ", "kana"), row("*)(cn=*", "ldap"), row('"\\,;=+<>#"', "dn"),
            row("%s%n%1000d", "format"), row("'; DROP TABLE accounts; --", "sql"), row("Suite", "suite", ",rs3072")]
    bad = [row("N\x00UL", "nul"), row("C\x1b[2J", "escape"), row("R\rR", "return"), row('Q"Q', "inside"), row('"open', "open"),
           row('"a"b', "after"), b"\xff\xfe" + row("latin", "latin"), row("\x7f", "delete"), row("", "empty"),
           row("S", "seven", ",es256,more"), row("S", "suite2", ",none"), row("x" * 81, "long"), b"x" * 5000, b",,,,", b'"',
           row("C1\u0085", "c1")]
    lines = [line for pair in zip(bad, good + [b"# a comment"] * len(bad)) for line in pair]
    csv = tmp_path / "all.csv"
    csv.write_bytes(b"\xef\xbb\xbf\r\n\n" + b"\n".join(lines))
    done = shared.registrar("bulk", "--file", csv, timeout=120)
    assert done.status == REFUSED, done
    rows = [json.loads(line) for line in done.out.splitlines()]
    wanted = [line not in bad for line in lines if not line.startswith(b"#")]
    assert [row["result"] == "ok" for row in rows] == wanted, rows
    assert {row["result"] for row in rows} == {"ok", "malformed"}, rows
    assert sorted(path.stem for path in tmp_path.glob("*.uim")) == sorted(
        ["bom", "quoted", "crlf", "utf8", "kana", "ldap", "dn", "format", "sql", "suite"])
    assert not list(tmp_path.glob("*.lock")) and not list(tmp_path.glob("*.new*"))
    names = [shared.bank("account", row["account"]).objects[0]["name"] for row in rows if row["result"] == "ok"]
    assert names == ["Bom", 'Quoted, "Q"', "Crlf", "日本", "ｱｲ", "*)(cn=*", "\\,;=+<>#", "%s%n%1000d",
                     "'; DROP TABLE accounts; --", "Suite"]
    assert f"{len(good)} of {len(rows)} rows opened" in done.err


def test_bulk_files_that_are_none(shared, tmp_path):
    for path, error in ((tmp_path / "none", "file-missing"), (tmp_path, "io-failed")):
        done = shared.registrar("bulk", "--file", path)
        assert (done.status, done.error) == (FAULT, error), done
    (tmp_path / "empty").write_bytes(b"")
    done = shared.registrar("bulk", "--file", tmp_path / "empty")
    assert done.status == OK and "0 of 0" in done.err, done
    line = f"Pipe,S,1,{shared.ordinary_account()},{tmp_path}/pipe.uim\n"
    done = shared.registrar("bulk", "--file", "/dev/stdin", text=line)
    assert done.status == OK and "1 of 1" in done.err and (tmp_path / "pipe.uim").exists(), done


def test_forms_that_cannot_be_sent(shared, tmp_path):
    ordinary = shared.ordinary_account()
    form = {"name": "N", "address": "A", "phone": "1", "bank-account": ordinary, "uim": str(tmp_path / "x.uim")}
    for option, values in {"name": ["a\nb", b"\xff", "x" * 80 + "é"], "address": ["", b"\xc3"], "phone": ["\x1b[31m"],
                           "bank-account": ["../../x", "a?b"], "suite": ["rsa"]}.items():
        for value in values:
            words = [os.fsencode(word) for key, text in {**form, option: value}.items() for word in (f"--{key}", text)]
            done = shared.registrar("open", *[os.fsdecode(word) for word in words])
            assert done.status in (REFUSED, USAGE), (option, value, done)
            assert done.error in (None, "malformed", "no-bank-account"), (option, value, done)
            assert "\x1b" not in done.err + done.out
    assert list(tmp_path.iterdir()) == []
    assert "\x1b" not in shared.log("bank")
    for number in ("", "12345", "99999999999999999999"):
        done = shared.registrar("identify", "--account", number, "--password-file", tmp_path / "none")
        assert done.status in (USAGE, FAULT), (number, done)


# shows: R-OPEN-6
def test_two_registrars_on_one_uim(shared, tmp_path):
    """The second is turned away before it asks for anything; what somebody put there meanwhile is not written over."""
    path, inside = tmp_path / "a.uim", []

    def at_step(_, step):
        if step["step"] == "SZ3":
            inside.append(shared.apply(shared.ordinary_account(), path))

    stepper = Stepper(tmp_path, at_step)
    done = shared.apply(shared.ordinary_account(), path, "--trace", stepper.place)
    stepper.close()
    assert done.status == OK and [(d.status, d.error) for d in inside] == [(AGAIN, "in-use")], (done, inside)
    Uim(shared, path, done.json).must("sync")
    later = tmp_path / "b.uim"

    def put(_, step):
        if step["step"] == "SZ9":
            later.write_text("somebody's")

    stepper = Stepper(tmp_path, put)
    done = shared.apply(shared.ordinary_account(), later, "--trace", stepper.place)
    stepper.close()
    assert (done.status, done.error) == (REFUSED, "already-exists") and later.read_text() == "somebody's", done
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.uim", "a.uim.letter", "b.uim"]
    newest = max(row["holder"] for row in shared.authority("list").objects)
    assert all(row["revoked"] for row in shared.authority("list").objects if row["holder"] == newest)


# ---- starting and stopping ----

def processes_of(folder):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        name = words[0].rpartition(b"/")[2]
        if (name.startswith(b"kinchaku") or name == b"slapd") and any(os.fsencode(folder) in word for word in words):
            found.append((path.parent.name, name))
    return found


def test_up_many_times_at_once(tmp_path):
    """In a folder where nothing is yet: one makes the system, the others say so or find it; there is one of each process."""
    system = System(tmp_path)
    ended = []
    threads = [threading.Thread(target=lambda: ended.append(system.kinchaku("up"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert all(done.status == OK or (done.status, done.error) == (AGAIN, "in-use") for done in ended), ended
        assert any(done.status == OK for done in ended), ended
        system.up()
        assert len(processes_of(system.dir)) == len(NODES), processes_of(system.dir)
        system.open(fund=1)
    finally:
        system.down()
    assert processes_of(system.dir) == []


def kill_while_starting(system, number):
    """Kills `kinchaku up` once it started that many processes, or when it is done."""
    starting = subprocess.Popen([program("kinchaku"), "up", "--faults", "--dir", str(system.dir)], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
    seen, deadline = set(), time.monotonic() + 60
    while len(seen) < number and starting.poll() is None and time.monotonic() < deadline:
        seen |= {pid for pid, _ in processes_of(system.dir)}
    starting.kill()
    starting.wait()


def test_up_killed_anywhere(tmp_path):
    """Killed after each process it starts to start: the next `up` completes it, and `down` leaves nothing running."""
    system = System(tmp_path)
    try:
        for number in range(1, 9):
            kill_while_starting(system, number)
            if number == 5:
                system.down()
                assert processes_of(system.dir) == []
        system.up()
        assert len(processes_of(system.dir)) == len(NODES)
        uim = system.open(fund=10)
        uim.must("withdraw", 10, "--yes")
        system.check_audit()
    finally:
        system.down()
    assert processes_of(system.dir) == []


def test_records_of_processes_that_are_not_ours(tmp_path):
    system = System(tmp_path)
    system.init()
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        started = Path(f"/proc/{bystander.pid}/stat").read_text().rpartition(")")[2].split()[19]
        for text in ("", "-1 1", "1 1", f"{bystander.pid} x", f"{bystander.pid} {int(started) + 1}",
                     f"{bystander.pid + 2**32} {started}", "9" * 5000, "\x00" * 100):
            (system.dir / "run" / "bank.pid").write_text(text)
            rows = system.kinchaku("status").objects
            assert [row["state"] for row in rows if row.get("process") == "bank"] == ["stopped"], (text, rows)
            system.down()
            assert bystander.poll() is None, text
        system.up()
        system.down()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_second_process_on_one_folder(alone):
    alone.up()
    for node in ("bank", "authority", "sandbank"):
        alone.configure(node, node, port=1)
        done = run(f"kinchaku-{node}", "serve", "--dir", alone.dir, timeout=20)
        assert done.status == AGAIN and "in-use" in done.err, done
