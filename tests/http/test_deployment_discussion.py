"""Comments on items of a request, members who are asked for approval, and messages about deployments to channels."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import api_harness
from tests.http.test_deployment_checks import SMOKE, deploy_smoke, fail
from tests.http.test_deployments import D, L, Pipeline, act, waiting
from tests.http.test_invitation_mail import set_server
from tests.http.test_notices import Mailbox, mail, web

from orvanta_platform.services.maintenance import alert_sender
from orvanta_platform.services.releases import deployment_mails

__all__ = ["mail"]

FLOW = {"kind": "flow", "path": "f/team/main"}


@pytest.fixture
async def pipeline(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Pipeline]:
    """A pipeline that may send messages to this machine."""
    async with api_harness(database, tmp_path, allowed_networks=("127.0.0.0/8",)) as api:
        made = Pipeline(api)
        await made.prepare()
        yield made


async def comment(client: httpx.AsyncClient, request: dict[str, Any], **body: Any) -> httpx.Response:
    return await client.post(f"{D}/comment/{request['id']}", json={"comment": "Why twice?", **body})


async def assign(client: httpx.AsyncClient, request: dict[str, Any], *names: str) -> int:
    return (await client.post(f"{D}/assign/{request['id']}", json={"assignees": list(names)})).status_code


async def send_all(pipeline: Pipeline) -> None:
    for send in (deployment_mails.send_due, alert_sender.send_due):
        while await send(pipeline.api.platform):
            pass


async def test_comments_are_about_a_request_or_one_item_of_its_plan(pipeline: Pipeline) -> None:
    ann = await pipeline.person("ann")
    request = await pipeline.request(ann)
    assert (await comment(ann, request)).status_code == 200
    answer = await comment(ann, request, **FLOW)
    assert answer.status_code == 200, answer.text
    found = [(each["item_kind"], each["item_path"], each["comment"]) for each in answer.json()["decisions"]]
    assert found == [(None, None, "Why twice?"), ("flow", "f/team/main", "Why twice?")]
    for body in ({"kind": "flow"}, {"path": "f/team/main"}, {**FLOW, "path": "f/team/other"}, {"comment": " "}):
        assert (await comment(ann, request, **body)).status_code == 400, body
    assert (await act(ann, "apply", request))[0] == 200  # comments do not make the plan stale
    rows = (await pipeline.admin.get(f"{L}/audit/list", params={"per_page": 50})).json()
    decided = [each["parameters"].get("item") for each in rows if each["operation"] == "deployments.decide"]
    assert decided == ["flow/f/team/main", None]


async def test_members_who_are_asked_are_those_for_whom_a_request_waits(
    pipeline: Pipeline, mail: tuple[Mailbox, int]
) -> None:
    """The others may approve it, too, and are asked once all of the former have approved it."""
    box, port = mail
    await set_server(pipeline.api, port=port, networks=["127.0.0.0/8"])
    ann, bob, cyd, eve = [await pipeline.person(name) for name in ("ann", "bob", "cyd", "eve")]
    await pipeline.rules(approvals=2, approvers=["u/ann", "u/bob", "u/cyd"])

    async def sent() -> list[str]:
        before = len(box.mails)
        while await deployment_mails.send_due(pipeline.api.platform):
            pass
        return sorted(each["To"].partition("@")[0] for each in box.mails[before:])

    async def listed(client: httpx.AsyncClient) -> list[int]:
        found = [each["id"] for each in (await client.get(f"{D}/list", params={"waiting": "true"})).json()]
        assert found == await waiting(client)
        return found

    for wrong in ("eve", "ann", "nobody"):  # no approver, the author, no member
        answer = await ann.post(f"{D}/create", json={"source": "main", "number": 1, "assignees": [wrong]})
        assert (answer.status_code, wrong in answer.json()["error"]["message"]) == (400, True)
    assert await sent() == []
    request = await pipeline.request(ann, assignees=["bob"])
    assert (request["assignees"], await sent()) == (["bob"], ["bob"])
    assert [await listed(each) for each in (bob, cyd, eve)] == [[request["id"]], [], []]
    assert [await assign(each, request, "cyd") for each in (eve, bob)] == [403, 403]
    assert await assign(ann, request, "cyd") == 200
    assert ([await listed(each) for each in (bob, cyd)], await sent()) == ([[], [request["id"]]], ["cyd"])
    assert await assign(ann, request, "bob", "cyd") == 200
    assert await sent() == []  # both have got their mail
    assert await assign(pipeline.admin, request, "bob") == 200
    assert (await act(bob, "approve", request))[0] == 200
    assert [await listed(each) for each in (bob, cyd)] == [[], [request["id"]]]
    assert (await act(cyd, "approve", request))[0] == 200
    assert (await act(ann, "apply", request))[0] == 200
    assert await assign(ann, request, "cyd") == 409
    rows = (await pipeline.admin.get(f"{L}/audit/list", params={"per_page": 50})).json()
    assigned = [each["parameters"]["assignees"] for each in rows if each["operation"] == "deployments.assign"]
    assert assigned == [["bob"], ["bob", "cyd"], ["cyd"], ["bob"]]


async def test_approvers_without_access_to_the_items_are_named(pipeline: Pipeline) -> None:
    """The author sees their names, and they see that a request waits which they cannot read."""
    ann, bob, cyd, eve = [await pipeline.person(name) for name in ("ann", "bob", "cyd", "eve")]
    shut = {"owners": ["u/ann"], "extra_perms": {"u/bob": False}}
    answer = await pipeline.admin.post(f"{L}/folders/update/team", json=shut)
    assert answer.status_code == 200, answer.text
    await pipeline.rules(approvals=1, approvers=["u/ann", "u/bob", "u/cyd"])
    request = await pipeline.request(ann)
    assert request["unable_approvers"] == ["cyd"]
    url = f"{D}/get/{request['id']}"
    assert (await ann.get(url)).json()["unable_approvers"] == ["cyd"]
    answer = await cyd.get(url)
    assert (answer.status_code, "items that you may not read" in answer.json()["error"]["message"]) == (403, True)
    assert [(await each.get(url)).status_code for each in (eve, bob)] == [404, 200]
    assert (await cyd.get(f"{D}/get/99")).status_code == 404
    counts = [(await each.get(f"{L}/overview")).json()["unreadable_requests"] for each in (bob, cyd, eve)]
    assert (counts, await waiting(bob), await waiting(cyd)) == ([0, 1, 0], [request["id"]], [])
    assigned = await ann.post(f"{D}/assign/{request['id']}", json={"assignees": ["bob"]})
    assert assigned.json()["unable_approvers"] == []
    assert (await act(bob, "approve", request))[0] == 200
    status, done = await act(ann, "apply", request)
    assert (status, done.get("unable_approvers"), (await cyd.get(url)).status_code) == (200, [], 404), done


async def test_channels_receive_the_events_that_they_name(pipeline: Pipeline) -> None:
    """A webhook with all events, and a channel of Slack with one; neither gets content of the release."""
    dan, ann = await pipeline.person("dan"), await pipeline.person("ann")
    events = ["requested", "approved", "rejected", "applied", "failed", "rolled_back", "held"]
    async with web() as (server, url):
        hook = {"kind": "webhook", "url": url, "deployments": events}
        channels = {"hook": hook, "chat": {"kind": "slack", "url": url, "deployments": ["held"]}}
        answer = await pipeline.admin.post("/api/settings/global/alerts", json={"value": {"channels": channels}})
        assert answer.is_success, answer.text
        pipeline.api.platform.instance._cache.clear()
        await pipeline.rules(approvals=1, approvers=["u/ann"])
        first = await pipeline.request(dan)
        await act(ann, "approve", first)
        await act(dan, "apply", first)
        second = await pipeline.request(dan, await pipeline.release("Two"))
        await act(ann, "reject", second)
        await deploy_smoke(pipeline.admin)
        await pipeline.rules(checks={"smoke_run": SMOKE}, on_failed_check="rollback")
        await act(dan, "apply", await pipeline.request(dan, 2))
        await fail(pipeline)
        while await alert_sender.send_due(pipeline.api.platform):
            pass
    sent = [body for _, body in server.sent if "alert" in body]
    assert {(each["state"], each["subject"], each["workspace"]) for each in sent} == {("event", "production", "live")}
    kinds = [each["alert"].removeprefix("deployment_") for each in sent]
    assert sorted(kinds) == sorted([*events, "requested", "requested", "requested", "applied"])
    texts = {each["alert"]: f"{each['title']}: {each['text']}" for each in sent}
    assert "/w/live/environments/production/requests/" in texts["deployment_requested"]
    assert "production was rolled back to release 1 of main as dan" in texts["deployment_rolled_back"]
    assert all("f/team" not in text and "Two" not in text for text in texts.values())
    (chat,) = [body["text"] for _, body in server.sent if "alert" not in body]
    assert "system put promotions to production on hold" in chat
    refused = {"value": {"channels": {"hook": {**hook, "deployments": ["other"]}}}}
    assert (await pipeline.admin.post("/api/settings/global/alerts", json=refused)).status_code == 400


async def test_messages_about_a_rollback_do_not_call_it_a_deployment(
    pipeline: Pipeline, mail: tuple[Mailbox, int]
) -> None:
    """Mails to approvers and to the author, and messages to channels, name the release that it returns to."""
    box, port = mail
    await set_server(pipeline.api, port=port, networks=["127.0.0.0/8"])
    ann, bob = await pipeline.person("ann"), await pipeline.person("bob")
    await pipeline.deploy(1)
    await pipeline.deploy(await pipeline.release("Two"))
    await pipeline.rules(approvals=1, approvers=["u/bob"])
    async with web() as (server, url):
        hook = {"kind": "webhook", "url": url, "deployments": ["requested", "approved", "rejected"]}
        answer = await pipeline.admin.post("/api/settings/global/alerts", json={"value": {"channels": {"hook": hook}}})
        assert answer.is_success, answer.text
        pipeline.api.platform.instance._cache.clear()
        for verbs in (["reject"], ["approve", "apply"]):
            request = (await ann.post(f"{D}/rollback", json={"reason": "Wrong totals"})).json()
            await send_all(pipeline)
            for verb in verbs:
                assert (await act(bob, verb, request))[0] == 200
        await send_all(pipeline)
    release = "production to release 1 of main"
    mails = {str(each["Subject"]): each.get_payload(decode=True).decode().splitlines()[0] for each in box.mails}
    subject = "Rollback of production to release 1 of main"
    assert mails == {
        f"{subject}: requested": f"ann asks you to approve the rollback of {release}.",
        f"{subject}: rejected": f"bob rejected your request to roll back {release}.",
        f"{subject}: approved": f"bob approved your request to roll back {release}.",
        f"{subject}: applied": f"bob rolled back {release}, as you requested.",
    }
    sent = {body["alert"]: (body["title"], body["text"].split("\n")[0]) for _, body in server.sent}
    assert sent == {
        "deployment_requested": ("live: Change of production requested", f"ann requests to roll back {release}."),
        "deployment_approved": ("live: Change of production approved", f"bob approved the rollback of {release}."),
        "deployment_rejected": ("live: Change of production rejected", f"bob rejected the rollback of {release}."),
    }
