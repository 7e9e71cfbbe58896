"""Hostile text in every parameter of every route: no internal error, and no hidden data in the response."""

from __future__ import annotations

import itertools
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import W
from tests.http.route_examples import CODE, scene_with_examples

from orvanta_platform.control.actor import Role
from orvanta_platform.http import app, openapi, route_rules

MARK = "zebra"
"""Part of the name of each object that the caller may not read."""

HOSTILE = (
    "' OR '1'='1",
    "x'; DROP TABLE run; --",
    '") OR 1=1 --',
    "%",
    "_%\\",
    "f/secret",
    "../secret",
    "f/secret/%",
    "\x00",
    "{}[]()$1",
    "$var:f/secret/zebra",
    "-1",
    "99999999999999999999",
    "NaN",
    "\ud800".encode("utf-16", "surrogatepass").decode("latin-1"),
    "created_at; SELECT pg_sleep(9)",
)


def parameters() -> list[tuple[str, list[str], list[str]]]:
    """Return (path, path parameters, query parameters) of every reading route."""
    found = openapi.document(app.api_handlers(app.create_router()))["paths"]
    routes = []
    for method, path, rule in route_rules.routes():
        if isinstance(rule, tuple) and method == "GET":
            declared = found[path]["get"]["parameters"]
            names = {where: [each["name"] for each in declared if each["in"] == where] for where in ("path", "query")}
            routes.append((path, [name for name in names["path"] if name != "workspace"], names["query"]))
    return routes


@pytest.mark.extended
@pytest.mark.parametrize("share", [4, pytest.param(1, marks=pytest.mark.soak(minutes=20))])
async def test_hostile_parameters_reveal_nothing_and_cause_no_error(
    database: TestDatabase, tmp_path: Path, share: int
) -> None:
    """Each parameter receives every `share`-th text, from a rotating start. No data of other folders is returned."""
    wrong = []
    async with scene_with_examples(database, tmp_path) as (api, examples):
        await hide(api.client)
        client = await api.member("bea", role=Role.DEVELOPER)
        turn = itertools.count()
        for path, in_path, in_query in parameters():
            for name in (*in_path, *in_query):
                for text in HOSTILE[next(turn) % share :: share]:
                    sent = quote(text, safe="")
                    url, _ = await examples.request("GET", path, {name: sent})
                    if name in in_query:
                        url = f"{url.partition('?')[0]}?{name}={sent}"
                    answer = await client.get(url, headers={"X-Workspace": "main"})
                    # Messages and the caller's own runs repeat the sent text; a slash may start another parameter.
                    shown = answer.text.replace(sent, "")
                    for own in (*HOSTILE, f"{text.partition('/')[2]}/"):
                        shown = shown.replace(own, "") if MARK in own else shown
                    if answer.status_code >= 500 or MARK in shown:
                        wrong.append((url, answer.status_code, answer.text[:200]))
        assert (await client.get(f"{W}/jobs/list")).status_code == 200
    assert not wrong, f"{len(wrong)} of them\n" + "\n".join(map(str, wrong[:50]))


async def hide(admin: httpx.AsyncClient) -> None:
    """Create objects in a folder readable only by admins, and in another workspace."""
    await admin.post(f"{W}/folders/create", json={"name": "secret"})
    for place, path in (("main", f"f/secret/{MARK}"), ("admins", f"u/admin/{MARK}")):
        base = f"/api/w/{place}"
        asks = {"modules": [{"id": MARK, "value": {"type": "approval"}}]}
        for kind, body in (
            ("scripts", CODE),
            ("flows", {"summary": MARK, "value": asks}),
            ("variables", {"value": MARK}),
        ):
            made = await admin.post(f"{base}/{kind}/create", json={**body, "path": path})
            assert made.is_success, made.text
        assert (await admin.post(f"{base}/jobs/run/f/{path}", json={"a": MARK})).is_success
