"""The first steps on a database, in a process of their own: what they load stays in none that lasts."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass

from orvanta_platform import settings as settings_module
from orvanta_platform.embedded.parts import spawn
from orvanta_platform.errors import OrvantaError
from orvanta_platform.settings import Settings


class StartFailed(OrvantaError):
    """A part ended before the platform was ready; it has said why."""

    code = "start_failed"


@dataclass(frozen=True, slots=True)
class Prepared:
    """How to get in: `link` sets the first password (None: there is one), `token_file` holds a token."""

    link: str | None
    token_file: str


class Preparation:
    """The process `orvanta prepare`. Started early, it loads its code while the database starts."""

    def __init__(self) -> None:
        read, self._secrets = os.pipe()
        try:
            self._process = spawn("prepare", read, stdout=subprocess.PIPE)
        finally:
            os.close(read)

    def run(self, settings: Settings) -> Prepared:
        """Let it prepare the database of these settings. Raises StartFailed and what the steps raise, as told."""
        with os.fdopen(self._secrets, "w") as pipe:
            self._secrets = -1
            json.dump(settings_module.secrets(settings), pipe)
        said, _ = self._process.communicate()
        if not said:
            raise StartFailed("The database could not be prepared.", hint="The lines above say why.")
        told = json.loads(said)
        if "error" in told:
            error = told["error"]
            raise OrvantaError(error["message"], hint=error["hint"], details=error["details"])
        return Prepared(**told)

    def close(self) -> None:
        """End it, where it still runs."""
        if self._secrets >= 0:
            os.close(self._secrets)
        self._process.kill()
        self._process.wait()
