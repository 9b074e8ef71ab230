"""Does the authority's root roll over under servers that have the old one pinned: old and new certificates count, nobody else's root does?"""
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from kinchaku import OK
from meeting import meet
from test_authority_roll import issuer_of, issuers, lists, rich
from test_directory import ISSUER, account_name, values

ROOT = ISSUER.replace("cn=issuer", "cn=root")
PEM = serialization.Encoding.PEM


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
