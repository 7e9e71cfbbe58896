"""The Git child process: reads and writes of a real server's repository, and their limits."""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dulwich.objects import ObjectID
from tests.git_repositories import (
    FILE,
    FOLDER,
    LINK,
    SUBMODULE,
    TOKEN,
    Entries,
    GitServer,
    commit,
    commit_files,
    files_of,
    git_server,
    log_of,
)

from orvanta_platform.outbound.git import limits, packs, transport
from orvanta_platform.outbound.git.child import Repository
from orvanta_platform.outbound.git.messages import Change, Fetch, Fetched, GitFault, Remote
from orvanta_platform.outbound.git.process import session
from orvanta_platform.outbound.git.trees import read_items

BODY = b"value: north\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with git_server(tmp_path_factory.mktemp("repositories")) as made:
        yield made


def remote(server: GitServer, name: str, **more: Any) -> Remote:
    known = {"branch": "main", "folder": "", "token": TOKEN, "addresses": ["127.0.0.1"], **more}
    return Remote(url=f"{server.url}/{name}.git", **known)


def change(write: dict[str, bytes], *remove: str, message: str = "Deploy") -> Change:
    return Change(
        author="Ann <x>", email="ann@example.com", at=1_700_000_001, message=message, remove=list(remove), write=write
    )


async def fetched(tmp_path: Path, remote: Remote, known: str | None = None) -> Fetched:
    async with session(tmp_path) as child:
        return await child.fetch(remote, known)


async def fault(tmp_path: Path, remote: Remote) -> GitFault:
    with pytest.raises(GitFault) as raised:
        await fetched(tmp_path, remote)
    assert TOKEN not in raised.value.message
    return raised.value


@pytest.mark.extended
async def test_branch_is_read_and_commits_are_pushed_on_top_of_it(server: GitServer, tmp_path: Path) -> None:
    repo = server.create("plain")
    async with session(tmp_path) as child:
        empty = await child.fetch(remote(server, "plain"), None)
        assert (empty.head, empty.files) == (None, None)
        first, nothing, second = await child.build(
            [
                change({"f/team/a.variable.yaml": BODY}, message="First\n\nReason"),
                change({"f/team/a.variable.yaml": BODY}),
                change({"f/team/b.variable.yaml": BODY}, "f/team/a.variable.yaml"),
            ]
        )
        assert first is not None and nothing is None and files_of(repo) == {}
        await child.push()
    assert files_of(repo) == {"f/team/b.variable.yaml": BODY}
    newest, oldest = log_of(repo)
    assert (newest.id.decode(), oldest.id.decode()) == (second, first)
    assert (oldest.author, oldest.message) == (b"Ann x <ann@example.com>", b"First\n\nReason\n")
    # Another client commits: a fetch of a known commit reads nothing, and a push onto an older one is refused.
    outside = commit_files(repo, {"f/team/c.variable.yaml": BODY, "README.md": b"# Shop\n"}, "By hand")
    found = await fetched(tmp_path, remote(server, "plain"), second)
    assert found.head == outside and found.files is not None
    assert sorted(found.files) == ["f/team/b.variable.yaml", "f/team/c.variable.yaml"]
    assert [(each.author, each.message) for each in found.log][:2] == [("Kim", "By hand"), ("Ann x", "Deploy")]
    async with session(tmp_path) as child:
        assert (await child.fetch(remote(server, "plain"), outside)).files is None
    async with session(tmp_path) as child:
        await child.fetch(remote(server, "plain"), None)
        await child.build([change({"f/team/d.variable.yaml": BODY})])
        commit_files(repo, {"README.md": b"# Shops\n"})
        with pytest.raises(GitFault) as raised:
            await child.push()
        assert raised.value.code == "branch_moved"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.extended
async def test_folder_of_repository_is_read_and_written(server: GitServer, tmp_path: Path) -> None:
    repo = server.create("nested")
    commit_files(repo, {"README.md": b"1", "deploy/orvanta/f/team/a.variable.yaml": BODY, "f/other.py": b"x"})
    there = remote(server, "nested", folder="deploy/orvanta")
    async with session(tmp_path) as child:
        assert (await child.fetch(there, None)).files == {"f/team/a.variable.yaml": BODY}
        await child.build([change({"f/team/b.flow/flow.yaml": b"x"}, "f/team/a.variable.yaml")])
        await child.push()
    assert files_of(repo) == {"README.md": b"1", "f/other.py": b"x", "deploy/orvanta/f/team/b.flow/flow.yaml": b"x"}
    assert (await fetched(tmp_path, remote(server, "nested", folder="missing"))).files == {}


HOSTILE: dict[str, Entries] = {
    "dots": [(b"..", FOLDER, [(b"x", FILE, b"")])],
    "absolute": [(b"/etc", FILE, b"")],
    "git": [(b".git", FOLDER, [(b"config", FILE, b"[core]")])],
    "git in case": [(b"f", FOLDER, [(b".GiT", FILE, b"")])],
    "git of HFS": [(".g\u200cit".encode(), FILE, b"")],
    "git of NTFS": [(b"GIT~1", FILE, b"")],
    "git with a dot": [(b".git. ", FILE, b"")],
    "backslash": [(b"a\\..\\b", FILE, b"")],
    "control": [(b"a\x1b[31m", FILE, b"")],
    "not UTF-8": [(b"\xff\xfe", FILE, b"")],
    "empty": [(b"", FILE, b"")],
    "case": [(b"A.py", FILE, b""), (b"a.py", FILE, b"")],
    "form": [("\u00e9".encode(), FILE, b""), ("e\u0301".encode(), FILE, b"")],
    "twice": [(b"a", FILE, b"1"), (b"a", FILE, b"2")],
    "device": [(b"a", 0o060000, b"")],
}


async def test_hostile_names_and_types_refuse_repository(server: GitServer, tmp_path: Path) -> None:
    repo = server.create("hostile")
    for name, entries in HOSTILE.items():
        head = commit(repo, [*entries, (b"ok.py", FILE, b"")])
        with pytest.raises(GitFault) as raised:
            read_items(repo.object_store, ObjectID(head.encode()), "")
        assert raised.value.code == "repository_refused", name
        assert "\x1b" not in raised.value.message and "\u200c" not in raised.value.message, name
    commit(server.create("dots"), HOSTILE["dots"])
    assert (await fault(tmp_path, remote(server, "dots"))).code == "repository_refused"


@pytest.mark.extended
async def test_links_and_submodules_are_findings_and_are_not_followed(server: GitServer, tmp_path: Path) -> None:
    repo = server.create("links")
    inside: Entries = [
        (b"a.variable.yaml", LINK, b"/etc/passwd"),
        (b"b.variable.yaml", FILE, BODY),
        (b"module", SUBMODULE, b"1" * 40),
    ]
    hook: Entries = [(b"post-checkout", 0o100755, b"#!/bin/sh\ntouch /tmp/owned\n")]
    modules = b'[submodule "x"]\n\tpath = f/team/module\n\turl = ext::sh -c touch% /tmp/owned\n'
    commit(
        repo,
        [(b".gitmodules", FILE, modules), (b"f", FOLDER, [(b"team", FOLDER, inside)]), (b"hooks", FOLDER, hook)],
    )
    found = await fetched(tmp_path, remote(server, "links"))
    assert found.files == {"f/team/b.variable.yaml": BODY}
    assert [(each.name, each.reason) for each in found.findings] == [
        ("f/team/a.variable.yaml", "symbolic link"),
        ("f/team/module", "submodule"),
    ]
    # Links are never followed for writing.
    async with session(tmp_path) as child:
        await child.fetch(remote(server, "links"), None)
        for name in ("f/team/a.variable.yaml", "f/team/module/x.py"):
            with pytest.raises(GitFault, match="is no f"):
                await child.build([change({name: BODY})])


@pytest.mark.extended
async def test_large_repositories_are_refused(server: GitServer, tmp_path: Path) -> None:
    deep: Entries = [(b"a", FILE, b"")]
    for _ in range(limits.LEVELS):
        deep = [(b"d", FOLDER, deep)]
    large: Entries = [(b"f", FOLDER, [(b"x", FOLDER, [(b"y.py", FILE, bytes(limits.FILE + 1))])])]
    wide: Entries = [(b"%06d" % n, LINK, b"") for n in range(limits.FILES + 1)]
    repo = server.create("large")
    long: Entries = [(b"d" * (limits.NAME + 1), FILE, b"")]
    for entries in (deep, large, wide, long):
        head = commit(repo, entries)
        with pytest.raises(GitFault) as raised:
            read_items(repo.object_store, ObjectID(head.encode()), "")
        assert raised.value.code == "repository_too_large"
    commit(server.create("bomb"), [(b"zeros", FILE, bytes(limits.OBJECT + 1))])
    assert (await fault(tmp_path, remote(server, "bomb"))).code == "repository_too_large"


async def test_reading_ends_at_size_limit(server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of the pack applies, and that of everything a server sends."""
    commit(server.create("endless"), [(b"noise", FILE, os.urandom(1 << 20))])
    limit = 1 << 18
    for module, name, value in ((limits, "PACK", limit), (transport, "_SLACK", limit - limits.PACK)):
        (tmp_path / name).mkdir()
        with monkeypatch.context() as patch:
            patch.setattr(module, name, value)
            fetch = Fetch(remote=remote(server, "endless"), storage=str(tmp_path / name))
            with pytest.raises(GitFault) as raised:
                await asyncio.to_thread(Repository(fetch).serve, fetch)
        assert raised.value.code == "repository_too_large", name


def _pack(*objects: bytes, count: int | None = None) -> bytes:
    return b"PACK" + (2).to_bytes(4) + (len(objects) if count is None else count).to_bytes(4) + b"".join(objects)


def test_malformed_packs_are_refused_before_they_are_indexed(tmp_path: Path) -> None:
    blob = bytes([3 << 4 | 5]) + zlib.compress(b"hello")
    understated = bytes([3 << 4 | 5]) + zlib.compress(bytes(1 << 20))
    delta = b"\x05" + b"\xff\xff\xff\xff\x7f" + b"\x90\x05"  # its result would have 34 GB
    amplified = bytes([7 << 4 | len(delta)]) + bytes(20) + zlib.compress(delta)
    cases = {
        "valid": (_pack(blob, blob) + bytes(20), None),
        "understated": (_pack(understated), "repository_refused"),
        "amplified": (_pack(amplified), "repository_too_large"),
        "truncated": (_pack(blob[:-3]), "repository_refused"),
        "counted": (_pack(blob, count=limits.OBJECTS + 1), "repository_too_large"),
        "kind": (_pack(bytes([5 << 4]) + zlib.compress(b"")), "repository_refused"),
        "no pack": (b"<html>" * 10, "repository_refused"),
    }
    for name, (body, code) in cases.items():
        file = tmp_path / "pack"
        file.write_bytes(body)
        with file.open("rb") as opened:
            try:
                packs.check_pack(opened)
                found = None
            except GitFault as raised:
                found = raised.code
        assert found == code, name


@pytest.mark.extended
async def test_servers_cannot_redirect_or_read_credentials_from_errors(server: GitServer, tmp_path: Path) -> None:
    server.create("login")
    wrong = await fault(tmp_path, remote(server, "login", token="wrong-" + TOKEN))
    assert wrong.code == "repository_login_failed"
    assert (await fault(tmp_path, remote(server, "absent"))).code == "repository_not_found"
    server.redirect = "http://169.254.169.254/latest/meta-data/"
    try:
        moved = await fault(tmp_path, remote(server, "login"))
    finally:
        server.redirect = None
    assert moved.code == "repository_refused" and "redirects" in moved.message
    closed = Remote(url="http://127.0.0.1:1/x.git", addresses=["127.0.0.1"], branch="main", folder="", token=TOKEN)
    assert (await fault(tmp_path, closed)).code == "repository_unreachable"
    assert TOKEN not in repr(closed)


async def test_child_has_no_environment_of_server(
    tmp_path: Path, server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORVANTA_INSTANCE_KEY", "key-of-instance")
    server.create("empty")
    async with session(tmp_path) as child:
        # The environment of a process is not available while its program is being loaded.
        await child.fetch(remote(server, "empty"), None)
        environ = Path(f"/proc/{child._process.pid}/environ").read_bytes()
        assert b"HOME=" + os.fsencode(tmp_path) in environ and b"key-of-instance" not in environ
