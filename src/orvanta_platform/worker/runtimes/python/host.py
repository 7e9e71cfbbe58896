"""Runs a Python script inside a cell. Standard library only.

The script is executed as the module `script`, then `main` is called with those arguments that it names.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import gc
import inspect
import io
import json
import linecache
import os
import sys
import traceback
from types import CodeType, ModuleType, TracebackType
from typing import Any, NoReturn

from orvanta_platform.sandbox.job import ERROR, RESULT, Job, write_answer
from orvanta_platform.worker.limits import size_text
from orvanta_platform.worker.runtimes.python.results import NotJson, to_json

_FILE = "script.py"
_STACK_CHARS = 32 << 10
_MESSAGE_CHARS = 64 << 10


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Run the script and write its result or error to the result pipe; see `Host.run`."""
    gc.enable()
    _open_stdio()
    sys.path.insert(0, job.folder)
    here = os.getpid()
    try:
        kind, answer = RESULT, _result(job, content, args)
    except BaseException as error:  # whatever user code raises is the job's error
        kind, answer = ERROR, json.dumps(_describe(error, job)).encode()
    if os.getpid() != here:  # a fork of the user's that came back here
        os._exit(0)
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    write_answer(job.result, kind, answer)
    os._exit(0)


def _open_stdio() -> None:
    """Fresh streams on 1 and 2: the zygote's knew other files. Line-buffered, so that a log is live."""
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        raw = io.FileIO(descriptor, "w", closefd=False)
        stream = io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", "backslashreplace", line_buffering=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def finish(job: Job) -> None:
    """Nothing is left behind: the script's process has written its result itself."""


def _result(job: Job, content: str, args: bytes) -> bytes:
    arguments = json.loads(args)
    module = _load(content)
    main = getattr(module, "main", None)
    if not callable(main):
        raise MissingMain("the script defines no function main")
    try:
        value = _call(main, arguments)
    except SystemExit as exit_:
        if exit_.code not in (None, 0):
            raise
        value = None
    text = to_json(value)
    if len(text) > job.result_bytes:
        raise ResultTooLarge(f"the result has {size_text(len(text))}, the limit is {size_text(job.result_bytes)}")
    return text


def _load(content: str) -> ModuleType:
    code: CodeType = compile(content, _FILE, "exec", dont_inherit=True)
    module = ModuleType("script")
    module.__file__ = _FILE
    sys.modules["script"] = module
    linecache.cache[_FILE] = (len(content), None, content.splitlines(keepends=True), _FILE)
    exec(code, module.__dict__)
    return module


def _call(main: Any, arguments: dict[str, Any]) -> Any:
    parameters = inspect.signature(main).parameters.values()
    positional: list[Any] = []
    named: dict[str, Any] = {}
    rest = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for parameter in parameters:
        if parameter.name not in arguments or parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(arguments[parameter.name])
        else:
            named[parameter.name] = arguments[parameter.name]
    if rest:
        taken = {p.name for p in parameters if p.kind is p.POSITIONAL_ONLY}
        named.update({k: v for k, v in arguments.items() if k not in taken})
    value = main(*positional, **named)
    if not inspect.iscoroutine(value):
        return value
    import asyncio  # rarely needed and large: every cell would carry it

    return asyncio.run(value)


class MissingMain(Exception):
    """The script has no `main`."""


class ResultTooLarge(Exception):
    """The result is over its limit."""


def _describe(error: BaseException, job: Job) -> dict[str, str | None]:
    if isinstance(error, SystemExit):
        return _named("ExitCode", _exit_message(error), _stack(error))
    if isinstance(error, NotJson):
        return _named("ResultNotJson", str(error), None)
    if isinstance(error, MissingMain | ResultTooLarge):
        return _named(type(error).__name__, str(error), None)
    if isinstance(error, SyntaxError) and error.filename == _FILE:
        return _named(type(error).__name__, _syntax_message(error), None)
    if isinstance(error, MemoryError):
        return _named("MemoryError", _text(error) or "out of memory", _stack(error))
    if _is_refused_process(error):
        return _named("ProcessLimit", f"too many processes: limit {job.processes}", _stack(error))
    return _named(type(error).__name__, _text(error), _stack(error))


def _is_refused_process(error: BaseException) -> bool:
    """Whether a fork or a thread was refused: no kernel count tells of it where the limit is an rlimit."""
    if isinstance(error, RuntimeError):
        return _text(error) == "can't start new thread"
    if not isinstance(error, BlockingIOError) or error.errno != errno.EAGAIN:
        return False
    last = traceback.extract_tb(error.__traceback__)[-1]
    return "fork" in (last.line or "")


def _named(name: str, message: str, stack: str | None) -> dict[str, str | None]:
    return {"name": name, "message": _cut(message, _MESSAGE_CHARS), "stack": stack}


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as second:  # the user's own __str__
        return f"(its message cannot be shown: {type(second).__name__})"


def _exit_message(error: SystemExit) -> str:
    if isinstance(error.code, int):
        return f"the script ended with exit code {error.code}"
    return f"the script ended with exit code 1: {error.code}"


def _syntax_message(error: SyntaxError) -> str:
    line = (error.text or "").rstrip()
    return f"{error.msg} (line {error.lineno})" + (f": {line.strip()}" if line else "")


def _stack(error: BaseException) -> str | None:
    """The traceback from the script's first frame on; None where the script has none in it."""
    frames: TracebackType | None = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != _FILE:
        frames = frames.tb_next
    if frames is None:
        return None
    try:
        lines = traceback.format_exception(type(error), error, frames)
    except Exception:  # the user's own __str__ or __repr__
        lines = traceback.format_tb(frames)
    return _cut("".join(lines).rstrip(), _STACK_CHARS)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n… {len(text) - most} more characters"
