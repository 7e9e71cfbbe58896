"""Helpers that run single jobs and collect their logs."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from orvanta_platform.sandbox.plan import Level
from orvanta_platform.worker.limits import Limits
from orvanta_platform.worker.outcome import JobOutcome, JobSpec
from orvanta_platform.worker.runtimes.pool import Runtimes

# As root, test_ordinary_user.py runs the tests of an ordinary user too, which include userns.
LEVELS: list[Level] = ["full", "landlock"] if os.geteuid() == 0 else ["userns", "landlock"]


@dataclass
class Collected:
    """A log sink that stores everything and sets an event for each message."""

    parts: list[str] = field(default_factory=list)
    streamed: list[str] = field(default_factory=list)
    computed: list[str] = field(default_factory=list)
    """Arguments of `main` that preprocessors have computed."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, text: str) -> None:
        self.parts.append(text)
        self.arrived.set()

    async def stream(self, text: str) -> None:
        self.streamed.append(text)
        self.arrived.set()

    async def arguments(self, text: str) -> None:
        self.computed.append(text)
        self.arrived.set()

    @property
    def text(self) -> str:
        return "".join(self.parts)


@dataclass
class Ran:
    """Outcome of a job."""

    outcome: JobOutcome
    log: str
    streamed: str = ""
    computed: str = ""

    @property
    def value(self) -> Any:
        assert self.outcome.error is None, self.outcome.error
        assert self.outcome.result is not None
        return json.loads(self.outcome.result)

    @property
    def error(self) -> tuple[str, str]:
        assert self.outcome.result is None
        assert self.outcome.error is not None
        return self.outcome.error.name, self.outcome.error.message


def spec(
    language: str,
    content: str,
    args: Mapping[str, Any] | bytes | None = None,
    *,
    env: Mapping[str, str] | None = None,
    timeout_s: float = 20,
    slot: int = 0,
    job_id: UUID | None = None,
    **limits: int,
) -> JobSpec:
    """Return the specification of a job with small defaults."""
    text = args if isinstance(args, bytes) else json.dumps(args or {}).encode()
    return JobSpec(
        job_id or uuid4(), 1, "admins", language, content, text, env or {}, timeout_s, Limits(**limits), slot
    )


async def run(runtimes: Runtimes, language: str, content: str, args: Any = None, **options: Any) -> Ran:
    """Run a job until it ends."""
    return await run_spec(runtimes, spec(language, content, args, **options))


async def run_spec(runtimes: Runtimes, what: JobSpec) -> Ran:
    """Run the job of a specification until it ends."""
    log = Collected()
    outcome = await runtimes.run(what, log, asyncio.Event())
    assert (outcome.result is None) != (outcome.error is None)
    return Ran(outcome, log.text, "".join(log.streamed), "".join(log.computed))


async def still_works(runtimes: Runtimes) -> None:
    """Check that the worker still executes jobs of both languages."""
    assert (await run(runtimes, "python3", "def main(x): return x + 1", {"x": 41})).value == 42
    assert (await run(runtimes, "bash", 'x="$1"\necho "$x"', {"x": "on"})).value == "on"
