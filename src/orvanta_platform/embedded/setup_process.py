"""Setup of a database in a separate process, so that no long-running process loads its code."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass

from orvanta_platform import settings as settings_module
from orvanta_platform.embedded.child_processes import spawn
from orvanta_platform.errors import OrvantaError
from orvanta_platform.settings import Settings


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


class SetupProcess:
    """Process `orvanta setup`. It is started early, to load its code while the database starts."""

    def __init__(self) -> None:
        read, self._secrets = os.pipe()
        try:
            self._process = spawn("setup", read, stdout=subprocess.PIPE)
        finally:
            os.close(read)

    def run(self, settings: Settings) -> SetupResult:
        """Set up the database of these settings. Raises StartFailed, and errors of the process as OrvantaError."""
        with os.fdopen(self._secrets, "w") as pipe:
            self._secrets = -1
            json.dump(settings_module.secrets(settings), pipe)
        output, _ = self._process.communicate()
        if not output:
            raise StartFailed("The database could not be set up.", hint="The lines above have the reason.")
        document = json.loads(output)
        if "error" in document:
            error = document["error"]
            raise OrvantaError(error["message"], hint=error["hint"], details=error["details"])
        return SetupResult(**document)

    def close(self) -> None:
        """Kill the process if it still runs."""
        if self._secrets >= 0:
            os.close(self._secrets)
        self._process.kill()
        self._process.wait()
