"""Do machines that speak with nobody but their server hear of new keys of bank and authority, by the bank's word alone?"""
import cbor2
import pytest
from cryptography import x509

from forge import REALM, reader
from kinchaku import OK, Proxy
from meeting import Middle
from test_authority_roll import issuers, rich, roll_over
from test_notice import digest, known, name, read, served, wait_told
from test_roll import roll_over as roll_over_bank
from test_vendor_server import DRINKS, Server, machine_purse
from vending import Machine, buy


@pytest.fixture
def corner(alone, tmp_path):
    """A server, a running machine, and a buyer, in a system of their own. The machine's purse is looked at when it does not run."""
    alone.configure("bank", "times", crl_ms=300)
    alone.up()
    wait_told(alone, issuers(alone)[0])
    dealer, buyer = alone.open(), rich(alone, 2000)
    machine = Machine(tmp_path / "corner", machine_purse(alone, dealer, tmp_path / "corner.purse"), dealer.account, DRINKS)
    (tmp_path / "server").mkdir(mode=0o700)
    server = Server(alone, tmp_path / "server", [machine])
    machine.start("--collect", "tcp:127.0.0.1:0")
    yield server, machine, buyer
    machine.stop()


def told(machine):
    """What its purse knows of the authority."""
    machine.stop()
    found = known(machine.uim)
    machine.start("--collect", "tcp:127.0.0.1:0")
    return found


# shows: R-RENEW-8 R-VEND-5
def test_a_machine_hears_of_the_authoritys_new_keys(alone, corner):
    server, machine, buyer = corner
    [first] = issuers(alone)
    before = told(machine)
    assert before[:2] == (name(first), digest(first))
    assert buy(buyer, machine, 1).status == OK and server.once().status == OK
    assert told(machine) == before
    roll_over(alone)
    _, second = issuers(alone)
    after = wait_told(alone, second)
    assert told(machine) == before
    done = server.once()
    assert done.status == OK and "authority's keys" not in done.err, done
    assert told(machine) == (name(second), digest(second), read(after)["number"])
    assert (server.dir / "notice.cose").read_bytes() == after
    # It is not handed in again, and a bank that is away takes nothing from it: what the server holds goes to a machine that has nothing to settle.
    purse = machine.uim.path.read_bytes()
    assert server.once().status == OK and machine.uim.path.read_bytes() == purse
    # The machine goes on, and its purse may have its keys made by the authority that it knows now.
    assert buy(buyer, machine, 2).status == OK and server.once().status == OK
    assert server.report()[0]["sales"] == 2
    buyer.must("sync")
    alone.check_audit()


# shows: R-RENEW-8 R-VEND-5 R-SEC-2
def test_nothing_but_the_banks_own_word_gets_through(alone, corner):
    server, machine, _ = corner
    before = told(machine)
    assert server.once().status == OK
    kept = (server.dir / "notice.cose").read_bytes()
    roll_over(alone)
    after = wait_told(alone, issuers(alone)[1])
    proxy = Proxy(alone.port("bank"))
    ini = (server.dir / "server.ini").read_text()

    def once(body):
        """A round with a bank that tells this; the warnings in it."""
        proxy.got = (200, "application/cose", body)
        (server.dir / "server.ini").write_text(ini.replace(f"http://127.0.0.1:{alone.port('bank')}", proxy.url))
        done = server.once()
        assert done.status == OK, done
        return [line for line in done.err.splitlines() if "authority's keys" in line]
    # Signed by somebody else, changed, no notice at all, and an older one: nothing is kept, and nothing handed in.
    message = cbor2.loads(after)
    forged = cbor2.dumps([*message[:3], b"\x01" * len(message[3])])
    for body, reason in ((forged, "bad-signature"), (after[:-1], "malformed"), (b"\x80", "malformed")):
        [line] = once(body)
        assert f"reason={reason}" in line, line
    assert once(kept) == []
    assert (server.dir / "notice.cose").read_bytes() == kept and told(machine) == before
    # A file that somebody wrote in its place counts as none: the bank is asked for it, and the machine gets what the bank says.
    (server.dir / "notice.cose").write_bytes(forged)
    (server.dir / "server.ini").write_text(ini)
    proxy.close()
    assert server.once().status == OK
    assert (server.dir / "notice.cose").read_bytes() == after and told(machine)[2] == read(after)["number"] > before[2]
    # With the bank away what the server holds is all that it needs, for a machine that has nothing to settle.
    fresh = machine.uim.path.read_bytes()
    alone.kill("bank")
    assert server.once().status == OK and machine.uim.path.read_bytes() == fresh


# shows: R-RENEW-8 R-VEND-5 R-SEC-2
def test_a_machine_that_sells_nothing_hears_of_the_banks_new_keys(alone, corner):
    server, machine, buyer = corner
    assert server.once().status == OK
    held = told(machine)
    # The old keys end at once, and with them what they said of the authority: the bank says the same anew.
    roll_over_bank(alone, "--days", 0)
    assert server.once().status == OK
    after = served(alone)[1]
    assert told(machine) == held and (server.dir / "notice.cose").read_bytes() == after
    key = x509.load_pem_x509_certificate((alone.dir / "bank" / "sign-1.crt").read_bytes()).public_key()
    identity = (server.dir / "corner" / "identity").read_bytes()
    reader.open_identity(identity, key, REALM)
    # What it sells now is sealed for the new key from the beginning.
    buyer.must("sync")
    assert buy(buyer, machine, 1).status == OK
    done = server.once()
    assert done.status == OK and done.json == {"machine": "corner", "end": "ok"}, done
    alone.check_audit()


# shows: R-VEND-5 R-NODE-9
def test_a_machine_of_an_earlier_version_hears_the_question_once_for_a_notice(alone, corner, tmp_path):
    """It calls that improper, signs a line of it, and tells its keeper; what is said each minute hides what is true."""
    server, machine, _ = corner
    notice, malformed, place, asked = 10, 1, machine.collecting, []

    def change(side, _, message):
        if side == "payer":
            asked.append(cbor2.loads(cbor2.loads(message)[2])[4])
            return message
        head, fields = cbor2.loads(message)[:2], cbor2.loads(message)[3:]
        return cbor2.dumps([*head, malformed, *fields]) if asked[-1] == notice else message

    def rounds(count):
        """So many, with a machine that does not know it; how often it was asked, and what its keeper was warned of."""
        asked.clear()
        said = []
        for _ in range(count):
            middle = Middle(tmp_path, place, change)
            machine.collecting = middle.place
            done = server.once()
            assert done.status == OK and done.json["end"] == "ok", done
            said += [line for line in done.err.splitlines() if "authority's keys not taken reason=malformed" in line]
            middle.close()
        machine.collecting = place
        return asked.count(notice), len(said)

    assert rounds(3) == (1, 1)
    roll_over(alone)
    after = wait_told(alone, issuers(alone)[1])
    assert rounds(3) == (1, 1)
    # With the program of today it takes the next one.
    roll_over(alone)
    later = wait_told(alone, issuers(alone)[2])
    assert read(later)["number"] > read(after)["number"]
    assert server.once().status == OK
    assert told(machine)[2] == read(later)["number"]
    assert "unread" not in (server.dir / "corner" / "state").read_text()
