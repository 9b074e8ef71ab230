"""Do purses hear of the authority's new keys by the bank's signed word, from nobody else's, and never go back to older ones?"""
import hashlib
import time

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from forge import REALM, reader
from kinchaku import AGAIN, OK, Proxy
from meeting import meet
from test_authority_roll import ISSUER, issuers, lists, rich, roll_over, values, write
from test_handover import ready


def served(system, after=None):
    status, _, body = system.http("bank", "GET", "/v1/notice" + ("" if after is None else f"?after={after}"))
    return status, body


def read(body):
    return reader.read_message(reader.parse_signed(body)["payload"], "authority-notice")[1]


def wait_told(system, issuer):
    """Until the bank tells of that issuing certificate."""
    der = issuer.public_bytes(serialization.Encoding.DER)
    for _ in range(100):
        status, body = served(system)
        if status == 200 and der in body:
            return body
        time.sleep(0.1)
    raise AssertionError((status, body))


def looks(system):
    """How often the bank said what it found in the directory: at least once a start."""
    return system.log("bank").count(" authority's keys ")


def restart(system):
    """Starts the bank once more, until it has looked."""
    before = looks(system)
    assert system.kinchaku("up").status == OK
    for _ in range(200):
        if looks(system) > before:
            return
        time.sleep(0.1)
    raise AssertionError(system.log("bank"))


def known(uim, *arguments):
    shown = uim.must(*(arguments or ("show",))).json
    return shown["authority"], shown["authority_certificate"], shown["notice"]


def digest(certificate):
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def name(certificate):
    return certificate.subject.rfc4514_string().removeprefix("CN=")


# shows: R-RENEW-8 R-SEC-2
def test_a_purse_hears_of_a_new_issuing_key_at_the_bank(alone):
    alone.configure("bank", "times", crl_ms=300)
    alone.up()
    [first] = issuers(alone)
    before = wait_told(alone, first)
    uim, away = rich(alone), rich(alone)
    number = read(before)["number"]
    assert known(uim) == (name(first), digest(first), number), "the registrar gave it on"
    assert (alone.dir / "bank" / "notice.cose").read_bytes() == before
    assert served(alone, number)[0] == 404 and served(alone, number - 1) == (200, before)
    assert served(alone, "x")[0] == 400
    # That there is nothing newer is an answer, and no refusal.
    uim.must("sync")
    assert "reason=not-found" not in alone.log("bank")
    roll_over(alone)
    _, second = issuers(alone)
    after = wait_told(alone, second)
    newer = read(after)["number"]
    assert newer > number
    assert known(uim) == (name(first), digest(first), number)
    assert known(uim, "sync") == known(uim) == (name(second), digest(second), newer)
    # A purse of today is given it by the registrar; one that was not told goes on as it is.
    assert known(rich(alone)) == (name(second), digest(second), newer)
    away.must("withdraw", 10, "--yes")
    assert meet(away, ("pay", 5), uim)[0].status == OK
    assert known(away)[2] == number
    away.must("renew", "--yes")
    # The same after a restart of the bank, which looks at the directory anew.
    alone.kill("bank")
    restart(alone)
    assert served(alone) == (200, after)
    away.must("sync")
    alone.check_audit()


# shows: R-RENEW-8 R-SEC-2
def test_nobody_elses_word_and_no_older_one_is_taken(alone):
    alone.configure("bank", "times", crl_ms=300)
    alone.up()
    [first] = issuers(alone)
    before = wait_told(alone, first)
    uim = rich(alone)
    roll_over(alone)
    second = issuers(alone)[1]
    after = wait_told(alone, second)
    proxy = Proxy(alone.port("bank"))

    def sync(body):
        proxy.got = (200, "application/cose", body)
        uim.must("sync", "--bank", proxy.url)
        return known(uim)[0]
    # Signed by another key than the bank's, and changed under way.
    message = cbor2.loads(after)
    message[3] = b"\x01" * len(message[3])
    assert sync(cbor2.dumps(message)) == name(first)
    at = after.index(second.public_bytes(serialization.Encoding.DER))
    assert sync(after[:at] + b"\x30\x83" + after[at + 2:]) == name(first)
    assert sync(after) == name(second)
    assert sync(before) == name(second), "an older one"
    uim.must("sync")
    # Who can write the directory takes the newer issuer away; the bank, which begins anew, does not go back to the older one.
    der = first.public_bytes(serialization.Encoding.DER)
    alone.configure("authority", "times", crl_ms=3_600_000)
    alone.down()
    alone.up()
    write(alone, ISSUER, "cACertificate;binary", [der], "replace")
    alone.kill("bank")
    restart(alone)
    assert values(alone, ISSUER, "cACertificate;binary") == [der]
    assert served(alone) == (200, after)
    proxy.close()


# shows: R-RENEW-8
def test_it_is_signed_anew_under_the_banks_next_key(alone, tmp_path):
    alone.configure("bank", "times", crl_ms=300)
    alone.up()
    uim = rich(alone)
    before = wait_told(alone, issuers(alone)[0])
    alone.down()
    assert alone.kinchaku("roll").status == OK
    alone.up()
    after = served(alone)[1]
    assert after != before and read(after) == read(before)
    fresh = rich(alone)
    fresh.must("sync")
    assert known(fresh) == known(uim)
    # With another reader than ours: by the newest key, and what it says is what is in force.
    key = x509.load_pem_x509_certificate((alone.dir / "bank" / "sign-1.crt").read_bytes()).public_key()
    reader.verify(reader.parse_signed(after), key, REALM, "kinchaku/1-authority-notice")
    root = x509.load_pem_x509_certificate((alone.dir / "root" / "root.crt").read_bytes())
    assert read(after)["root"].hex() == digest(root)
    for field, file in (("verify-key", "sign.crt"), ("encrypt-key", "encrypt.crt")):
        certificate = x509.load_pem_x509_certificate((alone.dir / "authority" / file).read_bytes())
        assert read(after)[field] == reader.encode_key(certificate.public_key())
    # When the old key ends at once, what it signed is not there any more: a purse takes the same anew, in the visit that brings the keys.
    held = known(uim)
    alone.down()
    assert alone.kinchaku("roll", "--days", "0", "--emergency").status == OK
    alone.up()
    assert known(uim) == held
    uim.must("sync", "--trace", tmp_path / "trace")
    assert "the authority's newest keys taken" in (tmp_path / "trace").read_text()
    assert known(uim) == held
    alone.check_audit()


def own(system, number):
    """The authority's own certificates of that generation."""
    return [x509.load_pem_x509_certificate((system.dir / "authority" / f"{base}{number and f'-{number}' or ''}.crt").read_bytes())
            for base in ("sign", "encrypt")]


def confirmed(system, uim):
    return system.log("authority").count(f"keys confirmed account={uim.account} ")


# shows: R-RENEW-5 R-RENEW-8 R-NODE-2
def test_the_authoritys_own_keys_roll_over_while_renewals_are_under_way(alone):
    alone.configure("bank", "times", crl_ms=300)
    alone.up()
    told, untold, late, waits = (rich(alone) for _ in range(4))
    for uim in (told, untold, late, waits):
        ready(alone, uim)
    # These three know the authority's keys from the bank, and have its last word yet to come.
    for uim in (told, untold, late):
        uim.must("renew", "--by", "authority", "--lose", "answer")
        assert uim.must("show").json["handover"] == "changed" and confirmed(alone, uim) == 0
    before = own(alone, 0)
    roll_over(alone)
    after = own(alone, 1)
    assert len({one.public_key().public_numbers().x for one in (*before, *after)}) == 4
    body = wait_told(alone, issuers(alone)[1])
    assert [read(body)["verify-key"], read(body)["encrypt-key"]] == [reader.encode_key(one.public_key()) for one in after]
    shown = values(alone, "cn=authority,ou=servers,o=kinchaku", "userCertificate;binary")
    assert sorted(shown) == sorted(one.public_bytes(serialization.Encoding.DER) for one in after)
    # Of the old keys alone, where a bank tells nobody; of the new ones by the bank's notice; and who claims now is told of the new ones.
    silent = Proxy(alone.port("bank"))
    number = known(untold)[2]
    untold.must("renew", "--by", "authority", "--bank", silent.url)
    assert known(untold)[2] == number
    told.must("sync")
    told.must("renew", "--by", "authority")
    waits.must("renew", "--by", "authority")
    for uim in (untold, told, waits):
        assert confirmed(alone, uim) == 1 and uim.must("show").json["handover"] == "none", alone.log("authority")
        uim.must("withdraw", 10, "--yes")
    assert "refused" not in alone.log("authority")
    # When the time of the old ones is over nobody is answered by them, and they are on the list; the bank's word stands in.
    alone.configure("authority", "times", keys_ms=1500, crl_ms=500)
    alone.down()
    time.sleep(1.5)
    alone.up()
    late.must("renew", "--by", "authority", "--lose", "payment", "--bank", silent.url, status=AGAIN)
    assert confirmed(alone, late) == 0 and late.must("show").json["handover"] == "changed"
    silent.close()
    # The renewal itself brings the bank's notice, before it seals anything for the authority.
    late.must("renew", "--by", "authority")
    assert confirmed(alone, late) == 1 and known(late)[2] == read(body)["number"]
    late.must("withdraw", 10, "--yes")
    gone = {one.serial_number for one in before}
    for _ in range(50):
        listed = {entry.serial_number for one in lists(alone) for entry in one}
        if gone <= listed:
            break
        time.sleep(0.1)
    assert gone <= listed and not {one.serial_number for one in after} & listed
    # The registrar and the bank go on with it.
    rich(alone).must("renew", "--yes")
    alone.check_audit()


# shows: R-RENEW-8
def test_a_new_root_is_told_with_the_issuer_below_it(alone):
    alone.configure("bank", "times", crl_ms=300)
    alone.up()
    uim = rich(alone)
    before = read(wait_told(alone, issuers(alone)[0]))
    alone.down()
    assert alone.kinchaku("roll", "--root").status == OK
    alone.up()
    body = wait_told(alone, issuers(alone)[1])
    for _ in range(50):
        after = read(served(alone)[1])
        if after["root"] != before["root"]:
            break
        time.sleep(0.1)
    root = x509.load_pem_x509_certificate((alone.dir / "root" / "root-1.crt").read_bytes())
    assert after["root"].hex() == digest(root) and after["number"] >= read(body)["number"] > before["number"]
    assert known(uim, "sync") == (name(issuers(alone)[1]), digest(issuers(alone)[1]), after["number"])
    ready(alone, uim)
    uim.must("renew", "--by", "authority")
    uim.must("withdraw", 10, "--yes")
    alone.check_audit()
