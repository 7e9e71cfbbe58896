"""Very many runs that wait for people: one that was really started, written again under other ids."""

from __future__ import annotations

import os
from uuid import UUID

import asyncpg

from orvanta_platform.ids import node_job_id

_IDS = """\
CREATE TEMPORARY TABLE copied (run uuid NOT NULL, job uuid NOT NULL) ON COMMIT DROP
"""
# What a run that waits has in each table, by the column of its run; values of its own id are its arguments.
_TABLES = {"run_live": "id", "approval": "run", "timer": "run", "event": "run", "value": "id"}
_COPY = """\
INSERT INTO {table} OVERRIDING USER VALUE
SELECT made.* FROM {table} old CROSS JOIN copied new
CROSS JOIN jsonb_populate_record(old, {changed}) made
WHERE old.{key} = $1
"""
_CHANGED = {
    "run_live": "jsonb_build_object('id', new.run, 'root', new.run)",
    "approval": "jsonb_build_object('run', new.run, 'job', new.job)",
    "timer": "jsonb_build_object('run', new.run, 'job', new.job)",
    "event": "jsonb_build_object('run', new.run)",
    "value": "jsonb_build_object('id', new.run)",
}


async def copy(url: str, run: UUID, node: str, count: int) -> list[UUID]:
    """Write `run`, which waits at `node`, so many times more; gives the ids, made one in each millisecond before it."""
    ids = [_before(run, place) for place in range(1, count + 1)]
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(_IDS)
            records = [(each, node_job_id(each, node)) for each in ids]
            await connection.copy_records_to_table("copied", records=records)
            for table, key in _TABLES.items():
                await connection.execute(_COPY.format(table=table, key=key, changed=_CHANGED[table]), run)
        await connection.execute("ANALYZE run_live, approval, timer, value")
    finally:
        await connection.close()
    return ids


def _before(run: UUID, milliseconds: int) -> UUID:
    rest = int.from_bytes(os.urandom(7), "big")
    return UUID(int=(run.int >> 80) - milliseconds << 80 | 0x7 << 76 | 0x2 << 62 | rest)
