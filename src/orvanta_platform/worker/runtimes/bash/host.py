"""Host of bash scripts inside a cell. Standard library only."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import stat
from typing import Any, NoReturn

from orvanta_platform.sandbox.job import ERROR, RESULT, Job, write_answer
from orvanta_platform.units import size_text
from orvanta_platform.workflow.signature.bash import parameters

_SCRIPT = "script.sh"
_RESULT = "result.json"
_TEXT = "result.out"


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Replace this process by `bash script.sh …`; see `Host.run`."""
    try:
        words = arguments(content, json.loads(args))
        with open(_SCRIPT, "w", encoding="utf-8") as file:
            file.write(content.replace("\r\n", "\n"))  # bash would take the \r as part of the last word
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)  # Python ignores them, which exec would pass on
        os.execvpe("bash", ["bash", _SCRIPT, *words], job.env)
    except (OSError, ValueError) as error:
        _fail(job.result, "CannotStart", f"bash cannot be started: {error}")
    os._exit(0)


def arguments(content: str, args: dict[str, Any]) -> list[str]:
    """Return the words after the script's name, one per position; a missing argument is empty."""
    names = {p.position: p.name for p in parameters(content)}
    return [_word(args.get(names.get(n, ""))) for n in range(1, max(names, default=0) + 1)]


def _word(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def finish(job: Job) -> None:
    """Answer with result.json or else the text in result.out, if the script wrote one.

    Links, pipes and devices are ignored.
    """
    for name in (_RESULT, _TEXT):
        with contextlib.suppress(OSError), open(name, "rb", buffering=0, opener=_open) as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode):
                _answer(job, name, file, status.st_size)
                return


def _open(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _answer(job: Job, name: str, file: io.FileIO, size: int) -> None:
    if size > job.result_bytes:
        sizes = f"the result has {size_text(size)}, the limit is {size_text(job.result_bytes)}"
        _fail(job.result, "result_too_large", sizes)
        return
    written = file.readall()
    if name == _TEXT:
        written = json.dumps(written.decode("utf-8", "replace").removesuffix("\n"), ensure_ascii=False).encode()
    write_answer(job.result, RESULT, written)


def _fail(descriptor: int, name: str, message: str) -> None:
    text = json.dumps({"name": name, "message": message, "stack": None}).encode()
    write_answer(descriptor, ERROR, text)
