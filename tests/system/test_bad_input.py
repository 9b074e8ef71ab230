"""Does everything wrong that comes from outside get a stable named error, change nothing and leave the servers well?"""
import json
import re
import shutil
import socket
import subprocess
import time

import pytest

from kinchaku import AGAIN, FAULT, OK, REFUSED, Proxy, run

SERVERS = ["bank", "authority", "sandbank"]
SEALED = ["bank", "authority"]


def named(reply, status, error):
    got, kind, body = reply
    assert (got, kind) == (status, "application/json"), reply
    assert json.loads(body)["error"] == error, reply


def healthy(system, node):
    assert system.http(node, "GET", "/v1/health")[0] == 200


def raw(system, node, data, wait=5):
    with socket.create_connection(("127.0.0.1", system.port(node)), timeout=wait) as connection:
        connection.sendall(data)
        try:
            return connection.recv(65536)
        except TimeoutError:
            return b""


@pytest.mark.parametrize("node", SEALED)
def test_bodies_that_are_no_message(shared, node):
    for body in (b"", b"\x00", b"\x84", b"\xff" * 100, b"\x84\x40\xa0\x40\x40", b"\x9b" + b"\xff" * 8, b"\x5b" + b"\xff" * 8,
                 b"\x84" * 4000, b"\xd2\x84\x43\xa1\x01\x26\xa0\x40\x40", b"{}", b"a" * 8192):
        status, kind, reply = shared.http(node, "POST", "/v1/message", body)
        assert status == 400 and kind == "application/json", (body[:8], reply)
        assert json.loads(reply)["error"] in ("malformed", "not-canonical", "wrong-algorithm"), reply
    healthy(shared, node)


@pytest.mark.parametrize("node", SEALED)
def test_bodies_that_are_too_long(shared, node):
    named(shared.http(node, "POST", "/v1/message", b"a" * 8193), 413, "too-large")
    named(shared.http(node, "POST", "/v1/message", b"a" * 1_000_000), 413, "too-large")
    chunked = (b"POST /v1/message HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\nTransfer-Encoding: chunked\r\n\r\n"
               + b"2000\r\n" + b"a" * 0x2000 + b"\r\n" + b"1\r\na\r\n0\r\n\r\n")
    assert b"413" in raw(shared, node, chunked).split(b"\r\n")[0]
    healthy(shared, node)


@pytest.mark.parametrize("node", SEALED)
def test_wrong_ways_to_ask(shared, node):
    named(shared.http(node, "POST", "/v1/message", b"\x84", "text/plain"), 415, "wrong-content-type")
    named(shared.http(node, "POST", "/v1/message", b"\x84", ""), 415, "wrong-content-type")
    named(shared.http(node, "POST", "/v1/other", b"\x84"), 404, "not-found")
    assert shared.http(node, "GET", "/v1/message")[0] in (400, 405)
    assert shared.http(node, "DELETE", "/v1/message")[0] in (400, 405)
    healthy(shared, node)


@pytest.mark.parametrize("node", SERVERS)
def test_connections_that_say_nothing_or_nonsense(shared, node):
    port = shared.port(node)
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(150)]
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    for connection in slow:
        connection.sendall(b"POST /v1/message HTTP/1.1\r\nContent-Type: application/cose\r\nContent-Length: 500\r\n\r\nabc")
    for data in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"\x00" * 5000, b"POST /v1/message HTTP/9.9\r\n\r\n",
                 b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
                 b"POST /v1/message HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                 b"POST /v1/message HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n"):
        answer = raw(shared, node, data, wait=0.3)
        assert answer == b"" or re.match(rb"HTTP/1\.[01] [45]\d\d ", answer), answer[:80]
    healthy(shared, node)
    for connection in idle + slow:
        connection.close()
    healthy(shared, node)


def test_sandbank_wants_its_token_and_strict_json(shared):
    token = (shared.dir / "sandbank" / "access.token").read_text().strip()
    held = {"Authorization": f"Bearer {token}"}
    good = {"key": "k-1", "account": "nobody", "kind": "fund", "amount": "1", "currency": "JPY"}
    named(shared.http("sandbank", "GET", "/v1/accounts/x"), 403, "not-allowed")
    named(shared.http("sandbank", "GET", "/v1/accounts/x", headers={"Authorization": "Bearer " + token[::-1]}), 403,
          "not-allowed")
    for change in ({"amount": "-1"}, {"amount": 1}, {"kind": "steal"}, {"currency": "EUR"}, {"key": ""}, {"more": 1},
                   {"amount": "1" * 30}, {"amount": "0"}):
        status, _, reply = shared.http("sandbank", "POST", "/v1/transfers", json.dumps({**good, **change}).encode(),
                                       "application/json", held)
        assert status == 400, (change, reply)
    status, _, _ = shared.http("sandbank", "POST", "/v1/transfers", b'{"key":' * 1000, "application/json", held)
    assert status in (400, 413)


# shows: R-CASH-2
def test_a_holder_the_directory_does_not_know(shared, alone):
    alone.up()
    stranger = alone.open(fund=100)
    for _ in range(3):
        shared.open()
    other = shared.http("bank", "GET", "/v1/health")
    assert other[0] == 200
    done = stranger.station("withdraw", 10, "--yes", "--bank", f"http://127.0.0.1:{shared.port('bank')}")
    assert done.status == REFUSED and done.error in ("unknown-signer", "bad-signature"), done
    assert stranger.both() == (100, 0)


def test_a_purse_that_asks_where_nobody_listens(shared):
    uim = shared.open(fund=100)
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
        uim.fails("timeout", "withdraw", 10, "--yes", "--bank", f"http://127.0.0.1:{port}", "--timeout", 300, status=AGAIN)
    uim.fails("not-reachable", "withdraw", 10, "--yes", "--bank", f"http://127.0.0.1:{port}", status=AGAIN)
    uim.fails("not-reachable", "withdraw", 10, "--yes", "--bank", "ftp://127.0.0.1/", status=AGAIN)
    uim.must("withdraw", 10, "--yes")


def test_a_server_that_answers_nonsense(shared):
    uim = shared.open(fund=1000)
    for nonsense in (b"", b"\x84", b"<html>", b"x" * 9000, b"\xff" * 8192):
        proxy = Proxy(shared.port("bank"), lambda number, reply, nonsense=nonsense: nonsense)
        done = uim.station("withdraw", 10, "--yes", "--bank", proxy.url)
        assert done.status in (REFUSED, AGAIN), done
        proxy.close()
    uim.must("sync")
    assert uim.both() == (1000, 0)


# ---- the directory and the ordinary bank are away or slow ----

def test_directory_away(alone, tmp_path):
    alone.configure("bank", "times", outside_ms=500)
    alone.configure("authority", "times", outside_ms=500)
    alone.up()
    known, unknown = alone.open(fund=100), alone.open(fund=100)
    alone.down()
    alone.up()
    known.must("withdraw", 10, "--yes")
    alone.kill("slapd")
    known.must("withdraw", 10, "--yes")
    unknown.fails("directory-unavailable", "withdraw", 10, "--yes", status=AGAIN)
    failed = alone.apply(alone.ordinary_account(), tmp_path / "x.uim")
    assert failed.status == AGAIN and not (tmp_path / "x.uim").exists(), failed
    alone.up()
    unknown.must("withdraw", 10, "--yes")
    alone.stop("slapd")
    started = time.monotonic()
    failed = alone.apply(alone.ordinary_account(), tmp_path / "x.uim")
    assert failed.status == AGAIN and time.monotonic() - started < 30, failed
    alone.resume("slapd")
    assert alone.apply(alone.ordinary_account(), tmp_path / "x.uim").status == OK
    alone.check_audit()


# shows: R-CASH-11 R-OPEN-2 R-NODE-5
def test_ordinary_bank_away_slow_or_silent(alone, tmp_path):
    alone.configure("bank", "times", outside_ms=400)
    alone.up()
    uim = alone.open(fund=100)
    alone.faults(down=True)
    failed = alone.apply(alone.ordinary_account(), tmp_path / "x.uim")
    assert (failed.status, failed.error) == (AGAIN, "ordinary-bank-unavailable"), failed
    done = uim.must("fund", 50, status=AGAIN)
    assert done.error == "in-doubt" and uim.balance() == 100
    uim.must("withdraw", 1, "--yes")
    assert uim.both() == (99, 1)
    alone.faults(down=False)
    reach(uim, 149)
    uim.must("deposit", 1, "--yes")
    assert uim.both() == (150, 0) and alone.ordinary_balance(uim.ordinary) == 4850
    alone.faults(lose_answers=2)
    uim.must("fund", 25, status=AGAIN)
    settle(uim)
    assert uim.both() == (175, 0) and alone.ordinary_balance(uim.ordinary) == 4825
    alone.faults(delay_ms=1500)
    uim.must("redeem", 75, status=AGAIN)
    assert uim.balance() == 100
    alone.faults(delay_ms=0)
    settle(uim)
    assert uim.both() == (100, 0) and alone.ordinary_balance(uim.ordinary) == 4900
    alone.faults(lose_answers=1)
    uim.must("fund", 10, status=AGAIN)
    alone.kill("bank")
    alone.up()
    settle(uim)
    assert uim.both() == (110, 0) and alone.ordinary_balance(uim.ordinary) == 4890
    alone.check_audit()


def reach(uim, balance):
    for _ in range(100):
        if uim.balance() == balance:
            return
        time.sleep(0.1)
    raise AssertionError(uim.balance())


def settle(uim):
    for _ in range(100):
        uim.station("sync")
        if uim.state() == "ready":
            return
        time.sleep(0.1)
    raise AssertionError(uim.station("show"))


# ---- disks, databases, files, keys ----

def test_full_disk_at_the_bank(alone):
    alone.up()
    uim = alone.open(fund=1000)
    uim.must("withdraw", 1, "--yes")
    alone.down()
    pages = int(subprocess.run(["sqlite3", str(alone.dir / "bank" / "bank.db"), "PRAGMA page_count"],
                               capture_output=True, text=True, check=True).stdout)
    alone.configure("bank", "limits", database_pages=pages + 2)
    alone.up()
    value, refused = 1, None
    for _ in range(60):
        done = uim.station("withdraw", 1, "--yes")
        if done.status != OK:
            refused = done
            break
        value += 1
    assert refused is not None and refused.error == "disk-full", refused
    healthy(alone, "bank")
    alone.down()
    alone.configure("bank", "limits", database_pages=0)
    alone.up()
    uim.must("sync")
    assert uim.value() == uim.shadow() and uim.value() in (value, value + 1)
    uim.must("withdraw", 1, "--yes")
    alone.check_audit()


def test_damaged_database(alone):
    alone.up()
    uim = alone.open(fund=1000)
    uim.must("withdraw", 1, "--yes")
    alone.down()
    path = alone.dir / "bank" / "bank.db"
    good = path.read_bytes()
    for damage in (good[:100] + b"\x00" * 4000 + good[4100:], good[: len(good) // 2], b"not a database" * 400):
        path.write_bytes(damage)
        done = alone.bank("audit")
        assert done.status in (REFUSED, FAULT) and (done.error == "store-corrupt" or done.json.get("audit") == "bad"), done
        up = alone.kinchaku("up")
        if up.status == OK:
            assert uim.station("withdraw", 1, "--yes").status != OK
        else:
            assert "store-corrupt" in alone.log("bank")
        alone.down()
    path.write_bytes(good)
    alone.up()
    uim.must("withdraw", 1, "--yes")
    alone.check_audit()


def test_damaged_uim_never_gains(shared, tmp_path):
    uim = shared.open(fund=1000)
    uim.must("withdraw", 100, "--yes")
    uim.must("deposit", 10, "--yes")
    good = uim.path.read_bytes()
    outcomes = set()
    for at in range(0, len(good), max(1, len(good) // 120)):
        (tmp_path / "u").write_bytes(good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1:])
        (tmp_path / "u").chmod(0o600)
        done = run("kinchaku-station", "--json", "--uim", tmp_path / "u", "show")
        if done.status == OK:
            assert int(done.json["uim_amount"]) in (90, 100), done
            outcomes.add("held")
        else:
            assert done.error in ("purse-corrupt", "purse-blocked"), done
            outcomes.add("refused")
    assert outcomes == {"held", "refused"}
    for size in (0, 1, 100, len(good) // 2, len(good) - 1):
        (tmp_path / "u").write_bytes(good[:size])
        done = run("kinchaku-station", "--json", "--uim", tmp_path / "u", "show")
        assert done.status in (REFUSED, FAULT) and done.error in ("purse-corrupt", "malformed"), (size, done)


def start(system, node):
    program, log = f"kinchaku-{node}", f"{node}"
    done = run(program, "serve", "--dir", system.dir, timeout=20)
    return done, log


@pytest.mark.parametrize("node", ["bank", "authority", "sandbank"])
def test_configurations_that_are_not_valid(alone, node):
    path = alone.dir / node / f"{node}.ini"
    good = path.read_text()
    for bad in (good + "\n[bank]\nno-such-key = 1\n", good + good, good.replace("port = ", "port = 7"), good + "port\n",
                good.replace("port", "prot"), "", good + "\x00", "x" * 5000, good.replace("[", "<")):
        path.write_text(bad)
        done, _ = start(alone, node)
        assert done.status == FAULT and "config-invalid" in done.err, (bad, done)
    path.write_text(good)


@pytest.mark.parametrize("node, key", [("bank", "sign.key"), ("bank", "encrypt.key"), ("authority", "sign.key"),
                                       ("authority", "issuing.key"), ("sandbank", "access.token"),
                                       ("bank", "ordinary-bank.token"), ("authority", "directory.secret")])
def test_secrets_that_others_may_read(alone, node, key):
    path = alone.dir / node / key
    path.chmod(0o644)
    done, _ = start(alone, node)
    assert done.status == FAULT and "key-permissions" in done.err, done
    path.chmod(0o600)


@pytest.mark.parametrize("node, key", [("bank", "sign.key"), ("bank", "encrypt.key"), ("authority", "sign.key"),
                                       ("authority", "encrypt.key"), ("authority", "issuing.key")])
def test_keys_that_do_not_fit_their_certificate(alone, node, key):
    path = alone.dir / node / key
    shutil.copy(alone.dir / "registrar" / "sign.key", path)
    done, _ = start(alone, node)
    assert done.status == FAULT and "config-invalid" in done.err and f"{key} is not the key" in done.err, done
    path.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    done, _ = start(alone, node)
    assert done.status != OK and re.search("malformed|wrong-algorithm", done.err), done
    path.unlink()
    done, _ = start(alone, node)
    assert done.status == FAULT and "file-missing" in done.err, done


def test_port_that_is_taken(alone):
    alone.up()
    port = alone.port("bank")
    alone.down()
    with socket.create_server(("127.0.0.1", port)):
        up = alone.kinchaku("up")
        assert up.status == FAULT and up.error == "address-in-use", up
        assert "address-in-use" in alone.log("bank")
    alone.up()


def test_second_bank_on_one_database(alone):
    alone.up()
    done, _ = start(alone, "bank")
    assert done.status == AGAIN and "in-use" in done.err, done
    healthy(alone, "bank")


def test_logs_hold_no_secrets(shared, tmp_path):
    pin, password = tmp_path / "pin", tmp_path / "password"
    pin.write_text("731906\n")
    password.write_text("open sesame 42\n")
    for path in (pin, password):
        path.chmod(0o600)
    uim = shared.open("--pin-file", pin, "--password-file", password)
    uim.must("fund", 10, "--pin-file", pin)
    uim.station("withdraw", 10**6, "--yes", "--pin-file", pin)
    token = (shared.dir / "sandbank" / "access.token").read_text().strip()
    secret = (shared.dir / "authority" / "directory.secret").read_text().strip()
    logs = "".join(path.read_text() for path in (shared.dir / "log").glob("*.log"))
    for word in ("731906", "open sesame", token, secret, "Yamada", "PRIVATE KEY"):
        assert word not in logs, word
    assert "insufficient-account" in shared.log("bank")
