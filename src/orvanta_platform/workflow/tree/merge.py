"""Merge of two changes of an item, by node for workflows and by key for everything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from orvanta_platform.workflow import document
from orvanta_platform.workflow.diagnostics import pointer
from orvanta_platform.workflow.text import open_yaml, save_yaml, scalar
from orvanta_platform.workflow.tree.item import Kind

COMMENTS: Final = "comments"
"""Place of a workflow whose comments both sides changed."""
_ABSENT: Final = object()


def merge_content(
    kind: Kind, base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return the content with both changes, and the places that both changed differently.

    A place is a JSON pointer into the document or the content, in which nodes stand by their id, or COMMENTS. At such a
    place, the merged content is mine. Comments are those of the side that changed them. Raises InvalidWorkflow.
    """
    if kind != "flow":
        return merge(dict(base), dict(mine), dict(theirs))
    trees = [document.parse(each["text"].encode(), "yaml").tree for each in (base, mine, theirs)]
    merged, places = merge(*trees)
    before, ours, other = (_comments(each["text"]) for each in (base, mine, theirs))
    if before != ours != other != before:
        places.append(COMMENTS)
    text = mine["text"] if ours != before or other == before else theirs["text"]
    opened = open_yaml(text)
    _update(opened, merged)
    return {"text": save_yaml(opened, text)}, places


def _comments(text: str) -> list[str]:
    """Return the comments of a document: they are between its tokens, unlike `#` in texts."""
    end = 0
    gaps = []
    for token in YAML(typ="safe", pure=True).scan(text):
        gaps.append(text[end : token.start_mark.index])
        end = max(end, token.end_mark.index)
    lines = [line for gap in (*gaps, text[end:]) for line in gap.splitlines()]
    return [line[line.index("#") :].strip() for line in lines if "#" in line]


def merge(base: Any, mine: Any, theirs: Any) -> tuple[Any, list[str]]:
    """Return the merged JSON value, and the places that both sides changed differently."""
    places: list[str] = []
    return _merged(base, mine, theirs, "", places), places


def _merged(base: Any, mine: Any, theirs: Any, path: str, places: list[str]) -> Any:
    if _same(mine, theirs) or _same(theirs, base):
        return mine
    if _same(mine, base):
        return theirs
    if isinstance(mine, dict) and isinstance(theirs, dict):
        before = base if isinstance(base, dict) else {}
        return _merged_keys(before, mine, theirs, path, places)
    was, ours, other = _by_id([] if base is _ABSENT else base), _by_id(mine), _by_id(theirs)
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


def _by_id(value: Any) -> dict[str, Any] | None:
    """Return the nodes of a list by their ids; None for any other value."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        return None
    found = {each["id"]: each for each in value if isinstance(each.get("id"), str)}
    return found if len(found) == len(value) else None


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _update(opened: CommentedMap, wanted: Mapping[str, Any]) -> None:
    """Change an opened mapping to a plain one; parts that are equal stay as they are written."""
    for key in [each for each in opened if each not in wanted]:
        del opened[key]
    for key, value in wanted.items():
        present = opened.get(key)
        if key in opened and _plain(present) == value:
            continue
        if isinstance(present, CommentedMap) and isinstance(value, dict):
            _update(present, value)
        elif isinstance(present, CommentedSeq) and _by_id(value) is not None and _by_id(_plain(present)) is not None:
            known = {each["id"]: each for each in present}
            present[:] = list(_updated(known, value))
        else:
            opened[key] = None
            opened[key] = _scalars(value)


def _updated(known: Mapping[str, CommentedMap], wanted: list[dict[str, Any]]) -> Iterator[Any]:
    for node in wanted:
        present = known.get(node["id"])
        if present is None:
            yield _scalars(node)
        else:
            _update(present, node)
            yield present


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {str(name): _plain(member) for name, member in value.items()}
        case list():
            return [_plain(item) for item in value]
        case str():
            return str(value)
        case _:
            return value


def _scalars(value: Any) -> Any:
    match value:
        case dict():
            return {scalar(name): _scalars(member) for name, member in value.items()}
        case list():
            return [_scalars(item) for item in value]
        case str():
            return scalar(value)
        case _:
            return value
