"""Web server that serves the editor from another origin, as described in docs/how-to/operate/editor.md."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NAMES_API = '<meta name="orvanta-api" content="'


class OtherServer(ThreadingHTTPServer):
    """Serves the files of a folder; for all other paths, its index.html with the address of the API."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.origin = f"http://127.0.0.1:{self.server_port}"
        self.api = ""


class _Handler(SimpleHTTPRequestHandler):
    server: OtherServer

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, directory=str(args[2].folder))

    def do_GET(self) -> None:
        if self.path != "/" and Path(self.translate_path(self.path)).is_file():
            super().do_GET()
            return
        page = (self.server.folder / "index.html").read_text().replace(NAMES_API, NAMES_API + self.server.api, 1)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[OtherServer]:
    """Run the server until the end of the block."""
    with OtherServer(folder) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
