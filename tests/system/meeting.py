"""Two stations that meet: processes, places, a cable, and somebody in the middle of the line."""
import json
import os
import pty
import select
import socket
import struct
import subprocess
import threading
import time
import tty
import zlib
from pathlib import Path

from kinchaku import Done, Stepper, program

HELLO, WELCOME, DATA, ACK, BYE = range(1, 6)
SLOWER = int(os.environ.get("KINCHAKU_SLOWER", "1"))
PATIENCE = 60 * SLOWER


class Receiver:
    """`receive` in a process of its own. `place` is where it waits, None when it ended without waiting."""

    def __init__(self, uim, *arguments, link, text=None, env=None):
        command = [program("kinchaku-station"), "--json", "--uim", uim.place, "receive", "--link", link,
                   *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, env={**os.environ, **uim.env, **(env or {})})
        self.done = None
        if text is not None:
            self.process.stdin.write(text)
            self.process.stdin.close()
            self.process.stdin = None
        self.first = self.process.stdout.readline()
        self.place = json.loads(self.first or "{}").get("waiting")

    def end(self, text=None):
        """Waits for its end; `text` is what the user says only now."""
        if self.done is None:
            out, err = self.process.communicate(text, timeout=PATIENCE)
            self.done = Done(subprocess.CompletedProcess([], self.process.returncode, self.first + out, err))
        return self.done

    def kill(self):
        self.process.kill()
        self.process.wait()


def meet(payer, order, payee, link="tcp:127.0.0.1:0", say="--yes", receive=(), pay=(), at=None, text=None):
    """One conversation: what both stations said. `order` is what the payer is told, such as ("pay", 100)."""
    receiver = Receiver(payee, *([say] if say else []), *receive, link=link, text=text)
    assert receiver.place, receiver.end()
    paid = payer.station(*order, *pay, "--link", at or receiver.place, timeout=PATIENCE)
    return paid, receiver.end()


def payments(done):
    """What was told about payments: (word, amount, again)."""
    return [(row["payment"], int(row["amount"]), row["again"]) for row in done.objects if "payment" in row]


class Cable:
    """Two pseudo terminals with their ends joined: a serial line. `near` is for the payer, `far` for the payee."""

    def __init__(self):
        ends = [pty.openpty() for _ in range(2)]
        self.masters, self.slaves = [end[0] for end in ends], [end[1] for end in ends]
        for slave in self.slaves:
            tty.setraw(slave)
        self.near, self.far = (f"tty:{os.ttyname(slave)}" for slave in self.slaves)
        self.stop_read, self.stop_write = os.pipe()
        self.thread = threading.Thread(target=self.carry, daemon=True)
        self.thread.start()

    def carry(self):
        while True:
            ready, _, _ = select.select([*self.masters, self.stop_read], [], [])
            if self.stop_read in ready:
                return
            for end in ready:
                os.write(self.masters[1 - self.masters.index(end)], os.read(end, 4096))

    def close(self):
        os.write(self.stop_write, b"x")
        self.thread.join()
        for fd in (*self.masters, *self.slaves, self.stop_read, self.stop_write):
            os.close(fd)


class Duel:
    """One exchange in which the process of one side is killed at a step of one side."""

    def __init__(self, folder, payer, payee, watched, at, victim):
        self.at, self.victim, self.processes = at, victim, {}
        self.stepper = Stepper(folder, self.at_step)
        trace = {watched: ("--trace", self.stepper.place)}
        self.receiver = Receiver(payee, "--yes", *trace.get("payee", ()), link="tcp:127.0.0.1:0")
        self.processes["payee"] = self.receiver.process
        command = [program("kinchaku-station"), "--json", "--uim", payer.place, "pay", "10", "--link", self.receiver.place,
                   *trace.get("payer", ())]
        self.started = threading.Event()
        self.processes["payer"] = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                                   env={**os.environ, **payer.env})
        self.started.set()
        for process in self.processes.values():
            process.communicate(timeout=PATIENCE)
        self.stepper.close()

    def at_step(self, number, _):
        self.started.wait()
        if number == self.at:
            self.processes[self.victim].kill()
            self.processes[self.victim].wait()


# ---- frames, as src/link/frame.h has them ----

def frame(kind, session, payload=b"", sequence=0, acknowledged=0):
    body = struct.pack(">BBBI", kind, sequence & 255, acknowledged & 255, session) + payload
    body += struct.pack(">I", zlib.crc32(body))
    out = bytearray()
    for byte in body:
        out += bytes([0x7d, byte ^ 0x20]) if byte in (0x7e, 0x7d, 0x11, 0x13) else bytes([byte])
    return b"\x7e" + bytes(out) + b"\x7e"


class Talker:
    """One end of a link in Python, to say what a station never would."""

    def __init__(self, connection, session=None):
        self.socket, self.buffer = connection, b""
        self.socket.settimeout(PATIENCE)
        self.next_out = self.next_in = 0
        self.session = session
        if session is None:
            while self.session is None:
                kind, _, _, session, _ = self.read()
                self.session = session if kind == HELLO else None
            self.put(WELCOME)
        else:
            self.put(HELLO)
            while self.read()[0] != WELCOME:
                pass
            self.put(ACK)

    @classmethod
    def call(cls, place, session=0x1234567):
        kind, _, where = place.partition(":")
        if kind == "unix":
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(where)
        else:
            host, _, port = where.rpartition(":")
            connection = socket.create_connection((host, int(port)))
        return cls(connection, session)

    def put(self, kind, payload=b""):
        self.socket.sendall(frame(kind, self.session, payload, self.next_out if kind == DATA else 0, self.next_in))

    def read(self):
        """The next frame: kind, sequence, acknowledged, session, payload. EOFError at the end of the line."""
        while True:
            head, flag, rest = self.buffer.partition(b"\x7e")
            if flag:
                self.buffer = rest
                body = bytearray()
                escaped = False
                for byte in head:
                    if byte == 0x7d:
                        escaped = True
                    else:
                        body.append(byte ^ 0x20 if escaped else byte)
                        escaped = False
                if len(body) >= 11 and zlib.crc32(bytes(body[:-4])) == struct.unpack(">I", body[-4:])[0]:
                    return (*struct.unpack(">BBBI", body[:7]), bytes(body[7:-4]))
                continue
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.buffer += more

    def send(self, payload):
        self.put(DATA, payload)
        self.next_out += 1

    def receive(self):
        """The next message; EOFError when the other side said goodbye or is gone."""
        while True:
            kind, sequence, _, _, payload = self.read()
            if kind == BYE:
                raise EOFError
            if kind == DATA and sequence == self.next_in & 255:
                self.next_in += 1
                self.put(ACK)
                return payload

    def close(self):
        try:
            self.put(BYE)
        except OSError:
            pass
        self.socket.close()


class Middle:
    """Sits between a payer and a payee, passes messages on and keeps them. `change(side, count, message)` gives what is passed on
    instead; or None for nothing: then the middle hangs up; or no byte: then the same side goes on. Side is "payer" or
    "payee", who sent it."""

    def __init__(self, folder, payee_place, change=None):
        self.path = str(Path(folder) / f"m{time.monotonic_ns() % 10**9}")
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen(1)
        self.place, self.payee_place, self.change = f"unix:{self.path}", payee_place, change
        self.messages = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def pass_on(self, side, source, target):
        message = b""
        while message == b"":
            message = source.receive()
            self.messages.append((side, message))
            if self.change:
                message = self.change(side, len(self.messages), message)
        if message is None:
            raise EOFError
        target.send(message)

    def serve(self):
        payer = payee = None
        try:
            payer = Talker(self.server.accept()[0])
            payee = Talker.call(self.payee_place)
            while True:
                self.pass_on("payer", payer, payee)
                self.pass_on("payee", payee, payer)
        except (EOFError, OSError):
            pass
        finally:
            for end in (payer, payee):
                if end:
                    end.close()

    def close(self):
        self.server.close()
        self.thread.join(PATIENCE)
        Path(self.path).unlink()
