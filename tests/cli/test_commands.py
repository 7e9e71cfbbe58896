"""Output and exit codes of the commands, which never print a traceback."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import typer
from tests.conftest import TestDatabase
from tests.ports import free_port

from orvanta_platform import __version__
from orvanta_platform.cli.main import COMMANDS, GROUPS, OWN_COMMANDS, load
from orvanta_platform.db import workers
from orvanta_platform.db.workers import NewWorker


def run(*arguments: str, text: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `orvanta` until it ends, with these settings only."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "orvanta_platform.cli.main", *arguments],
        env={**environment, **environ},
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def on(database: TestDatabase, home: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database.app_url,
        "ORVANTA_OWNER_URL": database.owner_url,
        "ORVANTA_HOME": str(home),
    }


def test_version() -> None:
    assert run("version").stdout.strip() == __version__


def test_help_names_every_command() -> None:
    output = run("--help").stdout
    for command in ("up", "server", "worker", "migrate", "doctor", "admin", "version"):
        assert f"  {command} " in output
    assert "secrets-fd" not in run("server", "--help").stdout


def test_closed_pipe_is_no_error() -> None:
    """`orvanta … | grep -q …` closes the pipe at its first match."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "orvanta_platform.cli.main", "version", "--json"]
    try:
        ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, timeout=120)
    finally:
        os.close(writer)
    assert "No such option" in ended.stderr and "Errno 32" not in ended.stderr


NOWHERE = "postgresql://orvanta@127.0.0.1:1/orvanta"
NOT_REACHED = "The database cannot be reached"


@pytest.mark.parametrize(
    ("command", "environ", "message"),
    [
        ("up", {"ORVANTA_PROT": "8000"}, "Unknown setting ORVANTA_PROT.\nDid you mean ORVANTA_PORT?"),
        ("up", {"ORVANTA_PORT": "http"}, "ORVANTA_PORT ('http') is not a whole number"),
        ("up", {"ORVANTA_HOST": "192.0.2.1"}, "The server cannot listen on 192.0.2.1"),
        ("up", {"DATABASE_URL": "mysql://db"}, "DATABASE_URL is not a URL that starts with postgresql://"),
        ("up", {"DATABASE_URL": NOWHERE}, NOT_REACHED),
        ("server", {"DATABASE_URL": NOWHERE}, NOT_REACHED),
        ("worker", {"DATABASE_URL": NOWHERE}, NOT_REACHED),
        ("migrate", {"DATABASE_URL": NOWHERE}, NOT_REACHED),
        ("doctor", {"DATABASE_URL": NOWHERE}, NOT_REACHED),
    ],
)
def test_invalid_setting_is_reported_with_hint(
    command: str, environ: dict[str, str], message: str, tmp_path: Path
) -> None:
    port = {} if "ORVANTA_PORT" in environ else {"ORVANTA_PORT": str(free_port())}
    done = run(command, **{"ORVANTA_HOME": str(tmp_path), **port, **environ})
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 3


@pytest.mark.parametrize("command", ["up", "server"])
def test_taken_port_is_reported_in_one_sentence(command: str, database: TestDatabase, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(command, ORVANTA_PORT=str(port), **on(database, tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ") and str(port) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["up", "server", "worker", "migrate"])
async def test_newer_schema_is_reported_in_one_sentence(command: str, database: TestDatabase, tmp_path: Path) -> None:
    connection = await asyncpg.connect(database.owner_url)
    await connection.execute("INSERT INTO migration (name, breaking) VALUES ('9000_change_all', true)")
    await connection.close()
    done = run(command, ORVANTA_PORT=str(free_port()), **on(database, tmp_path))
    assert done.returncode == 1
    assert "The database was migrated by a newer Orvanta (9000_change_all)." in done.stderr
    assert "Traceback" not in done.stderr


def test_migrate_reports_applied_migrations(database: TestDatabase, tmp_path: Path) -> None:
    done = run("migrate", **on(database, tmp_path))
    assert (done.returncode, done.stdout) == (0, "The database is up to date.\n")
    done = run("migrate", "--first-start", **on(database, tmp_path))
    assert done.returncode == 0, done.stderr
    assert "/first_password" in done.stdout and "choose a password for admin@localhost" in done.stdout


@pytest.mark.every_postgres
def test_doctor_reports_installation(database: TestDatabase, tmp_path: Path) -> None:
    done = run("doctor", "--consistency", **on(database, tmp_path))
    assert done.returncode == 0, done.stderr
    commands = {line.split()[0]: line for line in done.stdout.splitlines() if not line.startswith(" ")}
    assert "PostgreSQL 1" in commands["database"]
    assert "orvanta_app owns no table" in commands["roles"]
    assert "up to date" in commands["schema"]
    assert "none alive" in commands["workers"]
    assert str(tmp_path) in commands["storage"]
    assert "isolation" in commands
    assert "The data is consistent." in done.stdout


def test_doctor_reports_single_database_role(database: TestDatabase, tmp_path: Path) -> None:
    done = run("doctor", DATABASE_URL=database.owner_url, ORVANTA_HOME=str(tmp_path))
    assert "orvanta_owner owns the tables" in done.stdout
    assert "The audit trail is not protected from the application" in done.stdout


@pytest.mark.parametrize(
    ("trusted", "instance", "warned"),
    [
        ("127.0.0.1,::1", None, True),
        ("::/0", None, True),
        ("10.0.0.0/8", None, False),
        ("127.0.0.1", "another-machine", False),
    ],
)
async def test_doctor_warns_of_jobs_that_can_forge_addresses(
    database: TestDatabase, tmp_path: Path, trusted: str, instance: str | None, warned: bool
) -> None:
    name = instance or socket.gethostname()
    connection = await asyncpg.connect(database.app_url)
    worker = NewWorker(uuid4(), "w", name, "", "default", None, 1, __version__, "full")
    await workers.register(connection, worker)
    await connection.close()
    done = await asyncio.to_thread(run, "doctor", ORVANTA_TRUSTED_PROXIES=trusted, **on(database, tmp_path))
    assert done.returncode == 0, done.stderr
    assert ("Its jobs can forge the address" in done.stdout) is warned, done.stdout


def commands(group: Any = None, path: str = "orvanta") -> Iterator[tuple[str, Any]]:
    """Yield all commands that the help lists, with the words that call them."""
    whole: Any = group or typer.main.get_command(load())
    for name, each in whole.commands.items():
        if hasattr(each, "commands"):
            yield from commands(each, f"{path} {name}")
        elif not each.hidden:
            yield f"{path} {name}", each


def test_every_command_can_be_loaded_without_the_others() -> None:
    """The tables of names are complete, and the modules in them register just these commands."""
    whole: Any = typer.main.get_command(load())
    assert sorted(whole.commands) == sorted([*OWN_COMMANDS, *GROUPS, *chain(*COMMANDS.values())])
    for module, names in COMMANDS.items():
        app = typer.Typer()
        app.command("other")(lambda: None)
        import_module(f"orvanta_platform.cli.{module}").register(app)
        built: Any = typer.main.get_command(app)
        assert built.commands.keys() - {"other"} == {*names}


@pytest.mark.parametrize(("name", "each"), list(commands()))
def test_help_of_command_has_an_example(name: str, each: Any) -> None:
    assert each.epilog and name in each.epilog


@pytest.mark.parametrize("group", ["", "job", "flow", "admin", "profile"])
def test_list_of_commands_shows_whole_sentences(group: str) -> None:
    shown = run(*filter(None, [group]), "--help").stdout
    assert "..." not in shown.partition("Commands:")[2] and shown.rstrip().endswith(".")


@pytest.mark.parametrize("command", ["get", "logs", "result", "watch", "cancel", "retry", "rerun"])
def test_id_that_is_none_is_rejected_with_a_hint(command: str, tmp_path: Path) -> None:
    done = run("job", command, "nope", ORVANTA_HOME=str(tmp_path))
    assert done.returncode == 2
    assert "'nope' is not an id" in done.stderr and "orvanta job list" in " ".join(done.stderr.split())


@pytest.mark.extended
def test_reset_password_replaces_it_and_ends_sessions(database: TestDatabase, tmp_path: Path) -> None:
    run("admin", "create-user", "ada@example.org", text="correct horse\n", **on(database, tmp_path))
    done = run("admin", "reset-password", "Ada@example.org", text="battery staple\n", **on(database, tmp_path))
    assert (done.returncode, done.stderr) == (0, "") and "username ada" in done.stdout
    unknown = run("admin", "reset-password", "nobody@example.org", text="battery staple\n", **on(database, tmp_path))
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("Error: No enabled account has the address nobody@example.org.")


@pytest.mark.extended
def test_create_user_reads_the_password_from_standard_input(database: TestDatabase, tmp_path: Path) -> None:
    arguments = ("admin", "create-user", "ada@example.org")
    done = run(*arguments, text="correct horse\n", **on(database, tmp_path))
    assert (done.returncode, done.stdout) == (0, "Created ada@example.org, username ada.\n"), done.stderr
    again = run(*arguments, text="correct horse\n", **on(database, tmp_path))
    assert again.returncode == 1
    assert "Traceback" not in again.stderr
    assert run(*arguments, **on(database, tmp_path)).stderr.startswith("Error: The password is missing.")
