"""The documentation site builds without warnings, such as those of missing anchors and unlisted pages."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.extended
def test_site_builds_in_strict_mode() -> None:
    built = subprocess.run([str(ROOT / "scripts" / "docs"), "check"], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
