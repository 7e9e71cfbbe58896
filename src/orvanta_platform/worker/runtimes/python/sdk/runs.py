"""Calls for runs of scripts and workflows."""

from __future__ import annotations

import atexit
import datetime as dt
import json
import logging
import secrets
import time
from typing import Any, Literal

from .connection import Response
from .workspace import Workspace, environ

JobStatus = Literal["RUNNING", "WAITING", "COMPLETED"]
Timeout = dt.timedelta | int | float | None

logger = logging.getLogger("wmill")

_HELD_S = 2.0  # how long the server holds a request for updates


class Runs(Workspace):
    """Runs of a workspace."""

    def _start(
        self, kind: str, of: str, args: Any, scheduled_in_secs: int | None, tag: str | None, retry: Any, child: bool
    ) -> str:
        params = {
            "scheduled_in_secs": scheduled_in_secs or None,
            "tag": tag or None,
            "retry": json.dumps(retry) if retry else None,
            "parent_job": (environ("JOB_ID") or None) if child else None,
            "root_job": (environ("ROOT_FLOW_JOB_ID") or None) if child else None,
        }
        return self.post(self.in_workspace(f"jobs/run/{kind}/{of}"), json=args or {}, params=params).text

    def run_script_async(
        self,
        path: str | None = None,
        hash_: str | None = None,
        args: Any = None,
        scheduled_in_secs: int | None = None,
        tag: str | None = None,
    ) -> str:
        """Start a script, by path or hash, and return the id of its run."""
        if bool(path) == bool(hash_):
            raise ValueError("Pass either a path or a hash.")
        return self._start("p" if path else "h", path or hash_ or "", args, scheduled_in_secs, tag, None, True)

    def run_script_by_path_async(
        self,
        path: str,
        args: Any = None,
        scheduled_in_secs: int | None = None,
        tag: str | None = None,
        retry: Any = None,
    ) -> str:
        """Start a script and return the id of its run."""
        return self._start("p", path, args, scheduled_in_secs, tag, retry, True)

    def run_script_by_hash_async(
        self,
        hash_: str,
        args: Any = None,
        scheduled_in_secs: int | None = None,
        tag: str | None = None,
        retry: Any = None,
    ) -> str:
        """Start a version of a script and return the id of its run."""
        return self._start("h", hash_, args, scheduled_in_secs, tag, retry, True)

    def run_flow_async(
        self,
        path: str,
        args: Any = None,
        scheduled_in_secs: int | None = None,
        do_not_track_in_parent: bool = True,
        tag: str | None = None,
    ) -> str:
        """Start a workflow and return the id of its run."""
        return self._start("f", path, args, scheduled_in_secs, tag, None, not do_not_track_in_parent)

    def run_script(
        self,
        path: str | None = None,
        hash_: str | None = None,
        args: Any = None,
        timeout: Timeout = None,
        verbose: bool = False,
        cleanup: bool = True,
        assert_result_is_not_none: bool = False,
        tag: str | None = None,
    ) -> Any:
        """Run a script and return its result; see `wait_job`."""
        job = self.run_script_async(path, hash_, args, tag=tag)
        return self.wait_job(job, timeout, verbose, cleanup, assert_result_is_not_none)

    def run_script_by_path(
        self,
        path: str,
        args: Any = None,
        timeout: Timeout = None,
        verbose: bool = False,
        cleanup: bool = True,
        assert_result_is_not_none: bool = False,
        tag: str | None = None,
    ) -> Any:
        """Run a script and return its result; see `wait_job`."""
        return self.run_script(path, None, args, timeout, verbose, cleanup, assert_result_is_not_none, tag)

    def run_script_by_hash(
        self,
        hash_: str,
        args: Any = None,
        timeout: Timeout = None,
        verbose: bool = False,
        cleanup: bool = True,
        assert_result_is_not_none: bool = False,
        tag: str | None = None,
    ) -> Any:
        """Run a version of a script and return its result; see `wait_job`."""
        return self.run_script(None, hash_, args, timeout, verbose, cleanup, assert_result_is_not_none, tag)

    def run_inline_script_preview(self, content: str, language: str, args: Any = None) -> Any:
        """Run code that is not deployed and return its result."""
        body = {"content": content, "language": language, "args": args or {}}
        return self.post(self.in_workspace("jobs/run_inline/preview"), json=body).json()

    def wait_job(
        self,
        job_id: str,
        timeout: Timeout = None,
        verbose: bool = False,
        cleanup: bool = True,
        assert_result_is_not_none: bool = False,
    ) -> Any:
        """Wait until a run has ended and return its result.

        `timeout` is in seconds; after it, the run is cancelled. `cleanup`: if this script ends first, the run is
        cancelled. Raises Exception if the run failed, TimeoutError.
        """
        seconds = timeout.total_seconds() if isinstance(timeout, dt.timedelta) else timeout
        end = time.monotonic() + seconds if seconds else float("inf")

        def cancel() -> None:
            self.cancel_job(job_id, "the script that waited for it has ended")

        if cleanup:
            atexit.register(cancel)
        while True:
            found = self.get(self.in_workspace(f"jobs_u/completed/get_result_maybe/{job_id}")).json()
            remaining = end - time.monotonic()
            if found["completed"] or remaining <= 0:
                atexit.unregister(cancel)
                break
            if verbose:
                logger.info("waiting for job %s", job_id)
            if remaining < _HELD_S:
                time.sleep(min(remaining, 0.1))
            else:  # the server answers as soon as something changed
                params = {"running": bool(found.get("started")), "no_logs": True}
                self.get(self.in_workspace(f"jobs_u/getupdate/{job_id}"), params=params)
        if found["completed"]:
            return _result(job_id, found, assert_result_is_not_none)
        self.cancel_job(job_id, "reached timeout")
        raise TimeoutError("reached timeout")

    def cancel_job(self, job_id: str, reason: str | None = None) -> str:
        """Cancel a run and return its id."""
        body = {"reason": reason or "cancelled by a script"}
        return self.post(self.in_workspace(f"jobs_u/queue/cancel/{job_id}"), json=body).text

    def cancel_running(self) -> dict[str, Response]:
        """Cancel all other runs of this script and return the responses by id."""
        params = {"running": True, "script_path_exact": self.path}
        jobs = self.get(self.in_workspace("jobs/list"), params=params).json()
        ids = [each["id"] for each in jobs if each["id"] != environ("JOB_ID")]
        body = {"reason": "cancelled by a later run of the script"}
        return {id: self.post(self.in_workspace(f"jobs_u/queue/cancel/{id}"), json=body) for id in ids}

    def get_job(self, job_id: str) -> Any:
        """Return a job."""
        return self.get(self.in_workspace(f"jobs_u/get/{job_id}")).json()

    def get_root_job_id(self, job_id: str | None = None) -> str:
        """Return the id of the outermost run of a job, by default this one."""
        id = job_id or environ("JOB_ID")
        root: str = self.get(self.in_workspace(f"jobs_u/get_root_job_id/{id}")).json()
        return root

    def get_job_status(self, job_id: str) -> JobStatus:
        """Return the status of a job."""
        job = self.get_job(job_id)
        if job["type"] == "CompletedJob":
            return "COMPLETED"
        return "RUNNING" if job.get("running") else "WAITING"

    def get_result(self, job_id: str, assert_result_is_not_none: bool = True) -> Any:
        """Return the result of a job that has ended. Raises Exception if it is None and must not be."""
        result = self.get(self.in_workspace(f"jobs_u/completed/get_result/{job_id}")).json()
        if result is None and assert_result_is_not_none:
            raise Exception(f"The result of job {job_id} is None.")
        return result

    def set_progress(self, value: int, job_id: str | None = None) -> None:
        """Set the progress of a running job in percent, by default this one. It never decreases."""
        id = job_id or environ("JOB_ID")
        self.post(self.in_workspace(f"job_metrics/set_progress/{id}"), json={"percent": value})

    def get_progress(self, job_id: str | None = None) -> Any:
        """Return the progress of a job in percent, None if it has set none."""
        id = job_id or environ("JOB_ID")
        return self.get(self.in_workspace(f"job_metrics/get_progress/{id}")).json()

    def get_resume_urls(self, approver: str | None = None, flow_level: bool | None = None) -> dict[str, str]:
        """Return the links that resume or cancel this run: `approvalPage`, `resume`, `cancel`."""
        params = {"approver": approver, "flow_level": flow_level}
        call = f"jobs/resume_urls/{environ('JOB_ID')}/{secrets.randbelow(1_000_000_000)}"
        links: dict[str, str] = self.get(self.in_workspace(call), params=params).json()
        return links


def _result(job_id: str, found: Any, assert_result_is_not_none: bool) -> Any:
    result = found["result"]
    if not found["success"]:
        error = result.get("error", result) if isinstance(result, dict) else result
        raise Exception(f"Job {job_id} was not successful: {error}")
    if result is None and assert_result_is_not_none:
        raise Exception("Result was none")
    return result
