"""Queues that workspaces may use, the value of the setting `queue_rules`.

Only queues as jobs have them are compared: `$workspace` and `$args[name]` of a tag are already replaced.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Final

import msgspec

from orvanta_platform.control import names
from orvanta_platform.control.worker_groups import Queue
from orvanta_platform.errors import BadRequest

OTHERS: Final = "*"
"""Name of the workspaces that `allowed` does not name."""

UNRESTRICTED: Final = "native"
"""Queue that every workspace may use: its jobs run no code and make no calls."""

_AMBIGUOUS: Final = re.compile(r"\$workspace(?:[A-Za-z0-9_-].*)?\*")
"""End of a name that begins with the queues of one workspace and those of another one, as `a-*` of `a` and `a-b`."""

_Queues = Annotated[list[Queue], msgspec.Meta(max_length=1000)]
_Workspaces = Annotated[list[str], msgspec.Meta(max_length=1000)]


class QueueRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rules about queues. A queue name that ends in `*` stands for all queues with that beginning."""

    reserved: Annotated[dict[Queue, _Workspaces], msgspec.Meta(max_length=1000)] = {}
    """Workspaces that may use a queue, by queue. All other queues are open to all workspaces."""

    allowed: Annotated[dict[str, _Queues], msgspec.Meta(max_length=1000)] = {}
    """The only queues that a workspace may use, by workspace; `*` stands for the workspaces that are not named."""

    @property
    def restrict(self) -> bool:
        """True if there is any rule."""
        return bool(self.reserved or self.allowed)

    def permits(self, workspace: str, queue: str) -> bool:
        """Return whether a job of the workspace may run in the queue."""
        if queue == UNRESTRICTED:
            return True
        for name, workspaces in self.reserved.items():
            if _matches(name, queue) and workspace not in workspaces:
                return False
        allowed = self.allowed.get(workspace, self.allowed.get(OTHERS))
        return allowed is None or any(_matches(name.replace("$workspace", workspace), queue) for name in allowed)

    def first_refused(self, workspace: str, queues: Iterable[str]) -> str | None:
        """Return the first of the queues that a workspace may not use, or None."""
        return next((queue for queue in queues if not self.permits(workspace, queue)), None)

    def permits_worker(self, workspace: str, queues: Collection[str] | None) -> bool:
        """Return whether jobs of the workspace may be bound to a worker that serves these queues (None: all)."""
        return queues is None or self.first_refused(workspace, queues) is None


NO_RULES: Final = QueueRules()


def refusal(workspace: str, queue: str) -> str:
    """Return the message about a queue that a workspace may not use."""
    return f"The workspace {workspace} may not use the queue {queue[:100]}."


def check(new: QueueRules, _before: QueueRules) -> None:
    """Check new rules. Raises BadRequest."""
    for name in (*new.reserved, *(each for queues in new.allowed.values() for each in queues)):
        if "*" in name[:-1]:
            raise BadRequest(f"The queue {name[:100]} has a * that is not its last character.")
        if _AMBIGUOUS.search(name):
            raise BadRequest(
                f"The queues {name[:100]} include those of workspaces whose names begin with that of another one.",
                hint="Write a character after $workspace that no name of a workspace has, such as $workspace.*",
            )
    if any(_matches(name, UNRESTRICTED) and not name.endswith("*") for name in new.reserved):
        raise BadRequest(f"The queue {UNRESTRICTED} cannot be reserved.", hint="Its jobs run no code.")
    _check_workspaces(new.reserved, new.allowed)


def _check_workspaces(reserved: Mapping[str, list[str]], allowed: Mapping[str, list[str]]) -> None:
    for workspace in (*(each for workspaces in reserved.values() for each in workspaces), *allowed):
        if workspace != OTHERS:
            names.check_name("workspace", workspace)
        elif workspace not in allowed:
            raise BadRequest("A reserved queue names its workspaces one by one.", hint="Name no workspace *.")


def _matches(name: str, queue: str) -> bool:
    return queue.startswith(name[:-1]) if name.endswith("*") else queue == name
