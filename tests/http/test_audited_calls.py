"""Every call that changes something leaves a row in the audit trail, with the id of the call."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.audit_rows import CHANGE_NOTHING, NOT_AUDITED, WITHOUT_ROW, operations_of
from tests.http.harness import ApiHarness
from tests.http.published_calls import shape
from tests.http.route_examples import Examples, scene_with_examples
from tests.http.test_contract import BODIES as CONTRACT_BODIES
from tests.http.test_contract import PREPARED, REFUSED
from tests.http.test_operation_examples import PATH_VALUES, order

from orvanta_platform import services
from orvanta_platform.http import app, openapi

SERVICES = Path(services.__file__).parent
_W = "/api/w/{workspace}"
LEAVER = {"email": "leaver@example.com"}
VALUES: dict[str, dict[str, str]] = {
    **PATH_VALUES,
    **{f"/api/users/{verb}/{{email}}": LEAVER for verb in ("disable", "delete", "reset_password", "reset_totp")},
    "/api/r/{path}": {"path": "main/hook"},
}
"""Path parameters of objects that a call can change."""

BODIES: dict[str, Any] = {
    **{shape("POST", f"/api{path}")[1]: body for path, body in CONTRACT_BODIES.items()},
    f"{_W}/ownership/transfer": {"username": "remaining", "target": "f/team"},
}
"""Bodies that change something where those of the examples do not."""

NOT_SENT = {
    "POST /api/auth/end_impersonation": "users.end_impersonation",
    "POST /api/auth/first_password": "users.set_first_password",
    "POST /api/settings/test_alert_channel": "settings.test",
    "POST /api/settings/test_smtp": "settings.test",
    "POST /api/users/accept_invite": "workspaces.accept_invite",
    "POST /api/users/decline_invite": "workspaces.decline_invite",
    "POST /api/users/link_identity/{email}": "users.link_identity",
    "POST /api/users/unlink_identity/{email}": "users.unlink_identity",
    "POST /api/users/reset_totp/{email}": "users.totp.reset",
    "POST /api/users/totp/confirm": "users.totp.enable",
    "POST /api/v1/runs/{run_id}/pauses/{job}/continue": "jobs.continue",
    f"POST {_W}/acceptance/accept/{{kind}}/{{path}}": "s.accept",
    f"POST {_W}/changes/apply": "change_sets.apply",
    f"POST {_W}/changes/set_archived": "s.{verb}",
    f"POST {_W}/connections/test/{{path}}": "resources.test",
    f"POST {_W}/resources/test/{{path}}": "resources.test",
    f"POST {_W}/deployments/automatic": "deployments.enable_automatic",
    f"POST {_W}/deployments/lift_hold": "deployments.lift_hold",
    f"POST {_W}/deployments/rollback": "deployments.request",
    f"POST {_W}/git/apply": "git.apply",
    f"POST {_W}/git/bind": "git.bind",
    f"POST {_W}/jobs/retry/f/{{id}}": "jobs.run",
    f"POST {_W}/versions/move_runs/{{path}}": "jobs.move",
    f"POST {_W}/workspaces/unarchive": "workspaces.unarchive",
    "DELETE /api/scim_tokens/delete/{token_prefix}": "scim.token.delete",
    "DELETE /api/users/sessions/delete/{token_prefix}": "users.session.revoke",
    f"DELETE {_W}/drafts/{{kind}}/{{path}}": "drafts.delete",
    f"DELETE {_W}/tokens/delete/{{token_prefix}}": "tokens.revoke",
    **{f"{method} /api/r/{{path}}": "jobs.run" for method in ("PUT", "PATCH", "DELETE")},
}
"""Calls that fail or change nothing with these objects, with the operation that the service records for them."""

REFUSING = {shape(method, f"/api{path}") for method, _, path in (name.partition(" ") for name in REFUSED)}


@cache
def mutating() -> list[str]:
    """Return the operations of the document that are not GET, in the order in which they are sent."""
    paths = openapi.document(app.api_handlers(app.create_router()))["paths"]
    named = [(f"{method.upper()} {path}", each) for path, methods in paths.items() for method, each in methods.items()]
    return [name for name, _ in sorted(named, key=order) if not name.startswith("GET ")]


@pytest.mark.extended
async def test_every_call_that_changes_something_leaves_a_row(database: TestDatabase, tmp_path: Path) -> None:
    wrong, audited = [], 0
    async with scene_with_examples(database, tmp_path) as (api, examples):
        for number, name in enumerate(mutating()):
            if name in CHANGE_NOTHING:
                continue
            status, text = await send(api, examples, name, f"call-{number}")
            rows = await operations_of(api, f"call-{number}")
            audited += bool(rows)
            if bool(rows) is (name in NOT_AUDITED or name in NOT_SENT or shape(*name.split(" ")) in REFUSING):
                wrong.append((name, status, rows, text[:200]))
    assert not wrong, "\n".join(map(str, wrong))
    assert audited > 160


def test_exceptions_are_operations_and_recorded_otherwise() -> None:
    assert {*WITHOUT_ROW, *NOT_SENT} <= set(mutating())
    source = "".join(each.read_text(encoding="utf-8") for each in SERVICES.rglob("*.py"))
    assert [each for each in NOT_SENT.values() if f'{each}"' not in source] == []


async def send(api: ApiHarness, examples: Examples, name: str, request_id: str) -> tuple[int, str]:
    """Send a call with this id; return its status and response."""
    method, _, path = name.partition(" ")
    prepare = prepared().get(shape(method, path)[1])
    values = {**VALUES.get(path, {}), **(await prepare(api) if prepare is not None else {})}
    url, body = await examples.request(method, path, values)
    headers = {"X-Workspace": "main", "X-Request-Id": request_id}
    if values.get("token"):
        headers["Authorization"] = f"Bearer {values['token']}"
    answer = await api.client.request(
        method, url, json=BODIES.get(path, BODIES.get(shape(method, path)[1], body)), headers=headers
    )
    return answer.status_code, answer.text


@cache
def prepared() -> dict[str, Any]:
    """Return the functions of `test_contract` that create objects for a call, by the shape of its path."""
    return {shape("POST", f"/api{path}")[1]: each for path, each in PREPARED.items()}
