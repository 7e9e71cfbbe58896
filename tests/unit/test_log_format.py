"""Lines of the log of a process, as key=value pairs and as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from orvanta_platform.cli.environment import log_processors
from orvanta_platform.ids import new_run_id


def line(format: str, event: str, **fields: Any) -> str:
    """Return the line of an error event that is logged while a job is processed."""
    with structlog.contextvars.bound_contextvars(run="r1", job="j1"):
        log = structlog.wrap_logger(structlog.ReturnLogger(), log_processors(format), structlog.BoundLogger)
        written: str = log.error(event, **fields)
        return written


def test_json_line_has_ids_and_traceback_but_no_variables() -> None:
    password = "hunter2-of-a-variable"
    worker = new_run_id()
    try:
        raise ValueError(f"{len(password)} characters\nin two lines")
    except ValueError:
        text = line("json", "slot failed", action="slot", worker=worker, exc_info=True)
    found = msgspec.json.decode(text)
    assert "\n" not in text and password not in text
    assert (found["event"], found["level"], found["action"]) == ("slot failed", "error", "slot")
    assert (found["run"], found["job"], found["worker"]) == ("r1", "j1", str(worker))
    assert "ValueError" in found["exception"] and found["timestamp"].endswith("Z")
    assert msgspec.json.decode(line("json", "slot failed", job="j2"))["job"] == "j2"


def test_console_line_starts_with_time_level_and_event() -> None:
    text = line("console", "slot failed", action="slot")
    assert text.startswith("timestamp=") and "level='error' event='slot failed'" in text and "run='r1'" in text
