"""Changes of the settings of the instance by superadmins, and on the command line of the machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import structs

from orvanta_platform.control import audit, instance_settings, secret_fields, secrets
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import BREAK_GLASS_ACCOUNT, KEY_WORKSPACE, REGISTRY, Setting
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.control.process_settings import EnvironmentSetting, describe
from orvanta_platform.control.secrets import DataKey
from orvanta_platform.db import accounts
from orvanta_platform.db import instance_settings as rows
from orvanta_platform.db.instance_settings import SettingRow
from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.errors import BadRequest, SetByEnvironment, VersionConflict
from orvanta_platform.settings import Settings

_INSTANCE = Target(None, "instance")
_MAX_BYTES = 100_000


class ShownSetting(msgspec.Struct, frozen=True):
    """A setting as superadmins see it."""

    name: str
    value: Any
    """Effective value, with masks in place of secrets."""
    default: Any
    description: str
    schema: dict[str, Any]
    """JSON Schema of the value."""
    version: str
    """Digest of the stored value, secrets included, which a change can be based on."""
    updated_at: datetime | None = None
    """None: the default applies."""
    updated_by: str | None = None
    variable: str | None = None
    """Environment variable that determines the value on this server; None: the stored value applies."""


def list_environment(settings: Settings, actor: Actor) -> list[EnvironmentSetting]:
    """Return the settings of this server that its environment determines. Raises Forbidden."""
    require(actor, "read_settings", _INSTANCE)
    return describe(settings)


async def list_all(db: Database, settings: Settings, actor: Actor) -> list[ShownSetting]:
    """Return all settings by name. Raises Forbidden."""
    require(actor, "read_settings", _INSTANCE)
    async with db.acquire() as conn:
        stored = await rows.list_all(conn)
    return [_effective(settings, REGISTRY[name], stored.get(name)) for name in sorted(REGISTRY)]


async def get(db: Database, settings: Settings, actor: Actor, name: str) -> ShownSetting:
    """Return one setting. Raises Forbidden, NotFound."""
    require(actor, "read_settings", _INSTANCE)
    setting = instance_settings.find(name)
    async with db.acquire() as conn:
        return _effective(settings, setting, await rows.get(conn, name))


async def change(
    db: Database,
    settings: Settings,
    keys: InstanceKeys,
    actor: Actor,
    name: str,
    value: Any,
    base_version: str | None = None,
) -> None:
    """Set a setting; None: return it to its default. A mask leaves the secret at its place unchanged.

    `base_version`: the version that the change is based on; None: any. Raises Forbidden, also for tokens with limits,
    NotFound, BadRequest for an invalid value, VersionConflict if the setting has another version, SetByEnvironment if
    the environment of this process determines it.
    """
    await _change(db, settings, keys, actor, {name: value}, base_version)


async def apply(
    db: Database, settings: Settings, keys: InstanceKeys, actor: Actor, values: Mapping[str, Any]
) -> list[str]:
    """Set the named settings in one transaction, as `change` does, and return the names of those that changed.

    Settings that are not named keep their values. Raises what `change` raises; nothing is changed then.
    """
    return await _change(db, settings, keys, actor, values)


async def _change(
    db: Database,
    settings: Settings,
    keys: InstanceKeys,
    actor: Actor,
    values: Mapping[str, Any],
    base_version: str | None = None,
) -> list[str]:
    require(actor, "write_settings", _INSTANCE)
    refuse_limited(actor, "change settings")
    chosen = [(_changeable(settings, name), value) for name, value in values.items()]
    # The key must be committed before anything is sealed with it.
    sealing = any(setting.secrets is not None for setting, _ in chosen)
    key = await secrets.newest_key(db, keys, KEY_WORKSPACE) if sealing else None
    async with db.transaction() as conn:
        await rows.lock(conn)
        return [
            setting.name
            for setting, value in chosen
            if await _write(conn, keys, key, actor, setting, value, base_version)
        ]


def _changeable(settings: Settings, name: str) -> Setting[Any]:
    """Return a setting that the environment does not determine. Raises NotFound, SetByEnvironment."""
    setting = instance_settings.find(name)
    if instance_settings.from_environment(settings, setting) is not None:
        raise SetByEnvironment(
            f"The environment variable {setting.variable} determines {name}.",
            hint="Change the variable and restart the servers, or remove it.",
            details={"variable": setting.variable},
        )
    return setting


async def _write(
    conn: Connection,
    keys: InstanceKeys,
    key: DataKey | None,
    actor: Actor,
    setting: Setting[Any],
    value: Any,
    base_version: str | None,
) -> bool:
    """Store or delete the value of a setting, with its audit row. Return False if that would change nothing."""
    name, raw = setting.name, msgspec.json.encode(value)
    if len(raw) > _MAX_BYTES:
        raise BadRequest(f"The value of the setting {name} has more than {_MAX_BYTES} bytes.")
    row = await rows.get(conn, name)
    check_version(name, _version(row), base_version, _shown(setting, row).value, row.updated_by if row else None)
    if value is None:
        deleted = await rows.delete(conn, name)
        if deleted:
            await audit.record_instance(conn, actor, "settings.unset", "Delete", name)
        return deleted
    new = await _checked(conn, keys, setting, raw, row)
    if setting is BREAK_GLASS_ACCOUNT:
        await _check_break_glass(conn, new.value)
    if row is not None and new.value == new.before:
        return False
    sealed = instance_settings.seal(key, name, new.secret) if key is not None and new.secret else None
    version = None if key is None or sealed is None else key.version
    await rows.store(conn, name, new.shown.decode(), sealed, version, actor.username)
    parameters = {"value": msgspec.json.decode(new.shown)}
    await audit.record_instance(conn, actor, "settings.set", "Updated", name, parameters)
    return True


class _NewValue(msgspec.Struct, frozen=True):
    """A checked value of a setting."""

    value: Any
    before: Any
    """Stored value, with masks in place of the secrets that the new one replaces."""
    shown: bytes
    """JSON with masks in place of secrets."""
    secret: Mapping[str, bytes]
    """Secrets by JSON pointer."""


async def _checked(
    conn: Connection, keys: InstanceKeys, setting: Setting[Any], raw: bytes, row: SettingRow | None
) -> _NewValue:
    """Return a value with the stored secrets in place of its masks. Raises BadRequest."""
    stored = {} if row is None else await instance_settings.unsealed(conn, keys, row)
    # A secret that is sent again is new to the check: only one that a mask preserves must not go elsewhere.
    masked = {pointer: stored[pointer] for pointer in secret_fields.find_masks(raw, stored)}
    before = setting.default if row is None else instance_settings.decode(setting, row, masked)
    shown, secret = secret_fields.extract(raw, setting.secrets, stored)
    value = instance_settings.parse(setting, secret_fields.restore(shown, secret))
    if setting.check is not None:
        setting.check(value, before)
    return _NewValue(value, before, shown, secret)


async def complete(db: Database, keys: InstanceKeys, actor: Actor, setting: Setting[Any], value: Any) -> Any:
    """Return a value that is not stored yet, with the stored secrets in place of its masks, for a test of it.

    Raises Forbidden, also for tokens with limits, and BadRequest as `change` does.
    """
    require(actor, "write_settings", _INSTANCE)
    refuse_limited(actor, "test settings")
    async with db.acquire() as conn:
        row = await rows.get(conn, setting.name)
        return (await _checked(conn, keys, setting, msgspec.json.encode(value), row)).value


async def _check_break_glass(conn: Connection, email: str) -> None:
    """Refuse an account that could not log in, which would lock everybody out. Raises BadRequest.

    Changes of accounts are serialized, so that the account is not disabled at the same time.
    """
    await accounts.lock_roles(conn)
    account = await accounts.get(conn, email)
    if account is None or account.disabled or not account.super_admin or account.password_hash is None:
        raise BadRequest("The account must be an enabled superadmin with a password.")


def _version(row: SettingRow | None) -> str:
    return version_of(None) if row is None else version_of(row.value.encode() + b"\0" + (row.sealed or b""))


def version_of(stored: bytes | None) -> str:
    """Return the version of a stored value; None: the default applies."""
    return "default" if stored is None else hashlib.sha256(stored).hexdigest()[:16]


def check_version(name: str, newest: str, base: str | None, theirs: Any, author: str | None = None) -> None:
    """Check that a setting has the version `base`, which a change is based on; None: any. Raises VersionConflict."""
    if base is None or base == newest:
        return
    by = f" by {author}" if author else ""
    raise VersionConflict(
        f"The setting {name[:100]} was changed{by} meanwhile.",
        hint="Compare the two values, then send base_version with the newest version.",
        details={"name": name, "base": base[:100], "newest": newest, "theirs": theirs},
    )


def _effective(settings: Settings, setting: Setting[Any], row: SettingRow | None) -> ShownSetting:
    """Return a setting with the value of the environment, if that determines it."""
    stored = _shown(setting, row)
    chosen = instance_settings.from_environment(settings, setting)
    return stored if chosen is None else structs.replace(stored, value=chosen, variable=setting.variable)


def _shown(setting: Setting[Any], row: SettingRow | None) -> ShownSetting:
    default = msgspec.to_builtins(setting.default)
    schema = msgspec.json.schema(setting.kind)
    if row is None:
        return ShownSetting(setting.name, default, default, setting.text, schema, _version(None))
    value = msgspec.json.decode(row.value)
    return ShownSetting(
        setting.name, value, default, setting.text, schema, _version(row), row.updated_at, row.updated_by
    )
