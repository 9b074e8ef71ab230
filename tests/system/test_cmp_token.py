"""Do authority and bank speak CMP with P-256 keys that stay in a PKCS#11 token?"""
import pytest

from hsm import Token
from kinchaku import FAULT, System
from test_renew import certificates, renewed


@pytest.fixture
def token(monkeypatch):
    token = Token()
    for name, value in token.env.items():
        monkeypatch.setenv(name, value)
    yield token
    token.close()


# shows: R-SEC-2 R-NODE-2 R-OPEN-3 R-RENEW-5
def test_the_registrar_asks_an_authority_whose_key_is_in_a_token(token, tmp_path):
    system = System(tmp_path)
    system.init("--token", token.uri)
    for node in ("registrar", "bank"):
        system.configure(node, "authority", protocol="cmp")
    try:
        system.up()
        assert not (system.dir / "authority/sign.key").exists()
        uim = system.open(fund=300)
        uim.must("withdraw", 100, "--yes")
        assert uim.both() == (200, 100)
        assert not (system.dir / "bank/sign.key").exists()
        old = certificates(system, uim)
        uim.must("renew")
        renewed(system, uim, old)
        system.check_audit()
    finally:
        system.down()


# shows: R-SEC-2 R-NODE-2
def test_a_bank_s_rsa_key_in_a_token_asks_nobody(token, tmp_path):
    token.pkcs11_tool("--keypairgen", "--key-type", "rsa:2048", "--label", "bank-sign")
    system = System(tmp_path)
    system.init("--token", token.uri)
    system.up()
    system.down()
    system.configure("bank", "authority", protocol="cmp")
    done = system.bank("serve")
    assert done.status == FAULT and "config-invalid" in done.err and "P-256" in done.err, done
