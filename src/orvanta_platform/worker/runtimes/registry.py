"""Registry of runtimes by language. To add a language, add a folder and its name here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orvanta_platform.worker.runtimes import (
    bash,
    bigquery,
    bun,
    csharp,
    deno,
    duckdb,
    go,
    graphql,
    java,
    mssql,
    mysql,
    nu,
    php,
    postgresql,
    powershell,
    python,
    rlang,
    ruby,
    rust,
    snowflake,
)
from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIMES: Final[tuple[Runtime, ...]] = (
    python.RUNTIME,
    bash.RUNTIME,
    bun.RUNTIME,
    deno.RUNTIME,
    postgresql.RUNTIME,
    duckdb.RUNTIME,
    mysql.RUNTIME,
    mssql.RUNTIME,
    snowflake.RUNTIME,
    bigquery.RUNTIME,
    graphql.RUNTIME,
    rlang.RUNTIME,
    nu.RUNTIME,
    powershell.RUNTIME,
    java.RUNTIME,
    csharp.RUNTIME,
    rust.RUNTIME,
    php.RUNTIME,
    ruby.RUNTIME,
    go.RUNTIME,
)

BY_LANGUAGE: Final[dict[str, Runtime]] = {language: each for each in RUNTIMES for language in each.languages}


def hosts(runtimes: Mapping[str, Runtime]) -> dict[str, str]:
    """Return the module that runs each language in a cell, for languages whose programs are installed."""
    return {
        language: runtime.host
        for language, runtime in runtimes.items()
        if runtime.host is not None and runtime.missing() is None
    }
