"""Packages required by a script, determined from its text, which is never imported."""

from __future__ import annotations

from orvanta_platform.workflow.requirements.flow import (
    InlineScript,
    inline_scripts,
    lock_of,
    placed_rawscripts,
    rawscripts,
)
from orvanta_platform.workflow.requirements.lock_text import lock_fault, usable_lock
from orvanta_platform.workflow.requirements.locked import LockedPackage, LockUnreadable, locked_packages, normal_name
from orvanta_platform.workflow.requirements.needs import (
    Ecosystem,
    Requirements,
    ecosystem_of,
    may_need,
    requirements_of,
)
from orvanta_platform.workflow.requirements.python_version import satisfies, wanted_python
from orvanta_platform.workflow.requirements.squatting import suspicions
from orvanta_platform.workflow.requirements.union import union

__all__ = [
    "Ecosystem",
    "InlineScript",
    "LockUnreadable",
    "LockedPackage",
    "Requirements",
    "ecosystem_of",
    "inline_scripts",
    "lock_fault",
    "lock_of",
    "locked_packages",
    "may_need",
    "normal_name",
    "placed_rawscripts",
    "rawscripts",
    "requirements_of",
    "satisfies",
    "suspicions",
    "union",
    "usable_lock",
    "wanted_python",
]
