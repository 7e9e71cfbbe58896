"""A Python client generated from the OpenAPI document: it contains every operation and compiles."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

from orvanta_platform.http import app, openapi

ROOT = Path(__file__).parents[2]


@pytest.mark.soak(minutes=2)
def test_generated_python_client_compiles_and_has_every_operation(tmp_path: Path) -> None:
    document = openapi.document(app.api_handlers(app.create_router()))
    (tmp_path / "openapi.json").write_bytes(msgspec.json.encode(document))
    tools = subprocess.run(
        [ROOT / "scripts" / "test-environment", "contract"], check=True, capture_output=True, text=True
    ).stdout
    python = Path(tools.strip())
    made = subprocess.run(
        [
            *(python.with_name("openapi-python-client"), "generate", "--path", "openapi.json"),
            *("--meta", "none", "--output-path", "client", "--overwrite"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"},
    )
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
    compiled = subprocess.run(
        [python, "-m", "compileall", "-q", "client"], cwd=tmp_path, capture_output=True, text=True
    )
    assert compiled.returncode == 0, compiled.stdout[-3000:]
    modules = [file.stem for file in (tmp_path / "client" / "api").glob("*/*.py") if file.stem != "__init__"]
    operations = [each["operationId"] for methods in document["paths"].values() for each in methods.values()]
    assert len(modules) == len(operations), made.stdout[-3000:]
