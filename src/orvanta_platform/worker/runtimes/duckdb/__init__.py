"""SQL for DuckDB, run in a cell. Arguments are `-- $name (type) = default`; the result is the last statement's rows."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(
    languages=("duckdb",),
    host="orvanta_platform.worker.runtimes.duckdb.host",
    program="python-duckdb",
    remedy="install the Python package duckdb in the worker's environment",
)
