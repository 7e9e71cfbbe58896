"""`orvanta admin settings`: settings of the instance, changed on the machine of the installation.

These commands need no server and no login, so that a setting that prevents everybody from logging in can be undone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from orvanta_platform.cli.help_text import CommandGroup, examples_epilog
from orvanta_platform.errors import BadRequest

if TYPE_CHECKING:
    from orvanta_platform.services.access.instance_settings import ShownSetting

app = typer.Typer(no_args_is_help=True, help="Settings of the instance.", cls=CommandGroup, rich_markup_mode=None)

T = TypeVar("T")

Name = Annotated[str, typer.Argument(help="Name of the setting.", metavar="NAME")]
Value = Annotated[
    str, typer.Argument(help="Value, JSON; `-` reads it from standard input, as a value with secrets requires.")
]
File = Annotated[str, typer.Argument(help="YAML or JSON file; `-` is standard input.", metavar="FILE")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.callback()
def settings() -> None:
    """Settings of the instance."""


@app.command("list", epilog=examples_epilog("orvanta admin settings list"))
def _list(as_json: AsJson = False) -> None:
    """List the settings with their values."""
    import msgspec

    from orvanta_platform.cli.client.output import print_json, print_table
    from orvanta_platform.services.access import instance_settings

    found = _run(lambda db, settings, _keys, actor: instance_settings.list_all(db, settings, actor))
    if as_json:
        print_json([msgspec.to_builtins(each) for each in found])
        return
    rows = [[each.name, _text(each.value), _set_by(each), each.description] for each in found]
    print_table(["NAME", "VALUE", "SET BY", "DESCRIPTION"], rows)


@app.command(epilog=examples_epilog("orvanta admin settings get min_password_length"))
def get(name: Name) -> None:
    """Print the value of a setting as JSON. A secret field is shown as `***`."""
    from orvanta_platform.services.access import instance_settings

    found = _run(lambda db, settings, _keys, actor: instance_settings.get(db, settings, actor, name))
    print(_text(found.value))
    if found.variable:
        print(f"Set by the environment variable {found.variable}.", file=sys.stderr)


@app.command(
    epilog=examples_epilog("orvanta admin settings set min_password_length 12", "orvanta admin settings set NAME - < f")
)
def set(name: Name, value: Value) -> None:
    """Set a setting. It takes effect in every server within a second."""
    try:
        parsed = json.loads(sys.stdin.read() if value == "-" else value)
    except ValueError as error:
        raise BadRequest(f"The value is not JSON: {error}.", hint="Text needs quotes: '\"text\"'.") from error
    _store({name: parsed})
    print(f"Set {name}.")


@app.command(epilog=examples_epilog("orvanta admin settings unset min_password_length"))
def unset(name: Name) -> None:
    """Return a setting to its default."""
    _store({name: None})
    print(f"{name} has its default again.")


@app.command("export", epilog=examples_epilog("orvanta admin settings export > settings.yaml"))
def _export() -> None:
    """Print the settings that differ from their defaults as YAML, which `orvanta admin settings apply` reads.

    Secret fields are printed as `***`, which leaves them unchanged. Values of environment variables are not part of it.
    """
    import msgspec

    from orvanta_platform.services.access import instance_settings
    from orvanta_platform.workflow import text

    found = _run(lambda db, settings, _keys, actor: instance_settings.list_all(db, settings, actor))
    stored = {each.name: each.value for each in found if each.updated_at is not None and each.variable is None}
    print(text.write_yaml(msgspec.to_builtins(stored)) if stored else "{}", end="" if stored else "\n")


@app.command("apply", epilog=examples_epilog("orvanta admin settings apply settings.yaml"))
def _apply(file: File) -> None:
    """Set the settings of a YAML or JSON file: all of them, or none if a value is not valid.

    A setting that the file does not name keeps its value; null returns it to its default.
    """
    changed = _store(_read(file))
    print("\n".join(f"Changed {name}." for name in changed) or "Nothing to change.")


@app.command("test-mail", epilog=examples_epilog("orvanta admin settings test-mail ada@example.org"))
def _test_mail(
    to: Annotated[str, typer.Argument(help="Address that receives the mail.", metavar="ADDRESS")],
) -> None:
    """Send a test mail with the mail server of the setting smtp, and print the reply of the server."""
    from orvanta_platform.cli.client.errors import FAILED
    from orvanta_platform.cli.client.output import terminal_safe
    from orvanta_platform.services.access import mail_tests

    found = _run(lambda db, settings, keys, actor: mail_tests.run(db, settings, keys, actor, to))
    print(terminal_safe(found.message))
    if not found.success:
        raise typer.Exit(FAILED)


def _read(file: str) -> dict[str, Any]:
    """Return the settings of a file, by name. Raises BadRequest."""
    from orvanta_platform.workflow import yaml_text

    try:
        content = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"{file} cannot be read: {error}.") from error
    found = yaml_text.read(content, limit=True)
    if not isinstance(found, dict):
        raise BadRequest(
            "The file does not contain an object of settings by name.",
            hint="`orvanta admin settings export` prints one.",
        )
    return found


def _store(values: Mapping[str, Any]) -> list[str]:
    """Set settings and return the names of those that changed. Warn of OpenID providers that cannot be used now."""
    from orvanta_platform.control.instance_settings import OIDC_PROVIDERS
    from orvanta_platform.services.access import instance_settings
    from orvanta_platform.services.access.issuer_check import IssuerProblem, find_problem

    async def work(db: Any, settings: Any, keys: Any, actor: Any) -> tuple[list[str], dict[str, IssuerProblem | None]]:
        changed = await instance_settings.apply(db, settings, keys, actor, values)
        providers = values[OIDC_PROVIDERS.name] if OIDC_PROVIDERS.name in changed else None
        found = {
            name: await find_problem(settings, actor, each["issuer"], each.get("networks", ()))
            for name, each in (providers or {}).items()
        }
        return changed, found

    changed, problems = _run(work)
    for name, problem in problems.items():
        if problem:
            print(f"{name}: {problem.message} Nobody can log in with it until that is corrected.", file=sys.stderr)
    return changed


def _run(work: Callable[[Any, Any, Any, Any], Awaitable[T]]) -> T:
    """Run `work` with the database, settings and keys of the installation, as the system."""
    from orvanta_platform.cli.environment import run_with_database, take_settings, with_database
    from orvanta_platform.control import keys
    from orvanta_platform.control.actor import system

    with with_database(take_settings()) as settings:
        return run_with_database(settings, lambda db: work(db, settings, keys.load(settings), system(name="orvanta")))


def _set_by(setting: ShownSetting) -> str:
    if setting.variable:
        return f"environment variable {setting.variable}"
    return setting.updated_by or "default"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
