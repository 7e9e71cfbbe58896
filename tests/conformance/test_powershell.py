"""PowerShell scripts: the host with a program in the place of `pwsh`, and with PowerShell where it is installed."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.worker.jobs import LEVELS, Ran, run

from orvanta_platform.worker.runtimes import environment, manifest
from orvanta_platform.worker.runtimes.manifest import PATH
from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.runtimes.registry import BY_LANGUAGE

STAND_IN = """#!/bin/bash
# Runs script.ps1, which is a script for bash here, with the descriptor of the arguments as its own $arguments.
[ "$1 $2 $3 $4" = "-NoLogo -NoProfile -NonInteractive -Command" ] || exit 90
arguments="/proc/self/fd/${5##* }"
code="$5"
. ./script.ps1
"""


@pytest.fixture
async def stand_in(tmp_path: Path) -> AsyncIterator[Runtimes]:
    """Yield runtimes whose `pwsh` is a script of the test."""
    program = tmp_path / "programs" / "pwsh"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    programs = environment.programs() | {"pwsh": str(program)}
    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(environment, "programs", lambda: programs)
        manifest.is_installed.cache_clear()
        made = Runtimes(tmp_path / "home", [], LEVELS[0])
        await made.start()
        yield made
        await made.close()
    manifest.is_installed.cache_clear()


async def powershell(runtimes: Runtimes, content: str, args: dict[str, Any] | None = None) -> Ran:
    return await run(runtimes, "powershell", content, args)


async def test_arguments_are_passed_outside_of_the_code(stand_in: Runtimes) -> None:
    given = {"name": "$(exit 5)'; exit 6 #", "n": 1}
    ran = await powershell(stand_in, 'cat "$arguments"', given)
    assert ran.value == given
    ran = await powershell(stand_in, 'echo "$code"', given)
    assert "exit 5" not in ran.log and "@OrvantaBound" in ran.log


async def test_result_is_a_file_or_the_last_line(stand_in: Runtimes) -> None:
    assert (await powershell(stand_in, "echo a; echo 15")).value == "15"
    assert (await powershell(stand_in, """echo '{"a": [1]}'""")).value == {"a": [1]}
    assert (await powershell(stand_in, "echo '[1]' > result.json; echo a")).value == [1]
    assert (await powershell(stand_in, "echo b > result.out; echo a")).value == "b"
    assert (await powershell(stand_in, "true")).value is None


async def test_error_has_its_name_and_the_frames_of_the_script(stand_in: Runtimes) -> None:
    frames = r"at inner, $PWD/script.ps1: line 2\nat <ScriptBlock>, <No file>: line 60"
    written = f'printf %s "{{\\"name\\": \\"Error\\", \\"message\\": \\"no good\\", \\"stack\\": \\"{frames}\\"}}"'
    ran = await powershell(stand_in, f"echo a; {written} > .orvanta-error.json; exit 1")
    assert ran.error == ("Error", "no good") and ran.log == "a\n"
    assert ran.outcome.error is not None and ran.outcome.error.stack == "at inner, script.ps1: line 2"
    for unreadable in ("x", "[]", '{"name": 1}'):
        ran = await powershell(stand_in, f"echo bad >&2; echo '{unreadable}' > .orvanta-error.json; exit 3")
        assert ran.error == ("ExitCode", "the script ended with exit code 3: bad")
    ran = await powershell(stand_in, "ln -s /etc/passwd .orvanta-error.json; echo 1")
    assert ran.value == "1"


async def test_missing_program_is_named(tmp_path: Path) -> None:
    if shutil.which("pwsh", path=PATH) is not None:
        pytest.skip("pwsh is installed")
    runtimes = Runtimes(tmp_path / "home", [], LEVELS[0])
    await runtimes.start()
    name, message = (await powershell(runtimes, "Write-Output 1")).error
    await runtimes.close()
    assert name == "no_runtime" and "pwsh is not installed on this worker: install PowerShell 7" in message


TYPES = """
using namespace System.IO

[CmdletBinding()]
param(
    [Parameter(Mandatory)] [ValidateSet('a', 'b')] [string] $Kind,
    [datetime] $At, [switch] $Force, [int[]] $Numbers, [hashtable] $Map, [string] $Day, $Big, $Whole
)
$types = @($At.Year, $Force.IsPresent, $Numbers.Count, $Map['b'].c, $Day, $Big.GetType().Name, $Whole.GetType().Name)
ConvertTo-Json -Compress @($types; [Path]::GetExtension('x.txt'); $null -eq $Folder)
"""


async def test_arguments_of_powershell_have_their_types(runtimes: Runtimes) -> None:
    if (missing := BY_LANGUAGE["powershell"].missing()) is not None:
        pytest.skip(missing)
    given: dict[str, Any] = {"Kind": "a", "At": "2026-02-28T12:00:00Z", "Force": True, "Numbers": [1]}
    given |= {"Map": {"b": {"c": "x"}}, "Day": "2026-02-28", "Big": 1 << 40, "Whole": 7, "unknown": 1}
    ran = await powershell(runtimes, TYPES, given)
    assert ran.value == [2026, True, 1, "x", "2026-02-28", "Int64", "Int32", ".txt", True]
    name, message = (await powershell(runtimes, TYPES, given | {"Kind": "c"})).error
    assert name == "ParameterBindingValidationException" and "Kind" in message
    name, message = (await powershell(runtimes, "Get-Item /none\nWrite-Output 1")).error
    assert name == "ItemNotFoundException" and "/none" in message
    assert (await powershell(runtimes, "sh -c 'exit 4'\nWrite-Output 1")).value == "1"
