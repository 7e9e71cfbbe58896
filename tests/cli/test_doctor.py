"""Diagnoses of `orvanta doctor`: what it names, and the remedy."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import asyncpg
from tests.cli.test_commands import on, run
from tests.conftest import TestDatabase
from tests.ports import free_port

from orvanta_platform.db.migrate import list_migrations


async def execute(database: TestDatabase, statement: str, *values: object) -> None:
    """Run a statement as the owner of the database."""
    connection = await asyncpg.connect(database.owner_url)
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()


async def diagnosis(database: TestDatabase, home: Path, subject: str, **settings: str) -> str:
    """Return the lines of the report about a subject."""
    done = await asyncio.to_thread(run, "doctor", **on(database, home), **settings)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    first = next(number for number, line in enumerate(lines) if line.split()[:1] == [subject])
    return "\n".join([lines[first], *(line for line in lines[first + 1 : first + 2] if line.startswith(" "))])


async def test_older_schema_is_named_with_the_command(database: TestDatabase, tmp_path: Path) -> None:
    last = list_migrations()[-1].name
    await execute(database, "DELETE FROM migration WHERE name = $1", last)
    assert (await diagnosis(database, tmp_path, "schema")).split("\n")[1].strip() == "Run `orvanta migrate`."
    for command in ("server", "worker"):
        done = await asyncio.to_thread(run, command, ORVANTA_PORT=str(free_port()), **on(database, tmp_path))
        assert done.returncode == 1
        assert done.stderr == f"Error: The database lacks 1 migration(s), from {last} on.\nRun `orvanta migrate`.\n"


async def test_newer_schema_is_named_with_the_remedy(database: TestDatabase, tmp_path: Path) -> None:
    await execute(database, "INSERT INTO migration (name, breaking) VALUES ('9000_change_all', true)")
    found = await diagnosis(database, tmp_path, "schema")
    assert "(9000_change_all)" in found and "Start the newer version, or restore a backup" in found


async def test_other_instance_key_is_named(database: TestDatabase, tmp_path: Path) -> None:
    assert "set ORVANTA_INSTANCE_KEY" in await diagnosis(database, tmp_path, "key")
    assert not (tmp_path / "instance.key").exists()
    key = {"ORVANTA_INSTANCE_KEY": "k" * 44}
    assert "opens the secrets of all workspaces" in await diagnosis(database, tmp_path, "key", **key)
    await execute(database, "INSERT INTO workspace (id, name, owner) VALUES ('other', 'Other', 'admin')")
    sealed = (
        "INSERT INTO data_key (workspace, version, wrapped, wrapped_by) VALUES ('other', 1, '', 'digest of another')"
    )
    await execute(database, sealed)
    assert "with another instance key" in await diagnosis(database, tmp_path, "key", **key)


async def test_drained_worker_is_named_with_the_remedy(database: TestDatabase, tmp_path: Path) -> None:
    await execute(
        database,
        "INSERT INTO worker (id, name, instance, ip, worker_group, slots, version, isolation, drained_at)"
        " VALUES (gen_random_uuid(), 'gpu-a-1', 'a', '', 'gpu', 1, '0', 'full', now())",
    )
    found = await diagnosis(database, tmp_path, "worker")
    assert "gpu-a-1: 1 slot, 0 running, full, drained" in found and "orvanta workers resume gpu-a-1" in found


async def test_missing_owner_is_named_with_the_setting(database: TestDatabase, tmp_path: Path) -> None:
    await execute(database, f"CREATE DATABASE {database.name}_unowned TEMPLATE template0")
    try:
        settings = on(database, tmp_path)
        url = database.server.url("app", f"{database.name}_unowned")
        settings |= {"DATABASE_URL": url, "ORVANTA_OWNER_URL": ""}
        done = await asyncio.to_thread(run, "migrate", **settings)
    finally:
        await execute(database, f"DROP DATABASE {database.name}_unowned WITH (FORCE)")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "may not change the tables" in done.stderr and "Set ORVANTA_OWNER_URL" in done.stderr


async def test_storage_that_does_not_answer_is_named(database: TestDatabase, tmp_path: Path) -> None:
    url = f"s3://objects/main?endpoint=http://127.0.0.1:{free_port()}&region=us-east-1"
    found = await diagnosis(database, tmp_path, "storage", OBJECT_STORAGE_URL=url)
    assert "s3://objects/main does not answer" in found and "Check OBJECT_STORAGE_URL" in found


QUEUED = """
INSERT INTO job_live (id, run, workspace, node, node_index, kind, queue, priority, lane, state, enqueued_at)
VALUES (gen_random_uuid(), gen_random_uuid(), 'main', 'a', 0, 'script', $1, 0, 0, 'available', now())
"""


async def test_names_of_queues_do_not_control_the_terminal(database: TestDatabase, tmp_path: Path) -> None:
    """A member names queues by the tags of nodes."""
    await execute(database, QUEUED, "x\n\x1b[2Jready")
    done = await asyncio.to_thread(run, "doctor", **on(database, tmp_path))
    assert done.returncode == 0 and "\x1b" not in done.stdout
    (line,) = [each for each in done.stdout.splitlines() if "ready" in each]
    assert line.startswith("queue ") and line.endswith("no worker serves it, 1 waiting")


async def test_one_further_queue_is_named_in_the_singular(database: TestDatabase, tmp_path: Path) -> None:
    for number in range(51):
        await execute(database, QUEUED, f"q{number}")
    done = await asyncio.to_thread(run, "doctor", **on(database, tmp_path))
    assert "1 further queue with waiting jobs that no worker serves" in done.stdout


async def test_metrics_that_jobs_can_read_are_named(database: TestDatabase, tmp_path: Path) -> None:
    worker = """
INSERT INTO worker (id, name, instance, ip, worker_group, slots, version, isolation)
VALUES (gen_random_uuid(), 'w', $1, '', 'default', 1, '1', 'full')
"""
    await execute(database, worker, socket.gethostname())
    found = await diagnosis(database, tmp_path, "metrics", ORVANTA_METRICS_PORT=str(free_port()))
    assert "set ORVANTA_METRICS_TOKEN" in found
    token = {"ORVANTA_METRICS_PORT": str(free_port()), "ORVANTA_METRICS_TOKEN": "a-token-of-prometheus"}
    done = await asyncio.to_thread(run, "doctor", **on(database, tmp_path), **token)
    assert "ORVANTA_METRICS_TOKEN" not in done.stdout
