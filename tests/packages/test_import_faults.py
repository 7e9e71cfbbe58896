"""Imports that are refused: missing and private scripts, cycles, limits, tampered and misleading documents."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W
from tests.packages.importing import Catalog
from tests.packages.indexes import Index, wheel

from orvanta_platform.control.actor import Role
from orvanta_platform.services.runs import imports
from orvanta_platform.worker.loop import Worker
from orvanta_platform.worker.runtimes.pool import Runtimes


@pytest.fixture
async def catalog(api: ApiHarness, working: Worker) -> AsyncIterator[Catalog]:
    """Yield scripts of a workspace with a worker that runs them."""
    for name in ("lib", "app"):
        await api.client.post(f"{W}/folders/create", json={"name": name, "owners": ["u/ann"]})
    await api.client.post(f"{W}/folders/create", json={"name": "closed", "owners": []})
    running = asyncio.create_task(working.run())
    yield Catalog(api, working)
    working.drain()
    await running


async def test_missing_import_has_file_and_line(catalog: Catalog) -> None:
    await catalog.deploy("f/lib/a", "A = 1")
    content = "import os\nfrom f.lib.a import A\nfrom f.lib.b import B\nfrom .c import C\nfrom .... import d\n"
    found = await catalog.refuse("f/app/main", content)
    assert [(each["code"], each["file"], each["line"], each["column"]) for each in found] == [
        ("import_not_found", "f/app/main", 3, 1),
        ("import_not_found", "f/app/main", 4, 1),
        ("import_not_found", "f/app/main", 5, 1),
    ]
    assert found[0]["message"] == "Line 3 of f/app/main imports f/lib/b, which does not exist or may not be read."
    await catalog.deploy("f/lib/bash", "echo 1", "bash")
    await catalog.deploy("f/lib/ts", "export const a = 1", "bun")
    found = await catalog.refuse("f/app/main", 'import "./none"; await import("./none")', "bun")
    assert [(each["code"], each["column"]) for each in found] == [("import_not_found", 8)]
    found = await catalog.refuse("f/app/main", 'import "../lib/bash"; import "../lib/ts"; import "../lib/a"', "bun")
    assert [each["code"] for each in found] == ["import_language", "import_language"]


@pytest.mark.parametrize(("line", "language"), [("import f.no.x", "python3"), ('import "/f/no/x"', "bun")])
async def test_faults_of_many_imports_are_found_in_linear_time(api: ApiHarness, line: str, language: str) -> None:
    """Each is at another line. If all were compared with each other, the server would answer nobody for hours."""
    content = f"{line}\n" * 200_000
    body = {"content": content, "language": language, "args": {}}
    answer = await api.client.post(f"{W}/jobs/run/preview", json=body)
    assert answer.status_code == 400
    assert len(answer.json()["error"]["details"]["diagnostics"]) == 20
    nodes = [{"id": "a", "value": {"type": "rawscript", "language": language, "content": content}}]
    answer = await api.client.post(f"{W}/jobs/run/preview_flow", json={"value": {"modules": nodes}, "args": {}})
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "invalid_workflow"


async def test_private_import_looks_like_missing_one(catalog: Catalog) -> None:
    ann = await catalog.api.member("ann", Role.DEVELOPER)
    await catalog.deploy("f/closed/secret", "KEY = 'x'")
    await catalog.deploy("u/admin/own", "KEY = 'x'")
    await catalog.deploy("f/lib/open", "from f.closed.secret import KEY")
    main = "from f.closed.{name} import KEY\ndef main(): return KEY"
    private = await catalog.refuse("f/app/main", main.format(name="secret"), client=ann)
    missing = await catalog.refuse("f/app/main", main.format(name="secrez"), client=ann)
    assert str(private).replace("secret", "secrez") == str(missing)
    body = {"content": main.format(name="secret"), "language": "python3", "args": {}}
    answer = await ann.post(f"{W}/jobs/run/preview", json=body)
    assert answer.status_code == 400 and "does not exist or may not be read" in answer.text
    assert await catalog.refuse("f/app/main", "from u.admin.own import KEY", client=ann)
    through = await catalog.refuse("f/app/main", "from f.lib.open import KEY", client=ann)
    assert [(each["file"], each["line"]) for each in through] == [("f/lib/open", 1)]
    # Another candidate for the import that ann may not read does not change the message.
    await catalog.deploy("f/closed/secret/KEY", "")
    assert await catalog.refuse("f/app/main", main.format(name="secret"), client=ann) == private


async def test_import_of_another_workspace_is_missing(catalog: Catalog) -> None:
    created = await catalog.api.client.post("/api/workspaces/create", json={"id": "other", "name": "Other"})
    assert created.status_code == 201, created.text
    body = {"path": "u/admin/shared", "summary": "", "content": "X = 1", "language": "python3"}
    assert (await catalog.api.client.post("/api/w/other/scripts/create", json=body)).status_code == 201
    found = await catalog.refuse("f/app/main", "from u.admin.shared import X")
    assert found[0]["code"] == "import_not_found"


async def test_paths_that_leave_the_workspace_are_refused(catalog: Catalog) -> None:
    for content in ('import "../../../../etc/passwd"', 'import "/f/../../etc/passwd"', 'import "/f/lib/%2e%2e/x"'):
        found = await catalog.refuse("f/app/main", content, "bun")
        assert [each["code"] for each in found] == ["import_not_found"]
    for content in ("from ..... import etc", "from ...etc import passwd"):
        assert (await catalog.refuse("f/app/main", content))[0]["code"] == "import_not_found"
    error = await catalog.refused_preview("from .a import A", path="../../../etc/x")
    assert error["code"] == "bad_request"


async def test_cycle_is_refused_with_its_path(catalog: Catalog) -> None:
    await catalog.deploy("f/lib/c", "C = 1")
    await catalog.deploy("f/lib/b", "from f.lib.c import C")
    await catalog.deploy("f/lib/a", "from f.lib.b import C")
    (found,) = await catalog.refuse("f/lib/c", "\nfrom .a import C")
    assert found["code"] == "import_cycle" and (found["file"], found["line"]) == ("f/lib/c", 2)
    assert "f/lib/c → f/lib/a → f/lib/b → f/lib/c" in found["message"]
    (own,) = await catalog.refuse("f/lib/c", "import f.lib.c")
    assert "f/lib/c → f/lib/c" in own["message"]


@pytest.mark.extended
async def test_closure_of_10000_scripts_is_refused(catalog: Catalog, database: TestDatabase) -> None:
    """One script that imports too many others, and a chain that is too long."""
    star = "\n".join(f"import f.lib.n{number}" for number in range(10_000))
    (found,) = await catalog.refuse("f/app/main", star)
    assert found["code"] == "import_limit" and "more than 1000 scripts" in found["message"]
    await _insert_scripts(database, {f"n{each}": f"from f.lib.n{each + 1} import x" for each in range(10_000)})
    (found,) = await catalog.refuse("f/app/main", "from f.lib.n0 import x")
    assert found["code"] == "import_limit" and "more than 1000 scripts" in found["message"]


async def test_names_imported_from_scripts_are_not_counted(catalog: Catalog) -> None:
    """`from f.lib.a import x` could also mean the script f/lib/a/x."""
    names = [f"x{number}" for number in range(4_500)]
    await catalog.deploy("f/lib/a", f"{' = '.join(names)} = 1")
    await catalog.deploy("f/lib/p/b", "B = 1")
    main = f"from f.lib.a import {', '.join(names)}\nfrom f.lib.p import b\ndef main(): return x4499 + b.B"
    await catalog.deploy("f/app/main", main)
    assert await catalog.result("f/app/main") == 2


async def test_closure_of_many_bytes_is_refused(catalog: Catalog, database: TestDatabase) -> None:
    large = f"x = '{'x' * (6 << 20)}'\n"
    await _insert_scripts(database, {"a": large, "b": large + "# b"})
    (found,) = await catalog.refuse("f/app/main", "import f.lib.a, f.lib.b")
    assert found["code"] == "import_limit" and "10 MiB" in found["message"]


async def test_script_with_the_name_of_a_folder_is_refused(catalog: Catalog) -> None:
    await catalog.deploy("f/lib/a", "A = 1")
    await catalog.deploy("f/lib/a/b", "B = 1")
    (found,) = await catalog.refuse("f/app/main", "import f.lib.a\nimport f.lib.a.b")
    assert found["code"] == "import_path_conflict"


async def test_tampered_documents_do_not_run(catalog: Catalog, database: TestDatabase) -> None:
    await catalog.deploy("f/lib/a", "A = 1")
    main = "from f.lib.a import A\ndef main(): return A"
    await catalog.deploy("f/app/main", main)
    owner = await asyncpg.connect(database.owner_url)
    try:
        module = hashlib.sha256(b"A = 1").digest()
        await owner.execute("UPDATE document SET body = $2 WHERE hash = $1", module, b"A = 2")
        assert (await catalog.result("f/app/main"))["error"]["name"] == "imports_unavailable"
        await owner.execute("UPDATE document SET body = $2 WHERE hash = $1", module, b"A = 1")
        assert await catalog.result("f/app/main") == 1
        await catalog.deploy("f/app/other", main)
        text = await owner.fetchval("SELECT imports ->> '' FROM version WHERE path = 'f/app/other'")
        digest = bytes.fromhex(text)
        body = await owner.fetchval("SELECT body FROM document WHERE hash = $1", digest)
        evil = body.replace(b"f/lib/a", b"../../a")
        await owner.execute("UPDATE document SET body = $2 WHERE hash = $1", digest, evil)
        assert (await catalog.result("f/app/other"))["error"]["name"] == "imports_unavailable"
        renamed = hashlib.sha256(evil).digest()
        await owner.execute("INSERT INTO document (hash, body) VALUES ($1, $2)", renamed, evil)
        await owner.execute(
            "UPDATE version SET imports = json_build_object('', $1::text) WHERE path = 'f/app/other'", renamed.hex()
        )
        assert (await catalog.result("f/app/other"))["error"]["name"] == "imports_unavailable"
    finally:
        await owner.close()


async def test_tampered_lock_of_imports_does_not_install(
    catalog: Catalog, index: Index, database: TestDatabase
) -> None:
    """The lock of an importing script contains the packages of all its imports."""
    index.publish("greeting", *wheel("greeting", "1.0", {"greeting.py": "WORD = 'hello'\n"}))
    await catalog.deploy("f/lib/a", "import greeting\nA = greeting.WORD")
    owner = await asyncpg.connect(database.owner_url)
    try:
        for name in ("lock_hash_mismatch", "install_failed"):
            digest = await catalog.deploy(f"f/app/{name}", f"from f.lib.a import A\ndef main(): return '{name}'")
            lock = await catalog.locked(digest)
            option = f"--index-url http://127.0.0.1:9/simple\n{lock}"
            wrong = option if name == "install_failed" else re.sub("sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", lock)
            await owner.execute("UPDATE version SET lock = $2 WHERE hash = $1", digest, wrong)
            assert (await catalog.result(f"f/app/{name}"))["error"]["name"] == name
    finally:
        await owner.close()


async def test_imported_scripts_are_read_only_and_nothing_else_is_seen(catalog: Catalog) -> None:
    await catalog.deploy("f/lib/a", "A = 1")
    await catalog.deploy("f/lib/hidden", "HIDDEN = 1")
    assert await catalog.preview("import f.lib.hidden\ndef main(): return 1") == 1
    code = """
import os, f.lib.a
def main():
    root = os.path.dirname(f.lib.a.__file__)
    refused = []
    for act in (
        lambda: open(f.lib.a.__file__, "w"),
        lambda: open(f"{root}/b.py", "w"),
        lambda: os.remove(f.lib.a.__file__),
        lambda: os.symlink("/etc/passwd", f"{root}/b.py"),
        lambda: os.chmod(root, 0o777),
    ):
        try:
            act()
        except OSError:
            refused.append(True)
    files = sorted(name for _, _, names in os.walk("/imports") for name in names if name.endswith(".py"))
    return [len(refused), files]
"""
    assert await catalog.preview(code) == [5, ["__init__.py", "a.py"]]


def refusing(number: int) -> Any:
    """Return a function that fails with this error of the operating system."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return refuse


async def test_full_disk_fails_job_with_imports(catalog: Catalog) -> None:
    await catalog.deploy("f/lib/a", "A = 1")
    code = "from f.lib.a import A\ndef main(): return A"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "mkdtemp", refusing(errno.ENOSPC))
        async with asyncio.timeout(20):
            error = (await catalog.preview(code))["error"]
    assert error["name"] == "imports_unavailable" and "No space left on device" in error["message"]
    assert await catalog.preview(code) == 1


async def test_imports_run_although_their_use_cannot_be_recorded(catalog: Catalog) -> None:
    """The disk became read-only, or the folder belongs to another user."""
    await catalog.deploy("f/lib/a", "A = 1")
    code = "from f.lib.a import A\ndef main(): return A"
    assert await catalog.preview(code) == 1
    (folder,) = (catalog.worker._runtimes.packages / "main" / "imports").iterdir()
    os.utime(folder, (0, 0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "utime", refusing(errno.EROFS))
        async with asyncio.timeout(20):
            assert await catalog.preview(code) == 1


async def test_full_disk_fails_job_with_another_interpreter(catalog: Catalog, index: Index) -> None:
    index.publish("greeting", *wheel("greeting", "1.0", {"greeting.py": "WORD = 'hello'\n"}))
    code = "import greeting\ndef main(): return greeting.WORD"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runtimes, "of_script", refusing(errno.ENOSPC))
        async with asyncio.timeout(20):
            error = (await catalog.preview(code))["error"]
    assert error["name"] == "SandboxUnavailable" and "No space left on device" in error["message"]


async def test_installed_package_cannot_replace_scripts(catalog: Catalog) -> None:
    await catalog.deploy("f/lib/a", "A = 1")
    code = "import sys, f.lib.a\ndef main(): return [f.__file__, '/packages' in sys.path]"
    file, _ = await catalog.preview(code)
    assert file == "/imports/f/__init__.py"


async def _insert_scripts(database: TestDatabase, contents: dict[str, str]) -> None:
    """Insert scripts in the folder lib without the cost of their deployment."""
    names, texts = [f"f/lib/{name}" for name in contents], [text.encode() for text in contents.values()]
    hashes = [hashlib.sha256(text).digest() for text in texts]
    owner = await asyncpg.connect(database.owner_url)
    try:
        await owner.execute(
            """
            WITH new AS (
                SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS new (path, hash, body)
            ), documents AS (
                INSERT INTO document (hash, body) SELECT DISTINCT hash, body FROM new ON CONFLICT DO NOTHING
            ), items AS (
                INSERT INTO item (workspace, kind, path, created_by, edited_by)
                SELECT 'main', 'script', path, 'admin', 'admin' FROM new
            )
            INSERT INTO version
                (workspace, kind, path, number, hash, content_hash, document, format, language, settings, author, lock)
            SELECT 'main', 'script', path, 1, left(md5(path), 16), '', hash, 'text', 'python3', '{}', 'admin', ''
            FROM new
            """,
            names,
            hashes,
            texts,
        )
    finally:
        await owner.close()


def test_limits_are_those_of_the_guide() -> None:
    assert (imports.MAX_SCRIPTS, imports.MAX_BYTES) == (1_000, 10 << 20)
