"""Measurements of large trees: the comparison of 500 workflows, of 40 large ones, and the plan of 5,000 items."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.http.harness import ApiHarness, W

from orvanta_platform.control.actor import system
from orvanta_platform.services.changes import change_sets
from orvanta_platform.services.changes.change_sets import ChangeSet
from orvanta_platform.workflow.tree.item import Item
from orvanta_platform.workflow.tree.plan import Wanted

pytestmark = pytest.mark.soak
ACTOR = system("main")
FLOWS = 500
ITEMS = 5000
LARGE_FLOWS = 40
VALUES = 19_000
_BATCH = 500


def items() -> list[Item]:
    text = "summary: Workflow %d\nvalue:\n  modules:\n" + "".join(
        f"    - id: n{n}\n      value:\n        type: rawscript\n        language: bash\n        content: echo {n}\n"
        for n in range(10)
    )
    flows = [Item("flow", f"f/many/flow_{n}", {"text": text % n}) for n in range(FLOWS)]
    rest = range(ITEMS - FLOWS - 1)
    variables = [Item("variable", f"f/many/v_{n}", {"value": str(n), "is_secret": False}) for n in rest]
    return [Item("folder", "many", {"summary": "Many"}), *flows, *variables]


def large_flow(n: int, *, values: int = VALUES) -> dict[str, Any]:
    text = (
        f"summary: Large {n}\nvalue:\n  modules:\n    - id: a\n      value:\n        type: identity\n      mock:\n"
        f"        enabled: false\n        return_value: [{','.join('1' * values)}]\n"
    )
    return {"kind": "flow", "path": f"f/many/large_{n}", "content": {"text": text}}


async def test_figures_of_large_workflows(api: ApiHarness, record_property: Callable[[str, object], None]) -> None:
    """Plans of other texts of these workflows, without their base, and of small workflows in place of large ones."""
    await api.client.post(f"{W}/folders/create", json={"name": "many"})
    stored = [large_flow(n) for n in range(LARGE_FLOWS)]
    for each in stored:
        body = {"path": each["path"], "source": {"format": "yaml", "text": each["content"]["text"]}}
        assert (await api.client.post(f"{W}/flows/create", json=body)).is_success
    other = [{**each, "content": {"text": f"{each['content']['text']}# \n"}} for each in stored]
    small = [large_flow(n, values=1) for n in range(LARGE_FLOWS)]
    for name, items, action in (
        ("same", stored, "unchanged"),
        ("other", other, "unchanged"),
        ("small", small, "conflict"),
    ):
        began, used = time.perf_counter(), time.process_time()
        made = (await api.client.post(f"{W}/changes/plan", json={"items": items})).json()
        figures = {"s": time.perf_counter() - began, "cpu_s": time.process_time() - used}
        assert {each["action"] for each in made["entries"]} == {action}
        for unit, seconds in figures.items():
            record_property(f"{name}_{unit}", round(seconds, 2))
            print(f"{name}_{unit}", round(seconds, 2))


async def test_figures_of_large_trees(api: ApiHarness, record_property: Callable[[str, object], None]) -> None:
    every = items()
    wanted = [Wanted(*item.key, None, item.content) for item in every]
    for start in range(0, len(wanted), _BATCH):
        part = ChangeSet(wanted[start : start + _BATCH])
        made = await change_sets.plan(api.platform, ACTOR, "main", part)
        await change_sets.apply(api.platform, ACTOR, "main", part, made.hash, None)
    began = time.perf_counter()
    listed = await api.get("changes/items")
    figures = {"list_s": time.perf_counter() - began}
    began = time.perf_counter()
    body = {"items": [{"kind": each.kind, "path": each.path, "content": dict(each.content)} for each in every]}
    made = (await api.client.post(f"{W}/changes/plan", json=body)).json()
    figures["plan_s"] = time.perf_counter() - began
    assert len(listed) >= ITEMS and made["nothing_to_do"] and len(made["entries"]) == ITEMS
    bases = {(each["kind"], each["path"]): each["hash"] for each in listed}
    flows = [
        {
            "kind": each.kind,
            "path": each.path,
            "base": bases[each.key],
            "content": {"text": f"{each.content['text']}# \n"},
        }
        for each in every[1 : FLOWS + 1]
    ]
    began = time.perf_counter()
    await api.client.post(f"{W}/changes/plan", json={"items": flows})
    figures["plan_of_changed_workflows_s"] = time.perf_counter() - began
    for name, seconds in figures.items():
        record_property(name, round(seconds, 2))
    print(figures)
