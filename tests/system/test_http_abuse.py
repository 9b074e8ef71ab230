"""Do the servers keep answering others while a client holds connections, drips bytes, pipelines, or bends HTTP?"""
import re
import resource
import socket
import subprocess
import threading

import pytest

from kinchaku import OK, System, program

SERVERS = ["bank", "authority", "sandbank"]
HEALTH = b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n"


def healthy(system, node):
    assert system.http(node, "GET", "/v1/health")[0] == 200


def dial(system, node):
    return socket.create_connection(("127.0.0.1", system.port(node)), timeout=20)


def talk(system, node, data, wait=2.0):
    """Sends bytes; everything that comes back until the other side closes or says nothing for a while."""
    with dial(system, node) as connection:
        connection.settimeout(wait)
        said = b""
        try:
            connection.sendall(data)
            while piece := connection.recv(65536):
                said += piece
        except (TimeoutError, ConnectionError):
            pass
        return said


def statuses(said):
    return [int(number) for number in re.findall(rb"HTTP/1\.1 (\d\d\d)", said)]


@pytest.fixture
def many_files():
    """Descriptors for the client: an ordinary user's session begins with fewer than it may have. The servers have begun before."""
    least, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (least, most))


# shows: R-NODE-1
@pytest.mark.usefixtures("many_files")
def test_two_thousand_idle_connections(shared):
    """They are held, dropped or refused, but a user's withdrawal goes through meanwhile, and the servers stay."""
    uim = shared.open(fund=100)
    pids = {node: shared.pid(node) for node in SERVERS}
    idle = []
    try:
        for node in SERVERS:
            for number in range(2000):
                connection = dial(shared, node)
                if number % 3 == 1:
                    connection.send(b"POST /v1/message HTTP/1.1\r\nHost:")
                if number % 3 == 2:
                    connection.send(b"POST /v1/message HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n"
                                    b"Content-Length: 8000\r\n\r\nabc")
                idle.append(connection)
        for node in SERVERS:
            healthy(shared, node)
        uim.must("withdraw", 10, "--yes")
        uim.must("fund", 10)
        shared.open()
    finally:
        for connection in idle:
            connection.close()
    assert uim.both() == (100, 10)
    assert pids == {node: shared.pid(node) for node in SERVERS}


def test_fewer_descriptors_than_connections(tmp_path):
    """With few descriptors the connections are bounded below them: files, directory and ordinary bank can still be reached."""
    system = System(tmp_path)
    system.init()
    limit = 256
    started = subprocess.run([program("kinchaku"), "up", "--dir", str(system.dir)], capture_output=True, text=True, timeout=120,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)), check=False)
    idle = []
    try:
        assert started.returncode == OK, started
        for node in SERVERS:
            idle += [dial(system, node) for _ in range(limit + 50)]
        uim = system.open(fund=100)
        uim.must("withdraw", 10, "--yes")
        uim.must("redeem", 20)
        assert uim.both() == (70, 10)
        system.check_audit()
    finally:
        for connection in idle:
            connection.close()
        system.down()


@pytest.mark.parametrize("node", SERVERS)
def test_pipelines(shared, node):
    """Each request of a long pipeline gets its answer, in order; nobody who does not read them stops the server."""
    post = b"POST /v1/message HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\nContent-Length: 2\r\n\r\n\x84\x40"
    said = statuses(talk(shared, node, (HEALTH + post) * 40, wait=1.0))
    assert said[::2] == [200] * 40 and len(said) == 80 and set(said[1::2]) <= {400, 403}, said
    stubborn = dial(shared, node)
    stubborn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stubborn.setblocking(False)
    try:
        for _ in range(2000):
            stubborn.send(HEALTH * 50)
    except BlockingIOError:
        pass
    healthy(shared, node)
    stubborn.close()
    healthy(shared, node)


@pytest.mark.parametrize("node", SERVERS)
def test_bent_http(shared, node):
    """Whatever two servers could read differently is refused or ends the connection; an answer is never a fault of ours."""
    start = b"POST /v1/message HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n"
    requests = {
        "no body": start + b"\r\n",
        "no length": start + b"Connection: close\r\n\r\n\x84\x40",
        "two lengths": start + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n\x84\x40",
        "length and chunks": start + b"Content-Length: 2\r\n" + chunked + b"\r\n2\r\n\x84\x40\r\n0\r\n\r\n",
        "an odd chunk": start + chunked + b"\r\nzz\r\n\x84\x40\r\n0\r\n\r\n",
        "a huge chunk": start + chunked + b"\r\nffffffffffffffff\r\n\x84\x40\r\n0\r\n\r\n",
        "chunks without end": start + chunked + b"\r\n" + b"1\r\n\x84\r\n" * 9000 + b"0\r\n\r\n",
        "a chunk's long comment": start + chunked + b"\r\n1;" + b"c" * 20000 + b"\r\n\x84\r\n0\r\n\r\n",
        "many headers": start + b"".join(b"X-%d: y\r\n" % n for n in range(3000)) + b"\r\n",
        "one long header": start + b"X: " + b"y" * 40000 + b"\r\n\r\n",
        "a folded header": start + b"X: y\r\n and more\r\nContent-Length: 2\r\n\r\n\x84\x40",
        "a header without name": start + b": y\r\nContent-Length: 2\r\n\r\n\x84\x40",
        "a header without colon": start + b"nonsense\r\nContent-Length: 2\r\n\r\n\x84\x40",
        "a NUL in a header": start + b"X: a\x00b\r\nContent-Length: 2\r\n\r\n\x84\x40",
        "only line feeds": start.replace(b"\r\n", b"\n") + b"Content-Length: 2\n\n\x84\x40",
        "an unknown method": b"BREW /v1/message HTTP/1.1\r\nHost: x\r\n\r\n",
        "a path upwards": b"GET /v1/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        "a path with NUL": b"GET /v1/health%00/x HTTP/1.1\r\nHost: x\r\n\r\n",
        "a whole address": b"GET http://127.0.0.1/v1/message HTTP/1.1\r\nHost: x\r\n\r\n",
        "an upgrade": b"GET /v1/message HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "expecting nonsense": start + b"Expect: a miracle\r\nContent-Length: 2\r\n\r\n\x84\x40",
    }
    errors = {}

    def one(name, data):
        said = talk(shared, node, data, wait=1.5)
        codes = statuses(said)
        if name == "a chunk's long comment":
            # libmicrohttpd itself has no memory for it, says 500 and closes: it is over for this client only.
            return
        if b"500" in said[:12] or any(code >= 500 and code not in (501, 505) for code in codes):
            errors[name] = said[:200]
        if name in ("no body", "chunks without end") and not set(codes) <= {400, 403, 413}:
            errors[name] = said[:200]
        if any(code == 200 for code in codes) and name not in ("a path with NUL",):
            errors[name] = said[:200]

    threads = [threading.Thread(target=one, args=item) for item in requests.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    healthy(shared, node)


def test_directory_takes_nonsense(shared):
    """slapd stands on loopback for everybody on the machine: nonsense and strangers change nothing in it."""
    port = shared.port("slapd")
    for data in (b"\x30\x84\xff\xff\xff\xff", b"\x30\x80" * 1000, b"\x00" * 5000, HEALTH, b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"):
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(data)
            connection.settimeout(0.2)
            try:
                connection.recv(1000)
            except (TimeoutError, ConnectionError):
                pass
    address = ["-x", "-H", f"ldap://127.0.0.1:{port}"]
    change = "dn: cn=bank,ou=servers,o=kinchaku\nchangetype: delete\n"
    for who in ([], ["-D", "cn=authority,o=kinchaku", "-w", "wrong"], ["-D", "cn=authority,o=kinchaku", "-w", ""],
                ["-D", "cn=bank,ou=servers,o=kinchaku", "-w", "x"]):
        for text in (change, "dn: cn=evil,ou=accounts,o=kinchaku\nchangetype: add\nobjectClass: applicationProcess\ncn: evil\n"):
            done = subprocess.run(["ldapmodify", *address, *who], input=text, capture_output=True, text=True, check=False)
            assert done.returncode in (8, 49, 50, 53), done
    everything = subprocess.run(["ldapsearch", *address, "-LLL", "-b", "o=kinchaku", "(cn=*)", "*", "+"], capture_output=True,
                                text=True, check=False).stdout
    secret = (shared.dir / "authority" / "directory.secret").read_text().strip()
    assert "cn=bank" in everything and secret not in everything and "evil" not in everything
    assert "rootpw" not in everything and "Yamada" not in everything
    shared.open()
