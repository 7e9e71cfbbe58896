"""The secret fields of a resource: those its type's JSON Schema calls passwords, taken out of its value.

What stays in their place is a mask, so the rest can be stored and shown as it is. A field that holds a reference
(`$var:…`, `$res:…`), null or an empty text is no secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from orvanta_platform.control.masking import MASK
from orvanta_platform.errors import BadRequest
from orvanta_platform.evaluate.raw import encode_string, items, members, strip

REFERENCES = (b'"$var:', b'"$res:')
"""How the JSON text of a string that stands for a variable or a resource begins."""

_MASKED = encode_string(MASK)
_PLAIN = (b"null", b'""')
_HOPS = 20

Secrets = Mapping[str, bytes]
"""JSON pointer → JSON text."""


def take_out(raw: bytes, schema: Any, kept: Secrets) -> tuple[bytes, dict[str, bytes]]:
    """Valid JSON text with its secret fields masked, and those fields.

    Where it holds the mask at a place of `kept`, that secret stays, whatever the schema says now: who writes back what
    was shown changes nothing. Raises BadRequest for a mask in a secret's place that `kept` has nothing for.
    """
    restored: list[str] = []
    whole = _put_back(strip(raw), kept, "", restored)
    taken: dict[str, bytes] = {}
    shown = _take(whole, schema, schema, "", taken, 0)
    for place in restored:
        if not any(place == each or place.startswith(f"{each}/") for each in taken):
            taken[place] = kept[place]
            shown = _masked_at(shown, place)
    return shown, taken


def put_back(shown: bytes, secrets: Secrets) -> bytes:
    """The value as it was before `take_out`."""
    return _put_back(shown, secrets, "", [])


def mask_at(raw: bytes, places: Iterable[str]) -> bytes:
    """JSON text with the mask at each of these places."""
    for place in places:
        raw = _masked_at(raw, place)
    return raw


def _put_back(shown: bytes, secrets: Secrets, at: str, restored: list[str]) -> bytes:
    if not secrets:
        return shown
    if "" in secrets:
        if strip(shown) != _MASKED:
            return shown
        restored.append(at)
        return secrets[""]
    inner: dict[str, dict[str, bytes]] = {}
    for place, raw in secrets.items():
        head, slash, rest = place[1:].partition("/")
        inner.setdefault(head, {})[slash + rest] = raw

    def fill(name: str, raw: bytes) -> bytes:
        head = _escape(name)
        return _put_back(raw, inner.get(head, {}), f"{at}/{head}", restored)

    return _rebuild(strip(shown), fill)


def _masked_at(raw: bytes, place: str) -> bytes:
    if not place:
        return _MASKED
    head, slash, rest = place[1:].partition("/")
    return _rebuild(strip(raw), lambda name, each: _masked_at(each, slash + rest) if _escape(name) == head else each)


def _take(raw: bytes, schema: Any, root: Any, place: str, taken: dict[str, bytes], hops: int) -> bytes:
    if not isinstance(schema, dict) or hops > _HOPS:
        return raw
    if schema.get("password") is True or schema.get("format") == "password":
        return _mask(raw, place, taken)
    for other in _also(schema, root):
        raw = _take(raw, other, root, place, taken, hops + 1)
    fields = _fields(schema, raw)
    if fields is None:
        return raw

    def inner(name: str, value: bytes) -> bytes:
        return _take(strip(value), fields(name), root, f"{place}/{_escape(name)}", taken, 0)

    return _rebuild(raw, inner)


def _mask(raw: bytes, place: str, taken: dict[str, bytes]) -> bytes:
    if raw in _PLAIN or raw.startswith(REFERENCES) or (raw == _MASKED and place in taken):
        return raw
    if raw == _MASKED:
        where = place or "The value"
        raise BadRequest(f"{where} holds the mask {MASK}, which stands for no stored secret.", hint="Set it anew.")
    taken[place] = raw
    return _MASKED


def _also(schema: Mapping[str, Any], root: Any) -> list[Any]:
    """Schemas that apply, or may apply, to the same value."""
    found = [each for key in ("allOf", "anyOf", "oneOf") for each in schema.get(key) or () if isinstance(each, dict)]
    found += [schema[key] for key in ("if", "then", "else") if isinstance(schema.get(key), dict)]
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        target = root
        for part in reference[1:].split("/")[1:]:
            target = target.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(target, dict) else None
        found.append(target)
    return found


def _fields(schema: Mapping[str, Any], raw: bytes) -> Callable[[str], Any] | None:
    """What the schema says of each member or item; None: nothing."""
    if raw.startswith(b"["):
        each = schema.get("items")
        return (lambda _name: each) if isinstance(each, dict) else None
    properties, others = schema.get("properties"), schema.get("additionalProperties")
    named = properties if isinstance(properties, dict) else {}
    if not raw.startswith(b"{") or not (named or isinstance(others, dict)):
        return None
    return lambda name: named.get(name, others)


def _rebuild(raw: bytes, inner: Callable[[str, bytes], bytes]) -> bytes:
    """The object or array with each member or item replaced; anything else as it is."""
    if raw.startswith(b"["):
        return b"[%s]" % b",".join(inner(str(place), bytes(each)) for place, each in enumerate(items(raw)))
    if raw.startswith(b"{"):
        pairs = members(raw).items()
        return b"{%s}" % b",".join(encode_string(name) + b":" + inner(name, bytes(each)) for name, each in pairs)
    return raw


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
