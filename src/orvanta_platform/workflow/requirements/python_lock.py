"""Lines of Python locks, which anybody may have written."""

from __future__ import annotations

import re
from typing import Final

_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#.*")
_VERSION: Final = r"(?:===|[=~!<>]=|[<>])[ ]?[A-Za-z0-9.*+!_-]+"
_LINE: Final = re.compile(
    rf"""[A-Za-z0-9][A-Za-z0-9._-]*
        (?:[ ]?\[[A-Za-z0-9._, -]*\])?
        (?:[ ]?@[ ]?(?:git\+)?https?://[^ \\]+|[ ]?{_VERSION}(?:[ ]?,[ ]?{_VERSION})*)?
        (?:[ ]?;(?:(?![ ]-)[A-Za-z0-9_.,'"<>=!~()+* -])+)?
        (?:[ ]--hash=[a-z0-9]+:[A-Za-z0-9]+)*""",
    re.VERBOSE,
)
"""A requirement with its hashes, without adjacent spaces."""


class NotOnlyPackages(ValueError):
    """Raised if a Python lock contains options or other lines that are no requirement; names the line."""


def python_lines(lock: str) -> list[str]:
    """Return the requirements of a Python lock, one a line. Raises NotOnlyPackages.

    Only what is returned is passed to uv. In options and by variables (`-r /proc/self/environ`, `${VARIABLE}`), uv
    would read files and the environment, which contains passwords of package indexes, and show them in its messages.
    """
    lines, words = [], list[str]()
    for line in lock.splitlines():
        text = _COMMENT.sub("", line).strip()
        # uv continues no comment, even if it ends with a backslash.
        is_continued = text.endswith("\\") and line.rstrip().endswith(text)
        words += (text[:-1] if is_continued else text).split()
        if not is_continued:
            lines.append(" ".join(words))
            words = []
    lines = [each for each in (*lines, " ".join(words)) if each]
    wrong = next((each for each in lines if "${" in each or not _LINE.fullmatch(each)), None)
    if wrong is not None:
        raise NotOnlyPackages(wrong)
    return lines
