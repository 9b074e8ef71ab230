"""Does a whole system do the main job, from nothing to cash in a purse, as the source's figures tell it?"""
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from kinchaku import AGAIN, OK, REFUSED, USAGE, System, program, run


def demo(*arguments):
    done = run("kinchaku", "demo", *arguments, timeout=300)
    assert done.status == OK, done
    return done


# shows: R-NODE-1 R-NODE-2 R-NODE-3 R-NODE-4 R-NODE-5 R-NODE-6 R-NODE-7 R-XCHG-5 R-XCHG-6 R-NODE-8 R-NODE-9
def test_demo_shows_every_step_and_both_balances(tmp_path):
    steps = demo("--json", "--dir", str(tmp_path / "demo system")).objects
    by_part = {}
    for step in steps:
        by_part.setdefault(step["part"], []).append(step)
    assert [s["step"] for s in by_part["open"]] == [f"SZ{n}" for n in range(1, 10)]
    good = [s["step"] for s in by_part["withdraw"]]
    assert good == ["Sa1", "Sa2", "Sa3-Sa7", "Sa8", "Sa9", "Sa10", "Sa11", "Sa12", "Sa13-Sa15", "Sa16", "Sa16", "Sa17"]
    ends = {part: (rows[-1].get("account"), rows[-1].get("uim")) for part, rows in by_part.items()}
    assert ends["fund"] == ("1000", "0")
    assert ends["withdraw"] == ("900", "100")
    assert ends["deposit"] == ("940", "60")
    assert ends["ng"] == ("940", "60")
    assert ends["lost-ok"] == ("940", "30")
    assert ends["lost-ok-recovery"] == ("940", "60")
    assert ends["lost-completion"] == ("920", "60")
    assert ends["lost-completion-recovery"] == ("920", "80")
    assert all(s["bytes"] > 0 for s in steps if s["step"] in ("SZ1", "SZ3", "SZ4", "SZ7", "Sa2", "Sa8", "Sa12"))
    columns = {part: tuple((rows[-1].get(f"uim_{who}"), rows[-1].get(f"shadow_{who}")) for who in "abc")
               for part, rows in by_part.items()}
    assert [s["step"] for s in by_part["pay"]] == ["Sb1", "Sb2", "Sb4", "Sb5", "Sb6-Sb7", "Sb8", "Sb9", "Sb10", "Sb11-Sb12"]
    assert columns["pay"] == (("20", "120"), ("100", "0"), ("0", "0"))
    assert columns["pay-on"] == (("20", "120"), ("60", "0"), ("40", "0"))
    assert columns["c-reports"] == (("20", "120"), ("60", "-40"), ("40", "40"))
    assert columns["b-reports"] == columns["a-reports"] == (("20", "20"), ("60", "60"), ("40", "40"))
    assert columns["torn"] == columns["torn-recovery"] == (("10", "20"), ("70", "60"), ("40", "40"))
    check_machine(by_part)
    check_years(by_part)
    assert columns["copied-twice"] == (("1", "10"), ("33", "25"), ("49", "40"))
    assert columns["copied-c-reports"] == columns["copied-blocked"] == (("2", "0"), ("33", "33"), ("49", "49"))
    assert by_part["copied-blocked"][-1]["account_a"] == "806"
    assert by_part["evidence"][-1]["verdict"] == "proven" and by_part["evidence"][-1]["reason"] == "copied-or-restored"
    check_sum(by_part["audit"])
    left = run("kinchaku", "status", "--dir", str(tmp_path / "demo system"))
    assert left.status == AGAIN and "up " not in left.out


def check_machine(by_part):
    """The card, the machine's sales, their settlement and the transfer; at the end of each part what everybody holds."""
    def end(part):
        row = by_part[part][-1]
        assert row["step"] == "=", row
        return (row["account_a"], *((row[f"uim_{who}"], row[f"shadow_{who}"]) for who in "akm" if f"uim_{who}" in row))

    assert [s["step"] for s in by_part["card"]] == [f"SZ{n}" for n in range(1, 10)]
    assert end("card-load") == ("820", ("10", "10"), ("60", "60"))
    assert end("withdraw-again") == ("780", ("50", "50"), ("60", "60"), ("0", "0"))
    assert end("sale") == ("780", ("10", "50"), ("60", "60"), ("40", "0"))
    assert end("sale-card") == ("780", ("10", "50"), ("20", "60"), ("80", "0"))
    assert end("sale-refused") == end("sale-jammed") == end("sale-card")
    told = {part: [row for row in by_part[part] if row["step"] in ("machine", "refused")] for part in by_part}
    assert [(row["end"], row["amount"], row["slot"]) for row in told["sale"]] == [("released", "40", 1)]
    assert [(row["end"], row["amount"], row["slot"]) for row in told["sale-card"]] == [("released", "40", 1)]
    assert [row.get("error") for row in told["sale-refused"]] == ["insufficient-value"]
    stuck, refused = sorted(told["sale-jammed"], key=lambda row: row["step"])
    assert (stuck["end"], stuck["amount"], stuck["returned"], refused["error"]) == ("stuck", "20", 1, "item-stuck")
    settled = {row["step"]: row for row in by_part["settle"]}
    assert settled["server"]["end"] == "ok" and settled["report"]["not_settled"] == settled["report"]["missing"] == 0
    assert (settled["report"]["sales"], settled["report"]["sold"]) == (3, "100")
    # 80 taken; the fee is 1 and 25 thousandths of 80.
    assert [settled["settled"][name] for name in ("swept", "fee", "dealer")] == ["80", "3", "77"]
    assert settled["="]["account_d"] == "77"
    assert end("settle") == ("780", ("10", "10"), ("20", "20"), ("0", "0"))
    transfer = by_part["transfer"]
    assert [s["step"] for s in transfer if s["step"].startswith("Sd")][-4:] == ["Sd9", "Sd10", "Sd10", "Sd10"]
    assert end("transfer")[0] == "830" and (transfer[-1]["uim_b"], transfer[-1]["shadow_b"]) == ("20", "20")


def check_years(by_part):
    """A's charge, A's keys renewed in both ways, the old certificates on the list, and the payment of the first key settled."""
    def end(part):
        rows = [row for row in by_part[part] if "account_a" in row]
        return (rows[-1]["account_a"], *((rows[-1][f"uim_{who}"], rows[-1][f"shadow_{who}"]) for who in "ab"))

    notice = [row for row in by_part["charge-notice"] if row["step"] == "notice"]
    assert [row["amount"] for row in notice] == ["12"] and end("charge-notice")[0] == "830"
    assert end("charge-taken")[0] == "818"
    assert end("old-key-payment") == ("818", ("5", "10"), ("25", "20"))
    inside = [row["step"] for row in by_part["renew-inside"]]
    assert [step for step in inside if step.startswith("Sr")] == ["Sr1", "Sr2-Sr3", "Sr4", "Sr4"]
    assert end("renew-inside") == ("818", ("5", "5"), ("25", "20"))
    assert end("old-key-settled") == end("old-key-known") == ("818", ("5", "5"), ("25", "25"))
    assert by_part["key-order"][-1]["key_ready"]
    made = [row["step"] for row in by_part["renew-authority"]]
    assert made.index("S6") < made.index("S7") < made.index("S8-S9") < made.index("S10") < made.index("S11")
    listed = by_part["revoked"][-1]
    assert (listed["old"], listed["old_revoked"], listed["new"], listed["new_revoked"]) == (4, 4, 2, 0)
    assert end("new-key") == ("813", ("10", "10"), ("25", "25"))


def check_sum(rows):
    """Every unit stands somewhere: what was funded is with accounts, in purses, with the bank as fees, or under way."""
    audit, total = rows
    assert (audit["step"], audit["audit"], audit["faults"]) == ("audit", "good", 0)
    assert total["step"] == "sum" and total["funded_less_redeemed"] == total["sum"] == "1000"
    parts = [total[name] for name in ("accounts", "shadows", "fees", "in_flight", "claims")]
    assert parts == ["871", "102", "27", "0", "0"] and sum(map(int, parts)) == 1000
    assert parts == [audit[name] for name in ("accounts_total", "shadows_total", "fees", "in_flight", "claims")]


# shows: R-RENEW-8 R-SEC-4
def test_demo_reads_the_lists_of_both_issuers(tmp_path):
    folder = tmp_path / "rolled over"
    begun = subprocess.Popen([program("kinchaku"), "demo", "--dir", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    assert begun.stdout.readline().startswith(b"A system in")
    begun.send_signal(signal.SIGINT)
    begun.communicate(timeout=60)
    assert run("kinchaku", "roll", "--authority", "--dir", folder).status == OK
    steps = demo("--json", "--dir", str(folder)).objects
    listed = [step for step in steps if step.get("part") == "revoked" and step["step"] == "list"][-1]
    assert [listed[name] for name in ("old", "old_revoked", "new", "new_revoked")] == [4, 4, 2, 0]
    assert (folder / "authority/issuing-1.crt").exists()


# shows: R-RENEW-1 R-RENEW-2 R-RENEW-3 R-RENEW-4 R-RENEW-5 R-RENEW-6
def test_demo_in_words_leaves_nothing_behind(tmp_path):
    done = run("kinchaku", "demo", timeout=300, env={"TMPDIR": str(tmp_path)})
    assert done.status == OK, done
    assert "account 900, UIM 100 JPY" in done.out
    for words in ("refused   insufficient-value", "refused   item-stuck", "80 swept to the dealer, fee 3: 77",
                  "A's 4 old certificates: 4 on the list; the 2 new ones: 0",
                  "accounts 871 + purses 102 + fees 27 + in flight 0 - claims 0 = 1000; funded less redeemed: 1000"):
        assert words in done.out, done.out
    assert done.err == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_demo_cut_off_leaves_nothing_behind(tmp_path, number):
    demo_itself = subprocess.Popen(
        [program("kinchaku"), "demo"], env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: [signal.signal(each, signal.SIG_DFL) for each in (signal.SIGINT, signal.SIGHUP)])
    line = demo_itself.stdout.readline()
    pids = [int(path.read_text().split()[0]) for path in tmp_path.glob("kinchaku-demo-*/run/*.pid")]
    os.killpg(demo_itself.pid, number)
    demo_itself.communicate(timeout=60)
    assert line.startswith("A system in") and len(pids) == 4
    assert demo_itself.returncode == -number and list(tmp_path.iterdir()) == []
    deadline = time.monotonic() + 5
    while any(is_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_alive(pid) for pid in pids)


def test_demo_cut_off_at_the_machine_stops_that_too(tmp_path):
    demo_itself = subprocess.Popen([program("kinchaku"), "demo"], env={**os.environ, "TMPDIR": str(tmp_path)},
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not demo_itself.stdout.readline().startswith("sale:"):
        assert demo_itself.poll() is None
    demo_itself.stdout.readline()
    assert any("kinchaku-vendor" in line for line in command_lines(tmp_path))
    demo_itself.send_signal(signal.SIGTERM)
    demo_itself.communicate(timeout=60)
    assert demo_itself.returncode == -signal.SIGTERM and list(tmp_path.iterdir()) == []
    assert command_lines(tmp_path) == []


def command_lines(folder):
    """Of every process that names this folder."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            pass
    return [line for line in lines if str(folder) in line]


def is_alive(pid):
    """A process that ended and was not reaped by its new parent is not alive."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_folders_and_options_that_cannot_be_are_told(tmp_path):
    town = tmp_path / "town"
    assert run("kinchaku", "init", "--dir", town, "--currency", "EUR", "--decimals", 2).err == ""
    assert run("kinchaku", "init", "--dir", town, "--currency", "EUR").err == ""
    done = run("kinchaku", "init", "--dir", town, "--currency", "USD")
    assert done.status == OK and "EUR with 2 decimals" in done.err, done
    for name in ('a"b', "a\\b", "a\nb"):
        odd = run("kinchaku", "init", "--dir", tmp_path / name)
        assert odd.status == REFUSED and "slapd cannot take" in odd.err, odd
        assert [path.name for path in (tmp_path / name).iterdir()] == ["lock"]
    missing = run("kinchaku", "status", "--dir", tmp_path / "none")
    assert "kinchaku up" in missing.err, missing


def test_up_is_idempotent_and_two_systems_live_side_by_side(tmp_path):
    first, second = System(tmp_path / "1"), System(tmp_path / "2")
    for system in (first, second):
        system.base.mkdir()
        system.up()
    pids = {node: first.pid(node) for node in ("slapd", "sandbank", "authority", "bank")}
    first.up()
    assert pids == {node: first.pid(node) for node in pids}
    assert {first.port(n) for n in pids}.isdisjoint({second.port(n) for n in pids})
    first.down()
    assert all(row["state"] == "stopped" for row in first.kinchaku("status").objects if "state" in row)
    assert all(row["state"] == "up" for row in second.kinchaku("status").objects if "state" in row)
    second.down()
    second.down()


def test_down_spares_a_process_that_got_an_old_number(tmp_path):
    system = System(tmp_path)
    system.init()
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (system.dir / "run" / "bank.pid").write_text(f"{bystander.pid} 1\n")
        system.down()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_every_program_explains_itself():
    for name in ("", "-bank", "-authority", "-registrar", "-sandbank", "-station", "-vendor", "-card"):
        shown = run(f"kinchaku{name}", "--help")
        assert shown.status == OK and "usage:" in shown.out
        assert run(f"kinchaku{name}", "--version").out.split()[0] == f"kinchaku{name}"
        wrong = run(f"kinchaku{name}", "--no-such-option")
        assert wrong.status == USAGE and wrong.out == ""
        assert run(f"kinchaku{name}", "no-such-command").status == USAGE
