"""Outcomes of tests of workflows, which are bound to the document and to the test.

The tests of a document that is not stored yet are run before the transaction that stores it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from orvanta_platform import clock
from orvanta_platform.db.workflow_tests import TestName
from orvanta_platform.orchestrator.compilation import compiled
from orvanta_platform.orchestrator.document_threads import run_in_thread
from orvanta_platform.orchestrator.recorded_tests import MAX_SECONDS as PLAYBACK_SECONDS
from orvanta_platform.orchestrator.recorded_tests import run_test
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.turns import Kind
from orvanta_platform.workflow.hashes import hash_text
from orvanta_platform.workflow.playback.document import decode

MAX_OUTCOMES: Final = 10_000
"""Maximum number of outcomes that a process stores. A test of the same document has the same outcome."""

_BATCH: Final = 8
"""Number of tests whose bodies are loaded at once, of up to a mebibyte each."""

Loader: TypeAlias = Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]
"""Loads the bodies of tests (JSON text) by name."""


class TestedDocument(msgspec.Struct, frozen=True):
    """A document whose tests are run."""

    __test__ = False  # tells pytest that this is no test class

    workspace: str
    """Workspace of the tests, whose evaluator runs expressions."""
    path: str
    text: str
    """The document, as YAML or JSON."""
    turn: tuple[Kind, str]
    """Turn of a workspace in which the tests are run."""


async def outcomes_of(
    platform: Platform, document: TestedDocument, tests: Sequence[TestName], load: Loader, until: float
) -> dict[str, bool]:
    """Return whether tests pass, by name, without those that cannot be run until `until` (clock.monotonic), or that
    exceed the time limit of a playback.

    Outcomes are stored, and tests with a stored outcome are not run. Raises InvalidWorkflow, BadRequest, RateLimited,
    EvaluatorUnavailable.
    """
    known, digest = platform.test_outcomes, hash_text(document.text)
    found = {each.name: known.get((document.path, digest, each.hash)) for each in tests}
    unknown = [each for each in tests if found[each.name] is None]
    if unknown:
        async with platform.turns.take(*document.turn):
            found |= await _run_tests(platform, document, unknown, load, until)
    return {name: passed for name, passed in found.items() if passed is not None}


async def _run_tests(
    platform: Platform, document: TestedDocument, tests: Sequence[TestName], load: Loader, until: float
) -> dict[str, bool]:
    known, digest = platform.test_outcomes, hash_text(document.text)
    plan = await compiled(document.text.encode())
    outcomes: dict[str, bool] = {}
    for batch in (tests[at : at + _BATCH] for at in range(0, len(tests), _BATCH)):
        if clock.monotonic() > until:
            break
        bodies = await load([each.name for each in batch])
        for each in batch:
            began = clock.monotonic()
            if each.name not in bodies or began > until:
                continue
            test = await run_in_thread(document.workspace, decode, bodies[each.name])
            passed = (await run_test(plan, document.path, test, platform.evaluator.of(document.workspace))).passed
            # A busy server can exceed the time limit of a playback: that is not an outcome of the test.
            if passed or clock.monotonic() - began < PLAYBACK_SECONDS:
                outcomes[each.name] = known[document.path, digest, each.hash] = passed
    while len(known) > MAX_OUTCOMES:
        known.popitem(last=False)
    return outcomes
