"""Local package indexes for uv and bun, and functions that create packages."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Index:
    """Served files by path, and requested paths."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    logins: set[str | None] = field(default_factory=set)
    """Headers `Authorization` of the requests."""
    port: int = 0
    _python: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _npm: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def python(self) -> str:
        """URL for ORVANTA_PYTHON_INDEX."""
        return f"{self.url}/simple"

    def publish(self, name: str, filename: str, body: bytes) -> None:
        """Add a file of a Python distribution."""
        self._python.setdefault(name, {})[filename] = body
        self.files[f"/files/{filename}"] = body
        links = "".join(
            f'<a href="{self.url}/files/{each}#sha256={hashlib.sha256(data).hexdigest()}">{each}</a>'
            for each, data in self._python[name].items()
        )
        self.files[f"/simple/{name}/"] = f"<html><body>{links}</body></html>".encode()

    def publish_npm(self, name: str, version: str, body: bytes) -> None:
        """Add a version of an npm package."""
        path = f"/tarballs/{name}-{version}.tgz"
        self.files[path] = body
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(body).digest()).decode()
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            manifest = json.load(archive.extractfile("package/package.json"))  # type: ignore[arg-type]
        versions = self._npm.setdefault(name, {})
        versions[version] = {**manifest, "dist": {"tarball": self.url + path, "integrity": integrity}}
        document = {"name": name, "dist-tags": {"latest": version}, "versions": versions}
        self.files[f"/{name.replace('/', '%2f')}"] = self.files[f"/{name}"] = json.dumps(document).encode()

    def publish_go(self, path: str, version: str, files: Mapping[str, str]) -> None:
        """Add a version of a Go module; its go.mod is one of `files`."""
        self.files |= go_module(path, version, files)
        versions = self.files.get(f"/{path}/@v/list", b"")
        self.files[f"/{path}/@v/list"] = versions + f"{version}\n".encode()


@contextmanager
def serving() -> Iterator[Index]:
    """Serve an index until the end of the block."""
    index = Index()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self, *, whole: bool = True) -> None:
            path = self.path.partition("?")[0]
            index.asked.append(path)
            index.logins.add(self.headers["Authorization"])
            body = index.files.get(path)
            self.send_response(200 if body is not None else 404)
            kind = "text/html" if path.startswith("/simple") else "application/json"
            self.send_header("Content-Type", "application/octet-stream" if "." in path else kind)
            self.send_header("Cache-Control", "max-age=3600, immutable" if path.startswith("/files") else "no-cache")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            if whole:
                self.wfile.write(body or b"")

        def do_HEAD(self) -> None:
            self.do_GET(whole=False)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    index.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def wheel(
    name: str,
    version: str,
    files: Mapping[str, str],
    *,
    requires: tuple[str, ...] = (),
    compression: int = zipfile.ZIP_STORED,
) -> tuple[str, bytes]:
    """Return the file name and content of a pure wheel; a file named `link:<path>` becomes a symbolic link."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(
        f"Requires-Dist: {each}\n" for each in requires
    )
    whole = {
        **files,
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path.removeprefix('link:')},,\n" for path in whole) + f"{info}/RECORD,,\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in {**whole, f"{info}/RECORD": record}.items():
            entry = zipfile.ZipInfo(path.removeprefix("link:"), (2020, 1, 1, 0, 0, 0))
            entry.compress_type = compression
            entry.external_attr = (0o120777 if path.startswith("link:") else 0o100644) << 16
            archive.writestr(entry, text)
    return f"{name}-{version}-py3-none-any.whl", buffer.getvalue()


def source_distribution(name: str, version: str, setup: str) -> tuple[str, bytes]:
    """Return the file name and content of a source distribution, which is built by running `setup`."""
    files = {
        "setup.py": setup,
        "PKG-INFO": f"Metadata-Version: 1.1\nName: {name}\nVersion: {version}\n",
        f"{name}.py": "",
    }
    return f"{name}-{version}.tar.gz", tarball(files, f"{name}-{version}")


def tarball(files: Mapping[str, str], top: str = "package", links: Mapping[str, str] | None = None) -> bytes:
    """Return a gzipped tar archive of files and symbolic links below `top`."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{top}/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
        for path, target in (links or {}).items():
            entry = tarfile.TarInfo(f"{top}/{path}")
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return buffer.getvalue()


def npm(name: str, version: str, source: str, **manifest: Any) -> bytes:
    """Return an npm package whose main file has the text `source`."""
    whole = {"name": name, "version": version, "main": "index.js", **manifest}
    return tarball({"package.json": json.dumps(whole), "index.js": source})


def go_module(path: str, version: str, files: Mapping[str, str]) -> dict[str, bytes]:
    """Return the files of a module proxy for a version of a Go module, by path. `files` include its go.mod."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"{path}@{version}/{name}", (2020, 1, 1, 0, 0, 0)), text)
    about = {"Version": version, "Time": "2024-01-01T00:00:00Z"}
    return {
        f"/{path}/@v/{version}.info": json.dumps(about).encode(),
        f"/{path}/@v/{version}.mod": files["go.mod"].encode(),
        f"/{path}/@v/{version}.zip": buffer.getvalue(),
    }
