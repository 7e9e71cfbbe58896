"""Program of the child process that reads and writes a repository."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
from dulwich.client import GitClient
from dulwich.errors import GitProtocolError, HangupException, SendPackError
from dulwich.object_store import DiskObjectStore, ObjectStoreGraphWalker
from dulwich.objects import Commit, ObjectID
from dulwich.pack import pack_objects_to_data
from dulwich.refs import Ref

from orvanta_platform.outbound.git import limits
from orvanta_platform.outbound.git.messages import (
    LENGTH,
    MAX_MESSAGE_BYTES,
    Answer,
    Build,
    Built,
    Change,
    Entry,
    Failed,
    Fetch,
    Fetched,
    GitFault,
    Probe,
    Probed,
    Push,
    Pushed,
    Remote,
    Request,
)
from orvanta_platform.outbound.git.packs import check_pack
from orvanta_platform.outbound.git.transport import open_remote, unreachable
from orvanta_platform.outbound.git.trees import TreeBuilder, read_items

_MEMORY: Final = 1 << 30
_PROCESSOR_S: Final = 120
_HEADS: Final = b"refs/heads/"
_ZERO: Final = ObjectID(b"0" * 40)
_NO_ADDRESS: Final = "noreply@localhost"
"""Address of authors without one: Git tools refuse an empty address."""
_COMMITTER: Final = b"Orvanta <orvanta@localhost>"


def main() -> None:
    """Serve the requests of standard input until it ends."""
    _confine()
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    repository: Repository | None = None
    while (body := _read(requests)) is not None:
        request: Request = msgspec.msgpack.decode(body, type=Request)
        try:
            answer: Answer
            if isinstance(request, Probe):
                _limit(limits.PROBE_MEMORY, limits.PROBE_PROCESSOR_S, limits.PROBE_FILE, limits.PROBE_S)
                answer = probe(request.remote)
            else:
                if isinstance(request, Fetch):
                    repository = Repository(request)
                assert repository is not None
                answer = repository.serve(request)
        except GitFault as fault:
            answer = Failed(code=fault.code, message=fault.message)
        except MemoryError:
            answer = Failed(code="repository_too_large", message="The repository does not fit into memory.")
        except Exception as error:
            answer = _failed(error)
        sent = msgspec.msgpack.encode(answer)
        answers.write(LENGTH.pack(len(sent)) + sent)
        answers.flush()


def _confine() -> None:
    """Limit memory, processor time, files and the whole time; ignore the configuration of the user."""
    os.umask(0o077)
    _limit(_MEMORY, _PROCESSOR_S, 2 * limits.PACK, limits.DEADLINE_S)


def _limit(memory: int, processor_s: int, file: int, deadline_s: int) -> None:
    for kind, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, processor_s),
        (resource.RLIMIT_FSIZE, file),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
    signal.alarm(deadline_s)


def _read(source: BinaryIO) -> bytes | None:
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    size = LENGTH.unpack(head)[0]
    return source.read(size) if size <= MAX_MESSAGE_BYTES else None


def _failed(error: Exception) -> Failed:
    match error:
        case OSError():
            fault = unreachable(error)
            return Failed(code=fault.code, message=fault.message)
        case SendPackError():
            return Failed(code="push_refused", message=f"The server refuses the commits: {_text(error)}.")
        case GitProtocolError() | HangupException():
            return Failed(code="repository_unreachable", message=f"The server failed: {_text(error)}.")
        case _:
            name = type(error).__name__
            return Failed(code="repository_refused", message=f"The repository cannot be read ({name}).")


def _text(error: Exception) -> str:
    return limits.line_of(str(error), 300).rstrip(".")


def probe(remote: Remote) -> Probed:
    """Return the branches of a repository. Raises GitFault and the errors of the library."""
    client, path = open_remote(remote)
    refs = client.get_refs(path.encode(), protocol_version=0).refs
    names = sorted(ref.removeprefix(_HEADS) for ref, id in refs.items() if ref.startswith(_HEADS) and id is not None)
    return Probed(
        has_branch=remote.branch.encode() in names,
        branches=[limits.line_of(name, 100) for name in names[: limits.BRANCHES]],
    )


class Repository:
    """A branch, its fetched objects, and the commits on top of it."""

    def __init__(self, fetch: Fetch) -> None:
        self._remote = fetch.remote
        self._known = fetch.known
        self._storage = Path(fetch.storage)
        self._ref = Ref(f"refs/heads/{fetch.remote.branch}".encode())
        self._store = DiskObjectStore.init(str(self._storage / "objects"))
        self._head: ObjectID | None = None
        self._is_new = False
        self._builder: TreeBuilder | None = None
        self._tip: ObjectID | None = None

    def serve(self, request: Fetch | Build | Push) -> Answer:
        """Return the answer to a request. Raises GitFault and the errors of the library."""
        match request:
            case Fetch():
                return self._fetch()
            case Build():
                return self._build(request.changes)
            case Push():
                return self._push()

    def _open(self) -> tuple[GitClient, str]:
        return open_remote(self._remote)

    def _fetch(self) -> Fetched:
        client, path = self._open()
        file, commit, abort = self._store.add_pack()
        received = 0

        def write(piece: bytes) -> int:
            nonlocal received
            received += len(piece)
            if received > limits.PACK:
                raise limits.too_large("The repository is too large", limits.PACK)
            return file.write(piece)

        walker = ObjectStoreGraphWalker([], lambda _: [])
        try:
            client.fetch_pack(
                path, self._wanted, walker, write, depth=limits.HISTORY, ref_prefix=[self._ref], protocol_version=0
            )
            if self._is_new:
                file.seek(0)
                check_pack(file)
                file.seek(0, os.SEEK_END)
        except BaseException:
            abort()
            raise
        if not self._is_new:
            abort()
            return Fetched(head=None if self._head is None else self._head.decode())
        commit()
        assert self._head is not None
        files, findings = read_items(self._store, self._head, self._remote.folder)
        return Fetched(head=self._head.decode(), files=files, log=self._log(), findings=findings)

    def _wanted(self, refs: Mapping[Ref, ObjectID], depth: int | None = None) -> list[ObjectID]:
        self._head = refs.get(self._ref)
        if self._head is None:
            return []
        if len(self._head) != 40:
            raise limits.refused("Only repositories with SHA-1 object names are supported.")
        self._is_new = self._head.decode() != self._known
        return [self._head] if self._is_new else []

    def _log(self) -> list[Entry]:
        """Return the newest commits that were fetched, each before its parents."""
        found: dict[ObjectID, Commit] = {}
        pending = [] if self._head is None else [self._head]
        while pending and len(found) < limits.HISTORY:
            pending.sort(key=lambda id: self._time(id))
            id = pending.pop()
            commit = self._commit(id)
            if commit is not None and id not in found:
                found[id] = commit
                pending += [parent for parent in commit.parents if parent not in found]
        return [_entry(id, commit) for id, commit in found.items()]

    def _commit(self, id: ObjectID) -> Commit | None:
        """Return a commit; None for one beyond those that were fetched."""
        if id not in self._store:
            return None
        found = self._store[id]
        return found if isinstance(found, Commit) else None

    def _time(self, id: ObjectID) -> int:
        commit = self._commit(id)
        return -1 if commit is None else commit.commit_time

    def _build(self, changes: list[Change]) -> Built:
        self._builder = builder = TreeBuilder(self._store, self._remote.folder)
        head = None if self._head is None else self._commit(self._head)
        tree = None if head is None else head.tree
        self._tip = self._head
        ids: list[str | None] = []
        for each in changes:
            changed = builder.changed(tree, each.remove, each.write)
            if changed == tree:
                ids.append(None)
                continue
            tree = changed
            self._tip = builder.add(_new_commit(each, tree, self._tip))
            ids.append(self._tip.decode())
        return Built(ids=ids)

    def _push(self) -> Pushed:
        builder, tip = self._builder, self._tip
        assert builder is not None and tip is not None
        client, path = self._open()

        def update(refs: Mapping[Ref, ObjectID]) -> dict[Ref, ObjectID]:
            present = refs.get(self._ref)
            if present == _ZERO:
                present = None
            if present != self._head:
                raise GitFault("branch_moved", "The branch has a newer commit.")
            return {self._ref: tip}

        def objects(have: Any, want: Any, *, ofs_delta: bool = False, progress: Any = None) -> Any:
            return pack_objects_to_data(list(builder.made.values()))

        result = client.send_pack(path.encode(), update, objects)
        for fault in (result.ref_status or {}).values():
            if fault:
                raise GitFault("push_refused", f"The server refuses the commits: {limits.line_of(fault, 300)}.")
        return Pushed()


def _entry(id: ObjectID, commit: Commit) -> Entry:
    name, _, email = limits.line_of(commit.author, 400).rpartition("<")
    message = commit.message.decode("utf-8", "replace").strip().split("\n")[0]
    at = min(max(int(commit.author_time), 0), 253_402_300_799)
    return Entry(
        id=id.decode(),
        author=name.strip()[:200],
        email=email.rstrip("> ")[:200],
        at=at,
        message=limits.line_of(message, 500),
    )


def _new_commit(change: Change, tree: ObjectID, parent: ObjectID | None) -> Commit:
    commit = Commit()
    commit.tree = tree
    commit.parents = [] if parent is None else [parent]
    commit.author = f"{_plain(change.author) or 'unknown'} <{_plain(change.email) or _NO_ADDRESS}>".encode()
    commit.committer = _COMMITTER
    commit.author_time = commit.commit_time = change.at
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding = b"UTF-8"
    commit.message = (change.message.replace("\0", "").strip() + "\n").encode("utf-8", "replace")
    return commit


def _plain(text: str) -> str:
    return limits.line_of(text, 200).replace("<", "").replace(">", "")
