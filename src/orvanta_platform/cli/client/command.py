"""Registration of client commands, with the parameters that all of them share."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec, get_type_hints

import typer

from orvanta_platform.cli.help_text import examples_epilog
from orvanta_platform.errors import OrvantaError

if TYPE_CHECKING:
    from orvanta_platform.cli.client.api import Api
    from orvanta_platform.cli.client.connection import Connection

P = ParamSpec("P")

ProfileOption = Annotated[str | None, typer.Option("--profile", help="Profile to use; see `orvanta profile list`.")]
WorkspaceOption = Annotated[
    str | None, typer.Option("--workspace", "-w", help="Workspace; that of the folder or profile by default.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


_SHARED = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    for name, annotation, default in (
        ("profile", ProfileOption, None),
        ("workspace", WorkspaceOption, None),
        ("as_json", JsonOption, False),
    )
]


@dataclass(slots=True)
class Session:
    """State of one command that uses a server."""

    profile: str | None
    workspace: str | None
    as_json: bool
    """Print exactly one JSON document to stdout."""
    _api: Api | None = field(default=None, repr=False)
    folder: Path | None = None
    """Folder that contains the files of the command; None: it uses no files."""

    def connect(self) -> Connection:
        """Return the connection of the command. Raises SettingsError, NotLoggedIn, BadRequest."""
        from orvanta_platform.cli.client.connection import choose

        return choose(self.profile, self.workspace, folder=self.folder)

    @property
    def api(self) -> Api:
        """The API of the server. Raises like `connect`."""
        from orvanta_platform.cli.client.api import open_api

        if self._api is None:
            self._api = open_api(self.connect())
        return self._api

    def change(self, call: str, body: dict[str, Any], subject: str, state: str) -> None:
        """Send a POST request to a call of the workspace, then print the new state of its subject."""
        self.api.post(self.api.in_workspace(call), body)
        self.print_state(subject, state)

    def print_state(self, subject: str, state: str) -> None:
        """Print the result of a change: its subject and the new state."""
        from orvanta_platform.cli.client.output import print_json

        if self.as_json:
            print_json({"subject": subject, "state": state})
        else:
            print(f"{subject}: {state}")

    def close(self) -> None:
        """Close the connection to the server."""
        if self._api is not None:
            self._api.client.close()


def command(
    app: typer.Typer, *examples: str, server: bool = True
) -> Callable[[Callable[Concatenate[Session, P], None]], Callable[Concatenate[Session, P], None]]:
    """Register a function as a command of `app`. It is called with a Session, then with its own parameters.

    The name of the command is that of the function without a leading `_`, which avoids hiding a builtin. `examples` are
    shell lines printed at the end of `--help`. Without `server`, the command has no options to select a server.
    """

    def register(work: Callable[Concatenate[Session, P], None]) -> Callable[Concatenate[Session, P], None]:
        def run(*, as_json: bool, **arguments: Any) -> None:
            profile = arguments.pop("profile") if server else None
            session = Session(profile, arguments.pop("workspace") if server else None, as_json)
            try:
                work(session, **arguments)  # type: ignore[call-arg]
            except OrvantaError as error:
                if as_json:
                    _print_error(error)
                raise
            finally:
                session.close()

        parameters = [*_own(work), *(_SHARED if server else _SHARED[-1:])]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        run.__doc__ = work.__doc__
        app.command(work.__name__.strip("_").replace("_", "-"), epilog=examples_epilog(*examples))(run)
        return work

    return register


def _own(work: Callable[..., None]) -> list[inspect.Parameter]:
    hints = get_type_hints(work, include_extras=True)
    own = list(inspect.signature(work).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [each.replace(annotation=hints[each.name], kind=keyword) for each in own]


def _print_error(error: OrvantaError) -> None:
    from orvanta_platform.cli.client.output import print_json

    print_json({"error": error.as_dict()})
    sys.stdout.flush()
