"""Synchronous client of the API that maps failures to the errors of the command line."""

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
from orvanta_platform.cli.client.output import say, terminal_safe
from orvanta_platform.errors import BadRequest

TIMEOUT = httpx.Timeout(60, connect=10)
"""Timeouts in seconds. The server sends a keep-alive every 15 seconds on a stream."""


@dataclass(slots=True)
class Api:
    """API of the server of a connection, as its user, in its workspace. Must be closed."""

    connection: Connection
    client: httpx.Client

    def get(self, path: str, **query: Any) -> Any:
        """Send a GET request and return the JSON of the response. Raises like `send`."""
        return parsed(self.send("GET", path, query=query))

    def get_or_none(self, path: str, **query: Any) -> Any:
        """Send a GET request; return None if the server responds with 404."""
        try:
            return self.get(path, **query)
        except ServerRefused as error:
            if error.answered != 404:
                raise
            return None

    def post(self, path: str, body: Any = None, **query: Any) -> str:
        """Send a POST request with a JSON body and return the text of the response. Raises like `send`."""
        return self.send("POST", path, body=body, query=query).text

    def delete(self, path: str) -> str:
        """Send a DELETE request and return the text of the response. Raises like `send`."""
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
        """Send one request; `body` is encoded as JSON, bytes are sent unchanged. Raises ServerUnreachable, NotLoggedIn,
        ServerRefused.
        """
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if content is not None else {}
        with reaching(self.connection.url):
            answer = self.client.request(
                method, path, content=content, params=_present(query), headers={**sent, **(headers or {})}
            )
        _print_warnings(accepted(answer, self.connection))
        return answer

    def item(self, area: str, path: str) -> str:
        """Return the address of a call for an item of the workspace: `area`, such as `flows/get`, then the path of the
        item.
        """
        return f"{self.in_workspace(area)}/{quote(path, safe='/')}"

    def in_workspace(self, call: str) -> str:
        """Return the address of a call of the workspace. Raises BadRequest if the profile has none."""
        if not self.connection.workspace:
            raise BadRequest("The profile has no workspace.", hint="Pass --workspace, or log in again as a member.")
        return f"/api/w/{quote(self.connection.workspace, safe='')}/{call}"


def open_api(connection: Connection) -> Api:
    """Open the API of this connection."""
    return Api(connection, httpx.Client(**client_options(connection), timeout=TIMEOUT))


def client_options(connection: Connection) -> dict[str, Any]:
    """Return the arguments of every HTTP client of this connection. Redirects are not followed, so that the token is
    not sent elsewhere.
    """
    headers = {
        "User-Agent": f"orvanta-cli/{__version__}",
        "X-Workspace": connection.workspace,
        "X-Trigger": "manual",
    }
    if connection.token:
        headers["Authorization"] = f"Bearer {connection.token}"
    options: dict[str, Any] = {"base_url": connection.url, "headers": headers}
    if is_loopback(connection.url):
        options["trust_env"] = False
    if connection.url.startswith("http:"):
        # Loading the certificates of the authorities takes longer than most commands, and HTTP does not need them.
        options["verify"] = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return options


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Convert transport errors into ServerUnreachable."""
    try:
        yield
    except (httpx.TransportError, httpx.InvalidURL, UnicodeError) as error:
        raise unreachable(url, error) from None


def unreachable(url: str, error: Exception) -> ServerUnreachable:
    """Return a transport error as ServerUnreachable."""
    connected = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.InvalidURL | UnicodeError)
    if isinstance(error, httpx.TimeoutException):
        hint = "Check the server, or try again in a moment."
        return ServerUnreachable(f"{url} did not respond in time.", hint=hint, connected=connected)
    return ServerUnreachable(
        f"{url} cannot be reached: {str(error).rstrip('.') or type(error).__name__}.",
        hint="Check that the server is running at this address; `orvanta profile list` shows all profiles.",
        connected=connected,
    )


@contextmanager
def in_doubt(way_out: str) -> Iterator[None]:
    """Name what shows whether the server executed a request whose response did not arrive."""
    note = f"The server may have stored the items nevertheless: {way_out}."
    try:
        with note_if_interrupted(note):
            yield
    except ServerUnreachable as error:
        if not error.connected:
            raise
        raise ServerUnreachable(error.message, hint=note, connected=True) from None


@contextmanager
def note_if_interrupted(note: str) -> Iterator[None]:
    """Print a note if Ctrl-C ends the command in the block."""
    try:
        yield
    except KeyboardInterrupt:
        say(note)
        raise


def _print_warnings(answer: httpx.Response) -> None:
    """Print the warnings about an item that was deployed."""
    for each in json.loads(answer.headers.get("X-Warnings") or "[]"):
        say(terminal_safe(f"warning {each['code']}: {each['message']}"))


def accepted(answer: httpx.Response, connection: Connection) -> httpx.Response:
    """Return the response if it is successful; reads an error response. Raises NotLoggedIn, ServerRefused."""
    if answer.is_success:
        return answer
    error = _error_of(answer)
    if answer.status_code == 401:
        message = str(error.get("message") or "The server requires a login.")
        raise NotLoggedIn(message, hint=_how_to_log_in(connection), server_code=error.get("code"))
    raise ServerRefused(answer.status_code, error)


def parsed(answer: httpx.Response) -> Any:
    """Return the JSON of a response. Raises ServerRefused if it is not JSON, because another server responds at this
    address.
    """
    try:
        return answer.json()
    except ValueError:
        raise ServerRefused(
            answer.status_code,
            {"message": f"The response of {answer.request.url.host} is not that of an Orvanta server."},
            hint="Compare the address of the profile with that of the server.",
        ) from None


def _error_of(answer: httpx.Response) -> dict[str, Any]:
    try:
        error = answer.json()["error"]
        return error if isinstance(error, dict) else {}
    except (ValueError, KeyError, TypeError):
        return {"message": f"The server responded with {answer.status_code} {answer.reason_phrase}."}


def _how_to_log_in(connection: Connection) -> str:
    if connection.profile == "ORVANTA_URL":
        return "The token in ORVANTA_TOKEN may be expired, deleted or from another server."
    if connection.profile == "local":
        return "The token in ORVANTA_HOME is not valid for this server; another installation may use the address."
    return f"Log in again with `orvanta login --profile {connection.profile}`."


def _present(query: Mapping[str, Any] | None) -> dict[str, str]:
    shown = {True: "true", False: "false"}
    parameters = {name: value for name, value in (query or {}).items() if value is not None}
    return {name: shown[value] if isinstance(value, bool) else str(value) for name, value in parameters.items()}
