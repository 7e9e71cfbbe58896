"""Deployment and execution of scripts that import each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.http.harness import ApiHarness, W

from orvanta_platform.worker.loop import Worker


@dataclass
class Catalog:
    """Scripts of a workspace, with a worker that runs them."""

    api: ApiHarness
    worker: Worker

    async def deploy(self, path: str, content: str, language: str = "python3", **more: Any) -> str:
        """Deploy a version; returns its hash, that of the newest one if nothing changes."""
        answer = await self._create(path, content, language, more)
        assert answer.status_code == 201, answer.text
        return str(answer.text)

    async def refuse(self, path: str, content: str, language: str = "python3", **more: Any) -> list[dict[str, Any]]:
        """Fail to deploy a version; returns the diagnostics."""
        error = await self.refusal(path, content, language, **more)
        assert error["code"] == "invalid_script"
        found: list[dict[str, Any]] = error["details"]["diagnostics"]
        return found

    async def refusal(self, path: str, content: str, language: str = "python3", **more: Any) -> dict[str, Any]:
        """Fail to deploy a version; returns the error."""
        answer = await self._create(path, content, language, more)
        assert answer.status_code == 400, answer.text
        found: dict[str, Any] = answer.json()["error"]
        return found

    async def locked(self, digest: str) -> str:
        """Wait until the packages of a version are locked; returns the lock."""
        while True:
            status = await self.api.get(f"scripts/deployment_status/h/{digest}")
            assert "lock_error_logs" not in status, status
            if status["lock"] is not None:
                return str(status["lock"])

    async def _create(self, path: str, content: str, language: str, more: dict[str, Any]) -> Any:
        client = more.pop("client", self.api.client)
        present = await self.api.client.get(f"{W}/scripts/get/p/{path}")
        body: dict[str, Any] = {"path": path, "summary": "", "content": content, "language": language, **more}
        if present.status_code == 200:
            body["parent_hash"] = present.json()["hash"]
        return await client.post(f"{W}/scripts/create", json=body, params={"skip_if_noop": "true"})

    async def result(self, path: str, args: Any = None, **more: Any) -> Any:
        """Run the newest version; returns the result, or the error."""
        answer = await self.api.client.post(f"{W}/jobs/run_wait_result/p/{path}", json=args or {}, **more)
        return answer.json()

    async def result_of_version(self, digest: str) -> Any:
        """Run a version; returns the result, or the error."""
        run = await self.api.client.post(f"{W}/jobs/run/h/{digest}", json={})
        return await self._result(run.text)

    async def preview(self, content: str, language: str = "python3", path: str | None = None) -> Any:
        """Run code without deploying it; returns the result, or the error."""
        body: dict[str, Any] = {"content": content, "language": language, "path": path, "args": {}}
        answer = await self.api.client.post(f"{W}/jobs/run_wait_result/preview", json=body)
        return answer.json()

    async def refused_preview(self, content: str, language: str = "python3", path: str | None = None) -> dict[str, Any]:
        """Fail to run code without deploying it; returns the error."""
        body: dict[str, Any] = {"content": content, "language": language, "path": path, "args": {}}
        answer = await self.api.client.post(f"{W}/jobs/run_wait_result/preview", json=body)
        assert answer.status_code == 400, answer.text
        found: dict[str, Any] = answer.json()["error"]
        return found

    async def draft(self, path: str, content: str, language: str = "python3") -> None:
        """Save a draft of the admin."""
        body = {"value": {"content": content, "language": language, "summary": ""}}
        answer = await self.api.client.put(f"{W}/drafts/script/{path}", json=body)
        assert answer.status_code == 200, answer.text

    async def deploy_flow(self, path: str, value: dict[str, Any]) -> None:
        """Deploy the first version of a workflow."""
        answer = await self.api.client.post(f"{W}/flows/create", json={"path": path, "summary": "", "value": value})
        assert answer.status_code == 201, answer.text

    async def refuse_flow(self, path: str, value: dict[str, Any]) -> list[dict[str, Any]]:
        """Fail to deploy a workflow; returns the diagnostics."""
        answer = await self.api.client.post(f"{W}/flows/create", json={"path": path, "summary": "", "value": value})
        assert answer.status_code == 400, answer.text
        found: list[dict[str, Any]] = answer.json()["error"]["details"]
        return found

    async def flow_result(self, path: str) -> Any:
        """Run a workflow; returns the result, or the error."""
        answer = await self.api.client.post(f"{W}/jobs/run_wait_result/f/{path}", json={})
        return answer.json()

    async def flow_preview(self, value: dict[str, Any], path: str | None = None) -> Any:
        """Run a workflow without deploying it; returns the result, or the error."""
        body = {"value": value, "path": path, "args": {}}
        answer = await self.api.client.post(f"{W}/jobs/run/preview_flow", json=body)
        assert answer.status_code == 201, answer.text
        return await self._result(answer.text)

    async def _result(self, run: str) -> Any:
        while True:
            found = await self.api.get(f"jobs_u/completed/get_result_maybe/{run}")
            if found["completed"]:
                return found["result"]
