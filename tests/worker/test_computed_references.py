"""References are resolved where a user wrote them, never in computed values: real jobs, a real server, a secret.

`echo` returns the digest of the input of a node: unlike the input, it is not masked, and shows if a secret was opened.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import W, api_harness
from tests.polling import POLL_S
from tests.worker.answering import answering, http
from tests.worker.test_masked_jobs import ECHO, SECRET, House, digest, working

from orvanta_platform.daemons import timers
from orvanta_platform.http.listener import listen
from orvanta_platform.http.server import run_until
from orvanta_platform.services.triggers import outcomes as schedule_ends
from orvanta_platform.services.triggers import ticks as scheduling
from orvanta_platform.services.triggers.outcomes import ScanPosition

PATH = "u/admin/secret"
TEXT = f"$var:{PATH}"
CUT = "def main(x):\n    return x.split('|')[1]\n"
FAIL = "def main(x):\n    raise Exception(x)\n"


@pytest.fixture
async def house(database: TestDatabase, tmp_path: Path) -> AsyncIterator[House]:
    """Yield a server with a secret, timers, and a worker whose webhook nodes may call this machine."""
    listener = listen("127.0.0.1", 0)
    port = listener.port
    base, allowed = f"http://127.0.0.1:{port}", ("127.0.0.0/8",)
    async with api_harness(
        database, tmp_path / "home", host="127.0.0.1", port=port, base_url=base, allowed_networks=allowed
    ) as api:
        stop = asyncio.Event()
        serving = asyncio.create_task(run_until(stop, api.platform, listener))
        firing = asyncio.create_task(timers.run(api.platform))
        async with working(api, tmp_path):
            made = House(api)
            await made.secret(PATH)
            yield made
        firing.cancel()
        stop.set()
        await serving


def code(content: str, **inputs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rawscript", "language": "python3", "content": content, "input_transforms": inputs}


def js(expr: str) -> dict[str, Any]:
    return {"type": "javascript", "expr": expr}


def fixed(value: Any) -> dict[str, Any]:
    return {"type": "static", "value": value}


def node(id: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": id, "value": value, **more}


def echo(expr: str, **more: Any) -> dict[str, Any]:
    return node("b", code(ECHO, x=js(expr)), **more)


def loop(iterator: str, *modules: dict[str, Any]) -> dict[str, Any]:
    value = {"type": "forloopflow", "iterator": js(iterator), "skip_failures": False, "modules": list(modules)}
    return node("l", value)


def calling(path: str, **inputs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "flow", "path": path, "input_transforms": inputs}


A = node("a", code(CUT, x=js("flow_input.text")))
"""A node whose result is the part of the argument `text` after the `|`."""

FAILS = node("a", code(FAIL, x=js("flow_input.text.slice(2)")))
MOCKED = node("m", {"type": "identity"}, mock={"enabled": True, "return_value": TEXT})
MAIN = {"X-Workspace": "main"}
ARGS = {"text": f"x|{TEXT}", "key": TEXT, "iter": TEXT, "nested": {"deep": [TEXT]}}


async def run(house: House, value: dict[str, Any], args: Any = ARGS) -> Any:
    """Return the result of a preview of a workflow, which must succeed."""
    body = {"value": value, "args": args}
    answer = await house.api.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def post(house: House, call: str, body: Any) -> httpx.Response:
    answer = await house.api.client.post(f"{W}/{call}", json=body)
    assert answer.status_code < 300, answer.text
    return answer


async def deploy(house: House, path: str, value: dict[str, Any], **more: Any) -> None:
    await post(house, "flows/create", {"path": path, "summary": "", "value": value, **more})


async def ended(house: House, id: str) -> Any:
    """Wait until a run ends; return its result."""
    while not (found := await house.api.get(f"jobs_u/completed/get_result_maybe/{id}"))["completed"]:
        await asyncio.sleep(POLL_S)
    return found["result"]


async def awaiting(house: House, *modules: dict[str, Any]) -> str:
    """Start a run of these nodes and wait until it awaits an approval; return its id."""
    id = (await post(house, "jobs/run/preview_flow", {"value": {"modules": list(modules)}, "args": {}})).text
    call = f"/api/v1/runs/{id}"
    while (await house.api.client.get(call, headers=MAIN)).json()["status"] != "awaiting_approval":
        await asyncio.sleep(POLL_S)
    return id


FLOWS: dict[str, dict[str, Any]] = {
    "a result": {"modules": [A, echo("results.a")]},
    "a previous result": {"modules": [A, echo("previous_result")]},
    "a concatenation": {"modules": [echo("flow_input.text.slice(2)")]},
    "a text of an expression": {"modules": [echo(f"'{TEXT}'")]},
    "the context": {"modules": [{**A, "export": {"v": js("result")}}, echo("context.v")]},
    "an item of a loop": {
        "modules": [A, loop("[results.a]", echo("flow_input.iter.value"))],
        "output": js("results.l[0]"),
    },
    "a mock": {"modules": [MOCKED, echo("results.m")]},
    "an identity": {"modules": [A, node("s", {"type": "identity"}), echo("results.s")]},
    "an error": {
        "modules": [{**FAILS, "continue_on_error": True}, echo("results.a.error.message")],
    },
    "a retry's error": {
        "modules": [FAILS],
        "failure_module": node("failure", code(ECHO, x=js("error.message"))),
    },
    "a branch": {
        "modules": [
            A,
            node("c", {"type": "branchone", "branches": [], "default": [echo("previous_result")]}),
        ]
    },
}


async def test_computed_reference_stays_text(house: House) -> None:
    """The item of a loop, whose name is `iter`, is not resolved because an argument named `iter` is a reference."""
    found = {source: await run(house, value) for source, value in FLOWS.items()}
    assert found == dict.fromkeys(FLOWS, digest(TEXT))
    assert await house.opened() == []


async def test_written_reference_is_resolved(house: House) -> None:
    flows: dict[str, dict[str, Any]] = {
        "static": {"modules": [node("b", code(ECHO, x=fixed(TEXT)))]},
        "argument": {"modules": [echo("flow_input.key")]},
        "in a loop": {"modules": [loop("[1]", echo("flow_input.key"))], "output": js("results.l[0]")},
        "flow_env": {"modules": [echo("flow_env.key")], "flow_env": {"key": TEXT}},
    }
    found = {source: await run(house, value) for source, value in flows.items()}
    assert found == dict.fromkeys(flows, digest(SECRET))
    assert await run(house, {"modules": [echo("flow_input.nested")]}) == digest({"deep": [SECRET]})
    content = "import hashlib\ndef main(x, y):\n    return hashlib.sha256((x + y).encode()).hexdigest()\n"
    both = node("b", code(content, x=js("flow_input.key"), y=js("flow_input.text.slice(2)")))
    assert await run(house, {"modules": [both]}) == digest(SECRET + TEXT)


async def test_reference_in_sub_workflow_input(house: House) -> None:
    """A computed reference is text in the sub-workflow too, cached or not; a written or passed one is resolved."""
    await deploy(house, "f/team/sub", {"modules": [echo("flow_input.x")]})
    await deploy(house, "f/team/between", {"modules": [node("s", calling("f/team/sub", x=js("flow_input.y")))]})
    sources = {
        "flow_input.key": SECRET,
        "results.a": TEXT,
        "flow_input.text.slice(2)": TEXT,
        "[flow_input.key][0]": TEXT,
    }
    for expr, expected in sources.items():
        direct = node("s", calling("f/team/sub", x=js(expr)), cache_ttl=60)
        deep = node("s", calling("f/team/between", y=js(expr)))
        for call in (direct, deep):
            assert await run(house, {"modules": [A, call]}) == digest(expected), (expr, call)
    written = node("s", calling("f/team/sub", x=fixed(TEXT)))
    assert await run(house, {"modules": [written]}) == digest(SECRET)


async def test_reference_in_preprocessor_result(house: House) -> None:
    """A computed reference stays text in a restart, in a rerun without the preprocessor, and in a rerun of that."""
    content = "def main(text):\n    return {'x': text.split('|')[1]}\n"
    first = node("preprocessor", code(content, text=js("flow_input.text")))
    await deploy(house, "f/team/pre", {"preprocessor_module": first, "modules": [echo("flow_input.x")]})
    answer = await post(house, "jobs/run/f/f/team/pre", {"text": f"x|{TEXT}"})
    assert await ended(house, answer.text) == digest(TEXT)
    again = await post(house, f"jobs/rerun/{answer.text}?skip_preprocessor=true", None)
    assert await ended(house, again.text) == digest(TEXT)
    twice = await post(house, f"jobs/rerun/{again.text}?skip_preprocessor=true", None)
    assert await ended(house, twice.text) == digest(TEXT)
    restarted = await post(house, f"jobs/restart/f/{answer.text}", {"step_id": "b"})
    assert await ended(house, restarted.text) == digest(TEXT)
    # The dialog sends all inputs that it shows, even if they were not edited.
    shown = await house.api.get(f"jobs_u/get_args/{answer.text}")
    assert shown == {"x": TEXT}
    sent = await post(house, f"jobs/rerun/{answer.text}?skip_preprocessor=true", {**shown, "y": 1})
    assert await ended(house, sent.text) == digest(TEXT)
    # The preprocessor's output `x` is not resolved because the argument `x` is a reference.
    named = await post(house, "jobs/run/f/f/team/pre", {"text": f"x|{TEXT}", "x": TEXT})
    assert await ended(house, named.text) == digest(TEXT)
    assert await house.opened() == []


async def test_references_in_rerun_runs(house: House) -> None:
    """In a rerun, also of a sub-workflow, references are resolved again and computed texts stay texts."""
    await deploy(house, "f/team/sub", {"modules": [echo("flow_input.x")]})
    await deploy(house, "f/team/top", {"modules": [A, node("s", calling("f/team/sub", x=js("results.a")))]})
    top = (await post(house, "jobs/run/f/f/team/top", {"text": f"x|{TEXT}"})).text
    assert await ended(house, top) == digest(TEXT)
    listed = await house.api.get("jobs/list", parent_job=top, script_path_exact="f/team/sub")
    child = next(each["id"] for each in listed if each["job_kind"] == "flow")
    for body in (None, await house.api.get(f"jobs_u/get_args/{child}")):
        again = await post(house, f"jobs/rerun/{child}", body)
        assert await ended(house, again.text) == digest(TEXT), body
    await house.api.client.post(
        f"{W}/scripts/create", json={"path": "f/team/echo", "summary": "", "content": ECHO, "language": "python3"}
    )
    plain = (await post(house, "jobs/run/p/f/team/echo", {"x": TEXT})).text
    assert await ended(house, plain) == digest(SECRET)
    for body in (None, {"x": TEXT}):
        again = await post(house, f"jobs/rerun/{plain}", body)
        assert await ended(house, again.text) == digest(SECRET), body
    edited = await post(house, f"jobs/rerun/{child}", {"x": f"$res:{PATH}-2"})
    assert "not_found" in str(await ended(house, edited.text)), "what somebody typed is a reference"
    many = await post(
        house,
        "jobs/run/batch_rerun_jobs",
        {
            "job_ids": [plain],
            "script_options_by_path": {"f/team/echo": {"input_transforms": {"x": js("'$' + 'var:u/admin/secret'")}}},
        },
    )
    assert await ended(house, many.text.strip().split("\n")[-1].strip('"')) == digest(TEXT), many.text


async def test_reference_in_response_of_another_server(house: House) -> None:
    async with answering(
        lambda _: http(200, json.dumps({"x": TEXT}).encode(), content_type="application/json")
    ) as server:
        call = node("call", {"type": "webhook", "method": "GET", "url": fixed(server.url)})
        assert await run(house, {"modules": [call, echo("results.call.body.x")]}) == digest(TEXT)
        value = {
            "type": "webhook",
            "method": "POST",
            "url": fixed(server.url),
            "body": js("({x: results.call.body.x})"),
        }
        await run(house, {"modules": [call, node("again", value)]})
        assert server.asked[-1].body == json.dumps({"x": TEXT}, separators=(",", ":")).encode()


async def test_reference_in_approver_answer(house: House) -> None:
    """A reference is not resolved in a decision or in the payload that resumes a suspended run, for any sender."""
    id = await awaiting(house, node("ask", {"type": "approval"}), echo("results.ask.form.x"))
    answer = {"decision": "approved", "form": {"x": TEXT}}
    consent = await house.api.client.post(f"/api/v1/runs/{id}/consent", json=answer, headers=MAIN)
    assert consent.status_code == 200, consent.text
    assert await ended(house, id) == digest(TEXT)
    id = await awaiting(house, node("a", {"type": "identity"}, suspend={"required_events": 1}), echo("resume.x"))
    await post(house, f"jobs/flow/resume/{id}", {"x": TEXT})
    assert await ended(house, id) == digest(TEXT)
    assert await house.opened() == []


async def test_reference_in_route_request(house: House) -> None:
    """The route needs no authentication; its workflow cuts the text and passes it on."""
    await deploy(house, "f/team/taking", {"modules": [A, echo("results.a")]})
    hook = {
        "path": "f/team/hook",
        "script_path": "f/team/taking",
        "is_flow": True,
        "route_path": "take",
        "http_method": "post",
        "authentication_method": "none",
        "is_static_website": False,
        "request_type": "sync",
    }
    await post(house, "http_triggers/create", hook)
    async with httpx.AsyncClient(base_url=house.api.platform.settings.base_url, timeout=60) as stranger:
        answer = await stranger.post("/api/r/take", json={"text": f"x|{TEXT}"})
    assert answer.json() == digest(TEXT), answer.text
    assert await house.opened() == []


async def test_reference_in_stored_values(house: House) -> None:
    """References in a state, which a job has computed, are not resolved; those in other resources are."""
    body = {"path": "f/team/state", "resource_type": "state", "value": {"x": TEXT}}
    await post(house, "resources/create", body)
    body = {"path": "f/team/any", "resource_type": "any", "value": {"x": TEXT}}
    await post(house, "resources/create", body)
    for name, expected in (("state", TEXT), ("any", SECRET)):
        value = {"modules": [node("b", code(ECHO, x=fixed(f"$res:f/team/{name}")))]}
        assert await run(house, value) == digest({"x": expected})


async def test_reference_in_debounced_node_of_other_runs(house: House) -> None:
    """A debounced node accumulates the inputs of other runs, which are not arguments of this run."""
    code_b = code(ECHO, x=js("flow_input.key"))
    value = {
        "modules": [
            node(
                "b",
                code_b,
                debouncing={"debounce_delay_s": 1, "debounce_key": "k", "debounce_args_to_accumulate": ["x"]},
            )
        ]
    }
    assert await run(house, value, {"key": [TEXT]}) == digest([TEXT])


async def test_reference_in_schedule_handler_args(house: House) -> None:
    """References are resolved in the arguments that the schedule adds, but not in the error of the run."""
    api = house.api
    failing = "def main(x='" + TEXT + "'):\n    raise type(x, (Exception,), {})(x)\n"
    handler = """
import hashlib
def main(error, key, **rest):
    return [error["message"], hashlib.sha256(key.encode()).hexdigest()]
"""
    for path, content in (("f/team/fails", failing), ("f/team/handler", handler)):
        await post(house, "scripts/create", {"path": path, "summary": "", "content": content, "language": "python3"})
    schedule = {
        "path": "f/team/often",
        "schedule": "* * * * * *",
        "timezone": "UTC",
        "script_path": "f/team/fails",
        "is_flow": False,
        "enabled": True,
        "args": {},
        "on_failure": "script/f/team/handler",
        "on_failure_extra_args": {"key": TEXT},
    }
    await post(house, "schedules/create", schedule)
    while not (due := await scheduling.due(api.platform, 10)):
        await asyncio.sleep(POLL_S)
    assert await scheduling.start(api.platform, due[0], None)
    round = ScanPosition()
    while not (found := await api.get("jobs/list", script_path_exact="f/team/handler")):
        await schedule_ends.process_ended(api.platform, round)
    assert await ended(house, found[0]["id"]) == [TEXT, digest(SECRET)]
