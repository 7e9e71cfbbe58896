"""R scripts: a function `main(...)`. Arguments are passed by name; jsonlite converts them and the result."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(
    languages=("rlang",),
    host="orvanta_platform.worker.runtimes.rlang.host",
    program="Rscript",
    remedy="install R with jsonlite (r-base-core, r-cran-jsonlite) in /usr/bin or /usr/local/bin",
)
