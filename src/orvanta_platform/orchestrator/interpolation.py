"""The value of a variable or resource with everything it refers to, as one actor may read it.

A reference is a whole string of JSON, `$var:<path>` or `$res:<path>`, written without escapes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

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

STATE_TYPES = frozenset({"state", "cache"})
"""Resource types in which jobs, also those of operators, store state: their values hold no references."""

DEEPEST = 20
"""How many resources may refer to one another in a row."""

LONGEST = 16 << 20
"""Bytes of JSON that the references in one value may stand for."""

MOST_VALUES = 500_000
"""Most values in an input that is searched for references: all are created, in the event loop."""

REFERENCE = re.compile(rf"\$(?:var|res):(?=.{{1,{names.LONGEST_PATH}}}\Z){names.PATH}")
"""A string that refers to a variable or a resource."""

_REFERENCE = re.compile(rb'(?<!\\)"\$(var|res):([^"\\]*)"(?!\s*:)')


def is_reference(text: str) -> bool:
    """Whether a string stands for a variable or a resource."""
    return REFERENCE.fullmatch(text) is not None


def may_refer(raw: bytes) -> bool:
    """Whether JSON text may hold references; False is certain."""
    return b'"$var:' in raw or b'"$res:' in raw


def holds_references(raw: bytes) -> bool:
    """Whether JSON text may hold references, also ones that only show once its escapes are read; False is certain."""
    return b'"$' in raw or b"\\u00" in raw


def references(raw: bytes) -> list[tuple[Kind, str]]:
    """The references in the values of JSON text, as kind and path, each once.

    Raises InvalidInput for invalid JSON, TooLarge.

    Escapes are decoded: an expression that passes a string on writes it without escapes, so that a reference hidden by
    them here would be resolved later.
    """
    if not holds_references(raw):
        return []
    if count_values(raw) > MOST_VALUES:
        raise TooLarge(
            f"An input that may hold references has at most {MOST_VALUES} values.",
            hint="Send it without `$` at the beginning of texts, or as a file.",
            details={"limit": MOST_VALUES},
        )
    try:
        waiting = [msgspec.json.decode(raw)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"The input is no JSON that can be read: {error}.", details={"path": ""}) from error
    found: dict[tuple[Kind, str], None] = {}
    while waiting:
        match waiting.pop():
            case str() as text if is_reference(text):
                found["variable" if text.startswith("$var:") else "resource", text.partition(":")[2]] = None
            case list() as items:
                waiting += items
            case dict() as fields:
                waiting += fields.values()
    return list(found)


def referring(raw: bytes) -> frozenset[str]:
    """The names of those members of a JSON object that hold references. Raises as `references`."""
    if not references(raw):
        return frozenset()
    return frozenset(name for name, each in members(raw).items() if references(bytes(each)))


def only(raw: bytes, names: Collection[str]) -> bytes:
    """A JSON object reduced to the members of these names, which may hold references."""
    if not names or not holds_references(raw):
        return b"{}"
    return object_text({name: bytes(each) for name, each in members(raw).items() if name in names})


def require_references(actor: Actor, raw: bytes) -> None:
    """Nothing where the actor's token may read what JSON text refers to: who may only start runs opens nothing by it.

    What the actor itself may read is asked when the references are filled in. Raises Forbidden, InvalidInput.
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
    """A secret is opened for jobs that may read it, not shown to people."""

    code = "secret_is_write_only"


class ReferenceLoop(BadRequest):
    """Resources refer to one another in a circle, or too many in a row."""

    code = "reference_loop"


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that was opened: where it stands, the texts that must not be shown."""

    kind: Kind
    path: str
    texts: Sequence[str] = field(repr=False)


class Interpolation:
    """Reads on one connection for one actor; `secrets` are those it opened.

    `opens` False: it raises SecretIsWriteOnly instead of opening one; None: for those whom the table lets reveal.
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
        """JSON text, references filled in. Raises NotFound, SecretIsWriteOnly, SecretUnreadable, ReferenceLoop."""
        if (kind, path) not in self._known:
            self._known[(kind, path)] = await (
                self._variable(path) if kind == "variable" else self._resource(path, chain)
            )
        return self._known[(kind, path)]

    async def first_unreadable(self, raw: bytes, *, missing_allowed: bool = False) -> str | None:
        """The first item that JSON text refers to, itself or through resources, and that the actor may not read.

        Named as in "the variable f/a/b". `missing_allowed`: for an item that does not exist, its path alone decides.
        """
        waiting, seen = references(raw), set[tuple[Kind, str]]()
        while waiting:
            kind, path = waiting.pop()
            if (kind, path) in seen:
                continue
            seen.add((kind, path))
            row = await (variables.get if kind == "variable" else resources.get)(self._conn, self._workspace, path)
            if row is None and missing_allowed:
                readable = can(self._actor, "read", Target(self._workspace, kind, path))
            else:
                readable = row is not None and can(self._actor, "read", self._thing(kind, path, row))
            if not readable:
                return f"the {kind} {path}"
            if isinstance(row, ResourceRow) and row.resource_type not in STATE_TYPES:
                waiting += references(self._own_value(path, row))
        return None

    async def own_value(self, path: str) -> bytes:
        """A resource's value with its secret fields, references as they are. Raises as `value` does."""
        return self._own_value(path, await resources.get(self._conn, self._workspace, path))

    def _own_value(self, path: str, row: ResourceRow | None) -> bytes:
        self._require_readable("resource", path, row)
        assert row is not None and row.value is not None
        shown = row.value.encode()
        if row.sealed is None:
            return shown
        opened = self._unseal("resource", path, row, row.sealed, row.key)
        fields = msgspec.json.decode(opened, type=dict[str, msgspec.Raw])
        taken = {place: bytes(raw) for place, raw in fields.items()}
        self.secrets.append(Secret("resource", path, [text for raw in taken.values() for text in texts_of(raw)]))
        return secret_fields.put_back(shown, taken)

    async def fill_members(self, raw: bytes, names: Collection[str]) -> bytes:
        """A JSON object with the references in the members of these names replaced. Raises as `fill` does."""
        fields = {name: bytes(each) for name, each in members(raw).items()}
        if fields.keys() <= set(names):
            return await self.fill(raw)
        here = {name: each for name, each in fields.items() if name in names}
        filled = await self.fill(object_text(here))
        return object_text(fields | {name: bytes(each) for name, each in members(filled).items()})

    async def fill(self, raw: bytes, chain: tuple[str, ...] = ()) -> bytes:
        """JSON text with every reference in it replaced by what it stands for. Raises as `value` does, TooLarge."""
        parts: list[bytes] = []
        done, size = 0, 0
        for found in _REFERENCE.finditer(raw):
            path = found[2].decode("utf-8", "replace")
            if not names.is_path(path):
                continue
            value = await self.value("variable" if found[1] == b"var" else "resource", path, chain)
            parts += (raw[done : found.start()], value)
            done, size = found.end(), size + len(value)
            if size > LONGEST:
                raise TooLarge(f"What the references stand for has more than {LONGEST >> 20} MiB.")
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
        if path in chain or len(chain) >= DEEPEST:
            shown = " → ".join((*chain[-3:], path))
            raise ReferenceLoop(f"Resources refer to one another without an end: {shown}.")
        row = await resources.get(self._conn, self._workspace, path)
        own = self._own_value(path, row)
        if row is not None and row.resource_type in STATE_TYPES:
            # Values stored by jobs are computed.
            return own
        return await self.fill(own, (*chain, path))

    def _require_readable(self, kind: Kind, path: str, row: VariableRow | ResourceRow | None) -> None:
        if row is None or not can(self._actor, "read", self._thing(kind, path, row)):
            raise NotFound(f"The {kind} {path} does not exist.", hint=f"Or {self._actor.username} may not read it.")

    def _thing(self, kind: Kind, path: str, row: VariableRow | ResourceRow) -> Target:
        return Target(self._workspace, kind, path, row.created_by, row.extra_perms)

    def _unseal(
        self, kind: Kind, path: str, row: VariableRow | ResourceRow, sealed: bytes, key: KeyRow | None
    ) -> bytes:
        opens = can(self._actor, "reveal", self._thing(kind, path, row)) if self._opens is None else self._opens
        if not opens:
            raise SecretIsWriteOnly(
                f"The {kind} {path} holds a secret, which is not shown.",
                hint="Refer to it in a script or workflow: its jobs may open it. An admin may set secrets_readable.",
            )
        assert key is not None
        data_key = secrets.unwrap(self._keys, self._workspace, key)
        return secrets.unseal(data_key, SecretLocation(self._workspace, kind, path), sealed)
