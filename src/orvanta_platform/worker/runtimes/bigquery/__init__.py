"""SQL for BigQuery, run in a cell. Arguments are `-- @name (type)`."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(languages=("bigquery",), host="orvanta_platform.worker.runtimes.bigquery.host", dependencies="python")
