"""Routes of the members of a workspace, of invitations, and of items that act for former members."""

from __future__ import annotations

from litestar import Response, delete, get, post
from litestar.params import FromPath

from orvanta_platform.control.actor import Role
from orvanta_platform.errors import BadRequest
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import (
    AnyRequest,
    actor_of,
    body_of,
    cancels_runs_of,
    item_path,
    page_of,
    platform_of,
)
from orvanta_platform.http.schemas import accounts, people
from orvanta_platform.services.access import departures, members
from orvanta_platform.services.access.members import MemberChange
from orvanta_platform.services.triggers import ownership, transfers

_W = "/api/w/{workspace:str}"


@post(f"{_W}/workspaces/add_user", status_code=200, opt=call(body=accounts.AddUser))
async def add_user(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Add an account to the workspace. Admins only."""
    body = await body_of(request, accounts.AddUser)
    username = await members.add(
        platform_of(request),
        actor_of(request),
        workspace,
        email=body.email,
        username=body.username or None,
        role=_role_of(body),
    )
    return answers.text(f"Added {username} to the workspace {workspace}.")


@post(f"{_W}/users/update/{{username:str}}", status_code=200, opt=call(body=people.UpdateMember, query=("runs",)))
async def update_member(request: AnyRequest, workspace: FromPath[str], username: FromPath[str]) -> Response[bytes]:
    """Change the role of a member, or disable or enable it. Admins only.

    Disabling stops what acts for the member. `runs`: `continue` (default) or `cancel`.
    """
    body = await body_of(request, people.UpdateMember)
    role = members.role_of(body.role, is_admin=body.is_admin, operator=body.operator)
    change = MemberChange(role, body.disabled)
    cancel = cancels_runs_of(request)
    await members.update(platform_of(request), actor_of(request), workspace, username, change, cancel_runs=cancel)
    return answers.text(f"Updated {username}.")


@delete(f"{_W}/users/delete/{{username:str}}", status_code=200, opt=call(query=("runs",)))
async def remove_member(request: AnyRequest, workspace: FromPath[str], username: FromPath[str]) -> Response[bytes]:
    """Remove a member, and stop what acts for it. What it wrote remains. Admins only.

    `runs`: `continue` (default) or `cancel`.
    """
    cancel = cancels_runs_of(request)
    await members.remove(platform_of(request), actor_of(request), workspace, username, cancel_runs=cancel)
    return answers.text(f"Removed {username} from the workspace {workspace}.")


@get(f"{_W}/users/departure/{{username:str}}", opt=call(answer=people.Departure))
async def preview_member_departure(
    request: AnyRequest, workspace: FromPath[str], username: FromPath[str]
) -> Response[bytes]:
    """List what stops when a member is disabled or removed. Admins only."""
    found = await departures.preview_member(platform_of(request), actor_of(request), workspace, username)
    return answers.json(people.departure(found))


@get(f"{_W}/users/is_owner/{{path:path}}", opt=call(answer=bool))
async def is_owner_of_path(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Check whether the caller owns a path: below its own `u/…`, or in a folder that it owns."""
    owned = await members.is_owner(platform_of(request), actor_of(request), workspace, item_path(path))
    return answers.json(owned)


@post(f"{_W}/workspaces/invite_user", status_code=200, opt=call(body=accounts.InviteUser))
async def invite_user(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Invite an address, whose account need not exist yet, to join the workspace. Admins only.

    The text of the response ends in "by mail." if a mail was sent to the address, and contains "who has no account yet"
    if it belongs to no account. Such an address gets a mail only if a provider of single sign-on creates the account at
    the first login; otherwise a superadmin creates the account, whose owner then gets a mail and can join.
    """
    body = await body_of(request, accounts.InviteUser)
    platform, actor = platform_of(request), actor_of(request)
    sent = await members.invite(platform, actor, workspace, email=body.email, role=_role_of(body))
    by_mail = " by mail" if sent.mailed else ""
    without = "" if sent.has_account else ", who has no account yet,"
    return answers.text(f"Invited {body.email}{without} to the workspace {workspace}{by_mail}.")


@post(f"{_W}/workspaces/delete_invite", status_code=200, opt=call(body=people.WithdrawInvitation))
async def delete_invite(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Withdraw an invitation. Admins only."""
    body = await body_of(request, people.WithdrawInvitation)
    await members.withdraw_invitation(platform_of(request), actor_of(request), workspace, body.email)
    return answers.text(f"Withdrew the invitation of {body.email}.")


@get(f"{_W}/workspaces/list_pending_invites", opt=call(answer=list[people.Invitation]))
async def list_pending_invites(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the invitations of the workspace. Admins only."""
    rows = await members.list_invitations(platform_of(request), actor_of(request), workspace)
    return answers.json([people.invitation(row) for row in rows])


@get("/api/users/list_invites", opt=call(answer=list[people.Invitation]))
async def list_own_invites(request: AnyRequest) -> Response[bytes]:
    """List the invitations of the caller."""
    rows = await members.list_own_invitations(platform_of(request), actor_of(request))
    return answers.json([people.invitation(row) for row in rows])


@post("/api/users/accept_invite", status_code=200, opt=call(body=people.AcceptInvitation))
async def accept_invite(request: AnyRequest) -> Response[bytes]:
    """Join a workspace that the caller is invited to."""
    body = await body_of(request, people.AcceptInvitation)
    username = await members.accept_invitation(
        platform_of(request), actor_of(request), body.workspace_id, body.username or None
    )
    return answers.text(f"You are {username} in the workspace {body.workspace_id}.")


@post("/api/users/decline_invite", status_code=200, opt=call(body=people.DeclineInvitation))
async def decline_invite(request: AnyRequest) -> Response[bytes]:
    """Decline an invitation of the caller."""
    body = await body_of(request, people.DeclineInvitation)
    await members.decline_invitation(platform_of(request), actor_of(request), body.workspace_id)
    return answers.text("Declined the invitation.")


@get(f"{_W}/ownership/list", opt=call(answer=list[people.OwnerlessItem], query=("per_page", "after")))
async def list_ownerless(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the items that act for members who were disabled or removed, by kind and path. Admins only.

    `after` is `<kind>:<path>` of the last item of the page before.
    """
    page = page_of(request)
    kind, colon, path = (page.after or ":").partition(":")
    if not colon:
        raise BadRequest("after must be <kind>:<path>.")
    rows = await ownership.list_ownerless(
        platform_of(request), actor_of(request), workspace, after=(kind, path), limit=page.limit
    )
    return answers.json([people.ownerless(row) for row in rows])


@post(f"{_W}/ownership/assign", status_code=200, opt=call(body=people.AssignOwner))
async def assign_owner(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Assign an item that acts for a member to another owner, for whom it acts from now on. Admins only."""
    body = await body_of(request, people.AssignOwner)
    await ownership.assign(
        platform_of(request),
        actor_of(request),
        workspace,
        body.kind,
        body.path,
        body.owner,
        enable=body.enable,
        references=body.references,
    )
    return answers.text(f"{body.path} acts for {body.owner}.")


@post(f"{_W}/ownership/transfer", status_code=200, opt=call(body=people.TransferItems, answer=people.Transfer))
async def transfer_items(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Move the items at `u/<username>/…` to another member or a folder, with the references to them. Admins only.

    Items that cannot be moved remain, and are listed with the reason. With `owner`, the items in `assigned` are
    assigned as well, as by `assign`; nothing is changed if that is refused.
    """
    body = await body_of(request, people.TransferItems)
    work = transfers.plan if body.dry_run else transfers.apply
    items = [(each.kind, each.path) for each in body.assigned]
    successor = None if body.owner is None else transfers.Successor(body.owner, items, body.references)
    done = await work(platform_of(request), actor_of(request), workspace, body.username, body.target, successor)
    return answers.json(people.transfer(done))


def _role_of(body: accounts.InviteUser) -> Role:
    """Return the role of a new member, by default developer. Raises BadRequest."""
    return members.role_of(body.role, is_admin=body.is_admin, operator=body.operator) or Role.DEVELOPER


ROUTES = [
    add_user,
    update_member,
    remove_member,
    preview_member_departure,
    is_owner_of_path,
    invite_user,
    delete_invite,
    list_pending_invites,
    list_own_invites,
    accept_invite,
    decline_invite,
    list_ownerless,
    assign_owner,
    transfer_items,
]
