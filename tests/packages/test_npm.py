"""Packages of TypeScript scripts: imports with and without versions, locked and installed by Bun."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from contextlib import suppress

import pytest
from tests.packages.conftest import Shop
from tests.packages.indexes import npm, tarball
from tests.selection import extended_after_first
from tests.worker.jobs import LEVELS

from orvanta_platform.worker.packages.store import PackageError
from orvanta_platform.workflow.requirements import locked_packages

pytestmark = pytest.mark.extended

SCRIPT = 'import { hello } from "greeting";\nexport function main() { return hello }\n'


def publish(shop: Shop, version: str = "1.0.0", source: str | None = None) -> None:
    """Publish `greeting`, which requires `@here/naming`."""
    shop.index.publish_npm("@here/naming", "2.0.0", npm("@here/naming", "2.0.0", "exports.name = 'world'"))
    text = source or f"exports.hello = 'hello {version} ' + require('@here/naming').name"
    shop.index.publish_npm("greeting", version, npm("greeting", version, text, dependencies={"@here/naming": "^2"}))


def installed(shop: Shop, package: str | None, name: str) -> dict[str, str]:
    manifest: dict[str, str] = json.loads((shop.folder(package) / "node_modules" / name / "package.json").read_text())
    return manifest


@pytest.mark.parametrize("level", extended_after_first(LEVELS), indirect=True)
async def test_script_gets_its_packages(shop: Shop) -> None:
    publish(shop)
    assert (await shop.run(SCRIPT, language="bun")).value == "hello 1.0.0 world"
    package = await shop.provide(SCRIPT, language="bun")
    assert installed(shop, package, "greeting")["version"] == "1.0.0"
    assert installed(shop, package, "@here/naming")["version"] == "2.0.0"
    lock = await shop.lock(SCRIPT, language="bun")
    manifest, separator, rest = lock.partition("//bun.lock\n")
    assert json.loads(manifest) == {"dependencies": {"greeting": "latest"}} and separator
    assert "greeting@1.0.0" in rest and rest.count("sha512-") == 2
    found = locked_packages("bun", lock)
    assert [(each.name, each.version) for each in found] == [("@here/naming", "2.0.0"), ("greeting", "1.0.0")]


async def test_client_in_lock_of_another_tool_is_the_provided_one(shop: Shop) -> None:
    publish(shop)
    shop.index.publish_npm("windmill-client", "1.1.0", npm("windmill-client", "1.1.0", "exports.old = true"))
    content = SCRIPT.replace("return hello", "return [hello, 'old' in client, 'setState' in client]")
    required = 'import * as client from "windmill-client@1.1.0";\n' + content
    lock = await shop.lock(required, language="bun")
    assert (await shop.run(required, language="bun", lock=lock)).value == ["hello 1.0.0 world", True, False]
    other = 'import * as client from "windmill-client";\n' + content
    assert (await shop.run(other, language="bun", lock=lock)).value == ["hello 1.0.0 world", False, True]


async def test_import_may_name_version(shop: Shop) -> None:
    publish(shop)
    publish(shop, "1.5.0")
    publish(shop, "2.0.0")
    content = 'import { hello } from "greeting@^1.0.0/index.js";\nexport function main() { return hello }'
    package = await shop.provide(content, language="bun")
    assert installed(shop, package, "greeting")["version"] == "1.5.0"
    named = shop.folder(package) / "node_modules" / "greeting@^1.0.0"
    assert os.readlink(named) == "greeting" and (named / "index.js").is_file()
    assert (await shop.run(content, language="bun")).value == "hello 1.5.0 world"


async def test_locked_script_is_reproducible(shop: Shop) -> None:
    publish(shop)
    first = await shop.lock(SCRIPT, language="bun")
    publish(shop, "1.1.0")
    again = shop.restarted()
    assert await again.lock(SCRIPT, language="bun") == first
    assert installed(shop, await again.provide(SCRIPT, language="bun"), "greeting")["version"] == "1.0.0"


@pytest.mark.parametrize("name", ["greeting", "esbuild"])
async def test_scripts_of_an_install_are_not_run(shop: Shop, name: str) -> None:
    """Install scripts of packages that Bun trusts by name, or that the caller's lock trusts, are not run."""
    scripts = dict.fromkeys(("preinstall", "install", "postinstall"), "echo INSTALL SCRIPT RAN; touch ran")
    shop.index.publish_npm(name, "1.0.0", npm(name, "1.0.0", "", scripts=scripts))
    script = f'import "{name}"'
    packages = [await shop.provide(script, language="bun")]
    lock = await shop.lock(script, language="bun")
    trusting = lock.replace('  "packages": {', f'  "trustedDependencies": ["{name}"],\n  "packages": {{')
    assert trusting != lock
    trusting = trusting.replace("{", f'{{ "trustedDependencies": ["{name}"],', 1)
    packages.append(await shop.provide(script, language="bun", lock=trusting))
    assert "INSTALL SCRIPT RAN" not in shop.log.text
    for package in packages:
        assert not list(shop.folder(package).rglob("ran"))


async def test_package_changed_since_lock_is_rejected(shop: Shop) -> None:
    publish(shop)
    await shop.lock(SCRIPT, language="bun")
    evil = npm("greeting", "1.0.0", "exports.hello = 'evil'", dependencies={"@here/naming": "^2"})
    shop.index.files["/tarballs/greeting-1.0.0.tgz"] = evil
    with pytest.raises(PackageError) as raised:
        await shop.restarted().provide(SCRIPT, language="bun", workspace="other")
    assert raised.value.name == "lock_hash_mismatch", raised.value.message
    assert not (shop.runtimes.packages / "other" / "bun-2").exists()


async def test_tarball_with_outside_path(shop: Shop) -> None:
    manifest = json.dumps({"name": "greeting", "version": "1.0.0"})
    body = tarball(
        {"package.json": manifest, "index.js": ""}, links={"out": "../../../../../etc", "abs": "/etc/passwd"}
    )
    shop.index.publish_npm("greeting", "1.0.0", body)
    with suppress(PackageError):
        package = await shop.provide(SCRIPT, language="bun")
        links = [each for each in shop.folder(package).rglob("*") if each.is_symlink()]
        assert [os.readlink(each) for each in links] == ["greeting"], "none but the name with the version"


async def test_missing_package(shop: Shop) -> None:
    with pytest.raises(PackageError, match="missing-thing") as raised:
        await shop.provide('import "missing-thing"', language="bun")
    assert str(raised.value).startswith("The package index has no package missing-thing. Check the spelling")
    assert raised.value.name == "lock_failed"


async def test_malformed_lock(shop: Shop) -> None:
    with pytest.raises(PackageError) as raised:
        await shop.provide(SCRIPT, language="bun", lock="nonsense")
    assert raised.value.name == "install_failed"


async def test_locks_read_no_folder_of_the_machine(shop: Shop) -> None:
    """The cache of the workspace contains the packages of all scripts, which jobs do not see."""
    publish(shop)
    head, separator, rest = (await shop.lock(SCRIPT, language="bun")).partition("//bun.lock\n")
    folder = '{"dependencies": {"x": "file:/output/cache"}}', "x@file:/output/cache"
    for manifest, added in (
        (folder[0], f'"x": ["{folder[1]}", {{}}],'),
        (folder[0], '"x": ["x@\\u0066ile:/output/cache", {}],'),
        (folder[0], f'"x": ["{folder[1]}", {{}}], "x": ["x@1.0.0", ""],'),
        (head, '"x": ["x@link:/output/cache", {}],'),
        (head, '"x": ["x@git+https://127.0.0.1/x#--output=/output/cache/x", {}, ""],'),
        (head, '"x": ["x@/output/cache/x.tgz", {}],'),
        (head, f'}}, "patchedDependencies": {{"greeting@1.0.0": "{folder[1]}"'),
    ):
        lines = rest.replace('"greeting": "latest"', '"x": "file:/output/cache"') if manifest == folder[0] else rest
        end = lines.rindex("}", 0, lines.rindex("}"))
        with pytest.raises(PackageError, match="lock") as raised:
            await shop.provide(SCRIPT, language="bun", lock=f"{manifest}\n{separator}{lines[:end]}{added}{lines[end:]}")
        assert raised.value.name == "install_failed", added


async def test_forged_lock_changes_no_packages_of_others(shop: Shop) -> None:
    """Bun stores a package of any address under its name and version, and checks only what it downloads."""
    publish(shop)
    head, separator, _ = (await shop.lock(SCRIPT, language="bun")).partition("//bun.lock\n")
    evil = npm("greeting", "1.0.0", "exports.hello = 'evil'")
    shop.index.files["/evil.tgz"] = evil
    digest = "sha512-" + base64.b64encode(hashlib.sha512(evil).digest()).decode()
    entry = ["greeting@1.0.0", f"{shop.index.url}/evil.tgz", {}, digest]
    workspaces = {"": {"dependencies": {"greeting": "latest"}}}
    forged = json.dumps({"lockfileVersion": 1, "workspaces": workspaces, "packages": {"greeting": entry}})
    assert (await shop.run(SCRIPT, language="bun", lock=f"{head}{separator}{forged}")).value == "evil"
    assert (await shop.run(SCRIPT, language="bun")).value == "hello 1.0.0 world"
