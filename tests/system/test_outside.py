"""Does the bank believe an ordinary bank, a directory or a station its server more than it may, and does one slow one stop the rest?"""
import http.server
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kinchaku import AGAIN, OK, REFUSED, System, Uim


class FakeBank:
    """An ordinary bank that says whatever `lie` makes of the true answer: (status, headers, body) or None to hang up."""

    def __init__(self, lie):
        self.lie, self.asked = lie, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self, truth, body):
                said = outer.lie(self.path, truth, body)
                if said is None:
                    self.close_connection = True
                    return
                status, headers, data = said
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                account = self.path.rpartition("/")[2]
                outer.asked.append(("GET", self.path))
                self.reply({"account": account, "exists": True, "able_to_pay": True}, {})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append((self.headers["Idempotency-Key"], body))
                self.reply({**body, "status": "done", "reason": "ok"}, body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def said(value, status=200, kind="application/json", **headers):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return status, {"Content-Type": kind, **headers}, data


def truth(_, true, __):
    return said(true)


LIES = {
    "no JSON": lambda _, true, __: said(b"<html>done</html>"),
    "nothing": lambda _, true, __: said(b""),
    "half of it": lambda _, true, __: said(json.dumps(true).encode()[:-3]),
    "deep": lambda _, true, __: said(b"[" * 4000),
    "long": lambda _, true, __: said({**true, "more": "x" * 10000}),
    "a list": lambda _, true, __: said([true]),
    "twice the same name": lambda _, true, __: said(json.dumps(true)[:-1].encode() + b', "account": "o-1", "status": "done"}'),
    "another key": lambda _, true, __: said({**true, "key": true.get("key", "") + "0", "account": "else"}),
    "another amount": lambda _, true, __: said({**true, "amount": "1", "account": "else"}),
    "another account": lambda _, true, __: said({**true, "account": "else"}),
    "the other way": lambda _, true, __: said({**true, "kind": "redeem", "account": "else"}),
    "an unknown word": lambda _, true, __: said({**true, "status": "maybe", "exists": 1}),
    "an error that says done": lambda _, true, __: said(true, status=500),
    "elsewhere": lambda _, true, __: said(true, status=302, Location="http://127.0.0.1:1/"),
    "hanging up": lambda _, true, __: None,
}


ABOUT_ACCOUNTS = ("no JSON", "another account", "an unknown word", "an error that says done")


@pytest.fixture(scope="module")
def lied_to(tmp_path_factory):
    """A system whose bank asks a bank of ours; each test tells it what to say."""
    system = System(tmp_path_factory.mktemp("lied to"))
    system.init()
    bank = FakeBank(truth)
    system.configure("bank", "ordinary-bank", url=bank.url)
    system.configure("bank", "times", outside_ms=700)
    try:
        system.up()
        yield system, bank
    finally:
        bank.lie = truth
        system.down()
        bank.close()


# shows: R-NODE-5 R-OPEN-2
def test_an_ordinary_bank_that_lies_moves_nothing(lied_to, tmp_path):
    """What is not clearly the answer to what was asked leaves the outcome open; the truth later settles it, once."""
    system, bank = lied_to
    bank.lie = truth
    csv = tmp_path / "many.csv"
    csv.write_text("".join(f"A,B,1,o-{n},{tmp_path}/{n}.uim\n" for n in range(len(LIES))))
    opened = system.registrar("bulk", "--file", csv, timeout=120)
    assert opened.status == OK, opened
    uims = [Uim(system, row["uim"], row) for row in opened.objects]
    for uim, (name, lie) in zip(uims, LIES.items()):
        bank.lie = lie
        done = uim.must("fund", 100, status=AGAIN)
        assert done.error == "in-doubt", (name, done)
        assert uim.balance() == 0, name
        if name not in ABOUT_ACCOUNTS:
            continue
        failed = system.apply("o-1", tmp_path / "x.uim")
        assert (failed.status, failed.error) == (AGAIN, "ordinary-bank-unavailable"), (name, failed)
    bank.lie = truth
    for uim, name in zip(uims, LIES):
        for _ in range(200):
            if uim.station("sync").json.get("state") == "ready":
                break
            time.sleep(0.05)
        assert uim.both() == (100, 0), name
    orders = {}
    for key, body in bank.asked:
        if key != "GET":
            orders.setdefault(body["account"], set()).add(key)
    assert all(len(keys) == 1 for keys in orders.values()), orders
    assert system.bank("audit").status == OK


# shows: R-CASH-11
def test_refusals_of_the_ordinary_bank_keep_their_names(lied_to):
    system, bank = lied_to
    bank.lie = truth
    uim = system.open(fund=100)
    for reason, name in (("no-bank-account", "no-bank-account"), ("no-ability-to-pay", "no-ability-to-pay"),
                         ("internal", "no-ability-to-pay"), ("", "no-ability-to-pay"), (None, "no-ability-to-pay")):
        bank.lie = lambda _, true, __, reason=reason: said({**true, "status": "refused", "reason": reason})
        for verb in ("fund", "redeem"):
            assert uim.must(verb, 10, status=REFUSED).error == name
    assert uim.both() == (100, 0)


def test_many_transfers_at_once_at_the_sandbank(shared):
    """Its threads share one book: every transfer is carried out once, on the account it names."""
    token = (shared.dir / "sandbank" / "access.token").read_text().strip()
    names = [shared.ordinary_account(balance=1000) for _ in range(8)]

    def fund(number):
        name = names[number % 8]
        body = {"key": f"many-{number // 2}-{name}", "account": name, "kind": "fund", "amount": str(1 + number % 8),
                "currency": "JPY"}
        return body, shared.http("sandbank", "POST", "/v1/transfers", json.dumps(body).encode(), "application/json",
                                 {"Authorization": f"Bearer {token}"})

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(fund, range(320)))
    for body, (status, _, reply) in answers:
        assert status == 200 and json.loads(reply)["status"] == "done" and json.loads(reply)["key"] == body["key"], reply
    for place, name in enumerate(names):
        assert shared.ordinary_balance(name) == 1000 - 40 * (1 + place)
    back = {name: 40 * (1 + place) for place, name in enumerate(names)}
    for name, amount in back.items():
        body = {"key": f"back-{name}", "account": name, "kind": "redeem", "amount": str(amount), "currency": "JPY"}
        status, _, _ = shared.http("sandbank", "POST", "/v1/transfers", json.dumps(body).encode(), "application/json",
                                   {"Authorization": f"Bearer {token}"})
        assert status == 200


def test_json_bombs_at_the_sandbank(shared):
    token = (shared.dir / "sandbank" / "access.token").read_text().strip()
    held = {"Authorization": f"Bearer {token}"}
    good = {"key": "k", "account": "nobody", "kind": "fund", "amount": "1", "currency": "JPY"}
    for path in ("/v1/transfers", "/v1/faults"):
        for bomb in (b"[" * 4096, b'{"a":' * 800, b"1e999999", b'"' + b"\\u0000" * 600 + b'"', b"{}" * 2000, b"\xff\xfe{}", b"",
                     b'{"delay_ms": 1e400}', b"[1,2", json.dumps({**good, "key": "k\x00y"}).encode()):
            status, kind, reply = shared.http("sandbank", "POST", path, bomb, "application/json", held)
            assert (status, json.loads(reply)["error"]) == (400, "malformed"), (path, bomb[:20], reply)
        status, _, reply = shared.http("sandbank", "POST", path, b"{}", "text/plain", held)
        assert (status, json.loads(reply)["error"]) == (415, "wrong-content-type"), (path, reply)
        status, _, reply = shared.http("sandbank", "PUT", path, b"{}", "application/json", held)
        assert (status, json.loads(reply)["error"]) == (405, "unknown-instruction"), (path, reply)
    # What would forge a line or a word of the log is no key.
    for key in ("k outcome=ok", "k\noutcome=ok", "k\x1b[2J", "k\u202e", "../x"):
        status, _, _ = shared.http("sandbank", "POST", "/v1/transfers", json.dumps({**good, "key": key}).encode(),
                                   "application/json", held)
        assert status == 400, key
    assert "k outcome" not in shared.log("sandbank") and "\x1b" not in shared.log("sandbank")
    assert shared.http("sandbank", "GET", "/v1/health")[0] == 200


# ---- a bank's address that is not a bank ----

def serve_raw(answer, hold=None):
    """A server that reads one request and sends `answer`, then what `hold` yields, until the other side has enough."""
    server = socket.create_server(("127.0.0.1", 0))

    def carry(client):
        with client:
            try:
                client.recv(65536)
                client.sendall(answer)
                for piece in hold() if hold else ():
                    client.sendall(piece)
            except OSError:
                pass

    def accept():
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=carry, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server, f"http://127.0.0.1:{server.getsockname()[1]}"


def forever(piece, pause=0.0):
    def pieces():
        while True:
            yield piece
            time.sleep(pause)
    return pieces


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/cose\r\n"
TRICKS = {
    "a body without end": (HEAD + b"\r\n", forever(b"x" * 65536), "too-large", REFUSED),
    "chunks without end": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", forever(b"400\r\n" + b"y" * 1024 + b"\r\n"), "too-large",
                           REFUSED),
    "headers without end": (HEAD, forever(b"X-More: " + b"z" * 1000 + b"\r\n"), "too-large", REFUSED),
    "one header without end": (HEAD + b"X: ", forever(b"z" * 65536), None, None),
    "continue without end": (b"", forever(b"HTTP/1.1 100 Continue\r\n\r\n" * 100), "too-large", REFUSED),
    "byte by byte": (HEAD + b"\r\n", forever(b"x", 0.02), "timeout", AGAIN),
    "header by header": (HEAD, forever(b"A: b\r\n", 0.05), "timeout", AGAIN),
    "silence": (b"", lambda: iter(lambda: time.sleep(0.1) or b"", None), "timeout", AGAIN),
    "a promise of more": (HEAD + b"Content-Length: 99999999999\r\n\r\nabc", None, "too-large", REFUSED),
    "less than promised": (HEAD + b"Content-Length: 50\r\n\r\nabc", None, "not-reachable", AGAIN),
    "no HTTP": (b"\x16\x03\x01 nonsense\r\n\r\n", None, "not-reachable", AGAIN),
    "a redirection": (b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", None,
                      "wrong-content-type", REFUSED),
    "a page": (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi", None, "wrong-content-type", REFUSED),
    "an invented error": (b"HTTP/1.1 500 X\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n" + b'{"error":"\\u001b[2J"}'[:20],
                          None, None, None),
    "an error that is none": (b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n" + b'{"error":"ok"}',
                              None, "internal", 4),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_station_at_a_false_bank(lied_to, trick):
    system, bank = lied_to
    bank.lie = truth
    if not hasattr(system, "victim"):
        system.victim = system.open(fund=100)
        system.victim.must("withdraw", 40, "--yes")
    uim = system.victim
    answer, hold, error, status = TRICKS[trick]
    server, url = serve_raw(answer, hold)
    started = time.monotonic()
    done = uim.station("withdraw", 10, "--yes", "--bank", url, "--timeout", 1200)
    assert time.monotonic() - started < 10
    server.close()
    assert done.status in (REFUSED, AGAIN, 4) and "\x1b" not in done.out + done.err, done
    assert error is None or (done.error, done.status) == (error, status), done
    assert uim.both() == (60, 40)


def test_addresses_that_are_none(lied_to):
    system, bank = lied_to
    bank.lie = truth
    uim = system.open(fund=10)
    for url in ("", "file:///etc/passwd", "gopher://127.0.0.1:1/", "http://", "http://[::1", "http://127.0.0.1:99999",
                "http://a b/", "http://x\r\nX: y", "//", "http://127.0.0.1:1/" + "a" * 100):
        assert uim.must("withdraw", 1, "--yes", "--bank", url, status=AGAIN).error == "not-reachable"
    uim.fails("too-large", "withdraw", 1, "--yes", "--bank", "http://" + "a" * 200)
    for wrong in ("0", "-1", "1x", "", "600001", "x", "99999999999999999999"):
        done = uim.must("show", "--timeout", wrong, status=2)
        assert done.out == ""


# ---- the directory ----

def test_a_directory_that_lost_everything_is_filled_again(alone):
    """Nothing in it is worth a backup: the authority knows every certificate."""
    alone.configure("bank", "times", outside_ms=1000)
    alone.up()
    uim = alone.open(fund=100)
    alone.down()
    for path in (alone.dir / "directory" / "data").iterdir():
        path.unlink()
    alone.up()
    uim.must("withdraw", 10, "--yes")
    assert uim.both() == (90, 10)
    alone.down()
    (alone.dir / "directory" / "data" / "data.mdb").write_bytes(b"no database" * 1000)
    up = alone.kinchaku("up")
    assert up.status == AGAIN and "slapd" in up.err, up
    for path in (alone.dir / "directory" / "data").iterdir():
        path.unlink()
    alone.up()
    assert alone.authority("publish").status == OK
    uim.must("withdraw", 10, "--yes")
