"""Python code moved into a function."""

from __future__ import annotations

import io
import tokenize


def indented(code: str, spaces: int = 4) -> str:
    """Return code indented as the body of a function; the content of texts over several lines stays as it is.

    Raises SyntaxError if its tokens cannot be read.
    """
    inside: set[int] = set()
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type in (tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)):
                inside.update(range(token.start[0] + 1, token.end[0] + 1))
    except (tokenize.TokenError, IndentationError) as error:
        raise SyntaxError(str(error)) from None
    lines = code.splitlines()
    margin = " " * spaces
    shown = [line if number in inside or not line.strip() else margin + line for number, line in enumerate(lines, 1)]
    return "\n".join(shown) + "\n"
