"""Calls of the API without a row in the audit trail, and the rows of the others."""

from __future__ import annotations

from tests.http.harness import ApiHarness

_W = "/api/w/{workspace}"

CHANGE_NOTHING = {
    "POST /api/schedules/preview": "computes times",
    "POST /api/settings/check_issuer": "reads the document of a provider",
    "POST /api/workspaces/exists": "reads",
    "POST /api/workspaces/exists_username": "reads",
    f"POST {_W}/changes/archive": "reads an archive",
    f"POST {_W}/changes/plan": "computes a plan",
    f"POST {_W}/changes/read": "reads",
    f"POST {_W}/deployments/plan": "computes a plan",
    f"POST {_W}/flows/validate": "checks a document",
    f"POST {_W}/http_triggers/route_exists": "reads",
    f"POST {_W}/jobs/restart_preview/f/{{id}}": "computes a plan",
    f"POST {_W}/jobs/retry_preview/f/{{id}}": "computes a plan",
    f"POST {_W}/moves/plan": "computes a plan",
    f"POST {_W}/scripts/raw_temp/diff": "compares texts",
    f"POST {_W}/scripts/raw_temp/store": "returns a digest and stores nothing",
    f"POST {_W}/scripts/schema": "computes a schema",
    f"POST {_W}/variables/encrypt": "returns an encrypted text and stores nothing",
    f"POST {_W}/workflow_tests/run/{{path}}": "plays recorded answers back",
    f"POST {_W}/workspaces/critical_alerts/mute": "accepts that nothing is muted, and refuses anything else",
}
"""Calls that are not GET and change nothing, with what they do."""

NOT_AUDITED = {
    "POST /api/auth/enrol_totp": "stores a secret that counts once a code confirms it, which is a row",
    "POST /api/auth/oidc/start": "begins a login, which is a row when it ends",
    f"POST {_W}/capture/ping_config/{{trigger_kind}}/{{runnable_kind}}/{{path}}": "sent often, to prolong a capture",
    f"POST {_W}/job_metrics/set_progress/{{id}}": "a job calls it often, and it is only shown",
}
"""Calls that change something without a row, with the reason."""

WITHOUT_ROW = {**CHANGE_NOTHING, **NOT_AUDITED}


async def operations_of(api: ApiHarness, request_id: str) -> list[str]:
    """Return the operations of the rows of a call."""
    async with api.platform.db.acquire() as conn:
        rows = await conn.fetch("SELECT operation FROM audit WHERE request_id = $1 ORDER BY id", request_id)
    return [row["operation"] for row in rows]
