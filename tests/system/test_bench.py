"""Do the programs behind `make bench` measure what they say, on a world so small that it takes a moment?"""
import json
import subprocess

import pytest

from kinchaku import BUILD


def measure(name, *arguments):
    done = subprocess.run([str(BUILD / "bench" / f"bench-{name}"), *map(str, arguments)], capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def paths(shared):
    """UIMs of both suites, each with something to pay with."""
    uims = [shared.open("--suite", suite, balance=20000, fund=20000) for suite in ("es256", "es256", "rs2048", "rs2048")]
    for uim in uims:
        uim.must("withdraw", 100, "--yes")
    return [uim.path for uim in uims]


def test_every_record_of_a_uniform_run_is_settled(shared, paths):
    found = measure("settle", "--rounds", 1, "--bank", shared.pid("bank"), *paths)["all"]
    assert found["records"] == 24 * len(paths)
    # Half are payments made, with an order and a receipt; half were received, with an order; and each report is signed.
    assert found["checks"] == found["records"] * 3 // 2 + found["reports"]
    assert found["per_second"] > 0 and found["bare_per_second"] > 0 and found["bank_cpu"] > 0
    assert shared.bank("alerts").objects == []


def test_every_record_of_a_hot_merchant_is_settled(shared, paths):
    found = measure("settle", "--rounds", 1, "--hot", *paths)
    payers = len(paths) - 1
    assert found["all"]["records"] + found["alone"]["records"] == 2 * 8 * payers
    assert shared.bank("alerts").objects == []


def test_withdrawals_under_load(shared, paths):
    found = measure("load", "--seconds", 1, *paths)
    assert found["done"] > 0 and found["failed"] == 0


# shows: R-RENEW-5
def test_every_purse_renews_under_load(shared, paths):
    found = measure("load", "--renew", *paths)
    assert (found["done"], found["failed"]) == (len(paths), 0)
    assert found["per_second"] > 0
    for suite in ("es256", "rs2048"):
        assert measure("bare", "--renew", "--seconds", 1, suite)["per_second"] > 0
    assert shared.bank("alerts").objects == []


# shows: R-RENEW-5
def test_a_fleet_renews_while_it_pays(tmp_path):
    found = measure("fleet", "--purses", 300, "--days", 3, tmp_path / "fleet.db")
    assert (found["failures"], found["audit_faults"]) == (0, 0)
    assert found["renewals"] == found["revoked"] == found["unconfirmed"] == 9
    assert found["old_key"] == found["renewals"] + found["lost_answers"]
    # Each renewal has five payments, and one more where an answer was lost.
    assert found["payments"] == 5 * found["renewals"] + found["lost_answers"]
    assert found["late_reports"] > 0


# shows: R-XCHG-4
def test_an_exchange_has_the_size_aimed_at():
    found = measure("exchange", "--pairs", 1, "es256")
    assert len(found["first"]["messages"]) == len(found["later"]["messages"]) == 4
    assert max(found["first"]["messages"]) <= 400 and max(found["later"]["messages"]) <= 180
    assert found["first"]["line"] > sum(found["first"]["messages"])
    for side in ("payer", "payee"):
        assert found["later"][side]["total_us"] >= found["later"][side]["bare_us"] > 0


# shows: R-SEC-4
def test_the_hotlist_has_the_size_aimed_at():
    found = measure("hotlist", "--purses", 1_000_000, "--listed", 1000, "--day", 3)
    # Of each set of numbers so large there is none that needs fewer than 1,425 bytes on the whole.
    assert found["listed"] == 1000 and found["numbers"] < 1450 < found["base"] < 1620 and found["day"] == 3
    assert found["delta"] < 180 and found["largest_delta"] < 400 < found["older_numbers"]
    assert 1400 < found["limit"] < 1600 and 250 < found["limit_in_delta"] < 400
    assert found["look_up_us"] > 0 and found["look_up_listed_us"] > 0 and found["verify_us"] > 0
