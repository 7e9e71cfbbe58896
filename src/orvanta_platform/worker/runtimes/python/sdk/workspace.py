"""Access to a workspace with the token of the job."""

from __future__ import annotations

import datetime as dt
import os
import re
from typing import Any

from .connection import Connection, Response


class Workspace:
    """Access to one workspace. In a job, all arguments have their values from its environment."""

    def __init__(
        self, base_url: str | None = None, token: str | None = None, workspace: str | None = None, verify: bool = True
    ) -> None:
        """Create the client. `base_url` is the address without `/api`; `verify`: certificates are checked."""
        base = base_url or os.environ.get("BASE_INTERNAL_URL") or environ("BASE_URL")
        self.base_url = f"{base}/api"
        self._token = token
        self.verify = verify
        self.client = self.get_client()
        self.workspace = workspace or environ("WORKSPACE")
        self._path: str | None = None
        if not self.workspace:
            raise ValueError("There is no workspace: pass one, or set WM_WORKSPACE.")

    @property
    def token(self) -> str | None:
        """Token of the calls: that passed, otherwise that of the current job of the process."""
        return self._token or environ("TOKEN")

    @property
    def path(self) -> str | None:
        """Path of the current script or workflow, unless it is set."""
        return self._path or environ("JOB_PATH")

    @path.setter
    def path(self, path: str | None) -> None:
        self._path = path

    def get_client(self) -> Connection:
        """Return a new connection, with the methods get, post, put, delete and request."""
        return Connection(self.base_url, lambda: self.token, self.verify)

    def worker_has_internal_server(self) -> bool:
        """Return whether the API is on this machine."""
        return re.match(r"https?://(localhost|127\.0\.0\.1)(:|/|$)", self.base_url) is not None

    def get(self, endpoint: str, raise_for_status: bool = True, **options: Any) -> Response:
        """Send a GET request, with the options of Connection.stream. Raises ApiError if it is refused."""
        response = self.client.get(endpoint, **options)
        return response.raise_for_status() if raise_for_status else response

    def post(self, endpoint: str, raise_for_status: bool = True, **options: Any) -> Response:
        """Send a POST request, with the options of Connection.stream. Raises ApiError if it is refused."""
        response = self.client.post(endpoint, **options)
        return response.raise_for_status() if raise_for_status else response

    def in_workspace(self, rest: str) -> str:
        """Return the path of a call of the workspace."""
        return f"/w/{self.workspace}/{rest}"

    @property
    def version(self) -> str:
        """Version of the platform."""
        return self.get("version").text

    def whoami(self) -> Any:
        """Return the user that the job acts for."""
        return self.get("/users/whoami").json()

    @property
    def user(self) -> Any:
        """The user that the job acts for."""
        return self.whoami()

    def username_to_email(self, username: str) -> str:
        """Return the email address of a member of the workspace."""
        return self.get(self.in_workspace(f"users/username_to_email/{username}")).text

    def get_id_token(self, audience: str, expires_in: int | None = None) -> str:
        """Return a token by which the system `audience` recognises the job; it is valid for `expires_in` seconds."""
        return self.post(self.in_workspace(f"oidc/token/{audience}"), params={"expires_in": expires_in}).text

    def create_token(self, duration: dt.timedelta = dt.timedelta(days=1)) -> str:
        """Create a token of the user. The token of a job may not do this."""
        expiration = (dt.datetime.now(dt.UTC) + duration).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self.post("/users/tokens/create", json={"label": "created by a client", "expiration": expiration}).text


def environ(name: str) -> str | None:
    """Return a variable of the job's environment by its name without prefix."""
    return os.environ.get(f"WM_{name}", os.environ.get(f"OV_{name}"))
