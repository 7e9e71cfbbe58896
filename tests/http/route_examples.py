"""Example call of every API route; the calls name existing objects in workspace main."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness

from orvanta_platform.db import git
from orvanta_platform.db.git import NewBinding
from orvanta_platform.workflow.tree.plan import Planner

CODE = {"summary": "", "content": "echo 1", "language": "bash"}
PASS_ON = {"summary": "", "value": {"modules": [{"id": "a", "value": {"type": "identity"}}]}}
ASKS = {"summary": "", "value": {"modules": [{"id": "ask", "value": {"type": "approval"}}]}}
SCHEDULE = {"schedule": "0 0 3 * * *", "timezone": "UTC", "args": {}, "is_flow": True, "script_path": "f/team/flow"}
HOOK = {
    "script_path": "f/team/flow",
    "is_flow": True,
    "http_method": "post",
    "workspaced_route": True,
    "authentication_method": "none",
    "is_static_website": False,
}
NEEDED = {"kind": "require", "on": "flow", "field": "description", "matches": "Reports"}
POLICY = {"name": "described", "rules": [NEEDED]}
THING = {"resource_type": "thing", "value": {"a": 1}}


EMPTY_PLAN = Planner([], None, {}, force=False).plan({}).hash
EMPTY_REVIEW = hashlib.sha256().hexdigest()

BODIES: dict[str, Any] = {
    "POST /api/users/tokens/create": {"label": "CI"},
    "POST /api/users/create": {"email": "new@example.com", "password": "a long password", "username": "new"},
    "POST /api/users/setpassword": {"current_password": "wrong one", "password": "another password"},
    "POST /api/users/totp/enrol": {"password": "wrong one"},
    "POST /api/users/totp/confirm": {"code": "000000"},
    "POST /api/users/totp/disable": {"password": "wrong one", "code": "000000"},
    "POST /api/auth/impersonate": {"workspace_id": "main", "username": "remaining", "reason": "ticket"},
    "POST /api/users/update/{email}": {"name": "Alice"},
    "POST /api/users/link_identity/{email}": {"provider": "corp", "subject": "248289761001"},
    "POST /api/users/unlink_identity/{email}": {"issuer": "https://id.example.org", "subject": "248289761001"},
    "POST /api/workspaces/create": {"id": "fresh", "name": "fresh"},
    "POST /api/workspaces/exists": {"id": "main"},
    "POST /api/workspaces/exists_username": {"id": "main", "username": "admin"},
    "POST /api/schedules/preview": {"schedule": "0 0 3 * * *", "timezone": "UTC"},
    "POST /api/settings/global/{name}": {"value": 8},
    "POST /api/settings/test_smtp": {"to": "ada@example.org"},
    "POST /api/settings/test_alert_channel": {"channel": "oncall"},
    "POST /api/settings/check_issuer": {"issuer": "https://127.0.0.1:9"},
    "POST /api/workers/drain/{id}": {"drained": False},
    "POST /api/configs/update/{name}": {"slots": 4},
    "POST workspaces/add_user": {"email": "admin@localhost", "username": "second"},
    "POST workspaces/invite_user": {"email": "guest@example.com"},
    "POST workspaces/delete_invite": {"email": "invited@example.com"},
    "POST service_accounts/create": {"username": "fresh"},
    "POST service_accounts/tokens/create/{username}": {"scopes": ["jobs:run"], "expiration": "2099-01-01T00:00:00Z"},
    "POST service_accounts/setenabled/{username}": {"enabled": True},
    "POST users/update/{username}": {"role": "developer"},
    "POST /api/users/accept_invite": {"workspace_id": "main"},
    "POST /api/users/decline_invite": {"workspace_id": "main"},
    "POST ownership/transfer": {"username": "remaining", "target": "f/team", "dry_run": True},
    "POST ownership/assign": {"kind": "schedule", "path": "f/team/schedule", "owner": "u/admin"},
    "POST workspaces/edit_secrets_readable": {"secrets_readable": False},
    "POST workspaces/change_workspace_color": {"color": "#b3261e"},
    "POST workspaces/change_workspace_name": {"new_name": "Main"},
    "POST workspaces/edit_retention": {"retention_days": 30},
    "POST workspaces/edit_token_max_age": {"token_max_age_days": None},
    "POST workspaces/edit_search_run_data": {"search_run_data": False},
    "POST workspaces/edit_error_handler": {"error_handler": None},
    "POST workspaces/encryption_key": {"new_key": "0" * 64},
    "POST workspaces/edit_webhook": {"webhook": "https://hooks.example.com/items"},
    "POST workspaces/edit_large_file_storage_config": {"large_file_storage": {"type": "S3Storage"}},
    "POST workspaces/critical_alerts/mute": {"mute_critical_alerts": True},
    "POST changes/read": {"items": [{"kind": "flow", "path": "f/team/flow"}]},
    "POST changes/plan": {"items": []},
    "POST changes/apply": {"items": [], "plan_hash": EMPTY_PLAN},
    "POST changes/set_archived": {"items": [{"kind": "flow", "path": "f/team/flow"}], "archived": False},
    "POST git/bind": {"url": "file:///tmp/orvanta-git/shop.git"},
    "POST git/apply": {"plan_hash": EMPTY_REVIEW},
    "POST favorites/star": {"path": "f/team/flow", "favorite_kind": "flow"},
    "POST favorites/unstar": {"path": "f/team/flow", "favorite_kind": "flow"},
    "POST moves/plan": {"items": [{"kind": "flow", "path": "f/team/flow", "target": "f/team/elsewhere"}]},
    "POST moves/apply": {"items": [{"kind": "flow", "path": "f/team/movable", "target": "f/team/moved"}]},
    "POST folders/create": {"name": "fresh"},
    "POST folders/update/{name}": {"summary": "Prices and discounts"},
    "POST folders/addowner/{name}": {"owner": "g/all"},
    "POST folders/removeowner/{name}": {"owner": "u/admin"},
    "POST acls/add/{kind}/{path}": {"owner": "g/all"},
    "POST acls/remove/{kind}/{path}": {"owner": "g/all"},
    "POST policies/create": {**POLICY, "name": "fresh"},
    "POST policies/update/{name}": POLICY,
    "POST /api/policies/create": {**POLICY, "name": "fresh", "scope": "instance"},
    "POST /api/policies/update/{name}": {**POLICY, "scope": "instance"},
    "POST /api/environments/create": {"name": "fresh", "workspace": "admins"},
    "POST /api/environments/update/{name}": {"color": "#b3261e"},
    "POST releases/create": {"items": [{"kind": "flow", "path": "f/team/flow"}]},
    "POST deployments/plan": {"source": "main", "number": 1},
    "POST deployments/create": {"source": "main", "number": 1},
    "POST deployments/comment/{id}": {"comment": "Fine."},
    "POST deployments/assign/{id}": {"assignees": ["admin"]},
    "POST deployments/automatic": {"enabled": False},
    "POST deployments/rollback": {"reason": "Wrong totals"},
    "POST groups/create": {"name": "fresh"},
    "POST groups/update/{name}": {"summary": "Prices and discounts"},
    "POST groups/adduser/{name}": {"username": "admin"},
    "POST groups/removeuser/{name}": {"username": "admin"},
    "POST scripts/create": {**CODE, "path": "f/team/new"},
    "POST scripts/schema": {"language": "bash", "content": ""},
    "POST flows/create": {**PASS_ON, "path": "f/team/new"},
    "POST flows/update/{path}": {**PASS_ON, "path": "f/team/flow"},
    "POST flows/archive/{path}": {"archived": False},
    "POST workflow_tests/create/{path}": {"name": "fresh", "test": {}},
    "POST workflow_tests/update/{name}/{path}": {"test": {"summary": "Prices and discounts"}},
    "POST versions/move_runs/{path}": {"runs": []},
    "POST workflow_tests/record/{id}": {"name": "recorded"},
    "POST flows/validate": {"value": PASS_ON["value"]},
    "POST capture/set_config": {"trigger_kind": "webhook", "path": "f/team/flow", "is_flow": True},
    "POST capture_u/{trigger_kind}/{runnable_kind}/{path}": {"order": 4711},
    "POST drafts/create": {"path": "f/team/drafted", "typ": "flow", "value": {}},
    "PUT drafts/{kind}/{path}": {"value": {}},
    "POST variables/create": {"path": "f/team/new", "value": "1"},
    "POST variables/update/{path}": {"value": "2"},
    "POST variables/encrypt": "text",
    "POST resources/create": {**THING, "path": "f/team/new"},
    "POST connections/create": {**THING, "path": "f/team/newer"},
    "POST resources/update/{path}": {"value": {"a": 2}},
    "POST connections/update/{path}": {"value": {"a": 2}},
    "POST resources/update_value/{path}": {"value": {"a": 2}},
    "POST connections/update_value/{path}": {"value": {"a": 2}},
    "POST resources/type/create": {"name": "newtype"},
    "POST connections/type/create": {"name": "newertype"},
    "POST resources/type/update/{name}": {"description": "Access to a shop"},
    "POST connections/type/update/{name}": {"description": "Access to a shop"},
    "POST schedules/create": {**SCHEDULE, "path": "f/team/new"},
    "POST schedules/update/{path}": SCHEDULE,
    "POST schedules/setenabled/{path}": {"enabled": True},
    "POST http_triggers/create": {**HOOK, "path": "f/team/new", "route_path": "new"},
    "POST http_triggers/update/{path}": {**HOOK, "route_path": "hook"},
    "POST http_triggers/setmode/{path}": {"mode": "enabled"},
    "POST http_triggers/route_exists": {"route_path": "prices", "http_method": "get", "workspaced_route": True},
    "POST jobs/run/preview": CODE,
    "POST jobs/run_inline/preview": CODE,
    "POST jobs/run_wait_result/preview": CODE,
    "POST jobs/run/preview_flow": {"value": PASS_ON["value"]},
    "POST jobs/dry_run/preview_flow": {"value": PASS_ON["value"]},
    "POST jobs/run_wait_result/preview_flow": {"value": PASS_ON["value"]},
    "POST jobs/run/dependencies_async": {"raw_scripts": [{"raw_code": "", "path": "f/team/x", "language": "bash"}]},
    "POST jobs/run/flow_dependencies_async": {"path": "f/team/x", "flow_value": PASS_ON["value"]},
    "POST jobs/restart/f/{id}": {"step_id": "a"},
    "POST jobs/restart_preview/f/{id}": {"step_id": "a"},
    "POST jobs_u/flow/resume_suspended/{job_id}": {"approved": True},
    "POST /api/v1/runs/{id}/consent": {"decision": "approved"},
    "POST jobs/flow/user_states/{id}/{key}": 1,
    "POST job_metrics/set_progress/{id}": {"percent": 50},
    "POST jobs/run/code_flow/{job_id}/{entrypoint}": {"args": {}},
    "POST jobs/completed/import": [],
    "POST inputs/create": {"name": "usual", "args": {}},
    "POST scripts/raw_temp/store": "echo 1",
    "POST scripts/raw_temp/diff": {"scripts": {"f/team/script": "0" * 64}},
}
OF_FLOW = "?runnable_id=f/team/flow&runnable_type=FlowPath"
QUERIES = {
    "GET job_helpers/download_s3_file": "?file_key=f/team/file",
    "GET job_helpers/load_file_metadata": "?file_key=f/team/file",
    "GET job_helpers/load_file_preview": "?file_key=f/team/file",
    "GET job_helpers/presign_s3_file": "?file_key=f/team/file",
    "GET job_helpers/list_stored_files": "?max_keys=1",
    "GET job_helpers/move_s3_file": "?src_file_key=f/team/moved&dest_file_key=f/team/target",
    "DELETE job_helpers/delete_s3_file": "?file_key=f/team/gone",
    "POST job_helpers/upload_s3_file": "?file_key=f/team/new",
    "GET /api/v1/runs/search": "?q=x",
    "GET /api/workers/exists_workers_with_tags": "?tags=python3,bash",
    "GET jobs/item_histories": "?kind=flow",
    "POST inputs/create": OF_FLOW,
    "GET inputs/list": OF_FLOW,
    "GET inputs/history": OF_FLOW,
    "GET versions/diff/{kind}/{path}": "?before={version}&after={version}",
    "GET schedules/calendar": "?since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z",
}
GONE = {
    "POST scripts/archive/p/{path}": "f/team/archived",
    "POST scripts/delete/p/{path}": "f/team/deleted",
    "DELETE flows/delete/{path}": "f/team/gone",
    "DELETE drafts/delete/{kind}/{path}": "f/team/flow",
    "DELETE drafts/{kind}/{path}": "f/team/asks",
    "DELETE variables/delete/{path}": "f/team/gone",
    "DELETE resources/delete/{path}": "f/team/gone",
    "DELETE connections/delete/{path}": "f/team/vanished",
    "DELETE schedules/delete/{path}": "f/team/gone",
    "DELETE http_triggers/delete/{path}": "f/team/gone",
    "DELETE folders/delete/{name}": "gone",
    "DELETE groups/delete/{name}": "gone",
    "DELETE policies/delete/{name}": "gone",
    "DELETE workflow_tests/delete/{name}/{path}": "gone",
    "DELETE /api/policies/delete/{name}": "gone",
    "DELETE /api/configs/delete/{name}": "gone",
    "DELETE resources/type/delete/{name}": "gone",
    "DELETE connections/type/delete/{name}": "vanished",
}
"""Name that each call of a deleting route contains. No other call needs the item of this name."""

LEAVERS = {
    "POST users/update/{username}": "remaining",
    "DELETE users/delete/{username}": "leaver",
    "POST service_accounts/tokens/create/{username}": "machine",
    "POST service_accounts/setenabled/{username}": "machine",
    "DELETE service_accounts/delete/{username}": "machine",
}
VERSIONS = {
    "POST scripts/archive/h/{hash}": "archived_version",
    "POST scripts/delete/h/{hash}": "deleted_version",
}
NEEDS_OPEN_RUN = (
    "/pauses",
    "/cancel/",
    "/force_cancel/",
    "/consent",
    "flow/resume",
    "resume_urls",
    "job_signature",
    "approval_info",
)
"""Parts of the paths of routes that act on a run which waits for an approval."""

NAMES = {
    "folders": "team",
    "groups": "ops",
    "policies": "described",
    "workflow_tests": "described",
    "templates": "batch_import",
    "resources": "thing",
    "connections": "thing",
}
PATHS = {
    "scripts": "f/team/script",
    "schedules": "f/team/schedule",
    "http_triggers": "f/team/hook",
    "variables": "f/team/variable",
    "resources": "f/team/resource",
    "connections": "f/team/resource",
}


class Examples:
    """Objects in workspace main for the example calls."""

    def __init__(self, api: ApiHarness) -> None:
        self._stage = api
        self._ids: dict[str, str] = {}
        self._bodies: dict[str, Any] = {}

    async def prepare(self) -> None:
        for folder in ("team", "gone"):
            await self._post("folders/create", {"name": folder, "owners": ["g/all"]})
        for group in ("ops", "gone"):
            await self._post("groups/create", {"name": group})
        for name in ("described", "gone"):
            await self._post("policies/create", {**POLICY, "name": name})
            await self._stage.client.post("/api/policies/create", json={**POLICY, "name": name, "scope": "instance"})
        async with self._stage.platform.db.acquire() as conn:
            bound = NewBinding("https://git.example.com/shop", "main", "", None, None, None, "admin")
            await git.bind(conn, "main", bound)
        await self._stage.client.post("/api/configs/update/gone", json={})
        for username in ("leaver", "remaining"):
            await self._stage.member(username)
        await self._post("service_accounts/create", {"username": "machine"})
        await self._post("workspaces/invite_user", {"email": "invited@example.com"})
        for name in ("script", "archived", "deleted"):
            await self._post("scripts/create", {**CODE, "path": f"f/team/{name}"})
        for version in ("archived_version", "deleted_version"):
            made = await self._post("scripts/create", {**CODE, "content": version, "path": f"f/team/{version}"})
            self._ids[version] = made
        self._ids["hash"] = (await self._stage.get("scripts/get/p/f/team/script"))["hash"]
        for name in ("flow", "gone"):
            await self._post("flows/create", {**PASS_ON, "path": f"f/team/{name}"})
            await self._post("schedules/create", {**SCHEDULE, "path": f"f/team/{name}"})
            await self._post("http_triggers/create", {**HOOK, "path": f"f/team/{name}", "route_path": name})
        for name in ("described", "gone"):
            await self._post("workflow_tests/create/f/team/flow", {"name": name, "test": {}})
        await self._post("flows/create", {**ASKS, "path": "f/team/asks"})
        await self._post("flows/create", {**PASS_ON, "path": "f/team/movable"})
        await self._post("schedules/create", {**SCHEDULE, "path": "f/team/schedule"})
        await self._post("http_triggers/create", {**HOOK, "path": "f/team/hook", "route_path": "hook"})
        for name in ("variable", "gone"):
            await self._post("variables/create", {"path": f"f/team/{name}", "value": "1"})
        for name in ("thing", "gone", "vanished"):
            await self._post("resources/type/create", {"name": name})
        for name in ("resource", "gone", "vanished"):
            await self._post("resources/create", {**THING, "path": f"f/team/{name}"})
        for name in ("file", "gone", "moved"):
            answer = await self._stage.client.post(
                f"{W}/job_helpers/upload_s3_file?file_key=f/team/{name}", content=b"x"
            )
            assert answer.is_success, answer.text
        await self._post("releases/create", BODIES["POST releases/create"])
        rules = {"approvers": ["g/all"], "author_may_approve": True}
        body = {"name": "staging", "workspace": "main", "rules": rules}
        assert (await self._stage.client.post("/api/environments/create", json=body)).is_success
        file = await self._stage.get("releases/export/1")
        trusted = {"value": {"here": file["public_key"]}}
        answer = await self._stage.client.post("/api/settings/global/trusted_release_keys", json=trusted)
        assert answer.is_success, answer.text
        self._bodies["POST releases/import"] = {"file": file}
        self._ids["version"] = str((await self._stage.get("flows/get_latest_version/f/team/flow"))["id"])
        self._ids["audit"] = str((await self._stage.get("audit/list"))[0]["id"])
        await self._post("capture/set_config", BODIES["POST capture/set_config"])
        self._ids["ended"] = await self._post("jobs/run/f/f/team/flow", {})
        self._ids["dry"] = await self._post("jobs/dry_run/f/f/team/flow", {})

    async def request(self, method: str, path: str, instead: Mapping[str, str] | None = None) -> tuple[str, Any]:
        """Return (URL, body) of a call that names existing objects. `instead` replaces path parameters."""
        short = f"{method} {path.removeprefix('/api/w/{workspace}/')}"
        values = {**await self._values(short, path), **(instead or {})}
        url = re.sub(r"\{(\w+)\}", lambda found: values[found[1]], path)
        query = QUERIES.get(short, "").replace("{version}", values["version"])
        return url + query, await self._body(short)

    async def path_values(self, method: str, path: str) -> dict[str, str]:
        """Return the path parameters of a call that names existing objects."""
        values = await self._values(f"{method} {path.removeprefix('/api/w/{workspace}/')}", path)
        return {name: values[name] for name in re.findall(r"\{(\w+)\}", path) if name in values}

    async def _values(self, short: str, path: str) -> dict[str, str]:
        area = path.removeprefix("/api/w/{workspace}/").removeprefix("/api/").split("/")[0]
        waits = any(part in path for part in NEEDS_OPEN_RUN)
        run = await self._open_run() if waits else self._ids["ended"]
        values = dict.fromkeys(("id", "run_id", "job_id", "flow_job_id", "other", "job"), run)
        values |= {
            "workspace": "main",
            "path": GONE.get(short, PATHS.get(area, "f/team/flow")),
            "name": GONE.get(short, NAMES.get(area, "x")),
            "kind": "flow",
            "username": LEAVERS.get(short, "admin"),
            "email": "admin@localhost",
            "hash": self._ids[VERSIONS.get(short, "hash")],
            "version": self._ids["version"],
            "trigger_kind": "webhook",
            "runnable_kind": "flow",
            "token_prefix": "ov_Ab3",
            "node_id": "a",
            "node": "ask" if waits else "a",
            "key": "k",
            "number": "1",
            "resume_id": "1",
            "signature": "0" * 64,
            "entrypoint": "main",
            "audience": "vault.example.org",
            "scheduled_for": "1767225600000",
        }
        if area == "deployments" and "{id}" in path:
            values["id"] = await self._request()
        if "jobs/" in path and "/p/" in path:
            values["path"] = "f/team/script"
        elif "v1/workflows" in path:
            values["path"] = "f/team/flow/runs"
        elif "workflow_tests" in path:
            values["path"] = "f/team/flow"
        elif "raw/h" in path:
            values["path"] = f"{self._ids['hash']}.sh"
        elif "dry_run/get" in path:
            values["id"] = self._ids["dry"]
        elif "audit/get" in path:
            values["id"] = self._ids["audit"]
        elif "inputs/delete" in path:
            values["id"] = await self._saved_input()
        elif path.endswith("capture/{id}"):
            values["id"] = await self._capture()
        elif "workers" in path:
            values["id"] = str(self._stage.worker.id)
        return values

    async def _body(self, short: str) -> Any:
        match short:
            case "POST jobs/run/batch_rerun_jobs":
                return {"job_ids": [self._ids["ended"]]}
            case "POST inputs/update":
                return {"id": await self._saved_input(), "name": "common", "is_public": True}
            case "POST jobs/queue/cancel_selection":
                return [await self._open_run()]
            case "POST versions/restore/{kind}/{path}" | "POST acceptance/accept/{kind}/{path}":
                return {"version": int(self._ids["version"])}
            case "POST policies/fix/{name}":
                return {"kind": "flow", "path": await self._violating()}
            case "POST deployments/approve/{id}" | "POST deployments/apply/{id}":
                return {"plan_hash": self._ids["plan"]}
            case _:
                return self._bodies.get(short, BODIES.get(short))

    async def _open_run(self) -> str:
        return await self._post("jobs/run/f/f/team/asks", {})

    async def _request(self) -> str:
        """Create a request to deploy a release, with bea as its author, and return its id."""
        async with self._stage.platform.db.acquire() as conn:
            await conn.execute("UPDATE deployment_request SET state = 'withdrawn'")
        made = json.loads(await self._post("deployments/create", BODIES["POST deployments/create"]))
        self._ids["plan"] = made["plan_hash"]
        async with self._stage.platform.db.acquire() as conn:
            await conn.execute("UPDATE deployment_request SET author_email = 'bea@example.com'")
        return str(made["id"])

    async def _violating(self) -> str:
        """Deploy a workflow that violates the policy, and return its path."""
        path = "f/team/violating"
        present = await self._stage.get(f"flows/exists/{path}")
        await self._post(f"flows/update/{path}" if present else "flows/create", {**PASS_ON, "path": path})
        return path

    async def _capture(self) -> str:
        """Capture a request and return its id; requests are captured for a short time after each configuration."""
        await self._post("capture/set_config", BODIES["POST capture/set_config"])
        return await self._post("capture_u/webhook/flow/f/team/flow", {"order": 4711})

    async def _saved_input(self) -> str:
        """Save an input that everybody may use, and return its id."""
        id = await self._post(f"inputs/create{OF_FLOW}", {"name": "usual", "args": {}})
        return await self._post("inputs/update", {"id": id, "name": "usual", "is_public": True})

    async def _post(self, path: str, body: Any) -> str:
        answer = await self._stage.client.post(f"{W}/{path}", json=body)
        assert answer.is_success, (path, answer.text)
        return answer.text


@asynccontextmanager
async def scene_with_examples(
    database: TestDatabase, home: Path, **settings: Any
) -> AsyncIterator[tuple[ApiHarness, Examples]]:
    """Open a platform with an object for every route, and a worker that finishes each job with the result 1."""
    async with api_harness(database, home, **settings) as api:
        working = asyncio.create_task(_work(api))
        examples = Examples(api)
        await examples.prepare()
        yield api, examples
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


async def _work(api: ApiHarness) -> None:
    while True:
        for job in await api.worker.claim_all():
            await api.worker.finish(job, 1)
        await asyncio.sleep(0.02)
