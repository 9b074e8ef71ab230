"""Does a stolen issuing key end at once, with everything that its thief makes, while honest purses go on with the keys that they have - wherever
the end was cut, and whatever the directory shows?"""
import signal
import subprocess
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hsm import Token
from kinchaku import AGAIN, BUILD, OK
from meeting import meet
from test_authority_roll import issued_by, issuer_of, issuers, lists, rich, serials, write
from test_cmp import Client, number
from test_close import password
from test_cmp_bank import rich as rich_with_password
from test_directory import ISSUER, account_name, values
from test_ending import wait_row
from test_handover import made, ready, wait_gone
from test_reissue import lose
from test_revocation import Shown, pem

ROOT = ISSUER.replace("cn=issuer", "cn=root")
LIST, MINE = "authorityRevocationList;binary", "userCertificate;binary"
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM


def emergency(system, *arguments):
    system.down()
    done = system.kinchaku("roll", "--authority", "--emergency", *arguments)
    assert done.status == OK, done
    system.up()
    return done.json


def holders(system, name):
    return [x509.load_der_x509_certificate(der) for der in values(system, name, MINE)]


def keys_of(system, name):
    return {(one.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo), one.serial_number,
             one.not_valid_before, one.not_valid_after, one.subject) for one in holders(system, name)}


def root_list(system):
    (der,) = values(system, ROOT, LIST)
    found = x509.load_der_x509_crl(der)
    return found, found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def openssl_verify(system, folder, leaf, between, lists_of):
    """openssl's word of a chain with every certificate in it looked for in a list, over what the directory shows."""
    root = x509.load_pem_x509_certificate((system.dir / "root/root.crt").read_bytes())
    for name, ones in (("leaf", [leaf]), ("root", [root]), ("between", [between]), ("lists", lists_of)):
        (folder / f"{name}.pem").write_bytes(b"".join(one.public_bytes(PEM) for one in ones))
    return subprocess.run(["openssl", "verify", "-crl_check_all", "-x509_strict", "-purpose", "any", "-CAfile", folder / "root.pem",
                           "-untrusted", folder / "between.pem", "-CRLfile", folder / "lists.pem", folder / "leaf.pem"],
                          capture_output=True, text=True, check=False)


class Thief:
    """Who has the issuing key, and may write the directory as it was before."""

    def __init__(self, system):
        self.system = system
        self.issuer = issuers(system)[-1]
        path = sorted((system.dir / "authority").glob("issuing*.key"))[-1]
        self.key = serialization.load_pem_private_key(path.read_bytes(), None)

    def pair(self, uim):
        """The account's certificates over keys of the thief's."""
        out = []
        for one in holders(self.system, account_name(uim.account)):
            key = ec.generate_private_key(ec.SECP256R1())
            built = (x509.CertificateBuilder().subject_name(one.subject).issuer_name(self.issuer.subject).public_key(key.public_key())
                     .serial_number(x509.random_serial_number() >> 33 | 1 << 126).not_valid_before(one.not_valid_before)
                     .not_valid_after(one.not_valid_after))
            for extension in one.extensions:
                value = extension.value
                if isinstance(value, x509.SubjectKeyIdentifier):
                    value = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
                if isinstance(value, x509.AuthorityKeyIdentifier):
                    value = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.issuer.public_key())
                built = built.add_extension(value, extension.critical)
            out.append(built.sign(self.key, hashes.SHA256()).public_bytes(DER))
        return out

    def same(self, uim):
        """The account's own keys, certified by the stolen one."""
        return [issued_by(self.key, self.issuer, one) for one in values(self.system, account_name(uim.account), MINE)]


def restart(system, node):
    system.kill(node)
    assert system.kinchaku("up").status == OK


# shows: R-SEC-2 R-SEC-4 R-RENEW-6 R-RENEW-8
def test_a_stolen_issuing_key_ends_and_purses_keep_theirs(alone, tmp_path):
    alone.configure("bank", "times", crl_ms=500)
    alone.configure("authority", "times", crl_ms=3_600_000)
    alone.up()
    a, b, victim, old_key = (rich(alone) for _ in range(4))
    handed, lost_early, lost_late = (rich(alone) for _ in range(3))
    empty, first_number = root_list(alone)
    assert not list(empty), "the root signs a list from the beginning"
    # Payments that nobody has reported yet, one by a key that is renewed by now; and renewals in the middle.
    assert meet(a, ("pay", 7), b)[0].status == OK
    assert meet(old_key, ("pay", 9), b)[0].status == OK
    old_key.must("renew")
    ready(alone, handed)
    blob = made(alone, handed.account)
    lost_early.must("renew", "--lose", "quote", status=AGAIN)
    lost_late.must("renew", "--lose", "answer", status=AGAIN)
    goes = rich(alone)
    gone = serials(alone, goes)
    assert alone.authority("revoke", "--account", goes.account).status == OK
    everybody = [account_name(one.account) for one in (a, b, victim, old_key, handed, lost_early, lost_late)]
    before = {name: keys_of(alone, name) for name in (*everybody, ISSUER.replace("issuer", "bank"), ISSUER.replace("issuer", "registrar"))}
    was = holders(alone, account_name(a.account))
    password = (alone.dir / "authority/directory.secret").read_text()
    thief = Thief(alone)
    assert emergency(alone)["number"] == 1
    # The same keys, names, times and numbers, by another issuer; the directory's password is another, too.
    old, new = issuers(alone)
    assert {name: keys_of(alone, name) for name in before} == before
    assert all(one.issuer == new.subject for name in before for one in holders(alone, name))
    assert (alone.dir / "authority/directory.secret").read_text() != password
    for server in ("bank", "registrar"):
        assert x509.load_pem_x509_certificate((alone.dir / server / "sign.crt").read_bytes()).issuer == new.subject
    # The list of the root, as others read it.
    listed, number_now = root_list(alone)
    root = x509.load_pem_x509_certificate((alone.dir / "root/root.crt").read_bytes())
    assert listed.is_signature_valid(root.public_key()) and number_now > first_number
    (entry,) = listed
    assert entry.serial_number == old.serial_number
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason == x509.ReasonFlags.ca_compromise
    (tmp_path / "root.crl").write_bytes(listed.public_bytes(DER))
    done = subprocess.run(["openssl", "crl", "-inform", "DER", "-in", tmp_path / "root.crl", "-noout", "-CAfile", alone.dir / "root/root.crt"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "verify OK" in done.stderr, done
    now = holders(alone, account_name(a.account))[0]
    done = openssl_verify(alone, tmp_path, now, new, [*lists(alone), listed])
    assert done.returncode == 0, done
    done = openssl_verify(alone, tmp_path, was[0], old, [*lists(alone), listed])
    assert "certificate revoked" in done.stderr and done.returncode != 0, done
    # By the responder everything that the old issuer made is revoked, once nobody is left who read the directory before; what was revoked before
    # stays so, by the lists too.
    shown = Shown(alone, tmp_path)
    for issuer, one, word in ((old, was[0], "good"), (old, was[0], "revoked"), (new, now, "good")):
        if word == "revoked":
            (alone.dir / "authority/issuing-1.shown").write_text("0\n")
        shown.issuer = pem(tmp_path, "issuer", issuer.public_bytes(DER))
        words, done = shown.words([pem(tmp_path, "a", one.public_bytes(DER))])
        assert words == [word], done
    assert alone.authority("publish").status == OK
    by_name = {one.issuer: {entry.serial_number for entry in one} for one in lists(alone)}
    assert gone <= by_name[old.subject] and not {one.serial_number for one in was} & by_name[old.subject]
    assert gone <= by_name[new.subject] and was[0].serial_number not in by_name[new.subject]
    # Honest purses go on, with each other, at the bank, and with what was signed before.
    for one in (a, victim, old_key):
        one.must("withdraw", 10, "--yes")
    done = b.must("sync")
    assert not done.json.get("objections") and b.shadow() == 516, done
    assert meet(a, ("pay", 3), b)[0].status == OK and meet(b, ("pay", 4), a)[0].status == OK
    for one in (a, b):
        one.must("sync")
    goes.fails("unknown-signer", "withdraw", 10, "--yes")  # the bank started since, and the directory shows none
    lost_early.must("withdraw", 10, "--yes")
    assert meet(lost_early, ("pay", 1), a)[0].status == OK
    a.must("sync")
    for one in (lost_early, lost_late):
        one.must("renew")
        one.must("withdraw", 10, "--yes")
    handed.must("sync")
    handed.must("renew", "--by", "authority")
    handed.must("withdraw", 10, "--yes")
    wait_gone(alone, blob)
    assert issuer_of(alone, rich(alone)) == new.subject
    # What the thief makes counts for nothing, also for the keys that the account has.
    mine = values(alone, account_name(victim.account), MINE)
    for theirs in (thief.pair(victim), thief.same(victim)):
        write(alone, account_name(victim.account), MINE, theirs, "replace")
        restart(alone, "bank")
        victim.fails("certificate-revoked", "withdraw", 10, "--yes")
        a.must("withdraw", 10, "--yes")
    # An older list, none, and no word of the roots bring nobody back, not even in a bank that starts then.
    write(alone, ROOT, LIST, [empty.public_bytes(DER)], "replace")
    for _ in range(2):
        restart(alone, "bank")
        victim.fails("certificate-revoked", "withdraw", 10, "--yes")
        a.must("withdraw", 10, "--yes")
        write(alone, ROOT, LIST, [], "replace")
    done = alone.registrar("open", "--name", "Taro Yamada", "--address", "Chiyoda 1-1", "--phone", "03-1111-2222", "--bank-account",
                           alone.ordinary_account(), "--uim", tmp_path / "x.uim")
    assert done.status == OK, done
    write(alone, account_name(victim.account), MINE, mine, "replace")
    victim.must("withdraw", 10, "--yes")
    # The stolen key may be destroyed; its issuer is shown without a list of its own then.
    alone.down()
    (alone.dir / "authority/issuing.key").unlink()
    alone.up()
    assert len(issuers(alone)) == 2 and [one.issuer for one in lists(alone)] == [new.subject]
    for one in (a, lost_late, handed):
        one.must("withdraw", 10, "--yes")
    alone.check_audit()


# shows: R-SEC-2 R-SEC-3 R-RENEW-8
def test_a_thief_who_signs_as_the_registrar_before_is_nobody_after(alone):
    """The names of servers are what a stolen issuing key is worth most for: bank and registrar look them up again."""
    alone.configure("bank", "times", crl_ms=500)
    alone.configure("authority", "times", crl_ms=3_600_000)
    alone.up()
    uim = rich(alone)
    thief = Thief(alone)
    alone.down()
    assert alone.kinchaku("roll", "--authority", "--emergency").status == OK
    alone.up()
    name = ISSUER.replace("issuer", "authority")
    was = values(alone, name, MINE)
    stolen = [issued_by(thief.key, thief.issuer, one) for one in was]
    write(alone, name, MINE, stolen, "replace")
    # Nobody asks an authority that the thief certified: neither for an opening, nor for new keys.
    done = alone.apply(alone.ordinary_account(), alone.base / "no.uim")
    assert done.status != OK and done.error == "certificate-revoked", done
    uim.must("withdraw", 10, "--yes")
    write(alone, name, MINE, was, "replace")
    rich(alone)
    alone.check_audit()


# shows: R-RENEW-8
def test_an_emergency_that_was_cut_is_gone_on_with(alone):
    alone.up()
    a, b = rich(alone), rich(alone)
    alone.down()
    folder = alone.dir / "authority"
    command = [str(BUILD / "src/authority/kinchaku-authority"), "roll", "--emergency", "--dir", str(alone.dir)]
    for wait in (0.001, 0.003, 0.006, 0.01, 0.02, 0.04):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        if (folder / "issuing-1.taken").exists():
            break
    if not (folder / "issuing-1.taken").exists():
        assert alone.authority("roll", "--emergency").json["number"] == 1
    assert not (folder / "issuing-2.plan").exists()
    # From behind: before all was made anew, before the root's list, before the next key was in force. The command and the next start go on.
    cuts = ["issuing-1.taken"], ["issuing-1.taken", "root.crl"], ["issuing-1.taken", "root.crl", "issuing-1.shown", "issuing-1.crt"]
    for cut in cuts:
        for by_command in (True, False):
            for name in cut:
                (folder / name).unlink(missing_ok=name == "issuing-1.shown")
            if by_command:
                done = alone.authority("roll", "--emergency")
                assert done.status == OK and done.json["number"] == 1, done
            alone.up()
            a.must("withdraw", 10, "--yes")
            assert meet(a, ("pay", 1), b)[0].status == OK
            b.must("sync")
            old, new = issuers(alone)
            assert {entry.serial_number for entry in root_list(alone)[0]} == {old.serial_number}
            assert holders(alone, account_name(a.account))[0].issuer == new.subject
            alone.down()
    # Killed while the directory is told: the next start tells it all.
    (folder / "issuing-1.shown").unlink()
    alone.up()
    assert (folder / "issuing-1.shown").exists()
    a.must("withdraw", 10, "--yes")
    alone.check_audit()


# shows: R-SEC-4 R-RENEW-8
def test_a_bank_that_serves_meanwhile_refuses_no_honest_purse(alone):
    alone.configure("bank", "times", crl_ms=200)
    alone.up()
    people = [rich(alone) for _ in range(3)]
    middle = rich(alone)
    middle.must("renew", "--lose", "quote", status=AGAIN)
    thief, mine = Thief(alone), values(alone, account_name(people[2].account), MINE)
    pid = alone.pid("bank")
    heard, over = [], threading.Event()

    def go_on(uim):
        while not over.is_set():
            done = uim.station("withdraw", 1, "--yes")
            heard.append(done.error)
            done = uim.station("sync")
            heard.append(done.error)

    threads = [threading.Thread(target=go_on, args=(uim,)) for uim in (*people[:2], middle)]
    for thread in threads:
        thread.start()
    try:
        alone.kill("authority")
        assert alone.authority("roll", "--emergency").status == OK
        assert alone.kinchaku("up").status == OK
        time.sleep(3)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert alone.pid("bank") == pid and len(heard) > 12 and set(heard) == {None}, heard
    assert "of issuers that ended, is kept: ok" in alone.log("bank")
    write(alone, account_name(people[2].account), MINE, thief.pair(people[2]), "replace")
    people[2].fails("certificate-revoked", "withdraw", 1, "--yes")
    write(alone, account_name(people[2].account), MINE, [], "replace")
    assert alone.authority("publish").status == OK
    assert sorted(one.serial_number for one in holders(alone, account_name(people[2].account))) == sorted(
        x509.load_der_x509_certificate(der).serial_number for der in mine)
    people[2].must("withdraw", 1, "--yes")
    middle.must("renew")
    middle.must("withdraw", 1, "--yes")
    alone.check_audit()


# shows: R-RENEW-8
def test_the_command_says_what_does_not_go_together(alone):
    alone.up()
    uim = rich(alone)
    assert alone.authority("roll", "--emergency").error == "in-use"
    assert alone.kinchaku("roll", "--authority", "--emergency").error == "in-use"
    alone.down()
    assert "--root or --emergency, not both" in alone.authority("roll", "--root", "--emergency").err
    assert "--root or --emergency, not both" in alone.kinchaku("roll", "--root", "--emergency").err
    key = alone.dir / "root/root.key"
    key.rename(alone.dir / "away.key")
    for done in (alone.authority("roll", "--emergency"), alone.authority("roll"), alone.authority("roll", "--root"),
                 alone.kinchaku("roll", "--authority", "--emergency")):
        assert done.error == "file-missing" and str(key) in done.err, done
    assert not (alone.dir / "authority/issuing-1.plan").exists()
    alone.up()
    uim.must("withdraw", 10, "--yes")
    alone.down()
    (alone.dir / "away.key").rename(key)
    # A full set of issuers, the oldest of them kept, is no reason to wait; and a roll-over that was only planned comes to its end first.
    for _ in range(3):
        assert alone.authority("roll").status == OK
    assert alone.authority("roll").error == "pending"
    (alone.dir / "authority/issuing-4.plan").write_text("[roll]\nnumber = 4\n")
    done = alone.kinchaku("roll", "--authority", "--emergency")
    assert done.status == OK and done.json["number"] == 5, done
    alone.up()
    assert len(list(root_list(alone)[0])) == 5
    uim.must("withdraw", 10, "--yes")
    # The next root's list names them as well.
    alone.down()
    assert alone.kinchaku("roll", "--root").status == OK
    alone.up()
    assert sorted(len(list(x509.load_der_x509_crl(der))) for der in values(alone, ROOT, LIST)) == [5, 5]
    uim.must("withdraw", 10, "--yes")
    rich(alone)
    alone.check_audit()


def in_force(system):
    """The issuer that `status` tells, and all that it tells of it."""
    (row,) = [row for row in system.kinchaku("status").objects if row.get("process") == "authority"]
    return row["issuer"], row["issuer_from"], row["issuer_until"]


def digest_of(certificate):
    return certificate.fingerprint(hashes.SHA256()).hex()


# shows: R-RENEW-8
def test_an_operator_sees_which_issuer_is_in_force_and_that_others_ended(alone):
    alone.up()
    uim = rich(alone)
    kept, ended = "a root's list, which names no issuer, is kept: ok", "of issuers that ended, is kept: ok ended=1"
    assert kept in alone.log("bank") and "of issuers that ended" not in alone.log("bank")
    (old,) = issuers(alone)
    assert in_force(alone)[0] == digest_of(old)
    assert f"issuer in force number=0 certificate={digest_of(old)} " in alone.log("authority")
    assert "ended_in_an_emergency=0" in alone.log("authority")
    # What is in the database can be read where the passwords and keys are elsewhere.
    listed = alone.authority("list").objects
    alone.down()
    (alone.dir / "authority/directory.secret").rename(alone.dir / "away.secret")
    (alone.dir / "authority/issuing.key").rename(alone.dir / "away.key")
    done = alone.authority("list")
    assert done.status == OK and done.objects == listed and len(listed) > 6, done
    (alone.dir / "away.secret").rename(alone.dir / "authority/directory.secret")
    (alone.dir / "away.key").rename(alone.dir / "authority/issuing.key")
    emergency(alone)
    new = issuers(alone)[-1]
    told = in_force(alone)
    assert told[0] == digest_of(new) != digest_of(old)
    assert told[1] < told[2] and told[1][:19] == new.not_valid_before.isoformat()
    line = f"issuer in force number=1 certificate={told[0]} from={told[1]} until={told[2]} ended_in_an_emergency=1"
    assert line in alone.log("authority")
    uim.must("sync")
    assert uim.station("show").json["authority_certificate"] == told[0]
    for _ in range(100):
        if ended in alone.log("bank"):
            break
        time.sleep(0.1)
    assert ended in alone.log("bank")
    opens = [alone.registrar("open", "--name", "Taro Yamada", "--address", "Chiyoda 1-1", "--phone", "03-1111-2222", "--bank-account",
                             alone.ordinary_account(), "--uim", alone.base / f"{number}.uim") for number in range(2)]
    assert [(done.status, ended in done.err) for done in opens] == [(OK, True), (OK, False)], opens
    # The stolen key is destroyed: that is no fault, and said once at each start.
    alone.down()
    (alone.dir / "authority/issuing.key").unlink()
    before = len(alone.log("authority"))
    done, log = alone.up(), alone.log("authority")[before:]
    assert "file-missing" not in done.err + log, (done, log)
    assert log.count("go on without a key, which may be destroyed count=1") == 1, log
    # Of any other the key is missed, as ever.
    alone.down()
    (alone.dir / "authority/issuing-1.key").rename(alone.dir / "away.key")
    assert "issuing-1: file-missing" in alone.kinchaku("up").err
    (alone.dir / "away.key").rename(alone.dir / "authority/issuing-1.key")
    alone.up()
    uim.must("withdraw", 10, "--yes")
    alone.check_audit()


# shows: R-NODE-3 R-SEC-4 R-RENEW-8
@pytest.mark.parametrize("mode", ["ocsp", "both"])
def test_by_cmp_and_with_the_responder(alone, tmp_path, mode):
    word = tmp_path / "password"
    word.write_text("a password\n")
    word.chmod(0o600)
    alone.configure("bank", "revocation", mode=mode, fresh_ms=0)
    for server in ("bank", "registrar"):
        alone.configure(server, "authority", protocol="cmp")
    alone.configure("bank", "times", crl_ms=500)
    alone.up()
    a, goes = rich(alone), alone.open("--password-file", word)
    middle = rich(alone)
    middle.must("renew", "--lose", "quote", status=AGAIN)
    emergency(alone)
    old, new = issuers(alone)
    # Pairs that the bank knew by the old issuer's numbers end by the new one's.
    ended = serials(alone, goes)
    lost = alone.registrar("lost", "--account", goes.account, "--purse", goes.purse, "--password-file", word)
    assert lost.status == OK, lost
    assert ended <= {entry.serial_number for one in lists(alone) if one.issuer == new.subject for entry in one}
    a.must("withdraw", 10, "--yes")
    middle.must("withdraw", 10, "--yes")
    middle.must("renew")
    middle.must("withdraw", 10, "--yes")
    a.must("renew")
    assert issuer_of(alone, a) == new.subject
    client = Client(alone, tmp_path)
    client.issuer = pem(tmp_path, "new", new.public_bytes(DER)) if hasattr(client, "issuer") else None
    assert client.run("cr", "-newkey", client.new_key(), "-subject", f"/CN={number(700041)}"), client.words
    alone.check_audit()


# shows: R-SEC-4 R-RENEW-5 R-RENEW-8
@pytest.mark.parametrize("protocol", ["kinchaku", "cmp"])
def test_a_revocation_that_is_owed_comes_through_under_the_next_issuer(alone, protocol):
    """Lost in the middle of a renewal while the authority is away; what the bank knows of both pairs is the old issuer's."""
    for node in ("registrar", "bank"):
        alone.configure(node, "authority", protocol=protocol)
    alone.up()
    uim, stays = rich_with_password(alone), rich(alone)
    both = serials(alone, uim)
    uim.must("renew", "--lose", "quote", status=AGAIN)
    both |= serials(alone, uim)
    alone.kill("authority")
    assert lose(uim, password(uim)).status == AGAIN and len(both) == 4
    assert alone.authority("roll", "--emergency").status == OK
    alone.up()
    new = issuers(alone)[-1]
    for _ in range(300):
        listed = {entry.serial_number for one in lists(alone) if one.issuer == new.subject for entry in one}
        if both <= listed:
            break
        time.sleep(0.1)
    assert both <= listed
    wait_row(uim, revocation="done")
    stays.must("withdraw", 10, "--yes")
    alone.check_audit()


# shows: R-SEC-2 R-RENEW-8
def test_the_next_key_is_made_in_a_token(alone, monkeypatch):
    token = Token()
    for name, value in token.env.items():
        monkeypatch.setenv(name, value)
    try:
        alone.up()
        a = rich(alone)
        emergency(alone, "--token", token.uri)
        assert not (alone.dir / "authority" / "issuing-1.key").exists()
        assert issuer_of(alone, a) == issuers(alone)[1].subject
        a.must("withdraw", 10, "--yes")
        rich(alone)
        alone.check_audit()
    finally:
        token.close()
