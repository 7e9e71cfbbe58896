"""Packages required by a script, determined from its text, which is never imported."""

from __future__ import annotations

from orvanta_platform.workflow.requirements.flow import InlineScript, inline_scripts, rawscripts
from orvanta_platform.workflow.requirements.needs import (
    Ecosystem,
    Requirements,
    ecosystem_of,
    may_need,
    requirements_of,
)
from orvanta_platform.workflow.requirements.squatting import suspicions

__all__ = [
    "Ecosystem",
    "InlineScript",
    "Requirements",
    "ecosystem_of",
    "inline_scripts",
    "may_need",
    "rawscripts",
    "requirements_of",
    "suspicions",
]
