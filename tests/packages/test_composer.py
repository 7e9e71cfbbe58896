"""Packages of PHP scripts, locked and installed by Composer from a local repository."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import zipfile
from base64 import b64encode
from pathlib import Path

import pytest
from tests.http.harness import ApiHarness
from tests.packages.conftest import Shop
from tests.packages.importing import Catalog
from tests.packages.indexes import Index
from tests.selection import extended_after_first
from tests.worker.jobs import LEVELS

from orvanta_platform.worker.loop import Worker
from orvanta_platform.worker.packages.store import PackageError
from orvanta_platform.worker.runtimes.manifest import PATH
from orvanta_platform.workflow.requirements import locked_packages

pytestmark = pytest.mark.extended

SCRIPT = """<?php
// require:
// here/greeting@^1

function main(string $name) { return Here\\Greeting\\Hello::to($name); }
"""


@pytest.fixture
def home(home: Path) -> Path:
    missing = [name for name in ("php", "composer", "unzip") if shutil.which(name, path=PATH) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")
    return home


def publish(index: Index, name: str, version: str, code: str, **manifest: object) -> None:
    """Publish a package whose only class is in src/; the script of a package and its plugin must not run."""
    base = name.partition("/")[2]
    about = {"name": name, "version": version, "autoload": {"psr-4": {f"Here\\{base.title()}\\": "src/"}}, **manifest}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in {"composer.json": json.dumps(about), "src/Hello.php": f"<?php\n{code}\n"}.items():
            archive.writestr(zipfile.ZipInfo(f"{base}-0/{path}", (2020, 1, 1, 0, 0, 0)), text)
    dist = {"type": "zip", "url": f"{index.url}/dist/{base}-{version}.zip", "reference": version, "shasum": ""}
    entry = {**about, "version_normalized": f"{version}.0", "dist": dist, "type": manifest.get("type", "library")}
    path = f"/p2/{name}.json"
    known = json.loads(index.files.get(path, b'{"packages": {}}'))["packages"].get(name, [])
    others = [each for each in known if each["version"] != version]
    index.files[path] = json.dumps({"packages": {name: [entry, *others]}}).encode()
    index.files[f"/dist/{base}-{version}.zip"] = buffer.getvalue()
    about_repository = {"packages": [], "metadata-url": "/p2/%package%.json"}
    index.files["/packages.json"] = json.dumps(about_repository).encode()


def publish_greeting(index: Index, version: str = "1.0.0", word: str = "hello") -> None:
    publish(index, "here/naming", "1.2.0", "namespace Here\\Naming; class Hello { const MARK = '!'; }")
    code = (
        f"namespace Here\\Greeting; class Hello {{ static function to($name) {{ return '{word} {version} ' . $name . "
    )
    code += "\\Here\\Naming\\Hello::MARK; } }"
    scripts = {"post-install-cmd": "touch /tmp/ran", "post-autoload-dump": "touch /tmp/ran"}
    publish(index, "here/greeting", version, code, require={"here/naming": "^1"}, scripts=scripts)


@pytest.mark.parametrize("level", extended_after_first(LEVELS), indirect=True)
async def test_script_gets_its_packages(shop: Shop) -> None:
    publish_greeting(shop.index)
    publish_greeting(shop.index, "1.1.0")
    publish_greeting(shop.index, "2.0.0")
    ran = await shop.run(SCRIPT, language="php", args={"name": "Ada"})
    assert ran.value == "hello 1.1.0 Ada!", ran.outcome
    lock = await shop.lock(SCRIPT, language="php")
    head = json.loads(lock.partition("//composer.lock\n")[0])
    assert head["require"] == {"here/greeting": "^1"} and set(head["sha256"]) == {"here/greeting", "here/naming"}
    found = locked_packages("php", lock)
    assert [(each.name, each.version) for each in found] == [("here/greeting", "1.1.0"), ("here/naming", "1.2.0")]
    publish_greeting(shop.index, "1.2.0")
    again = shop.restarted()
    assert await again.lock(SCRIPT, language="php") == lock
    error = await shop.run(SCRIPT.replace("Hello::to", "None::to"), language="php", args={"name": "Ada"})
    assert error.error == ("Error", 'Class "Here\\Greeting\\None" not found')
    unchecked = (
        json.dumps({"require": head["require"]}) + "\n//composer.lock\n" + lock.partition("//composer.lock\n")[2]
    )
    assert (await shop.run(SCRIPT, language="php", lock=unchecked, args={"name": "x"})).value == "hello 1.1.0 x!"
    assert "the deployed lock names no hashes" in shop.log.text


async def test_deployed_script_is_locked_and_runs(api: ApiHarness, index: Index, working: Worker) -> None:
    publish_greeting(index)
    running = asyncio.create_task(working.run())
    catalog = Catalog(api, working)
    digest = await catalog.deploy("u/admin/greet", SCRIPT, "php")
    assert "here/naming" in await catalog.locked(digest)
    assert await catalog.result("u/admin/greet", {"name": "Ada"}) == "hello 1.0.0 Ada!"
    working.drain()
    await running


async def test_package_changed_since_lock_is_rejected(shop: Shop) -> None:
    publish_greeting(shop.index)
    lock = await shop.lock(SCRIPT, language="php")
    publish_greeting(shop.index, word="evil")
    with pytest.raises(PackageError) as raised:
        await shop.restarted().provide(SCRIPT, language="php", workspace="other", lock=lock)
    assert raised.value.name == "lock_hash_mismatch", raised.value.message
    assert not (shop.runtimes.packages / "other" / "php").exists()


async def test_plugins_are_not_run(shop: Shop) -> None:
    code = "namespace Here\\Plugin; class Hello implements \\Composer\\Plugin\\PluginInterface {\n"
    for name in ("activate", "deactivate", "uninstall"):
        code += f"function {name}($composer, $io) {{ fwrite(STDERR, 'PLUGIN RAN'); exit(7); }}\n"
    more = {
        "type": "composer-plugin",
        "extra": {"class": "Here\\Plugin\\Hello"},
        "require": {"composer-plugin-api": "*"},
    }
    publish(shop.index, "here/plugin", "1.0.0", code + "}", **more)
    await shop.provide(SCRIPT.replace("greeting@^1", "plugin"), language="php")
    assert "PLUGIN RAN" not in shop.log.text


async def test_missing_package_and_malformed_lock(shop: Shop) -> None:
    publish_greeting(shop.index)
    for wanted in ("here/none", "here/greeting@^9"):
        with pytest.raises(PackageError) as raised:
            await shop.provide(SCRIPT.replace("here/greeting@^1", wanted), language="php")
        assert raised.value.name == "lock_failed" and wanted.partition("@")[0] in raised.value.message
    for lock in ("nonsense", '{"require": []}\n//composer.lock\n{}', '{"require": {}}\n//composer.lock\n'):
        with pytest.raises(PackageError) as raised:
            await shop.provide(SCRIPT, language="php", lock=lock)
        assert raised.value.name == "install_failed"


async def test_locks_contain_nothing_but_archives_of_servers(shop: Shop) -> None:
    """Anybody who writes a script can write its lock, but the cache of downloads is that of the whole workspace."""
    publish_greeting(shop.index)
    head, separator, rest = (await shop.lock(SCRIPT, language="php")).partition("//composer.lock\n")
    locked = json.loads(rest)
    naming = next(each for each in locked["packages"] if each["name"] == "here/naming")
    folder, repository = "/usr/share", {"type": "git", "url": "file:///usr/share/none", "reference": "x"}
    hostile: list[dict[str, object]] = [
        {"name": "../../cache/poison"},
        {"name": "here/folder", "dist": {"type": "path", "url": folder, "reference": "x"}},
        {"name": "here/file", "dist": {"type": "zip", "url": f"file://{folder}/x.zip", "reference": "x"}},
        {"name": "here/source", "dist": None, "source": repository},
    ]
    for change in hostile:
        packages = [*locked["packages"], {**naming, "autoload": {}, **change}]
        text = f"{json.dumps({'require': json.loads(head)['require']})}\n{separator}"
        with pytest.raises(PackageError) as raised:
            await shop.provide(SCRIPT, language="php", lock=text + json.dumps({**locked, "packages": packages}))
        assert raised.value.name == "install_failed" and "lock" in raised.value.message, change
        assert not (shop.runtimes.packages / "main" / ".cache" / "poison").exists()


async def test_credentials_of_the_repository_are_unseen(shop: Shop) -> None:
    """The repository receives them; locks, logs, errors and the files that jobs read do not contain them."""
    publish_greeting(shop.index)
    other = shop.restarted(composer_repository=shop.index.url.replace("//", "//me:sesame%2B42@"))
    package = await other.provide(SCRIPT, language="php")
    with pytest.raises(PackageError) as raised:
        await other.provide(SCRIPT.replace("greeting", "missing"), language="php")
    files = [each.read_text(errors="replace") for each in shop.folder(package).rglob("*") if each.is_file()]
    for text in (await other.lock(SCRIPT, language="php"), raised.value.message, other.log.text, *files):
        assert "sesame" not in text
    assert f"Basic {b64encode(b'me:sesame+42').decode()}" in shop.index.logins
