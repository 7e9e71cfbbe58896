"""Imports of one script by another in a workspace, determined from the text, which is never run."""

from __future__ import annotations

from orvanta_platform.workflow.script_imports.closure import Closure, Module, find_cycle, parse_manifest, place_of
from orvanta_platform.workflow.script_imports.reference import Import
from orvanta_platform.workflow.script_imports.scripts import (
    can_import,
    importing_language,
    imports_of,
    inline_path,
    may_import,
)

__all__ = [
    "Closure",
    "Import",
    "Module",
    "can_import",
    "find_cycle",
    "importing_language",
    "imports_of",
    "inline_path",
    "may_import",
    "parse_manifest",
    "place_of",
]
