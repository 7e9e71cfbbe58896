"""Git repositories for tests, served by Git itself over HTTP on loopback."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.refs import Ref
from dulwich.repo import Repo

FILE, LINK, FOLDER, SUBMODULE = 0o100644, 0o120000, 0o040000, 0o160000
MAIN = Ref(b"refs/heads/main")
TOKEN = "token-of-repository"


@dataclass(slots=True)
class GitServer:
    """Repositories in a folder, at `url`/<name>.git, for callers with TOKEN."""

    root: Path
    url: str = ""
    requests: list[str] = field(default_factory=list)
    """Method, path and status of each request."""
    redirect: str | None = None
    """Location to which every request is redirected, or None to serve requests."""
    repositories: list[Repo] = field(default_factory=list)
    after_push: Callable[[], None] = lambda: None
    """Called when commits have been received, before the answer is sent."""

    def create(self, name: str = "shop") -> Repo:
        """Return a new bare repository that accepts commits."""
        repo = Repo.init_bare(str(self.root / f"{name}.git"), mkdir=True)
        config = repo.get_config()
        config.set(b"http", b"receivepack", b"true")
        config.write_to_path()
        self.repositories.append(repo)
        return repo

    def close(self) -> None:
        """Close the repositories."""
        for each in self.repositories:
            each.close()


@contextmanager
def git_server(root: Path) -> Iterator[GitServer]:
    """Serve repositories below `root` while the block is active."""
    made = GitServer(root)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": made}))
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        made.close()


class _Handler(BaseHTTPRequestHandler):
    served: GitServer

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        expected = "Basic " + base64.b64encode(f"git:{TOKEN}".encode()).decode()
        if self.served.redirect is not None:
            self._answer(302, {"Location": self.served.redirect}, b"")
        elif self.headers.get("Authorization") != expected:
            self._answer(401, {}, b"")
        else:
            head, _, content = self._run(body).partition(b"\r\n\r\n")
            if self.command == "POST" and self.path.endswith("/git-receive-pack"):
                self.served.after_push()
            fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self._answer(int(fields.pop("Status", "200").split()[0]), fields, content)

    def _run(self, body: bytes) -> bytes:
        parts = urlsplit(self.path)
        environ = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.served.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_USER": "git",
        }
        return subprocess.run(["git", "http-backend"], input=body, env=environ, capture_output=True, check=True).stdout

    def _answer(self, status: int, fields: Mapping[str, str], content: bytes) -> None:
        self.served.requests.append(f"{self.command} {self.path} {status}")
        self.send_response(status)
        for name, value in {**fields, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


Entries = list[tuple[bytes, int, "bytes | Entries"]]


def commit(repo: Repo, entries: Entries, message: str = "Change", *, author: str = "Kim <kim@example.com>") -> str:
    """Commit a tree with exactly these entries, which may be invalid for Git, to main; return the id."""
    made = Commit()
    made.tree = _tree(repo, entries)
    present = repo.refs.as_dict().get(MAIN)
    made.parents = [] if present is None else [present]
    made.author = made.committer = author.encode()
    made.author_time = made.commit_time = 1_700_000_000
    made.author_timezone = made.commit_timezone = 0
    made.message = message.encode()
    repo.object_store.add_object(made)
    repo.refs[MAIN] = ObjectID(made.id)
    return made.id.decode()


def _tree(repo: Repo, entries: Entries) -> ObjectID:
    raw = b""
    for name, mode, content in entries:
        if isinstance(content, list):
            id = _tree(repo, content)
        elif mode == SUBMODULE:
            id = ObjectID(content)
        else:
            blob = Blob.from_string(content)
            repo.object_store.add_object(blob)
            id = ObjectID(blob.id)
        raw += b"%o %s\0%s" % (mode, name, bytes.fromhex(id.decode()))
    tree = Tree.from_raw_string(Tree.type_num, raw)
    repo.object_store.add_object(tree)
    return ObjectID(tree.id)


def commit_files(repo: Repo, files: Mapping[str, bytes | None], message: str = "Change", **more: Any) -> str:
    """Commit changed files to main: None removes one. Return the id."""
    whole: dict[str, bytes] = {**files_of(repo), **{name: body for name, body in files.items() if body is not None}}
    for name, body in files.items():
        if body is None:
            whole.pop(name, None)
    return commit(repo, _nested(whole), message, **more)


def _nested(files: Mapping[str, bytes]) -> Entries:
    folders: dict[str, dict[str, bytes]] = {}
    entries: Entries = []
    for name, body in files.items():
        first, _, rest = name.partition("/")
        if rest:
            folders.setdefault(first, {})[rest] = body
        else:
            entries.append((name.encode(), FILE, body))
    entries += [(name.encode(), FOLDER, _nested(inside)) for name, inside in folders.items()]
    return sorted(entries, key=lambda each: each[0] + (b"/" if each[1] == FOLDER else b""))


def files_of(repo: Repo) -> dict[str, bytes]:
    """Return the files of main by name."""
    present = repo.refs.as_dict().get(MAIN)
    if present is None:
        return {}
    found: dict[str, bytes] = {}
    root: Any = repo[present]
    pending = [("", root.tree)]
    while pending:
        prefix, id = pending.pop()
        tree: Any = repo[id]
        for each in tree.items():
            name = prefix + each.path.decode()
            if each.mode == FOLDER:
                pending.append((f"{name}/", each.sha))
            else:
                blob: Any = repo[each.sha]
                found[name] = blob.data
    return found


def log_of(repo: Repo) -> list[Any]:
    """Return the commits of main, the newest first."""
    found: list[Any] = []
    id = repo.refs.as_dict().get(MAIN)
    while id is not None:
        each: Any = repo[id]
        found.append(each)
        id = each.parents[0] if each.parents else None
    return found
