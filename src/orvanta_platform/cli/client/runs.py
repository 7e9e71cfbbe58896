"""Runs as the command line shows them: the displayed fields of `/api/v1/runs/{id}`."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from orvanta_platform.cli.client.errors import CANCELLED, FAILED, SUCCEEDED
from orvanta_platform.cli.client.output import local_time

_EXIT_CODES = {"succeeded": SUCCEEDED, "failed": FAILED, "cancelled": CANCELLED}


class Node(msgspec.Struct, kw_only=True):
    """Node of a run."""

    id: str
    status: str
    """One of pending, queued, running, waiting, paused, succeeded, failed, skipped, cancelled."""
    kind: str = ""
    job: str = ""
    attempt: int = 0
    started_at: str | None = None
    duration_ms: int | None = None
    error: Any = None
    about: str = ""
    """Counts of the bodies of a node that contains others, or of the executions of a nested node."""
    depth: int = 0
    """Number of nodes that contain it."""

    @property
    def ended(self) -> bool:
        """True if its status is final."""
        return self.status in ("succeeded", "failed", "skipped", "cancelled")


class Wait(msgspec.Struct, kw_only=True):
    """Waiting node and its reason."""

    id: str
    reason: str
    code: str = ""
    """Reason for programs."""
    before: int | None = None
    until: str | None = None

    @property
    def resolves_itself(self) -> bool:
        """True if the wait needs no attention: a free slot, or unfinished work elsewhere in the run."""
        return self.code in ("no_slot", "children", "run")

    @property
    def text(self) -> str:
        """Reason with its details."""
        return waits_text(self.reason, self.before, self.until)


class Run(msgspec.Struct, kw_only=True):
    """State of a run."""

    run_id: str
    status: str
    workflow: str | None = None
    nodes: list[Node] = []
    waits: list[Wait] = []
    started_at: str | None = None
    duration_ms: int | None = None
    wait_reason: str | None = None
    result: Raw = Raw(b"null")
    """JSON text, null while the run is unfinished."""

    @property
    def ended(self) -> bool:
        """True if there is a result."""
        return self.status in _EXIT_CODES

    @property
    def exit_code(self) -> int:
        """Exit code of a command that waited for the run."""
        return _EXIT_CODES[self.status]

    @property
    def error_text(self) -> str:
        """One line about the failure; empty if nothing failed or the error has no text."""
        if self.status != "failed":
            return ""
        failed = next((node for node in self.nodes if node.status == "failed"), None)
        error = failed.error if failed else error_of(self.result)
        text = error_line(error)
        return f"{failed.id}: {text}" if failed and text else text


def waits_text(reason: str, before: int | None, until: str | None) -> str:
    """Return a reason with the number of preceding jobs and the time until which it waits."""
    details = [f"{before} before it"] * bool(before) + [f"until {local_time(until)}"] * bool(until)
    return f"{reason} ({', '.join(details)})" if details else reason


def error_line(error: Any) -> str:
    """Return an error object {name, message} as one line."""
    if not isinstance(error, dict):
        return ""
    parts = [str(error[key]) for key in ("name", "message") if error.get(key)]
    return " ".join(": ".join(parts).split())


def error_of(result: Raw) -> Any:
    """Return the member `error` of a result, or None."""
    try:
        return msgspec.json.decode(result, type=dict[str, Any]).get("error")
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def parse(text: bytes) -> Run:
    """Return the run in a response of the API."""
    return msgspec.json.decode(text, type=Run)
