"""A complete installation, started by `orvanta up` in a clean environment."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.installation import ORVANTA as ORVANTA
from tests.installation import PATIENCE_S as PATIENCE_S
from tests.installation import running
from tests.ports import free_port
from tests.storage import seaweed
from tests.storage.seaweed import Server

from orvanta_platform.embedded import cluster
from orvanta_platform.storage.remote import RemoteStorage, connect


@dataclass(frozen=True, slots=True)
class Installation:
    """A running platform: its home, URL and admin token, and a client that sends the token."""

    home: Path
    base: str
    token: str
    client: httpx.Client
    environ: dict[str, str]
    objects: RemoteStorage

    @property
    def owner_url(self) -> str:
        """Address of the database for the role that owns the tables."""
        if "ORVANTA_OWNER_URL" in self.environ:
            return self.environ["ORVANTA_OWNER_URL"]
        return cluster.existing(Path(self.environ["ORVANTA_HOME"])).url("owner")

    def doctor(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `orvanta doctor` on this installation."""
        command = [str(ORVANTA), "doctor", *arguments]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def s3() -> Iterator[Server]:
    with seaweed.running() as server:
        yield server


@pytest.fixture(scope="session")
def git_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the Git repositories that installations may use: those of the workspace main in `main`."""
    folder = tmp_path_factory.mktemp("git")
    (folder / "main").mkdir()
    return folder


@pytest.fixture(scope="session")
def installation(s3: Server, git_folder: Path, database_settings: dict[str, str]) -> Iterator[Installation]:
    """Start an installation shared by all tests without a browser, with small limits for jobs and a real S3."""
    settings = {
        **database_settings,
        "ORVANTA_MEMORY_LIMIT": "256MiB",
        "ORVANTA_PROCESS_LIMIT": "64",
        "ORVANTA_JOB_TIMEOUT_S": "60",
        "ORVANTA_GIT_FOLDER": str(git_folder),
        "ORVANTA_METRICS_PORT": str(free_port()),
        "ORVANTA_WORKER_METRICS_PORT": str(free_port()),
        "OBJECT_STORAGE_URL": s3.url("orvanta", "e2e"),
        **s3.environment,
    }
    with running("e2e", settings) as made:
        headers = {"Authorization": f"Bearer {made.token}"}
        with httpx.Client(base_url=made.base, headers=headers, timeout=PATIENCE_S) as client:
            with pytest.MonkeyPatch.context() as patch:
                for name, value in s3.environment.items():
                    patch.setenv(name, value)
                objects = connect(settings["OBJECT_STORAGE_URL"])
            yield Installation(made.home, made.base, made.token, client, made.environ, objects)
