"""Ruby scripts: a method `main(...)`. Arguments are passed by name."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(
    languages=("ruby",),
    host="orvanta_platform.worker.runtimes.ruby.host",
    program="ruby",
    dependencies="gems",
    remedy="install Ruby 3 in /usr/bin or /usr/local/bin",
)
