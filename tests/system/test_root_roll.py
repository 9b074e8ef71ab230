"""Does the authority's root roll over under servers that have the old one pinned: old and new certificates count, nobody else's root does?"""
import datetime
import os
import signal
import subprocess
import time

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hsm import Token
from kinchaku import BUILD, OK, run
from meeting import meet
from test_authority_roll import issued_by, issuer_of, issuers, lists, rich, serials, write
from test_charge import Years
from test_cmp import Client, number
from test_counter import at_counter
from test_directory import ISSUER, account_name, values
from test_renew_years import dated
from test_revocation import Shown, pem

ROOT = ISSUER.replace("cn=issuer", "cn=root")
PEM = serialization.Encoding.PEM
count = iter(range(10 ** 6))


def pair(der):
    """The two certificates of a pair, by this reader of its own."""
    def element(data, tag):
        assert data[0] == tag and data[1] == 0x82, data[:4]
        size = int.from_bytes(data[2:4], "big")
        return data[4:4 + size], data[4 + size:]
    inner, rest = element(der, 0x30)
    assert not rest
    to, inner = element(inner, 0xa0)
    by, inner = element(inner, 0xa1)
    assert not inner
    return x509.load_der_x509_certificate(to), x509.load_der_x509_certificate(by)


def roots(system):
    found = [x509.load_der_x509_certificate(der) for der in values(system, ROOT, "cACertificate;binary")]
    return sorted(found, key=lambda one: one.not_valid_before)


def crosses(system):
    return [pair(der) for der in values(system, ROOT, "crossCertificatePair;binary")]


def pinned(system, server):
    return x509.load_pem_x509_certificate((system.dir / server / "root.crt").read_bytes())


def wait_pinned(system, server, root):
    for _ in range(100):
        if pinned(system, server) == root:
            return
        time.sleep(0.1)
    assert pinned(system, server) == root


def roll_root(system, *arguments):
    system.down()
    done = system.kinchaku("roll", "--root", *arguments)
    assert done.status == OK, done
    system.up()


def verify(folder, leaf, root, between):
    """openssl's word of a chain, with nothing but what is given."""
    for name, ones in (("leaf", [leaf]), ("root", [root]), ("between", between)):
        (folder / f"{name}.pem").write_bytes(b"".join(one.public_bytes(PEM) for one in ones))
    return subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "any", "-CAfile", folder / "root.pem", "-untrusted", folder / "between.pem",
                           folder / "leaf.pem"], capture_output=True, text=True)


def leaf_of(system, uim):
    return x509.load_der_x509_certificate(values(system, account_name(uim.account), "userCertificate;binary")[0])


# shows: R-NODE-2 R-RENEW-8 R-SEC-4
def test_certificates_of_both_roots_count_and_the_servers_pin_the_new_one(alone, tmp_path):
    alone.configure("bank", "times", crl_ms=500)
    alone.up()
    before = rich(alone)
    first = pinned(alone, "bank")
    assert roots(alone) == [first] and not crosses(alone)
    assert alone.authority("roll", "--root").error == "in-use"
    assert alone.kinchaku("roll", "--root").error == "in-use"
    roll_root(alone)
    old, new = roots(alone)
    assert old == first and new.subject == old.subject and new.public_key() != old.public_key()
    (new_by_old, old_by_new), = crosses(alone)
    before_root, after_root = issuers(alone)
    after = rich(alone)
    assert issuer_of(alone, before) == before_root.subject and issuer_of(alone, after) == after_root.subject
    # An independent judge, with each root alone and what the directory shows between.
    old_leaf, new_leaf = leaf_of(alone, before), leaf_of(alone, after)
    between = [before_root, after_root, new_by_old, old_by_new]
    for leaf in (old_leaf, new_leaf):
        for root in (old, new):
            done = verify(tmp_path, leaf, root, between)
            assert done.returncode == 0, done
    for leaf, root in ((old_leaf, new), (new_leaf, old)):
        assert verify(tmp_path, leaf, root, [before_root, after_root]).returncode != 0
    # Both servers follow, each in its own folder, and stay there.
    for server in ("bank", "registrar"):
        wait_pinned(alone, server, new)
    for payer, payee in ((before, after), (after, before)):
        paid, received = meet(payer, ("pay", 5), payee)
        assert (paid.status, received.status) == (OK, OK), (paid, received)
    for one in (before, after):
        one.must("sync")
    alone.kill("bank")
    assert alone.kinchaku("up").status == OK
    for one in (before, after):
        one.must("withdraw", 10, "--yes")
    before.must("renew", "--yes")
    assert issuer_of(alone, before) == after_root.subject
    before.must("withdraw", 10, "--yes")
    assert pinned(alone, "bank") == new
    assert len(lists(alone)) == 2
    alone.check_audit()


# shows: R-RENEW-8
def test_what_is_wanted_of_a_roll_over_is_said_in_one_way(alone):
    for words in (("--authority",), ("--emergency",), ("--days", "0"), ("--days", "7301"), ("--days", "x"), ("--token", "file:x")):
        assert alone.kinchaku("roll", "--root", *words).status == 2, words
        if words[0] not in ("--authority", "--emergency"):
            assert alone.authority("roll", "--root", *words).status == 2, words
    told = alone.authority("roll", "--days", "30")
    assert told.status == 2 and "--days is for --root" in told.err
    assert "--root or --authority" in alone.kinchaku("roll", "--root", "--authority").err
    assert "--root or --emergency" in alone.kinchaku("roll", "--root", "--emergency").err
    assert "--days is 1 to 7300, not 'x'" in alone.authority("roll", "--root", "--days", "x").err
    done = alone.authority("roll", "--root", "--days", "30")
    assert done.status == OK and (done.json["roll"], done.json["number"]) == ("done", 1), done
    ends = datetime.datetime.strptime(done.json["until"][:19], "%Y-%m-%dT%H:%M:%S") - datetime.datetime.utcnow()
    assert datetime.timedelta(days=29) < ends < datetime.timedelta(days=30, hours=1)
    alone.up()
    (_, old_by_new), = crosses(alone)
    left = old_by_new.not_valid_after - datetime.datetime.utcnow()
    assert datetime.timedelta(days=29) < left < datetime.timedelta(days=30, hours=1)
    # Bank and registrar got certificates below the new root, for the keys that they have.
    assert {issuer.issuer for issuer in issuers(alone)} == {roots(alone)[0].subject}
    newest = issuers(alone)[-1]
    for server in ("bank", "registrar"):
        for name in ("sign", "encrypt"):
            assert x509.load_pem_x509_certificate((alone.dir / server / f"{name}.crt").read_bytes()).issuer == newest.subject
    rich(alone)


# shows: R-RENEW-8
def test_a_roll_over_of_the_root_goes_on_wherever_it_was_killed(alone):
    alone.up()
    uim = rich(alone)
    alone.down()
    folder = alone.dir / "authority"
    command = [str(BUILD / "src/authority/kinchaku-authority"), "roll", "--root", "--dir", str(alone.dir)]
    for number, wait in enumerate((0.002, 0.004, 0.006, 0.009), 1):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        # Each time the next start finishes what was begun; what was not even planned is not begun.
        before = (folder / "root-1.plan").exists()
        alone.up()
        assert (folder / "root-1.crt").exists() == before
        uim.must("withdraw", 10, "--yes")
        alone.down()
        if before:
            break
    if not (folder / "root-1.crt").exists():
        assert alone.kinchaku("roll", "--root").status == OK
    assert (folder / "issuing-1.crt").exists() and not (folder / "issuing-2.crt").exists()
    # The old root's key is elsewhere: nothing is made, and everything else goes on.
    os.rename(alone.dir / "root/root-1.key", alone.dir / "away.key")
    assert alone.kinchaku("roll", "--root").error == "file-missing"
    assert not (folder / "root-2.plan").exists()
    (folder / "root-2.plan").write_text("[roll]\nnumber = 2\n")
    assert "waits for the old root's key" in alone.up().err
    assert len(roots(alone)) == 2
    uim.must("withdraw", 10, "--yes")
    alone.down()
    os.rename(alone.dir / "away.key", alone.dir / "root/root-1.key")
    assert "planned and is gone on with" in alone.up().err
    assert len(roots(alone)) == 3 and len(crosses(alone)) == 2 and len(issuers(alone)) == 3
    wait_pinned(alone, "bank", roots(alone)[2])
    uim.must("withdraw", 10, "--yes")
    rich(alone)
    alone.check_audit()


# shows: R-RENEW-8 R-NODE-3 R-SEC-4
def test_responder_and_cmp_go_on_under_the_next_root(alone, tmp_path):
    password = tmp_path / "password"
    password.write_text("a password\n")
    password.chmod(0o600)
    alone.configure("bank", "revocation", mode="ocsp", fresh_ms=0)
    alone.configure("registrar", "authority", protocol="cmp")
    alone.up()
    before, goes = rich(alone), alone.open("--password-file", password)
    ended = [serials(alone, goes)]
    roll_root(alone)
    after, leaves = rich(alone), alone.open("--password-file", password)
    assert issuer_of(alone, before) != issuer_of(alone, after)
    ended.append(serials(alone, leaves))
    # Revoked certificate by certificate over CMP, below the old root and below the new one.
    for one in (goes, leaves):
        lost = alone.registrar("lost", "--account", one.account, "--purse", one.purse, "--password-file", password)
        assert lost.status == OK, lost
    shown = Shown(alone, tmp_path)
    for issuer, good, revoked in zip(issuers(alone), (before, after), ended):
        shown.issuer = pem(tmp_path, f"issuer-{issuer.serial_number}", issuer.public_bytes(serialization.Encoding.DER))
        root = next(root for root in roots(alone) if not wrong_signature(root, issuer))
        shown.root = pem(tmp_path, f"root-{root.serial_number}", *der(root))
        words, done = shown.words(shown.holder(good))
        assert words == ["good"] * 2, done
        listed = {entry.serial_number for one in lists(alone) if one.issuer == issuer.subject for entry in one}
        assert revoked <= listed
        good.must("withdraw", 10, "--yes")
    alone.check_audit()


def wrong_signature(root, one):
    try:
        root.public_key().verify(one.signature, one.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
        return False
    except InvalidSignature:
        return True


def made_by(key, issuer_name, issuer_key, like, subject, public_key, begin=None):
    """A certificate of the same profile as another one's."""
    begin = begin or like.not_valid_before
    built = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer_name).public_key(public_key).serial_number(2 ** 126 + next(count))
             .not_valid_before(begin).not_valid_after(like.not_valid_after))
    for extension in like.extensions:
        value = extension.value
        if isinstance(value, x509.SubjectKeyIdentifier):
            value = x509.SubjectKeyIdentifier.from_public_key(public_key)
        if isinstance(value, x509.AuthorityKeyIdentifier):
            value = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key)
        built = built.add_extension(value, extension.critical)
    return built.sign(key, hashes.SHA256())


def der(*ones):
    return [one.public_bytes(serialization.Encoding.DER) for one in ones]


def as_pair(to, by):
    def element(tag, content):
        return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content
    first, second = der(to, by)
    return element(0x30, element(0xa0, first) + element(0xa1, second))


def wait_logged(system, words):
    for _ in range(100):
        if words in system.log("bank"):
            return
        time.sleep(0.1)
    assert words in system.log("bank"), system.log("bank")


# shows: R-SEC-2 R-SEC-3 R-RENEW-8
def test_a_forged_root_is_refused_by_name_and_an_old_one_does_not_come_back(alone):
    """Somebody who can write the directory, and has the issuing key, and later the old root's."""
    alone.configure("authority", "times", crl_ms=3_600_000)
    alone.configure("bank", "times", crl_ms=500)
    alone.up()
    uim, victim = rich(alone), rich(alone)
    first, issuer = roots(alone)[0], issuers(alone)[0]
    issuing_key = serialization.load_pem_private_key((alone.dir / "authority/issuing.key").read_bytes(), None)
    root_key = serialization.load_pem_private_key((alone.dir / "root/root.key").read_bytes(), None)
    mine = values(alone, account_name(victim.account), "userCertificate;binary")
    shown = {(name, attribute): values(alone, name, attribute) for name, attribute in
             ((ROOT, "cACertificate;binary"), (ISSUER, "cACertificate;binary"), (ISSUER, "certificateRevocationList;binary"))}

    def attack(certifier, certifier_name, certifier_key, later):
        """A root of the right name, what this one certified of it, an issuer below it with a list, and the victim's pair by that."""
        forged_key, below_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        begin = later + datetime.timedelta(seconds=2)
        forged = made_by(forged_key, first.subject, forged_key.public_key(), first, first.subject, forged_key.public_key(), begin)
        to = made_by(certifier, certifier_name, certifier_key, first, first.subject, forged_key.public_key(), begin)
        by = made_by(forged_key, first.subject, forged_key.public_key(), first, first.subject, first.public_key())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Kinchaku issuer 9")])
        below = made_by(forged_key, first.subject, forged_key.public_key(), issuer, name, below_key.public_key(), begin)
        now = datetime.datetime.utcnow()
        listed = (x509.CertificateRevocationListBuilder().issuer_name(name).last_update(now).next_update(now + datetime.timedelta(hours=1))
                  .add_extension(x509.CRLNumber(10 ** 9), critical=False)
                  .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(below_key.public_key()), critical=False)
                  .sign(below_key, hashes.SHA256()))
        write(alone, ROOT, "cACertificate;binary", [*values(alone, ROOT, "cACertificate;binary"), *der(forged)], "replace")
        write(alone, ROOT, "crossCertificatePair;binary", [*values(alone, ROOT, "crossCertificatePair;binary"), as_pair(to, by)], "replace")
        for attribute, more in (("cACertificate;binary", below), ("certificateRevocationList;binary", listed)):
            write(alone, ISSUER, attribute, [*der(more), *values(alone, ISSUER, attribute)], "replace")
        write(alone, account_name(victim.account), "userCertificate;binary", [issued_by(below_key, below, one) for one in mine], "replace")
        alone.kill("bank")
        (alone.dir / "log/bank.log").write_text("")
        assert alone.kinchaku("up").status == OK

    attack(issuing_key, issuer.subject, issuer.public_key(), first.not_valid_before)
    wait_logged(alone, "the directory's roots: root-not-certified")
    victim.fails("certificate-invalid", "withdraw", 10, "--yes")
    uim.must("withdraw", 10, "--yes")
    assert pinned(alone, "bank") == first
    # The authority's next start puts right what it shows; then it rolls over, and the old root's key is stolen.
    roll_root(alone)
    old, new = roots(alone)
    wait_pinned(alone, "bank", new)
    write(alone, account_name(victim.account), "userCertificate;binary", mine, "replace")
    victim.must("withdraw", 10, "--yes")
    attack(root_key, first.subject, first.public_key(), new.not_valid_before)
    wait_logged(alone, "the directory's roots: root-not-certified")
    victim.fails("certificate-invalid", "withdraw", 10, "--yes")
    assert pinned(alone, "bank") == new
    # What was shown before the roll-over comes again: the new root stays, and who is below the old one alone waits.
    for (name, attribute), was in shown.items():
        write(alone, name, attribute, was, "replace")
    write(alone, ROOT, "crossCertificatePair;binary", [], "replace")
    alone.kill("bank")
    assert alone.kinchaku("up").status == OK
    wait_logged(alone, "the directory's roots: root-older")
    assert pinned(alone, "bank") == new
    assert uim.station("withdraw", 10, "--yes").error == "certificate-invalid"
    assert alone.authority("publish").status == OK
    for _ in range(100):
        done = uim.station("withdraw", 10, "--yes")
        if done.status == OK:
            break
        assert done.error == "certificate-invalid", done
        time.sleep(0.1)
    assert done.status == OK, done
    assert pinned(alone, "bank") == new
    alone.check_audit()


def in_words(root):
    """As a server tells of it: digest, beginning, end."""
    times = [time.strftime("%Y-%m-%dT%H:%M:%S.000Z") for time in (root.not_valid_before, root.not_valid_after)]
    return [root.fingerprint(hashes.SHA256()).hex(), *times]


# shows: R-NODE-2 R-RENEW-8
def test_roots_of_one_name_are_told_apart(alone):
    def told():
        return {row["process"]: [row.get(name) for name in ("root", "root_from", "root_until")] for row in alone.kinchaku("status").objects}
    alone.configure("bank", "times", crl_ms=300)
    alone.up()
    first = pinned(alone, "bank")
    assert told() == {"slapd": [None] * 3, "sandbank": [None] * 3, "authority": in_words(first), "bank": in_words(first)}
    roll_root(alone)
    old, new = roots(alone)
    assert old == first and old.subject == new.subject
    wait_pinned(alone, "bank", new)
    assert told()["bank"] == told()["authority"] == in_words(new)
    digest, begin, end = in_words(new)
    wait_logged(alone, f"next root is pinned: ok root={digest} from={begin} until={end}")
    # Who writes there shows the old one alone: what is said of it names the one that counts.
    write(alone, ROOT, "cACertificate;binary", [old.public_bytes(serialization.Encoding.DER)], "replace")
    write(alone, ROOT, "crossCertificatePair;binary", [], "replace")
    alone.kill("bank")
    assert alone.kinchaku("up").status == OK
    wait_logged(alone, f"the directory's roots: root-older pinned={digest} from={begin} until={end}")
    done = run("kinchaku", "status", "--dir", alone.dir)
    assert done.out.count(f"root {digest[:16]}, from {begin} until {end}\n") == 2, done


# shows: R-SEC-2 R-RENEW-8
def test_the_issuing_key_below_the_new_root_is_made_in_a_token(alone, monkeypatch):
    token = Token()
    for name, value in token.env.items():
        monkeypatch.setenv(name, value)
    try:
        alone.up()
        before = rich(alone)
        roll_root(alone, "--token", token.uri)
        assert (alone.dir / "root/root-1.key").exists() and not (alone.dir / "authority/issuing-1.key").exists()
        assert "authority-issuing-1" in token.pkcs11_tool("--list-objects")
        after = rich(alone)
        assert issuer_of(alone, after) == issuers(alone)[1].subject
        for one in (before, after):
            one.must("withdraw", 10, "--yes")
        alone.check_audit()
    finally:
        token.close()


# shows: R-RENEW-8 R-SEC-4
def test_the_old_root_counts_for_the_days_that_were_set(alone, tmp_path):
    years = Years(alone, tmp_path, amount=0)
    try:
        before, renews = dated(years), dated(years)
        alone.down()
        done = alone.kinchaku("roll", "--root", "--days", "30")
        assert done.status == OK, done
        years.start()
        after = dated(years)
        renews.must("renew", "--yes")
        wait_pinned(alone, "bank", roots(alone)[1])
        for days, counts in ((29, True), (31, False)):
            years.show(days)
            for uim in (before, renews, after):
                uim.show(days)
            wait_listed(alone, days)
            for uim in (renews, after):
                uim.must("withdraw", 10, "--yes")
            if counts:
                before.must("withdraw", 10, "--yes")
            else:
                assert before.station("withdraw", 10, "--yes").error == "certificate-expired"
                # So it is after a restart.
                years.restart()
                assert before.station("withdraw", 10, "--yes").error == "certificate-expired"
                after.must("withdraw", 10, "--yes")
                # The holder comes to the counter.
                at_counter(before, env={**years.env, "KINCHAKU_TEST_CLOCK": str(before.clock)})
                before.must("withdraw", 10, "--yes")
        alone.check_audit()
    finally:
        years.close()


def wait_listed(system, days):
    """Until the lists are of that day."""
    day = datetime.datetime.utcnow() + datetime.timedelta(days=days)
    for _ in range(200):
        if all(abs(one.last_update - day) < datetime.timedelta(hours=1) for one in lists(system)):
            return
        time.sleep(0.1)
    raise AssertionError([one.last_update for one in lists(system)])


# shows: R-NODE-2 R-RENEW-8
def test_who_trusts_the_old_root_is_answered_by_cmp_with_the_way_to_the_new_one(alone, tmp_path):
    alone.up()
    old = Client(alone, tmp_path)
    roll_root(alone)
    # All that it was given before is the old root and the old issuer.
    certificate = old.run("cr", "-newkey", old.new_key(), "-subject", f"/CN={number(700031)}")
    assert certificate and certificate.issuer == issuers(alone)[1].subject, old.words
    # As long as the way may be.
    for _ in range(2):
        roll_root(alone)
    certificate = old.run("cr", "-newkey", old.new_key("rsa"), "-subject", f"/CN={number(700034)}", usage="keyEncipherment")
    assert certificate and certificate.issuer == issuers(alone)[3].subject, old.words
    old.root.write_bytes((alone.dir / "root/root-1.crt").read_bytes())
    assert old.run("cr", "-newkey", old.new_key(), "-subject", f"/CN={number(700032)}"), old.words
    # By a root of somebody else's nothing is believed.
    key = ec.generate_private_key(ec.SECP256R1())
    first = roots(alone)[0]
    stranger = made_by(key, first.subject, key.public_key(), first, first.subject, key.public_key())
    old.root.write_bytes(stranger.public_bytes(PEM))
    assert not old.run("cr", "-newkey", old.new_key(), "-subject", f"/CN={number(700033)}"), old.words
