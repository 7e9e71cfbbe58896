"""Measurements of policies: a deployment of 500 nodes under 50 policies, and the violations among 5,000 items."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from tests.http.harness import ApiHarness, W

from bench.large import large
from orvanta_platform.control.actor import system
from orvanta_platform.services.catalog import policies
from orvanta_platform.services.changes import change_sets
from orvanta_platform.services.changes.change_sets import ChangeSet
from orvanta_platform.workflow.normal import normalise
from orvanta_platform.workflow.policies.subject import subject_of_normal_flow
from orvanta_platform.workflow.policies.templates import TEMPLATES
from orvanta_platform.workflow.tree.plan import Wanted

pytestmark = pytest.mark.soak
ACTOR = system("main")
NODES = 500
POLICIES = 50
ITEMS = 5_000
ROUNDS = 20
PATH = "f/many/flow"
_BATCH = 500
LABELS = ["owner:sales"]
USED = [each for each in TEMPLATES if each["name"] != "workflow-tests"]
"""Templates that are checked in the transaction. Required tests are run before it."""


def policy(number: int) -> dict[str, Any]:
    """Return one of the templates as an active policy, with an own name and with rules that no other policy has."""
    template = USED[number % len(USED)]
    rules = [distinct(rule, number) for rule in template["rules"]]
    return {**template, "name": f"policy-{number}", "mode": "active", "rules": rules}


def distinct(rule: dict[str, Any], number: int) -> dict[str, Any]:
    """Return a rule with other limits and patterns, if it has any."""
    longer: dict[str, Any] = {name: rule[name] + number for name in ("maximum", "maximum_lines") if name in rule}
    if "allowed" in rule:
        longer["allowed"] = [*rule["allowed"], f"other{number}"]
    if "matches" in rule:
        longer["matches"] = rule["matches"] + "*" * number
    return {**rule, **longer}


def workflow(summary: str) -> dict[str, Any]:
    """Return a workflow that meets the policies."""
    value = large(NODES)
    for module in value["modules"]:
        if module["value"]["type"] == "rawscript":
            module["timeout"] = {"type": "static", "value": 60}
    value["failure_module"] = {"id": "failure", "value": {"type": "identity"}}
    return {"path": PATH, "summary": summary, "labels": LABELS, "value": value}


async def test_time_of_policies_in_a_deployment(
    api: ApiHarness, record_property: Callable[[str, object], None]
) -> None:
    """Print the time of the check in its transaction, and of deployments without and with policies."""
    await api.client.post(f"{W}/folders/create", json={"name": "many"})
    await api.client.post(f"{W}/flows/create", json=workflow("first"))
    deployments = [await deploy(api, f"alone {each}") for each in range(ROUNDS)]
    for number in range(POLICIES):
        assert (await api.client.post(f"{W}/policies/create", json=policy(number))).is_success
    checked = [await deploy(api, f"checked {each}") for each in range(ROUNDS)]
    # A deployment validates the document before, and passes the normal form on.
    subject = partial(subject_of_normal_flow, PATH, normalise(workflow("first")))
    checks, used = [], []
    for _ in range(ROUNDS):
        async with api.platform.db.transaction() as conn:
            began, used_before = time.perf_counter(), time.process_time()
            await policies.enforce(api.platform, conn, ACTOR, "main", PATH, subject, None, tuple)
            checks.append(time.perf_counter() - began)
            used.append(time.process_time() - used_before)
    times = {"check_ms": checks, "check_cpu_ms": used, "deployment_ms": deployments, "checked_deployment_ms": checked}
    figures = {name: round(1000 * statistics.median(each), 1) for name, each in times.items()}
    for name, median in figures.items():
        record_property(name, median)
    print(figures)


async def deploy(api: ApiHarness, summary: str) -> float:
    """Deploy a new version; return the seconds of the call."""
    body = workflow(summary)
    began = time.perf_counter()
    answer = await api.client.post(f"{W}/flows/update/{PATH}", json=body)
    assert answer.status_code == 200, answer.text
    return time.perf_counter() - began


async def test_time_of_violations_among_5000_items(
    api: ApiHarness, record_property: Callable[[str, object], None]
) -> None:
    """Print the time until the first and the last page of violations is known."""
    text = "summary: ''\nvalue:\n  modules:\n" + "".join(
        f"    - id: n{n}\n      value:\n        type: rawscript\n        language: bash\n        content: echo {n}\n"
        for n in range(10)
    )
    code = {"content": "echo 1\n", "language": "bash", "settings": {}}
    wanted = [Wanted("folder", "many", None, {"summary": "Many"})]
    wanted += [Wanted("flow", f"f/many/flow_{n}", None, {"text": text}) for n in range(ITEMS // 2)]
    wanted += [Wanted("script", f"f/many/script_{n}", None, code) for n in range(ITEMS // 2)]
    for start in range(0, len(wanted), _BATCH):
        part = ChangeSet(wanted[start : start + _BATCH])
        made = await change_sets.plan(api.platform, ACTOR, "main", part)
        await change_sets.apply(api.platform, ACTOR, "main", part, made.hash, None)
    assert (await api.client.post(f"{W}/policies/create", json=policy(0))).is_success
    began = time.perf_counter()
    page = await api.get("policies/violations/policy-0")
    figures: dict[str, Any] = {"first_page_s": time.perf_counter() - began}
    found, calls = len(page["items"]), 1
    while page["next"]:
        page = await api.get("policies/violations/policy-0", after=page["next"])
        found, calls = found + len(page["items"]), calls + 1
    figures |= {"every_page_s": time.perf_counter() - began}
    figures = {name: round(seconds, 2) for name, seconds in figures.items()} | {"calls": calls}
    for name, figure in figures.items():
        record_property(name, figure)
    print(figures)
    assert found >= ITEMS
