"""Extraction of the secret fields of a value: those that its JSON Schema declares as passwords.

A mask replaces them, so that the rest can be stored and shown. A field that contains a reference (`$var:…`, `$res:…`),
null or an empty text is not secret. Each location of the value is visited once, with all the nodes of the schema that
apply to it, and the work is limited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from orvanta_platform.errors import BadRequest
from orvanta_platform.evaluate.raw import count_values, encode_string, has_more, items, members, strip
from orvanta_platform.workflow import secret_schemas
from orvanta_platform.workflow.mask import MASK
from orvanta_platform.workflow.secret_schemas import MAX_WORK, Node, WorkBudget

REFERENCES = (b'"$var:', b'"$res:')
"""Prefixes of the JSON text of a string that refers to a variable or a resource."""

_MASKED = encode_string(MASK)
_PLAIN = (b"null", b'""')
MAX_DEPTH: Final = 100
"""Maximum number of levels of a value above its passwords."""

_MAX_MEMBERS: Final = 400_000
"""Maximum number of members or items, including nested ones, of an object or array that is parsed, because its own are
created at the same time.
"""

_BYTE: Final = 2
_MEMBER: Final = 8_000
_VISIT: Final = 500
_SCANNED_VALUE: Final = 2_000
_SCANNED_BYTE: Final = 10

Text = bytes | msgspec.Raw
"""JSON text, possibly surrounded by white space."""

Secrets = Mapping[str, bytes]
"""JSON pointer → JSON text."""

_NO_TYPES: Final[Mapping[str, Any]] = MappingProxyType({})


def extract(
    raw: bytes, schema: Any, stored: Secrets, types: Mapping[str, Any] = _NO_TYPES
) -> tuple[bytes, dict[str, bytes]]:
    """Return valid JSON text with its secret fields masked, and those fields.

    A mask at a location of `stored` preserves that secret, regardless of the schema, so that writing back displayed
    values changes nothing. `types` has the schemas of resource types that the schema names. Raises BadRequest for a
    mask of a secret that `stored` does not contain, TooComplex, UnsupportedPassword.
    """
    restored: list[str] = []
    whole = _restored(strip(raw), stored, work_budget(raw), restored)
    work = work_budget(whole)
    node = secret_schemas.read(schema, types, work) if secret_schemas.may_declare(schema) else None
    taken: dict[str, bytes] = {}
    shown = whole if node is None else _extract(whole, [node], "", 0, taken, work)
    stays = {pointer: stored[pointer] for pointer in restored if not _is_within(pointer, taken)}
    return mask_at(shown, stays, work_budget(shown)), taken | stays


def find_masks(raw: bytes, stored: Secrets) -> list[str]:
    """Return the locations of those secrets of `stored` that masks in JSON text preserve. Raises TooComplex."""
    found: list[str] = []
    _restored(strip(raw), stored, work_budget(raw), found)
    return found


def work_budget(raw: bytes) -> WorkBudget:
    """Return the work budget of one pass over a value."""
    return WorkBudget(MAX_WORK + 2 * _BYTE * len(raw))


def restore(shown: bytes, secrets: Secrets, work: WorkBudget | None = None) -> bytes:
    """Return the value as it was before `extract`. Raises TooComplex if a work budget is exceeded."""
    return _restored(shown, secrets, work or WorkBudget(None), [])


def mask_at(raw: bytes, pointers: Iterable[str], work: WorkBudget | None = None) -> bytes:
    """Return JSON text with the mask at each of these locations. Raises TooComplex if a work budget is exceeded."""
    return _replaced(raw, dict.fromkeys(pointers, _MASKED), "", lambda _raw, _at, mask: mask, work or WorkBudget(None))


def rebuilt(raw: bytes, inner: Callable[[str, Text], Text], work: WorkBudget) -> bytes:
    """Return the object or array with each member or item replaced; any other value is returned unchanged.

    `inner` receives the name or index of a member or item, escaped as in a JSON pointer, and its text, which is not
    copied.
    """
    if not raw.startswith((b"[", b"{")):
        return raw
    work.spend(len(raw) * _BYTE)
    if has_more(raw, b"," if raw.startswith(b"[") else b":", _MAX_MEMBERS):
        work.exhaust()

    def scanning(text: bytes) -> None:
        scanned(text, work)

    parts: list[Text] = [raw[:1]]
    if raw.startswith(b"["):
        listed = items(raw, scanning)
        work.spend(len(listed) * _MEMBER)
        for index, item in enumerate(listed):
            parts += (inner(str(index), item), b",")
    else:
        named = members(raw, scanning)
        work.spend(len(named) * _MEMBER)
        for name, member in named.items():
            parts += (encode_string(name), b":", inner(escape(name), member), b",")
    if len(parts) > 1:
        parts.pop()
    parts.append(b"]" if raw.startswith(b"[") else b"}")
    return b"".join(parts)


def scanned(raw: bytes, work: WorkBudget) -> None:
    """Count the work of parsing a text with all that it contains. Raises TooComplex."""
    work.spend(len(raw) * _SCANNED_BYTE + count_values(raw) * _SCANNED_VALUE)


def _restored(shown: bytes, secrets: Secrets, work: WorkBudget, restored: list[str]) -> bytes:
    def fill(raw: bytes, at: str, secret: bytes) -> bytes:
        if raw != _MASKED:
            return raw
        restored.append(at)
        return secret

    return _replaced(shown, secrets, "", fill, work)


def _replaced(
    raw: bytes, pointers: Mapping[str, bytes], at: str, fill: Callable[[bytes, str, bytes], bytes], work: WorkBudget
) -> bytes:
    """Return JSON text in which the text at each of these locations below `at` is replaced by the result of `fill`."""
    if not pointers:
        return raw
    raw = strip(raw)
    if "" in pointers:
        return fill(raw, at, pointers[""])
    inner: dict[str, dict[str, bytes]] = {}
    for pointer, each in pointers.items():
        head, slash, rest = pointer[1:].partition("/")
        inner.setdefault(head, {})[slash + rest] = each

    def replace(name: str, each: Text) -> Text:
        return _replaced(strip(each), inner[name], f"{at}/{name}", fill, work) if name in inner else each

    return rebuilt(raw, replace, work)


def _extract(
    raw: bytes, nodes: list[Node], pointer: str, level: int, taken: dict[str, bytes], work: WorkBudget
) -> bytes:
    found = _all(nodes, work)
    if any(node.is_secret for node in found):
        return _mask(raw, pointer, taken)
    below = _below(found, is_array=raw.startswith(b"["))
    if below is None or not raw.startswith((b"[", b"{")):
        return raw
    if level == MAX_DEPTH:
        work.exhaust()

    def inner(name: str, value: Text) -> Text:
        work.spend(len(found) * _VISIT)
        nodes = below(name)
        return _extract(strip(value), nodes, f"{pointer}/{name}", level + 1, taken, work) if nodes else value

    return rebuilt(raw, inner, work)


def _all(nodes: list[Node], work: WorkBudget) -> list[Node]:
    """Return these nodes and those that apply to the same value, each once."""
    found = dict.fromkeys(nodes)
    waiting = list(found)
    while waiting:
        node = waiting.pop()
        work.spend(_VISIT * (1 + len(node.same)))
        for each in node.same:
            if each not in found:
                found[each] = None
                waiting.append(each)
    return list(found)


def _below(nodes: list[Node], *, is_array: bool) -> Callable[[str], list[Node]] | None:
    """Return a function from the name of a member or item to the nodes that apply to it; None if there are none for
    any.
    """
    if is_array:
        listing = [node for node in nodes if node.each_item or node.at]
        return (lambda name: [each for node in listing for each in node.of_item(int(name))]) if listing else None
    naming = [node for node in nodes if node.members or node.each_member or node.additional is not None]
    return (lambda name: [each for node in naming for each in node.of_member(_plain(name))]) if naming else None


def _mask(raw: bytes, pointer: str, taken: dict[str, bytes]) -> bytes:
    if raw in _PLAIN or raw.startswith(REFERENCES):
        return raw
    if raw == _MASKED:
        where = pointer or "The value"
        raise BadRequest(f"{where} is the mask {MASK}, but no secret is stored there.", hint="Set the secret again.")
    taken[pointer] = raw
    return _MASKED


def _is_within(pointer: str, taken: Secrets) -> bool:
    while pointer and pointer not in taken:
        pointer = pointer.rpartition("/")[0]
    return pointer in taken


def escape(name: str) -> str:
    """Return a name as a part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _plain(name: str) -> str:
    return name.replace("~1", "/").replace("~0", "~")
