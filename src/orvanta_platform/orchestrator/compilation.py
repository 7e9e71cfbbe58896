"""Compilation of stored documents to plans; a large one takes seconds."""

from __future__ import annotations

import asyncio
from typing import Final

from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.engine.plan import Plan
from orvanta_platform.errors import RateLimited
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.workflow import document, normal

_MAX_INLINE: Final = 16 << 10
"""Largest document, in bytes, that is compiled in the event loop."""

_MAX_UNLIMITED: Final = 256 << 10
"""Largest document, in bytes, for whose compilation any number of calls may wait."""

_MAX_WAITING_CALLS: Final = 6
"""Maximum number of calls that wait for larger documents. Each holds a connection, of which a server has 12."""

_RETRY_AFTER_S: Final = 5


def plan_of(body: bytes) -> Plan:
    """Return the plan of a stored document, which is JSON or YAML. Raises InvalidWorkflow."""
    tree = document.parse(body, "json" if body.lstrip()[:1] == b"{" else "yaml").tree
    return compile_plan(normal.normalise(tree)["value"])


async def compiled(body: bytes) -> Plan:
    """Return the plan of a stored document; a large one is compiled outside the event loop."""
    return plan_of(body) if len(body) <= _MAX_INLINE else await document_threads.run_in_thread("", plan_of, body)


async def compiled_for_call(digest: bytes, body: bytes) -> Plan:
    """Return the plan of a stored document like `compiled`, for a call that holds a database connection meanwhile.

    Calls share the compilation of a large document. Raises RateLimited if too many wait.
    """
    if len(body) <= _MAX_UNLIMITED:
        return await compiled(body)
    return await _large_documents.plan(digest, body)


class _LargeDocuments:
    """Compilations of large documents, for a limited number of calls."""

    def __init__(self) -> None:
        self._calls = 0
        self._compiling: dict[bytes, asyncio.Task[Plan]] = {}

    async def plan(self, digest: bytes, body: bytes) -> Plan:
        """Return the plan of a document. Raises RateLimited."""
        if self._calls >= _MAX_WAITING_CALLS:
            raise RateLimited(
                "Too many large workflows are being read.",
                hint="Try again later.",
                details={"retry_after_s": _RETRY_AFTER_S},
            )
        self._calls += 1
        try:
            task = self._compiling.get(digest)
            if task is None:
                task = self._compiling[digest] = asyncio.create_task(compiled(body))
                task.add_done_callback(lambda _: self._compiling.pop(digest))
            return await asyncio.shield(task)
        finally:
            self._calls -= 1


_large_documents = _LargeDocuments()
