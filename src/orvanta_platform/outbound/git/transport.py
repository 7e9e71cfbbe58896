"""Connection to a repository: HTTP to checked addresses, or a folder of this machine.

The HTTP client connects to the addresses that the server process has checked, never to the name again. It follows no
redirects, uses no proxies, and reads no configuration of the user.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from dulwich.client import AbstractHttpGitClient, GitClient, LocalGitClient
from dulwich.config import ConfigFile
from dulwich.repo import Repo

from orvanta_platform.outbound.git import limits
from orvanta_platform.outbound.git.messages import GitFault, Remote

_TLS: Final = "https"
_CONFIG: Final = "config"
_MAX_CONFIG: Final = 1 << 20
_FORMAT: Final = b"repositoryformatversion"
_SLACK: Final = 8 << 20
"""Size of answers in addition to the pack: names of branches and reports."""


def open_remote(remote: Remote) -> tuple[GitClient, str]:
    """Return the client of a remote and the path that it uses. Raises GitFault."""
    parts = urlsplit(remote.url)
    if parts.scheme == "file":
        return _LocalClient(), str(_folder(unquote(parts.path)))
    return HttpClient(remote), ""


def _folder(path: str) -> Path:
    """Return the folder of a bare repository that stores its objects itself. Raises GitFault, also for a link: the
    server process has followed those that were there.
    """
    folder = Path(path)
    if folder.resolve() != folder or not (folder / "objects").is_dir() or not (folder / "HEAD").is_file():
        raise GitFault("repository_not_found", "The folder is not a bare repository.")
    for each in ("commondir", "gitdir", "objects/info/alternates", "objects/info/http-alternates"):
        if (folder / each).exists():
            raise limits.refused("The repository refers to objects in other folders.")
    if any(each.is_symlink() for each in folder.iterdir()):
        raise limits.refused("Parts of the repository are links to other folders.")
    return folder


class _LocalClient(LocalGitClient):
    """Client for a folder of this machine."""

    @classmethod
    def _open_repo(cls, path: str | bytes) -> closing[Repo]:
        return closing(_LocalRepository(path, bare=True))


class _LocalRepository(Repo):
    """Bare repository of whose configuration only the format is read.

    The other settings could include further files and name a worktree.
    """

    def get_config(self) -> ConfigFile:
        """Return the version of the format and its extensions."""
        config = ConfigFile()
        path = Path(self.commondir()) / _CONFIG
        if not path.is_file():
            return config
        if path.stat().st_size > _MAX_CONFIG:
            raise limits.too_large("The configuration of the repository is too large", _MAX_CONFIG)
        with path.open("rb") as file:
            stored = ConfigFile.from_file(file, expand_includes=False)
        for section, name, value in _formats(stored):
            config.set(section, name, value)
        return config


def _formats(config: ConfigFile) -> list[tuple[bytes, bytes, bytes]]:
    """Return the settings of a configuration that determine how a repository is read."""
    return [
        (section, name, value)
        for section, names in ((b"core", {_FORMAT}), (b"extensions", None))
        if config.has_section((section,))
        for name, value in config.items((section,))
        if names is None or name.lower() in names
    ]


class HttpClient(AbstractHttpGitClient):
    """Client for one repository on one server."""

    def __init__(self, remote: Remote) -> None:
        super().__init__(remote.url, thin_packs=False, quiet=True)
        self._remote = remote
        self._left = limits.PACK + _SLACK
        self.config = None

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterable[bytes] | None = None,
        raise_for_status: bool = True,
    ) -> tuple[Any, Callable[[int], bytes]]:
        parts, own = urlsplit(url), urlsplit(self._remote.url)
        if (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
            raise limits.refused("The server refers to another server.")
        connection = _Connection(self._remote)
        body = data if data is None or isinstance(data, bytes) else b"".join(data)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        sent = {**(headers or {}), **_credentials(self._remote), "User-Agent": "git/orvanta"}
        try:
            connection.request("GET" if body is None else "POST", target, body, sent)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise unreachable(error) from None
        _check_status(response.status)
        kind = response.getheader("Content-Type") or ""
        if not kind.startswith("application/x-git-"):
            raise GitFault("repository_not_found", "The URL is not that of a Git repository.")
        return _Response(response, connection, kind), self._reader(response)

    def _reader(self, response: http.client.HTTPResponse) -> Callable[[int], bytes]:
        def read(size: int) -> bytes:
            try:
                found = response.read(size)
            except (OSError, http.client.HTTPException) as error:
                raise unreachable(error) from None
            self._left -= len(found)
            if self._left < 0:
                raise limits.too_large("The repository is too large", limits.PACK)
            return found

        return read


class _Response:
    """The parts of a response that the client uses."""

    redirect_location = None

    def __init__(self, response: http.client.HTTPResponse, connection: http.client.HTTPConnection, kind: str) -> None:
        self._response, self._connection = response, connection
        self.content_type = kind
        self.status = response.status

    def close(self) -> None:
        self._response.close()
        self._connection.close()


class _Connection(http.client.HTTPConnection):
    """Connection to the checked addresses; with TLS, the certificate is that of the name."""

    def __init__(self, remote: Remote) -> None:
        parts = urlsplit(remote.url)
        self._is_encrypted = parts.scheme == _TLS
        self.default_port = 443 if self._is_encrypted else 80
        super().__init__(parts.hostname or "", parts.port or self.default_port, timeout=limits.REQUEST_S)
        self._addresses = remote.addresses

    def connect(self) -> None:
        """Connect to the first address that responds. Raises OSError."""
        for each in self._addresses[:-1]:
            try:
                self.sock = socket.create_connection((each, self.port), limits.CONNECT_S)
                break
            except OSError:
                continue
        else:
            self.sock = socket.create_connection((self._addresses[-1], self.port), limits.CONNECT_S)
        if self._is_encrypted:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
        self.sock.settimeout(limits.REQUEST_S)


def _credentials(remote: Remote) -> dict[str, str]:
    if remote.token is None:
        return {}
    pair = f"{remote.username or 'git'}:{remote.token}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _check_status(status: int) -> None:
    if status in (401, 403):
        raise GitFault("repository_login_failed", f"The server does not accept the credentials (status {status}).")
    if status == 404:
        raise GitFault("repository_not_found", "The repository does not exist, or the credentials cannot read it.")
    if 300 <= status < 400:
        raise limits.refused("The server redirects to another URL. Bind the workspace to that URL.")
    if status != 200:
        raise GitFault("repository_unreachable", f"The server answered with status {status}.")


def unreachable(error: Exception) -> GitFault:
    """Return the error for a server that cannot be reached. Only its kind is shown."""
    if isinstance(error, TimeoutError):
        return GitFault("repository_unreachable", "The server did not answer in time.")
    if isinstance(error, ssl.SSLCertVerificationError):
        return GitFault("repository_unreachable", "The certificate of the server is not valid.")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return GitFault("repository_unreachable", f"The server cannot be reached: {limits.line_of(reason, 200)}.")
