"""Resources of an installation by minute, and their growth at the end of the measurement."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Any

from tests.soak.house import House

Sample = Mapping[str, float]

_TABLES = """
SELECT coalesce(p.relname, c.relname) AS name, sum(s.n_dead_tup)::bigint AS dead,
       sum(pg_table_size(c.oid))::bigint AS bytes, sum(pg_indexes_size(c.oid))::bigint AS indexes
FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent
WHERE c.relkind = 'r' GROUP BY 1 ORDER BY 1
"""
_QUEUE = """
SELECT (SELECT count(*) FROM run_live) AS runs, (SELECT count(*) FROM job_live WHERE state = 'available') AS available,
       (SELECT count(*) FROM job_live WHERE state = 'running') AS running, (SELECT count(*) FROM timer) AS timers,
       (SELECT count(*) FROM inbox) AS inbox, (SELECT count(*) FROM approval) AS approvals
"""
_RUNS = "SELECT count(*) FROM run"


async def sample(house: House, named: Collection[str]) -> dict[str, float]:
    """Return the current sizes: dead rows, `table` and `indexes` in bytes by table, `rss` by process, the `queue`.

    `tables`: sum of all tables with their indexes, except those in `named`.
    """
    found: dict[str, float] = {}
    tables = await house.ask(_TABLES)
    for row in tables:
        found[f"dead {row['name']}"] = row["dead"]
        found[f"table {row['name']}"] = row["bytes"]
        found[f"indexes {row['name']}"] = row["indexes"]
    found["tables"] = sum(row["bytes"] + row["indexes"] for row in tables if row["name"] not in named)
    found |= {f"queue {name}": value for name, value in dict((await house.ask(_QUEUE))[0]).items()}
    found["history runs"] = await house.value(_RUNS)
    found["objects"] = sum(path.stat().st_size for path in (house.home / "objects").rglob("*") if path.is_file())
    return found | house.memory()


def per_hour(values: Sequence[float], seconds: Sequence[float]) -> float:
    """Return the growth per hour as the median of the slopes between all samples, which ignores sawtooth patterns."""
    slopes = [(b - a) / (later - at) for (a, at), (b, later) in combinations(zip(values, seconds, strict=True), 2)]
    return statistics.median(slopes) * 3600 if slopes else 0.0


def growth(samples: Sequence[Sample]) -> dict[str, tuple[float, float, float]]:
    """Return for each series its mean in the last third, its growth there per hour, and that in percent of the mean."""
    last = samples[-max(2, len(samples) // 3) :]
    seconds = [each["at_s"] for each in last]
    found = {}
    for name in last[-1]:
        values = [each[name] for each in last if name in each]
        if name != "at_s" and len(values) == len(last):
            mean, slope = statistics.fmean(values), per_hour(values, seconds)
            found[name] = (mean, slope, 100 * slope / mean if mean else 0.0)
    return found


def record(samples: Sequence[Sample], grown: Mapping[str, tuple[float, float, float]]) -> dict[str, Any]:
    """Return the record of the samples as JSON values: each series by name, then its growth."""
    names = sorted({name for each in samples for name in each})
    return {
        "series": {name: [round(each[name]) if name in each else None for each in samples] for name in names},
        "growth": {
            name: {"mean": round(mean), "per_hour": round(slope), "percent_per_hour": round(percent, 2)}
            for name, (mean, slope, percent) in sorted(grown.items())
        },
    }
