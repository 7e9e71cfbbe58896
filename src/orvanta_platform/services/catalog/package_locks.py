"""Locks of stored versions and of items of releases, for policies that restrict packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orvanta_platform.db.items import ItemRow
from orvanta_platform.db.policies import DocumentRow
from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.services.runs.package_policies import CodeLock, codes_of_flow, codes_of_script
from orvanta_platform.workflow import document
from orvanta_platform.workflow.releases.bundle import BundleItem
from orvanta_platform.workflow.requirements import usable_lock
from orvanta_platform.workflow.tree.item import Key


def of_version(row: ItemRow) -> list[CodeLock]:
    """Return the known locks of a stored version. Raises InvalidWorkflow."""
    if row.kind == "script":
        return codes_of_script(row.language or "", row.lock)
    return codes_of_flow(_tree(row.body, row.format), row.lock)


def of_documents(kind: str, rows: Sequence[DocumentRow], locks: Mapping[str, str]) -> dict[str, list[CodeLock]]:
    """Return the known locks of stored documents of a kind, by path; `locks`: those of their versions."""
    found = {}
    for row in rows:
        if row.body is None:
            continue
        lock = locks.get(row.path)
        try:
            found[row.path] = (
                codes_of_script(row.language or "", lock)
                if kind == "script"
                else codes_of_flow(_tree(row.body, row.format), lock)
            )
        except InvalidWorkflow:  # it was stored before limits were introduced
            continue
    return found


def of_release(items: Sequence[BundleItem]) -> dict[Key, list[CodeLock]]:
    """Return the locks that the scripts and workflows of a release contain."""
    found = {}
    for item in items:
        content = item.content
        if item.kind == "script":
            lock = usable_lock(content["language"], content.get("lock"))
            found[item.key] = codes_of_script(content["language"], lock)
        elif item.kind == "flow":
            try:
                found[item.key] = codes_of_flow(_tree(content["text"].encode(), "yaml"), None)
            except InvalidWorkflow:  # its deployment reports the error
                continue
    return found


def _tree(body: bytes, format_: str) -> Mapping[str, object]:
    return document.parse(body, "yaml" if format_ == "yaml" else "json").tree
