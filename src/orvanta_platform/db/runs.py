"""Rows of runs, live and ended, with the versions, documents, pin sets and inboxes they use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("runs")
_DOCUMENTS = query_texts("documents")
_IDEMPOTENCY = query_texts("idempotency")
_INBOX = query_texts("inbox")
_PIN_SETS = query_texts("pin_sets")
_TIMERS = query_texts("timers")
_VERSIONS = query_texts("versions")


class VersionRow(msgspec.Struct, frozen=True):
    """A version that can be run, unless its lock failed."""

    id: int
    kind: str
    path: str
    hash: str
    document: bytes
    format: str
    language: str | None
    settings: dict[str, Any]
    """Settings deployed with the document."""
    extra_perms: dict[str, bool]
    created_by: str
    archived: bool
    lock_state: str
    lock_error: str | None
    permissioned_as: str | None
    """Identity that its runs act as; None: that of their starter."""
    imports: dict[str, str]
    """Hashes (hex) of the closures of imported scripts: by node for a workflow, under "" for a script."""


class PinnedScript(msgspec.Struct, frozen=True):
    """The code of a script node, or the sub-workflow of a node."""

    path: str
    version: int
    document: bytes
    language: str
    settings: dict[str, Any]
    extra_perms: dict[str, bool]
    created_by: str
    lock_state: str
    permissioned_as: str | None
    imports: dict[str, str]
    """As in VersionRow."""
    hash: str | None = None


class RunRow(msgspec.Struct, frozen=True):
    """A live run, as needed by a step."""

    id: UUID
    workspace: str
    kind: str
    path: str | None
    version: int | None
    document: bytes | None
    language: str | None
    pin_set: bytes | None
    engine_version: int
    rev: int
    state: bytes
    status: str
    root: UUID
    created_by: str
    email: str
    permissioned_as: str
    seed: int
    scheduled_at: datetime
    priority: int = 0
    queue: str | None = None
    timeout_s: float | None = None
    cancel_at: datetime | None = None
    parent: UUID | None = None
    scopes: list[str] | None = None
    """Scopes that limit its jobs and expressions; None: all permissions of `permissioned_as`."""
    awaited: bool = False
    """A caller waits for its result."""


class NewRun(msgspec.Struct, frozen=True):
    """A run to insert."""

    id: UUID
    workspace: str
    kind: str
    path: str | None
    version: int | None
    document: bytes | None
    language: str | None
    pin_set: bytes | None
    engine_version: int
    state: bytes
    priority: int
    queue: str | None
    parent: UUID | None
    root: UUID
    trigger: str
    created_by: str
    email: str
    permissioned_as: str
    scheduled_at: datetime
    seed: int
    timeout_s: float | None
    scopes: list[str] | None = None
    awaited: bool = False


class RunTarget(msgspec.Struct, frozen=True):
    """The live run of an id, and its job if the id is that of a job."""

    id: UUID
    path: str | None
    created_by: str
    permissioned_as: str
    scopes: list[str] | None
    job: UUID | None
    node: str | None


class EndedRun(msgspec.Struct, frozen=True):
    """The outcome of a run; `result_of` is the id that the result is stored under."""

    id: UUID
    workspace: str
    path: str | None
    status: str
    recovered: bool
    error_name: str | None
    result_of: UUID | None
    created_by: str
    permissioned_as: str


class RepeatedRun(msgspec.Struct, frozen=True):
    """The run that another one repeats: by a restart (at `node`), a retry, or a rerun."""

    kind: str
    node: str | None
    run: UUID


class VersionNumber(msgspec.Struct, frozen=True):
    """The number of a version within its path, from 1; `current`: runs by path use it."""

    id: int
    number: int
    current: bool


class ItemRow(msgspec.Struct, frozen=True):
    """The fields of a script or workflow that determine permissions."""

    kind: str
    path: str
    created_by: str
    extra_perms: dict[str, bool]


class RestartSource(msgspec.Struct, frozen=True):
    """An ended run that another one restarts from, with its last state."""

    id: UUID
    kind: str
    path: str | None
    version: int | None
    document: bytes | None
    pin_set: bytes | None
    parent: UUID | None
    status: str
    priority: int
    state: bytes


def _version(row: Any) -> VersionRow | None:
    if row is None:
        return None
    fields = dict(row)
    fields["settings"] = msgspec.json.decode(fields["settings"])
    fields["extra_perms"] = msgspec.json.decode(fields["extra_perms"])
    fields["imports"] = _imports(fields["imports"])
    return VersionRow(**fields)


def _imports(text: str | None) -> dict[str, str]:
    return {} if text is None else msgspec.json.decode(text, type=dict[str, str])


async def resolve_path(
    connection: Connection, workspace: str, kind: str, path: str, view: str | None = None
) -> VersionRow | None:
    """Return the version that a run by path uses; None if there is no such item or no version of it has a lock.

    `view` is the member (`u/<username>`) for whom it must be accepted; None: the current version.
    """
    return _version(await connection.fetchrow(_VERSIONS["resolve_path"], workspace, kind, path, view))


async def resolve_hash(connection: Connection, workspace: str, version_hash: str) -> VersionRow | None:
    """Return the script version with this hash (16 hex digits)."""
    return _version(await connection.fetchrow(_VERSIONS["resolve_hash"], workspace, version_hash))


async def resolve_version(connection: Connection, workspace: str, version: int) -> VersionRow | None:
    """Return the flow version with this id."""
    return _version(await connection.fetchrow(_VERSIONS["resolve_version"], workspace, version))


async def get_settings(connection: Connection, workspace: str, version: int) -> dict[str, Any] | None:
    """Return the settings that runs of a version use; None if it does not exist."""
    text = await connection.fetchval(_VERSIONS["get_settings"], workspace, version)
    return None if text is None else msgspec.json.decode(text)


async def resolve_pins(
    connection: Connection, workspace: str, paths: Sequence[str], hashes: Sequence[str], view: str | None
) -> list[PinnedScript]:
    """Return the current versions of scripts, by path or version hash. Missing ones are left out.

    `view` as in `resolve_path`.
    """
    rows = [] if not paths else await connection.fetch(_VERSIONS["resolve_pins"], workspace, list(paths), view)
    if hashes:
        rows += await connection.fetch(_VERSIONS["resolve_pinned_hashes"], workspace, list(hashes))
    return _pinned(rows)


def _pinned(rows: Sequence[Any]) -> list[PinnedScript]:
    return [
        PinnedScript(
            path=row["path"],
            version=row["id"],
            document=row["document"],
            language=row["language"] or "",
            settings=msgspec.json.decode(row["settings"]),
            extra_perms=msgspec.json.decode(row["extra_perms"]),
            created_by=row["created_by"],
            lock_state=row["lock_state"],
            permissioned_as=row["permissioned_as"],
            imports=_imports(row["imports"]),
            hash=row.get("hash"),
        )
        for row in rows
    ]


async def resolve_flow_pins(
    connection: Connection, workspace: str, paths: Sequence[str], view: str | None
) -> list[PinnedScript]:
    """Return the current versions of workflows, by path. Missing ones are left out. `view` as in `resolve_path`."""
    return _pinned(await connection.fetch(_VERSIONS["resolve_flow_pins"], workspace, list(paths), view))


async def get_items(connection: Connection, workspace: str, versions: Sequence[int]) -> dict[int, ItemRow]:
    """Return the items of versions, by version. Archived items are left out."""
    rows = await connection.fetch(_VERSIONS["get_items"], workspace, list(versions))
    return {
        row["id"]: ItemRow(row["kind"], row["path"], row["created_by"], msgspec.json.decode(row["extra_perms"]))
        for row in rows
    }


async def store_document(connection: Connection, digest: bytes, body: bytes) -> None:
    """Store the bytes of a workflow or script under their SHA-256."""
    await connection.execute(_DOCUMENTS["insert_document"], digest, body)


async def get_document(connection: Connection, digest: bytes) -> bytes:
    """Return the bytes with this SHA-256. Raises LookupError."""
    body = await connection.fetchval(_DOCUMENTS["get_document"], digest)
    if body is None:
        raise LookupError(f"document {digest.hex()} is missing")
    return bytes(body)


async def get_document_tree(connection: Connection, digest: bytes) -> str | None:
    """Return the JSON text of a YAML document; None for other documents and those that an older version stored."""
    tree: str | None = await connection.fetchval(_DOCUMENTS["get_document_tree"], digest)
    return tree


async def store_pin_set(connection: Connection, digest: bytes, pins: str) -> None:
    """Store a pin set (JSON text) under its hash."""
    await connection.execute(_PIN_SETS["insert_pin_set"], digest, pins)


async def get_pin_set(connection: Connection, digest: bytes) -> str:
    """Return a pin set as JSON text. Raises LookupError."""
    pins = await connection.fetchval(_PIN_SETS["get_pin_set"], digest)
    if pins is None:
        raise LookupError(f"pin set {digest.hex()} is missing")
    return str(pins)


async def insert_run(connection: Connection, run: NewRun) -> None:
    """Insert a run before its first step. Raises asyncpg.UniqueViolationError if its id is taken."""
    values = [getattr(run, name) for name in NewRun.__struct_fields__]
    await connection.execute(_SQL["insert_run"], *values)


async def claim_idempotency_key(
    connection: Connection, workspace: str, caller: str, path: str, key: str, run: UUID, input: bytes
) -> tuple[UUID, bytes | None]:
    """Return run and input of this caller's key: `run` and `input` if the key is new, else those of its first call."""
    name = (workspace, caller, path, key)
    if await connection.fetchval(_IDEMPOTENCY["claim_idempotency_key"], *name, run, input) is not None:
        return run, input
    first = await connection.fetchrow(_IDEMPOTENCY["idempotent_run"], *name)
    assert first is not None, "the conflicting row is locked by no other transaction"
    return first["run"], first["input"]


async def delete_expired_idempotency_keys(connection: Connection) -> None:
    """Delete keys older than a day."""
    await connection.execute(_IDEMPOTENCY["delete_expired_idempotency_keys"])


async def lock_run(connection: Connection, run: UUID) -> RunRow | None:
    """Return the live run, its row locked until the transaction ends; None if it has ended."""
    return _run(await connection.fetchrow(_SQL["lock_run"], run))


async def is_held(connection: Connection, run: UUID) -> bool:
    """Return whether another transaction locks a live run; called outside a transaction to hold no lock itself."""
    return bool(await connection.fetchval(_SQL["is_held"], run))


async def get_live_run(connection: Connection, run: UUID) -> RunRow | None:
    """Return the live run; None if it has ended."""
    return _run(await connection.fetchrow(_SQL["get_live_run"], run))


async def get_live_runs(connection: Connection, runs: Sequence[UUID]) -> dict[UUID, RunRow]:
    """Return those of these runs that are live, by id."""
    rows = [_run(row) for row in await connection.fetch(_SQL["get_live_runs"], list(runs))]
    return {row.id: row for row in rows if row is not None}


def _run(row: Any) -> RunRow | None:
    return None if row is None else run_of(row)


def run_of(row: Any) -> RunRow:
    """Return the run of a record that has its columns."""
    return RunRow(**{name: row[name] for name in RunRow.__struct_fields__})


async def get_seed(connection: Connection, run: UUID) -> int | None:
    """Return the random seed of a run; None if there is no such run."""
    seed: int | None = await connection.fetchval(_SQL["get_seed"], run)
    return seed


async def filter_cancellable(connection: Connection, workspace: str, ids: Sequence[UUID]) -> list[UUID]:
    """Return those of these ids that may be ids of runs or of their parts, in the same order."""
    return [row["id"] for row in await connection.fetch(_SQL["filter_cancellable"], workspace, list(ids))]


async def find_run(connection: Connection, workspace: str, run_or_job: UUID) -> RunTarget | None:
    """Return the live run of the workspace for an id of a run or of a live job."""
    row = await connection.fetchrow(_SQL["find_run"], run_or_job, workspace)
    return RunTarget(**{name: row[name] for name in RunTarget.__struct_fields__}) if row else None


async def request_cancel(connection: Connection, run: UUID, by: str, reason: str | None) -> bool:
    """Mark the run as to be cancelled; return False if it is already, or has ended."""
    return await connection.fetchval(_SQL["request_cancel"], run, by, reason) is not None


async def set_start_timer(connection: Connection, run: UUID, at: datetime) -> None:
    """Set the timer that starts the run at `at`."""
    await connection.execute(_TIMERS["set_timer"], run, run, "start", at)


async def set_cancel_timer(connection: Connection, run: UUID, grace_s: float) -> None:
    """Set the timer that force-cancels the run after `grace_s` seconds, whether or not its workers have answered."""
    await connection.execute(_TIMERS["set_timer_in"], run, run, "cancel", grace_s)


async def get_ended_run(connection: Connection, run: UUID) -> EndedRun | None:
    """Return the outcome of the run; None if it is live or does not exist."""
    row = await connection.fetchrow(_SQL["get_ended_run"], run)
    return EndedRun(**dict(row)) if row else None


async def get_restart_source(connection: Connection, run: UUID) -> RestartSource | None:
    """Return an ended run to restart from; None if it is live or does not exist."""
    row = await connection.fetchrow(_SQL["get_restart_source"], run)
    return RestartSource(**dict(row)) if row else None


async def get_repeated_run(connection: Connection, run: UUID) -> RepeatedRun | None:
    """Return the run that this one repeats; None if it repeats none."""
    row = await connection.fetchrow(_SQL["get_repeated_run"], run)
    return RepeatedRun(**dict(row)) if row else None


async def get_version_numbers(connection: Connection, versions: Sequence[int]) -> dict[int, VersionNumber]:
    """Return the numbers of these versions within their paths; deleted ones are left out."""
    rows = await connection.fetch(_VERSIONS["get_version_numbers"], list(versions))
    return {row["id"]: VersionNumber(**dict(row)) for row in rows}


async def find_last_success(
    connection: Connection, workspace: str, kinds: Sequence[str], path: str, before: UUID
) -> UUID | None:
    """Return the latest successful run of a path before another run; None if there is none among recent runs."""
    found: UUID | None = await connection.fetchval(_SQL["find_last_success"], workspace, list(kinds), path, before)
    return found


async def insert_event(connection: Connection, run: UUID, event: str) -> bool:
    """Insert an event (JSON text) into the inbox of a run; return False if the run is not live."""
    return await connection.fetchval(_INBOX["insert_event"], run, event) is not None


async def read_inbox(connection: Connection, run: UUID) -> list[tuple[int, str]]:
    """Return the run's pending events as (seq, JSON text), in order, at most 200."""
    rows = await connection.fetch(_INBOX["read_inbox"], run)
    return [(row["seq"], row["event"]) for row in rows]


async def delete_events(connection: Connection, run: UUID, seqs: Sequence[int]) -> None:
    """Delete events that do not change the run."""
    await connection.execute(_INBOX["delete_events"], run, list(seqs))


async def delete_inbox(connection: Connection, run: UUID) -> None:
    """Delete events that arrived after the run's end."""
    await connection.execute(_INBOX["delete_inbox"], run)


async def list_stale_inboxes(connection: Connection, past: datetime) -> list[UUID]:
    """Return runs with events older than a second that arrived after `past`, at most 200."""
    return [row["run"] for row in await connection.fetch(_INBOX["list_stale_inboxes"], past)]


async def filter_live_runs(connection: Connection, ids: list[UUID]) -> set[UUID]:
    """Return those of these runs that are live."""
    return {row["id"] for row in await connection.fetch(_SQL["filter_live_runs"], ids)}
