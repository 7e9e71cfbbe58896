"""Reasons for waiting: every kind of wait has a reason and a sentence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from orvanta_platform.cli.client.runs import waits_text
from orvanta_platform.db.gates import LimitRow
from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.engine.plan import Node
from orvanta_platform.engine.state import LIVE, MARK_STATE, Mark
from orvanta_platform.engine.states import NodeState
from orvanta_platform.services.run_views.reasons import ReasonKind, WaitReason, of_job, of_limit, of_node

AT = datetime(2026, 1, 1, tzinfo=UTC)
ID = UUID(int=7)


def node(**value: Any) -> Node:
    return compile_plan({"modules": [{"id": "a", "value": {"type": "identity", **value}}]}).nodes[0]


def limit(**more: Any) -> LimitRow:
    fields = {
        "name": "main/k",
        "places": 2,
        "window_s": 0.0,
        "in_use": 2,
        "due_at": None,
        "before": 4,
        "held_by": (ID,),
    }
    return LimitRow(ID, ID, **{**fields, **more})


WAITS = [mark for mark in LIVE if MARK_STATE[mark] not in (NodeState.QUEUED, NodeState.RUNNING)]


@pytest.mark.parametrize("mark", WAITS)
def test_node_waiting_without_job_has_reason(mark: Mark) -> None:
    found = of_node(node(), mark, AT)
    assert found is not None and found.text


@pytest.mark.parametrize("why", ReasonKind)
def test_every_reason_is_a_sentence(why: ReasonKind) -> None:
    assert WaitReason(why, queue="gpu", limit=limit(), run=ID).text


def test_job_waits_for_worker_slot_or_time() -> None:
    assert of_job("available", "gpu", False, None) == WaitReason(ReasonKind.NO_WORKER, queue="gpu")
    assert of_job("available", "gpu", True, None, 3) == WaitReason(ReasonKind.NO_SLOT, queue="gpu", before=3)
    assert of_job("scheduled", "gpu", True, AT) == WaitReason(ReasonKind.RETRY, until=AT)
    assert of_job("scheduled", "gpu", True, None) == WaitReason(ReasonKind.TIME)
    assert of_job("running", "gpu", True, None) is None and of_job(None, None, True, None) is None


def test_command_line_shows_queue_position_and_time() -> None:
    assert waits_text("waiting for a free slot", None, None) == waits_text("waiting for a free slot", 0, None)
    text = waits_text("limit main/k: 1 of 1 in use", 3, AT.isoformat())
    assert text.startswith("limit main/k: 1 of 1 in use (3 before it, until ") and text.endswith(")")


def test_limit_reports_its_key_and_use() -> None:
    found = of_limit(limit())
    assert (found.why, found.before, found.text) == (ReasonKind.LIMIT, 4, "limit main/k: 2 of 2 in use")


def test_window_reports_when_it_opens() -> None:
    found = of_limit(limit(in_use=1, window_s=60.0, due_at=AT))
    assert (found.why, found.until, found.text) == (ReasonKind.WINDOW, AT, "limit main/k: 2 started within 60 s")


def test_approval_reports_who_may_decide() -> None:
    asked = node(type="approval", approvers=["u/ann", "g/cooks"])
    found = of_node(asked, Mark.WAITING_APPROVAL, AT)
    assert found == WaitReason(ReasonKind.APPROVAL, until=AT, approvers=("u/ann", "g/cooks"))
    assert found.text == "awaiting approval by u/ann, g/cooks"


def test_sub_workflow_reports_the_awaited_run() -> None:
    called = node(type="flow", path="f/a/b")
    assert of_node(called, Mark.WAITING_CHILDREN, None, run=ID) == WaitReason(ReasonKind.RUN, run=ID)
    assert of_node(called, Mark.WAITING_TIMER, AT) == WaitReason(ReasonKind.RETRY, until=AT)
