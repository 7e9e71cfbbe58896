"""Merge of two changes of an item, by node for workflows and by key for everything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from orvanta_platform.workflow import document
from orvanta_platform.workflow.diagnostics import errors, pointer
from orvanta_platform.workflow.limits import is_writable
from orvanta_platform.workflow.text import is_large_json, write_json
from orvanta_platform.workflow.tree.item import Kind
from orvanta_platform.workflow.validate import validate
from orvanta_platform.workflow.yaml_edit import by_id, edit_yaml, same

COMMENTS: Final = "comments"
"""Place of a workflow whose comments both sides changed."""
_ABSENT: Final = object()


def merge_content(
    kind: Kind, base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return the content with both changes, and the places that both changed differently.

    A place is a JSON pointer into the document or the content, in which nodes stand by their id, or COMMENTS. At such a
    place, the merged content is mine. Errors that only the merged workflow has are such places, too: both sides may
    have moved one node, or one may use a node that the other removed. Comments are those of the side that changed them.
    Raises InvalidWorkflow.
    """
    if kind != "flow":
        return merge(dict(base), dict(mine), dict(theirs))
    trees = [document.parse(each["text"].encode(), "yaml").tree for each in (base, mine, theirs)]
    merged, places = merge(*trees)
    places += _new_errors(merged, *trees[1:])
    is_large = any(is_large_json(each["text"]) for each in (base, mine, theirs))
    before, ours, other = (_comments(each["text"]) for each in (base, mine, theirs))
    text = mine["text"] if ours != before or other == before else theirs["text"]
    try:
        if before != ours != other != before:
            wanted = Counter(ours) + Counter(other) - Counter(before)
            for side in (mine, theirs):  # one of which may only have removed comments, with their nodes
                edited = _edit(side["text"], merged, is_large)
                if Counter(_comments(edited)) == wanted:
                    return {"text": edited}, places
            places.append(COMMENTS)
        return {"text": _edit(text, merged, is_large)}, places
    except ValueError:  # a text of which only the comments would be lost
        return {"text": mine["text"]}, [*places, COMMENTS]


def loses_comments(kind: Kind, mine: Mapping[str, Any], merged: Mapping[str, Any]) -> bool:
    """Return whether a merged workflow is JSON, because its YAML would exceed the limits, and mine has comments."""
    return kind == "flow" and is_large_json(merged["text"]) and bool(_comments(mine["text"]))


def _edit(text: str, wanted: Mapping[str, Any], is_large: bool) -> str:
    """Return a text with another value. `is_large`: the value may exceed the limits of YAML.

    Raises InvalidWorkflow, ValueError.
    """
    if is_large and not is_large_json(text) and not is_writable(wanted):
        return write_json(dict(wanted))
    return edit_yaml(text, wanted).source.decode()


def _new_errors(merged: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Return the places of errors that neither side has."""
    if same(merged, mine) or same(merged, theirs):
        return []
    known = {(each.code, each.node) for side in (mine, theirs) for each in errors(validate(side))}
    found = (each for each in errors(validate(merged)) if (each.code, each.node) not in known)
    return [*dict.fromkeys(each.path if each.node is None else pointer("/value/modules", each.node) for each in found)]


def _comments(text: str) -> list[str]:
    """Return the comments of a document: they are between its tokens, or behind the `|` or `>` of a block of text."""
    from ruamel.yaml import YAML

    if is_large_json(text):
        return []
    end = 0
    gaps = []
    for token in YAML(typ="safe", pure=True).scan(text):
        gaps.append(text[end : token.start_mark.index])
        if getattr(token, "style", None) in ("|", ">"):
            gaps.append(text[token.start_mark.index : token.end_mark.index].partition("\n")[0])
        end = max(end, token.end_mark.index)
    lines = [line for gap in (*gaps, text[end:]) for line in gap.splitlines()]
    return [line[line.index("#") :].strip() for line in lines if "#" in line]


def merge(base: Any, mine: Any, theirs: Any) -> tuple[Any, list[str]]:
    """Return the merged JSON value, and the places that both sides changed differently."""
    places: list[str] = []
    return _merged(base, mine, theirs, "", places), places


def _merged(base: Any, mine: Any, theirs: Any, path: str, places: list[str]) -> Any:
    if same(mine, theirs) or same(theirs, base):
        return mine
    if same(mine, base):
        return theirs
    if isinstance(mine, dict) and isinstance(theirs, dict):
        before = base if isinstance(base, dict) else {}
        return _merged_keys(before, mine, theirs, path, places)
    was, ours, other = by_id([] if base is _ABSENT else base), by_id(mine), by_id(theirs)
    if was is not None and ours is not None and other is not None:
        return _merged_nodes(was, ours, other, path, places)
    places.append(path)
    return mine


def _merged_keys(
    base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any], path: str, places: list[str]
) -> dict[str, Any]:
    found = {}
    for key in dict.fromkeys((*mine, *theirs)):
        was, ours, other = base.get(key, _ABSENT), mine.get(key, _ABSENT), theirs.get(key, _ABSENT)
        value = _merged(was, ours, other, pointer(path, key), places)
        if value is not _ABSENT:
            found[key] = value
    return found


def _merged_nodes(
    base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any], path: str, places: list[str]
) -> list[Any]:
    """Merge lists of nodes. A node that is only in theirs follows the node before it there.

    If both sides moved nodes that remain, the list is such a place, unless they moved them to the same order.
    """
    found = _merged_keys(base, mine, theirs, path, places)
    order = [each for each in mine if each in found]
    moved = dict.fromkeys(each for each in base if each in mine and each in theirs)
    mine_moved, theirs_moved = ([each for each in side if each in moved] for side in (mine, theirs))
    if [*moved] not in (mine_moved, theirs_moved) and mine_moved != theirs_moved:
        places.append(path)
    if mine_moved == [*moved]:  # my order is that of the base, so theirs applies
        order = _reordered(order, [each for each in theirs if each in mine and each in found])
    added: dict[str | None, list[str]] = {}
    previous: str | None = None
    for each in theirs:
        if each in mine and each in found:
            previous = each
        elif each in found:
            added.setdefault(previous, []).append(each)
    return [found[name] for each in (None, *order) for name in (each, *added.get(each, ())) if name is not None]


def _reordered(order: list[str], wanted: list[str]) -> list[str]:
    """Return the ids with those in `wanted` in its order, at the places of these ids."""
    rest, places = iter(wanted), set(wanted)
    return [next(rest) if each in places else each for each in order]
