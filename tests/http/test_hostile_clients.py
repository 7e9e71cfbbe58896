"""Missing, empty, huge and hostile values in the bodies of SCIM clients and in parameters of the audit trail."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus
from uuid import uuid4

import httpx
import pytest
from tests.http.harness import ApiHarness, W, client_of
from tests.http.test_hostile_forms import (
    BODIES,
    LONG,
    MISSING,
    NOT_A_LINE,
    SHARES,
    VALUES,
    Place,
    fault_of,
    places,
    put,
)

from orvanta_platform.control.actor import Role
from orvanta_platform.http import app, openapi

V2 = "/scim/v2"
KINDS = {"invalidFilter", "tooMany", "uniqueness", "mutability", "invalidSyntax", "invalidPath", "noTarget"} | {
    *("invalidValue", "invalidVers", "sensitive"),
}
"""Values of `scimType` (RFC 7644, table 9)."""

QUERIES = (
    *("", " ", "a\x00b", "\u202egnp.exe", "a\nb", "%", "_", "\\", "'", '"', "*", "unknown-choice", "x" * 60_000),
    *("-1", "0", "1", "0.5", "1e5", "NaN", "9" * 15, "9" * 30, "9" * 5_000, "\u0661", "true", "null", "[]", "{}"),
    *("0001-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z", "1e9:abc"),
    *('userName eq "a\\u0000b"', 'userName eq "\\ud800"', 'userName eq "' + "\\" * 20_001, " " * 30_000 + "eq"),
    *('id eq "1"', 'userName eq "a" or userName pr', "(" * 10_000, "urn:" * 10_000, "," * 10_000),
)
RAW = ("%ff", "%ed%a0%80", "%00", "%")
"""Values that are inserted into the URL without encoding them again; none of them is valid text."""


@pytest.mark.parametrize("share", SHARES)
async def test_scim_refuses_hostile_values(api: ApiHarness, share: int) -> None:
    """Each field receives every `share`-th value, from a rotating start. Names that lists cannot show are refused."""
    client = client_of(api.app, (await api.client.post("/api/scim_tokens/create")).text)
    user = (await client.post(f"{V2}/Users", json={"userName": "victim@example.org"})).json()["id"]
    group = (await client.post(f"{V2}/Groups", json={"displayName": "victims"})).json()["id"]
    wrong: list[str] = []
    turn = itertools.count()
    for method, path, body in scim_bodies(user, group):
        for place in places(body, []):
            for value in VALUES[next(turn) % share :: share]:
                sent = json.dumps(put(renamed(body, place, next(turn)), place, value)).encode()
                answer = await client.request(method, V2 + path, content=sent)
                shown = "nothing" if value is MISSING else repr(value)[:40]
                wrong += [f"{method} {path} {place} {shown}: {each}" for each in scim_faults(answer, place, value)]
        for raw in BODIES[next(turn) % share :: share]:
            answer = await client.request(method, V2 + path, content=raw)
            wrong += [f"{method} {path} {raw[:20]!r}: {each}" for each in scim_faults(answer)]
    ids = ("0", str(uuid4()), "x" * 5_000, "%00", "%ff", "\u0661")
    for method, path in itertools.product(("GET", "PUT", "PATCH", "DELETE"), (f"/{kind}/{id}" for kind in
                                          ("Users", "Groups", "Schemas", "Nothing") for id in ids)):  # fmt: skip
        answer = await client.request(method, V2 + path, content=b'{"displayName": "a", "Operations": []}')
        wrong += [f"{method} {path[:40]}: {each}" for each in scim_faults(answer)]
    for name in ("filter", "count", "startIndex", "attributes", "excludedAttributes"):
        for query in queries(name, share, next(turn)):
            for path in ("/Users", "/Groups", f"/Users/{user}"):
                answer = await client.get(f"{V2}{path}?{query}")
                wrong += [f"{path} {query[:60]}: {each}" for each in scim_faults(answer)]
    listed = await client.get(f"{V2}/Groups", params={"count": 1000})
    assert listed.status_code == 200 and LONG not in listed.text
    assert not wrong, f"{len(wrong)}\n" + "\n".join(wrong[:80])


def scim_bodies(user: str, group: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (method, path, valid body) of the calls of a client."""
    account = {"userName": "new@example.org", "displayName": "New", "externalId": "7", "active": True}
    members = {"displayName": "team", "externalId": "8", "members": [{"value": user}]}
    search = {"filter": 'id eq "x"', "count": 1, "startIndex": 1, "attributes": ["id"], "excludedAttributes": ["meta"]}

    def patch(*operations: dict[str, Any]) -> dict[str, Any]:
        return {"Operations": list(operations)}

    yield "POST", "/Users", account
    yield "PUT", f"/Users/{user}", {**account, "userName": "victim@example.org"}
    yield "PATCH", f"/Users/{user}", patch({"op": "replace", "path": "displayName", "value": "Other"})
    yield "PATCH", f"/Users/{user}", patch({"op": "add", "value": {"displayName": "A", "active": True}})
    yield "POST", "/Groups", members
    yield "PUT", f"/Groups/{group}", members
    yield "PATCH", f"/Groups/{group}", patch({"op": "add", "path": "members", "value": [{"value": user}]})
    yield "PATCH", f"/Groups/{group}", patch({"op": "remove", "path": f'members[value eq "{user}"]'})
    yield "POST", "/Users/.search", search
    yield "POST", "/Groups/.search", search


def renamed(body: dict[str, Any], place: Place, number: int) -> dict[str, Any]:
    """Return a body with unused names, except for the name at `place`."""
    names = [name for name in ("userName", "displayName") if body.get(name) not in (None, "victim@example.org")]
    return body | {name: f"{number}{body[name]}" for name in names if name != place[0]}


def scim_faults(answer: httpx.Response, place: Place = (), value: Any = None) -> Iterator[str]:
    """Yield the reasons why a response is not valid in SCIM, or should have been an error."""
    if answer.status_code < 400:
        text = place and isinstance(value, str) and value in NOT_A_LINE
        if text and {"userName", "displayName", "externalId"}.intersection(place):
            yield "stored"
        return
    if answer.status_code >= 500 and answer.status_code != 501:
        yield f"{answer.status_code} {answer.text[:200]}"
        return
    found = answer.json()
    if "schemas" not in found:
        yield f"the error is {answer.status_code} {answer.text[:200]}"
        return
    if (found["schemas"], found["status"]) != (
        ["urn:ietf:params:scim:api:messages:2.0:Error"],
        str(answer.status_code),
    ):
        yield f"the error is {answer.text[:200]}"
    if answer.status_code == 400 and found.get("scimType") not in KINDS:
        yield f"the scimType is {found.get('scimType')}"
    if not 5 < len(found["detail"]) <= 2001 or found["detail"][-1] not in ".?…":
        yield f"the detail is {found['detail'][:200]}"


def queries(name: str, share: int, turn: int) -> Iterator[str]:
    """Yield queries with every `share`-th value of a parameter."""
    sent = [f"{name}={quote_plus(each)}" for each in QUERIES] + [f"{name}={each}" for each in RAW]
    yield from sent[turn % share :: share]


@pytest.mark.parametrize("share", SHARES)
async def test_filters_of_the_audit_trail_refuse_hostile_values(api: ApiHarness, share: int) -> None:
    """No value returns rows of another workspace or the instance, or any row to a member who is not an admin."""
    assert (await api.client.post("/api/workspaces/create", json={"id": "other", "name": "O"})).status_code == 201
    answer = await api.client.post("/api/w/other/folders/create", json={"name": "elsewhere"})
    assert answer.status_code == 200, answer.text
    developer, wrong, turn = await api.member("ann", Role.DEVELOPER), [], itertools.count()
    for path, parameters in audit_reads():
        for name in parameters:
            for sent in queries(name, share, next(turn)):
                answer = await api.client.get(f"{path}?{sent}")
                shown = f"{path} {sent[:60]}"
                wrong += [f"{shown}: {reason}"] if (reason := fault_of(answer)) else []
                wrong += [f"{shown}: another workspace"] if path.startswith(W) and "elsewhere" in answer.text else []
                status = (await developer.get(f"{path}?{sent}")).status_code
                wrong += [f"{shown}: {status} for a developer"] if status not in (400, 403) else []
    for id in ("0", "9" * 15, "9" * 30, "9" * 5_000, "-1", "x", "%00"):
        answer = await api.client.get(f"{W}/audit/get/{id}")
        if answer.status_code not in (400, 404) or fault_of(answer):
            wrong.append(f"{id[:40]}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, f"{len(wrong)}\n" + "\n".join(wrong[:80])


def audit_reads() -> Iterator[tuple[str, list[str]]]:
    """Yield (path, names of the parameters) of the calls that read the audit trail."""
    for path, operations in openapi.document(app.api_handlers(app.create_router()))["paths"].items():
        if "/audit/" in path and "{id}" not in path:
            parameters = operations["get"]["parameters"]
            names = [each["name"] for each in parameters if each["in"] == "query"]
            yield path.replace("{workspace}", "main"), names
