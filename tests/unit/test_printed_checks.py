"""Checks after a deployment, as the command line prints them."""

from __future__ import annotations

from typing import Any

import pytest

from orvanta_platform.cli.client.output import print_checks


def test_tests_that_could_not_be_run_at_all_are_named_without_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    results: list[dict[str, Any]] = [
        {"kind": "workflow_tests", "path": "f/a/b", "tests": 2, "message": None},
        {"kind": "workflow_tests", "path": "", "tests": 0, "message": "The release was deleted."},
        {"kind": "smoke_run", "path": "f/a/smoke", "tests": 0, "message": None},
    ]
    print_checks({"state": "failed", "results": results, "run": None, "rollback": None})
    assert capsys.readouterr().out.splitlines() == [
        "checks: failed",
        "    2 tests f/a/b: passed",
        "    workflow tests: The release was deleted.",
        "    smoke run f/a/smoke: passed",
    ]
