"""Lists of runs and jobs: conditions are added to the four queries of the views, whose results are merged by id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from orvanta_platform.db.job_views import JobRow, job_row
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("job_views")

Part = Literal["live_runs", "live_jobs", "past_jobs", "ended_runs", "ended_jobs"]


class Visible(msgspec.Struct, frozen=True):
    """The rows of a workspace visible to a caller; the fields are those of control.permissions.Readable."""

    everything: bool
    patterns: Sequence[str]
    principals: Sequence[str]
    username: str
    scope: Sequence[str] | None


class PathText(msgspec.Struct, frozen=True):
    """A text in the path of an item, or in its name."""

    text: str
    named: Sequence[str]
    """Paths of the items whose names contain the text."""


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Conditions of a list; None: no condition. Time bounds are exclusive."""

    script_path_exact: str | None = None
    """The present path of an item, whose runs under its former paths match too."""
    script_path_start: str | None = None
    script_path_text: str | None = None
    """Substring of the path, in any case."""
    path_or_name: PathText | None = None
    script_hash: str | None = None
    created_before: datetime | None = None
    created_after: datetime | None = None
    started_before: datetime | None = None
    started_after: datetime | None = None
    completed_before: datetime | None = None
    completed_after: datetime | None = None
    states: tuple[str, ...] | None = None
    """Any of these states."""
    success: bool | None = None
    running: bool | None = None
    job_kinds: tuple[str, ...] | None = None
    has_null_parent: bool | None = None
    parent_job: UUID | None = None
    node: str | None = None
    body: UUID | None = None
    """A body of a loop or branch, for the jobs of the nodes in it."""
    created_by: str | None = None
    label: str | None = None
    tag: str | None = None
    worker: str | None = None
    trigger_kind: str | None = None
    other_than_schedule: bool | None = None
    schedule_path: str | None = None
    scheduled_for_before_now: bool | None = None
    suspended: bool | None = None
    is_flow_step: bool | None = None
    is_skipped: bool | None = None
    gates: tuple[bytes, ...] | None = None
    """Keys of concurrency limits of which the row holds a permit or for which it, or a node of the run, queues."""
    words: str | None = None
    """A tsquery; matches the newest 1,000 runs whose data satisfies it."""
    args_words: tuple[str, ...] | None = None
    """Words that all occur in the arguments; matches the newest 1,000 indexed runs."""
    result_words: tuple[str, ...] | None = None
    """Words that all occur in results of the run or of its nodes; matches the newest 1,000 indexed runs."""


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """Page of a list: the newest `limit` below id `before` or the oldest above id `after`, after `offset` others.

    With `after` the order is oldest first; otherwise newest first unless `ascending`.
    """

    limit: int = 30
    offset: int = 0
    before: UUID | None = None
    after: UUID | None = None
    ascending: bool = False


@dataclass(slots=True)
class _Conditions:
    values: list[Any]
    texts: list[str] = field(default_factory=list)

    def add(self, text: str, value: Any) -> None:
        """Add a condition; `{}` in it is replaced by the parameter of `value`."""
        self.texts.append(text.replace("{}", self.bind(value)))

    def bind(self, value: Any) -> str:
        """Add `value` as a parameter and return its placeholder."""
        self.values.append(value)
        return f"${len(self.values)}"

    def plain(self, text: str) -> None:
        self.texts.append(text)


_Rule = Callable[[_Conditions, Any], None]


def _with(text: str) -> _Rule:
    return lambda conditions, value: conditions.add(text, value)


def _either(yes: str, no: str) -> _Rule:
    return lambda conditions, value: conditions.plain(yes if value else no)


_FIRST_ID: Final = datetime(1970, 1, 2, tzinfo=UTC)
_LAST_ID: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""Bounds of the times that are compared with those in ids: an id has 48 bits of milliseconds since 1970."""

ENDED: Final = frozenset({"succeeded", "failed", "cancelled"})
"""States of ended runs and jobs."""

_RUNNING = "NOT v.ended AND v.state NOT IN ('queued', 'scheduled', 'available')"


def _states(conditions: _Conditions, states: tuple[str, ...]) -> None:
    # The partial index of failed runs requires this exact expression.
    if states == ("failed",):
        conditions.plain("v.state = 'failed'")
    else:
        conditions.add("v.state = ANY({})", states)


def _path_or_name(conditions: _Conditions, value: PathText) -> None:
    text, named = conditions.bind(value.text), conditions.bind(list(value.named))
    conditions.plain(f"(strpos(lower(v.path), lower({text})) > 0 OR v.own_path = ANY({named}::text[]))")


_WORDS_AT = (
    "v.id = ANY(ARRAY(SELECT t.run FROM run_text t WHERE t.workspace = $1"
    " AND t.words @@ array_to_string(ARRAY(SELECT quote_literal(w) FROM unnest({}::text[]) w), ' & ')::tsquery"
    " AND NOT EXISTS (SELECT FROM unnest({}::text[]) w WHERE NOT EXISTS"
    " (SELECT FROM unnest(t.words) u, unnest(u.positions) AS p(at) WHERE u.lexeme = w AND t.places[p.at] LIKE 'PLACE'))"
    " ORDER BY t.run DESC LIMIT 1000))"
)
"""All words occur at places like PLACE of the run, by the index of words."""


_RULES: dict[str, _Rule] = {
    "script_path_exact": _with(
        "v.own_path = ANY(ARRAY(SELECT {}::text UNION ALL SELECT f.path FROM moved_item f"
        " WHERE f.workspace = $1 AND f.target = {} AND NOT EXISTS (SELECT FROM item i WHERE i.workspace = f.workspace"
        " AND i.kind = f.kind AND i.path = f.path AND NOT i.deleted)))"
    ),
    "script_path_start": _with("starts_with(v.own_path, {})"),
    "script_path_text": _with("strpos(lower(v.path), lower({})) > 0"),
    "path_or_name": _path_or_name,
    "script_hash": _with("v.script_hash = {}"),
    "created_before": _with("v.created_at < {}"),
    "created_after": _with("v.created_at > {}"),
    "started_before": _with("v.started_at < {}"),
    "started_after": _with("v.started_at > {}"),
    "completed_before": _with("v.ended_at < {}"),
    "completed_after": _with("v.ended_at > {}"),
    "states": _states,
    "success": _either("v.state = 'succeeded'", "v.state IN ('failed', 'cancelled')"),
    "running": _either(_RUNNING, f"NOT ({_RUNNING})"),
    "job_kinds": _with("v.kind = ANY({})"),
    "has_null_parent": _either("v.parent IS NULL", "v.parent IS NOT NULL"),
    "parent_job": _with("v.parent = {}"),
    "node": _with("v.node = {}"),
    "body": _with(
        "v.id = ANY(ARRAY(SELECT id FROM job WHERE parent = {} UNION ALL SELECT j.id FROM frame f"
        " JOIN job_live j ON j.run = f.run AND j.frame = f.id WHERE f.id = {}))"
    ),
    "created_by": _with("v.created_by = {}"),
    "label": _with("{} = ANY(v.labels)"),
    "tag": _with("v.queue = {}"),
    "worker": _with("v.worker = {}"),
    "trigger_kind": _with("v.trigger = {}"),
    "other_than_schedule": _either("v.trigger IS DISTINCT FROM 'schedule'", "v.trigger = 'schedule'"),
    "schedule_path": _with("v.run IN (SELECT run FROM schedule_tick WHERE workspace = $1 AND path = {})"),
    "scheduled_for_before_now": _either("v.scheduled_at <= app_now()", "v.scheduled_at > app_now()"),
    "suspended": _either("v.state = 'awaiting_approval'", "v.state <> 'awaiting_approval'"),
    "is_flow_step": _either("v.is_step", "NOT v.is_step"),
    "is_skipped": _either("v.skipped", "NOT v.skipped"),
    "gates": _with(
        "v.id = ANY(ARRAY(SELECT unnest(ARRAY[job, run]) FROM permit WHERE key = ANY({}::bytea[])"
        " UNION ALL SELECT unnest(ARRAY[job, run]) FROM gate_wait WHERE key = ANY({}::bytea[])))"
    ),
    "words": _with(
        "v.id = ANY(ARRAY(SELECT t.run FROM run_text t WHERE t.workspace = $1 AND t.words @@ {}::text::tsquery"
        " ORDER BY t.run DESC LIMIT 1000))"
    ),
    "args_words": _with(_WORDS_AT.replace("PLACE", ":args")),
    "result_words": _with(_WORDS_AT.replace("PLACE", "%:result")),
}


def is_indexed(filter: JobFilter) -> bool:
    """Return whether an index finds the runs of a filter, so that those that do not match are not read."""
    found = (filter.words, filter.args_words, filter.result_words, filter.parent_job, filter.gates)
    return any(each is not None for each in found)


async def list_jobs(
    conn: Connection, workspace: str, visible: Visible, parts: Sequence[Part], filter: JobFilter, slice: Slice
) -> list[JobRow]:
    """Return the rows of these parts visible to `visible`, filtered, in one query that reads each part by its index."""
    parts = _useful(parts, filter)
    if not parts:
        return []
    text, values = list_statement(workspace, visible, parts, filter, slice)
    return [job_row(record) for record in await conn.fetch(text, *values)]


async def sees_entry(conn: Connection, workspace: str, visible: Visible, keys: Sequence[bytes]) -> bool:
    """Return whether `visible` includes the run of a permit or queue entry of these gates."""
    seen = (visible.everything, visible.username, visible.patterns, visible.principals, visible.scope)
    found: bool = await conn.fetchval(_SQL["sees_entry"], workspace, list(keys), *seen)
    return found


async def list_hidden_entries(
    conn: Connection, workspace: str, visible: Visible, keys: Sequence[bytes], limit: int
) -> list[datetime | None]:
    """Return the permits (their times) and queue entries (None) of these gates whose runs `visible` excludes."""
    seen = (visible.everything, visible.username, visible.patterns, visible.principals, visible.scope)
    rows = await conn.fetch(_SQL["list_hidden_entries"], workspace, list(keys), *seen, limit)
    return [row["at"] for row in rows]


def list_statement(
    workspace: str, visible: Visible, parts: Sequence[Part], filter: JobFilter, slice: Slice
) -> tuple[str, list[Any]]:
    """Return the query of a list of at least one part, with its parameters."""
    conditions = _conditions(workspace, visible, filter)
    if slice.before is not None:
        conditions.add("v.id < {}", slice.before)
    if slice.after is not None:
        conditions.add("v.id > {}", slice.after)
    tail = f" {_order(filter, slice)} LIMIT "
    window = _window(parts, conditions, filter)
    bodies = [_body(f"list_{part}", part, conditions, window) for part in parts]
    if len(bodies) > 1:
        bodies = [f"({body}{tail}{slice.offset + slice.limit})" for body in bodies]
    return " UNION ALL ".join(bodies) + tail + f"{slice.limit} OFFSET {slice.offset}", conditions.values


async def count_jobs(
    conn: Connection, workspace: str, visible: Visible, parts: Sequence[Part], filter: JobFilter
) -> int:
    """Return the number of rows that `list_jobs` would return without a limit."""
    total = 0
    for part in _useful(parts, filter):
        conditions = _conditions(workspace, visible, filter)
        text = " AND ".join([_SQL[f"count_{part}"], *conditions.texts])
        total += await conn.fetchval(text, *conditions.values)
    return total


class StateCount(msgspec.Struct, frozen=True):
    """Number of runs created in one interval that are in the same state, and the time of the first."""

    bucket: int
    """Number of the interval, from 0."""
    state: str
    runs: int
    first_at: datetime


_ENDED_RUN: Final = """SELECT r.id, r.created_at FROM run r WHERE r.workspace = $1
    AND r.id = (SELECT v.id FROM run v WHERE {window} ORDER BY v.id DESC OFFSET {position} LIMIT 1)"""

_COUNTED: Final = """SELECT round(extract(epoch FROM y.bin - {since}) / {width}::float8)::integer AS bucket,
    y.state, y.runs, y.first_at FROM (
    SELECT date_bin(make_interval(secs => {width}::float8), x.created_at, {since}) AS bin, x.state,
        count(*)::integer AS runs, min(x.created_at) AS first_at FROM ({rows}) x GROUP BY 1, 2) y ORDER BY 1, 2"""


async def find_ended_run(
    conn: Connection, workspace: str, filter: JobFilter, position: int
) -> tuple[UUID, datetime] | None:
    """Return id and creation time of an ended run that was created in the time of the filter.

    A filter of failed runs means one of these, which an index lists. `position`: the number of newer ones; 0 is the
    newest.
    """
    conditions = _Conditions([workspace])
    texts = ["v.workspace = $1", *_window(("ended_runs",), conditions, filter)]
    if filter.states == ("failed",):
        texts.append("v.status = 'failed'")
    text = _ENDED_RUN.replace("{window}", " AND ".join(texts)).replace("{position}", conditions.bind(position))
    row = await conn.fetchrow(text, *conditions.values)
    return None if row is None else (row["id"], row["created_at"])


async def count_over_time(
    conn: Connection,
    workspace: str,
    visible: Visible,
    filter: JobFilter,
    width_s: float,
    most: int,
    after: UUID | None = None,
) -> list[StateCount]:
    """Count runs created after `created_after`, by interval of `width_s` and state.

    Only the newest `most` count, of those newer than the run `after`: others are not read.
    """
    parts = _useful(("live_runs", "ended_runs"), filter)
    if not parts or filter.created_after is None:
        return []
    conditions = _conditions(workspace, visible, filter)
    window = _window(parts, conditions, filter)
    if after is not None:
        window.append(f"v.id > {conditions.bind(after)}")
    since, width, limit = (conditions.bind(each) for each in (filter.created_after, width_s, most))
    tail = f" ORDER BY id DESC LIMIT {limit}"
    bodies = [_body(f"times_{part}", part, conditions, window) for part in parts]
    rows = bodies[0] if len(bodies) == 1 else " UNION ALL ".join(f"({body}{tail})" for body in bodies)
    text = _COUNTED.replace("{since}", since).replace("{width}", width).replace("{rows}", rows + tail)
    return [StateCount(**dict(row)) for row in await conn.fetch(text, *conditions.values)]


class RecentRun(msgspec.Struct, frozen=True):
    """One of the newest runs of a path, with the counts of all runs of that path."""

    path: str
    id: UUID
    state: str
    created_at: datetime
    succeeded: int
    failed: int


_RECENT: Final = """SELECT y.path, y.id, y.state, y.created_at, y.succeeded, y.failed FROM (
    SELECT x.own_path AS path, x.id, x.state, x.created_at,
        row_number() OVER (PARTITION BY x.own_path ORDER BY x.id DESC) AS position,
        (count(*) FILTER (WHERE x.state = 'succeeded') OVER (PARTITION BY x.own_path))::integer AS succeeded,
        (count(*) FILTER (WHERE x.state = 'failed') OVER (PARTITION BY x.own_path))::integer AS failed
    FROM ({rows}) x WHERE x.own_path IS NOT NULL) y WHERE y.position <= {shown} ORDER BY y.id DESC"""


_AMONG_NEWEST: Final = """v.id >= coalesce((SELECT r.id FROM run r WHERE r.workspace = $1
    ORDER BY r.id DESC OFFSET {} LIMIT 1), '00000000-0000-0000-0000-000000000000')"""


async def list_recent_runs(
    conn: Connection, workspace: str, visible: Visible, filter: JobFilter, shown: int, most: int, searched: int
) -> list[RecentRun]:
    """Return the newest `shown` runs of each path, newest first, among the newest `most` that match the filter.

    Only the newest `searched` ended runs of the workspace are read, so that the cost does not grow with the history.
    """
    conditions = _conditions(workspace, visible, filter)
    parts: tuple[Part, ...] = ("live_runs", "ended_runs")
    window = _window(parts, conditions, filter)
    first, limit = conditions.bind(shown), conditions.bind(most)
    newest = _AMONG_NEWEST.replace("{}", conditions.bind(searched - 1))
    tail = f" ORDER BY id DESC LIMIT {limit}"
    bodies = [_body(f"recent_{part}", part, conditions, window) for part in parts]
    bodies[1] += f" AND {newest}"
    rows = " UNION ALL ".join(f"({body}{tail})" for body in bodies)
    text = _RECENT.replace("{shown}", first).replace("{rows}", rows + tail)
    return [RecentRun(**dict(row)) for row in await conn.fetch(text, *conditions.values)]


async def count_waiting_runs(conn: Connection, workspace: str, limit: int) -> int:
    """Return the number of runs of a workspace that wait to start; counts up to `limit`."""
    return int(await conn.fetchval(_SQL["count_waiting_runs"], workspace, limit))


async def count_concurrent_runs(conn: Connection, workspace: str, limit: int) -> int:
    """Return the number of runs that have not ended, without those of sub-workflows; counts up to `limit`."""
    return int(await conn.fetchval(_SQL["count_concurrent_runs"], workspace, limit))


def _of_runs(part: Part) -> bool:
    return part.endswith("runs")


def _window(parts: Sequence[Part], conditions: _Conditions, filter: JobFilter) -> list[str]:
    """Return conditions on the ids of runs for the requested times.

    A run's id contains its creation time, which bounds the scan of the index. A minute of tolerance covers clock skew.
    """
    if not any(map(_of_runs, parts)):
        return []
    texts = []
    if filter.created_after is not None and _is_in_ids(filter.created_after):
        bound = conditions.bind(filter.created_after)
        texts.append(f"v.id >= uuid_at({bound}::timestamptz - interval '1 minute')")
    if filter.created_before is not None and _is_in_ids(filter.created_before):
        bound = conditions.bind(filter.created_before)
        texts.append(f"v.id < uuid_at({bound}::timestamptz + interval '1 minute')")
    return texts


def _is_in_ids(at: datetime) -> bool:
    return _FIRST_ID < (at if at.tzinfo else at.replace(tzinfo=UTC)) < _LAST_ID


def _body(query: str, part: Part, conditions: _Conditions, window: Sequence[str]) -> str:
    texts = [_SQL[query], *conditions.texts]
    return " AND ".join([*texts, *window] if _of_runs(part) else texts)


def _order(filter: JobFilter, slice: Slice) -> str:
    """Return the order: by id, which is by time. Jobs of one run share that time and are ordered by creation."""
    direction = "ASC" if slice.ascending or slice.after is not None else "DESC"
    within_run = filter.parent_job is not None and slice.before is None and slice.after is None
    return f"ORDER BY created_at {direction}, id {direction}" if within_run else f"ORDER BY id {direction}"


def _useful(parts: Sequence[Part], filter: JobFilter) -> list[Part]:
    """Return the parts that can match: a filter on ends excludes live parts, and jobs of nodes have a parent."""
    states = frozenset(filter.states or ())
    ended = (
        filter.success is not None or filter.completed_after or filter.completed_before or (states and states <= ENDED)
    )
    live = filter.running is True or filter.suspended is True or filter.gates or (states and not states & ENDED)
    steps = filter.is_flow_step is True or filter.node is not None or filter.body is not None
    runs = filter.has_null_parent is True or filter.is_flow_step is False or filter.is_skipped is True
    return [
        part
        for part in parts
        if not (ended and part.startswith("live"))
        and not (live and not part.startswith("live"))
        and not (steps and part.endswith("runs"))
        and not (runs and part.endswith("jobs"))
    ]


def _conditions(workspace: str, visible: Visible, filter: JobFilter) -> _Conditions:
    conditions = _Conditions([workspace])
    for name, rule in _RULES.items():
        value = getattr(filter, name)
        if value is not None:
            rule(conditions, value)
    if not visible.everything:
        _limit(conditions, visible)
    if visible.scope is not None:
        conditions.add("v.run_path LIKE ANY({}::text[])", list(visible.scope))
    return conditions


def _limit(conditions: _Conditions, visible: Visible) -> None:
    me = conditions.bind(visible.username)
    patterns = conditions.bind(list(visible.patterns))
    principals = conditions.bind(list(visible.principals))
    conditions.plain(
        f"(v.created_by = {me} OR v.run_path LIKE ANY({patterns}::text[]) OR v.extra_perms ?| {principals}::text[])"
    )
