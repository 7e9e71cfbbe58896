"""Requests that show that somebody uses the server."""

from __future__ import annotations

import pytest
from tests.http.harness import ApiHarness


@pytest.mark.parametrize(
    ("path", "rouses"),
    [("/api/version", True), ("/api/w/main/flows/list", True), ("/api/health/live", False)],
    ids=["a public route", "a route of a workspace", "a probe"],
)
async def test_requests_rouse_the_polls_of_the_server(
    api: ApiHarness, path: str, rouses: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request may change rows that are due at once. Probes of an idle server arrive every few seconds."""
    roused: list[str] = []
    monkeypatch.setattr(api.platform.polls, "rouse", lambda: roused.append(path))
    assert (await api.client.get(path)).status_code == 200
    assert bool(roused) is rouses
