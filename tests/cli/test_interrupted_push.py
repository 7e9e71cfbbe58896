"""Pushes whose response is lost, whose folder cannot be written, or whose items are in the workspace already."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from tests.cli.client import Cli
from tests.e2e.installation import PATIENCE_S

W = "/api/w/main"
CODE = "def main():\n    return {!r}\n"
DOUBT = "The server may have stored the items nevertheless: `orvanta status` shows whether it did."
PUSHED = "The items were pushed; it is not known whether their dependencies can be locked."


@contextmanager
def relay(url: str, before: Callable[[str], object], lost: str | None = None) -> Iterator[str]:
    """Forward requests to a server, but lose the responses of the path `lost`; yield the URL.

    `before` is called with the path of each request.
    """

    class Handler(BaseHTTPRequestHandler):
        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            before(self.path)
            headers = {name: value for name, value in self.headers.items() if name != "Host"}
            answer = httpx.request(self.command, url + self.path, content=body, headers=headers, trust_env=False)
            if lost is not None and self.path.endswith(lost):
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def do_GET(self) -> None:
            self.forward()

        def do_POST(self) -> None:
            self.forward()

        def log_message(self, format: str, *arguments: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def through(cli: Cli, url: str) -> Cli:
    """Return the command line of the same folder for the server at a URL."""
    environ = {**cli.environ, "ORVANTA_URL": url, "ORVANTA_TOKEN": cli.installation.token}
    return Cli(cli.installation, environ, cli.folder)


def stored(cli: Cli, path: str) -> bool:
    return cli.installation.client.get(f"{W}/scripts/exists/p/{path}").json() is True


def test_push_whose_response_is_lost_names_what_shows_its_outcome(cli: Cli) -> None:
    cli.write("repo/f/lost/one.py", CODE.format(1))
    with relay(cli.installation.base, lambda path: None, "changes/apply") as url:
        done = through(cli, url)("push", "repo", code=4)
        assert DOUBT in done.err and stored(cli, "f/lost/one")
        checked = through(cli, url)("push", "repo", "--dry-run", "--force")
        assert checked.out == "Nothing to do.\n"


@pytest.mark.parametrize(("call", "note"), [("changes/apply", DOUBT), ("/deployment_status/", PUSHED)])
def test_interrupted_push_says_whether_the_items_may_be_stored(cli: Cli, call: str, note: str) -> None:
    cli.write(f"repo/f/interrupted1/{call.strip('/').replace('/', '_')}.py", CODE.format(call))
    reached, ended = threading.Event(), threading.Event()

    def hold(path: str) -> None:
        if call in path:
            reached.set()
            ended.wait(PATIENCE_S)

    with relay(cli.installation.base, hold) as url, through(cli, url).started("push", "repo") as running:
        try:
            assert reached.wait(PATIENCE_S)
            running.process.send_signal(signal.SIGINT)
            running.await_err(note)
            assert running.process.wait(PATIENCE_S) == 130
        finally:
            ended.set()


def test_push_records_items_that_the_workspace_gets_after_the_comparison(cli: Cli) -> None:
    for folder in ("mine", "first"):
        cli.write(f"{folder}/f/late/one.py", CODE.format(1))
    once = threading.Event()

    def push_first(path: str) -> None:
        if path.endswith("changes/plan") and not once.is_set():
            once.set()
            cli("push", "first")

    with relay(cli.installation.base, push_first) as url:
        assert through(cli, url)("push", "mine").out == "Nothing to do.\n"
        cli.write("mine/f/late/one.py", CODE.format(2))
        assert through(cli, url)("push", "mine").out == "script f/late/one: updated\n"


def test_refused_push_records_the_items_that_are_equal(cli: Cli) -> None:
    for folder in ("first", "mine"):
        cli.write(f"{folder}/f/equal/same.py", CODE.format(1))
        cli.write(f"{folder}/f/equal/other.py", CODE.format(len(folder)))
    cli("push", "first")
    assert "f/equal/other.py: It already exists" in cli("push", "mine", code=1).err
    cli.write("mine/f/equal/same.py", CODE.format(2))
    done = cli("status", "mine")
    assert "M  script f/equal/same\n" in done.out and "!! script f/equal/other\n" in done.out


@pytest.mark.parametrize("name", ["bases", "state.json/bar"])
def test_push_from_a_folder_whose_state_cannot_be_written_changes_nothing(cli: Cli, name: str) -> None:
    path = f"f/unwritable/{name[:5]}"
    cli.write(f"repo/{path}.py", CODE.format(1))
    cli.write(f"repo/.orvanta/{name}", "in the way")
    done = cli("push", "repo", code=1)
    assert "cannot be written" in done.err
    assert not stored(cli, path)


def test_export_to_a_file_that_cannot_be_written_names_it(cli: Cli, tmp_path: Path) -> None:
    done = cli("workspace", "export", "missing/new.zip", code=1)
    assert "missing/new.zip cannot be written: No such file or directory." in done.err
    assert cli("workspace", "export", "missing/new.zip", "--force", code=1).out == ""
    assert not (tmp_path / "missing").exists()
