"""Server of `orvanta up`, which sets up the database before it serves for the first time."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import IO, Any

from orvanta_platform.embedded.child_processes import ChildProcess
from orvanta_platform.errors import OrvantaError


class StartFailed(OrvantaError):
    """A component exited before the platform was ready; its output has the reason."""

    code = "start_failed"


@dataclass(frozen=True, slots=True)
class SetupResult:
    """Access to the installation: `link` sets the first password (None if it is set), `token_file` contains a
    token.
    """

    link: str | None
    token_file: str


class ServerProcess(ChildProcess):
    """Process `orvanta server`. Only the first one sets up the database, and reports that in lines of JSON."""

    def __init__(self) -> None:
        super().__init__("server")
        self._reports: IO[str] | None = None

    def load(self) -> None:
        """Start the process; the first one also sets up the database."""
        if self._reports is not None:
            super().load()
            return
        read, write = os.pipe()
        self._reports = os.fdopen(read)
        try:
            self._load({"--setup-fd": write})
        finally:
            os.close(write)

    def await_schema(self) -> None:
        """Wait until the server listens and the tables are up to date.

        Raises StartFailed, and the errors of the set-up.
        """
        self._read()

    def await_setup(self) -> SetupResult:
        """Wait until the set-up is complete; the server then begins to serve. Raises like `await_schema`."""
        result = SetupResult(**self._read())
        assert self._reports is not None
        self._reports.close()
        return result

    def _read(self) -> dict[str, Any]:
        assert self._reports is not None
        line = self._reports.readline()
        if not line:
            raise StartFailed("The database could not be set up.", hint="The lines above have the reason.")
        document: dict[str, Any] = json.loads(line)
        if "error" in document:
            error = document["error"]
            raise OrvantaError(error["message"], hint=error["hint"], details=error["details"])
        return document
