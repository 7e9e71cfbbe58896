"""Values of variables and resources with all references in them resolved, as one actor may read them.

A reference is a whole JSON string, `$var:<path>` or `$res:<path>`, written without escapes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import msgspec

from orvanta_platform.control import names, scopes, secret_fields, secrets
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.control.masking import texts_of
from orvanta_platform.control.permissions import Target, can
from orvanta_platform.control.secrets import SecretLocation
from orvanta_platform.db import resources, variables
from orvanta_platform.db.data_keys import KeyRow
from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.db.resources import ResourceRow
from orvanta_platform.db.variables import VariableRow
from orvanta_platform.errors import BadRequest, Forbidden, InvalidInput, NotFound, TooLarge
from orvanta_platform.evaluate.raw import count_values, encode_string, members
from orvanta_platform.evaluate.transforms import object_text

Kind = Literal["variable", "resource"]
Reference: TypeAlias = tuple[Kind, str]
"""Kind and path of an item."""

STATE_TYPES = frozenset({"state", "cache"})
"""Resource types in which jobs, also those of operators, store state: references in their values are plain text."""

MAX_DEPTH = 20
"""Maximum length of a chain of resources that refer to one another."""

MAX_BYTES = 16 << 20
"""Maximum size, in bytes of JSON, of the values that replace the references of one value."""

MAX_VALUES = 500_000
"""Maximum number of values in an input that is searched for references, which happens in the event loop."""

MAX_ITEMS = 1_000
"""Maximum number of variables and resources that one value refers to, directly or through resources. Each is read by a
query of its own.
"""

REFERENCE = re.compile(rf"\$(?:var|res):(?=.{{1,{names.MAX_PATH_LENGTH}}}\Z){names.PATH}")
"""A string that refers to a variable or a resource."""

_REFERENCE = re.compile(rb'(?<!\\)"\$(var|res):([^"\\]*)"(?!\s*:)')


def is_reference(text: str) -> bool:
    """Return whether a string refers to a variable or a resource."""
    return REFERENCE.fullmatch(text) is not None


def may_refer(raw: bytes) -> bool:
    """Return whether JSON text may hold references; False is certain."""
    return b'"$var:' in raw or b'"$res:' in raw


def holds_references(raw: bytes) -> bool:
    """Return whether JSON text may hold references, including escaped ones; False is certain."""
    return b'"$' in raw or b"\\u00" in raw


def references(raw: bytes) -> list[Reference]:
    """Return the distinct references in the values of JSON text, as kind and path.

    Escapes are decoded: an expression that passes a string on writes it without escapes, so that a reference hidden by
    them would be resolved later. Raises InvalidInput for invalid JSON, TooLarge.
    """
    if not holds_references(raw):
        return []
    if count_values(raw) > MAX_VALUES:
        raise TooLarge(
            f"An input that may hold references has at most {MAX_VALUES} values.",
            hint="Send it without `$` at the start of strings, or as a file.",
            details={"limit": MAX_VALUES},
        )
    try:
        waiting = [msgspec.json.decode(raw)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"The input is not valid JSON: {error}.", details={"path": ""}) from error
    found: dict[Reference, None] = {}
    while waiting:
        match waiting.pop():
            case str() as text if is_reference(text):
                found["variable" if text.startswith("$var:") else "resource", text.partition(":")[2]] = None
            case list() as items:
                waiting += items
            case dict() as fields:
                waiting += fields.values()
    return list(found)


def reference_texts(found: Collection[Reference]) -> bytes:
    """Return references as JSON text, an array of strings."""
    return msgspec.json.encode([f"${'var' if kind == 'variable' else 'res'}:{path}" for kind, path in found])


def referring(raw: bytes) -> frozenset[str]:
    """Return the names of those members of a JSON object that hold references. Raises as `references`."""
    if not references(raw):
        return frozenset()
    return frozenset(name for name, each in members(raw).items() if references(bytes(each)))


def only(raw: bytes, names: Collection[str]) -> bytes:
    """Return a JSON object reduced to the members of these names, which may hold references."""
    if not names or not holds_references(raw):
        return b"{}"
    return object_text({name: bytes(each) for name, each in members(raw).items() if name in names})


def require_references(actor: Actor, raw: bytes) -> None:
    """Require that the scopes of the actor's token cover all references in JSON text: it cannot open others by a run.

    Permissions of the actor itself are checked when the references are resolved. Raises Forbidden, InvalidInput.
    """
    if actor.scopes is None:
        return
    for kind, path in references(raw):
        if not scopes.allow(actor.scopes, f"{kind}s:read", path):
            raise Forbidden(
                f"The token may not refer to the {kind} {path}.", hint=f"It needs the scope {kind}s:read:{path}."
            )


class Vault(Protocol):
    """Access to secrets: a database and the keys of the instance."""

    @property
    def db(self) -> Database: ...

    @property
    def keys(self) -> InstanceKeys: ...


class SecretIsWriteOnly(Forbidden):
    """A secret is available to jobs that may read it, but is not shown to people."""

    code = "secret_is_write_only"


class ReferenceLoop(BadRequest):
    """Resources refer to one another in a circle or in too long a chain."""

    code = "reference_loop"


@dataclass(frozen=True, slots=True)
class Secret:
    """An opened secret: its location and the texts to mask."""

    kind: Kind
    path: str
    texts: Sequence[str] = field(repr=False)


class Interpolation:
    """Resolves references on one connection for one actor; `secrets` collects those it opened.

    With `opens` False it raises SecretIsWriteOnly instead of opening a secret. None: the permission `reveal` decides.
    """

    def __init__(self, vault: Vault, conn: Connection, actor: Actor, workspace: str, *, opens: bool | None) -> None:
        self._keys = vault.keys
        self._conn = conn
        self._actor = actor
        self._workspace = workspace
        self._opens = opens
        self._known: dict[tuple[Kind, str], bytes] = {}
        self.secrets: list[Secret] = []

    async def value(self, kind: Kind, path: str, chain: tuple[str, ...] = ()) -> bytes:
        """Return the resolved JSON text.

        Raises NotFound, SecretIsWriteOnly, SecretUnreadable, ReferenceLoop, TooLarge.
        """
        if (kind, path) not in self._known:
            _require_few_items(len(self._known) + 1)
            self._known[(kind, path)] = await (
                self._variable(path) if kind == "variable" else self._resource(path, chain)
            )
        return self._known[(kind, path)]

    async def first_unreadable(self, raw: bytes, *, missing_allowed: bool = False) -> str | None:
        """Return the first item that JSON text refers to, directly or through resources, and the actor may not read.

        It is named as in "the variable f/a/b". `missing_allowed`: the path alone decides on an item that is missing.
        Raises TooLarge.
        """
        waiting, seen = references(raw), set[Reference]()
        while waiting:
            kind, path = waiting.pop()
            if (kind, path) in seen:
                continue
            seen.add((kind, path))
            _require_few_items(len(seen))
            row = await (variables.get if kind == "variable" else resources.get)(self._conn, self._workspace, path)
            if row is None and missing_allowed:
                readable = can(self._actor, "read", Target(self._workspace, kind, path))
            else:
                readable = row is not None and can(self._actor, "read", self._target(kind, path, row))
            if not readable:
                return f"the {kind} {path}"
            if isinstance(row, ResourceRow) and row.resource_type not in STATE_TYPES:
                waiting += references(self._own_value(path, row))
        return None

    async def own_value(self, path: str) -> bytes:
        """Return a resource's value with its secret fields and unresolved references. Raises as `value` does."""
        return self._own_value(path, await resources.get(self._conn, self._workspace, path))

    def _own_value(self, path: str, row: ResourceRow | None) -> bytes:
        self._require_readable("resource", path, row)
        assert row is not None and row.value is not None
        shown = row.value.encode()
        if row.sealed is None:
            return shown
        opened = self._unseal("resource", path, row, row.sealed, row.key)
        fields = msgspec.json.decode(opened, type=dict[str, msgspec.Raw])
        taken = {pointer: bytes(raw) for pointer, raw in fields.items()}
        self.secrets.append(Secret("resource", path, [text for raw in taken.values() for text in texts_of(raw)]))
        return secret_fields.restore(shown, taken)

    async def fill_members(self, raw: bytes, names: Collection[str]) -> bytes:
        """Resolve the references in the members of these names of a JSON object. Raises as `fill` does."""
        fields = {name: bytes(each) for name, each in members(raw).items()}
        if fields.keys() <= set(names):
            return await self.fill(raw)
        here = {name: each for name, each in fields.items() if name in names}
        filled = await self.fill(object_text(here))
        return object_text(fields | {name: bytes(each) for name, each in members(filled).items()})

    async def fill(self, raw: bytes, chain: tuple[str, ...] = ()) -> bytes:
        """Replace each reference in JSON text by its value. Raises as `value` does, TooLarge."""
        parts: list[bytes] = []
        done, size = 0, 0
        for found in _REFERENCE.finditer(raw):
            path = found[2].decode("utf-8", "replace")
            if not names.is_path(path):
                continue
            value = await self.value("variable" if found[1] == b"var" else "resource", path, chain)
            parts += (raw[done : found.start()], value)
            done, size = found.end(), size + len(value)
            if size > MAX_BYTES:
                raise TooLarge(f"The values of the references exceed {MAX_BYTES >> 20} MiB.")
        return b"".join((*parts, raw[done:])) if parts else raw

    async def _variable(self, path: str) -> bytes:
        row = await variables.get(self._conn, self._workspace, path)
        self._require_readable("variable", path, row)
        assert row is not None
        if row.is_expired:
            raise NotFound(f"The variable {path} has expired.")
        if row.sealed is None:
            return encode_string(row.value or "")
        text = self._unseal("variable", path, row, row.sealed, row.key).decode("utf-8", "surrogatepass")
        self.secrets.append(Secret("variable", path, [text]))
        return encode_string(text)

    async def _resource(self, path: str, chain: tuple[str, ...]) -> bytes:
        if path in chain or len(chain) >= MAX_DEPTH:
            shown = " → ".join((*chain[-3:], path))
            raise ReferenceLoop(f"Resources refer to one another in a circle or in too long a chain: {shown}.")
        row = await resources.get(self._conn, self._workspace, path)
        own = self._own_value(path, row)
        if row is not None and row.resource_type in STATE_TYPES:
            # Values stored by jobs are computed: they contain no references.
            return own
        return await self.fill(own, (*chain, path))

    def _require_readable(self, kind: Kind, path: str, row: VariableRow | ResourceRow | None) -> None:
        if row is None or not can(self._actor, "read", self._target(kind, path, row)):
            raise NotFound(
                f"The {kind} {path} does not exist.", hint=f"Check whether {self._actor.username} may read it."
            )

    def _target(self, kind: Kind, path: str, row: VariableRow | ResourceRow) -> Target:
        return Target(self._workspace, kind, path, row.created_by, row.extra_perms)

    def _unseal(
        self, kind: Kind, path: str, row: VariableRow | ResourceRow, sealed: bytes, key: KeyRow | None
    ) -> bytes:
        opens = can(self._actor, "reveal", self._target(kind, path, row)) if self._opens is None else self._opens
        if not opens:
            raise SecretIsWriteOnly(
                f"The {kind} {path} holds a secret, which is not shown.",
                hint="Refer to it in a script or workflow: its jobs may open it. An admin may set secrets_readable.",
            )
        assert key is not None
        data_key = secrets.unwrap(self._keys, self._workspace, key)
        return secrets.unseal(data_key, SecretLocation(self._workspace, kind, path), sealed)


def _require_few_items(count: int) -> None:
    if count > MAX_ITEMS:
        raise TooLarge(
            f"A value refers to at most {MAX_ITEMS:,} variables and resources.",
            hint="Store what belongs together in one resource.",
            details={"limit": MAX_ITEMS},
        )
