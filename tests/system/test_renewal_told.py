"""Is a holder told how far the renewal of the keys is at the bank, by the bank's signed word on this question, and by nobody else's?"""
import calendar
import hashlib
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from forge import REALM, pack, reader
from kinchaku import AGAIN, OK, Proxy, run
from test_handover import ready
from test_directory import account_name, values
from test_renew import certificates, wait_revoked


def told(uim, *arguments):
    shown = uim.must(*(arguments or ("show",))).json
    return {key.removeprefix("renewal_"): value for key, value in shown.items() if key.startswith("renewal")}


def end_of(system, uim, serial):
    """Of that certificate, as a station writes times."""
    found = [x509.load_der_x509_certificate(der) for der in values(system, account_name(uim.account), "userCertificate;binary")]
    [end] = {one.not_valid_after for one in found if one.serial_number == serial}
    return end.strftime("%Y-%m-%dT%H:%M:%S")


def in_words(uim, verb="show"):
    done = run("kinchaku-station", "--uim", uim.place, verb, env=uim.env)
    assert done.status == OK, done
    return done.out


def wait_none(uim):
    for _ in range(100):
        found = told(uim)
        if found == {"renewal": "none"}:
            return
        assert found["renewal"] == "confirmed", found
        time.sleep(0.1)
    raise AssertionError(found)


# shows: R-RENEW-3 R-RENEW-7
def test_a_renewal_that_the_purse_began(alone):
    alone.up()
    uim = alone.open(fund=500)
    old = certificates(alone, uim)
    assert told(uim) == told(uim, "sync") == {"renewal": "none"} and "renewal" not in in_words(uim)
    end = end_of(alone, uim, old[True])
    # Sr1 arrived, and the authority is away.
    alone.kill("authority")
    begun = time.time()
    assert uim.station("renew").status == AGAIN
    asked = told(uim)
    assert (asked["renewal"], asked["by"]) == ("asked", "purse") and asked["until"].startswith(end), (asked, end)
    since = calendar.timegm(time.strptime(asked["since"][:19], "%Y-%m-%dT%H:%M:%S"))
    assert begun - 2 < since < time.time() + 2
    assert told(uim, "sync") == asked
    assert "not certified yet: run 'renew' again" in in_words(uim) and f"good until {end}" in in_words(uim, "sync")
    # Sr4 was lost: the bank has the new pair, and the purse goes by the old one.
    alone.up()
    uim.must("renew", "--lose", "quote", status=AGAIN)
    assert told(uim)["renewal"] == "certified" and told(uim)["until"].startswith(end)
    assert "not reported in force yet" in in_words(uim)
    # Sr5 was lost: the purse has changed over, and shows the identity that the bank does not have in force.
    uim.must("renew", "--lose", "answer", status=AGAIN)
    assert told(uim)["renewal"] == "certified"
    # Sr7 waits for the authority.
    alone.kill("authority")
    assert told(uim, "renew")["renewal"] == "confirmed" and "until" not in told(uim)
    assert "the bank has the old ones revoked" in in_words(uim)
    alone.up()
    wait_none(uim)
    wait_revoked(alone, set(old.values()))
    # Nobody is asked who has no keys, and nobody waits long for a bank that is away.
    alone.down()
    began = time.monotonic()
    assert told(uim) == {} and time.monotonic() - began < 2
    alone.up()
    alone.check_audit()


# shows: R-RENEW-3 R-RENEW-7
def test_keys_that_the_authority_makes(alone):
    alone.up()
    uim = alone.open(fund=500)
    end = end_of(alone, uim, certificates(alone, uim)[True])
    alone.kill("authority")
    assert alone.bank("renew", uim.account).status == OK
    ordered = told(uim)
    assert (ordered["renewal"], ordered["by"]) == ("ordered", "authority") and ordered["until"].startswith(end)
    assert "not made yet" in in_words(uim)
    alone.up()
    for _ in range(100):
        if told(uim)["renewal"] == "ready":
            break
        time.sleep(0.1)
    assert (told(uim)["renewal"], told(uim)["by"]) == ("ready", "authority")
    assert "new keys wait at the authority since" in in_words(uim) and "run 'renew --by authority'" in in_words(uim)
    ready(alone, uim)
    assert in_words(uim).count("wait at the authority since") == 1, "by the purse's own word"
    uim.must("renew", "--by", "authority", "--lose", "quote", status=AGAIN)
    assert (told(uim)["renewal"], told(uim)["by"]) == ("certified", "authority")
    uim.must("renew", "--by", "authority")
    wait_none(uim)
    alone.check_audit()


# shows: R-SEC-2 R-SEC-4
def test_nobody_elses_word_counts(shared):
    uim, other = shared.open(fund=500), shared.open(fund=500)
    uim.must("renew", "--lose", "quote", status=AGAIN)
    seen = []

    def change(_, reply):
        seen.append(reply)
        return changes.pop(0)(reply)
    proxy = Proxy(shared.port("bank"), change)

    def through(how):
        changes[:] = [how]
        return told(uim, "show", "--bank", proxy.url)
    changes = []
    assert through(lambda reply: reply)["renewal"] == "certified"
    genuine = seen[-1]
    bank = serialization.load_pem_public_key((shared.dir / "bank" / "sign.pub").read_bytes())
    fields = reader.open_signed(genuine, bank, REALM, "renewal-word")
    assert fields["purse"] == uim.purse and fields["step"] == "certified"
    # The answer to another question, one that was changed, another purse's, none at all.
    assert through(lambda _: genuine) == {}
    assert through(lambda reply: reply[:-1] + bytes([reply[-1] ^ 1])) == {}
    about_other = []
    other_proxy = Proxy(shared.port("bank"), lambda _, reply: about_other.append(reply) or reply)
    assert told(other, "show", "--bank", other_proxy.url) == {"renewal": "none"}
    assert through(lambda _: about_other[0]) == {}
    assert through(lambda _: b"") == {} and through(lambda _: None) == {}
    for one in (proxy, other_proxy):
        one.close()
    # The bank tells nobody of a purse whose identity he was not shown, and changes nothing for it.
    query = reader.read_message(proxy.requests[0], "renewal-query")[1]
    assert hashlib.sha256(proxy.requests[0]).digest() == fields["query"]

    def post(**more):
        return shared.http("bank", "POST", "/v1/renewal", pack("renewal-query", {**query, **more}))
    assert post()[0] == 200
    claims = reader.parse_brief(query["identity"])["payload"]
    at = query["identity"].index(claims)
    for place in (at + len(claims) // 2, at + len(claims) - 1):
        wrong = bytearray(query["identity"])
        wrong[place] ^= 1
        status, kind, body = post(identity=bytes(wrong))
        assert status in (400, 403, 404, 409, 422) and kind == "application/json", (place, status, body)
    for body in (b"", b"\x80", query["identity"], proxy.requests[0][:-1]):
        assert shared.http("bank", "POST", "/v1/renewal", body)[0] == 400, body
    assert shared.http("bank", "GET", "/v1/renewal")[0] == 405
    uim.must("renew")


# shows: R-RENEW-3 R-NODE-9
def test_the_word_does_not_wait_behind_an_authority_that_says_nothing(alone):
    """Every thread that may wait for it does."""
    alone.up()
    uims = [alone.open() for _ in range(9)]
    alone.stop("authority")
    waiting = [threading.Thread(target=uim.station, args=("renew",)) for uim in uims[1:]]
    try:
        for one in waiting:
            one.start()
        time.sleep(0.8)
        began = time.monotonic()
        assert told(uims[0]) == {"renewal": "none"}
        assert time.monotonic() - began < 1.5 and all(one.is_alive() for one in waiting)
    finally:
        alone.resume("authority")
        for one in waiting:
            one.join()
    alone.check_audit()
