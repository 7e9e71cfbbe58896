"""Globs of file names, which others may have written. Matching takes time in proportion to the lengths of both."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from typing import Final, TypeAlias

Glob: TypeAlias = tuple[re.Pattern[str] | None, ...]
"""Patterns of the parts of a name; None: any number of folders (`**`)."""

_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_MAX_ALTERNATIVES: Final = 100
"""Maximum number of globs that the braces of one stand for; further braces are plain characters."""


def parse(glob: str) -> list[Glob]:
    """Return the globs that a glob stands for: one for each choice of the alternatives in its braces."""
    texts = [glob]
    while (found := _BRACES.search(texts[0])) and len(texts) * (found[1].count(",") + 1) <= _MAX_ALTERNATIVES:
        texts = [each for text in texts for each in _alternatives(text)]
    return [tuple(map(_pattern, text.split("/"))) for text in texts]


def _alternatives(glob: str) -> list[str]:
    """Return a glob with each alternative of its first braces."""
    before, inner, after = _BRACES.split(glob, maxsplit=1)
    return [before + each + after for each in inner.split(",")]


def _pattern(part: str) -> re.Pattern[str] | None:
    return None if part == "**" else re.compile(fnmatch.translate(part))


def matches(glob: Glob, name: str) -> bool:
    """Return whether a glob matches a whole name, whose parts are separated by slashes."""
    reached = _with_empty(glob, {0})
    for part in name.split("/"):
        after = {at for at in reached if at < len(glob) and glob[at] is None}
        after |= {at + 1 for at in reached if at < len(glob) and (each := glob[at]) and each.fullmatch(part)}
        reached = _with_empty(glob, after)
    return len(glob) in reached


def _with_empty(glob: Sequence[re.Pattern[str] | None], reached: set[int]) -> set[int]:
    """Return positions in a glob, with those after each `**`, which may stand for no folder."""
    for at in range(len(glob)):
        if at in reached and glob[at] is None:
            reached.add(at + 1)
    return reached
