"""Variables, resources and state through the unmodified published client, used by members and jobs."""

from __future__ import annotations

import asyncio

import pytest
from tests.http.harness import ApiHarness
from tests.http.jobs_running import started, token_of
from tests.http.test_jobs_server import published, served
from tests.http.test_jobs_server import token_of as users_token


async def test_person_sets_and_reads_plain_values(api: ApiHarness) -> None:
    def use(base: str) -> None:
        with published(base, users_token(api)) as client:
            client.set_variable("f/sales/url", "https://a")
            assert client.get_variable("f/sales/url") == "https://a"
            client.set_variable("var://f/sales/url", "https://b")
            assert client.get_variable("f/sales/url") == "https://b"
            client.set_variable("f/sales/token", "hush-hush", is_secret=True)
            client.set_variable("f/sales/token", "hush-hush-2")
            with pytest.raises(Exception, match="secret_is_write_only"):
                client.get_variable("f/sales/token")
            client.set_resource({"a": 1}, "f/sales/config", "any")
            client.set_resource({"a": "$var:f/sales/url"}, "f/sales/config", "any")
            assert client.get_resource("$res:f/sales/config") == {"a": "https://b"}
            assert client.get_resource("f/sales/config", interpolated=False) == {"a": "$var:f/sales/url"}
            assert client.get_resource("f/sales/none", none_if_undefined=True) is None
            client.set_connection([1], "f/sales/list", "any")
            assert client.get_connection("f/sales/list") == [1]
            assert [each["path"] for each in client.list_resources("any")] == ["f/sales/config", "f/sales/list"]
            assert client.list_connections(page=2, per_page=1)[0]["path"] == "f/sales/list"
            assert client.list_resources("postgresql") == []

    async with served(api) as base:
        await asyncio.to_thread(use, base)


async def test_job_reads_secrets_and_stores_state(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OV_STATE_PATH", "OV_STATE_PATH_NEW"):
        monkeypatch.setenv(name, "u/admin/f_sales_script_state")
    job = await started(api)

    def use(base: str) -> None:
        with published(base, token_of(api, job)) as client:
            client.set_variable("f/sales/token", "hush-hush", is_secret=True)
            assert client.get_variable("f/sales/token") == "hush-hush"
            database = {"host": "db", "password": "$var:f/sales/token"}
            client.set_resource(database, "f/sales/db", "postgresql")
            assert client.get_resource("f/sales/db") == {"host": "db", "password": "hush-hush"}
            client.set_resource({"host": "db", "password": "direct"}, "f/sales/db", "postgresql")
            assert client.get_resource("f/sales/db")["password"] == "direct"
            assert client.get_state() is None
            client.set_state({"last": 1})
            client.set_state({"last": 2})
            assert client.get_state() == {"last": 2}
            client.state = [3]
            assert client.state == [3]

    async with served(api) as base:
        await asyncio.to_thread(use, base)
