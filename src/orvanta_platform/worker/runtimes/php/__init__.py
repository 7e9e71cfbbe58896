"""PHP scripts: a function `main(...)`. Arguments are passed by name."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(
    languages=("php",),
    host="orvanta_platform.worker.runtimes.php.host",
    program="php",
    dependencies="composer",
    remedy="install PHP 8 for the command line (php-cli) in /usr/bin or /usr/local/bin",
)
