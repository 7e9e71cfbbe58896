"""Gems of Ruby scripts: locked by Bundler, which also downloads them, and unpacked by RubyGems. Standard library only.

A lock is JSON with the required gems, followed by a Gemfile.lock with checksums. An installed tree is a folder for
GEM_PATH. No code of a gem is run: one with an extension to compile is refused, unless Ruby itself contains that gem.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Final

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.packages.programs import OrderFailed, find, read, run, write
from orvanta_platform.workflow.lock_formats import GEMFILE_LOCK

_SOURCE: Final = "https://rubygems.org"
_REMOTE: Final = re.compile(r"^  remote: .*$", re.MULTILINE)
_SECTION: Final = re.compile(r"^[A-Z][A-Z ]*$", re.MULTILINE)
_KNOWN_SECTIONS: Final = frozenset({"GEM", "PLATFORMS", "DEPENDENCIES", "CHECKSUMS", "BUNDLED WITH", "RUBY VERSION"})
_CHECKSUM: Final = re.compile(
    r"^  (?P<name>\S+) \((?P<version>[^)\s]+)\) sha256=(?P<digest>[0-9a-f]{64})$", re.MULTILINE
)
_MISSING: Final = re.compile(r"Could not find gem '(\S+)")
_UNPACK: Final = """
require "fileutils"
require "rubygems/package"
tree = ARGV.shift
ARGV.each do |file|
  package = Gem::Package.new(file)
  spec = package.spec
  if "#{spec.full_name}.gem" != File.basename(file)
    warn "#{File.basename(file)} contains a gem of another name."
    exit 1
  end
  unless spec.extensions.empty?
    next unless Gem::Specification.stubs_for(spec.name).empty?
    warn "The gem #{spec.full_name} has an extension to compile, which is not available."
    exit 1
  end
  package.extract_files("#{tree}/gems/#{spec.full_name}")
  File.write("#{tree}/specifications/#{spec.full_name}.gemspec", spec.to_ruby)
end
"""


def lock(job: Job, order: dict[str, Any]) -> str:
    """Return the lock of the order's gems. Raises OrderFailed."""
    required = {name: [each for each in ranges.split(", ") if each] for name, ranges in order["packages"]}
    write("Gemfile", _gemfile(required))
    _run(job, [find(job, "bundle"), "lock", "--add-checksums"], "lock_failed")
    # The address of the source may contain a password, and differs between installations.
    text = _REMOTE.sub(f"  remote: {_SOURCE}/", read("Gemfile.lock"))
    return f"{json.dumps({'gems': required}, indent=2)}\n{GEMFILE_LOCK}{text}"


def install(job: Job, order: dict[str, Any]) -> None:
    """Install the gems of the order's lock. Raises OrderFailed."""
    # Bundler ends lines also at \r\n, and would read sections that the patterns here do not find.
    head, separator, text = order["lock"].replace("\r", "").partition(GEMFILE_LOCK)
    try:
        required = json.loads(head).get("gems")
    except (ValueError, AttributeError):
        separator = ""
    if not separator or not isinstance(required, dict):
        raise OrderFailed("install_failed", "the lock is not JSON with the required gems and a Gemfile.lock")
    unknown = next((each for each in _SECTION.findall(text) if each not in _KNOWN_SECTIONS), None)
    if unknown is not None:
        raise OrderFailed("install_failed", f"a lock must contain only gems of the source, not {unknown}")
    write("Gemfile", _gemfile(required))
    write("Gemfile.lock", _REMOTE.sub(lambda _: f"  remote: {_source()}/", text))
    _run(job, [find(job, "bundle"), "cache", "--no-install"], "install_failed", BUNDLE_FROZEN="true")
    files = sorted(str(each) for each in Path("vendor/cache").glob("*.gem"))
    _check(files, text)
    for name in ("gems", "specifications"):
        os.makedirs(f"{job.output}/tree/{name}")
    _run(job, [find(job, "ruby"), "-e", _UNPACK, "--", f"{job.output}/tree", *files], "install_failed")


def _check(files: list[str], lock: str) -> None:
    """Compare the downloaded gems with the checksums of a Gemfile.lock. Raises OrderFailed."""
    import hashlib  # large and rarely needed: imported here to keep it out of every cell

    digests = {f"{each['name']}-{each['version']}.gem": each["digest"] for each in _CHECKSUM.finditer(lock)}
    for file in files:
        name = os.path.basename(file)
        with open(file, "rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        if name not in digests:
            raise OrderFailed("install_failed", f"the lock has no checksum of {name}")
        if digests[name] != digest:
            raise OrderFailed("lock_hash_mismatch", f"{name} differs from what was locked")


def _source() -> str:
    return (os.environ.get("GEM_SOURCE") or _SOURCE).rstrip("/")


def _gemfile(required: dict[str, list[str]]) -> str:
    """Return a Gemfile; all values are texts, so that none of them is code."""
    gems = [f"gem {', '.join(map(_text, (name, *ranges)))}\n" for name, ranges in required.items()]
    return f"source {_text(_source())}\n{''.join(gems)}"


def _text(value: object) -> str:
    """Return a literal text of Ruby."""
    escaped = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _run(job: Job, words: list[str], failure: str, **more: str) -> None:
    environ = {
        **os.environ,
        "BUNDLE_APP_CONFIG": f"{job.folder}/bundle",
        "BUNDLE_GLOBAL_GEM_CACHE": "true",
        "BUNDLE_PATH": f"{job.folder}/gems",
        "BUNDLE_USER_CACHE": f"{job.output}/cache/bundle",
        "BUNDLE_USER_HOME": f"{job.folder}/bundle",
        **more,
    }
    code, output = run(words, environ)
    if not code:
        return
    if "checksum" in output.lower() and "match" in output.lower():
        raise OrderFailed("lock_hash_mismatch", f"the gems differ from what was locked: {output}")
    missing = _MISSING.search(output)
    advice = f"The source has no such gem {missing[1]}. Check its name.\n" if missing else ""
    raise OrderFailed(failure, f"{advice}{output or f'{os.path.basename(words[0])} ended with exit code {code}'}")
