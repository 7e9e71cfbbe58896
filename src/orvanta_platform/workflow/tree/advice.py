"""Warnings about items of a tree that behave differently here than where they come from, and about unused files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from orvanta_platform.workflow import job_variables
from orvanta_platform.workflow.languages import address_import, deno_only_import, runtime_fault
from orvanta_platform.workflow.tree.extensions import ending_of
from orvanta_platform.workflow.tree.item import Item
from orvanta_platform.workflow.tree.paths import (
    DOCUMENTS,
    FLOW_FOLDERS,
    PLACED,
    SCRIPT_LOCK,
    SCRIPT_SETTINGS,
    alike,
    folder_of,
    item_path,
)

Advice = tuple[str, str]
"""Code and message."""

_DOCKER: Final = re.compile(r"\A(?:[ \t]*(?:#[^\n]*)?\n)*?[ \t]*#[ \t]*docker[ \t]*\r?$", re.MULTILINE)
CODE_UNUSED: Final[Advice] = ("code_unused", "it has no effect: no workflow refers to it; delete it, or refer to it")
"""Warning about a file in the folder of a workflow."""
_MISPLACED: Final[Advice] = ("misplaced", "it is left out: items are in folders f/<folder> and u/<user>")
_DIALECTS: Final = ".pg.sql, .my.sql, .bq.sql, .sf.sql, .ms.sql or .duckdb.sql"


def of_item(item: Item) -> Iterator[Advice]:
    """Yield the warnings about an item."""
    content = item.content
    if item.kind == "script":
        yield from of_script(content["language"], content["content"], content.get("settings") or {})
    if item.kind == "schedule" and content.get("cron_version") == "v1" and _has_numbered_days(content):
        yield (
            "cron_version",
            "its numbers of days of the week begin with 0 = Sunday, 1 = Monday here, and with 1 = Sunday in v1: "
            "it fires a day later, so write names (MON), or subtract 1 and write v2",
        )


def _has_numbered_days(schedule: Mapping[str, Any]) -> bool:
    fields = str(schedule.get("schedule", "")).split()
    return len(fields) in (5, 6) and any(part.isdigit() for part in re.split(r"[,\-/#]", fields[-1].partition("/")[0]))


def of_script(language: str, content: str, settings: Mapping[str, Any]) -> Iterator[Advice]:
    """Yield the warnings about a script."""
    if fault := runtime_fault(language):
        yield "no_runtime", f"{fault}; its runs fail"
    if foreign := deno_only_import(language, content):
        yield "import_unavailable", f"line {foreign[0]} imports {foreign[1]!r}, which only the language deno can"
    if language == "deno" and (foreign := address_import(content)):
        yield "runs_on_bun", f"line {foreign[0]} imports {foreign[1]!r}, which fails on workers without Deno"
    if language == "bash" and _DOCKER.search(content):
        yield "docker_ignored", "its comment `# docker` has no effect: it runs as any Bash script, without a container"
    found, names = job_variables.of_script(settings.get("envs"))
    if (found or names) and not job_variables.have_effect(language):
        yield "envs_ignored", f"its environment variables (`envs`) are not set for the language {language!r}"
    elif names:
        reason = "they need a value (`NAME=value`) and a name that the platform does not use"
        yield "envs_ignored", f"some of its environment variables (`envs`) are not set, {reason}: {', '.join(names)}"


def of_unused(names: Collection[str]) -> Iterator[tuple[str, Advice]]:
    """Yield the files that look like parts of scripts and belong to none, each with a warning."""
    stems = {name.removesuffix(ending) for name in names if (ending := ending_of(name)) is not None}
    for name in sorted(names):
        suffix = next((each for each in (*SCRIPT_SETTINGS, SCRIPT_LOCK, ".sql") if name.endswith(each)), None)
        if suffix is None or folder_of(name) is not None or item_path(name, [suffix]) is None:
            continue
        if suffix == ".sql" and ending_of(name) is None:
            yield name, ("dialect_missing", f"it is left out: its name must end in the dialect, {_DIALECTS}")
        elif suffix != ".sql" and name.removesuffix(suffix) not in stems:
            yield name, ("code_missing", "it is left out: there is no file with the code of its script")


def of_misplaced(names: Collection[str], flow_folders: Collection[str]) -> Iterator[tuple[str, Advice]]:
    """Yield the files that look like items and are where none can be, each with a warning.

    `flow_folders`: names of the folders that end like those of workflows. A tree without f and u has no such places.
    """
    present = set(names)
    for folder in sorted(filter(is_below_areas, flow_folders)):
        if not any(f"{folder}/{each}" in present for each in DOCUMENTS):
            yield folder, ("flow_empty", "it is left out: it contains no flow.yaml")
        elif item_path(folder, FLOW_FOLDERS) is None:
            yield folder, _MISPLACED
    if not any(map(is_below_areas, names)):
        return
    for name in sorted(names):
        if folder_of(name) is None and _has_item_name(name) and item_path(name, ()) is None:
            yield name, _MISPLACED


def of_alike(names: Collection[str]) -> Iterator[tuple[str, Advice]]:
    """Yield the files below f and u whose names differ from others only in case or form, each with a warning."""
    for other, name in alike(each for each in names if is_below_areas(each)):
        yield name, alike_warning(other)


def alike_warning(other: str) -> Advice:
    """Return the warning about a file or item whose name differs from `other` only in case or form."""
    text = f"its name differs from {other} only in case or form, which bound Git repositories refuse: rename one"
    return "names_alike", text


def of_other_code(names: Collection[str]) -> list[str]:
    """Return the files of code outside of f and u, which may belong to no item, in a tree that has f or u."""
    outside = [name for name in sorted(names) if ending_of(name) is not None and not is_below_areas(name)]
    return outside if len(outside) < len(names) and any(map(is_below_areas, names)) else []


def is_below_areas(name: str) -> bool:
    """Return whether a file is below f or u."""
    return name.startswith(("f/", "u/"))


def _has_item_name(name: str) -> bool:
    """Return whether the name of a file is that of an item; elsewhere than below f and u, code may be anything."""
    if ending_of(name) is not None:
        return is_below_areas(name)
    return name.endswith((*SCRIPT_SETTINGS, SCRIPT_LOCK, *PLACED))
