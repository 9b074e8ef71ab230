"""Does the bank learn of every payment from either side, in any order, once, and do both sides end where the books say?"""
import itertools
import os
import random
import subprocess

import pytest

from kinchaku import AGAIN, OK, Stepper, program
from meeting import PATIENCE, Duel, meet, payments


@pytest.fixture(scope="module", params=["file", "card"])
def medium(request):
    return request.param


def rich(system, amount):
    uim = system.open(balance=2 * amount, fund=2 * amount)
    uim.must("withdraw", amount, "--yes")
    return uim


def state(uim):
    """What may be spent, what is under way, how many entries the bank does not know."""
    row = uim.station("show").json
    return int(row["uim_amount"]), int(row["open_amount"]), row["not_reported"]


def sync(uim):
    done = uim.must("sync")
    assert done.json["not_reported"] == 0 and not any("objection" in row for row in done.objects), done
    return done


def assert_settled(*uims):
    """Nothing is under way, the bank knows everything, and it agrees."""
    for uim in uims:
        value, under_way, unreported = state(uim)
        assert (under_way, unreported) == (0, 0) and uim.shadow() == value, (uim.account, value, under_way, unreported)
    uims[0].system.check_audit()


def owned(*uims):
    """Everything that the users have in accounts and UIMs, or under way."""
    return sum(uim.balance() + sum(state(uim)[:2]) for uim in uims)


# shows: R-XCHG-6 R-XCHG-8 R-XCHG-9 R-XCHG-11
@pytest.mark.parametrize("order", ["AAB", "BA"])
def test_either_side_s_report_is_enough(shared, order):
    first, second = rich(shared, 300), rich(shared, 20)
    paid, received = meet(first, ("pay", 100), second)
    assert (paid.status, received.status) == (OK, OK), (paid, received)
    assert (first.shadow(), second.shadow()) == (300, 20)
    for who in order:
        sync(first if who == "A" else second)
        # The report of one side moves both shadows.
        assert (first.shadow(), second.shadow()) == (200, 120), who
        assert (state(first)[0], state(second)[0]) == (200, 120), who
        shared.check_audit()
    assert (first.balance(), second.balance()) == (300, 20)
    sync(first)
    sync(second)
    assert_settled(first, second)
    second.must("deposit", 120, "--yes")
    first.must("withdraw", 1, "--yes")
    assert (first.both(), second.both()) == ((299, 201), (140, 0))
    assert_settled(first, second)


# shows: R-XCHG-5 R-XCHG-6 R-XCHG-11
@pytest.mark.parametrize("order", ["ABC", "CBA", "BCA"])
def test_a_chain_of_payments_reported_in_any_order(shared, order):
    uims = dict(zip("ABC", (rich(shared, 300), rich(shared, 5), rich(shared, 5))))
    for payer, amount, payee in (("A", 100, "B"), ("B", 90, "C"), ("C", 80, "A"), ("A", 10, "C")):
        paid, received = meet(uims[payer], ("pay", amount), uims[payee])
        assert (paid.status, received.status) == (OK, OK), (paid, received)
    values = {name: state(uim)[0] for name, uim in uims.items()}
    assert values == {"A": 270, "B": 15, "C": 25}
    for name in order:
        sync(uims[name])
        assert state(uims[name])[0] == values[name]
        shared.check_audit()
    for name, uim in uims.items():
        assert uim.shadow() == values[name]
    assert_settled(*uims.values())


# shows: R-XCHG-6 R-XCHG-9 R-XCHG-11
@pytest.mark.parametrize("order", ["AB", "BA"])
def test_the_payment_was_lost_and_the_payee_moved_on(shared, order):
    first, second, third = rich(shared, 300), rich(shared, 20), rich(shared, 50)
    before = owned(first, second, third)
    paid, _ = meet(first, ("pay", 100), second, pay=("--lose", "payment"))
    assert paid.status == AGAIN and state(first)[:2] == (200, 100)
    sync(first)
    # Nobody's word but the payee's or the bank's ends it, and the bank has heard nothing yet.
    assert state(first)[:2] == (200, 100) and first.shadow() == 200
    shared.check_audit()
    paid, _ = meet(third, ("pay", 7), second)
    assert paid.status == OK
    for who in order + "A":
        sync(first if who == "A" else second)
        shared.check_audit()
    assert state(first)[0] == 300
    sync(third)
    assert_settled(first, second, third)
    assert owned(first, second, third) == before and state(second)[0] == 27


# shows: R-XCHG-6 R-XCHG-8 R-XCHG-9 R-XCHG-11
@pytest.mark.parametrize("say", ["--yes", "--no"])
@pytest.mark.parametrize("order", ["AB", "B"])
def test_the_answer_was_lost_and_only_the_bank_is_met(shared, say, order):
    first, second = rich(shared, 300), rich(shared, 20)
    paid, _ = meet(first, ("pay", 100), second, say=say, receive=("--lose", "answer"))
    assert paid.status == AGAIN and state(first)[:2] == (200, 100)
    taken = say == "--yes"
    for who in order:
        sync(first if who == "A" else second)
        shared.check_audit()
    assert second.shadow() == state(second)[0] == (120 if taken else 20)
    sync(first)
    assert state(first)[0] == (200 if taken else 300)
    assert_settled(first, second)
    # The same two meet again, and nothing is left of it.
    paid, _ = meet(first, ("pay", 1), second)
    assert payments(paid) == [("paid", 1, False)], paid
    sync(second)
    sync(first)
    assert_settled(first, second)


@pytest.mark.parametrize("side, verb", [("payer", ("withdraw", 5, "--yes")), ("payee", ("deposit", 5, "--yes")),
                                        ("payee", ("fund", 5)), ("payer", ("redeem", 5))])
# shows: R-XCHG-8
def test_business_with_the_bank_reports_first(shared, side, verb):
    first, second = rich(shared, 300), rich(shared, 20)
    if verb[0] == "fund":
        for uim in (first, second):
            uim.must("redeem", 5)
    paid, _ = meet(first, ("pay", 100), second)
    assert paid.status == OK
    uim = first if side == "payer" else second
    before = owned(first, second)
    uim.must(*verb)
    moved = {"fund": 5, "redeem": -5}.get(verb[0], 0)
    assert owned(first, second) == before + moved
    if verb[0] in ("withdraw", "deposit"):
        assert (first.shadow() + second.shadow()) == state(first)[0] + state(second)[0]
        assert state(uim)[2] == 0
    shared.check_audit()


# shows: R-XCHG-8
@pytest.mark.parametrize("lost", ["request", "completion"])
def test_a_report_is_lost_and_made_again(shared, lost):
    first, second = rich(shared, 300), rich(shared, 20)
    for amount in (1, 2, 3):
        assert meet(first, ("pay", amount), second)[0].status == OK
    for uim in (first, second):
        done = uim.must("sync", "--lose", lost, status=AGAIN)
        assert done.error == "timeout" and state(uim)[2] == 3, done
        shared.check_audit()
    for uim in (first, second):
        sync(uim)
    assert_settled(first, second)
    assert (state(first)[0], state(second)[0]) == (294, 26)


def test_a_long_history_is_reported_in_parts(shared, tmp_path):
    first, second = rich(shared, 300), rich(shared, 20)
    for _ in range(11):
        assert meet(first, ("pay", 1), second)[0].status == OK
    trace = tmp_path / "trace"
    done = second.must("sync", "--trace", trace)
    assert done.json["not_reported"] == 0
    steps = [line.split('"')[3] for line in trace.read_text().splitlines()]
    assert steps.count("Sc1") >= 2 and steps[:4] == ["Sc1", "Sc2", "Sc3", "Sc4"], steps
    sync(first)
    assert_settled(first, second)


# ---- killed ----

# shows: R-XCHG-9 R-XCHG-11
@pytest.mark.parametrize("watched, count", [("payer", 4), ("payee", 5)])
@pytest.mark.file_only
@pytest.mark.parametrize("victim", ["payer", "payee"])
def test_killed_at_every_step_then_the_bank(shared, tmp_path, watched, count, victim):
    first, second = rich(shared, 300), rich(shared, 20)
    before = owned(first, second)
    for at in range(count):
        values = state(first)[0], state(second)[0]
        duel = Duel(tmp_path, first, second, watched, at, victim)
        assert len(duel.stepper.steps) > at, at
        order = [first, second, first] if at % 2 else [second, first]
        for uim in order:
            sync(uim)
            shared.check_audit()
        left, under_way, _ = state(first)
        if under_way:
            # The payee never saw it, so only its next entry or their next contact ends it.
            assert (left, state(second)[0]) == (values[0] - 10, values[1]), at
            paid, _ = meet(first, ("resume",), second)
            assert payments(paid) == [("paid", 10, True)], (at, paid)
            for uim in order:
                sync(uim)
        assert_settled(first, second)
        assert owned(first, second) == before and values[0] - state(first)[0] in (0, 10), at


# shows: R-XCHG-8 R-DATA-2
@pytest.mark.parametrize("victim", ["bank", "station"])
def test_killed_at_every_step_of_a_report(alone, tmp_path, victim):
    alone.up()
    first, second = rich(alone, 300), rich(alone, 20)
    before = owned(first, second)
    for at in range(4):
        assert meet(first, ("pay", 10), second)[0].status == OK
        processes = []

        def at_step(number, _, at=at):
            if number == at and victim == "bank":
                alone.kill("bank")
                alone.up()
            elif number == at:
                processes[0].kill()
                processes[0].wait()

        stepper = Stepper(tmp_path, at_step)
        uim = first if at % 2 else second
        processes.append(subprocess.Popen(
            [program("kinchaku-station"), "--json", "--uim", uim.place, "sync", "--trace", stepper.place],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **uim.env}))
        processes[0].communicate(timeout=PATIENCE)
        stepper.close()
        assert len(stepper.steps) > at, (at, stepper.steps)
        for uim in (first, second):
            sync(uim)
        assert_settled(first, second)
        assert owned(first, second) == before and state(first)[0] == 300 - 10 * (at + 1)


# ---- many ----

# shows: R-XCHG-9 R-XCHG-11
@pytest.mark.file_only
@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_day(shared, seed):
    """Payments among three with losses, noes and reports in between; at the end everybody syncs twice."""
    dice = random.Random(seed)
    uims = [rich(shared, 100) for _ in range(3)]
    before = owned(*uims)
    for _ in range(14):
        payer, payee = dice.sample(uims, 2)
        lose = [("--lose", dice.choice(["identity", "payment", "answer"])) if dice.random() < 0.3 else () for _ in range(2)]
        meet(payer, ("pay", dice.randrange(1, 60)), payee, say=dice.choice(["--yes", "--yes", "--no"]), pay=lose[0],
             receive=lose[1])
        if dice.random() < 0.3:
            sync(dice.choice(uims))
        assert owned(*uims) <= before, seed
        shared.check_audit()
    for payer, payee in itertools.permutations(uims, 2):
        if state(payer)[1]:
            meet(payer, ("resume",), payee)
    for uim in uims * 2:
        sync(uim)
    assert_settled(*uims)
    assert owned(*uims) == before, seed
