"""Modules of Go scripts: imports with and without versions, locked and installed by Go from a local proxy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.go_compiler import provide_library
from tests.packages.conftest import Shop
from tests.packages.indexes import go_module
from tests.selection import extended_after_first
from tests.worker.jobs import LEVELS

from orvanta_platform.worker.packages.store import PackageError
from orvanta_platform.worker.runtimes.registry import BY_LANGUAGE
from orvanta_platform.workflow.requirements import locked_packages

pytestmark = pytest.mark.extended

SCRIPT = """package inner

import (
	"strings"

	"here.example/greeting/deep"
)

func main(name string) string { return strings.ToUpper(deep.Hello(name)) }
"""
NAMING = {"go.mod": "module here.example/naming\n\ngo 1.21\n", "naming.go": 'package naming\n\nconst Mark = "!"\n'}


@pytest.fixture
def home(home: Path, request: pytest.FixtureRequest) -> Path:
    if (missing := BY_LANGUAGE["go"].missing()) is not None:
        pytest.skip(missing)
    provide_library(home, request.getfixturevalue("compiled"))
    return home


def greeting(version: str, word: str = "hello") -> dict[str, str]:
    module = "module here.example/greeting\n\ngo 1.21\n\nrequire here.example/naming v1.2.0\n"
    code = f"""package deep

import "here.example/naming"

func Hello(name string) string {{ return "{word} {version} " + name + naming.Mark }}
"""
    return {"go.mod": module, "deep/deep.go": code}


def publish(shop: Shop, *versions: str) -> None:
    """Publish `here.example/greeting`, which requires `here.example/naming`."""
    shop.index.publish_go("here.example/naming", "v1.2.0", NAMING)
    for version in versions or ("v1.0.0",):
        shop.index.publish_go("here.example/greeting", version, greeting(version))


@pytest.mark.parametrize("level", extended_after_first(LEVELS), indirect=True)
async def test_script_is_compiled_with_its_modules(shop: Shop) -> None:
    publish(shop, "v1.0.0", "v1.1.0")
    lock = await shop.lock(SCRIPT, language="go")
    assert re.findall(r"here\.example/\w+ v[\d.]+ h1", lock) == [
        "here.example/greeting v1.1.0 h1",
        "here.example/naming v1.2.0 h1",
    ]
    assert [(each.name, each.version) for each in locked_packages("go", lock)] == [
        ("here.example/greeting", "v1.1.0"),
        ("here.example/naming", "v1.2.0"),
    ]
    package = await shop.provide(SCRIPT, language="go")
    names = {each.name for each in shop.folder(package).rglob("*")}
    assert "naming@v1.2.0" in names and "v1.1.0.zip" not in names
    pinned = SCRIPT.replace("import (", "//require here.example/greeting v1.0.0\nimport (")
    for content, version in ((SCRIPT, "V1.1.0"), (pinned, "V1.0.0")):
        ran = await shop.run(content, language="go", args={"name": "ada"})
        assert ran.value == f"HELLO {version} ADA!", ran.outcome
    asked = len(shop.index.asked)
    again = shop.restarted()
    assert await again.provide(SCRIPT, language="go") == package and len(shop.index.asked) == asked


async def test_module_changed_since_lock_is_rejected(shop: Shop) -> None:
    publish(shop)
    lock = await shop.lock(SCRIPT, language="go")
    shop.index.files |= go_module("here.example/greeting", "v1.0.0", greeting("v1.0.0", "evil"))
    with pytest.raises(PackageError) as raised:
        await shop.restarted().provide(SCRIPT, language="go", workspace="other", lock=lock)
    assert raised.value.name == "lock_hash_mismatch", raised.value.message
    assert not (shop.runtimes.packages / "other" / "go-modules").exists()


async def test_lock_of_another_tool(shop: Shop) -> None:
    """The module of a lock may have another name; one without hashes or with replaced modules is refused."""
    publish(shop)
    lock = (await shop.lock(SCRIPT, language="go")).replace("module orvanta", "module mymod")
    assert (await shop.run(SCRIPT, language="go", lock=lock, args={"name": "a"})).value == "HELLO V1.0.0 A!"
    module, separator, sums = lock.partition("//go.sum\n")
    sums = "".join(line for line in sums.splitlines(keepends=True) if "naming" in line)
    ran = await shop.run(SCRIPT, language="go", lock=f"{module}{separator}{sums}", args={"name": "a"})
    assert ran.error[0] == "CompileError" and "missing go.sum entry" in ran.error[1]
    replaced = [f"{module}{space}replace here.example/naming => /etc\n" for space in ("", "\r")]
    for wrong in ("nonsense", *(f"{each}{separator}" for each in replaced), f"{module}{separator}x"):
        with pytest.raises(PackageError) as raised:
            await shop.provide(SCRIPT, language="go", lock=wrong)
        assert raised.value.name == "install_failed", raised.value.message
        assert "replace" not in wrong or "must contain no replace" in raised.value.message, raised.value.message


async def test_missing_module_and_package(shop: Shop) -> None:
    publish(shop)
    for name, word in (("none.example/x", "no module none.example/x"), ("here.example/greeting/none", "none")):
        with pytest.raises(PackageError, match=word) as raised:
            await shop.provide(SCRIPT.replace("here.example/greeting/deep", name), language="go")
        assert raised.value.name == "lock_failed"
