"""Schemas of logins, tokens, users, workspaces and folders."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.control import names
from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.db.accounts import AccountRow
from orvanta_platform.db.folders import FolderRow
from orvanta_platform.db.tokens import TokenRow
from orvanta_platform.db.workspaces import WorkspaceRow
from orvanta_platform.services.access.users import Member


class Login(msgspec.Struct):
    """E-mail address and password."""

    email: str
    password: str
    code: str | None = None
    """Code of the authenticator, or a recovery code; required after the error `second_factor_required`."""


class FirstPassword(msgspec.Struct):
    """The token of the one-time link, and the password to set."""

    token: str
    password: str


class CreateToken(msgspec.Struct):
    """A token to create."""

    label: str | None = None
    expiration: datetime | None = None
    """Time of expiry; null for the maximum lifetime of tokens, or for none if there is no maximum."""
    scopes: list[str] | None = None
    workspace_id: str | None = None


class WorkspaceColor(msgspec.Struct):
    """A color of a workspace."""

    color: str | None = None
    """#rrggbb; null or empty: none."""


class WorkspaceName(msgspec.Struct):
    """A display name."""

    new_name: str

    base: str | UnsetType = UNSET
    """Value that the change is based on: 409 if the stored one differs. Absent: any."""


class CreateUser(msgspec.Struct):
    """An account to create."""

    email: str
    password: str | None = None
    super_admin: bool = False
    devops: bool = False
    name: str | None = None
    username: str | None = None
    link: bool = False
    """Mail a one-time link, by which the password is set, to the owner, or return it if no mail was sent."""


class CreateWorkspace(msgspec.Struct):
    """A workspace to create."""

    id: str
    name: str | None = None
    username: str | None = None
    """Username of the caller in the workspace."""
    color: str | None = None


class Impersonate(msgspec.Struct):
    """A member to act as."""

    workspace_id: str
    username: str
    reason: str
    minutes: int = 30
    """Minutes after which the session ends, 1 to 60."""


class WorkspaceId(msgspec.Struct):
    """The id of a workspace."""

    id: str


class WorkspaceUsername(msgspec.Struct):
    """A username in a workspace."""

    id: str
    username: str


class InviteUser(msgspec.Struct):
    """An address to invite."""

    email: str
    is_admin: bool = False
    operator: bool = False
    role: Role | None = None
    """Role of the member. It takes precedence over `is_admin` and `operator`; the default is developer."""


class AddUser(InviteUser, kw_only=True):
    """A member to add."""

    username: str | None = None


class SecretsReadable(msgspec.Struct):
    """Permission of developers to read secrets by API."""

    secrets_readable: bool

    base: bool | UnsetType = UNSET
    """Value that the change is based on: 409 if the stored one differs. Absent: any."""


class SetErrorHandler(msgspec.Struct, kw_only=True):
    """Script or workflow that runs after each failed run."""

    path: str
    """`flow/<path>` or `script/<path>`."""

    muted_on_cancel: bool = True
    """True: it does not run after cancelled runs."""

    muted_on_user_path: bool = False


class WorkspaceSettings(msgspec.Struct):
    """The settings of a workspace."""

    workspace_id: str
    secrets_readable: bool
    retention_days: int | None
    search_run_data: bool
    token_max_age_days: int | None
    """Maximum lifetime of new tokens in days; null for no limit other than that of the instance."""

    color: str | UnsetType = UNSET
    """Absent: none."""

    error_handler: SetErrorHandler | UnsetType = UNSET
    """Absent if there is none, or if the caller may not read its script or workflow."""

    error_handler_runs_as: str | None = None
    """Admin who set it and as whom it runs."""

    error_handler_error: str | None = None
    """Reason for which it could not start for the last failed run, or was disabled."""

    archived: bool = False
    """The workspace can only be read, and starts no runs."""

    webhook: str | UnsetType = UNSET
    """URL that receives the changes of items. Absent if there is none, or if the caller is not an admin."""

    webhook_error: str | UnsetType = UNSET
    """Reason why the last change was not sent."""


class Entitlements(msgspec.Struct):
    """Limits of a licence. There are none."""

    limits: dict[str, int] = {}
    licence_mode: Literal["instance", "managed", "not_loaded"] = "not_loaded"
    scope: Literal["instance", "workspace"] = "instance"


class Features(msgspec.Struct):
    """Features that a licence enables. There are none: nothing needs a licence."""

    keys: list[str] = []
    beta: bool = False


class WsSpecificItem(msgspec.Struct):
    """A variable or resource whose value is meant for this workspace only."""

    item_kind: Literal["variable", "resource"]
    path: str


class EditWebhook(msgspec.Struct):
    """Webhook of the changes of items."""

    webhook: str | None = None
    """URL that receives them; null or empty: none."""


class ErrorHandler(msgspec.Struct):
    """Script or workflow that runs after each failed run."""

    error_handler: str | None = None
    """`flow/<path>` or `script/<path>`; null: none."""

    path: str | None = None
    """The same as `error_handler`."""

    base: str | UnsetType | None = UNSET
    """Error handler that the change is based on, null for none: 409 if the stored one differs. Absent: any."""


class SearchRunData(msgspec.Struct):
    """Setting that indexes the inputs and results of runs for search."""

    search_run_data: bool

    base: bool | UnsetType = UNSET
    """Value that the change is based on: 409 if the stored one differs. Absent: any."""


class Retention(msgspec.Struct):
    """Number of days for which runs are retained; null for the number of the instance."""

    retention_days: int | None

    base: int | UnsetType | None = UNSET
    """Value that the change is based on: 409 if the stored one differs. Absent: any."""


class TokenMaxAge(msgspec.Struct):
    """Maximum lifetime of new tokens in days; null for no limit other than that of the instance."""

    token_max_age_days: int | None

    base: int | UnsetType | None = UNSET
    """Value that the change is based on: 409 if the stored one differs. Absent: any."""


class CreateFolder(msgspec.Struct):
    """A folder to create. The caller becomes one of its owners."""

    name: str
    summary: str | None = None
    owners: list[str] = []
    extra_perms: dict[str, bool] = {}


class UpdateFolder(msgspec.Struct):
    """Changes of a folder."""

    summary: str | None = None
    owners: list[str] | None = None
    extra_perms: dict[str, bool] | None = None


class Owner(msgspec.Struct):
    """An owner of a folder."""

    owner: str
    """`u/<user>` or `g/<group>`."""

    write: bool | None = None
    """Access that remains after the removal: write (true), read (false) or none (null)."""


class User(msgspec.Struct, kw_only=True):
    """An account, as shown to its owner and to superadmins."""

    email: str
    login_type: Literal["password", "github"]
    """`password` for every account: clients know no other way, such as single sign-on."""

    service_account: bool
    """True for the account of a program, which cannot log in."""

    super_admin: bool
    verified: bool
    first_time_user: bool
    role_source: str
    disabled: bool
    devops: bool
    username: str
    operator_only: bool
    created_at: datetime
    deleted: bool
    totp: bool
    """True if logins with a password need a code as well."""

    impersonated_by: str | UnsetType = UNSET
    """Username of the admin who acts as the caller in this session."""

    name: str | UnsetType = UNSET


class WorkspaceUser(msgspec.Struct, kw_only=True):
    """A member of a workspace."""

    workspace_id: str
    email: str
    username: str
    is_admin: bool
    is_super_admin: bool
    created_at: datetime
    operator: bool
    disabled: bool
    account_disabled: bool
    """True if the account is disabled in the whole instance: the member cannot log in, and nothing acts for it."""

    service_account: bool
    """True for a program, which cannot log in. Its account is managed by `service_accounts/…`."""

    service_account_of: str | UnsetType = UNSET
    """Workspace that manages the service account, if it is another one."""

    role: str
    groups: list[str]
    folders: list[str]
    folders_owners: list[str]
    name: str | UnsetType = UNSET


class Token(msgspec.Struct, kw_only=True):
    """A token in a list."""

    token_prefix: str
    created_at: datetime
    last_used_at: datetime
    label: str | UnsetType = UNSET
    expiration: datetime | UnsetType = UNSET
    scopes: list[str] | UnsetType = UNSET
    workspace_id: str | UnsetType = UNSET
    last_address: str | UnsetType = UNSET
    """Address of the last recorded use."""


class Workspace(msgspec.Struct):
    """A workspace in a list."""

    id: str
    name: str
    owner: str


class UserWorkspace(msgspec.Struct):
    """A workspace, as shown to one of its members."""

    id: str
    name: str
    username: str
    color: str | None
    """Colour of the environment, if the workspace is one."""

    disabled: bool
    releases_only: bool
    """Scripts and workflows are changed by releases only: a rule of the environment."""


class UserWorkspaces(msgspec.Struct):
    """The workspaces of the caller."""

    email: str
    workspaces: list[UserWorkspace]


class Folder(msgspec.Struct, kw_only=True):
    """A folder."""

    name: str
    owners: list[str]
    extra_perms: dict[str, bool]
    """Users and groups that may read (false) or also write (true)."""

    created_by: str
    edited_at: datetime
    workspace_id: str
    summary: str | UnsetType = UNSET


class Health(msgspec.Struct, kw_only=True):
    """The health of the server."""

    status: str
    """`healthy` if the database is available, otherwise `unhealthy`."""

    database_healthy: bool
    checked_at: datetime
    workers_alive: int | UnsetType = UNSET


def user(row: AccountRow, impersonator: str | None = None) -> User:
    """Convert an account. `impersonator`: username of the admin who acts as it."""
    return User(
        email=row.email,
        login_type="password",
        service_account=row.login_type == "service",
        super_admin=row.super_admin,
        verified=row.verified,
        first_time_user=False,
        role_source="manual",
        disabled=row.disabled,
        devops=row.devops,
        username=row.username,
        operator_only=False,
        created_at=row.created_at,
        deleted=row.deleted_at is not None,
        totp=row.totp,
        impersonated_by=_optional(impersonator),
        name=_optional(row.name),
    )


def workspace_user(member: Member) -> WorkspaceUser:
    """Convert a member. `operator` is also true for viewers, which `role` distinguishes."""
    row = member.row
    return WorkspaceUser(
        workspace_id=row.workspace,
        email=row.email,
        username=row.username,
        is_admin=member.role is Role.ADMIN,
        is_super_admin=row.super_admin,
        created_at=row.created_at,
        operator=member.role in (Role.OPERATOR, Role.VIEWER),
        disabled=row.disabled,
        account_disabled=row.account_disabled,
        service_account=names.is_service_email(row.email),
        service_account_of=_optional(row.service_account_of),
        role=member.role,
        groups=sorted({*row.groups, "all"}),
        folders=sorted(member.folders.read),
        folders_owners=sorted(member.folders.own),
        name=_optional(row.name),
    )


def token(row: TokenRow) -> Token:
    """Convert a token."""
    return Token(
        token_prefix=row.prefix,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        label=_optional(row.label),
        expiration=UNSET if row.expires_at is None else row.expires_at,
        scopes=UNSET if row.scopes is None else row.scopes,
        workspace_id=_optional(row.workspace),
        last_address=row.last_address or UNSET,
    )


def user_workspaces(actor: Actor, rows: list[WorkspaceRow]) -> UserWorkspaces:
    """Convert the caller's workspaces, with its username in each."""
    found = [
        UserWorkspace(row.id, row.name, row.username or actor.username, row.color, row.disabled, row.releases_only)
        for row in rows
    ]
    return UserWorkspaces(actor.email, found)


def folder(workspace: str, row: FolderRow) -> Folder:
    """Convert a folder."""
    return Folder(
        name=row.name,
        owners=row.owners,
        extra_perms=row.extra_perms,
        created_by=row.created_by,
        edited_at=row.edited_at,
        workspace_id=workspace,
        summary=_optional(row.summary),
    )


def _optional(text: str | None) -> str | UnsetType:
    return UNSET if text is None else text
