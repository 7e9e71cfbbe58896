"""Calls generated from the OpenAPI document: no internal errors, and only responses that the document allows."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import re
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import httpx
import jsonschema_rs
import msgspec
import pytest
from tests.conftest import TestDatabase
from tests.http.route_examples import Examples, scene_with_examples

from orvanta_platform.http import app, openapi

ROOT = Path(__file__).parents[2]

LEFT_OUT = {
    "POST /api/auth/logout": "ends the session of the test",
    "POST /api/auth/oidc/logout": "ends the session of the test",
    "POST /api/w/{workspace}/workspaces/archive": "every later call would be refused",
    "POST /api/users/disable/{email}": "disables an account that later calls need",
    "DELETE /api/users/delete/{email}": "deletes an account that later calls need",
}
"""Excluded operations, with the reason."""

POSTPONING = {"scheduled_for", "scheduled_in_secs", "pause_before", "pause_if"}
"""Parameters that delay or pause a run, so that calls that wait for its end would not return."""

AT_ONCE = 8

PARTS = 4
"""Parts of the operations in the soak, each with objects of its own. Together they have all operations."""


class GeneratedCall(msgspec.Struct, frozen=True):
    """A generated call."""

    method: str
    path: str
    values: dict[str, str]
    query: str
    content_type: str | None
    body: str | None

    @property
    def operation(self) -> str:
        return f"{self.method} {self.path}"


@cache
def document() -> dict[str, Any]:
    return openapi.document(app.api_handlers(app.create_router()))


def generated(per_operation: int, share: int, start: int) -> list[GeneratedCall]:
    """Return generated calls of every `share`-th operation, grouped by operation."""
    python = subprocess.run(
        [ROOT / "scripts" / "test-environment", "contract"], check=True, capture_output=True, text=True
    ).stdout
    program = [python.strip(), str(Path(__file__).with_name("generate_calls.py")), str(per_operation), str(share)]
    text = msgspec.json.encode(document())
    made = subprocess.run([*program, str(start)], check=True, input=text, stdout=subprocess.PIPE).stdout
    return msgspec.json.Decoder(GeneratedCall).decode_lines(made)


@pytest.mark.parametrize(
    ("per_operation", "share", "part", "least"),
    [
        pytest.param(2, 3, None, 350, marks=pytest.mark.extended, id="hundreds"),
        *(
            pytest.param(8, PARTS, part, 1000, marks=pytest.mark.soak(minutes=20), id=f"thousands-{part}")
            for part in range(PARTS)
        ),
    ],
)
async def test_generated_calls_are_answered_as_documented(
    database: TestDatabase,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    per_operation: int,
    share: int,
    part: int | None,
    least: int,
) -> None:
    """Send at least `least` calls to a share of the operations, which the seed determines unless `part` does.

    `GENERATED_SEED` is the seed of the generator, by default a random one; the test prints it.
    """
    start = int(os.environ.get("GENERATED_SEED", "") or random.randrange(1 << 16))
    start += 0 if part is None else part - start % share
    print(f"GENERATED_SEED={start}")
    calls = [each for each in generated(per_operation, share, start) if each.operation not in LEFT_OUT]
    chosen, wrong = random.Random(start), []
    async with scene_with_examples(database, tmp_path, wait_s=2) as (api, examples):
        # Calls delete objects that others need to exist, so that all are created first.
        of_operations = {each.operation: each for each in calls}
        known = {name: await path_values(examples, each) for name, each in of_operations.items()}
        for index in range(0, len(calls), AT_ONCE):
            sending = calls[index : index + AT_ONCE]
            sent = [request_of(api.client, call, with_known(call, known[call.operation], chosen)) for call in sending]
            answered = await send_all(api.client, sent)
            wrong += [fault for each in zip(sending, sent, answered, strict=True) if (fault := report_of(*each))]
    print(f"{len(calls)} calls of {len(known)} operations")
    record_property("calls", len(calls))
    assert len(calls) >= least
    assert not wrong, f"{len(wrong)} of {len(calls)}\n" + "\n\n".join(wrong[:60])


async def path_values(examples: Examples, call: GeneratedCall) -> dict[str, str]:
    """Return path parameters that name existing objects."""
    return await examples.path_values(call.method, call.path) if "{" in call.path else {}


def with_known(call: GeneratedCall, known: dict[str, str], chosen: random.Random) -> dict[str, str]:
    """Replace most path parameters by those of existing objects, and always the workspace."""
    return {
        name: known[name] if name in known and (name == "workspace" or chosen.random() < 0.75) else value
        for name, value in call.values.items()
    }


async def send_all(client: httpx.AsyncClient, requests: Sequence[httpx.Request]) -> list[httpx.Response]:
    """Send requests at once, and repeat those for which the database was busy, as that response documents."""
    responses = list(await asyncio.gather(*(client.send(each) for each in requests)))
    for index, response in enumerate(responses):
        if response.status_code == 503 and "Retry-After" in response.headers:
            responses[index] = await client.send(requests[index])
    return responses


def request_of(client: httpx.AsyncClient, call: GeneratedCall, values: dict[str, str]) -> httpx.Request:
    path = re.sub(r"\{(\w+)\}", lambda found: quote(values[found[1]], safe=""), call.path)
    query = [pair for pair in parse_qsl(call.query, keep_blank_values=True) if pair[0] not in POSTPONING]
    url = f"{path}?{urlencode(query)}" if query else path
    headers = {"X-Workspace": "main", **({"Content-Type": call.content_type} if call.content_type else {})}
    body = None if call.body is None else base64.b64decode(call.body)
    return client.build_request(call.method, url, content=body, headers=headers)


def report_of(call: GeneratedCall, request: httpx.Request, response: httpx.Response) -> str | None:
    """Return the call, its response and the fault of the response; None if it is as documented."""
    reason = fault_of(call, response)
    sent = f"{call.method} {request.url}\n{request.content[:300]!r}"
    return reason and f"{sent}\n{response.status_code} {response.text[:300]}\n{reason}"


def fault_of(call: GeneratedCall, response: httpx.Response) -> str | None:
    """Return the reason why the document does not allow a response."""
    status, responses = response.status_code, responses_of(call.operation)
    if status >= 500 and status != 504:
        return "internal error"
    documented = str(status) if str(status) in responses else "default"
    if documented == "default" and status < 400:
        return f"{status} is not documented"
    kind = response.headers.get("content-type", "").partition(";")[0]
    if kind not in responses[documented]["content"]:
        return f"the content type {kind!r} is not documented"
    if kind != "application/json":
        return None
    error = next(validator(call.operation, documented).iter_errors(response.json()), None)
    return None if error is None else f"{error.message[:300]} at {list(error.instance_path)}"


def responses_of(operation: str) -> dict[str, Any]:
    method, _, path = operation.partition(" ")
    found = document()["paths"][path][method.lower()]["responses"]
    return {code: each if "content" in each else unavailable() for code, each in found.items()}


def unavailable() -> dict[str, Any]:
    found: dict[str, Any] = document()["components"]["responses"][openapi.UNAVAILABLE]
    return found


@cache
def validator(operation: str, status: str) -> Any:
    """Return the validator of a JSON response."""
    schema = responses_of(operation)[status]["content"]["application/json"]["schema"]
    return jsonschema_rs.validator_for({**schema, "components": document()["components"]})
