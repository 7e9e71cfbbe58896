"""Runs as a command sees them: what `/api/v1/runs/{id}` says, the fields that are shown."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from orvanta_platform.cli.client.errors import CANCELLED, FAILED, SUCCEEDED
from orvanta_platform.cli.client.output import local_time

_EXIT_CODES = {"succeeded": SUCCEEDED, "failed": FAILED, "cancelled": CANCELLED}


class Node(msgspec.Struct, kw_only=True):
    """One node. `status`: pending, queued, running, waiting, succeeded, failed, skipped, cancelled.

    `about`: what is inside it in numbers, or how often it ran inside another; `depth`: how many hold it.
    """

    id: str
    status: str
    kind: str = ""
    job: str = ""
    attempt: int = 0
    started_at: str | None = None
    duration_ms: int | None = None
    error: Any = None
    about: str = ""
    depth: int = 0

    @property
    def ended(self) -> bool:
        """Whether its status will not change any more."""
        return self.status in ("succeeded", "failed", "skipped", "cancelled")


class Wait(msgspec.Struct, kw_only=True):
    """A node that waits, and for what. `code`: the same for programs."""

    id: str
    reason: str
    code: str = ""
    before: int | None = None
    until: str | None = None

    @property
    def comes_by_itself(self) -> bool:
        """Whether nobody needs to be told of it: a free slot, or what is under way elsewhere in the run."""
        return self.code in ("no_slot", "children", "run")

    @property
    def text(self) -> str:
        """The reason with what is known of it."""
        return waits_text(self.reason, self.before, self.until)


class Run(msgspec.Struct, kw_only=True):
    """A run. `result` is JSON text, null while it is under way."""

    run_id: str
    status: str
    workflow: str | None = None
    nodes: list[Node] = []
    waits: list[Wait] = []
    started_at: str | None = None
    duration_ms: int | None = None
    wait_reason: str | None = None
    result: Raw = Raw(b"null")

    @property
    def ended(self) -> bool:
        """Whether there is a result."""
        return self.status in _EXIT_CODES

    @property
    def exit_code(self) -> int:
        """The exit code of a command that waited for its end."""
        return _EXIT_CODES[self.status]

    @property
    def error_text(self) -> str:
        """One line that says what failed; empty where nothing did, or where the error says nothing."""
        if self.status != "failed":
            return ""
        failed = next((node for node in self.nodes if node.status == "failed"), None)
        error = failed.error if failed else error_of(self.result)
        text = told(error)
        return f"{failed.id}: {text}" if failed and text else text


def waits_text(reason: str, before: int | None, until: str | None) -> str:
    """A reason, with how many come first and the time that is waited for."""
    known = [f"{before} before it"] * bool(before) + [f"until {local_time(until)}"] * bool(until)
    return f"{reason} ({', '.join(known)})" if known else reason


def told(error: Any) -> str:
    """An error object {name, message} as one line."""
    if not isinstance(error, dict):
        return ""
    parts = [str(error[key]) for key in ("name", "message") if error.get(key)]
    return " ".join(": ".join(parts).split())


def error_of(result: Raw) -> Any:
    """What stands under `error` in a result."""
    try:
        return msgspec.json.decode(result, type=dict[str, Any]).get("error")
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def parse(text: bytes) -> Run:
    """The run in an answer of the API."""
    return msgspec.json.decode(text, type=Run)
