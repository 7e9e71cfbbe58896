"""Order in which files are pushed: each after those that it refers to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path


def dependencies_first(files: Sequence[Path], needs: Callable[[Path], list[Path]]) -> list[Path]:
    """Return the files so that each follows those that `needs` returns for it; otherwise in the order of `files`.

    Cycles remain for the deployment to report.
    """
    ordered: dict[Path, None] = {}
    for file in files:
        chain = [(file, needs(file))]
        seen = {file}
        while chain:
            current, rest = chain[-1]
            if rest:
                following = rest.pop()
                if following not in ordered and following not in seen:
                    seen.add(following)
                    chain.append((following, needs(following)))
            else:
                ordered.setdefault(current)
                chain.pop()
    return list(ordered)
