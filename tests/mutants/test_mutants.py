"""Seeded faults: each patch breaks one rule of the engine or the queue, and the tests named here must fail.

Each fault is applied to a copy of the source, against which a separate pytest runs. `make test-extended` runs those
for the write of a step, `make soak` the others, and `make test` checks that each patch applies to the source.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATCHES = Path(__file__).parent
AT_ONCE = 2
MAX_TEST_S = 120

STEPS, ENGINE = "tests/orchestrator", "tests/unit/engine"
CASE = "tests/cases/test_cases.py::test_case"
ANNOUNCED = "tests/http/test_announced_results.py"
ASKED = "tests/http/test_approvals.py"
CHOSEN = "tests/http/test_chosen_ids.py"
SESSION = "tests/http/test_session.py"
VOICES, PARENTS = "tests/http/test_approval_voices.py", "tests/http/test_run_parents.py"
# Only on the embedded server: the same tests run on every PostgreSQL outside of the seeded faults.
ASSIGNED, LENDING = f"{STEPS}/test_assigned_jobs.py", "tests/worker/test_lending.py"
DIRECT = f"{STEPS}/test_direct_decisions.py"
LENT = "tests/unit/queue/test_lent_slots.py"
REFUSED = f"{ASSIGNED}::test_no_job_is_assigned_to_worker_that_does_not_lend"
STALE = f"{STEPS}/test_writes.py::test_stale_step_changes_nothing"
CAUGHT_BY = {
    "account_locked_from_elsewhere": f"{SESSION}::test_attacks_from_elsewhere_do_not_lock_account",
    "account_votes_twice": f"{VOICES}::test_repeated_decisions_of_one_person_count_once[consent-approval]",
    "announced_to_deleted_token": f"{ANNOUNCED}::test_caller_without_rights_gets_no_announced_result",
    "any_schema_checked_in_process": "tests/services/test_inputs.py::test_only_plain_schemas_are_checked_in_process",
    "approvers_not_checked": f"{ASKED}::test_only_named_approvers_decide",
    "assigned_job_not_checked_at_start": f"{LENDING}::test_worker_that_may_not_claim_gives_assigned_jobs_back[drained]",
    "assigned_job_of_cancelled_run_started": f"{LENDING}::test_assigned_job_of_cancelled_run_does_not_start",
    "assigned_job_without_slot_kept": f"{LENDING}::test_full_worker_gives_assigned_jobs_back",
    "assigned_jobs_of_stopped_process_kept": f"{LENDING}::test_polls_are_recorded_for_the_supervisor",
    "attached_to_any_job": f"{PARENTS}::test_consent_does_not_decide_attached_run",
    "attempt_not_raised_at_claim": f"{STEPS}/test_inbox.py::test_retry_waits_for_its_timer[embedded]",
    "attempts_counted_after_failure": f"{SESSION}::test_concurrent_attempts_are_counted_before_comparison",
    "batch_fails_whole": f"{STEPS}/test_batches.py::test_result_rejected_by_database_fails_alone[embedded-overflow]",
    "bodies_of_any_speed": "tests/http/test_slow_bodies.py::test_deadline_advances_with_received_bytes",
    "bodies_that_have_not_begun_forgotten": f"{CASE}[c007_the_first_step_of_an_iteration_has_flow_input_wi]",
    "cancel_leaves_bodies": f"{STEPS}/test_loops.py::test_cancel_ends_everything_inside[embedded]",
    "cancel_not_checked_in_claim": f"{STEPS}/test_races.py::test_no_claim_after_cancel[embedded]",
    "cancel_not_checked_in_finish": f"{STALE}[embedded-cancel]",
    "claim_copies_any_input": f"{STEPS}/test_queue.py::test_claim_returns_small_input_of_new_run[embedded]",
    "claim_does_not_hold_up_the_fence": f"{STEPS}/test_races.py::test_claim_in_progress_delays_fence[embedded]",
    "claimed_job_stays_assigned": f"{ASSIGNED}::test_job_that_was_given_back_and_claimed_is_not_assigned[embedded]",
    "consent_reaches_attached_runs": f"{PARENTS}::test_consent_does_not_reach_rows_of_attached_run",
    "database_address_not_pinned": "tests/conformance/test_postgresql.py"
    "::test_host_is_resolved_once_and_address_is_pinned",
    "decision_not_taken": f"{STEPS}/test_approval_races.py"
    "::test_each_of_many_concurrent_approvers_counts_once[embedded]",
    "decision_overtakes_inbox": f"{DIRECT}::test_decision_of_another_process_meanwhile_is_counted_first[embedded-1]",
    "direct_decision_unchecked": f"{DIRECT}::test_refused_caller_sends_nothing[embedded-viewer]",
    "early_events_forgotten": f"{ASKED}::test_events_are_stored_before_node_completes",
    "derived_ids_look_like_runs": f"{CHOSEN}::test_unfit_run_id_is_refused_at_every_call",
    "disapproval_stays_inside": f"{CASE}[m015_a_disapproval_in_a_loop_ends_the_run]",
    "earlier_events_beat_cancel": f"{STEPS}/test_races.py::test_cancel_wins_over_earlier_events[embedded-lost]",
    "export_error_not_in_result": f"{STEPS}/test_inbox.py"
    "::test_result_of_run_contains_error_of_throwing_export[embedded]",
    "exports_after_failure": f"{ENGINE}/test_engine_asks.py",
    "failure_edge_unhandled": f"{ENGINE}/test_engine_failures.py",
    "fenced_worker_claims": f"{STEPS}/test_races.py::test_fenced_worker_claims_nothing[embedded]",
    "forwarded_address_of_anybody": f"{SESSION}::test_address_is_taken_from_trusted_proxy",
    "get_decides": f"{VOICES}::test_get_decides_nothing[resume-*/*]",
    "grant_for_any_server": f"{ASSIGNED}::test_grant_is_accepted_only_from_this_installation[embedded-other server]",
    "hand_off_across_queues": f"{STEPS}/test_writes.py::test_hand_off[embedded]",
    "handed_off_job_started_twice": f"{ASSIGNED}::test_handed_off_job_is_not_taken_for_an_assigned_one[embedded]",
    "heartbeat_does_not_wait_for_start": f"{ASSIGNED}::test_heartbeat_waits_for_start_that_assigns[embedded]",
    "inbox_dropped_unread": f"{STEPS}/test_inbox.py::test_long_inbox_is_drained_completely[embedded]",
    "inbox_never_drained": f"{STEPS}/test_inbox.py::test_any_slow_path_drains_inbox[embedded]",
    "input_of_preprocessor_unread": f"{CASE}[q001_a_preprocessor_makes_the_input]",
    "inputs_found_by_place": f"{CASE}[n002_an_inner_loop_may_count_on_an_earlier_step_of_its_]",
    "iterations_read_the_first_item": f"{CASE}[c001_a_loop_gives_the_results_of_its_iterations_in_or]",
    "job_assigned_after_end_of_loan": f"{REFUSED}[embedded-loan ended]",
    "job_assigned_to_drained_worker": f"{REFUSED}[embedded-drained]",
    "job_assigned_to_fenced_worker": f"{REFUSED}[embedded-fenced]",
    "join_read_before_lock": f"{STEPS}/test_joins.py::test_join_of_two_concurrent_parents_is_enqueued_once[embedded]",
    "jobs_of_batch_assigned": f"{ASSIGNED}::test_job_is_assigned_only_if_its_run_is_started_alone[embedded]",
    "loan_without_end_at_server": f"{LENT}::test_slots_are_not_used_after_the_loan",
    "loop_goes_on_after_failure": f"{CASE}[c011_the_first_failing_iteration_ends_the_loop]",
    "links_are_voices": f"{VOICES}::test_links_do_not_count_when_several_approvals_are_required[link-approval]",
    "link_action_not_signed": f"{ASKED}::test_link_signed_for_something_else_is_404",
    "link_good_for_any_run": f"{CHOSEN}::test_link_is_dead_when_its_job_belongs_to_another_run",
    "link_of_run_needs_no_login": f"{ASKED}::test_run_link_does_not_bypass_required_login",
    "losses_without_end": f"{STEPS}/test_inbox.py::test_job_losing_its_worker_too_often_fails[embedded]",
    "lost_assignment_not_polled": f"{LENDING}::test_job_whose_notification_is_lost_is_found",
    "lost_decision_not_looked_up": f"{DIRECT}::test_decision_without_answer_is_recorded_once[embedded-last node]",
    "lost_commit_not_looked_up": f"{STEPS}/test_writes.py"
    "::test_step_is_recorded_once_if_commit_answer_is_lost[embedded-next]",
    "lost_notification_not_polled": f"{ANNOUNCED}::test_lost_notification_delays_result",
    "lost_packages_fail_their_job": "tests/packages/test_python.py"
    "::test_packages_whose_sandbox_is_killed_are_lost_and_no_error_of_the_script",
    "lost_sandbox_fails_its_job": "tests/worker/test_node_jobs.py::test_job_with_killed_sandbox_is_requeued",
    "low_water_without_lag": f"{STEPS}/test_queue.py::test_low_water_mark_follows_claims[embedded]",
    "more_permits_than_places": f"{ENGINE}/test_gates.py::test_never_more_than_the_limit_and_no_entry_starves",
    "no_attempt_check": f"{STALE}[embedded-attempt]",
    "no_claim_from_below": f"{STEPS}/test_queue.py::test_one_claim_in_sixteen_starts_with_lowest_priority[embedded]",
    "no_generation_check": f"{STALE}[embedded-generation]",
    "no_rev_check": f"{STALE}[embedded-rev]",
    "nonce_of_claim_not_signed": f"{CHOSEN}::test_token_of_earlier_claim_is_dead_at_same_attempt_and_generation",
    "one_voice_is_enough": f"{ENGINE}/test_engine_approval.py",
    "openings_not_checked": "tests/worker/test_masked_jobs.py::test_error_and_stack_are_masked",
    "permit_not_given_back": f"{STEPS}/test_gates.py::test_end_of_holder_starts_next",
    "permit_without_event": f"{STEPS}/test_gates.py::test_end_of_holder_starts_next",
    "poll_ends_with_error": f"{LENDING}::test_any_error_of_a_poll_delays_assigned_jobs",
    "reap_without_rev": f"{STEPS}/test_snapshots.py::test_reap_after_snapshot[embedded]",
    "rehearsal_delays_job": "tests/worker/test_rehearsal.py"
    "::test_job_that_waits_already_is_run_without_rehearsal[True]",
    "rejected_start_fails_others": f"{STEPS}/test_run_starts.py::test_rejected_start_fails_alone[embedded-nul]",
    "restart_goes_around_a_suspend": f"{ENGINE}/test_engine_restart.py",
    "restart_keeps_what_follows": f"{ENGINE}/test_restart_property.py",
    "result_announced_before_commit": f"{ANNOUNCED}::test_result_of_lost_attempt_is_not_delivered",
    "result_of_any_run": f"{ANNOUNCED}::test_messages_of_others_are_ignored",
    "result_of_wrong_sink": f"{ENGINE}/test_engine_results.py",
    "retry_not_counted": f"{STEPS}/test_inbox.py::test_retry_waits_for_its_timer[embedded]",
    "runs_bound_to_the_dead_wait": f"{STEPS}/test_worker_affinity.py::test_loss_of_bound_worker_fails_run",
    "sleep_without_edges_held": f"{ENGINE}/test_engine_waits.py",
    "skip_not_spread": f"{ENGINE}/test_engine_edges.py",
    "shared_read_began_before": "tests/unit/test_shared_reads.py::test_caller_gets_no_read_that_began_before_it_asked",
    "slot_lent_twice": f"{LENT}::test_each_slot_is_taken_once",
    "slots_lent_after_any_claim": f"{LENDING}::test_slots_are_not_lent_while_work_waits",
    "slots_lent_after_unused_loan": f"{LENT}::test_worker_lends_after_requests_that_follow_unused_loans",
    "slots_lent_without_known_heartbeat": f"{LENDING}::test_worker_that_does_not_know_its_heartbeats_lends_nothing",
    "slots_of_full_worker_not_withdrawn": f"{LENDING}::test_worker_without_free_slots_withdraws_its_loan",
    "start_sent_again": f"{STEPS}/test_run_starts.py::test_outcome_of_lost_batch_is_found_for_each_run[embedded]",
    "start_with_all_permissions": f"{STEPS}/test_run_starts.py::test_empty_scopes_stay_empty[embedded]",
    "strangers_send_any_body": "tests/http/test_availability.py::test_anonymous_body_is_limited",
    "timers_outlive_run": f"{STEPS}/test_races.py::test_cancel_wins_over_earlier_events[embedded-start]",
}
ALWAYS = {name for name, test in CAUGHT_BY.items() if test.startswith(STALE)}
Ran = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Ran]]]:
    """Run pytest for the selected faults, AT_ONCE at a time."""
    functions = [item for item in request.session.items if isinstance(item, pytest.Function)]
    tried = [item for item in functions if item.function is test_seeded_fault_is_caught]
    names = [str(item.callspec.params["name"]) for item in tried]
    pool = ThreadPoolExecutor(AT_ONCE)
    yield {name: pool.submit(run, name, tmp_path_factory.mktemp(name)) for name in names}
    pool.shutdown(cancel_futures=True)


@pytest.mark.extended
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in ALWAYS else [pytest.mark.soak]) for name in sorted(CAUGHT_BY)]
)
def test_seeded_fault_is_caught(name: str, running: dict[str, Future[Ran]]) -> None:
    done = running[name].result()
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, f"{name} is not caught:\n{done.stdout[-3000:]}"
    summary = done.stdout.splitlines()[-1]
    assert " failed" in summary and " error" not in summary, done.stdout[-3000:]


@pytest.mark.soak
def test_without_a_fault_the_same_tests_pass(tmp_path: Path) -> None:
    done = start(copied(tmp_path), sorted(set(CAUGHT_BY.values())))
    assert done.returncode == pytest.ExitCode.OK, done.stdout[-3000:]


def test_every_patch_is_named_here() -> None:
    assert {path.stem for path in PATCHES.glob("*.patch")} == set(CAUGHT_BY)


@pytest.mark.parametrize("name", sorted(CAUGHT_BY))
def test_patch_applies_to_source(name: str) -> None:
    assert changed((PATCHES / f"{name}.patch").read_text(), ROOT / "src")


def run(name: str, folder: Path) -> Ran:
    """Run the tests that must detect the fault, against a copy of the source with the fault."""
    source = copied(folder)
    for path, text in changed((PATCHES / f"{name}.patch").read_text(), source).items():
        path.write_text(text)
    return start(source, [CAUGHT_BY[name]])


def copied(folder: Path) -> Path:
    """Copy the source with its compiled files."""
    shutil.copytree(ROOT / "src" / "orvanta_platform", folder / "src" / "orvanta_platform")
    return folder / "src"


def start(source: Path, tests: list[str]) -> Ran:
    """Run pytest with the platform imported from `source`."""
    options = [
        "-q",
        "-x",
        "--tb=short",
        "-p",
        "no:cacheprovider",
        "-m",
        "not soak",
        f"--basetemp={source.parent / 'tmp'}",  # the shared folder is deleted by the first pytest that ends
        "-W",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(source)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=MAX_TEST_S,
        check=False,
    )


def changed(patch: str, source: Path) -> dict[Path, str]:
    """Return the files of `source` changed by a unified diff whose paths begin with a/src/.

    Each hunk must fit in exactly one place.
    """
    after: dict[Path, str] = {}
    for part in re.split(r"^--- ", patch, flags=re.MULTILINE)[1:]:
        head, *hunks = re.split(r"^@@.*@@.*\n", part, flags=re.MULTILINE)
        path = source / head.splitlines()[1].removeprefix("+++ b/src/").strip()
        text = path.read_text()
        for hunk in hunks:
            lines = hunk.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if line[0] in " -")
            new = "".join(line[1:] for line in lines if line[0] in " +")
            assert text.count(old) == 1, f"a hunk of {path.name} fits {text.count(old)} times:\n{hunk}"
            text = text.replace(old, new)
        after[path] = text
    return after
