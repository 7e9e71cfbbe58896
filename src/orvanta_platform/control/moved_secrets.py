"""Secrets of the entries of lists, which keep them when entries are added, removed or moved."""

from __future__ import annotations

import msgspec

from orvanta_platform.control.secret_fields import Secrets, Text, escape, find_masks, scanned, work_budget
from orvanta_platform.errors import BadRequest
from orvanta_platform.evaluate.raw import items, members, strip
from orvanta_platform.workflow.mask import MASK, match_entries, text_of_entry
from orvanta_platform.workflow.secret_schemas import WorkBudget


def follow(stored: Secrets, before: bytes, after: bytes) -> Secrets:
    """Return the secrets of a value at the locations that they have in a new value.

    `before`, `after`: JSON texts with masks. The entries of lists are recognised by what else they contain. Raises
    BadRequest for a mask in an entry that is not recognised, TooComplex.
    """
    if not any(part.isdecimal() for pointer in stored for part in pointer.split("/")):
        return stored
    found: dict[str, bytes] = {}
    _follow(stored, before, after, "", found, work_budget(before + after))
    return found


def _follow(secrets: Secrets, before: Text, after: Text, at: str, found: dict[str, bytes], work: WorkBudget) -> None:
    if "" in secrets:
        found[at] = secrets[""]
        return
    inner: dict[str, dict[str, bytes]] = {}
    for pointer, each in secrets.items():
        head, slash, rest = pointer[1:].partition("/")
        inner.setdefault(head, {})[slash + rest] = each
    old, new = strip(before), strip(after)
    if old.startswith(b"[") and new.startswith(b"["):
        _follow_entries(inner, old, new, at, found, work)
    elif old.startswith(b"{") and new.startswith(b"{"):
        scanned(old, work)
        scanned(new, work)
        known = {escape(name): each for name, each in members(old).items()}
        for name, each in members(new).items():
            if (key := escape(name)) in inner and key in known:
                _follow(inner[key], known[key], each, f"{at}/{key}", found, work)


def _follow_entries(
    inner: dict[str, dict[str, bytes]], old: bytes, new: bytes, at: str, found: dict[str, bytes], work: WorkBudget
) -> None:
    scanned(old, work)
    scanned(new, work)
    entries, changed = items(old), items(new)
    places = match_entries([_text(each) for each in changed], [_text(each) for each in entries])
    every = {pointer: secret for each in inner.values() for pointer, secret in each.items()}
    for index, (place, each) in enumerate(zip(places, changed, strict=True)):
        if place is not None and str(place) in inner:
            _follow(inner[str(place)], entries[place], each, f"{at}/{index}", found, work)
        elif place is None and (masked := find_masks(bytes(each), every)):
            raise BadRequest(
                f"{at}/{index}{masked[0]} is the mask {MASK}, but the list changed: it had no such entry.",
                hint="Set the secret again, or change the list and its entries one after the other.",
            )


def _text(entry: Text) -> str:
    try:
        return text_of_entry(msgspec.json.decode(entry))
    except (msgspec.DecodeError, RecursionError):
        return bytes(entry).decode(errors="replace")
