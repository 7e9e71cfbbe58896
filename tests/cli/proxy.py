"""TCP proxy in front of a server, whose connections a test can break."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator


class Proxy:
    """Listens on `port` and forwards connections to a server on loopback."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def cut(self) -> int:
        """Break all open connections and return their number. New connections are accepted."""
        with self._lock:
            for pair in self._pairs:
                _shut(*pair)
            return len(self._pairs)

    def close(self) -> None:
        """Stop listening, break all connections, and wait for the threads."""
        _shut(self._listener)
        self._threads[0].join()
        self._listener.close()
        self.cut()
        for thread in self._threads[1:]:
            thread.join()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            pair = near, socket.create_connection(("127.0.0.1", self._target))
            with self._lock:
                self._pairs.append(pair)
            self._start(self._serve, pair)

    def _serve(self, pair: tuple[socket.socket, socket.socket]) -> None:
        back = threading.Thread(target=_pass_on, args=pair[::-1], daemon=True)
        back.start()
        _pass_on(*pair)
        back.join()
        with self._lock:
            self._pairs.remove(pair)
        for each in pair:
            each.close()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    _shut(source, sink)


def _shut(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def to(url: str) -> Iterator[Proxy]:
    """Run a proxy for the server at this address."""
    proxy = Proxy(int(url.rpartition(":")[2]))
    try:
        yield proxy
    finally:
        proxy.close()
