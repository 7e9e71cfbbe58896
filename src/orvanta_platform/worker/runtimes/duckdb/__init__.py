"""SQL for DuckDB, in a cell of its own: arguments `-- $name (type) = default`, result the last statement's rows."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(
    languages=("duckdb",),
    host="orvanta_platform.worker.runtimes.duckdb.host",
    program="python-duckdb",
    remedy="install the Python package duckdb beside the worker",
)
