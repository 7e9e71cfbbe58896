"""A DBOS application: a workflow of light Python steps behind a minimal HTTP server.

Runs in the peer's environment. Argument: the port.
`DBOS_SYSTEM_DATABASE_URL` is the URL of its database. Prints `ready` once it listens.
"""

import json
import os
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from dbos import DBOS, DBOSConfig


def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@DBOS.step()
def step(n: int) -> int:
    return fib(n)


@DBOS.workflow()
def chain(steps: int) -> int:
    return sum(step(10) for _ in range(steps))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self) -> None:
        steps = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(chain(steps)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Suppress the log line of a request."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address


config: DBOSConfig = {
    "name": "chain",
    "system_database_url": os.environ["DBOS_SYSTEM_DATABASE_URL"],
    "log_level": "ERROR",
}
DBOS(config=config)
DBOS.launch()
server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
print("ready", flush=True)
server.serve_forever()
