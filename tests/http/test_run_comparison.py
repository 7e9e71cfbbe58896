"""Comparison of two runs: differences and permissions."""

from __future__ import annotations

from typing import Any

from tests.http.harness import ApiHarness, script

from orvanta_platform.control.actor import Role

HERE = {"X-Workspace": "main"}


async def compared(api: ApiHarness, before: str, after: str) -> dict[str, Any]:
    answer = await api.client.get(f"/api/v1/runs/{before}/compare/{after}", headers=HERE)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def run_of(api: ApiHarness, results: dict[str, Any], *modules: dict[str, Any], args: Any = None) -> str:
    """Run a workflow whose jobs return these results; an exception fails its job."""
    id = await api.flow(*modules, args=args)
    while claimed := await api.worker.claim():
        for node, job in claimed.items():
            given = results.get(node)
            if isinstance(given, Exception):
                await api.worker.finish(job, error=str(given))
            else:
                await api.worker.finish(job, given)
    return id


def parts(found: dict[str, Any]) -> dict[str, list[str]]:
    return {node["id"]: node["parts"] for node in found["nodes"] if node["parts"]}


LINE = (script("c", needs=["b"]), script("b", needs=["a"]), script("a", needs=[]))


async def test_first_differing_node_is_named_in_run_order(api: ApiHarness) -> None:
    before = await run_of(api, {"a": 1, "b": {"n": 2}, "c": 3}, *LINE)
    after = await run_of(api, {"a": 1, "b": {"n": 9}, "c": 4}, *LINE, args={"x": 1})
    found = await compared(api, before, after)
    assert [node["id"] for node in found["nodes"]] == ["a", "b", "c"]
    assert (found["parts_at"], parts(found)) == ("b", {"b": ["output"], "c": ["output"]})
    assert (found["input"], found["result"], "difference" in found) == ("differs", "differs", False)
    (_, b, _) = found["nodes"]
    assert (b["before"]["output"], b["after"]["output"]) == (
        {"size": 8, "begins": '{"n": 2}'},
        {"size": 8, "begins": '{"n": 9}'},
    )
    assert b["before"]["duration_ms"] >= 0
    same = await compared(api, before, before)
    assert ("parts_at" in same, parts(same), same["result"]) == (False, {}, "same")


async def test_versions_of_different_shape_are_one_list(api: ApiHarness) -> None:
    old = (script("a"), script("gone"), script("b"))
    new = (script("a"), script("b", retry={"constant": {"attempts": 1, "seconds": 0}}), script("more"))
    before = await run_of(api, {"a": 1, "gone": 2, "b": 3}, *old)
    after = await run_of(api, {"a": 1, "b": 3, "more": 4}, *new)
    found = await compared(api, before, after)
    assert [node["id"] for node in found["nodes"]] == ["a", "gone", "b", "more"]
    assert parts(found) == {"gone": ["missing"], "b": ["definition"], "more": ["missing"]}
    assert found["parts_at"] == "gone"
    assert [each["id"] for each in found["difference"]["removed"]] == ["gone"]


async def test_failure_and_its_consequences_are_differences(api: ApiHarness) -> None:
    before = await run_of(api, {"a": 1, "b": 2, "c": 3}, *LINE)
    after = await run_of(api, {"a": 1, "b": ValueError("Broken")}, *LINE)
    found = await compared(api, before, after)
    assert found["parts_at"] == "b"
    assert parts(found) == {"b": ["status", "output"], "c": ["status", "output"]}
    assert (found["after"]["status"], found["nodes"][1]["after"]["error"]) == ("failed", "Broken")


async def test_long_values_of_equal_length_are_compared(api: ApiHarness) -> None:
    words = ["x" * 20_000 + end for end in ("1", "2")]
    large = ["y" * 400_000 + end for end in ("1", "2")]
    runs = [await run_of(api, {"a": words[0], "b": large[0], "c": large[each]}, *LINE) for each in (0, 1)]
    found = await compared(api, *runs)
    assert parts(found) == {"c": ["output"]}
    assert "begins" not in found["nodes"][0]["before"]["output"]


async def test_loop_precedes_its_nodes(api: ApiHarness) -> None:
    def loop(items: int) -> dict[str, Any]:
        iterator = {"type": "static", "value": [*range(items)]}
        return {"id": "each", "value": {"type": "forloopflow", "iterator": iterator, "modules": [script("in")]}}

    runs = [await run_of(api, {"in": 1}, loop(items), script("after")) for items in (2, 3)]
    found = await compared(api, *runs)
    assert [(node["id"], node.get("inside")) for node in found["nodes"]] == [
        ("each", None),
        ("in", "each"),
        ("after", None),
    ]
    assert found["parts_at"] == "each"
    assert found["nodes"][1]["parts"] == ["status"]


async def test_contents_of_a_reused_loop_are_no_difference(api: ApiHarness) -> None:
    iterator = {"type": "static", "value": [1]}
    loop = {"id": "each", "value": {"type": "forloopflow", "iterator": iterator, "modules": [script("in")]}}
    before = await run_of(api, {"in": 1}, loop, script("after"))
    after = await api.client.post(f"/api/w/main/jobs/restart/f/{before}", json={"step_id": "after"})
    assert after.status_code == 201, after.text
    await api.worker.finish((await api.worker.claim())["after"], None)
    found = await compared(api, before, after.text)
    assert ("parts_at" in found, parts(found)) == (False, {})
    (each, inner, _) = found["nodes"]
    assert (each["after"]["kept"], each["after"]["status"]) == (True, "succeeded")
    assert (inner["after"]["kept"], inner["after"]["status"]) == (True, "pending")


async def test_comparison_needs_access_to_both_runs(api: ApiHarness) -> None:
    runs = [await run_of(api, {"a": each}, script("a")) for each in (1, 2)]
    other = await api.member("olga", Role.OPERATOR)
    for pair in (runs, runs[::-1], [runs[0], "0199f2c4-0000-7000-8000-000000000000"]):
        answer = await other.get(f"/api/v1/runs/{pair[0]}/compare/{pair[1]}", headers=HERE)
        assert answer.status_code == 404
