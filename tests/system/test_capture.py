"""Does a second, independent reader open everything that travels in a running system, and find it as the CDDL says?"""
import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "vectors"))
import reader  # noqa: E402

from kinchaku import AGAIN  # noqa: E402

SERVERS = {1: "bank", 2: "authority", 3: "registrar"}


def make_keys(folder, suite):
    folder.mkdir()
    for name in ("sign", "encrypt"):
        kind = ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"] if suite == "es256" else [
            "RSA", "-pkeyopt", f"rsa_keygen_bits:{suite[2:]}"]
        subprocess.run(["openssl", "genpkey", "-algorithm", *kind, "-out", str(folder / f"{name}.key")], check=True,
                       capture_output=True)
        (folder / f"{name}.key").chmod(0o600)
    return folder


class Keys:
    """Every signer's public key and every recipient's private key, by holder."""

    def __init__(self, system):
        self.sign, self.unseal = {}, {}
        for number, name in SERVERS.items():
            self.add(number, system.dir / name)
            certificate = x509.load_pem_x509_certificate((system.dir / name / "sign.crt").read_bytes())
            assert certificate.public_key().public_numbers() == self.sign[number].public_numbers()

    def add(self, holder, folder):
        self.sign[holder] = reader.load_private((folder / "sign.key").read_bytes()).public_key()
        self.unseal[holder] = reader.load_private((folder / "encrypt.key").read_bytes())


def holder(data):
    return int.from_bytes(reader.parse_signed(data)["header"][4][:8], "big")


# shows: R-DATA-1 R-DATA-4 R-DATA-5 R-SEC-2 R-SEC-3 R-CASH-2 R-CASH-4
@pytest.mark.parametrize("suite", ["es256", "rs2048", "rs3072"])
def test_every_captured_message_opens(alone, tmp_path, suite):
    folders = {node: tmp_path / f"captured-{node}" for node in ("bank", "authority")}
    for node, folder in folders.items():
        folder.mkdir()
        alone.configure(node, "debug", capture=folder)
    alone.up()
    uim = alone.open("--suite", suite, "--keys", make_keys(tmp_path / "keys", suite), fund=1000)
    uim.must("withdraw", 300, "--yes")
    uim.must("deposit", 100, "--yes")
    uim.must("withdraw", 10, "--no")
    uim.must("deposit", 20, "--yes", "--lose", "answer", status=AGAIN)
    uim.must("sync")
    uim.must("redeem", 5)
    uim.station("withdraw", 10**9, "--yes")
    keys, realm, names = Keys(alone), (1, "JPY"), []
    keys.add(uim.account, tmp_path / "keys")
    for node, server in (("bank", 1), ("authority", 2)):
        for path in sorted(folders[node].glob("*-in.cose")):
            asked, answered = path.read_bytes(), Path(str(path).replace("-in.", "-out.")).read_bytes()
            who = holder(asked)
            assert holder(answered) == server
            for data, signer, recipient in ((asked, who, server), (answered, server, who)):
                name, fields = reader.open_envelope(data, keys.sign[signer], keys.unseal[recipient], realm)
                names.append(name)
                if fields.get("certified"):
                    certified = reader.open_signed(fields["certified"], keys.sign[1], realm, "certified")
                    assert certified["purse"] == uim.purse
    wanted = {"open-request", "open-reply", "confirm-request", "confirm-reply", "certify-request", "certify-reply",
              "fund-request", "fund-reply", "cash-request", "cash-quote", "cash-answer", "completion", "state-request",
              "state-reply", "settle-request", "settle-reply", "refusal"}
    assert set(names) == wanted, set(names) ^ wanted
    value_information(uim, keys, realm, folders["bank"])


def value_information(uim, keys, realm, folder):
    """What the purse tells of itself holds SGN1 and SGN2 by the bank, and the user's key in SGN1."""
    found = 0
    for path in folder.glob("*-in.cose"):
        data = path.read_bytes()
        if holder(data) != uim.account:
            continue
        name, fields = reader.open_envelope(data, keys.sign[uim.account], keys.unseal[1], realm)
        if "information" not in fields:
            continue
        information = reader.read_message(fields["information"], "value-information")[1]
        identity = reader.open_identity(information["identity"], keys.sign[1], realm)
        certified = reader.open_signed(information["certified"], keys.sign[1], realm, "certified")
        assert identity["account"] == uim.account and identity["purse"] == uim.purse
        assert identity["key"].public_numbers() == keys.sign[uim.account].public_numbers()
        assert certified["account"] == uim.account and certified["purse"] == uim.purse
        found += 1
    assert found > 4


def test_captured_messages_refuse_any_change(alone, tmp_path):
    folder = tmp_path / "captured"
    folder.mkdir()
    alone.configure("bank", "debug", capture=folder)
    alone.up()
    uim = alone.open("--keys", make_keys(tmp_path / "keys", "es256"), fund=1000)
    uim.must("withdraw", 300, "--yes")
    keys, realm = Keys(alone), (1, "JPY")
    keys.add(uim.account, tmp_path / "keys")
    path = sorted(folder.glob("*-in.cose"))[-1]
    data = path.read_bytes()
    refused = set()
    for at in range(len(data)):
        for changed in (data[:at] + bytes([data[at] ^ 4]) + data[at + 1:], data[:at]):
            try:
                reader.open_envelope(changed, keys.sign[uim.account], keys.unseal[1], realm)
            except reader.Refused as error:
                refused.add(str(error))
                continue
            raise AssertionError(f"opened although byte {at} was changed")
    assert "bad-signature" in refused and "malformed" in refused, json.dumps(sorted(refused))
