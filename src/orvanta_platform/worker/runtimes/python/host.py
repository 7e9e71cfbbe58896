"""Host of Python scripts inside a cell. Standard library only.

The script is executed as the module `script`; then `main` is called with the arguments that it names.
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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType, TracebackType
from typing import Any, NoReturn, TextIO

from orvanta_platform.sandbox.job import ERROR, RESULT, Job, write_answer
from orvanta_platform.units import size_text
from orvanta_platform.worker.runtimes.python.arguments import InvalidArgument, annotated, convert, of_event
from orvanta_platform.worker.runtimes.python.dedicated import Jobs
from orvanta_platform.worker.runtimes.python.results import NotJson, to_json
from orvanta_platform.worker.runtimes.python.streamed import (
    announce,
    is_streamed,
    is_streamed_later,
    stream,
    stream_later,
)

Streams = tuple[io.TextIOWrapper, io.TextIOWrapper]

_FILE = "script.py"
_IMPORT_FRAMES = 12  # frames of the import of one module
_STACK_CHARS = 32 << 10
_MESSAGE_CHARS = 64 << 10
_EXTRA_BYTES = 32 << 10


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Run the script and write its result or error to the result pipe; see `Host.run`."""
    gc.enable()
    streams = _open_stdio()
    sys.path[:0] = [path for path in (job.folder, job.imports, job.package) if path is not None]
    script = _Script(job, content, streams)
    if job.dedicated:
        _serve(job, script, args)
    else:
        kind, answer = script.run(args)
        _run_exit_functions(streams)
        write_answer(job.result, kind, answer)
    os._exit(0)


_REHEARSAL = "import json\n\n\ndef main(n):\n    return n + 1\n"


def rehearse(job: Job) -> None:
    """Run a minimal script; see `sandbox.rehearsal`."""
    before = sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__
    read, write = os.pipe()
    kind, answer = _Script(job, _REHEARSAL, _open_stdio()).run(b'{"n": 1}')
    write_answer(write, kind, answer)
    os.close(read)
    os.close(write)
    sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__ = before  # type: ignore[misc]
    del sys.modules["script"], linecache.cache[_FILE]


def _open_stdio() -> Streams:
    """Open new streams on descriptors 1 and 2, as the zygote's use other files. Line buffering keeps a log live."""
    made = []
    for descriptor, name in ((1, "__stdout__"), (2, "__stderr__")):
        raw = io.FileIO(descriptor, "w", closefd=False)
        made.append(io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", "backslashreplace", line_buffering=True))
        setattr(sys, name, made[-1])
    return made[0], made[1]


def _run_exit_functions(streams: Streams) -> None:
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    _flush(streams)


def _flush(streams: Streams) -> None:
    out, err = streams
    _flush_stream(out)
    _flush_stream(err)
    if sys.stdout is not out or sys.stderr is not err:  # replaced by the script
        _flush_stream(sys.stdout)
        _flush_stream(sys.stderr)


def _flush_stream(stream: TextIO) -> None:
    try:
        stream.flush()
    except BaseException:  # raised by a stream of the script
        return


def _serve(job: Job, script: _Script, args: bytes) -> None:
    """Run this job and all later ones of the dedicated process, until there are no more."""
    jobs = Jobs(job.result, job.env)
    while True:
        jobs.answer(*script.run(args))
        further = jobs.take()
        if further is None:
            break
        args = further
        with contextlib.suppress(OSError):
            os.chdir(job.folder)
    _run_exit_functions(script.streams)


class _Script:
    """The user's script: loaded once, and called once or, in a dedicated process, many times."""

    def __init__(self, job: Job, content: str, streams: Streams) -> None:
        self._job = job
        self._content = content
        self.streams = streams
        self._pid = os.getpid()
        self._functions: tuple[_Main | None, _Main | None] | None = None
        """`preprocessor` and `main`."""

    def run(self, args: bytes) -> tuple[bytes, bytes]:
        """Call `main` and return the kind of the answer and its text."""
        sys.stdout, sys.stderr = self.streams
        try:
            kind, answer = RESULT, self._result(args)
        except BaseException as error:  # any exception of user code is the job's error
            kind, answer = ERROR, json.dumps(_describe(error, self._job)).encode()
        if os.getpid() != self._pid:  # a fork made by the script has returned here
            os._exit(0)
        _flush(self.streams)
        return kind, answer

    def _result(self, args: bytes) -> bytes:
        arguments = json.loads(args)
        if self._functions is None:
            module = _load(self._content, self._job.path, imports=self._job.imports is not None)
            self._functions = _Main.of(module, "preprocessor"), _Main.of(module, "main")
        try:
            value = self._call(arguments, *self._functions)
        except SystemExit as exit_:
            if exit_.code not in (None, 0):
                raise
            value = None
        text = to_json(value)
        most = self._job.result_bytes
        if len(text) > most:
            raise ResultTooLarge(f"the result has {size_text(len(text))}, the limit is {size_text(most)}")
        return text

    def _call(self, arguments: dict[str, Any], preprocessor: _Main | None, main: _Main | None) -> Any:
        """Call `main`, after `preprocessor` if the argument is the event of a trigger, or `preprocessor` alone.

        Raises MissingMain, InvalidInput.
        """
        if preprocessor is not None and (main is None or self._job.entry == "preprocessor"):
            return self._prepare(arguments, preprocessor)
        if main is None:
            raise MissingMain("the script defines no function main")
        if preprocessor is not None and _is_event(arguments):
            arguments = self._prepare(arguments, preprocessor)
            if not isinstance(arguments, dict):
                raise InvalidInput("The preprocessor must return an object.")
            prepared = to_json(arguments)
            announce(prepared, lambda: _flush(self.streams))
            arguments = json.loads(prepared)
        return main.call(arguments, lambda: _flush(self.streams))

    def _prepare(self, arguments: dict[str, Any], preprocessor: _Main) -> Any:
        """Call `preprocessor(event)`, or in its older form `preprocessor(wm_trigger, …)`."""
        names = {*preprocessor.positional, *preprocessor.named}
        if "wm_trigger" in names and "event" not in names and _is_event(arguments):
            arguments = of_event(arguments["event"], names)
        return preprocessor.call(arguments, lambda: _flush(self.streams))


def _is_event(arguments: dict[str, Any]) -> bool:
    event = arguments.get("event")
    return len(arguments) == 1 and isinstance(event, dict) and isinstance(event.get("kind"), str)


finish: None = None
"""No function, as the script's process writes its result itself."""


def _load(content: str, path: str, *, imports: bool) -> ModuleType:
    """Execute the script at `path`, which its relative imports start from, as the module `script`.

    `imports`: the script imports other scripts.
    """
    code: CodeType = compile(content, _FILE, "exec", dont_inherit=True)
    module = ModuleType("script")
    if path:
        module.__package__ = path.rpartition("/")[0].replace("/", ".")
    module.__file__ = _FILE
    sys.modules["script"] = module
    linecache.cache[_FILE] = (len(content), None, content.splitlines(keepends=True), _FILE)
    with _deep_imports() if imports else contextlib.nullcontext():
        exec(code, module.__dict__)
    return module


@contextlib.contextmanager
def _deep_imports() -> Iterator[None]:
    """Allow a chain of a thousand modules that import each other, unless the script sets a recursion limit itself."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit * _IMPORT_FRAMES)
    try:
        yield
    finally:
        if sys.getrecursionlimit() == limit * _IMPORT_FRAMES:
            sys.setrecursionlimit(limit)


@dataclass(slots=True)
class _Main:
    """A function of the script, `main` or `preprocessor`, and the names of its parameters."""

    function: Any
    positional: list[str]
    named: list[str]
    defaults: dict[str, Any]
    """Values of the parameters that have a default."""
    rest: bool
    """True if it accepts arguments of any other name."""
    kinds: dict[str, Any]
    """Annotations of the parameters whose arguments may be converted."""

    @classmethod
    def of(cls, module: ModuleType, name: str) -> _Main | None:
        """Inspect a function of the module; None if there is none of this name."""
        main = module.__dict__.get(name)
        if not callable(main):
            return None
        if type(main) is FunctionType and not main.__dict__:  # not wrapped: `inspect` is not needed
            code, names = main.__code__, main.__code__.co_varnames
            first, end = code.co_posonlyargcount, code.co_argcount + code.co_kwonlyargcount
            values = main.__defaults__ or ()
            defaults = dict(zip(names[code.co_argcount - len(values) : code.co_argcount], values, strict=True))
            return cls(
                main,
                [*names[:first]],
                [*names[first:end]],
                defaults | (main.__kwdefaults__ or {}),
                bool(code.co_flags & inspect.CO_VARKEYWORDS),
                annotated(main),
            )
        parameters = inspect.signature(main).parameters.values()
        return cls(
            main,
            [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY],
            [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)],
            {p.name: p.default for p in parameters if p.default is not p.empty},
            any(p.kind is p.VAR_KEYWORD for p in parameters),
            annotated(inspect.unwrap(main)),
        )

    def call(self, arguments: dict[str, Any], flush: Callable[[], None]) -> Any:
        """Call the function and return its value. Coroutines are awaited, values of generators are streamed.

        A missing argument, and None, is the default of its parameter, or None if it has no default.
        Raises InvalidArgument.
        """
        positional = [self._argument(name, arguments) for name in self.positional]
        named = {name: self._argument(name, arguments) for name in self.named}
        if self.rest:
            named |= {name: value for name, value in arguments.items() if name not in (*self.positional, *self.named)}
        value = self.function(*positional, **named)
        if inspect.iscoroutine(value) or is_streamed_later(value):
            import asyncio  # large and rarely needed: imported here to keep it out of every cell

            value = asyncio.run(_settled(value, flush))
        return stream(value, flush) if is_streamed(value) else value

    def _argument(self, name: str, arguments: dict[str, Any]) -> Any:
        value = arguments.get(name)
        if value is None:
            return self.defaults.get(name)
        return convert(name, value, self.kinds[name]) if name in self.kinds else value


async def _settled(value: Any, flush: Callable[[], None]) -> Any:
    if inspect.iscoroutine(value):
        value = await value
    return await stream_later(value, flush) if is_streamed_later(value) else value


class MissingMain(Exception):
    """Raised if the script has no `main`."""


class InvalidInput(Exception):
    """Raised if the script's preprocessor returns no arguments."""


class ResultTooLarge(Exception):
    """Raised if the result is over its limit."""


def _describe(error: BaseException, job: Job) -> dict[str, Any]:
    stack = _stack(error)
    if stack is not None and job.imports is not None:
        stack = stack.replace(f"{job.imports}/", "")
    if isinstance(error, SystemExit):
        return _named("ExitCode", _exit_message(error), stack)
    if isinstance(error, NotJson):
        return _named("ResultNotJson", str(error), None)
    if isinstance(error, ResultTooLarge):
        return _named("result_too_large", str(error), None)
    if isinstance(error, InvalidArgument):
        return _named("InvalidArgument", str(error), None)
    if isinstance(error, MissingMain | InvalidInput):
        return _named(type(error).__name__, str(error), None)
    if isinstance(error, SyntaxError) and error.filename == _FILE:
        return _named(type(error).__name__, _syntax_message(error), None)
    if isinstance(error, MemoryError):
        return _named("MemoryError", _text(error) or "out of memory", stack)
    if _is_refused_process(error):
        return _named("ProcessLimit", f"too many processes: limit {job.processes}", stack)
    return {**_named(type(error).__name__, _text(error), stack), **_extra(error)}


def _extra(error: BaseException) -> dict[str, Any]:
    """Return the public attributes of an exception that have a form in JSON as `extra`, up to a size."""
    found: dict[str, Any] = {}
    left = _EXTRA_BYTES
    for name, value in vars(error).items():
        with contextlib.suppress(Exception):  # raised by methods of the value
            text = b"" if name.startswith("_") else to_json(value)
            left -= len(name) + len(text)
            if left < 0:
                break
            if text:
                found[name] = json.loads(text)
    return {"extra": found} if found else {}


def _is_refused_process(error: BaseException) -> bool:
    """Return True if a fork or thread was refused. No kernel counter reports it if the limit is an rlimit."""
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
    except Exception as second:  # raised by the user's __str__
        return f"(its message cannot be shown: {type(second).__name__})"


def _exit_message(error: SystemExit) -> str:
    if isinstance(error.code, int):
        return f"the script ended with exit code {error.code}"
    return f"the script ended with exit code 1: {error.code}"


def _syntax_message(error: SyntaxError) -> str:
    line = (error.text or "").rstrip()
    return f"{error.msg} (line {error.lineno})" + (f": {line.strip()}" if line else "")


def _stack(error: BaseException) -> str | None:
    """Return the traceback from the script's first frame on, or None if it has no frame of the script."""
    frames: TracebackType | None = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != _FILE:
        frames = frames.tb_next
    if frames is None:
        return None
    try:
        lines = traceback.format_exception(type(error), error, frames)
    except Exception:  # raised by the user's __str__ or __repr__
        lines = traceback.format_tb(frames)
    return _cut("".join(lines).rstrip(), _STACK_CHARS)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}\n… {len(text) - limit} more characters"
