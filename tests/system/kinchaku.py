"""Driving a whole system by its command lines, as an operator and a user would."""
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

BUILD = Path(os.environ.get("KINCHAKU_BUILD", "build")).resolve()
NODES = {"slapd": "directory", "sandbank": "sandbank", "authority": "authority", "bank": "bank"}
OK, REFUSED, USAGE, AGAIN, FAULT = range(5)


def program(name):
    folder = "kinchaku" if name == "kinchaku" else name.removeprefix("kinchaku-")
    return str(BUILD / "src" / folder / name)


class Done:
    """What a command printed and how it ended; `.json` is the last object on stdout."""

    def __init__(self, finished):
        self.status, self.out, self.err = finished.returncode, finished.stdout, finished.stderr

    @property
    def objects(self):
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    @property
    def json(self):
        return self.objects[-1]

    @property
    def error(self):
        return self.json.get("error") if self.objects else None

    def __repr__(self):
        return f"status {self.status}\nstdout: {self.out}\nstderr: {self.err}"


def run(name, *arguments, timeout=60, env=None, text=None):
    command = [program(name), *map(str, arguments)]
    return Done(subprocess.run(command, capture_output=True, text=True, timeout=timeout, input=text,
                               env={**os.environ, **(env or {})}, check=False))


class Uim:
    """A UIM file and the station around it."""

    def __init__(self, system, path, opened):
        self.system, self.path = system, Path(path)
        self.account, self.purse = opened["account"], opened["purse"]

    @property
    def place(self):
        """What --uim is told; the card is in its reader at return."""
        desk = self.system.desk
        return str(self.path) if desk is None else f"pcsc:{desk.insert(self.path).reader}"

    @property
    def env(self):
        """What a station finds beside a file, and cannot find beside a card."""
        if self.system.desk is None:
            return {}
        letter = Path(f"{self.path}.letter")
        pin = {"KINCHAKU_PIN": letter.read_text().split()[1]} if letter.exists() else {}
        return {**self.system.desk.env, **pin}

    def station(self, *arguments, env=None, **more):
        place = self.place
        return run("kinchaku-station", "--json", "--uim", place, *arguments, env={**self.env, **(env or {})}, **more)

    def value(self):
        return int(self.station("show").json["uim_amount"])

    def state(self):
        return self.station("show").json["state"]

    def balance(self):
        return int(self.system.bank("account", self.account).objects[0]["balance"])

    def shadow(self):
        return int(self.system.bank("purse", self.purse).objects[0]["value"])

    def both(self):
        return self.balance(), self.value()

    def must(self, *arguments, status=OK, **more):
        done = self.station(*arguments, **more)
        assert done.status == status, done
        return done

    def fails(self, error, *arguments, status=REFUSED, **more):
        """The command is refused by this stable name, and neither side changes."""
        before = self.both()
        done = self.must(*arguments, status=status, **more)
        assert done.error == error, done
        assert self.both() == before
        return done


class System:
    """A system in a folder, by `kinchaku` and the programs' own commands."""

    def __init__(self, base, desk=None):
        """With a desk its UIMs are cards in readers, else files."""
        self.base, self.desk = Path(base), desk
        self.dir = self.base / "a system"
        self.count = 0

    def kinchaku(self, verb, *arguments):
        return run("kinchaku", verb, "--json", "--dir", self.dir, *arguments, timeout=120)

    def init(self, *arguments):
        done = self.kinchaku("init", "--faults", *arguments)
        assert done.status == OK, done

    def up(self, *arguments):
        done = self.kinchaku("up", "--faults", *arguments)
        assert done.status == OK, (done, self.logs())
        return done

    def down(self):
        done = self.kinchaku("down")
        assert done.status == OK, done

    def logs(self):
        return {path.name: path.read_text()[-2000:] for path in (self.dir / "log").glob("*.log")}

    def log(self, node):
        return (self.dir / "log" / f"{node}.log").read_text()

    def configure(self, node, section, **values):
        """Sets keys in a server's configuration; the section is added when it is missing."""
        path = self.dir / node / f"{node}.ini"
        lines = path.read_text().splitlines()
        head = f"[{section}]"
        if head not in lines:
            lines += ["", head]
        at = lines.index(head) + 1
        end = next((i for i in range(at, len(lines)) if lines[i].startswith("[")), len(lines))
        kept = [line for line in lines[at:end] if line.split(" = ")[0] not in values]
        lines[at:end] = [f"{key} = {value}" for key, value in values.items()] + kept
        path.write_text("\n".join(lines) + "\n")

    def port(self, node):
        """As the system's file says; it is written once."""
        lines = (self.dir / "system.ini").read_text().partition("[ports]")[2].splitlines()
        return int(dict(line.split(" = ") for line in lines if line)["directory" if node == "slapd" else node])

    def pid(self, node):
        return int((self.dir / "run" / f"{node}.pid").read_text().split()[0])

    def kill(self, node):
        """SIGKILL, and waits until the process is gone."""
        pid = self.pid(node)
        os.kill(pid, signal.SIGKILL)
        for _ in range(500):
            if not Path(f"/proc/{pid}").exists() or "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return
            time.sleep(0.01)
        raise AssertionError(f"{node} survives SIGKILL")

    def stop(self, node):
        os.kill(self.pid(node), signal.SIGSTOP)

    def resume(self, node):
        os.kill(self.pid(node), signal.SIGCONT)

    def bank(self, *arguments):
        return run("kinchaku-bank", "--json", "--dir", self.dir, *arguments)

    def authority(self, *arguments):
        return run("kinchaku-authority", "--json", "--dir", self.dir, *arguments)

    def sandbank(self, *arguments):
        return run("kinchaku-sandbank", "--json", "--dir", self.dir, *arguments)

    def registrar(self, *arguments, **more):
        return run("kinchaku-registrar", "--json", "--dir", self.dir, *arguments, **more)

    def ordinary_account(self, balance=5000):
        self.count += 1
        name = f"ordinary-{self.count}"
        done = self.sandbank("add-account", "--account", name, "--holder", "Taro Yamada", "--balance", balance)
        assert done.status == OK, done
        return name

    def ordinary_balance(self, name):
        return int(self.sandbank("account", name).json["balance"])

    def apply(self, ordinary, uim, *arguments, **more):
        return self.registrar("open", "--name", "Taro Yamada", "--address", "Chiyoda 1-1", "--phone", "03-1111-2222",
                              "--bank-account", ordinary, "--uim", uim, *arguments, **more)

    def open(self, *arguments, balance=5000, fund=0):
        """Opens an account with a new ordinary account behind it and funds it."""
        ordinary = self.ordinary_account(balance)
        path = self.base / f"{ordinary}.uim"
        if self.desk is None:
            done = self.apply(ordinary, path, *arguments)
        else:
            place = f"pcsc:{self.desk.insert_blank(path).reader}"
            done = self.apply(ordinary, place, "--letter", f"{path}.letter", *arguments, env=self.desk.env)
        assert done.status == OK, (done, self.logs())
        uim = Uim(self, path, done.json)
        uim.ordinary = ordinary
        if fund:
            uim.must("fund", fund)
        return uim

    def check_audit(self):
        done = self.bank("audit")
        assert done.status == OK and done.json["audit"] == "good", done
        totals = done.json
        assert int(totals["outside"]) + int(totals["claims"]) == sum(
            int(totals[name]) for name in ("accounts_total", "shadows_total", "in_flight", "fees")), totals
        settled = self.sandbank("audit").json
        assert settled["balanced"], settled
        return totals

    def faults(self, **orders):
        """Orders the sandbank to be slow, down, or to lose answers."""
        token = (self.dir / "sandbank" / "access.token").read_text().strip()
        status, _, _ = self.http("sandbank", "POST", "/v1/faults", json.dumps(orders).encode(), "application/json",
                                 {"Authorization": f"Bearer {token}"})
        assert status == 200

    def http(self, node, method, path, body=b"", content_type="application/cose", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port(node), timeout=20)
        try:
            connection.request(method, path, body, {"Content-Type": content_type, **(headers or {})})
            reply = connection.getresponse()
            return reply.status, reply.headers.get("Content-Type"), reply.read()
        finally:
            connection.close()


class Proxy:
    """Between a station and the bank: keeps every request and reply, and may drop or change them. `hotlist`: what it tells of it."""

    def __init__(self, port, change=None, hotlist=None):
        self.port, self.change, self.hotlist = port, change, hotlist
        self.got = None  # what it answers to every GET: status, kind, data
        self.requests, self.replies = [], []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def forward(self, body, path="/v1/message"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("POST", path, body, {"Content-Type": "application/cose"})
        reply = connection.getresponse()
        return reply.status, reply.headers["Content-Type"], reply.read()

    def carry(self, client):
        with client, client.makefile("rb") as stream:
            while True:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    line = stream.readline()
                    if not line:
                        return
                    head += line
                    if line.lower().startswith(b"expect:"):
                        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                if head.startswith(b"GET "):
                    # The hotlist, which is nobody's message: not counted, and the one that a test has made, or none.
                    found, kind, data = self.got or ((200 if self.hotlist else 404), "application/cose", self.hotlist or b"")
                    client.sendall(f"HTTP/1.1 {found} X\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n"
                                   .encode() + data)
                    continue
                sizes = [int(l.split(b":")[1]) for l in head.splitlines() if l.lower().startswith(b"content-length:")]
                body = stream.read(sizes[0]) if sizes else b""
                self.requests.append(body)
                status, kind, reply = self.forward(body, head.split()[1].decode())
                self.replies.append(reply)
                if self.change:
                    reply = self.change(len(self.requests), reply)
                    if reply is None:
                        return
                client.sendall(f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(reply)}\r\n\r\n"
                               .encode() + reply)

    def close(self):
        self.server.close()


class Stepper:
    """The other end of --trace unix:PATH: a callback runs between any two steps, while the program waits."""

    def __init__(self, folder, at_step):
        self.path = Path(folder) / f"steps-{time.monotonic_ns()}"
        self.at_step, self.steps = at_step, []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(os.path.relpath(self.path) if len(str(self.path)) > 100 else str(self.path))
        self.server.listen(1)
        threading.Thread(target=self.serve, daemon=True).start()

    @property
    def place(self):
        return f"unix:{os.path.relpath(self.path) if len(str(self.path)) > 100 else self.path}"

    def serve(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            with client, client.makefile("rb") as stream:
                try:
                    for line in stream:
                        step = json.loads(line)
                        self.steps.append(step)
                        self.at_step(len(self.steps) - 1, step)
                        client.sendall(b"\n")
                except OSError:
                    pass

    def close(self):
        self.server.close()
        self.path.unlink(missing_ok=True)
