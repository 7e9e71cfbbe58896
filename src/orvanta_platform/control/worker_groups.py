"""Settings of worker groups, the value of the setting `worker_groups`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec

from orvanta_platform.errors import BadRequest
from orvanta_platform.workflow import job_variables

LEVELS: Final = ("none", "landlock", "userns", "full")
"""Isolation levels, the weakest first."""

Queue = Annotated[
    str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\s,:\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+$")
]
"""Name of a queue: not that of one worker, which contains a colon."""
_Priority = Annotated[int, msgspec.Meta(ge=1, le=100)]
_MAX_GROUPS: Final = 200


class WorkerGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of the workers of a group. Those that are null are the workers' own, from their environment."""

    worker_tags: Annotated[list[Queue], msgspec.Meta(min_length=1, max_length=100)] | None = None
    """Queues that the workers serve."""
    priority_tags: Annotated[dict[Queue, _Priority], msgspec.Meta(max_length=100)] = {}
    """Queues that are served before others, the highest number first."""
    slots: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    """Jobs that each worker runs concurrently."""
    env_vars_static: dict[str, str] = {}
    """Environment variables of all jobs on these workers. Every job can read them: do not store secrets in them."""
    isolation: Literal["none", "landlock", "userns", "full"] | None = None
    """Weakest isolation level at which the workers claim jobs."""

    network: Literal["none"] | None = None
    """`none`: jobs have no network, nor have the programs that install their packages. null: that of the worker."""

    def allows(self, level: str) -> bool:
        """Return whether a worker with this isolation level may claim jobs."""
        return self.isolation is None or LEVELS.index(level) >= LEVELS.index(self.isolation)


def check(new: Mapping[str, WorkerGroup], before: Mapping[str, WorkerGroup]) -> None:
    """Check the settings of all groups. Raises BadRequest."""
    if len(new) > _MAX_GROUPS:
        raise BadRequest(f"There are at most {_MAX_GROUPS} worker groups.")
    for name, group in new.items():
        if group == before.get(name):
            continue
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
            raise BadRequest(
                f"The name {name[:100]!r} of a worker group is not valid.",
                hint="Use up to 100 letters, digits, hyphens and underscores, as in ORVANTA_WORKER_GROUP.",
            )
        _check_variables(group.env_vars_static)


def _check_variables(variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        if not job_variables.may_set(name):
            raise BadRequest(
                f"The environment variable {name[:100]!r} cannot be set.",
                hint="Use letters, digits and underscores; the platform sets PATH, HOME, OV_*, WM_* and similar names.",
            )
        if "\0" in value:
            raise BadRequest(f"The value of {name} contains a zero byte.")
    if sum(len(name) + len(value) for name, value in variables.items()) > job_variables.MAX_CHARS:
        raise BadRequest(f"The environment variables of a group have at most {job_variables.MAX_CHARS} characters.")
