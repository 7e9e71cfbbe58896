"""The page on troubleshooting: a test produces each symptom, and the message is that of the code."""

from __future__ import annotations

import re

from tests.architecture.cited import ROOT, missing

PAGE = ROOT / "docs" / "how-to" / "operate" / "troubleshoot.md"
SYMPTOMS = {
    "Port … on … is in use by another program.": (
        "tests/cli/test_commands.py::test_taken_port_is_reported_in_one_sentence"
    ),
    "Orvanta already runs in …": "tests/embedded/test_up.py::test_second_up_on_same_home_is_rejected",
    "Unknown setting …": "tests/cli/test_commands.py::test_invalid_setting_is_reported_with_hint",
    "The database cannot be reached …": "tests/cli/test_commands.py::test_invalid_setting_is_reported_with_hint",
    "The database lacks … migration(s), from … on.": (
        "tests/cli/test_doctor.py::test_older_schema_is_named_with_the_command"
    ),
    "The database was migrated by a newer Orvanta …": (
        "tests/cli/test_doctor.py::test_newer_schema_is_named_with_the_remedy"
    ),
    "The role … may not change the tables …": (
        "tests/cli/test_doctor.py::test_missing_owner_is_named_with_the_setting"
    ),
    "The pooler … confuses prepared statements": (
        "tests/topologies/test_pgbouncer.py::test_pooler_without_prepared_statements_is_named"
    ),
    "The connection for notifications reached a pooler …": (
        "tests/topologies/test_pgbouncer.py::test_notifications_need_a_direct_connection"
    ),
    "isolation … is not possible here …": (
        "tests/worker/test_lifecycle.py::test_required_isolation_fails_without_support"
    ),
    "no worker for queue …": ("tests/http/test_jobs_observe.py::test_run_in_queue_without_workers_has_wait_reason"),
    "waiting for a free slot": "tests/http/test_jobs_observe.py::test_run_is_queued_then_running_then_completed",
    "limit …: … of … in use": "tests/orchestrator/test_gates.py::test_limit_is_shown_for_run_node_and_list",
    "retrying the upload of its result since …": (
        "tests/e2e/test_large_values.py::test_result_rejected_by_storage_is_reported"
    ),
    "worker_lost": "tests/chaos/test_leases.py::test_job_killing_its_workers_fails_after_max_losses",
    "OutOfMemory": "tests/worker/test_exhaustion.py::test_exhausting_job_does_not_affect_others",
    "result_too_large": "tests/worker/test_large_values.py::test_result_over_limit_fails_with_limit_and_size",
    "queue_reserved": "tests/worker/test_queue_rules.py::test_worker_refuses_jobs_enqueued_before_the_reservation",
    "no_network": "tests/worker/test_offline.py::test_job_that_is_a_connection_fails",
    "secrets were encrypted with another instance key": "tests/cli/test_doctor.py::test_other_instance_key_is_named",
    "GET /api/health/status": "tests/http/test_workspaces.py::test_health_and_version",
    "query_timeout": "tests/http/test_statement_timeout.py::test_slow_statement_is_cancelled_and_not_retried",
    "forwarded address ignored": (
        "tests/unit/control/test_client_address.py::test_without_proxies_the_peer_counts_and_one_warning_names_the_setting"
    ),
    "notifications do not arrive": "tests/topologies/test_pgbouncer.py::test_notifications_need_a_direct_connection",
    "missed": "tests/services/test_schedule_ticks.py::test_missed_ticks_follow_the_rule",
}
"""Symptoms, by the first message or name of their row, and a test that produces each."""


def listed_symptoms() -> list[list[str]]:
    """Return the messages and names in the first column of each row."""
    rows = re.findall(r"^\| (?!symptom)(?!---)(.+?) \| .+? \| .+? \|$", PAGE.read_text(), re.MULTILINE)
    return [re.findall("`([^`]+)`", row) for row in rows]


def test_each_symptom_is_produced_by_an_existing_test() -> None:
    listed = [row[0] for row in listed_symptoms()]
    assert sorted(listed) == sorted(SYMPTOMS) and len(listed) >= 20
    assert missing(dict.fromkeys(SYMPTOMS.values())) == []


def test_messages_of_the_page_are_those_of_the_code() -> None:
    """Each is in one text of the code, in which an ellipsis of the page stands for a value."""
    code = "\n".join(path.read_text() for path in (ROOT / "src" / "orvanta_platform").rglob("*.py"))
    code = code.replace("of its result{since}", "of its result since {at}")
    for symptom in (each for row in listed_symptoms() for each in row):
        parts = [re.escape(part.strip()) for part in symptom.removeprefix("GET ").split("…")]
        assert re.search(r'[^"\n]{0,80}'.join(parts), code), symptom
