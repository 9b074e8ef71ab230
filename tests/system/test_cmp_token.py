"""Does the authority answer CMP with a P-256 key that stays in a PKCS#11 token?"""
import pytest

from hsm import Token
from kinchaku import System


@pytest.fixture
def token(monkeypatch):
    token = Token()
    for name, value in token.env.items():
        monkeypatch.setenv(name, value)
    yield token
    token.close()


# shows: R-SEC-2 R-NODE-2 R-OPEN-3
def test_the_registrar_asks_an_authority_whose_key_is_in_a_token(token, tmp_path):
    system = System(tmp_path)
    system.init("--token", token.uri)
    system.configure("registrar", "authority", protocol="cmp")
    try:
        system.up()
        assert not (system.dir / "authority/sign.key").exists()
        uim = system.open(fund=300)
        uim.must("withdraw", 100, "--yes")
        assert uim.both() == (200, 100)
        system.check_audit()
    finally:
        system.down()
