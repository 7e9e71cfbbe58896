"""SQL for PostgreSQL, run in the worker's event loop.

Arguments are `-- $1 name (type) = default`; the result is the rows of the last statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orvanta_platform.worker.runtimes.manifest import Runtime

if TYPE_CHECKING:
    from orvanta_platform.worker.runtimes.manifest import Native


def _native() -> Native:
    from orvanta_platform.worker.native.postgresql.run import run

    return run


RUNTIME = Runtime(languages=("postgresql",), host=None, native=_native)
