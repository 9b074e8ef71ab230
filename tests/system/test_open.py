"""Is an account opened whole or not at all, whoever fails on the way?"""
import os
import pty
import shutil
import subprocess
import time

import pytest

from kinchaku import AGAIN, OK, REFUSED, Stepper, Uim, program


def bank_account(system, number):
    return system.bank("account", number).objects[0]


def ldap_search(system, number):
    found = subprocess.run(["ldapsearch", "-x", "-LLL", "-H", f"ldap://127.0.0.1:{system.port('slapd')}", "-b",
                            "ou=accounts,o=kinchaku", f"(cn={number})", "userCertificate;binary"],
                           capture_output=True, text=True, check=True)
    return found.stdout.count("userCertificate;binary::")


# shows: R-OPEN-1 R-OPEN-3 R-OPEN-4 R-OPEN-6 R-NODE-3 R-NODE-4 R-SEC-3
@pytest.mark.parametrize("suite", ["es256", "rs2048", "rs3072"])
@pytest.mark.parametrize("keys", [[], ["--bring-keys"]], ids=["made in the UIM", "brought in"])
def test_open_then_use(shared, suite, keys):
    uim = shared.open("--suite", suite, *keys, fund=300)
    assert bank_account(shared, uim.account)["state"] == "open"
    assert ldap_search(shared, uim.account) == 2
    issued = [row for row in shared.authority("list").objects if row["holder"] == uim.account]
    assert sorted(row["use"] for row in issued) == ["encrypt", "sign"]
    uim.must("withdraw", 100, "--yes")
    uim.must("deposit", 30, "--yes")
    assert uim.both() == (230, 70)


# shows: R-OPEN-7
def test_keys_made_elsewhere_before(shared, tmp_path):
    for name in ("sign", "encrypt"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                        str(tmp_path / f"{name}.key")], check=True, capture_output=True)
        (tmp_path / f"{name}.key").chmod(0o600)
    uim = shared.open("--keys", tmp_path, fund=10)
    uim.must("withdraw", 10, "--yes")
    assert uim.both() == (0, 10)
    wrong = shared.apply(shared.ordinary_account(), tmp_path / "x.uim", "--keys", tmp_path, "--suite", "rs2048")
    assert (wrong.status, wrong.error) == (REFUSED, "wrong-algorithm"), wrong


# shows: R-OPEN-2 R-NODE-5
def test_ordinary_bank_decides_who_may_open(shared, tmp_path):
    unknown = shared.apply("no-such-account", tmp_path / "a.uim")
    assert (unknown.status, unknown.error) == (REFUSED, "no-bank-account"), unknown
    poor = shared.apply(shared.ordinary_account(balance=0), tmp_path / "b.uim")
    assert (poor.status, poor.error) == (REFUSED, "no-ability-to-pay"), poor
    assert list(tmp_path.iterdir()) == []


# shows: R-OPEN-5
def test_account_stays_temporary_without_certificates_and_lapses(alone, tmp_path):
    alone.configure("bank", "times", temporary_ms=1500)
    alone.up()
    ordinary = alone.ordinary_account()
    alone.kill("authority")
    failed = alone.apply(ordinary, tmp_path / "a.uim")
    assert failed.status == AGAIN, failed
    assert failed.error == "authority-unavailable"
    assert not (tmp_path / "a.uim").exists() and not (tmp_path / "a.uim.letter").exists()
    assert bank_account(alone, 10000008)["state"] == "lapsed"
    alone.up()
    uim = Uim(alone, tmp_path / "a.uim", alone.apply(ordinary, tmp_path / "a.uim").json)
    assert bank_account(alone, uim.account)["state"] == "open"


def test_temporary_account_lapses_when_the_registrar_dies(alone, tmp_path):
    alone.configure("bank", "times", temporary_ms=1000)
    alone.up()
    ordinary = alone.ordinary_account()
    process = []

    def at_step(_, step):
        if step["step"] == "SZ3":
            process[0].kill()

    stepper = Stepper(tmp_path, at_step)
    process.append(subprocess.Popen(
        [program("kinchaku-registrar"), "open", "--dir", str(alone.dir), "--name", "A", "--address", "B", "--phone", "1",
         "--bank-account", ordinary, "--uim", str(tmp_path / "a.uim"), "--trace", stepper.place]))
    process[0].wait(20)
    stepper.close()
    assert bank_account(alone, 10000008)["state"] == "temporary"
    for _ in range(100):
        if bank_account(alone, 10000008)["state"] == "lapsed":
            break
        time.sleep(0.1)
    assert bank_account(alone, 10000008)["state"] == "lapsed"
    alone.check_audit()


def test_uim_is_never_overwritten(shared, tmp_path):
    path = tmp_path / "a.uim"
    path.write_text("somebody's")
    done = shared.apply(shared.ordinary_account(), path)
    assert (done.status, done.error) == (REFUSED, "already-exists")
    assert path.read_text() == "somebody's" and not (tmp_path / "a.uim.letter").exists()


# shows: R-OPEN-1
def test_password_identifies_at_the_counter(shared, tmp_path):
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("correct horse\n")
    wrong.write_text("battery staple\n")
    for path in (right, wrong):
        path.chmod(0o600)
    uim = shared.open("--password-file", right)
    good = shared.registrar("identify", "--account", uim.account, "--password-file", right)
    assert good.status == OK and good.json["name"] == "Taro Yamada", good
    bad = shared.registrar("identify", "--account", uim.account, "--password-file", wrong)
    assert (bad.status, bad.error) == (REFUSED, "wrong-password"), bad
    right.chmod(0o644)
    open_file = shared.registrar("identify", "--account", uim.account, "--password-file", right)
    assert open_file.error == "key-permissions", open_file
    stored = (shared.dir / "bank" / "bank.db").read_bytes() + (shared.dir / "bank" / "bank.db-wal").read_bytes()
    assert b"correct horse" not in stored and b"scrypt" in stored


def test_many_applicants_from_a_file(shared, tmp_path):
    rows = [f'"Person {n}, Esq.",Street {n},03-{n},{shared.ordinary_account()},{tmp_path}/p{n}.uim' for n in range(5)]
    rows.insert(2, f"Nobody,Street,03,no-such-account,{tmp_path}/nobody.uim")
    rows.insert(4, "too,few,fields")
    csv = tmp_path / "applicants.csv"
    csv.write_text("\n".join(rows) + "\n")
    done = shared.registrar("bulk", "--file", csv, timeout=120)
    assert done.status == REFUSED, done
    results = [row["result"] for row in done.objects]
    assert results == ["ok", "ok", "no-bank-account", "ok", "malformed", "ok", "ok"], done
    assert sorted(path.name for path in tmp_path.glob("*.uim")) == [f"p{n}.uim" for n in range(5)]
    assert "5 of 7 rows opened" in done.err, done.err
    assert all(bank_account(shared, row["account"])["state"] == "open" for row in done.objects if row["result"] == "ok")


def test_bulk_row_that_fails_late_leaves_nothing_half_open(alone, tmp_path):
    """The folder of one UIM goes away after the bank opened a temporary account for it."""
    alone.up()
    gone = tmp_path / "gone"
    gone.mkdir()
    rows = [f"A,S,1,{alone.ordinary_account()},{gone}/a.uim", f"B,S,1,{alone.ordinary_account()},{tmp_path}/b.uim"]
    csv = tmp_path / "two.csv"
    csv.write_text("\n".join(rows))

    def at_step(number, step):
        if number == 2:
            assert step["step"] == "SZ3" and bank_account(alone, 10000008)["state"] == "temporary"
            shutil.rmtree(gone)

    stepper = Stepper(tmp_path, at_step)
    done = alone.registrar("bulk", "--file", csv, "--trace", stepper.place)
    stepper.close()
    assert [row["result"] == "ok" for row in done.objects] == [False, True], done
    assert bank_account(alone, 10000008)["state"] == "lapsed"
    assert bank_account(alone, done.objects[1]["account"])["state"] == "open"
    assert not gone.exists()
    left = [row for row in alone.authority("list").objects if not row["revoked"] and row["holder"] > 1000]
    assert {row["holder"] for row in left} == {done.objects[1]["account"]}


def test_revoked_holder_is_refused_by_the_bank(alone):
    alone.configure("bank", "times", crl_ms=200)
    alone.up()
    uim = alone.open(fund=100)
    assert alone.authority("revoke", "--account", uim.account).status == OK
    time.sleep(0.6)
    uim.fails("certificate-revoked", "withdraw", 10, "--yes")
    assert "certificate-revoked" in alone.log("bank")


def test_expired_holder_is_refused_by_the_bank(alone):
    alone.configure("bank", "times", account_ms=3000)
    alone.up()
    uim = alone.open(fund=100)
    time.sleep(3.2)
    done = uim.must("withdraw", 10, "--yes", status=REFUSED)
    assert done.error in ("certificate-expired", "account-expired"), done
    assert uim.both() == (100, 0)


def test_bulk_shows_its_progress_on_a_terminal(shared, tmp_path):
    csv = tmp_path / "one.csv"
    csv.write_text(f"# a comment\nA,S,1,{shared.ordinary_account()},{tmp_path}/a.uim\n{'x' * 2000}\n")
    ours, theirs = pty.openpty()
    process = subprocess.Popen([program("kinchaku-registrar"), "bulk", "--dir", str(shared.dir), "--file", str(csv)],
                               stdout=subprocess.PIPE, stderr=theirs, text=True)
    out, _ = process.communicate(timeout=60)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    os.close(theirs)
    assert process.returncode == REFUSED and "2/2" in shown and "1 of 2 rows opened" in shown, (out, shown)
    assert [line.split()[2] for line in out.splitlines()] == ["ok", "malformed"]
