"""Do bank and authority work with keys that stay in a PKCS#11 token, and is every trouble with it told by its name?"""
import re

import shutil
import time

import pytest

from hsm import PIN, Token
from kinchaku import FAULT, OK, REFUSED, USAGE, Stepper, System, run

KEYS = ["authority-encrypt", "authority-issuing", "authority-sign", "bank-encrypt", "bank-sign"]


@pytest.fixture
def token(monkeypatch):
    token = Token()
    for name, value in token.env.items():
        monkeypatch.setenv(name, value)
    yield token
    token.close()


@pytest.fixture
def system(token, tmp_path):
    """A system whose bank and authority have their keys in the token."""
    system = System(tmp_path)
    system.init("--token", token.uri)
    yield system
    system.down()


def private_keys(system):
    return sorted(path.relative_to(system.dir).as_posix() for node in ("bank", "authority", "root")
                  for path in (system.dir / node).glob("*.key"))


# shows: R-SEC-2 R-NODE-2 R-NODE-3
def test_a_whole_system_with_its_keys_in_a_token(system, token):
    assert private_keys(system) == ["root/root.key"]
    system.up()
    uim = system.open(fund=1000)
    uim.must("withdraw", 300, "--yes")
    assert uim.both() == (700, 300)
    uim.must("deposit", 120, "--yes")
    assert uim.both() == (820, 180)
    uim.must("redeem", 20)
    system.check_audit()
    assert uim.must("history").objects
    # Once more, with everything read anew.
    system.down()
    system.up()
    uim.must("withdraw", 10, "--yes")
    system.check_audit()
    assert PIN not in "".join(system.logs().values())
    assert private_keys(system) == ["root/root.key"]


def refuses(system, node, error):
    """The server does not start, and says why by a stable name."""
    done = run(f"kinchaku-{node}", "serve", "--dir", system.dir, timeout=20)
    assert done.status == FAULT and error in done.err, done
    assert PIN not in done.err + done.out


# shows: R-SEC-2 R-NODE-2
def test_a_pin_is_given_once_and_only_from_a_file_of_ours(system, token):
    token.write_pin("111111")
    before = token.logins
    refuses(system, "bank", "token-pin-refused")
    assert token.logins == before + 1
    refuses(system, "authority", "token-pin-refused")
    token.write_pin(PIN, 0o644)
    refuses(system, "bank", "key-permissions")
    token.pin.unlink()
    refuses(system, "authority", "file-missing")
    token.write_pin(PIN)
    token.fail("final-try")
    refuses(system, "bank", "token-pin-refused")
    assert token.logins == before + 2
    token.fail("")
    system.up()
    system.open(fund=10).must("withdraw", 10, "--yes")


# shows: R-SEC-2 R-NODE-2
def test_no_token_no_key_two_keys_another_key(system, token):
    token.fail("gone")
    refuses(system, "bank", "token-unavailable")
    refuses(system, "authority", "token-unavailable")
    token.fail("")
    for name, error in [("nobody", "token-key-missing"), ("bank-encrypt", "config-invalid"), ("authority-sign", "config-invalid")]:
        system.configure("bank", "keys", sign=token.key(name))
        refuses(system, "bank", error)
    system.configure("bank", "keys", sign=token.key("bank-sign"), encrypt=token.key("authority-encrypt"))
    refuses(system, "bank", "config-invalid")
    token.pkcs11_tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "bank-sign", "--id", "77")
    system.configure("bank", "keys", sign=token.key("bank-sign"), encrypt=token.key("bank-encrypt"))
    refuses(system, "bank", "token-ambiguous")
    # A certified key that is gone is not replaced by a new one.
    system.configure("bank", "keys", sign=token.key("nobody"))
    done = system.bank("init")
    assert (done.status, done.json["error"]) == (FAULT, "token-key-missing"), done
    refuses(system, "bank", "token-key-missing")


# shows: R-SEC-2 R-NODE-2
def test_taken_out_while_serving(system, token):
    system.up()
    uim = system.open(fund=1000)
    uim.must("withdraw", 300, "--yes")
    token.fail("gone")
    for command in (("withdraw", 50, "--yes"), ("deposit", 50, "--yes")):
        uim.fails("token-unavailable", *command, status=FAULT)
    ordinary = system.ordinary_account()
    assert system.apply(ordinary, system.base / "none.uim").error == "token-unavailable"
    assert system.bank("stats").status == OK
    token.fail("")
    time.sleep(1.2)
    uim.must("sync")
    assert uim.both() == (700, 300)
    uim.must("withdraw", 50, "--yes")
    uim.must("deposit", 20, "--yes")
    assert uim.both() == (670, 330)
    system.open(fund=10).must("withdraw", 10, "--yes")
    system.check_audit()


# shows: R-SEC-2 R-NODE-2
@pytest.mark.parametrize("word", ["gone", "no-sign"])
def test_out_between_any_two_steps_of_a_withdraw(system, token, word):
    """Taken out at any step of the station's and put back: the purse ends right, with the sum moved once or not. A token that only
    does not sign lets the bank book what it then cannot answer."""
    system.up()
    uim = system.open(fund=1000)
    steps, outcomes = [], set()
    for at in range(12):
        def at_step(number, step):
            steps.append(step)
            if number == at:
                token.fail(word)
        stepper = Stepper(system.base, at_step)
        account, value = uim.both()
        done = uim.station("withdraw", 10, "--yes", "--trace", stepper.place)
        stepper.close()
        token.fail("")
        time.sleep(1.2)
        uim.must("sync")
        assert uim.state() == "ready"
        moved = uim.value() - value
        assert moved in (0, 10) and uim.balance() == account - moved, (at, steps)
        outcomes.add((done.error, moved))
    assert ("token-unavailable", 0) in outcomes and (None, 10) in outcomes, outcomes
    assert word == "gone" or ("token-unavailable", 10) in outcomes, outcomes
    system.check_audit()


# shows: R-SEC-2
def test_rsa_keys_made_by_the_operator(token, tmp_path):
    """Keys that were made in the token beforehand are used as they are, also RSA ones."""
    for name in ("bank-sign", "bank-encrypt"):
        token.pkcs11_tool("--keypairgen", "--key-type", "rsa:2048", "--label", name)
    system = System(tmp_path)
    system.init("--token", token.uri)
    system.up()
    try:
        uim = system.open(fund=1000)
        uim.must("withdraw", 300, "--yes")
        uim.must("deposit", 100, "--yes")
        assert uim.both() == (800, 200)
        rsa = system.open("--suite", "rs2048", fund=100)
        rsa.must("withdraw", 30, "--yes")
        assert rsa.both() == (70, 30)
        system.check_audit()
    finally:
        system.down()


# shows: R-SEC-2 R-NODE-2
def test_an_issuing_key_that_cannot_be_used_is_refused_at_once(token, tmp_path):
    token.pkcs11_tool("--keypairgen", "--key-type", "rsa:2048", "--label", "authority-issuing")
    done = run("kinchaku-authority", "--json", "init", "--port", 4711, "--directory-url", "ldap://127.0.0.1:1", "--token", token.uri,
               "--dir", tmp_path)
    assert done.status == REFUSED and done.error == "wrong-algorithm", done
    for uri in (token.uri + "&pin-value=1", token.key("x"), "pkcs11:token=" + "k" * 160, "file:here", "pkcs11:token=a b"):
        done = run("kinchaku-authority", "--json", "init", "--port", 4711, "--directory-url", "ldap://127.0.0.1:1", "--token", uri,
                   "--dir", tmp_path)
        assert done.status == USAGE, done


# shows: R-SEC-2 R-NODE-2
def test_the_bank_s_tools_beside_it(system, token):
    """A copied purse is proven, with the identity signed and the envelopes opened in the token, by a command beside the running bank."""
    system.up()
    uim = system.open(fund=1000)
    uim.must("withdraw", 300, "--yes")
    shutil.copy(uim.path, system.base / "copy")
    uim.must("deposit", 10, "--yes")
    shutil.copy(system.base / "copy", uim.path)
    assert uim.station("deposit", 20, "--yes").error == "copied-or-restored"
    alerts = [row for row in system.bank("alerts").objects if row["purse"] == uim.purse]
    path = system.base / "proof.kce"
    done = system.bank("evidence", alerts[0]["alert"], "--out", path)
    assert done.status == OK, done
    done = run("kinchaku", "--json", "verify-evidence", path, "--certificate", system.dir / "bank" / "sign.crt")
    assert done.status == OK, done
    token.fail("gone")
    done = system.bank("evidence", alerts[0]["alert"], "--out", system.base / "none.kce")
    assert done.status == FAULT and done.error == "token-unavailable", done
    assert not (system.base / "none.kce").exists()
    token.fail("")
    assert system.bank("audit").status == OK
