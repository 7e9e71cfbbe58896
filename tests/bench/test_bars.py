"""Every benchmark in its quick form: it runs, and the measured results are right. Speed is not checked.

The longest ones run only in `make soak`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.__main__ import BARS, measure
from bench.bars import Options
from bench.report import document

pytestmark = pytest.mark.extended

QUICK = Options(quick=True, rounds=2, jobs=300, say=lambda text: None)


def quick(name: str) -> dict[str, Any]:
    """Run a benchmark and return its JSON record."""
    (outcome,) = measure([name], QUICK)
    recorded: dict[str, Any] = json.loads(document({}, {}, [outcome]))["bars"][0]
    assert recorded["bar"] == name.upper()
    return recorded


def all_positive(numbers: list[float]) -> bool:
    return all(number > 0 for number in numbers)


@pytest.mark.parametrize("name", ["p1", pytest.param("p2", marks=pytest.mark.soak)])
def test_chain_runs_all_steps(name: str) -> None:
    recorded = quick(name)
    assert recorded["reached"] is None
    ours = recorded["ours"]
    assert len(ours["wall"]["raw"]) == 2 and all_positive(ours["wall"]["raw"])
    assert {"server", "worker", "postgres", "client", "all"} <= set(ours["cpu_us_per_step"])
    assert (ours["postgresql"]["fsync"], ours["postgresql"]["synchronous_commit"]) == ("on", "on")
    assert ours["dedicated"] is False or name == "p1"


@pytest.mark.soak
def test_callers_at_once_get_a_result_each() -> None:
    recorded = quick("p3")
    assert recorded["reached"] is None and recorded["dedicated"]["ours"]["dedicated"] is True
    for mode in ("dedicated", "confined"):
        ours = recorded[mode]["ours"]
        assert len(ours["rate"]["raw"]) == 1 and all_positive(ours["rate"]["raw"])
        assert {"server", "worker", "postgres", "callers", "all"} <= set(ours["cpu_us_per_run"])


def test_chains_at_once_run_all_their_steps() -> None:
    recorded = quick("p15")
    assert len(recorded["rate"]["raw"]) == 1 and all_positive(recorded["rate"]["raw"])
    assert recorded["settings"] == {"ORVANTA_SLOTS": "16"}


@pytest.mark.soak
def test_costs_are_counted() -> None:
    recorded = quick("p19")
    for mode in ("dedicated", "confined"):
        run, step = recorded[mode]["run"], recorded[mode]["step"]
        assert run["statements_by_name"]["claim"] > 0 and run["statements_by_name"]["start_runs"] > 0
        assert 2 <= run["writing_transactions"] < 20 and run["wal_bytes"] > 500
        assert step["statements_by_name"]["write_steps"] > 0.5
        assert {"server", "worker", "postgres", "all"} <= set(run["cpu_us"])


@pytest.mark.soak
def test_growth_within_one_run_is_measured() -> None:
    recorded = quick("p18")
    assert all_positive([*recorded["chain"]["raw"], *recorded["loop"]["raw"]])


def test_full_queue_is_drained_completely() -> None:
    recorded = quick("p4")
    assert (recorded["jobs"], len(recorded["rate"]["raw"])) == (300, 1)
    assert set(recorded["cpu_us_per_job"]) >= {"worker", "postgres"}


@pytest.mark.soak
def test_parallel_loops_give_every_iteration() -> None:
    recorded = quick("p6")
    assert all_positive([*recorded["identities"]["raw"], *recorded["python"]["raw"]])
    assert recorded["settings"] == {"ORVANTA_SLOTS": "10"}


@pytest.mark.soak
def test_jobs_that_sleep_share_the_slots_of_all_workers() -> None:
    recorded = quick("p7")
    assert (recorded["workers"], recorded["jobs"]) == (2, 80)
    (share,) = recorded["share"]["raw"]
    assert 0 < share <= 1.0


@pytest.mark.soak
def test_frequent_queries_are_measured_empty_full_and_held() -> None:
    recorded = quick("p8")
    assert recorded["reached"] is None and (recorded["finished"], recorded["waiting"], recorded["passed"]) == (
        300,
        300,
        300,
    )
    assert set(recorded["ratios"]) == {"claim of 1", "claim of 100", "timer", "list", "cancel"}
    for name in recorded["ratios"]:
        for state in ("empty", "full", "held"):
            assert len(recorded[name][state]["raw"]) == 3 and all_positive(recorded[name][state]["raw"])


@pytest.mark.soak
def test_first_line_of_job_follows_its_call() -> None:
    recorded = quick("p5")
    assert recorded["tries"] == len(recorded["confined"]["raw"]) == 20
    assert all_positive(recorded["confined"]["raw"])


@pytest.mark.soak
def test_job_with_large_output_keeps_every_line() -> None:
    recorded = quick("p9")
    assert recorded["reached"] is None and recorded["kept"] == [recorded["lines"]] == [20_000]
    assert all_positive(recorded["rate"]["raw"]) and len(recorded["worker_grown_mib"]) == 1


@pytest.mark.soak
def test_large_values_are_weighed_in_server_and_worker() -> None:
    recorded = quick("p10")
    assert recorded["reached"] is None and set(recorded["ratios"]) == {"result", "input"}
    assert recorded["largest_row_bytes"] <= 256 << 10 < recorded["bytes"]["input"]
    for name in ("result", "input"):
        assert set(recorded[name][0]["grown_mib"]) == {"server", "worker"}


@pytest.mark.soak
def test_memory_of_all_idle_processes_is_measured() -> None:
    recorded = quick("p11")
    assert {"server", "worker", "postgres", "supervisor", "jobs"} == set(recorded["pss_mib"])
    assert all_positive(list(recorded["pss_mib"].values()))
    assert set(recorded["unshared_mib"]) in (set(), set(recorded["pss_mib"]))
    assert {"server", "worker", "postgres"} <= set(recorded["wake_ups_per_s"])
    assert recorded["transactions_per_s"] > 0
    assert len(recorded["cpu_percent_of_parts"]) == 1 and recorded["cpu_us_per_wake_up"] > 0
    assert all_positive(list(recorded["probe_us"].values()))


@pytest.mark.soak
def test_first_and_later_starts_give_results() -> None:
    recorded = quick("p12")
    for name in ("first", "later"):
        (whole,), (ready,) = recorded[name]["raw"], recorded["ready"][name]["raw"]
        assert whole > ready > 0
    assert "order_receipt, first start" in recorded["examples_after_that"]


@pytest.mark.soak
def test_large_workflow_is_deployed_and_decided_completely() -> None:
    recorded = quick("p13")
    assert recorded["nodes"] == 50 and recorded["reached"] is None
    for times in (recorded["first"], recorded["one_change"], recorded["compile"], *recorded["step"].values()):
        assert len(times["raw"]) == 2 and all_positive(times["raw"])


@pytest.mark.soak
def test_ticks_are_found_while_they_are_started() -> None:
    recorded = quick("p14")
    assert recorded["schedules"] == 3600 and recorded["ticks"] > 0
    assert all(ms >= 0 for ms in recorded["finding"]["raw"])


@pytest.mark.soak
def test_runs_that_wait_for_people_are_decided_to_the_last() -> None:
    recorded = quick("p16")
    assert (recorded["waiting"], recorded["decided"]) == (300, 100)
    assert set(recorded["ratios"]) == {"claim", "list", "decision", "server RSS"}
    assert all_positive([*recorded["ratios"].values(), recorded["all_decided_s"], recorded["callers_cpu_s"]])


@pytest.mark.soak
def test_more_servers_and_workers_serve_the_same_callers() -> None:
    recorded = quick("p17")
    assert recorded["runs"] == 300
    assert all_positive([recorded["ratio"], *recorded["one"]["raw"], *recorded["several"]["raw"]])


@pytest.mark.soak
def test_growth_within_a_run_is_measured() -> None:
    recorded = quick("p18")
    assert all_positive([*recorded["chain"]["raw"], *recorded["loop"]["raw"]])


@pytest.mark.soak
def test_costs_of_runs_and_steps_are_counted() -> None:
    recorded = quick("p19")
    for name in ("dedicated", "confined"):
        for load in ("run", "run_of_50_callers", "step"):
            found = recorded[name][load]
            assert all_positive([found["statements"], found["writing_transactions"], found["wal_bytes"]])


@pytest.mark.soak
def test_pages_show_their_data() -> None:
    recorded = quick("p20")
    assert recorded["runs"] == 300
    assert set(recorded["pages"]) == {"home", "runs", "editor", "run"}
    for page in recorded["pages"].values():
        assert all_positive([*page["cold"]["raw"], *page["warm"]["raw"]])


@pytest.mark.soak
def test_imported_scripts_are_deployed_and_run() -> None:
    kept = quick("p21")
    assert kept["scripts"] == 10 and kept["reached"] is None
    assert len(kept["deploy"]["raw"]) == 2 and kept["cpu_us_per_deploy"]["all"] > 0
    for name in ("alone", "main"):
        assert all_positive([*kept[name]["start"]["raw"], *kept[name]["call"]["raw"]])


def test_each_bar_has_test() -> None:
    assert set(BARS) == {
        "p1",
        "p2",
        "p3",
        "p4",
        "p5",
        "p6",
        "p7",
        "p8",
        "p9",
        "p10",
        "p11",
        "p12",
        "p13",
        "p14",
        "p15",
        "p16",
        "p17",
        "p18",
        "p19",
        "p20",
        "p21",
    }
