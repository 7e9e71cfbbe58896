"""Output of `orvanta workers`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from orvanta_platform.cli.client.workers import queues


def test_names_of_queues_are_parts_of_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A member names queues by the tags of nodes."""
    figures = {"waiting": 1, "oldest_s": 2.4, "running": 0, "workers": 0}
    found = [{"queue": "x\n\x1b[31mgpu  9\u202e", **figures}, {"queue": "bash", **figures}]
    session: Any = SimpleNamespace(api=SimpleNamespace(get=lambda _: found), as_json=False)
    queues(session)
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[-4:] for line in shown] == [["1", "2", "0", "0"]] * 2
    assert shown[0].startswith("x\ufffd\ufffd[31mgpu  9\ufffd")
