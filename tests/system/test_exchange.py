"""Does value go from UIM to UIM without the bank, once or not at all, whatever happens to link, stations and messages?"""
import os
import shutil
import socket
import subprocess
import threading

import pytest

from kinchaku import AGAIN, OK, REFUSED, USAGE, Done, System
from meeting import PATIENCE, Cable, Duel, Middle, Receiver, Talker, frame, meet, payments

ANY = "tcp:127.0.0.1:0"


@pytest.fixture(scope="module", params=["file", "card"])
def medium(request):
    return request.param


def rich(system, amount):
    uim = system.open(balance=2 * amount, fund=2 * amount)
    uim.must("withdraw", amount, "--yes")
    return uim


@pytest.fixture(scope="module")
def pairs():
    return []


@pytest.fixture
def pair(shared, pairs):
    """A payer with much value and a payee with some, nothing under way, and with room for 24 entries at least."""
    return fresh(shared, pairs)


def fresh(system, pairs):
    rows = [uim.station("show").json for uim in pairs]
    if not all(row["not_reported"] <= 24 and row["open_amount"] == "0" for row in rows) or not rows:
        pairs[:] = [rich(system, 10_000), rich(system, 100)]
    return pairs[0], pairs[1]


def state(*uims):
    """Of each: what may be spent, what is under way."""
    shown = [uim.station("show").json for uim in uims]
    return [(int(row["uim_amount"]), int(row["open_amount"])) for row in shown]


def values(*uims):
    """What each may spend; nothing is under way."""
    found = state(*uims)
    assert all(under_way == 0 for _, under_way in found), found
    return [value for value, _ in found]


def place_of_kind(kind, tmp_path):
    """Where the payee waits, where the payer connects (None: where the payee says), and what to close afterwards."""
    if kind == "tty":
        cable = Cable()
        return cable.far, cable.near, cable
    return (f"unix:{tmp_path}/a b" if kind == "unix" else ANY), None, None


# ---- payments ----

# shows: R-XCHG-1 R-XCHG-2 R-XCHG-3 R-XCHG-4 R-XCHG-5 R-NODE-10 R-DATA-9
@pytest.mark.parametrize("kind", ["unix", "tcp", "tty"])
def test_pay_and_pay_on_while_the_bank_is_away(shared, tmp_path, kind):
    first, second, third = rich(shared, 500), rich(shared, 1), rich(shared, 1)
    waits, connects, cable = place_of_kind(kind, tmp_path)
    shared.stop("bank")
    try:
        paid, received = meet(first, ("pay", 100), second, link=waits, at=connects)
        assert (paid.status, received.status) == (OK, OK), (paid, received)
        assert payments(paid) == [("paid", 100, False)] and payments(received) == [("received", 100, False)]
        assert paid.objects[0]["partner"] == second.account and f"account {second.account}" in paid.err
        assert f"account {first.account} pays 100" in received.err
        paid, received = meet(second, ("pay", 90), third, link=waits, at=connects)
        assert (paid.status, received.status) == (OK, OK), (paid, received)
        paid, received = meet(first, ("pay", 5), second, link=waits, at=connects)
        assert (paid.status, received.status) == (OK, OK), (paid, received)
        assert values(first, second, third) == [395, 16, 91]
        rows = second.station("history").objects
        assert [(row["kind"], row["amount"], row["payer"], row["recipient"]) for row in rows] == [
            ("receive", "5", first.account, second.account), ("pay", "90", second.account, third.account),
            ("receive", "100", first.account, second.account)]
        assert all(row["time"] > "2020" for row in rows)
        shown = second.station("show").json
        assert shown["not_reported"] == 3 and shown["open_amount"] == "0"
    finally:
        shared.resume("bank")
        if cable:
            cable.close()
    assert not list(tmp_path.iterdir())


# shows: R-XCHG-1 R-XCHG-2 R-XCHG-3 R-XCHG-4 R-DATA-9
def test_every_step_is_traced(pair, tmp_path):
    payer, payee = pair
    before = values(*pair)
    traces = tmp_path / "payer", tmp_path / "payee"
    paid, received = meet(payer, ("pay", 3), payee, pay=("--trace", traces[0]), receive=("--trace", traces[1]))
    assert (paid.status, received.status) == (OK, OK), (paid, received)
    out, into = ([Done(subprocess.CompletedProcess([], 0, trace.read_text(), "")).objects][0] for trace in traces)
    assert [(row["step"], row["from"], row["to"]) for row in out] == [
        ("Sb1", "payer", "payee"), ("Sb4", "user", "payer"), ("Sb5", "payer", "payee"), ("Sb11-Sb12", "payer", "payer")]
    assert [(row["step"], row["from"], row["to"]) for row in into] == [
        ("Sb2", "payee", "payer"), ("Sb6-Sb7", "payee", "payee"), ("Sb8", "user", "payee"), ("Sb9", "payee", "payee"),
        ("Sb10", "payee", "payer")]
    reserved = [int(row["uim"]) for row in out]
    assert reserved == [before[0], before[0], before[0] - 3, before[0] - 3]
    assert [int(row["uim"]) for row in into] == [before[1]] * 3 + [before[1] + 3] * 2
    assert all(row["bytes"] > 0 for row in out + into if {row["from"], row["to"]} == {"payer", "payee"})


# shows: R-XCHG-3
@pytest.mark.parametrize("say, text", [("--no", None), (None, "n\n"), (None, ""), (None, "no thanks\n")])
def test_the_payee_says_no(pair, say, text):
    payer, payee = pair
    before = values(*pair)
    paid, received = meet(payer, ("pay", 50), payee, say=say, text=text)
    assert (paid.status, paid.error) == (REFUSED, "declined") and "in the UIM" in paid.err, paid
    assert received.status == OK and received.json["result"] == "declined", received
    assert payments(paid) == [("declined", 50, False)] and payments(received) == [("declined", 50, False)]
    assert values(*pair) == before
    assert payer.station("history").objects[0]["kind"] == "void"
    assert payee.station("history").objects[0]["kind"] == "refuse"


def test_an_amount_is_asked_for(pair):
    payer, payee = pair
    before = values(*pair)
    paid, received = meet(payer, ("pay", 20), payee, receive=("--amount", 20))
    assert (paid.status, received.status) == (OK, OK) and "asks for 20" in paid.err, (paid, received)
    paid, received = meet(payer, ("pay", 19), payee, receive=("--amount", 20))
    assert paid.error == "declined" and received.json["result"] == "declined", (paid, received)
    assert "not what was asked for" in received.err
    paid, received = meet(payer, ("pay", 19), payee, receive=("--amount", 20), say=None, text="y\n")
    assert (paid.status, received.status) == (OK, OK), (paid, received)
    assert values(*pair) == [before[0] - 39, before[1] + 39]


def test_amounts_that_cannot_be_paid(pair):
    payer, payee = pair
    before = values(*pair)
    paid, received = meet(payer, ("pay", before[0] + 1), payee)
    assert (paid.status, paid.error) == (REFUSED, "insufficient-value") and "withdraw" in paid.err, paid
    assert (received.status, received.error) == (REFUSED, "insufficient-value"), received
    paid, received = meet(payer, ("pay", 0), payee, receive=("--wait", 300))
    assert paid.error == "amount-zero" and received.error in ("timeout", "not-reachable"), (paid, received)
    for amount in ("1.5", "x", "", 2**63, 2**64 + 1):
        done = payer.station("pay", amount, "--link", "unix:/nowhere/at-all")
        assert done.error in ("amount-malformed", "amount-too-large", "not-reachable"), (amount, done)
        assert done.status != OK
    done = payee.station("receive", "--link", ANY, "--amount", 0)
    assert done.error == "amount-zero", done
    assert values(*pair) == before


# ---- links that break ----

SIDES = ("payer", "payee")
LOST = [(message, side, "pay", "--yes") for message in ("identify", "identity") for side in SIDES]
LOST += [("payment", side, then, "--yes") for side in SIDES for then in ("resume", "pay")]
LOST += [("answer", side, then, say) for side in SIDES for then in ("resume", "pay") for say in ("--yes", "--no")]


# shows: R-XCHG-4 R-XCHG-11
@pytest.mark.parametrize("message, side, then, say", LOST)
def test_a_message_is_lost_and_the_next_contact(pair, message, side, then, say):
    payer, payee = pair
    before = values(*pair)
    lose = {{"payer": "pay", "payee": "receive"}[side]: ("--lose", message)}
    paid, received = meet(payer, ("pay", 10), payee, say=say, **lose)
    assert paid.status == AGAIN and paid.error in ("timeout", "not-reachable"), paid
    reserved = message in ("payment", "answer")
    decided = message == "answer"
    assert state(payer) == [(before[0] - 10 * reserved, 10 * reserved)]
    assert ("on its way" in paid.err) == reserved and ("nothing was paid" in paid.err) != reserved, paid
    assert state(payee) == [(before[1] + 10 * (decided and say == "--yes"), 0)]
    if decided:
        # The payee's payment is decided; that its payer was not told is told to its user.
        assert received.status == OK and len(payments(received)) == 1, received
        assert received.objects[1]["delivered"] == (side == "payer"), received
    else:
        assert received.status == AGAIN and not payments(received), received
    order = ("resume",) if then == "resume" else ("pay", 7)
    paid, received = meet(payer, order, payee, say="--yes")
    # A payment decided before keeps its answer, whatever the user says now.
    taken = reserved and not (decided and say == "--no")
    again = [("paid" if taken else "declined", 10, True)] if reserved else []
    if then == "pay":
        assert (paid.status, received.status) == (OK, OK), (paid, received)
        assert payments(paid) == again + [("paid", 7, False)], paid
        assert values(*pair) == [before[0] - 7 - 10 * taken, before[1] + 7 + 10 * taken]
    else:
        assert payments(paid) == again, paid
        assert paid.status == (OK if taken else REFUSED), paid
        assert paid.error == (None if taken else "declined"), paid
        assert values(*pair) == [before[0] - 10 * taken, before[1] + 10 * taken]


# shows: R-XCHG-4 R-XCHG-11
@pytest.mark.parametrize("watched, count", [("payer", 4), ("payee", 5)])
@pytest.mark.parametrize("victim", ["payer", "payee"])
def test_killed_at_every_step_then_the_next_contact(pair, tmp_path, watched, count, victim):
    payer, payee = pair
    for at in range(count):
        before = values(*pair)
        duel = Duel(tmp_path, payer, payee, watched, at, victim)
        assert len(duel.stepper.steps) > at, at
        (left, under_way), (has, _) = state(*pair)
        # In between value may be under way, but never in two places to spend.
        assert left + has <= sum(before) and left + under_way <= before[0], (at, duel.stepper.steps)
        paid, received = meet(payer, ("resume",) if under_way else ("pay", 1), payee)
        assert (paid.status, received.status) == (OK, OK), (at, paid, received)
        after = values(*pair)
        assert sum(after) == sum(before), (at, before, after)
        moved = before[0] - after[0]
        assert moved == 10 if under_way else moved in (1, 11), (at, before, after)


def test_the_payee_s_user_does_not_answer(pair):
    payer, payee = pair
    before = values(*pair)
    receiver = Receiver(payee, link=ANY)
    done = payer.station("pay", 5, "--link", receiver.place, "--wait", 300)
    assert (done.status, done.error) == (AGAIN, "timeout") and "on its way" in done.err, done
    received = receiver.end("y\n")
    assert received.status == OK and received.objects[1]["delivered"] is False, received
    paid, _ = meet(payer, ("resume",), payee, say="--no")
    assert paid.status == OK and values(*pair) == [before[0] - 5, before[1] + 5]


# ---- partners one should not deal with ----

def test_oneself_and_a_copy_of_oneself(pair, tmp_path):
    payer, _ = pair
    receiver = Receiver(payer, "--yes", link=ANY)
    assert payer.station("pay", 1, "--link", receiver.place).error == "in-use"
    receiver.kill()
    copy = type(payer)(payer.system, tmp_path / "copy", {"account": payer.account, "purse": payer.purse})
    shutil.copy(payer.path, copy.path)
    shutil.copy(f"{payer.path}.letter", f"{copy.path}.letter")
    before = values(payer, copy)
    paid, received = meet(payer, ("pay", 1), copy)
    assert (paid.status, paid.error) == (REFUSED, "not-allowed"), paid
    assert (received.status, received.error) == (REFUSED, "not-allowed"), received
    assert values(payer, copy) == before


# shows: R-XCHG-1
def test_a_uim_of_another_bank(pair, tmp_path):
    payer, payee = pair
    other = System(tmp_path, payer.system.desk)
    other.init()
    other.up()
    try:
        stranger = rich(other, 50)
        before = values(payer, payee, stranger)
        for left, right in ((payer, stranger), (stranger, payee)):
            paid, received = meet(left, ("pay", 10), right)
            assert (paid.status, paid.error) == (REFUSED, "bad-signature"), paid
            assert (received.status, received.error) == (REFUSED, "bad-signature"), received
            assert "do not deal with it" in paid.err and "do not deal with it" in received.err
        assert values(payer, payee, stranger) == before
    finally:
        other.down()


def test_wrong_pin(pair):
    payer, payee = pair
    wrong = {"KINCHAKU_PIN": "000000"}
    receiver = Receiver(payee, "--yes", link=ANY, env=wrong)
    assert receiver.place is None and receiver.end().error == "pin-wrong", receiver.end()
    receiver = Receiver(payee, "--yes", link=ANY)
    done = payer.station("pay", 1, "--link", receiver.place, env=wrong)
    assert (done.status, done.error) == (REFUSED, "pin-wrong"), done
    paid = payer.station("pay", 1, "--link", receiver.place)
    assert paid.status == OK and receiver.end().status == OK, paid
    values(*pair)


# ---- links that are none ----

def test_places_that_are_none(pair, tmp_path):
    payer, _ = pair
    before = values(*pair)
    for link in ("", "unix:", "tcp:1", "tcp:example.org:1", "tcp:127.0.0.1:70000", "tty:", "pcsc", "/tmp/x",
                 "unix:" + "x" * 200):
        for order in (("pay", 1), ("receive",), ("resume",)):
            done = payer.station(*order, "--link", link)
            assert (done.status, done.error) == (USAGE, "usage") and "--link" in done.err, (link, done)
    for order in (("pay", 1), ("receive",), ("resume",)):
        done = payer.station(*order)
        assert (done.status, done.error) == (USAGE, "usage") and "--link" in done.err, done
    (tmp_path / "file").write_text("x")
    for link, waiting, calling in [
            (f"unix:{tmp_path}/nobody", None, "not-reachable"), (f"unix:{tmp_path}/file", "already-exists", "not-reachable"),
            (f"unix:{tmp_path}/no/way", "io-failed", "not-reachable"), (f"tty:{tmp_path}/no", "not-reachable", "not-reachable"),
            ("tty:/dev/null", "not-reachable", "not-reachable")]:
        done = payer.station("pay", 1, "--link", link)
        assert done.error == calling, (link, done)
        if waiting:
            assert payer.station("receive", "--link", link).error == waiting, link
    assert (tmp_path / "file").read_text() == "x"
    done = payer.station("receive", "--link", ANY, "--wait", 200)
    assert (done.status, done.error) == (AGAIN, "timeout") and "nothing was received" in done.err, done
    for wait in ("0", "-1", "x", "99999999"):
        assert payer.station("receive", "--link", ANY, f"--wait={wait}").status == USAGE
    assert values(*pair) == before


def test_a_place_that_is_taken(pair, tmp_path):
    payer, payee = pair
    link = f"unix:{tmp_path}/s"
    receiver = Receiver(payee, "--yes", link=link)
    assert oct(os.stat(tmp_path / "s").st_mode & 0o777) == "0o600"
    done = payer.station("receive", "--link", link)
    assert (done.status, done.error) == (AGAIN, "in-use"), done
    assert payer.station("pay", 1, "--link", link).status == OK
    assert receiver.end().status == OK and not (tmp_path / "s").exists()
    # A killed station leaves its socket behind; the next one takes the place over.
    Receiver(payee, "--yes", link=link).kill()
    assert (tmp_path / "s").exists()
    paid, received = meet(payer, ("pay", 1), payee, link=link)
    assert (paid.status, received.status) == (OK, OK), (paid, received)


def connect(place):
    return socket.create_connection(("127.0.0.1", int(place.rpartition(":")[2])))


def test_nonsense_at_the_payee(pair):
    payer, payee = pair
    before = values(*pair)
    for noise in (b"GET / HTTP/1.1\r\n\r\n", b"\x7e" * 5000, b"\x7e\x00" * 3000, bytes(range(256)) * 8000, b""):
        receiver = Receiver(payee, "--yes", link=ANY)
        with connect(receiver.place) as caller:
            try:
                caller.sendall(noise)
            except OSError:
                pass
        # Whoever cannot greet is turned away, and the payer behind gets its turn.
        assert payer.station("pay", 1, "--link", receiver.place).status == OK
        assert receiver.end().status == OK
    assert values(*pair) == [before[0] - 5, before[1] + 5]


NOISES = [b"\x7e" * 3000, b"\x7e\x00\x7d\x7e" * 500, bytes(range(256)) * 20, frame(1, 9)[:-3] + b"\x7e", frame(3, 9, b"x" * 40),
          frame(5, 9)]


# shows: R-NODE-10
@pytest.mark.parametrize("noise", NOISES)
def test_nonsense_on_the_cable(pair, noise):
    """Before the stations speak, and between their frames from both ends: the payment is made once, or the next contact ends it."""
    payer, payee = pair
    before = values(*pair)
    cable = Cable()
    try:
        receiver = Receiver(payee, "--yes", link=cable.far)
        for master in cable.masters:
            os.write(master, noise)
        paid = payer.station("pay", 1, "--link", cable.near)
        received = receiver.end()
        assert (paid.status, received.status) == (OK, OK), (paid, received)
        receiver = Receiver(payee, "--yes", link=cable.far)
        stop = threading.Event()

        def disturb():
            while not stop.wait(0.01):
                for master in cable.masters:
                    os.write(master, noise[:64])

        thread = threading.Thread(target=disturb, daemon=True)
        thread.start()
        paid = payer.station("pay", 2, "--link", cable.near)
        stop.set()
        thread.join()
        received = receiver.end()
        assert paid.status in (OK, AGAIN), (paid, received)
    finally:
        cable.close()
    (left, under_way), (has, _) = state(*pair)
    assert left + under_way + has in (sum(before), sum(before) + under_way), (before, left, under_way, has)
    if under_way:
        assert meet(payer, ("resume",), payee)[0].status == OK
    after = values(*pair)
    assert sum(after) == sum(before) and before[0] - after[0] in (1, 3), (before, after)


def test_nonsense_inside_the_frames(pair):
    payer, payee = pair
    before = values(*pair)
    counters = [uim.station("show").json["counter"] for uim in pair]
    for words, error in ((b"hello", "malformed"), (bytes([0x83, 1, 40]), "malformed"), (b"\x82\x01\x18\x63", "wrong-type"),
                         (b"\xff" * 4096, "malformed"), (bytes.fromhex("8301182f00"), "internal"),
                         (bytes.fromhex("8301182f184d"), "purse-blocked")):
        receiver = Receiver(payee, "--yes", link=ANY)
        talker = Talker.call(receiver.place)
        talker.send(words)
        said = talker.receive() if words[:4] != bytes.fromhex("8301182f") else None
        talker.close()
        received = receiver.end()
        assert received.status != OK and (received.error == error or error == "malformed"), (words, received)
        assert said is None or said[:4] == bytes.fromhex("8301182f"), (words, said)
    receiver = Receiver(payee, "--yes", link=ANY)
    with connect(receiver.place) as caller:
        caller.sendall(frame(1, 77) + frame(4, 77) + frame(4, 78) * 400)
        assert receiver.end().error == "malformed"
    assert values(*pair) == before
    assert [uim.station("show").json["counter"] for uim in pair] == counters


def answer_once(server, words):
    try:
        talker = Talker(server.accept()[0])
        talker.receive()
        talker.send(words)
        talker.receive()
        talker.close()
    except (EOFError, OSError):
        pass


def test_nonsense_at_the_payer(pair):
    payer, _ = pair
    before = values(*pair)
    for words, error in ((b"hello", "malformed"), (bytes.fromhex("8301182f0c"), "certificate-invalid"),
                         (bytes.fromhex("8301182f1854"), "history-full")):
        with socket.create_server(("127.0.0.1", 0)) as server:
            thread = threading.Thread(target=answer_once, args=(server, words), daemon=True)
            thread.start()
            done = payer.station("pay", 1, "--link", f"tcp:127.0.0.1:{server.getsockname()[1]}")
            assert (done.status, done.error) == (REFUSED, error), (words, done)
            thread.join(PATIENCE)
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = payer.station("pay", 1, "--link", f"tcp:127.0.0.1:{server.getsockname()[1]}", "--timeout", 300)
        assert (done.status, done.error) == (AGAIN, "timeout"), done
    assert values(*pair) == before


# ---- somebody in the middle ----

def through(folder, payer, payee, order=("pay", 10), change=None):
    receiver = Receiver(payee, "--yes", link=ANY)
    middle = Middle(folder, receiver.place, change)
    paid = payer.station(*order, "--link", middle.place)
    received = receiver.end()
    middle.close()
    return paid, received, middle.messages


# shows: R-XCHG-2 R-XCHG-3 R-XCHG-4
def test_a_byte_of_a_message_is_changed(shared, pairs, pair, tmp_path):
    """By somebody who can make checksums: at places all over each message. Refused by name, and put right by the next contact."""
    payer, payee = pair
    paid, _, messages = through(tmp_path, payer, payee)
    assert paid.status == OK and [side for side, _ in messages] == ["payer", "payee"] * 2
    for target, (_, genuine) in enumerate(messages, 1):
        for place in range(2, len(genuine), max(1, len(genuine) // 4)):
            payer, payee = pair = fresh(shared, pairs)
            before = values(*pair)

            def change(_, count, message, target=target, place=place):
                at = place if place < len(message) else -1
                return message[:at] + bytes([message[at] ^ 1]) + message[at:][1:] if count == target else message

            paid, received, _ = through(tmp_path, payer, payee, change=change)
            (left, under_way), (has, _) = state(*pair)
            assert left + has <= sum(before) and paid.status in (OK, REFUSED, AGAIN), (target, place, paid, received)
            extra = 0
            if under_way:
                paid, received = meet(payer, ("resume",), payee)
                if paid.error == "out-of-order":
                    # The payee's counter was changed on the way: it is the next one after another payment.
                    assert received.error == "out-of-order", received
                    extra = 1
                    meet(rich(shared, 1), ("pay", 1), payee)
                    paid, received = meet(payer, ("resume",), payee)
                assert (paid.status, received.status) == (OK, OK), (target, place, paid, received)
            after = values(*pair)
            assert sum(after) == sum(before) + extra and after[0] in (before[0], before[0] - 10), (target, place, before, after)


# shows: R-XCHG-11
def test_a_payment_is_repeated(pair, tmp_path):
    payer, payee = pair
    before = values(*pair)
    paid, _, messages = through(tmp_path, payer, payee)
    assert paid.status == OK
    payment = [message for side, message in messages if side == "payer"][1]
    answer = messages[-1][1]
    for _ in range(3):
        receiver = Receiver(payee, "--yes", link=ANY)
        talker = Talker.call(receiver.place)
        talker.send(payment)
        assert talker.receive() == answer
        talker.close()
        assert payments(receiver.end()) == [("received", 10, True)]
    assert values(*pair) == [before[0] - 10, before[1] + 10]
    # Instead of a new one: the old receipt comes back, which says nothing about the new payment.
    paid, received, _ = through(tmp_path, payer, payee,
                                change=lambda side, count, message: payment if count == 3 else message)
    assert (paid.status, paid.error) == (REFUSED, "mismatch") and not payments(paid), paid
    assert payments(received) == [("received", 10, True)], received
    assert state(payer) == [(before[0] - 20, 10)]
    paid, _ = meet(payer, ("resume",), payee)
    assert payments(paid) == [("paid", 10, True)] and values(*pair) == [before[0] - 20, before[1] + 20]


def test_a_payment_for_another_payee(shared, pair, tmp_path):
    payer, payee = pair
    third = rich(shared, 1)
    before = values(payer, payee, third)
    paid, _, messages = through(tmp_path, payer, third, order=("pay", 2))
    assert paid.status == OK
    payment = messages[2][1]
    receiver = Receiver(payee, "--yes", link=ANY)
    talker = Talker.call(receiver.place)
    talker.send(payment)
    received = receiver.end()
    talker.close()
    assert (received.status, received.error) == (REFUSED, "mismatch"), received
    assert values(payer, payee, third) == [before[0] - 2, before[1], before[2] + 2]


def test_one_payee_two_payers(shared, pair):
    payer, payee = pair
    other = rich(shared, 50)
    before = values(payer, payee, other)
    receiver = Receiver(payee, link=ANY)
    done = payer.station("pay", 3, "--link", receiver.place, "--wait", 200)
    assert done.error == "timeout", done
    # The payee's user still thinks about the first one: a second payer is not let in.
    done = other.station("pay", 4, "--link", receiver.place, "--timeout", 300)
    assert done.status == AGAIN and done.error in ("timeout", "not-reachable"), done
    assert receiver.end("y\n").status == OK
    paid, _ = meet(payer, ("resume",), payee)
    assert paid.status == OK and values(payer, payee, other) == [before[0] - 3, before[1] + 3, before[2]]


def test_nothing_to_resume(pair):
    payer, payee = pair
    before = values(*pair)
    paid, received = meet(payer, ("resume",), payee)
    assert (paid.status, paid.error) == (REFUSED, "not-found") and "nothing is open" in paid.err, paid
    assert received.status == AGAIN and not payments(received) and values(*pair) == before, received
