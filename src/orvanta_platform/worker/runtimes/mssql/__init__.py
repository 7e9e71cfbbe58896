"""SQL for SQL Server, run in a cell. Arguments are `-- @p1 name (type)` or `-- @name (type)`."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(languages=("mssql",), host="orvanta_platform.worker.runtimes.mssql.host", dependencies="python")
