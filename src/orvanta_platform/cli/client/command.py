"""How a command of the client is registered: its own parameters and those that all of them have."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec, get_type_hints

import typer

from orvanta_platform.errors import OrvantaError

if TYPE_CHECKING:
    from orvanta_platform.cli.client.api import Api
    from orvanta_platform.cli.client.connection import Connection

P = ParamSpec("P")

ProfileOption = Annotated[str | None, typer.Option("--profile", help="Profile to use; `orvanta profile list`.")]
WorkspaceOption = Annotated[str | None, typer.Option("--workspace", "-w", help="Workspace, if not the profile's.")]
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
    """One command on a server. `as_json`: exactly one JSON document goes to stdout."""

    profile: str | None
    workspace: str | None
    as_json: bool
    _api: Api | None = field(default=None, repr=False)

    def connect(self) -> Connection:
        """The connection of the command. Raises SettingsError, NotLoggedIn."""
        from orvanta_platform.cli.client.connection import choose

        return choose(self.profile, self.workspace)

    @property
    def api(self) -> Api:
        """The API of the server. Raises as `connect`."""
        from orvanta_platform.cli.client.api import open_api

        if self._api is None:
            self._api = open_api(self.connect())
        return self._api

    def close(self) -> None:
        """Close the connection to the server."""
        if self._api is not None:
            self._api.client.close()


def command(
    app: typer.Typer, *examples: str, server: bool = True
) -> Callable[[Callable[Concatenate[Session, P], None]], Callable[Concatenate[Session, P], None]]:
    """Register a function as a command of `app`: it gets a Session first, then its own parameters.

    Its name is the function's, which starts with `_` where that would hide a builtin. `examples` are lines of a
    shell that `--help` ends with. Without `server` it has no options that choose one.
    """

    def register(work: Callable[Concatenate[Session, P], None]) -> Callable[Concatenate[Session, P], None]:
        def run(*, as_json: bool, **given: Any) -> None:
            profile = given.pop("profile") if server else None
            session = Session(profile, given.pop("workspace") if server else None, as_json)
            try:
                work(session, **given)  # type: ignore[call-arg]
            except OrvantaError as error:
                if as_json:
                    _answer_error(error)
                raise
            finally:
                session.close()

        parameters = [*_own(work), *(_SHARED if server else _SHARED[-1:])]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        run.__doc__ = work.__doc__
        app.command(work.__name__.strip("_").replace("_", "-"), epilog=shown(examples))(run)
        return work

    return register


def shown(examples: tuple[str, ...]) -> str | None:
    """Examples as the last part of a help text, their lines kept as they are."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in examples)]) if examples else None


def _own(work: Callable[..., None]) -> list[inspect.Parameter]:
    hints = get_type_hints(work, include_extras=True)
    own = list(inspect.signature(work).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [each.replace(annotation=hints[each.name], kind=keyword) for each in own]


def _answer_error(error: OrvantaError) -> None:
    from orvanta_platform.cli.client.output import print_json

    print_json({"error": error.as_dict()})
    sys.stdout.flush()
