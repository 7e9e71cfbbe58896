"""Gems of Ruby scripts, locked and downloaded by Bundler from a local source."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.packages.conftest import Shop
from tests.selection import extended_after_first
from tests.worker.jobs import LEVELS

from orvanta_platform.worker.packages.store import PackageError
from orvanta_platform.worker.runtimes.manifest import PATH
from orvanta_platform.workflow.requirements import locked_packages

pytestmark = pytest.mark.extended

SCRIPT = """require "bundler/inline"

gemfile do
  source "https://rubygems.org"
  gem "here-greeting", "~> 1.0", require: "here/greeting"
end

def main(name:)
  Here.greet(name)
end
"""


@pytest.fixture
def home(home: Path) -> Path:
    missing = [name for name in ("ruby", "bundle", "gem") if shutil.which(name, path=PATH) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")
    return home


class Source:
    """A source of gems, which are built in a folder and served by the index of a shop."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.files = shop.index.files
        self.folder = folder
        self.lines: dict[str, list[str]] = {}

    def publish(self, name: str, version: str, code: str, needs: str = "", more: str = "") -> None:
        """Add a gem whose only file, lib/<name with slashes>.rb, contains `code`; `needs`: name:range of a gem."""
        place = self.folder / f"{name}-{version}"
        file = place / "lib" / f"{name.replace('-', '/')}.rb"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)
        dependency = f"s.add_dependency({', '.join(map(repr, needs.split(':')))});" if needs else ""
        about = (
            f"s.name = {name!r}; s.version = {version!r}; s.summary = 's'; s.authors = ['a']; s.files = Dir['**/*.rb'];"
        )
        (place / "x.gemspec").write_text(f"Gem::Specification.new {{ |s| {about} {dependency} {more} }}\n")
        built = place / "built.gem"
        command = ["gem", "build", "--quiet", "--force", "--output", str(built), "x.gemspec"]
        subprocess.run(command, cwd=place, check=True, capture_output=True, env={"PATH": PATH, "HOME": str(place)})
        self.files[f"/gems/{name}-{version}.gem"] = built.read_bytes()
        digest = hashlib.sha256(built.read_bytes()).hexdigest()
        lines = [each for each in self.lines.get(name, []) if not each.startswith(f"{version} ")]
        self.lines[name] = [*lines, f"{version} {needs}|checksum:{digest}\n"]
        versions = "created_at: 2024-01-01T00:00:00Z\n---\n"
        for each, known in self.lines.items():
            info = f"---\n{''.join(known)}".encode()
            self.files[f"/info/{each}"] = info
            numbers = ",".join(line.partition(" ")[0] for line in known)
            versions += f"{each} {numbers} {hashlib.md5(info, usedforsecurity=False).hexdigest()}\n"
        self.files["/versions"] = versions.encode()


@pytest.fixture
def source(shop: Shop, tmp_path: Path) -> Source:
    made = Source(shop, tmp_path)
    made.publish("here-naming", "1.2.0", "module Here; MARK = '!'; end\n")
    greeting(made, "1.0.0")
    return made


def greeting(source: Source, version: str, word: str = "hello") -> None:
    code = f"require 'here/naming'\nmodule Here; def self.greet(name) = \"{word} {version} #{{name}}#{{MARK}}\"; end\n"
    source.publish("here-greeting", version, code, "here-naming:~> 1")


@pytest.mark.parametrize("level", extended_after_first(LEVELS), indirect=True)
async def test_script_gets_its_gems(shop: Shop, source: Source) -> None:
    for version in ("1.1.0", "2.0.0"):
        greeting(source, version)
    ran = await shop.run(SCRIPT, language="ruby", args={"name": "Ada"})
    assert ran.value == "hello 1.1.0 Ada!", ran.outcome
    lock = await shop.lock(SCRIPT, language="ruby")
    head, _, rest = lock.partition("//Gemfile.lock\n")
    assert json.loads(head) == {"gems": {"here-greeting": ["~> 1.0"]}} and rest.count("sha256=") == 2
    found = [(each.name, each.version) for each in locked_packages("ruby", lock)]
    assert found == [("here-greeting", "1.1.0"), ("here-naming", "1.2.0")]
    assert "remote: https://rubygems.org/\n" in rest and shop.index.url not in rest
    greeting(source, "1.2.0")
    again = shop.restarted()
    assert await again.lock(SCRIPT, language="ruby") == lock
    unread = SCRIPT.replace('"here/greeting"', "false").replace("bundler/inline", "windmill/inline")
    ran = await shop.run(unread, language="ruby", lock=lock, args={"name": "Ada"})
    assert ran.error == ("NameError", "uninitialized constant Here")
    named = SCRIPT.replace(', require: "here/greeting"', "")
    assert (await shop.run(named, language="ruby", lock=lock, args={"name": "x"})).value == "hello 1.1.0 x!"


async def test_gem_changed_since_lock_is_rejected(shop: Shop, source: Source) -> None:
    lock = await shop.lock(SCRIPT, language="ruby")
    greeting(source, "1.0.0", "evil")
    with pytest.raises(PackageError) as raised:
        await shop.restarted().provide(SCRIPT, language="ruby", workspace="other", lock=lock)
    assert raised.value.name == "lock_hash_mismatch", raised.value.message
    assert not (shop.runtimes.packages / "other" / "ruby").exists()


async def test_extensions_are_not_compiled(shop: Shop, source: Source, tmp_path: Path) -> None:
    """A gem with an extension is refused; Ruby's own version of it is used if there is one."""
    for name in ("here-native", "json"):
        extension = tmp_path / f"{name}-9.0.0" / "ext" / "extconf.rb"
        extension.parent.mkdir(parents=True)
        extension.write_text("$stderr.puts('EXTENSION RAN')\nexit 7\n")
        source.publish(name, "9.0.0", "module Here; end\n", more="s.extensions = ['ext/extconf.rb'];")
    with pytest.raises(PackageError, match=r"here-native-9\.0\.0 has an extension to compile"):
        await shop.provide(SCRIPT.replace("here-greeting", "here-native").replace("~> 1.0", "~> 9"), language="ruby")
    own = SCRIPT.replace('"here-greeting", "~> 1.0", require: "here/greeting"', '"json"')
    ran = await shop.run(own.replace("Here.greet(name)", "JSON::VERSION"), language="ruby", args={"name": "x"})
    assert ran.value != "9.0.0" and "EXTENSION RAN" not in shop.log.text


async def test_missing_gem_and_malformed_lock(shop: Shop, source: Source) -> None:
    for wanted in ('"none-such"', '"here-greeting", "~> 9"'):
        with pytest.raises(PackageError) as raised:
            await shop.provide(SCRIPT.replace('"here-greeting", "~> 1.0"', wanted), language="ruby")
        assert raised.value.name == "lock_failed" and wanted.split('"')[1] in raised.value.message
    lock = await shop.lock(SCRIPT, language="ruby")
    head, separator, rest = lock.partition("//Gemfile.lock\n")
    path = f"{head}{separator}PATH\n  remote: /etc\n  specs:\n    x (1.0)\n\n{rest}"
    lines = path.replace("PATH\n", "PATH\r\n")
    for wrong in ("nonsense", path, lines, lock.partition("CHECKSUMS")[0]):
        with pytest.raises(PackageError) as raised:
            await shop.provide(SCRIPT, language="ruby", lock=wrong)
        assert raised.value.name == "install_failed", raised.value.message
        assert "PATH" not in wrong or "must contain only gems" in raised.value.message, raised.value.message
