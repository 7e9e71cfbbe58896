"""Calls of the API, one at a time; what goes wrong becomes one error."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from orvanta_platform import __version__
from orvanta_platform.cli.client.connection import Connection, is_loopback
from orvanta_platform.cli.client.errors import NotLoggedIn, ServerRefused, ServerUnreachable

TIMEOUT = httpx.Timeout(60, connect=10)
"""Seconds; the server answers a stream's keep-alive every 15."""


@dataclass(slots=True)
class Api:
    """The API of a connection's server, as its user, in its workspace. Close it at the end."""

    connection: Connection
    client: httpx.Client

    def get(self, path: str, **query: Any) -> Any:
        """GET; the JSON of the answer. Raises as `send`."""
        return parsed(self.send("GET", path, query=query))

    def get_or_none(self, path: str, **query: Any) -> Any:
        """GET; None where the server answers 404."""
        try:
            return self.get(path, **query)
        except ServerRefused as error:
            if error.answered != 404:
                raise
            return None

    def post(self, path: str, body: Any = None, **query: Any) -> str:
        """POST with a JSON body; the text of the answer. Raises as `send`."""
        return self.send("POST", path, body=body, query=query).text

    def delete(self, path: str) -> str:
        """DELETE; the text of the answer. Raises as `send`."""
        return self.send("DELETE", path).text

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """One call; `body` is sent as JSON, bytes as they are. Raises ServerUnreachable, NotLoggedIn, ServerRefused."""
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if content is not None else {}
        with reaching(self.connection.url):
            answer = self.client.request(
                method, path, content=content, params=_present(query), headers={**sent, **(headers or {})}
            )
        return accepted(answer, self.connection)

    def item(self, area: str, path: str) -> str:
        """The address of a call of the workspace: `area` like `flows/get`, then the item's path."""
        return f"{self.in_workspace(area)}/{quote(path, safe='/')}"

    def in_workspace(self, call: str) -> str:
        """The address of a call of the workspace."""
        return f"/api/w/{quote(self.connection.workspace, safe='')}/{call}"


def open_api(connection: Connection) -> Api:
    """The API of this connection."""
    return Api(connection, httpx.Client(**client_options(connection), timeout=TIMEOUT))


def client_options(connection: Connection) -> dict[str, Any]:
    """What every HTTP client of this connection is made with. Redirects are not followed: the token stays here."""
    headers = {
        "User-Agent": f"orvanta-cli/{__version__}",
        "X-Workspace": connection.workspace,
        # A person typed the command.
        "X-Trigger": "manual",
    }
    if connection.token:
        headers["Authorization"] = f"Bearer {connection.token}"
    options: dict[str, Any] = {"base_url": connection.url, "headers": headers}
    if is_loopback(connection.url):
        options["trust_env"] = False
    if connection.url.startswith("http:"):
        # Reading the authorities' certificates takes longer than most commands, and nobody asks for them.
        options["verify"] = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return options


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turns what keeps a call from being answered into ServerUnreachable."""
    try:
        yield
    except (httpx.TransportError, httpx.InvalidURL, UnicodeError) as error:
        raise unreachable(url, error) from None


def unreachable(url: str, error: Exception) -> ServerUnreachable:
    """What kept a call from being answered, as the error of a command."""
    begun = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.InvalidURL | UnicodeError)
    if isinstance(error, httpx.TimeoutException):
        hint = "Look at the server, or try again in a moment."
        return ServerUnreachable(f"{url} did not answer in time.", hint=hint, begun=begun)
    return ServerUnreachable(
        f"{url} cannot be reached: {str(error).rstrip('.') or type(error).__name__}.",
        hint="Is the server running, and is this its address? `orvanta profile list` shows all of them.",
        begun=begun,
    )


def accepted(answer: httpx.Response, connection: Connection) -> httpx.Response:
    """The answer where it is one of success, read to its end. Raises NotLoggedIn, ServerRefused."""
    if answer.is_success:
        return answer
    error = _error_of(answer)
    if answer.status_code == 401:
        raise NotLoggedIn(str(error.get("message") or "The server wants a login."), hint=_how_to_log_in(connection))
    raise ServerRefused(answer.status_code, error)


def parsed(answer: httpx.Response) -> Any:
    """The JSON of an answer. Raises ServerRefused for what is none: another server answers at this address."""
    try:
        return answer.json()
    except ValueError:
        raise ServerRefused(
            answer.status_code,
            {"message": f"What {answer.request.url.host} answered is not of an Orvanta server."},
            hint="Compare the profile's address with that of the server.",
        ) from None


def _error_of(answer: httpx.Response) -> dict[str, Any]:
    try:
        error = answer.json()["error"]
        return error if isinstance(error, dict) else {}
    except (ValueError, KeyError, TypeError):
        return {"message": f"The server answered {answer.status_code} {answer.reason_phrase}."}


def _how_to_log_in(connection: Connection) -> str:
    if connection.profile == "ORVANTA_URL":
        return "The token in ORVANTA_TOKEN may be expired, deleted or of another server."
    if connection.profile == "local":
        return "The token in ORVANTA_HOME is not this server's: another installation may listen at the address."
    return f"Log in again with `orvanta login --profile {connection.profile}`."


def _present(query: Mapping[str, Any] | None) -> dict[str, str]:
    shown = {True: "true", False: "false"}
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return {name: shown[value] if isinstance(value, bool) else str(value) for name, value in given.items()}
