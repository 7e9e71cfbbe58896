"""Arguments that a script's preprocessor computed for `main`, as text for the log of the run."""

from __future__ import annotations

from typing import Any

import msgspec

from orvanta_platform.db import runs
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.errors import OrvantaError
from orvanta_platform.evaluate.raw import require_utf8
from orvanta_platform.orchestrator import sealed_inputs
from orvanta_platform.services.platform import Platform
from orvanta_platform.worker.masking import Masking

MAX_CHARS = 2000
"""Maximum number of characters shown."""


async def describe(platform: Platform, job: ClaimedJob, masking: Masking, text: str) -> str | None:
    """Return the arguments in JSON without secrets and password inputs, shortened; None if they cannot be shown.

    The process that wrote `text` is not trusted.
    """
    raw = text.encode("utf-8", "replace")
    try:
        msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        require_utf8(raw)
        schema = await _schema(platform, job)
        shown, _ = await sealed_inputs.take_out(platform, job.run.workspace, job.run.id, raw, schema)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OrvantaError):
        return None
    await masking.load_opened()
    found = masking.json(shown).decode()
    return found if len(found) <= MAX_CHARS else f"{found[:MAX_CHARS]}…"


async def _schema(platform: Platform, job: ClaimedJob) -> Any:
    """Return the schema of the script; None for a preview."""
    if job.run.version is None:
        return None
    async with platform.db.acquire() as connection:
        settings = await runs.get_settings(connection, job.run.workspace, job.run.version)
    return (settings or {}).get("schema")
