"""Helpers that run `orvanta` commands against a server."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.installation import ORVANTA, PATIENCE_S, Installation
from tests.processes import with_interrupts

Answer = str | Callable[[], object]


@dataclass(frozen=True, slots=True)
class Done:
    """Outcome of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)


@dataclass(slots=True)
class Cli:
    """Runs commands in a folder, with these environment variables only."""

    installation: Installation
    environ: dict[str, str]
    folder: Path

    @property
    def config(self) -> Path:
        """Path of the file with profiles."""
        return self.folder / ".config" / "orvanta" / "profiles.toml"

    def __call__(self, *arguments: str, text: str | bytes = "", code: int | None = 0, **environ: str) -> Done:
        """Run a command until it ends; check its exit code, and that it prints no traceback."""
        done = subprocess.run(
            [str(ORVANTA), *arguments],
            cwd=self.folder,
            env={**self.environ, **environ},
            input=text.encode() if isinstance(text, str) else text,
            capture_output=True,
            check=False,
            timeout=PATIENCE_S,
        )
        ended = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in ended.err, ended.err
        assert code is None or ended.code == code, (ended.code, ended.out, ended.err)
        return ended

    def write(self, name: str, text: str) -> Path:
        """Write a file in the folder; return its path."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    @contextlib.contextmanager
    def started(self, *arguments: str, **environ: str) -> Iterator[Running]:
        """Run a command concurrently with the test; kill it at the end of the block."""
        with subprocess.Popen(
            [str(ORVANTA), *arguments],
            cwd=self.folder,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=with_interrupts,
        ) as process:
            try:
                yield Running(process)
            finally:
                process.kill()

    def on_terminal(self, *arguments: str, answers: Sequence[tuple[str, Answer]] = (), **environ: str) -> Done:
        """Run a command whose stdin and stderr are a terminal.

        `answers` are pairs of an expected output, and the input or action that follows it. `err` of the outcome is the
        whole output of the terminal.
        """
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [str(ORVANTA), *arguments],
            cwd=self.folder,
            env={**self.environ, "TERM": "xterm-256color", **environ},
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            shown = _converse(ours, list(answers))
            out, _ = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
            os.close(ours)
        assert "Traceback" not in shown, shown
        return Done(process.returncode, out.decode(), shown)


@dataclass(slots=True)
class Running:
    """A running command, whose output is read continuously."""

    process: subprocess.Popen[bytes]
    err: str = ""
    out: str = ""
    _news: threading.Condition = field(default_factory=threading.Condition)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("out", "err"):
            thread = threading.Thread(target=self._read, args=(name,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _read(self, name: str) -> None:
        stream = self.process.stdout if name == "out" else self.process.stderr
        assert stream is not None
        while piece := os.read(stream.fileno(), 65536):
            with self._news:
                setattr(self, name, getattr(self, name) + piece.decode(errors="replace"))
                self._news.notify_all()

    def await_err(self, text: str) -> None:
        """Wait until stderr contains the text."""
        with self._news:
            assert self._news.wait_for(lambda: text in self.err, PATIENCE_S), self.err

    def await_out(self, text: str) -> None:
        """Wait until stdout contains the text."""
        with self._news:
            assert self._news.wait_for(lambda: text in self.out, PATIENCE_S), (self.out, self.err)

    def interrupt(self) -> None:
        """Send SIGINT, like Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def end(self) -> Done:
        """Wait until the command ends; return its outcome."""
        code = self.process.wait(PATIENCE_S)
        for thread in self._threads:
            thread.join()
        assert "Traceback" not in self.err, self.err
        return Done(code, self.out, self.err)


def _converse(terminal: int, answers: list[tuple[str, Answer]]) -> str:
    """Read a terminal until it is closed, and execute the answers; return its whole output."""
    shown, seen = "", 0
    while True:
        assert select.select([terminal], [], [], PATIENCE_S)[0], shown
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            return shown
        if not piece:
            return shown
        shown += piece.decode(errors="replace")
        while answers and answers[0][0] in shown[seen:]:
            asked, answer = answers.pop(0)
            seen = shown.index(asked, seen) + len(asked)
            if isinstance(answer, str):
                os.write(terminal, answer.encode() + b"\n")
            else:
                answer()


def create_workspace(cli: Cli, workspace: str) -> None:
    """Create a workspace with this id and name."""
    body = {"id": workspace, "name": workspace}
    assert cli.installation.client.post("/api/workspaces/create", json=body).status_code == 201
