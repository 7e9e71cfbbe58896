"""Settings of the instance that superadmins change while it runs, and their values.

`REGISTRY` is the table: each setting has a type, a default and a description. Values are read through a cache of at
most a second, so a change takes effect in every process within that time, without a notification that could be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec

from orvanta_platform import clock
from orvanta_platform.control import (
    alert_settings,
    identity_providers,
    mail_settings,
    names,
    queue_rules,
    release_signatures,
    secret_fields,
    secrets,
    worker_groups,
)
from orvanta_platform.control.alert_settings import Alerts
from orvanta_platform.control.identity_providers import ClaimGrant, IdentityProvider
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.control.mail_settings import MailSettings
from orvanta_platform.control.queue_rules import NO_RULES, QueueRules
from orvanta_platform.control.secrets import DataKey, SecretLocation, SecretUnreadable
from orvanta_platform.control.worker_groups import WorkerGroup
from orvanta_platform.db import data_keys, instance_settings
from orvanta_platform.db.instance_settings import SettingRow
from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.errors import BadRequest, NotFound
from orvanta_platform.settings import Settings

T = TypeVar("T")

KEY_WORKSPACE: Final = "admins"
"""Workspace whose data key seals secrets of settings; the first start of an instance creates it."""

_CACHE_S: Final = 1.0


class Setting(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One setting of the instance."""

    name: str
    kind: Any
    """Type that msgspec decodes the value to."""
    default: T
    text: str
    """Description, one sentence."""
    shown: str
    """Default as printed in the reference."""
    secrets: Mapping[str, Any] | None = None
    """JSON Schema that declares the secret fields of the value; None: it has none."""
    check: Callable[[T, T], None] | None = None
    """Checks a new value against the stored one, which has masks in place of the secrets that the new value replaces.
    Raises BadRequest.
    """
    has_variable: bool = False
    """True if the environment of a server can determine the value, as the field of Settings with this name."""

    @property
    def variable(self) -> str:
        """Name of the environment variable that takes precedence if `has_variable`."""
        return f"ORVANTA_{self.name.upper()}"


MIN_PASSWORD_LENGTH: Final[Setting[int]] = Setting(
    name="min_password_length",
    kind=Annotated[int, msgspec.Meta(ge=8, le=128)],
    default=8,
    shown="8",
    text="Minimum number of characters of a new password, 8 to 128. Existing passwords remain valid.",
)
TOKEN_MAX_AGE_DAYS: Final[Setting[int | None]] = Setting(
    name="token_max_age_days",
    kind=Annotated[int, msgspec.Meta(ge=1, le=3650)] | None,
    default=None,
    shown="unlimited",
    text="Maximum lifetime of a new API token in days, 1 to 3650. A token created without an expiry gets this one.",
    has_variable=True,
)
OIDC_PROVIDERS: Final[Setting[dict[str, IdentityProvider]]] = Setting(
    name="oidc_providers",
    kind=dict[str, IdentityProvider],
    default={},
    shown="none",
    text="OpenID providers of single sign-on by name, see docs/how-to/operate/single-sign-on.md.",
    secrets=identity_providers.SECRETS,
    check=identity_providers.check,
)
BREAK_GLASS_ACCOUNT: Final[Setting[str | None]] = Setting(
    name="break_glass_account",
    kind=str | None,
    default=None,
    shown="none",
    text="Address of the only superadmin who can log in with a password; without it, all accounts can.",
)
REQUIRE_TOTP: Final[Setting[bool]] = Setting(
    name="require_totp",
    kind=bool,
    default=False,
    shown="false",
    text="Require a code at each login with a password; accounts without an authenticator enrol at login.",
    has_variable=True,
)
SCIM_GRANTS: Final[Setting[list[ClaimGrant]]] = Setting(
    name="scim_grants",
    kind=list[ClaimGrant],
    default=[],
    shown="none",
    text="Memberships that groups of a SCIM client grant, see docs/how-to/operate/scim.md.",
    check=identity_providers.check_grants,
)
SMTP: Final[Setting[MailSettings | None]] = Setting(
    name="smtp",
    kind=MailSettings | None,
    default=None,
    shown="none",
    text="Mail server by which invitations, one-time links, alerts and mails about deployments are sent, see "
    "docs/how-to/operate/people.md, alerts.md and promote.md.",
    secrets=mail_settings.SECRETS,
    check=mail_settings.check,
)

AUDIT_RETENTION_DAYS: Final[Setting[int | None]] = Setting(
    name="audit_retention_days",
    kind=Annotated[int, msgspec.Meta(ge=30, le=36500)] | None,
    default=None,
    shown="forever",
    text="Days that audit rows are retained, 30 to 36500. A checkpoint of the chain remains of deleted rows.",
    has_variable=True,
)

ALERTS: Final[Setting[Alerts]] = Setting(
    name="alerts",
    kind=Alerts,
    default=Alerts(),
    shown="no channels",
    text="Conditions of alerts, and where they are sent, see docs/how-to/operate/alerts.md.",
    secrets=alert_settings.SECRETS,
    check=alert_settings.check,
)

WORKER_GROUPS: Final[Setting[dict[str, WorkerGroup]]] = Setting(
    name="worker_groups",
    kind=dict[str, WorkerGroup],
    default={},
    shown="none",
    text="Queues, slots and environment variables of worker groups by name, see docs/how-to/operate/workers.md.",
    check=worker_groups.check,
)

TRUSTED_RELEASE_KEYS: Final[Setting[dict[str, str]]] = Setting(
    name="trusted_release_keys",
    kind=dict[str, str],
    default={},
    shown="none",
    text="Public keys, by name, of the instances whose releases may be imported, see docs/how-to/operate/promote.md.",
    check=release_signatures.check_trusted,
)

ALL_WORKSPACES: Final = "*"
"""Name of the workspaces that `default_tags` does not name."""


def _check_default_tags(new: Mapping[str, str], _before: Mapping[str, str]) -> None:
    for workspace, tag in new.items():
        if workspace != ALL_WORKSPACES:
            names.check_name("workspace", workspace)
        if "$args[" in tag:
            raise BadRequest(
                f"{tag[:100]} cannot be a default queue.",
                hint="Name a queue; `$workspace` in it is replaced by the id of the workspace.",
            )


DEFAULT_TAGS: Final[Setting[dict[str, str]]] = Setting(
    name="default_tags",
    kind=Annotated[dict[str, worker_groups.Queue], msgspec.Meta(max_length=1000)],
    default={},
    shown="none",
    text="Queues of runs whose call, script or workflow names none, by workspace; `*` stands for the other workspaces. "
    "See docs/how-to/operate/workers.md.",
    check=_check_default_tags,
    has_variable=True,
)
QUEUE_RULES: Final[Setting[QueueRules]] = Setting(
    name="queue_rules",
    kind=QueueRules,
    default=NO_RULES,
    shown="none",
    text="Queues that are reserved for workspaces, and the only queues that a workspace may use, see "
    "docs/how-to/operate/workers.md.",
    check=queue_rules.check,
)
BRANDING_COLOR: Final[Setting[str | None]] = Setting(
    name="branding_color",
    kind=Annotated[str, msgspec.Meta(pattern="^#[0-9a-fA-F]{6}$", extra_json_schema={"format": "color"})] | None,
    default=None,
    shown="none",
    text="Colour of the line above the login and the pages of workspaces without a colour, such as #4f46e5.",
    has_variable=True,
)

REGISTRY: Final[Mapping[str, Setting[Any]]] = MappingProxyType(
    {
        each.name: each
        for each in (
            MIN_PASSWORD_LENGTH,
            TOKEN_MAX_AGE_DAYS,
            OIDC_PROVIDERS,
            BREAK_GLASS_ACCOUNT,
            REQUIRE_TOTP,
            SCIM_GRANTS,
            AUDIT_RETENTION_DAYS,
            ALERTS,
            SMTP,
            WORKER_GROUPS,
            TRUSTED_RELEASE_KEYS,
            DEFAULT_TAGS,
            QUEUE_RULES,
            BRANDING_COLOR,
        )
    }
)


class InstanceSettings:
    """Values of the settings in one process."""

    def __init__(self, db: Database, keys: InstanceKeys, settings: Settings) -> None:
        self._db = db
        self._keys = keys
        self._settings = settings
        self._cache: dict[str, tuple[float, Any]] = {}

    async def get(self, setting: Setting[T]) -> T:
        """Return the value of a setting: that of the environment, or the stored one, read at most a second ago.

        Raises SecretUnreadable.
        """
        chosen = from_environment(self._settings, setting)
        if chosen is not None:
            return chosen
        until, value = self._cache.get(setting.name, (0.0, None))
        now = clock.monotonic()
        if now >= until:
            async with self._db.acquire() as conn:
                value = await read(conn, self._keys, setting)
            self._cache[setting.name] = (now + _CACHE_S, value)
        found: T = value
        return found

    async def refresh(self, conn: Connection, *chosen: Setting[Any]) -> None:
        """Read several settings without secrets with one statement; `get` then returns these values for a second."""
        rows = await instance_settings.list_named(conn, [setting.name for setting in chosen])
        until = clock.monotonic() + _CACHE_S
        for setting in chosen:
            row = rows.get(setting.name)
            self._cache[setting.name] = (until, setting.default if row is None else decode(setting, row, {}))


def find(name: str) -> Setting[Any]:
    """Return the setting with this name. Raises NotFound."""
    setting = REGISTRY.get(name)
    if setting is None:
        raise NotFound(f"There is no setting {name[:100]}.", hint=f"The settings are {', '.join(sorted(REGISTRY))}.")
    return setting


def from_environment(settings: Settings, setting: Setting[T]) -> T | None:
    """Return the value that the environment of this process determines; None: it determines none."""
    value = getattr(settings, setting.name) if setting.has_variable else None
    if value is None:
        return None
    plain = dict(pair.split("=", 1) for pair in value) if isinstance(value, tuple) else value
    found: T = msgspec.convert(plain, setting.kind, strict=False)
    return found


async def read_plain(conn: Connection, setting: Setting[T]) -> T:
    """Return the stored value of a setting that has no secrets, otherwise its default."""
    row = await instance_settings.get(conn, setting.name)
    return setting.default if row is None else decode(setting, row, {})


async def read(conn: Connection, keys: InstanceKeys, setting: Setting[T]) -> T:
    """Return the stored value of a setting with its secrets, otherwise its default. Raises SecretUnreadable."""
    row = await instance_settings.get(conn, setting.name)
    return setting.default if row is None else decode(setting, row, await unsealed(conn, keys, row))


def decode(setting: Setting[T], row: SettingRow, secret: Mapping[str, bytes]) -> T:
    """Return the value of a row with these secrets."""
    value: T = msgspec.json.decode(secret_fields.restore(row.value.encode(), secret), type=setting.kind)
    return value


async def unsealed(conn: Connection, keys: InstanceKeys, row: SettingRow) -> dict[str, bytes]:
    """Return the secrets of a row in clear, by JSON pointer. Raises SecretUnreadable."""
    if row.sealed is None or row.key_version is None:
        return {}
    wrapped = await data_keys.get(conn, KEY_WORKSPACE, row.key_version)
    if wrapped is None:
        raise SecretUnreadable(f"The key of the setting {row.name} is missing.", hint="Set it again.")
    key = secrets.unwrap(keys, KEY_WORKSPACE, wrapped)
    body = secrets.unseal(key, _location(row.name), row.sealed)
    return {pointer: bytes(raw) for pointer, raw in msgspec.json.decode(body, type=dict[str, msgspec.Raw]).items()}


def seal(key: DataKey, name: str, secret: Mapping[str, bytes]) -> bytes:
    """Return the ciphertext of secrets, which can be decrypted only for this setting."""
    body = msgspec.json.encode({pointer: msgspec.Raw(raw) for pointer, raw in secret.items()})
    return secrets.seal(key, _location(name), body)


def parse(setting: Setting[T], value: bytes) -> T:
    """Return a new value in its type. Raises BadRequest, without the value in the message."""
    try:
        parsed: T = msgspec.json.decode(value, type=setting.kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The value of {setting.name} is not valid: {str(error)[:300]}.", hint=setting.text) from error
    return parsed


def reference() -> list[str]:
    """Return the lines of the section on these settings of docs/reference/settings.md."""
    lines = [
        "## Settings of the instance",
        "",
        "Superadmins change these while the platform runs, with `orvanta admin settings` or the calls",
        "`/api/settings/global/{name}`. A change takes effect in every server within a second. Values are JSON;",
        "secret fields are write-only and are shown as `***`, which leaves them unchanged when it is sent back.",
        "If the environment of a server has the variable of a setting, its value takes precedence there, and the",
        "setting cannot be changed.",
        "",
        "| name | default | variable | meaning |",
        "|---|---|---|---|",
    ]
    return [*lines, *map(_reference_row, REGISTRY.values())]


def _reference_row(setting: Setting[Any]) -> str:
    variable = f"`{setting.variable}`" if setting.has_variable else ""
    return f"| `{setting.name}` | {setting.shown} | {variable} | {setting.text} |"


def _location(name: str) -> SecretLocation:
    return SecretLocation(KEY_WORKSPACE, "setting", name)
