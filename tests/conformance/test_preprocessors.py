"""Functions `preprocessor(wm_trigger, …)` in Python and TypeScript, the older form of `preprocessor(event)`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.worker.jobs import run

from orvanta_platform.worker.runtimes.pool import Runtimes

OLDER = {
    "python3": """
from typing import TypedDict

class Http(TypedDict):
    path: str
    params: dict[str, str]

class Trigger(TypedDict):
    kind: str
    http: Http | None

def preprocessor(wm_trigger: Trigger, order: int, note: str = "none", raw_string=None):
    http = wm_trigger["http"]
    request = http and [http["path"], http["params"]]
    return {"kind": wm_trigger["kind"], "http": request, "order": order, "raw": raw_string}

def main(kind, http, order, raw):
    return [kind, http, order, raw]
""",
    "bun": """
export async function preprocessor(
  wm_trigger: { kind: "http" | "webhook"; http?: { path: string; params: Record<string, string> } },
  order: number, note = "none", raw_string?: string,
) {
  const { kind, http } = wm_trigger;
  return { kind, http: http ? [http.path, http.params] : null, order, raw: raw_string };
}
export function main(kind: string, http: any, order: number, raw: any) { return [kind, http, order, raw]; }
""",
}
REQUEST: dict[str, Any] = {
    "route": "shop/:id",
    "path": "shop/12",
    "method": "post",
    "params": {"id": "12"},
    "query": {},
    "headers": {"x-shop": "7"},
}


@pytest.mark.parametrize("language", OLDER)
async def test_older_form_receives_members_of_body_and_request(runtimes: Runtimes, language: str) -> None:
    content, body = OLDER[language], {"order": 5, "wm_trigger": "forged"}
    event = {"kind": "http", "body": body, "raw_string": "{}", **REQUEST}
    ran = await run(runtimes, language, content, {"event": event})
    assert ran.value == ["http", ["shop/12", {"id": "12"}], 5, "{}"]
    assert json.loads(ran.computed) == {"kind": "http", "http": ["shop/12", {"id": "12"}], "order": 5, "raw": "{}"}
    event = {"kind": "webhook", "body": body, "raw_string": None, "query": {}, "headers": {}}
    assert (await run(runtimes, language, content, {"event": event})).value == ["webhook", None, 5, None]
    direct = await run(runtimes, language, content, {"kind": "manual", "http": None, "order": 6, "raw": None})
    assert direct.value == ["manual", None, 6, None]


MAIN = {
    "python3": """
import datetime

def preprocessor(event):
    return %s

def main(a, b: datetime.date = None, event=None):
    return [a, b and b.year, event]
""",
    "bun": """
export function preprocessor(event: any): any { return %s; }
export function main(a: any, b?: Date, event?: any) { return [a, b ? b.getUTCFullYear() : null, event ?? null]; }
""",
}
REFERENCE = "$var:u/admin/key"
OUTPUTS = {
    "reference": ('{"a": "$var:u/admin/key"}', [REFERENCE, None, None]),
    "date": ('{"a": 1, "b": "2026-11-30"}', [1, 2026, None]),
    "other members": ('{"a": 1, "c": 2, "__proto__": {"b": 1}}', [1, None, None]),
    "event": ('{"a": 1, "event": {"kind": "webhook"}}', [1, None, {"kind": "webhook"}]),
    "list": ("[1]", "InvalidInput"),
    "text": ('"a"', "InvalidInput"),
    "number": ("1", "InvalidInput"),
}


@pytest.mark.parametrize("language", MAIN)
async def test_main_receives_output_of_preprocessor_as_data(runtimes: Runtimes, language: str) -> None:
    """References in it are not resolved, and anything but an object fails the job before `main`."""
    nothing = {"nothing": ("None" if language == "python3" else "undefined", "InvalidInput")}
    event: dict[str, Any] = {"kind": "webhook", "body": {}, "raw_string": None, "query": {}, "headers": {}}
    found, expected = {}, {}
    for name, (output, wanted) in (OUTPUTS | nothing).items():
        ran = await run(runtimes, language, MAIN[language] % output, {"event": event})
        found[name] = ran.value if ran.outcome.error is None else ran.error[0]
        expected[name] = wanted
    assert found == expected
