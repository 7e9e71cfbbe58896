"""The version of Python that a script requires."""

from __future__ import annotations

import pytest

from orvanta_platform.workflow.requirements import satisfies, wanted_python


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("# py: 3.13\ndef main(): pass", "3.13"),
        ("#py: >=3.12, <3.14\n", ">=3.12, <3.14"),
        ("# py312\nimport x", "3.12"),
        ("# a comment\n\n# py: ~=3.12\n", "~=3.12"),
        ("import x\n# py: 3.13\n", None),
        ("# python 3.8 is old\n# py: three\n# py: 3\n", None),
        ('# /// script\n# requires-python = ">=3.12"\n# dependencies = []\n# ///\n', ">=3.12"),
        ('# /// script\r\n#\r\n# requires-python = ">=3.12"\r\n# ///\r\n', ">=3.12"),
        ('x = 1\n# /// script\n# dependencies = []\n# requires-python = "==3.12.*"\n# ///\n', "==3.12.*"),
        ('# /// script\n# requires-python = ">=3.12\n# ///\n', None),
        ("# /// script\n# \"requires-python\" = '>=3.12' # why\n# x.y = [\n# ///\n", ">=3.12"),
        ('# /// script\n# [tool]\n# requires-python = ">=3.12"\n# ///\n', None),
        ('# /// script\n# requires-python = "3.11" #\u2028z\n# ///\n', "3.11"),
        ("# a\r\n\r\n# py: 3.12\r\n", "3.12"),
        ('requires-python = "1"', None),
    ],
)
def test_version_is_read_from_comments(content: str, wanted: str | None) -> None:
    assert wanted_python(content) == wanted


@pytest.mark.parametrize(
    ("wanted", "minors"),
    [
        ("3.13", [13]),
        ("==3.12.*", [12]),
        ("3.12.4", [12]),
        ("3.12.5", []),
        (">=3.12", [12, 13, 14]),
        (">=3.12,<3.14", [12, 13]),
        (">3.12", [13, 14]),
        ("<=3.12", [11, 12]),
        ("~=3.12", [12, 13, 14]),
        ("~=3.12.1", [12]),
        ("!=3.12", [11, 13, 14]),
        ("nonsense", []),
        (">=3." + "1" * 5000, []),
    ],
)
def test_versions_that_satisfy(wanted: str, minors: list[int]) -> None:
    assert [minor for minor in range(11, 15) if satisfies((3, minor, 4), wanted)] == minors


@pytest.mark.parametrize(
    "content",
    [
        "# /// script\n# requires-python = '>=3.11'\n" + "# a\r\n" * 60 + "x = 1\n",
        "# /// script\n# requires-python = '>=3.11'\n" * 200_000,
        "# py" + " " * 60_000 + "\n",
        "# /// script\n# requires-python = 3\n# " + ".".join(["a"] * 3_000_000) + " = 1\n# ///\n",
        ("#" + " py" + " " * 120 + "3" + "1" * 70 + "x\n") * 327,
    ],
)
def test_hostile_scripts_are_read_at_once(content: str) -> None:
    """The worker determines the version of each job in its event loop."""
    assert wanted_python(content) is None
