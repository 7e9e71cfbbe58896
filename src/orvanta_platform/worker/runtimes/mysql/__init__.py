"""SQL for MySQL and MariaDB, run in a cell. Arguments are `-- ? name (type)` or `-- :name (type)`."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(languages=("mysql",), host="orvanta_platform.worker.runtimes.mysql.host", dependencies="python")
