"""A purse that signs whatever it is told to, and renews its keys, with every key in our hands."""
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import forge
from test_evidence import Stranger, Town
from test_settle import Purse, REALM, digest, encode, reader, seal, sign


def now():
    return int(time.time() * 1000)


class Renewing(Purse):
    def information(self):
        return encode("value-information", account=self.uim.account, purse=self.uim.purse, identity=self.identity,
                      certified=self.certified, value=self.value, counter=self.counter, head=self.head, paid=self.paid,
                      received=self.received, returned=self.returned, entries=[], **{"purse-type": "uim"})

    def post(self, name, **fields):
        """A message under the key in force; its time and what the bank sends."""
        domain, at = reader.SHAPES[name]["domain"], now()
        plain = encode(name, time=at, **fields)
        header = {1: reader.ES256, 3: domain, 4: reader.signer_id(self.uim.account, self.key.public_key()), reader.TIME_LABEL: at}
        sent = sign(header, seal(plain, self.keys.unseal[1].public_key(), domain), self.key, domain)
        return at, self.system.http("bank", "POST", "/v1/message", sent)

    def ask(self, name, reply, **fields):
        at, (status, kind, body) = self.post(name, **fields)
        assert status == 200 and kind == "application/cose", (status, body)
        return at, reader.open_envelope(body, self.keys.sign[1], self.keys.unseal[self.uim.account], REALM, reply)[1]

    def cash_out_entry(self, amount, transaction, counter, partner):
        return encode("entry", kind="cash-out", counter=counter, time=now(), amount=amount, transaction=transaction,
                      partner=partner)

    def deposit(self, amount, meanwhile=lambda: None):
        """A deposit with OK, whose cash-out entry takes the next counter; whatever the bank answers. The entry's fields."""
        at, quote = self.ask("cash-request", "cash-quote", information=self.information(), kind="deposit", amount=amount)
        meanwhile()
        told = digest(encode("cash-quote", **quote))
        entry = self.cash_out_entry(amount, at, self.counter + 1, told)
        self.post("cash-answer", purse=self.uim.purse, transaction=at, quote=told, answer="ok", entry=entry)
        return reader.read_message(entry, "entry")[1]

    def renew(self):
        """Sr1 to Sr4: the next keys are certified. What is reported must be covered."""
        sign_key, encrypt_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        keys = {"sign-key": reader.encode_key(sign_key.public_key()), "encrypt-key": reader.encode_key(encrypt_key.public_key())}
        proof = forge.sign(forge.pack("key-proof", keys), sign_key, bytes(16), reader.SHAPES["key-proof"]["domain"], REALM)
        _, reply = self.ask("renew-request", "renew-reply", information=self.information(), proof=proof)
        self.next = (sign_key, encrypt_key, reply["identity"])

    def change_over(self):
        """The close entry, and the new keys in force; the former ones stay in our hands."""
        self.old_key, self.old_identity = self.key, self.identity
        sign_key, encrypt_key, self.identity = self.next
        claims = reader.parse_brief(self.identity)["payload"]
        entry = encode("entry", kind="close", counter=self.counter + 1, time=now(), amount=0, partner=digest(claims))
        self.records.append(encode("log-record", entry=entry, order=None, answer=None))
        self.counter += 1
        self.head = digest(self.head + entry)
        self.key = sign_key
        self.keys.unseal[self.uim.account] = encrypt_key

    def renewed(self):
        self.renew()
        self.change_over()
        self.report()

    def with_old_key(self, act, *arguments, counter=None, **more):
        """One act under the former key, as if the purse stood at that counter; nothing of it stays in the purse."""
        kept = (self.key, self.identity, self.counter, self.head)
        self.key, self.identity = self.old_key, self.old_identity
        self.counter = self.counter if counter is None else counter
        try:
            return act(*arguments, **more)
        finally:
            self.key, self.identity, self.counter, self.head = kept


class RenewingTown(Town):
    def purses(self, *values):
        self.count += 1
        return [Renewing(self.system, self.folder, f"{self.count}-{place}", self.keys, self.captured, value)
                for place, value in enumerate(values)]


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    town = RenewingTown(tmp_path_factory.mktemp("town"))
    yield town
    try:
        town.system.check_audit()
    finally:
        town.system.down()


@pytest.fixture
def stranger(town, tmp_path):  # noqa: F811
    return Stranger(town.system, tmp_path)
