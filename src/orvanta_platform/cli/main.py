"""Console script `orvanta`, with one thin function per command. Errors are printed as a sentence and a hint, never as a
traceback.

Commands import their dependencies when they run, because most of them finish faster than a full import would take.
"""

from __future__ import annotations

import json
import os
import sys
from typing import NoReturn

import typer

from orvanta_platform import __version__
from orvanta_platform.cli import admin, backup, doctor, import_workflows, lint, processes, push, workflow_tests
from orvanta_platform.cli.client import (
    acceptance,
    audit,
    env,
    flow,
    folder,
    git,
    group,
    job,
    login,
    member,
    permission,
    policy,
    profile,
    promote,
    references,
    release,
    resource,
    resource_type,
    scim_token,
    script,
    service_account,
    token,
    user,
    variable,
    workers,
    workspace,
)
from orvanta_platform.cli.client.errors import USAGE, exit_code
from orvanta_platform.cli.help_text import CommandGroup, examples_epilog
from orvanta_platform.errors import OrvantaError

app = typer.Typer(
    name="orvanta",
    no_args_is_help=True,
    add_completion=False,
    cls=CommandGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Self-hosted workflow automation on PostgreSQL.\n\n"
    "`orvanta up` starts everything on this machine: database, server and worker. `server`, `worker` and "
    "`migrate` run the same components separately on an existing database (DATABASE_URL). Settings are read "
    "from the environment; docs/reference/settings.md lists them.\n\n"
    "`flow`, `script`, `job`, `variable` and `resource` work with a server: the one of this machine, or another "
    "one after `orvanta login`. With --json each of them prints one JSON document.",
)
app.command(epilog=examples_epilog("orvanta up"))(processes.up)
login.register(app)
app.add_typer(profile.app, name="profile")
app.add_typer(flow.app, name="flow")
app.add_typer(script.app, name="script")
app.add_typer(acceptance.app, name="acceptance")
app.add_typer(job.app, name="job")
app.add_typer(variable.app, name="variable")
app.add_typer(resource.app, name="resource")
app.add_typer(resource_type.app, name="resource-type")
references.register(app)
app.add_typer(user.app, name="user")
app.add_typer(member.app, name="member")
app.add_typer(service_account.app, name="service-account")
app.add_typer(group.app, name="group")
app.add_typer(folder.app, name="folder")
app.add_typer(workspace.app, name="workspace")
app.add_typer(policy.app, name="policy")
app.add_typer(git.app, name="git")
app.add_typer(env.app, name="env")
app.add_typer(release.app, name="release")
promote.register(app)
app.add_typer(permission.app, name="permission")
app.add_typer(token.app, name="token")
app.add_typer(scim_token.app, name="scim-token")
app.add_typer(audit.app, name="audit")
app.add_typer(workers.app, name="workers")
lint.register(app)
app.add_typer(import_workflows.app, name="import")
workflow_tests.register(app)
push.register(app)
app.command(epilog=examples_epilog("ORVANTA_PORT=9000 orvanta server"))(processes.server)
app.command(epilog=examples_epilog("ORVANTA_SLOTS=8 orvanta worker"))(processes.worker)
app.command(hidden=True)(processes.worker_process)
app.command(hidden=True)(processes.setup)
app.command(epilog=examples_epilog("orvanta migrate", "orvanta migrate --first-start"))(processes.migrate)
app.command(epilog=examples_epilog("orvanta doctor", "orvanta doctor --consistency"))(doctor.doctor)
app.command(epilog=examples_epilog("orvanta backup orvanta.backup"))(backup.backup)
app.command(epilog=examples_epilog("orvanta restore orvanta.backup"))(backup.restore)
app.add_typer(admin.app, name="admin")


@app.command(epilog=examples_epilog("orvanta version"))
def version() -> None:
    """Print the version."""
    print(__version__)


def fail(error: OrvantaError) -> int:
    """Print an error to stderr and return the exit code."""
    red, plain = ("\x1b[31m", "\x1b[0m") if sys.stderr.isatty() and not os.environ.get("NO_COLOR") else ("", "")
    print(f"{red}Error: {error.message}{plain}", file=sys.stderr)
    if error.hint:
        print(error.hint, file=sys.stderr)
    return exit_code(error)


def main() -> None:
    """Run the console script."""
    try:
        try:
            _run()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader has ended: `grep -q` does at its first match. The interpreter flushes once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except SystemExit as ended:
        _exit(ended)


def _exit(ended: SystemExit) -> NoReturn:
    """Exit without finalizing the interpreter if obstore is loaded: one of its threads that waits for the interpreter
    while it is finalized aborts the process (SIGABRT) after all work is done."""
    if "obstore" in sys.modules and isinstance(ended.code, int | None):
        sys.stderr.flush()
        os._exit(ended.code or 0)
    raise ended


def _build_only(names: list[str]) -> None:
    """Drop all commands except the group of this name, if there is one: building 150 commands takes a fifth of the time
    of a short command."""
    chosen = [group for group in app.registered_groups if group.name in names]
    if chosen:
        app.registered_groups, app.registered_commands = chosen, []


def _run() -> None:
    for stream in (sys.stdout, sys.stderr):
        # Characters that the encoding of the terminal lacks are printed as escapes instead of raising an error.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    _build_only(sys.argv[1:2])
    try:
        app()
    except OrvantaError as error:
        sys.exit(fail(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except SystemExit as ended:
        if ended.code == USAGE and "--json" in sys.argv:
            message = "The command line is invalid; standard error has the reason."
            print(json.dumps({"error": {"code": "usage", "message": message, "hint": None, "details": None}}))
        raise


if __name__ == "__main__":
    main()
