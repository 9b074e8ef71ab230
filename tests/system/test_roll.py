"""Do the bank's keys roll over under purses that were there before, online and offline, and does nothing but the bank's own word do it?"""
import shutil

import pytest

from hsm import Token
from kinchaku import AGAIN, OK, REFUSED, run
from meeting import meet
from test_vendor_server import DRINKS, STOPPED, Server, machine_purse
from vending import Machine, buy


def roll(system, *arguments):
    done = system.kinchaku("roll", *arguments)
    assert done.status == OK, done


def roll_over(system, *arguments):
    system.down()
    roll(system, *arguments)
    system.up()


def record(system, number):
    return (system.dir / "bank" / f"roll-{number}.cose").read_bytes()


def served(system, after=None):
    status, _, body = system.http("bank", "GET", "/v1/roll" + ("" if after is None else f"?after={after}"))
    return status, body


def rich(system, amount=500):
    uim = system.open(balance=2 * amount, fund=2 * amount)
    uim.must("withdraw", amount, "--yes")
    return uim


# shows: R-SEC-2 R-RENEW-8
def test_a_purse_learns_the_banks_new_keys_when_it_comes(alone):
    alone.up()
    uim = rich(alone)
    other = rich(alone)
    assert served(alone)[0] == 404
    roll_over(alone)
    assert served(alone) == (200, record(alone, 1)) == served(alone, 0)
    assert served(alone, 1)[0] == 404
    uim.must("withdraw", 10, "--yes")
    uim.must("deposit", 20, "--yes")
    other.must("sync")
    fresh = rich(alone, 100)
    assert uim.both() == (510, 490)
    # Each of them pays each other one, whatever key signed its identity.
    for payer, payee in ((uim, other), (other, fresh), (fresh, uim)):
        paid, received = meet(payer, ("pay", 5), payee)
        assert (paid.status, received.status) == (OK, OK), (paid, received)
    for one in (uim, other, fresh):
        one.must("sync")
    assert [one.both() for one in (uim, other, fresh)] == [(510, 490), (500, 500), (100, 100)]
    alone.check_audit()


# shows: R-SEC-2 R-SEC-4 R-RENEW-8
def test_a_purse_that_was_away_learns_them_from_another_one(alone):
    alone.up()
    away = rich(alone)
    here = rich(alone)
    third = rich(alone)
    roll_over(alone)
    here.must("sync")
    fresh = rich(alone)
    alone.down()
    # As payer and as payee, from one that learned it at the bank and from one that was personalised after it.
    for payer, payee in ((away, here), (fresh, third), (third, away), (away, fresh)):
        paid, received = meet(payer, ("pay", 7), payee)
        assert (paid.status, received.status) == (OK, OK), (paid, received)
    alone.up()
    for uim in (away, here, third, fresh):
        uim.must("sync")
    alone.check_audit()


# shows: R-SEC-2 R-RENEW-8
def test_a_request_for_a_key_whose_time_is_over_is_refused_by_name_and_the_next_one_is_not(alone):
    alone.up()
    uim, other = rich(alone), rich(alone)
    roll_over(alone, "--days", 0)
    done = uim.fails("bank-key-ended", "withdraw", 10, "--yes")
    assert "do it again" in done.err, done
    uim.must("withdraw", 10, "--yes")
    # Offline it is believed no more before it has been at the bank; then the payment that stayed open goes first.
    paid, received = meet(other, ("pay", 5), uim)
    assert paid.status == REFUSED and received.status != OK, (paid, received)
    other.must("sync")
    paid, received = meet(other, ("pay", 5), uim)
    assert (paid.status, received.status) == (OK, OK), (paid, received)
    assert [int(one.station("show").json["uim_amount"]) for one in (uim, other)] == [520, 490]
    alone.check_audit()


# shows: R-RENEW-8
def test_a_roll_over_is_gone_on_with_wherever_it_was_cut(alone):
    alone.up()
    uim, behind = rich(alone), rich(alone)
    busy = alone.kinchaku("roll")
    assert busy.error == "in-use"
    alone.down()
    planned = alone.bank("roll", "--days", 30)
    assert planned.status == AGAIN and planned.json["roll"] == "planned"
    made = (alone.dir / "bank" / "sign-1.pub").read_bytes()
    # The keys are gone half way: what is there stays, what is missing is made.
    (alone.dir / "bank" / "encrypt-1.pub").unlink()
    assert alone.bank("roll").status == AGAIN
    assert (alone.dir / "bank" / "sign-1.pub").read_bytes() == made
    assert alone.authority("server", "--name", "bank").status == OK
    certificate = (alone.dir / "bank" / "sign-1.crt").read_bytes()
    (alone.dir / "bank" / "sign-1.crt").unlink()
    assert alone.authority("server", "--name", "bank").status == OK
    assert (alone.dir / "bank" / "sign-1.crt").read_bytes() == certificate
    alone.up()
    assert served(alone) == (200, record(alone, 1))
    uim.must("withdraw", 10, "--yes")
    # The one before the old keys still counts.
    alone.down()
    assert alone.bank("roll").error == "pending"
    told = alone.kinchaku("roll")
    assert (told.status, told.error) == (REFUSED, "pending") and "--emergency" in told.err, told
    roll(alone, "--emergency")
    alone.up()
    assert served(alone, 1) == (200, record(alone, 2))
    uim.must("withdraw", 10, "--yes")
    # An emergency ends at once whatever keys were there before, also for what is sealed to them.
    behind.fails("bank-key-ended", "withdraw", 10, "--yes")
    behind.must("sync")
    behind.must("withdraw", 10, "--yes")
    rich(alone)
    alone.check_audit()
    # A record that does not belong to these keys stops the start.
    alone.down()
    shutil.copy(alone.dir / "bank" / "roll-1.cose", alone.dir / "bank" / "roll-2.cose")
    assert "config-invalid" in alone.bank("serve").err


# shows: R-SEC-2 R-RENEW-8
def test_keys_come_from_files_into_a_token(alone, monkeypatch):
    token = Token()
    for name, value in token.env.items():
        monkeypatch.setenv(name, value)
    try:
        alone.up()
        uim = rich(alone)
        roll_over(alone, "--token", token.uri)
        assert not (alone.dir / "bank" / "sign-1.key").exists()
        uim.must("withdraw", 10, "--yes")
        rich(alone)
        alone.check_audit()
        alone.down()
    finally:
        token.close()


# shows: R-SEC-2 R-VEND-5 R-RENEW-8
@pytest.mark.parametrize("days", [90, 0])
def test_machines_and_their_server_go_on_under_new_keys(alone, tmp_path, days):
    alone.up()
    dealer, buyer = alone.open(), rich(alone, 2000)
    machine = Machine(tmp_path / "corner", machine_purse(alone, dealer, tmp_path / "corner.purse"), dealer.account, DRINKS)
    (tmp_path / "server").mkdir(mode=0o700)
    server = Server(alone, tmp_path / "server", [machine])
    machine.start("--collect", "tcp:127.0.0.1:0")
    try:
        assert buy(buyer, machine, 1).status == OK
        assert server.once().status == OK
        assert buy(buyer, machine, 1).status == OK
        assert server.once("--stop-after", "report").status == STOPPED
        roll_over(alone, "--days", days)
        done = server.once()
        # What the machine had sealed for the old key comes too late when its time is over; the next report does not.
        assert done.status == (OK if days else REFUSED), done
        assert days or done.objects[0]["end"] == "bank-key-ended", done
        assert server.once().status == OK
        row = server.report()[0]
        assert (row["sales"], row["not_settled"], row["missing"]) == (2, 0, 0), row
        assert (server.dir / "roll-1.cose").read_bytes() == record(alone, 1)
        buyer.must("sync")
        assert buy(buyer, machine, 2).status == OK
        assert server.once().status == OK
        assert server.report()[0]["sales"] == 3
        alone.check_audit()
    finally:
        machine.stop()


# shows: R-SEC-2 R-RENEW-8
def test_what_was_signed_before_still_proves(alone, tmp_path):
    alone.up()
    payer, first, second = (rich(alone, amount) for amount in (300, 20, 30))
    shutil.copy(payer.path, tmp_path / "copy")
    assert meet(payer, ("pay", 100), first)[0].status == OK
    shutil.copy(tmp_path / "copy", payer.path)
    assert meet(payer, ("pay", 250), second)[0].status == OK
    first.must("sync")
    roll_over(alone)
    second.must("sync")
    alert = [row for row in alone.bank("alerts").objects if row["purse"] == payer.purse][0]
    assert alone.bank("evidence", alert["alert"], "--out", tmp_path / "file").status == OK
    old, new = (alone.dir / "bank" / name for name in ("sign.crt", "sign-1.crt"))

    def verify(certificate, *more):
        return run("kinchaku", "--json", "verify-evidence", tmp_path / "file", "--certificate", certificate, *more)
    assert verify(new).json["verdict"] == "proven"
    assert verify(old).error == "unknown-signer"
    for certificate in (old, new):
        assert verify(certificate, "--roll", alone.dir / "bank" / "roll-1.cose").json["verdict"] == "proven"
    assert verify(alone.dir / "bank" / "encrypt.crt", "--roll", alone.dir / "bank" / "roll-1.cose").status == REFUSED
    alone.check_audit()
