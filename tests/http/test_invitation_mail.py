"""Mails to invited people through a real mail server."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.http.harness import ApiHarness, W, client_of
from tests.http.test_notices import Mailbox
from tests.http.test_notices import mail as mail

from orvanta_platform.control import invitation_limits
from orvanta_platform.control.actor import Role
from orvanta_platform.control.instance_settings import SMTP

EMAIL = "ada@example.org"


async def set_server(api: ApiHarness, status: int = 200, **values: Any) -> None:
    body = {"value": {"host": "127.0.0.1", "sender": "orvanta@example.org", "tls": "none", **values}}
    answer = await api.client.post(f"/api/settings/global/{SMTP.name}", json=body)
    assert answer.status_code == status, answer.text
    api.platform.instance._cache.clear()


def text_of(box: Mailbox) -> str:
    mail = box.mails[-1]
    assert (mail["To"], mail["From"]) == (EMAIL, "orvanta@example.org")
    return str(mail.get_payload(decode=True).decode())


async def test_links_and_invitations_are_mailed(api: ApiHarness, mail: tuple[Mailbox, int]) -> None:
    box, port = mail
    account = {"email": EMAIL, "username": "ada", "link": True}
    await set_server(api, port=port, networks=["127.0.0.0/8"])
    invited = await api.client.post(f"{W}/workspaces/invite_user", json={"email": EMAIL, "role": "viewer"})
    assert invited.text == f"Invited {EMAIL}, who has no account yet, to the workspace main."
    assert box.mails == [], "its owner could not use the mail"
    created = await api.client.post("/api/users/create", json=account)
    assert (created.status_code, created.text) == (201, f"Created the account {EMAIL}.")
    link = next(line for line in text_of(box).splitlines() if "/first_password#" in line)
    assert f"admin (admin@localhost) created the account {EMAIL}" in text_of(box) and "in Orvanta" in text_of(box)
    assert "After that, you can join the workspace main, to which you are invited." in text_of(box)
    provider = {"label": "Corp", "issuer": "https://idp.example.org", "client_id": "orvanta"}
    await api.client.post("/api/settings/global/oidc_providers", json={"value": {"corp": provider}})
    api.platform.instance._cache.clear()
    await api.client.post(f"{W}/workspaces/invite_user", json={"email": "bea@example.org", "role": "viewer"})
    text = str(box.mails[-1].get_payload(decode=True))
    assert "Log in with Corp and the address bea@example.org, which creates your account." in text
    body = {"token": link.partition("#")[2], "password": "correct horse"}
    ada = client_of(api.app, (await api.client.post("/api/auth/first_password", json=body)).text)
    assert (await ada.get("/api/users/email")).text == EMAIL
    assert [each["workspace_id"] for each in (await ada.get("/api/users/list_invites")).json()] == ["main"]
    reset = await api.client.post(f"/api/users/reset_password/{EMAIL}")
    assert reset.text == f"Sent a link to {EMAIL}." and "/first_password#" in text_of(box)
    invited = await api.client.post(f"{W}/workspaces/invite_user", json={"email": EMAIL, "role": "viewer"})
    assert invited.text.endswith("by mail.") and "admin (admin@localhost) invites you" in text_of(box)
    assert "/account\r\n" in text_of(box) and len(box.mails) == 4
    # Texts that would be a group, a list or a name in the header of a mail are not accepted as addresses.
    for wrong in ("a:;@b.co", "a,b@c.co", "<a@b.co", "a(x)@b.co"):
        body = {"email": wrong, "role": "viewer"}
        assert (await api.client.post(f"{W}/workspaces/invite_user", json=body)).status_code == 400, wrong


async def test_address_of_unusable_account_is_not_invited(api: ApiHarness) -> None:
    for email in (EMAIL, "bea@example.org"):
        await api.client.post("/api/users/create", json={"email": email})
    await api.client.post(f"/api/users/disable/{EMAIL}")
    await api.client.delete("/api/users/delete/bea@example.org")
    for email, state in ((EMAIL, "is disabled"), ("bea@example.org", "was deleted")):
        refused = await api.client.post(f"{W}/workspaces/invite_user", json={"email": email, "role": "viewer"})
        assert refused.status_code == 409 and f"The account {email} {state}." in refused.text
    assert (await api.client.get(f"{W}/workspaces/list_pending_invites")).json() == []


async def test_invitations_are_limited_by_inviter_and_address(api: ApiHarness, mail: tuple[Mailbox, int]) -> None:
    box, port = mail
    await set_server(api, port=port, networks=["127.0.0.0/8"])
    for email in (EMAIL, "bob@example.org", "eve@example.org"):
        await api.client.post("/api/users/create", json={"email": email})

    async def invited(email: str = EMAIL) -> tuple[int, bool]:
        """Invite an address; return the status and true if a mail was sent."""
        answer = await api.client.post(f"{W}/workspaces/invite_user", json={"email": email, "role": "viewer"})
        return answer.status_code, answer.text.endswith("by mail.")

    assert [await invited() for _ in range(5)] == [(200, True)] * 3 + [(200, False)] * 2
    assert len(box.mails) == 3
    assert await invited("bob@example.org") == (200, True)
    query = "UPDATE login_failure SET count = $1, last_at = app_now() WHERE key LIKE 'inviter:%'"
    async with api.platform.db.acquire() as conn:
        await conn.execute(query, invitation_limits.FREE_OF_INVITER + 9)
        assert await invited("eve@example.org") == (429, False)
        invitations = (await api.client.get(f"{W}/workspaces/list_pending_invites")).json()
        assert {each["email"] for each in invitations} == {EMAIL, "bob@example.org"}
        await conn.execute("UPDATE login_failure SET last_at = app_now() - interval '2 hours'")
    assert await invited("eve@example.org") == (200, True)
    assert await invited() == (200, True)


async def test_refused_addresses_are_limited_like_invitations(api: ApiHarness) -> None:
    """An admin of a workspace cannot find out which of many addresses have an account; superadmins list them anyway."""
    for email in (EMAIL, "off@example.org"):
        await api.client.post("/api/users/create", json={"email": email})
    await api.client.post("/api/users/disable/off@example.org")
    bea = await api.member("bea", Role.ADMIN)

    async def statuses(client: httpx.AsyncClient) -> list[int]:
        """Return the statuses of calls that add and invite addresses of which nobody becomes a member."""
        calls = (("add_user", "nobody"), ("add_user", "off"), ("invite_user", "off"))
        bodies = [(call, {"email": f"{name}@example.org", "role": "viewer"}) for call, name in calls]
        return [(await client.post(f"{W}/workspaces/{call}", json=body)).status_code for call, body in bodies]

    assert await statuses(bea) == [404, 409, 409]
    added = await bea.post(f"{W}/workspaces/add_user", json={"email": EMAIL, "role": "viewer"})
    assert added.status_code == 200, added.text
    # An accepted call does not count. The delay of the earlier ones is over, so that one more call is possible.
    query = "UPDATE login_failure SET count = count + $1, last_at = app_now() - interval '30 minutes' WHERE count = 3"
    async with api.platform.db.acquire() as conn:
        await conn.execute(query, invitation_limits.FREE_OF_INVITER + 9)
    assert await statuses(bea) == [404, 429, 429]
    assert await statuses(api.client) == [404, 409, 409]


async def test_link_is_shown_if_no_mail_can_be_sent(api: ApiHarness, mail: tuple[Mailbox, int]) -> None:
    box, port = mail
    await set_server(api, port=port)  # an address of a private network
    account = {"email": EMAIL, "username": "ada", "link": True}
    assert "/first_password#" in (await api.client.post("/api/users/create", json=account)).text
    await set_server(api, port=1, networks=["127.0.0.0/8"])
    assert "/first_password#" in (await api.client.post(f"/api/users/reset_password/{EMAIL}")).text
    assert box.mails == []


@pytest.mark.parametrize("wrong", [{"tls": "maybe"}, {"port": 0}, {"networks": ["x"]}, {"host": ""}, {"more": 1}])
async def test_wrong_server_is_refused(api: ApiHarness, wrong: dict[str, Any]) -> None:
    await set_server(api, 400, **wrong)


async def test_password_is_not_sent_to_another_server(api: ApiHarness) -> None:
    await set_server(api, password="secret")
    shown = (await api.client.get(f"/api/settings/global/{SMTP.name}")).text
    assert '"***"' in shown and "secret" not in shown.replace("secrets", "")
    await set_server(api, 400, host="mail.example.org", password="***")
    await set_server(api, sender="it@example.org", password="***")


async def test_mail_server_is_tested_before_it_is_stored(api: ApiHarness, mail: tuple[Mailbox, int]) -> None:
    """The answer has the reply of the server; the stored password is sent to no other server."""
    box, port = mail
    server = {"host": "127.0.0.1", "port": port, "sender": "orvanta@example.org", "tls": "none"}
    allowed: dict[str, Any] = {**server, "networks": ["127.0.0.0/8"]}

    async def tested(smtp: Any = None, to: str = EMAIL, status: int = 200) -> Any:
        answer = await api.client.post("/api/settings/test_smtp", json={"to": to, "smtp": smtp})
        assert answer.status_code == status, answer.text
        return answer.json()

    await tested(status=400)
    await tested(allowed, "a:;@b.co", 400)
    assert (await tested(allowed))["message"] == "The mail server accepted the mail: 250 OK."
    assert text_of(box).startswith("admin tests the mail server 127.0.0.1 of Orvanta")
    refused = await tested(server)
    assert not refused["success"] and "ORVANTA_ALLOWED_NETWORKS and of `networks`" in refused["message"]
    login = await tested({**allowed, "user": "u", "password": "swordfish"})
    assert not login["success"] and "swordfish" not in login["message"], login
    await set_server(api, **{**allowed, "user": "u", "password": "swordfish"})
    await tested({**allowed, "user": "u", "password": "***", "port": port + 1}, status=400)
    assert not (await tested())["success"], "the stored server is one with a login, which it does not offer"
    assert len(box.mails) == 1
    bea = await api.member("bea", Role.ADMIN)
    assert (await bea.post("/api/settings/test_smtp", json={"to": EMAIL, "smtp": allowed})).status_code == 403
    rows = (await api.client.get("/api/audit/list", params={"operation": "settings.test"})).json()
    assert rows[-1]["parameters"] == {"to": EMAIL, "host": "127.0.0.1", "success": True}
