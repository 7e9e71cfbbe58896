"""Imports inside functions: a process that is running during an upgrade must not load modules of another version."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "orvanta_platform"

EXEMPT = {
    "daemons/alerts.py": "loads the HTTP and SMTP clients if alerts have channels",
    "daemons/monitoring.py": "loads the library of metrics at startup, if they are configured",
    "embedded/supervision.py": "loads what starts the database if its keeper was killed",
    "outbound/connection_tests.py": "loads the HTTP client with the first test of a connection",
    "outbound/openid.py": "loads the HTTP client with the first call of a provider of identities",
    "services/access/instance_mail.py": "loads the SMTP client with the first mail",
    "services/approvals/notification_queue.py": "loads the HTTP and SMTP clients with the first notification",
    "services/changes/item_webhooks.py": "loads the HTTP client with the first change that a webhook receives",
    "services/maintenance/alert_tests.py": "loads the HTTP and SMTP clients with the first test of a channel",
    "services/platform.py": "loads the client of a remote store at startup, if one is configured",
    "worker/execute.py": "loads the HTTP client with the first call of an HTTP trigger",
    "worker/runtimes/manifest.py": "must not load in a zygote",
    "worker/runtimes/postgresql/__init__.py": "must not load in a zygote",
    "workflow/signature/fault.py": "loads the grammar of TypeScript in the command line only, never in a server",
}
"""Modules with late imports, with the reason. None of these imports happens during shutdown."""


def late_imports(path: Path) -> Iterator[int]:
    """Yield the lines of the imports of this package that run only when a function is called."""
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("orvanta_platform"):
                    yield node.lineno


def test_long_running_processes_import_at_startup() -> None:
    late = {
        str(path.relative_to(SOURCE)): lines
        for path in SOURCE.rglob("*.py")
        if path.relative_to(SOURCE).parts[0] != "cli" and (lines := sorted(set(late_imports(path))))
    }
    assert set(late) == set(EXEMPT), late
