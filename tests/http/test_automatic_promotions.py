"""Automatic promotions: the member they act for, their conditions, and the permission to enable them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.http.harness import client_of
from tests.http.test_deployments import ITEMS, MAIN, D, L, Pipeline, act, pipeline
from tests.http.test_releases import apply as apply_changes

from orvanta_platform.control import names
from orvanta_platform.db import automatic_promotions as promotion_rows
from orvanta_platform.db import tokens
from orvanta_platform.db.pool import Connection
from orvanta_platform.services.releases import automatic_promotions, deployments

__all__ = ["pipeline"]

STAGE = "/api/w/stage/deployments"


@dataclass(frozen=True, slots=True)
class Promotion:
    """A pipeline with a staging environment: dan may apply in production after an hour, ann may not."""

    pipeline: Pipeline
    ann: httpx.AsyncClient
    dan: httpx.AsyncClient

    async def switch(self, client: httpx.AsyncClient, enabled: bool = True, base: str = D) -> int:
        """Switch automatic promotion on or off; return the status of the response."""
        return (await client.post(f"{base}/automatic", json={"enabled": enabled})).status_code

    async def opened(self) -> list[Any]:
        """Return the numbers of the releases of open requests."""
        return [each["number"] for each in (await self.dan.get(f"{D}/list", params={"state": "open"})).json()]

    async def state(self) -> dict[str, Any]:
        """Process due promotions and return the environment."""
        await promote(self.pipeline)
        found: dict[str, Any] = (await self.pipeline.admin.get(f"{D}/environment")).json()
        return found


async def test_releases_are_promoted_automatically_with_the_rights_of_one_member(pipeline: Pipeline) -> None:
    """The member must still be allowed to apply; earlier, rejected and unsoaked releases are not promoted."""
    await add_staging(pipeline)
    ann, dan = await pipeline.person("ann"), await pipeline.person("dan")
    await pipeline.rules(soak_minutes=60, appliers=["u/dan"])
    promotion = Promotion(pipeline, ann, dan)
    await check_only_appliers_switch_it(promotion)
    await check_first_release_waits_for_a_person(promotion)
    await check_earlier_releases_and_holds_prevent_it(promotion)
    await check_approvals_are_awaited(promotion)
    await check_it_ends_with_the_right_to_apply(promotion)
    await check_it_ends_with_the_membership(promotion)
    await check_withdrawn_requests_are_not_repeated(promotion)
    await check_audit_names_the_member(promotion)


async def check_only_appliers_switch_it(promotion: Promotion) -> None:
    """Developers who may not apply, and tokens of jobs or with limits, can neither enable nor disable it."""
    pipeline = promotion.pipeline
    ann, dan = promotion.ann, promotion.dan
    secret, scopes = names.new_token("user"), ["deployments:write", "deployments:read"]
    digest, prefix = names.token_hash(secret), names.token_prefix(secret)
    async with pipeline.api.platform.db.transaction() as conn:
        await tokens.insert(conn, digest, prefix, "user", "dan@example.com", scopes=scopes)
    limited = client_of(pipeline.api.app, secret)
    assert [await promotion.switch(each) for each in (ann, limited, pipeline.admin)] == [403, 403, 403]
    assert await promotion.switch(pipeline.admin, base=STAGE) == 400
    await stage(pipeline, 1, minutes=59)
    assert await promotion.switch(dan) == 200
    assert await promotion.switch(ann, enabled=False) == 403
    assert ((await promotion.state())["current"], await promotion.opened()) == (None, [])
    await execute(pipeline, "UPDATE deployment SET applied_at = app_now() - interval '61 minutes'")


async def check_first_release_waits_for_a_person(promotion: Promotion) -> None:
    """Its new triggers would act for dan, who has not reviewed them, so a person must apply the release."""
    ann, dan = promotion.ann, promotion.dan
    found = await promotion.state()
    assert found["current"] is None and "schedule f/team/daily, which acts for a" in found["automatic"]["waits_for"]
    # The text names paths that dan may read. Members who may not apply see only the state, without the reason.
    assert (await dan.get(f"{D}/environment")).json()["automatic"] == found["automatic"]
    assert await seen(ann, "waits_for") == "Members who may apply see the reason."
    (request,) = (await dan.get(f"{D}/list", params={"state": "open"})).json()
    assert (await act(dan, "apply", request))[0] == 200


async def check_earlier_releases_and_holds_prevent_it(promotion: Promotion) -> None:
    """An earlier release does not replace a later one, and a hold of either environment prevents promotion."""
    pipeline = promotion.pipeline
    await pipeline.release("Two")
    await stage(pipeline, 2)
    for held in ("production", "staging"):
        hold = "UPDATE environment SET hold_by = 'ann', hold_since = app_now(), hold_reason = 'x' WHERE name = $1"
        await execute(pipeline, hold, held)
        assert ((await promotion.state())["current"]["number"], await promotion.opened()) == (1, [])
        await execute(pipeline, "UPDATE environment SET hold_by = NULL")


async def check_approvals_are_awaited(promotion: Promotion) -> None:
    """A request that the member created manually is not approved automatically."""
    pipeline = promotion.pipeline
    ann, dan = promotion.ann, promotion.dan
    await pipeline.rules(soak_minutes=60, appliers=["u/dan"], approvals=1, approvers=["g/all"])
    request = await pipeline.request(dan, 2)
    found = await promotion.state()
    assert (found["current"]["number"], found["automatic"]["waits_for"]) == (1, "The request has 0 of 1 approvals.")
    assert await promotion.opened() == [2] and await recorded(pipeline, request["id"]) == []
    assert request["author"] == "dan"
    assert (await act(dan, "approve", request))[0] == 403
    assert (await act(ann, "approve", request))[0] == 200
    current = (await promotion.state())["current"]
    assert (current["number"], current["applied_by"], await pipeline.summary()) == (2, "dan", "Two")
    assert await recorded(pipeline, request["id"]) == ["deployments.promote_automatically"]


async def check_it_ends_with_the_right_to_apply(promotion: Promotion) -> None:
    """It is disabled with a visible reason, and never continues with the rights of another member."""
    pipeline = promotion.pipeline
    ann, dan = promotion.ann, promotion.dan
    await pipeline.rules()
    text = "on_behalf_of_email: admin@localhost\n" + MAIN % "Two"
    await apply_changes(pipeline.admin, [{**ITEMS[3], "content": {"text": text}}], "live")
    assert (await act(pipeline.admin, "apply", await pipeline.request(pipeline.admin, 2, overwrite=True)))[0] == 200
    await pipeline.release("Three")
    await stage(pipeline, 3)
    await pipeline.rules(appliers=["u/ann"])
    found = await promotion.state()
    assert (found["current"]["number"], found["automatic"]["permissioned_as"]) == (2, "u/dan")
    assert "may not apply" in found["automatic"]["disabled_reason"]
    assert "may not apply" in (await seen(dan, "disabled_reason") or "")
    await pipeline.rules(appliers=["u/admin"])
    assert await seen(ann, "disabled_reason") == "Members who may apply see the reason."
    await pipeline.rules()
    assert (await promotion.state())["current"]["number"] == 2
    assert await promotion.switch(dan) == 200
    await execute(pipeline, "UPDATE member SET role = 'operator' WHERE workspace = 'live' AND username = 'dan'")
    assert (await promotion.state())["automatic"]["disabled_reason"]
    await execute(pipeline, "UPDATE member SET role = 'developer' WHERE workspace = 'live' AND username = 'dan'")


async def check_it_ends_with_the_membership(promotion: Promotion) -> None:
    """The member must be enabled in both workspaces."""
    pipeline = promotion.pipeline
    dan = promotion.dan
    assert await promotion.switch(dan) == 200
    leaving = (await pipeline.admin.get("/api/w/live/users/departure/dan")).json()["items"]
    assert ("automatic_promotion", "production") in [(each["kind"], each["path"]) for each in leaving]
    for disabled in (True, False):
        changed = await pipeline.admin.post("/api/w/live/users/update/dan", json={"disabled": disabled})
        assert changed.status_code == 200, changed.text
        automatic = (await pipeline.admin.get(f"{D}/environment")).json()["automatic"]
        assert automatic["disabled_reason"].startswith("identity_disabled")
        lost = (await pipeline.admin.get("/api/w/live/ownership/list")).json()
        assert (("automatic_promotion", "production") in [(each["kind"], each["path"]) for each in lost]) is disabled
    # A member who cannot read the release in its workspace does not promote it.
    assert await promotion.switch(dan) == 200
    await execute(pipeline, "UPDATE member SET disabled = true WHERE workspace = 'main' AND username = 'dan'")
    assert "no longer an enabled member of main" in (await promotion.state())["automatic"]["disabled_reason"]
    await execute(pipeline, "UPDATE member SET disabled = false")


async def check_withdrawn_requests_are_not_repeated(promotion: Promotion) -> None:
    """A withdrawn request of another member has no effect; a release whose request dan withdrew is not promoted."""
    pipeline = promotion.pipeline
    ann, dan = promotion.ann, promotion.dan
    await pipeline.rules(approvals=1)
    other = await pipeline.request(ann, 3)
    assert (await ann.post(f"{D}/withdraw/{other['id']}")).status_code == 200
    assert await promotion.switch(dan) == 200
    # The workflow acts on behalf of a fixed member, so a person must apply its change.
    assert "flow f/team/main, which acts for a" in (await promotion.state())["automatic"]["waits_for"]
    (request,) = (await dan.get(f"{D}/list", params={"state": "open"})).json()
    assert (await dan.post(f"{D}/withdraw/{request['id']}")).status_code == 200
    await pipeline.rules()
    found = await promotion.state()
    assert (found["current"]["number"], found["automatic"]["disabled_reason"]) == (2, None)
    assert await promotion.opened() == []


async def check_audit_names_the_member(promotion: Promotion) -> None:
    """The audit trail names the member, or the system if automatic promotion was disabled automatically."""
    pipeline = promotion.pipeline
    assert await promotion.switch(pipeline.admin, enabled=False) == 200
    assert (await promotion.state())["automatic"] is None
    rows = (await pipeline.admin.get(f"{L}/audit/list", params={"per_page": 200})).json()
    done = [(each["operation"], each["username"]) for each in rows if "automatic" in each["operation"]][::-1]
    assert done[:2] == [("deployments.enable_automatic", "dan"), ("deployments.request_automatically", "dan")]
    assert ("deployments.end_automatic", "system") in done and done[-1] == ("deployments.disable_automatic", "admin")


async def test_automatic_promotion_that_is_turned_off_or_held_is_not_completed(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This holds for a promotion that is already listed as due, and for one whose deployment is about to begin."""
    await add_staging(pipeline)
    dan = await pipeline.person("dan")
    await pipeline.deploy(1)
    await pipeline.release("Two")
    for number in (1, 2):
        await stage(pipeline, number)
    hold = "UPDATE environment SET hold_by = 'ann', hold_since = app_now(), hold_reason = 'x' WHERE name = 'staging'"
    lift = "UPDATE environment SET hold_by = NULL"
    list_due, apply = promotion_rows.list_due, deployments.apply
    statement = hold

    async def list_before(conn: Connection) -> list[Any]:
        listed = await list_due(conn)
        await execute(pipeline, statement)
        return listed

    async def apply_after(*values: Any, **more: Any) -> Any:
        await execute(pipeline, statement)
        return await apply(*values, **more)

    async def opened() -> int:
        return len((await dan.get(f"{D}/list", params={"state": "open"})).json())

    for module, name, wrapped, requested in (
        (promotion_rows, "list_due", list_before, 0),
        (deployments, "apply", apply_after, 1),
    ):
        for statement in (hold, "DELETE FROM automatic_promotion"):
            assert (await dan.post(f"{D}/automatic", json={"enabled": True})).status_code == 200
            with monkeypatch.context() as during:
                during.setattr(module, name, wrapped)
                await promote(pipeline)
            assert (await pipeline.summary(), await opened()) == ("One", requested), (name, statement)
            await execute(pipeline, lift)
    assert (await dan.post(f"{D}/automatic", json={"enabled": True})).status_code == 200
    await promote(pipeline)
    assert await pipeline.summary() == "Two"


async def add_staging(pipeline: Pipeline) -> None:
    """Add an environment before production."""
    for path, body in (
        ("/api/workspaces/create", {"id": "stage", "name": "stage"}),
        ("/api/environments/create", {"name": "staging", "workspace": "stage", "position": 1}),
    ):
        assert (await pipeline.admin.post(path, json=body)).is_success
    await apply_changes(pipeline.admin, ITEMS[:2], "stage")


async def stage(pipeline: Pipeline, number: int, minutes: int = 61) -> None:
    """Deploy a release to staging, and backdate the deployment by `minutes`."""
    made = (await pipeline.admin.post(f"{STAGE}/create", json={"source": "main", "number": number})).json()
    answer = await pipeline.admin.post(f"{STAGE}/apply/{made['id']}", json={"plan_hash": made["plan_hash"]})
    assert answer.status_code == 200, answer.text
    await execute(pipeline, "UPDATE deployment SET applied_at = app_now() - make_interval(mins => $1)", minutes)


async def promote(pipeline: Pipeline) -> None:
    """Promote now, without waiting for the time of the next retry."""
    await execute(pipeline, "UPDATE automatic_promotion SET retry_at = app_now()")
    await automatic_promotions.promote_due(pipeline.api.platform)


async def seen(client: httpx.AsyncClient, name: str) -> str | None:
    """Return a text of the automatic promotion as shown to a member."""
    text: str | None = (await client.get(f"{D}/environment")).json()["automatic"][name]
    return text


async def recorded(pipeline: Pipeline, request: int) -> list[str]:
    """Return the automatic operations that the audit trail contains for a request."""
    rows = (await pipeline.admin.get(f"{L}/audit/list", params={"per_page": 200})).json()
    automatic = [each for each in rows if each["operation"].endswith("_automatically")]
    return [each["operation"] for each in automatic if each["parameters"]["request"] == request]


async def execute(pipeline: Pipeline, statement: str, *values: Any) -> None:
    async with pipeline.api.platform.db.acquire() as conn:
        await conn.execute(statement, *values)
