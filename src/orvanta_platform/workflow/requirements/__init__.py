"""Which packages a script needs: read from its text, which is never imported. Pure."""

from __future__ import annotations

from orvanta_platform.workflow.requirements.flow import InlineNeed, inline_needs, rawscripts
from orvanta_platform.workflow.requirements.needs import Ecosystem, Requirements, ecosystem_of, requirements_of
from orvanta_platform.workflow.requirements.squatting import suspicions

__all__ = [
    "Ecosystem",
    "InlineNeed",
    "Requirements",
    "ecosystem_of",
    "inline_needs",
    "rawscripts",
    "requirements_of",
    "suspicions",
]
