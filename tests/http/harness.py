"""A platform on a fresh database, with its real middleware and routes, clients, and a worker controlled by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from litestar.types import ASGIApp
from tests.conftest import TestDatabase
from tests.http.manual_worker import ManualWorker
from tests.polling import POLL_S

from orvanta_platform.control import names
from orvanta_platform.control.actor import Role, system
from orvanta_platform.db import tokens, workspaces
from orvanta_platform.http.app import create_app
from orvanta_platform.services.access import setup, users
from orvanta_platform.services.access.users import NewAccount
from orvanta_platform.services.platform import Platform
from orvanta_platform.settings import Settings

W = "/api/w/main"
PYTHON = {"content": "def main(**args):\n    return args\n", "language": "python3"}


@dataclass(slots=True)
class ApiHarness:
    """A platform with its application and a worker; `client` has the admin's token and uses workspace main."""

    platform: Platform
    app: ASGIApp
    client: httpx.AsyncClient
    worker: ManualWorker

    async def member(
        self, username: str, role: Role = Role.OPERATOR, *, scopes: list[str] | None = None, workspace: str = "main"
    ) -> httpx.AsyncClient:
        """Add a member and return its client."""
        email = f"{username}@example.com"
        token = names.new_token("user")
        async with self.platform.db.transaction() as conn:
            await users.add_account(conn, system(), NewAccount(email, username=username), None)
            await workspaces.add_member(conn, workspace, username, email, role)
            await tokens.insert(conn, names.token_hash(token), names.token_prefix(token), "user", email, scopes=scopes)
        return client_of(self.app, token)

    async def preview(self, args: Any = None, **more: Any) -> str:
        """Start a run of a script and return its id."""
        answer = await self.client.post(f"{W}/jobs/run/preview", json={**PYTHON, "args": args or {}, **more})
        assert answer.status_code == 201, answer.text
        return answer.text

    async def flow(self, *modules: dict[str, Any], args: Any = None, **value: Any) -> str:
        """Start a run of a workflow of these nodes and return its id."""
        body = {"value": {"modules": list(modules), **value}, "args": args or {}}
        answer = await self.client.post(f"{W}/jobs/run/preview_flow", json=body)
        assert answer.status_code == 201, answer.text
        return answer.text

    async def get(self, path: str, **params: Any) -> Any:
        """Call a path of workspace main, require success, and return the JSON of the response."""
        answer = await self.client.get(f"{W}/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let other tasks run until `holds` returns true."""
        for _ in range(1_000_000):
            if holds():
                return
            await asyncio.sleep(0)
        raise AssertionError("it never held")

    async def begun(self, request: asyncio.Future[Any]) -> None:
        """Let other tasks run until the run of this waiting call exists, or the call has its response."""
        while not request.done() and not (await self.get("jobs/queue/count"))["database_length"]:
            await asyncio.sleep(POLL_S)


def script(id: str, **more: Any) -> dict[str, Any]:
    """Return a node that runs Python."""
    value = {"type": "rawscript", "language": "python3", "content": f"# {id}", "input_transforms": {}}
    return {"id": id, "value": value, **more}


def client_of(app: ASGIApp, token: str) -> httpx.AsyncClient:
    """Return a client that sends this token."""
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(transport=transport, base_url="http://orvanta", headers=headers, timeout=30)


@asynccontextmanager
async def api_harness(database: TestDatabase, home: Path, **settings: Any) -> AsyncIterator[ApiHarness]:
    """Open a platform with its application, the admin's client and a worker, on `database`."""
    chosen = Settings(home=home, database_url=database.app_url, database_direct_url=database.app_url, **settings)
    platform = await database.platform(chosen)
    try:
        first = await setup.first_start(platform.db, chosen)
        app = create_app(platform)
        worker = await ManualWorker.register(platform)
        async with client_of(app, first.token_file.read_text().strip()) as client:
            yield ApiHarness(platform, app, client, worker)
    finally:
        await platform.close()
