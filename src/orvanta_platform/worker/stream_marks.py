"""Stream lines in a job's output: text that the job streams instead of logging it.

The published clients print lines that start with `OV_STREAM: ` or `WM_STREAM: `, in which a newline of the text is
written as `\\n`. A host uses another mark for its script's text. That mark also counts in the middle of a line, and a
backslash is written as two, so that the text is preserved exactly. A third mark precedes the arguments that a host
passes to `main`, as JSON, if the script's preprocessor has computed them.
"""

from __future__ import annotations

import re

HOST_MARK = "\x1eOV_STREAM: "
"""Mark before text streamed by a host. Backslash, newline and NUL are written as `\\\\`, `\\n` and `\\0`."""

ARGUMENTS_MARK = "\x1eOV_ARGUMENTS: "
"""Mark before the arguments that a preprocessor has computed, which are JSON in one line."""

_MAX_ARGUMENTS = 256 << 10
_HOSTS = (HOST_MARK, ARGUMENTS_MARK)
_PRINTED = ("OV_STREAM: ", "WM_STREAM: ")
_IN_ANY = "_STREAM: "
_MARK = re.compile("|".join((*_HOSTS, *_PRINTED)))
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEANING = {"n": "\n", "0": "\0"}


class StreamMarks:
    """Separates log and stream in the text of one pipe, which arrives in pieces of any size."""

    def __init__(self) -> None:
        self._held = ""
        self._line_start = True
        self._within: str | None = None
        self._arguments = ""
        self._has_arguments = False

    def take_arguments(self) -> str | None:
        """Return the text after the first ARGUMENTS_MARK, once it is complete. It need not be JSON."""
        if not self._has_arguments or not self._arguments:
            return None
        found, self._arguments = self._arguments, ""
        return found

    def feed(self, text: str) -> tuple[str, str]:
        """Return the log and the stream of the next piece. Characters that may start a mark are held back."""
        if self._held:
            text, self._held = self._held + text, ""
        if self._within is None and _IN_ANY not in text and HOST_MARK[0] not in text:
            return self._log(text), ""
        log, stream, at = [], [], 0
        while at < len(text):
            if self._within is not None:
                end = text.find("\n", at)
                piece = text[at : end if end >= 0 else len(text)]
                if self._within == ARGUMENTS_MARK:
                    self._gather_arguments(piece, whole=end >= 0)
                else:
                    stream.append(self._streamed(piece, whole=end >= 0))
                if end < 0:
                    break
                self._within, at = None, end + 1
            elif mark := self._next_mark(text, at):
                if mark.start() > at:
                    log.append(text[at : mark.start()])
                    self._line_start = text[mark.start() - 1] == "\n"
                self._within, at = mark[0], mark.end()
            else:
                log.append(self._log(text[at:]))
                break
        return "".join(log), "".join(stream)

    def rest(self) -> tuple[str, str]:
        """Return the log and the stream that are held back at the end of the output."""
        held, self._held = self._held, ""
        return (held, "") if self._within is None else ("", held)

    def _next_mark(self, text: str, at: int) -> re.Match[str] | None:
        for mark in _MARK.finditer(text, at):
            start = mark.start()
            if mark[0] in _HOSTS or (self._line_start if start == at else text[start - 1] == "\n"):
                return mark
        return None

    def _gather_arguments(self, piece: str, *, whole: bool) -> None:
        # A script is run with one set of arguments, and what it prints itself must not accumulate.
        if self._has_arguments:
            return
        self._arguments += piece[: _MAX_ARGUMENTS - len(self._arguments)]
        self._has_arguments = whole

    def _log(self, text: str) -> str:
        """Return the text without an end that may start a mark, and hold that end back."""
        cut = len(text)
        line = text.rfind("\n") + 1
        if line or self._line_start:
            last = text[line : line + len(HOST_MARK)]
            if last and any(mark.startswith(last) for mark in _PRINTED):
                cut = line
        start = text.rfind(HOST_MARK[0], max(len(text) - len(ARGUMENTS_MARK), 0))
        if start >= 0 and any(mark.startswith(text[start:]) for mark in _HOSTS):
            cut = min(cut, start)
        self._held = text[cut:]
        if cut:
            self._line_start = text[cut - 1] == "\n"
        return text[:cut]

    def _streamed(self, text: str, *, whole: bool) -> str:
        """Return the unescaped text of a line or, unless `whole`, of its start. A last backslash is held back then."""
        if not whole:
            slashes = len(text) - len(text.rstrip("\\"))
            if slashes and (self._within != HOST_MARK or slashes % 2):
                text, self._held = text[:-1], "\\"
        if "\\" not in text:
            return text
        if self._within != HOST_MARK:
            return text.replace("\\n", "\n")
        return _ESCAPED.sub(lambda found: _MEANING.get(found[1], found[1]), text)
