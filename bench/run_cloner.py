"""Copies of a run: the rows of a run that was started by the platform are inserted again with other ids."""

from __future__ import annotations

import os
from collections.abc import Mapping
from uuid import UUID

import asyncpg

from orvanta_platform.ids import node_job_id

Tables = Mapping[str, tuple[str, str]]
"""Rows of a run, by table: the column with the id of the run, and the columns that a copy changes, as arguments of
jsonb_build_object (`new.run`, `new.job`: the ids of the copy). Values with the id of the run are its arguments and, for
a run of one node, its result.
"""

WAITING: Tables = {
    "run_live": ("id", "'id', new.run, 'root', new.run"),
    "approval": ("run", "'run', new.run, 'job', new.job"),
    "timer": ("run", "'run', new.run, 'job', new.job"),
    "event": ("run", "'run', new.run"),
    "value": ("id", "'id', new.run"),
}
"""A run of a workflow that waits for an approval."""

QUEUED: Tables = {
    "run_live": ("id", "'id', new.run, 'root', new.run"),
    "job_live": ("id", "'id', new.run, 'run', new.run, 'seq', nextval('job_seq')"),
    "event": ("run", "'run', new.run"),
    "value": ("id", "'id', new.run"),
}
"""A run of one node whose job waits in the queue."""

ENDED: Tables = {
    "run": ("id", "'id', new.run, 'root', new.run"),
    "event": ("run", "'run', new.run"),
    "value": ("id", "'id', new.run"),
}
"""A run of one node in history."""

_IDS = """\
CREATE TEMPORARY TABLE copied (run uuid NOT NULL, job uuid NOT NULL) ON COMMIT DROP
"""
_COPY = """\
INSERT INTO {table} OVERRIDING USER VALUE
SELECT clone.* FROM {table} old CROSS JOIN copied new
CROSS JOIN jsonb_populate_record(old, jsonb_build_object({changed})) clone
WHERE old.{key} = $1
"""


async def copy(url: str, run: UUID, tables: Tables, count: int, *, node: str = "", skip: int = 0) -> list[UUID]:
    """Insert `count` copies of `run`. Return their ids, one for each millisecond before it, after the first `skip`.

    `node`: the node whose id the job of a copy gets; "" for a run of one node, whose job has the id of the run.
    """
    ids = [_before(run, earlier_ms) for earlier_ms in range(skip + 1, skip + count + 1)]
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(_IDS)
            records = [(each, node_job_id(each, node)) for each in ids]
            await connection.copy_records_to_table("copied", records=records)
            for table, (key, changed) in tables.items():
                await connection.execute(_COPY.format(table=table, key=key, changed=changed), run)
        await connection.execute(f"ANALYZE {', '.join(tables)}")
    finally:
        await connection.close()
    return ids


def _before(run: UUID, milliseconds: int) -> UUID:
    """Return a new id of a run (UUIDv7) that started earlier."""
    rest = int.from_bytes(os.urandom(7), "big")
    return UUID(int=(run.int >> 80) - milliseconds << 80 | 0x7 << 76 | 0x2 << 62 | rest)
