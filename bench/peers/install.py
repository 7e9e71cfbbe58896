"""Installation of peers into a separate folder: a virtual environment by uv, programs from npm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from uv import find_uv_bin

from bench.bars import Options

_PATIENCE_S = 600
_KEPT = ("PATH", "HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS")
_KEPT_STARTS = ("UV_", "PIP_", "NPM_CONFIG_", "npm_config_")
_KEPT_ENDS = ("_proxy", "_PROXY")


class PeerMissing(Exception):
    """The peer cannot be installed or started here; the message gives the reason."""


def environment() -> dict[str, str]:
    """Return the environment of an installer: only settings of package sources."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(_KEPT_STARTS) or name.endswith(_KEPT_ENDS)
    }


def python(options: Options, name: str, packages: Sequence[str]) -> tuple[Path, dict[str, str]]:
    """Return the interpreter of an environment with these packages, and their versions. Raises PeerMissing."""
    folder = _folder(options) / name
    program = folder / "bin" / "python"
    versions = _versions(program) if program.exists() else None
    if versions is None or not versions.keys() >= set(packages):
        options.say(f"  installing {' and '.join(packages)}")
        _run([find_uv_bin(), "venv", "--quiet", "--clear", "--python", sys.executable, folder])
        if packages:
            _run([find_uv_bin(), "pip", "install", "--quiet", "--system-certs", "--python", program, *packages])
        versions = _versions(program)
    return program, {name: versions[name] for name in packages}


def _versions(program: Path) -> dict[str, str]:
    """Return the versions of the packages in the environment of an interpreter, by name."""
    listed = _run([find_uv_bin(), "pip", "list", "--quiet", "--format", "json", "--python", program])
    return {row["name"]: row["version"] for row in json.loads(listed)}


def npm(options: Options, package: str) -> tuple[Path, str]:
    """Return the folder of npm packages, which includes this one, and its version. Raises PeerMissing."""
    folder = _folder(options) / "npm"
    described = folder / "node_modules" / package / "package.json"
    if not described.exists():
        program = shutil.which("npm")
        if program is None:
            raise PeerMissing("npm is not installed")
        options.say(f"  installing {package}")
        folder.mkdir(exist_ok=True)
        # npm 11.19 hangs with --prefix.
        _run([program, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", package], folder)
    return folder / "node_modules", json.loads(described.read_text())["version"]


def _folder(options: Options) -> Path:
    if options.peers is None:
        raise PeerMissing("no folder was given for peers")
    folder = options.peers.resolve()  # programs run in another folder
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run(command: Sequence[str | Path], folder: Path = Path("/")) -> str:
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, env=environment(), capture_output=True, text=True, timeout=_PATIENCE_S, check=False, cwd=folder
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerMissing(f"{Path(words[0]).name} failed: {error}") from None
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise PeerMissing(f"{Path(words[0]).name} {words[1]} failed: {last}")
    return done.stdout
