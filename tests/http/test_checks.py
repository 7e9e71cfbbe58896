"""Checks for the editor: diagnostics with positions, schemas of signatures, groups, queues."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML as YAML_READER
from tests.http.harness import ApiHarness, W, script

from orvanta_platform.control.actor import Role

YAML = """\
summary: Orders
value:
  modules:
    - id: a
      value: {type: identity}
    - id: b
      needs: [nobody]
      value:
        type: rawscript
        language: python3
        content: |
          def main(): pass
        input_transforms:
          x: {type: javascript, expr: "results.a +"}
    - id: a
      value: {type: identity}
"""


async def check(api: ApiHarness, **body: Any) -> dict[str, Any]:
    answer = await api.client.post(f"{W}/flows/validate", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_diagnostic_has_position_in_text(api: ApiHarness) -> None:
    found = await check(api, source={"format": "yaml", "text": YAML})
    assert found["deployable"] is False
    reported = {each["code"]: (each["path"], each["line"], each["column"]) for each in found["diagnostics"]}
    assert reported["expression_syntax"] == ("/value/modules/1/value/input_transforms/x/expr", 14, 39)
    lines = YAML.splitlines()
    assert {line for path, line, _ in reported.values() if path.startswith("/value/modules/1/needs")} == {7}
    assert {lines[line - 1].strip() for path, line, _ in reported.values() if path == "/value/modules/2/id"} <= {
        "- id: a"
    }


async def test_syntax_error_has_position(api: ApiHarness) -> None:
    for form, text, line in (("yaml", "value:\n  modules: [\n", 3), ("json", '{"value":\n {"modules": ]}', 2)):
        found = await check(api, source={"format": form, "text": text})
        (only,) = found["diagnostics"]
        assert (found["deployable"], only["code"]) == (False, f"invalid_{form}")
        assert only["line"] == line, only


async def test_document_without_text_has_pointers_only(api: ApiHarness) -> None:
    found = await check(api, value={"modules": [inline("a", "python3", "def main(): pass", needs=["nobody"])]})
    (only,) = found["diagnostics"]
    assert only["node"] == "a" and "line" not in only and found["deployable"] is False
    assert await check(api, value={"modules": [inline("a", "python3", "def main(): pass")]}) == {
        "deployable": True,
        "diagnostics": [],
        "defaults": [],
    }
    assert (await api.client.get(f"{W}/flows/list")).json() == []


async def test_check_reports_deploy_diagnostics(api: ApiHarness) -> None:
    body = {"path": "u/admin/secret", "summary": "", "content": "echo 1", "language": "bash"}
    assert (await api.client.post(f"{W}/scripts/create", json=body)).status_code == 201
    value = {"modules": [{"id": "a", "value": {"type": "script", "path": "u/admin/secret", "input_transforms": {}}}]}
    assert (await check(api, value=value))["deployable"] is True
    bea = await api.member("bea", Role.DEVELOPER)
    found = (await bea.post(f"{W}/flows/validate", json={"value": value})).json()
    assert [each["code"] for each in found["diagnostics"]] == ["script_not_readable"]
    limited = await api.member("lim", Role.DEVELOPER, scopes=["jobs:read"])
    assert (await limited.post(f"{W}/flows/validate", json={"value": value})).status_code == 403


YAML_TEXT_WITHOUT_INPUT = """\
value:
  modules:
    - id: a
      value:
        type: rawscript
        input_transforms: {}
        language: python3
        content: "def main(x): pass"
"""


def inline(id: str, language: str, content: str, transforms: Any = None, **more: Any) -> dict[str, Any]:
    value = {"type": "rawscript", "language": language, "content": content, "input_transforms": transforms or {}}
    return {"id": id, "value": value, **more}


async def test_check_reports_unreadable_code_and_missing_inputs(api: ApiHarness) -> None:
    needs_two = "def main(a: int, b: str, c: str = ''):\n    return a"
    given = {"a": {"type": "static", "value": 1}, "b": {"type": "static"}, "c": {"type": "static"}}
    code = {"path": "f/a/code", "summary": "", "content": needs_two, "language": "python3"}
    assert (await api.client.post(f"{W}/scripts/create", json=code)).status_code == 201
    inner = {"path": "f/a/inner", "summary": "", "value": {"modules": [script("x")]}}
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    assert (await api.client.post(f"{W}/flows/create", json={**inner, "schema": schema})).status_code == 201
    broken = [
        inline("broken", "python3", "x = 1\ndef main(:"),
        inline("typed", "bun", "export async function main(a: number {"),
        inline("listed", "postgresql", "-- database f/a/pg\n-- %%table%%\nselect 1"),
    ]
    loop = {"type": "forloopflow", "iterator": {"type": "static", "value": []}, "skip_failures": False}
    modules = [
        {"id": "loop", "value": {**loop, "modules": broken}},
        inline("two", "python3", needs_two, given),
        inline("all", "bun", "export function main(a: number) {}", {"a": {"type": "javascript", "expr": "1"}}),
        inline("mocked", "python3", needs_two, mock={"enabled": True, "return_value": 1}),
        {"id": "named", "value": {"type": "script", "path": "f/a/code", "input_transforms": {}}},
        {"id": "called", "value": {"type": "flow", "path": "f/a/inner", "input_transforms": {}}},
    ]
    found = await check(api, value={"modules": modules})
    assert found["deployable"] is True
    reported = sorted((each["node"], each["code"], each["message"]) for each in found["diagnostics"])
    unread = "the inputs of the code cannot be read"
    assert [each for each in reported if each[1] != "mock_enabled"] == [
        ("broken", "code_unreadable", f"node broken: {unread}: line 2: invalid syntax"),
        ("called", "missing_input", "node called: the required input 'n' has no value"),
        (
            "listed",
            "code_unreadable",
            f"node listed: {unread}: line 2: %%table%% needs the list of its values: `-- %%table%% one/two`",
        ),
        ("named", "missing_input", "node named: the required input 'a' has no value"),
        ("named", "missing_input", "node named: the required input 'b' has no value"),
        ("two", "missing_input", "node two: the required input 'b' has no value"),
        ("typed", "code_unreadable", f"node typed: {unread}: it has a syntax error, or no function `main`"),
    ]
    (two,) = [each for each in found["diagnostics"] if each["node"] == "two"]
    assert (two["severity"], two["path"]) == ("warning", "/value/modules/1/value/input_transforms/b")
    text = YAML_TEXT_WITHOUT_INPUT
    (only,) = (await check(api, source={"format": "yaml", "text": text}))["diagnostics"]
    assert (only["code"], only["line"]) == ("missing_input", 6)


async def test_check_warns_of_values_of_another_type(api: ApiHarness) -> None:
    def fixed(value: Any) -> Any:
        return {"type": "static", "value": value}

    code = "def main(rate: float, count: int, whole: float, on: bool, rows: list, more: dict, text: str, any): pass"
    wrong = dict.fromkeys(("rate", "count", "on", "rows", "more"), fixed("abc"))
    rest = {"whole": fixed(1), "text": fixed("a"), "any": fixed([1])}
    right = {"rate": fixed(1.5), "count": fixed(2), "on": fixed(False), "rows": fixed([]), "more": fixed({})}
    referred = {"rate": fixed("$var:f/a/rate"), "count": {"type": "javascript", "expr": "'abc'"}}
    typed = "export function main(rate: number = 1.19, db?: RT.Postgresql) {}"
    schema = {"type": "object", "properties": {"n": {"type": ["integer", "null"]}}}
    inner = {"path": "f/a/typed", "summary": "", "value": {"modules": [script("x")]}, "schema": schema}
    assert (await api.client.post(f"{W}/flows/create", json=inner)).status_code == 201
    modules = [
        inline("wrong", "python3", code, wrong | rest),
        inline("right", "python3", code, right | rest),
        inline("referred", "python3", code, right | rest | referred),
        inline("half", "python3", code, right | rest | {"count": fixed(2.5)}),
        inline("yes", "python3", code, right | rest | {"rate": fixed(True)}),
        inline("ts", "bun", typed, {"rate": fixed("abc"), "db": fixed("$res:f/a/db")}),
        inline("bash", "bash", 'n="$1"', {"n": fixed(3)}),
        {"id": "called", "value": {"type": "flow", "path": "f/a/typed", "input_transforms": {"n": fixed("x")}}},
    ]
    found = await check(api, value={"modules": modules})
    assert found["deployable"] is True
    assert [(each["node"], each["path"].rpartition("/")[2], each["message"]) for each in found["diagnostics"]] == [
        ("wrong", "rate", "node wrong: the input 'rate' must be of the type number"),
        ("wrong", "count", "node wrong: the input 'count' must be of the type integer"),
        ("wrong", "on", "node wrong: the input 'on' must be of the type boolean"),
        ("wrong", "rows", "node wrong: the input 'rows' must be of the type array"),
        ("wrong", "more", "node wrong: the input 'more' must be of the type object"),
        ("half", "count", "node half: the input 'count' must be of the type integer"),
        ("yes", "rate", "node yes: the input 'rate' must be of the type number"),
        ("ts", "rate", "node ts: the input 'rate' must be of the type number"),
        ("called", "n", "node called: the input 'n' must be of the type integer"),
    ]
    assert {(each["code"], each["severity"]) for each in found["diagnostics"]} == {("wrong_input", "warning")}


async def test_script_schema(api: ApiHarness) -> None:
    async def ask(language: str, content: str) -> Any:
        answer = await api.client.post(f"{W}/scripts/schema", json={"language": language, "content": content})
        return answer.json() if answer.status_code == 200 else answer.status_code

    found = await ask("python3", "raise SystemExit('never run')\ndef main(n: int, s: str = 'x'): ...\n")
    assert found["schema"]["properties"]["n"]["type"] == "integer" and found["schema"]["required"] == ["n"]
    assert found["schema"]["order"] == ["n", "s"]
    broken = await ask("python3", "x = 1\ndef main(")
    assert broken["schema"] is None and broken["fault"]["line"] == 2
    assert (await ask("python3", "x = 1"))["fault"]["message"] == "there is no function `main`"
    assert await ask("bun", "x = 1") == {"schema": None}
    assert await ask("cobol", "x") == {"schema": None}
    assert await ask("bash", "x" * (2 << 20)) == 413


async def test_group_names(api: ApiHarness) -> None:
    async with api.platform.db.transaction() as conn:
        await conn.execute("INSERT INTO team (workspace, name, summary) VALUES ('main', 'ops', 'Operations')")
        await conn.execute("INSERT INTO team_member (workspace, team, username) VALUES ('main', 'ops', 'admin')")
    everybody, ops = await api.get("groups/list")
    assert everybody["name"] == "all" and everybody["members"] == []
    assert ops == {"name": "ops", "summary": "Operations", "members": ["admin"], "managers": [], "extra_perms": {}}
    assert await api.get("groups/listnames") == ["all", "ops"]
    assert await api.get("groups/get/ops") == ops
    assert [each["name"] for each in await api.get("groups/list", after="all")] == ["ops"]
    assert [each["name"] for each in await api.get("groups/list", per_page=1)] == ["all"]
    assert (await api.client.get(f"{W}/groups/get/none")).status_code == 404


async def test_queue_counts_include_only_startable_jobs(api: ApiHarness) -> None:
    assert (await api.client.get("/api/workers/queue_counts")).json() == {}
    await api.preview()
    await api.preview(tag="heavy")
    found = (await api.client.get("/api/workers/queue_counts")).json()
    assert found["heavy"] == 1 and sum(found.values()) == 2


async def test_queues_report_waiting_jobs_and_age(api: ApiHarness) -> None:
    assert (await api.client.get("/api/workers/queues")).json() == []
    for _ in range(2):
        await api.preview()
    await api.worker.claim(1)
    (found,) = (await api.client.get("/api/workers/queues")).json()
    assert (found["queue"], found["waiting"], found["running"], found["workers"]) == ("python3", 1, 1, 1)
    assert found["oldest_s"] >= 0


async def test_instance_administrator_drains_worker(api: ApiHarness) -> None:
    (worker,) = (await api.client.get("/api/workers/list")).json()
    assert (worker["drained"], worker["running"]) == (False, 0)
    address = f"/api/workers/drain/{worker['id']}"
    other = await api.member("other", Role.ADMIN)
    assert (await other.post(address, json={})).status_code == 403
    assert (await api.client.post(address, json={})).text == "drained"
    (found,) = (await api.client.get("/api/workers/list")).json()
    assert found["drained"] is True
    await api.preview()
    assert [each["workers"] for each in (await api.client.get("/api/workers/queues")).json()] == [0]
    assert (await api.client.post(address, json={"drained": False})).text == "claiming"
    assert (await api.client.get("/api/workers/list")).json()[0]["drained"] is False
    nobody = "/api/workers/drain/00000000-0000-7000-8000-000000000000"
    assert (await api.client.post(nobody, json={})).status_code == 404
    async with api.platform.db.acquire() as conn:
        reported = await conn.fetch(
            "SELECT resource, parameters FROM audit WHERE operation = 'workers.drain' ORDER BY id"
        )
    assert [each["resource"] for each in reported] == [worker["worker"]] * 2


async def test_slow_yaml_is_refused_without_position(api: ApiHarness) -> None:
    text = f"{YAML}d: [{'1_0,' * 30_000}1]\n"
    found = await check(api, source={"format": "yaml", "text": text})
    (only,) = found["diagnostics"]
    assert only["code"] == "document_too_large" and "line" not in only


async def test_json_faults_that_are_slow_as_yaml_have_no_position(api: ApiHarness) -> None:
    text = '{"value": {"modules": [{"id": "a", "value": {"type": "nothing"}}]}, "d": [%s1]}' % ("1," * 300_000)
    found = await check(api, source={"format": "json", "text": text})
    assert found["deployable"] is False and all("line" not in each for each in found["diagnostics"])


@pytest.mark.parametrize("beginning", ["<<: 1\n", "a: !thing x\n", "a: 1\na: 1\n"])
async def test_text_after_fault_is_read_within_limits(
    api: ApiHarness, beginning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(YAML_READER, "compose", lambda _, text: seen.append(text))
    found = await check(api, source={"format": "yaml", "text": f"{beginning}d: [{'1,' * 30_000}1]\n"})
    assert found["deployable"] is False and seen == []


async def test_invalid_edge_does_not_hide_warnings_about_code(api: ApiHarness) -> None:
    modules = [
        inline("broken", "python3", "def main(:"),
        inline("two", "python3", "def main(a: int): ...", needs=["nobody"]),
        {"id": "odd", "value": {"type": "rawscript", "language": "python3", "content": 3, "input_transforms": 4}},
    ]
    found = await check(api, value={"modules": modules})
    assert found["deployable"] is False
    reported = {(each["node"], each["code"]) for each in found["diagnostics"]}
    assert {("broken", "code_unreadable"), ("two", "missing_input")} < reported
    assert (await check(api, value=3))["deployable"] is False
