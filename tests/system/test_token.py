"""Do bank and authority work with keys that stay in a PKCS#11 token, and is every trouble with it told by its name?"""
import re

import pytest

from hsm import PIN, Token
from kinchaku import FAULT, OK, System

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
