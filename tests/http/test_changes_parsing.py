"""Workflows that plans parse: each of the change set at most once, and none of the workspace."""

from __future__ import annotations

from typing import Any

import pytest
from tests.http.harness import ApiHarness, W
from tests.http.test_changes import FLOW, actions, apply, hashes, plan

from orvanta_platform.control.actor import system
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import StalePlan
from orvanta_platform.orchestrator.parsed_workflows import ParsedWorkflows
from orvanta_platform.services.changes import change_sets
from orvanta_platform.services.changes.change_sets import ChangeSet
from orvanta_platform.workflow import yaml_text
from orvanta_platform.workflow.tree.plan import Wanted

TEXTS = {f"f/team/flow{n}": FLOW % (f"Number {n}", "identity") for n in range(3)}
CALLS = "flow\n        path: f/team/flow0"


@pytest.fixture
async def stored(api: ApiHarness) -> ApiHarness:
    folder = {"kind": "folder", "path": "team", "content": {"summary": "Team"}}
    await apply(api, [folder, *of(TEXTS)])
    return api


def of(texts: dict[str, str], bases: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Return the items of a change set."""
    return [
        {"kind": "flow", "path": path, "base": (bases or {}).get(f"flow {path}"), "content": {"text": text}}
        for path, text in texts.items()
    ]


@pytest.mark.parametrize(
    ("ending", "action", "count"), [("", "unchanged", 0), ("# x\n", "unchanged", 1), ("schema: {}\n", "conflict", 1)]
)
async def test_plan_parses_no_workflow_of_the_workspace(
    stored: ApiHarness, monkeypatch: pytest.MonkeyPatch, ending: str, action: str, count: int
) -> None:
    texts = record(monkeypatch)
    wanted = {path: text + ending for path, text in TEXTS.items()}
    assert set(actions(await plan(stored, of(wanted))).values()) == {action}
    assert sorted(texts) == sorted(wanted.values()) * count


async def test_plan_of_changed_workflows_with_their_base_parses_none(
    stored: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    bases = await hashes(stored)
    texts = record(monkeypatch)
    wanted = {path: text + "# x\n" for path, text in TEXTS.items()}
    assert set(actions(await plan(stored, of(wanted, bases))).values()) == {"change"}
    assert texts == []


async def test_text_is_parsed_once_by_several_plans(stored: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A push without a state compares, plans and applies the same texts."""
    texts = record(monkeypatch)
    wanted = {path: f"# x\n{text}" for path, text in TEXTS.items()}
    for _ in range(2):
        assert set(actions(await plan(stored, of(wanted))).values()) == {"unchanged"}
    assert (await apply(stored, of(wanted)))["nothing_to_do"]
    assert sorted(texts) == sorted(wanted.values())


def test_number_of_remembered_workflows_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = record(monkeypatch)
    parsed = ParsedWorkflows(limit=2)
    for n in (0, 1, 0, 2, 0, 1):
        parsed.parse(FLOW % (str(n), "identity"))
    assert [text.partition("\n")[0] for text in texts] == [f"summary: {n}" for n in (0, 1, 2, 1)]


@pytest.mark.parametrize("calls", [["x" * 5000], [f"f/team/{n}" for n in range(101)]])
def test_workflows_with_long_calls_are_not_remembered(monkeypatch: pytest.MonkeyPatch, calls: list[str]) -> None:
    """A caller sends texts with up to 4 MiB, and the names of calls would fill the memory."""
    texts = record(monkeypatch)
    parsed = ParsedWorkflows()
    nodes = "".join(f"    - id: a{n}\n      value: {{type: flow, path: {path}}}\n" for n, path in enumerate(calls))
    for _ in range(2):
        assert set(parsed.parse(f"summary: Long\nvalue:\n  modules:\n{nodes}").calls) == set(calls)
    assert len(texts) == 2


async def test_workflow_that_runs_another_is_parsed_once(stored: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = record(monkeypatch)
    wanted = {path: FLOW % (path, CALLS) for path in TEXTS if path != "f/team/flow0"}
    assert set(actions(await plan(stored, of(wanted))).values()) == {"conflict"}
    assert sorted(texts) == sorted(wanted.values())


async def test_workflow_beyond_the_limits_of_yaml_is_not_parsed_to_its_end(
    stored: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = TEXTS["f/team/flow0"] + f"x: [{','.join('1' * 20_000)}]\n" + "y: {a: {b: [1,,]}\n"
    limits: list[bool] = []
    read = yaml_text.read

    def recorded(text: str, *, limit: bool, limit_aliases: bool) -> Any:
        limits.append(limit)
        return read(text, limit=limit, limit_aliases=limit_aliases)

    monkeypatch.setattr(yaml_text, "read", recorded)
    assert set(actions(await plan(stored, of({"f/team/flow0": large}))).values()) == {"conflict"}
    assert limits == [True]


async def test_comments_of_a_workflow_with_settings_beside_it_count(stored: ApiHarness) -> None:
    path, text = "f/team/beside", FLOW % ("Beside", "identity")
    body = {"path": path, "source": {"format": "yaml", "text": text}, "tag": "north"}
    answer = await stored.client.post(f"{W}/flows/create", json=body)
    assert answer.is_success, answer.text
    [read] = (await stored.client.post(f"{W}/changes/read", json={"items": [{"kind": "flow", "path": path}]})).json()
    pulled = read["content"]["text"]
    assert "tag: north" in pulled
    bases = await hashes(stored)
    cases = {pulled: "unchanged", f"{pulled}# x\n": "change", text: "change"}
    for wanted, action in cases.items():
        assert actions(await plan(stored, of({path: wanted}, bases))) == {f"flow {path}": action}
    assert actions(await plan(stored, of({path: f"{pulled}# x\n"}))) == {f"flow {path}": "unchanged"}


async def test_workflows_of_older_versions_are_compared_by_their_text(stored: ApiHarness) -> None:
    bases = await hashes(stored)
    async with stored.platform.db.transaction() as conn:
        await conn.execute("UPDATE document SET tree = NULL")
    assert await hashes(stored) == bases
    for ending, known, action in (("", None, "unchanged"), ("# x\n", None, "unchanged"), ("# x\n", bases, "change")):
        wanted = {path: text + ending for path, text in TEXTS.items()}
        assert set(actions(await plan(stored, of(wanted, known))).values()) == {action}


async def test_workflow_changed_before_the_transaction_is_compared_again(stored: ApiHarness) -> None:
    wanted = [Wanted("flow", path, None, {"text": f"{text}# x\n"}) for path, text in TEXTS.items()]
    change = ChangeSet(wanted)
    made = await change_sets.plan(stored.platform, system("main"), "main", change)
    body = {"path": "f/team/flow0", "source": {"format": "yaml", "text": FLOW % ("Changed meanwhile", "identity")}}
    begun = []

    async def begin(_: Connection) -> None:
        begun.append(1)
        if len(begun) == 1:
            assert (await stored.client.post(f"{W}/flows/update/f/team/flow0", json=body)).is_success

    async def end(_: Connection, after: object) -> None:
        raise AssertionError(after)

    hooks = change_sets.Hooks(end, begin)
    with pytest.raises(StalePlan):
        await change_sets.apply(stored.platform, system("main"), "main", change, made.hash, None, hooks)


def record(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the texts that the parser of YAML reads from now on."""
    texts: list[str] = []
    read = yaml_text.read

    def recorded(text: str, **limits: Any) -> Any:
        texts.append(text)
        return read(text, **limits)

    monkeypatch.setattr(yaml_text, "read", recorded)
    return texts
