"""Console script `orvanta`, with one thin function per command. Errors are printed as a sentence and a hint, never as a
traceback.

Commands import their dependencies when they run, because most of them finish faster than a full import would take.
"""

from __future__ import annotations

import enum
import functools
import json
import os
import sys
from importlib import import_module
from typing import Annotated, Any, Final, NoReturn

import typer

from orvanta_platform import __version__, heap
from orvanta_platform.cli import processes
from orvanta_platform.cli.client.errors import USAGE
from orvanta_platform.cli.failure import fail
from orvanta_platform.cli.help_text import CommandGroup, examples_epilog
from orvanta_platform.errors import OrvantaError

GROUPS = {
    "profile": "client.profile",
    "flow": "client.flow",
    "script": "client.script",
    "acceptance": "client.acceptance",
    "job": "client.job",
    "variable": "client.variable",
    "resource": "client.resource",
    "resource-type": "client.resource_type",
    "user": "client.user",
    "member": "client.member",
    "service-account": "client.service_account",
    "group": "client.group",
    "folder": "client.folder",
    "workspace": "client.workspace",
    "policy": "client.policy",
    "git": "client.git",
    "env": "client.env",
    "release": "client.release",
    "permission": "client.permission",
    "token": "client.token",
    "scim-token": "client.scim_token",
    "audit": "client.audit",
    "workers": "client.workers",
    "import": "import_workflows",
    "admin": "admin",
}
"""Groups of commands in the order of the help text, with the modules that define them as `app`."""

COMMANDS = {
    "client.login": ("login", "logout", "whoami"),
    "client.references": ("references",),
    "client.promote": ("promote", "rollback"),
    "lint": ("lint",),
    "workflow_tests": ("test",),
    "metadata": ("generate-metadata",),
    "dev": ("dev",),
    "push": ("init", "pull", "push", "status", "diff"),
    "doctor": ("doctor",),
    "backup": ("backup", "restore"),
}
"""Modules with commands outside of groups, which they add in their function `register`."""

OWN_COMMANDS = ("up", "server", "worker", "worker-process", "migrate", "version", "completion")
"""Commands that this module adds itself."""

_COMPLETE: Final = "_ORVANTA_COMPLETE"
"""Variable with which a shell asks for the words that complete a command line."""

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
app.command(epilog=examples_epilog("ORVANTA_PORT=9000 orvanta server"))(processes.server)
app.command(epilog=examples_epilog("ORVANTA_SLOTS=8 orvanta worker"))(processes.worker)
app.command(hidden=True)(processes.worker_process)
app.command(epilog=examples_epilog("orvanta migrate", "orvanta migrate --first-start"))(processes.migrate)


@app.command(epilog=examples_epilog("orvanta version"))
def version() -> None:
    """Print the version."""
    print(__version__)


class Shell(enum.StrEnum):
    """Shell whose commands are completed."""

    BASH = "bash"
    FISH = "fish"
    ZSH = "zsh"


@app.command(epilog=examples_epilog('eval "$(orvanta completion bash)"', "orvanta completion fish | source"))
def completion(shell: Annotated[Shell, typer.Argument(help="bash, zsh or fish.")]) -> None:
    """Print a script that completes the commands and options of `orvanta` in a shell.

    Add the line of the example to the start file of the shell.
    """
    from typer._completion_shared import get_completion_script

    print(get_completion_script(prog_name="orvanta", complete_var=_COMPLETE, shell=shell.value))


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


def load(name: str = "") -> typer.Typer:
    """Return the application with the command or group of this name, or with all of them if there is none.

    Importing and building 150 commands takes a third of the time of a short command, and of the start of a process.
    """
    with heap.loading():
        if name in OWN_COMMANDS:
            return app
        if name in GROUPS:
            _add_group(name)
            return app
        modules = [module for module, names in COMMANDS.items() if name in names]
        for module in modules or COMMANDS:
            _add_commands(module)
        if not modules:
            for group in GROUPS:
                _add_group(group)
    return app


@functools.cache
def _add_group(name: str) -> None:
    app.add_typer(_module(GROUPS[name]).app, name=name)


@functools.cache
def _add_commands(module: str) -> None:
    _module(module).register(app)


def _module(name: str) -> Any:
    return import_module(f"orvanta_platform.cli.{name}")


def _run() -> None:
    for stream in (sys.stdout, sys.stderr):
        # Characters that the encoding of the terminal lacks are printed as escapes instead of raising an error.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    if _COMPLETE in os.environ:
        from typer._completion_classes import completion_init

        completion_init()
    try:
        load(*sys.argv[1:2])()
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
