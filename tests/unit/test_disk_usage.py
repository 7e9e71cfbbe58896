"""Disk usage of the folder of a job: counting ends at the limit."""

from __future__ import annotations

import os
from pathlib import Path

from orvanta_platform.sandbox import filesystem

ENTRY = 4 << 10
"""Bytes that an empty file counts."""


def test_counting_ends_at_the_limit(tmp_path: Path) -> None:
    for folder in range(3):
        (tmp_path / str(folder)).mkdir()
        for number in range(20):
            (tmp_path / str(folder) / str(number)).touch()
    assert filesystem.used(str(tmp_path), 1 << 30) == 63 * ENTRY
    assert filesystem.used(str(tmp_path), 10 * ENTRY) == 11 * ENTRY
    assert filesystem.used(str(tmp_path / "none"), 0) == 0


def test_content_counts_and_targets_of_links_do_not(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    for each in (outside, folder):
        each.mkdir()
    (outside / "large").write_bytes(bytes(1 << 20))
    (folder / "own").write_bytes(bytes(64 << 10))
    os.sync()
    (folder / "link").symlink_to(outside, target_is_directory=True)
    assert filesystem.used(str(folder), 1 << 30) == (64 << 10) + ENTRY
