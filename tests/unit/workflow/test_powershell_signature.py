"""Inputs of PowerShell scripts: their `param` block."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from orvanta_platform.workflow.signature.powershell import parameters
from orvanta_platform.workflow.signature.schema import schema_of

S, I, N, B = ({"type": kind} for kind in ("string", "integer", "number", "boolean"))  # noqa: E741
A, O = {"type": "array"}, {"type": "object"}  # noqa: E741


def of(content: str) -> dict[str, Any]:
    schema = schema_of("powershell", content)
    assert schema is not None
    jsonschema_rs.validator_for(schema)
    return schema


def test_parameters_have_types_and_defaults() -> None:
    found = of('param($name, [string]$x = "a", [int]$n)\nWrite-Output $name')
    assert found["properties"] == {"name": {}, "x": S | {"default": "a"}, "n": I}
    assert (found["order"], found["required"]) == (["name", "x", "n"], ["name", "n"])


SCRIPT = '''\
\ufeff#!/usr/bin/env pwsh
#requires -Version 7
<#
.SYNOPSIS
  Restarts a service: param($not, $these)
#>
using namespace System.Collections.Generic
using module Az; [CmdletBinding(SupportsShouldProcess = $true, DefaultParameterSetName = "a)")]
[OutputType([string])]
PARAM
(
    # the service, with ) and " and '
    [Parameter(Mandatory = $true, Position = 0, HelpMessage = "a name, e.g. (web)")]
    [ValidateNotNullOrEmpty()]
    [Alias('svc', "s")]
    [string] $Service,   <# a, b #>

    [Parameter()] [ValidateSet('dev', "test`t1", 'it''s', IgnoreCase = $false)]
    [string]$Stage = 'dev',

    [ValidateSet(1, 2,
        3)][System.Int32]$Level = 2,
    [ValidateSet('x', 'y')] [string[]]$Tags = @('x'),
    [switch]$Force,
    [Parameter(Mandatory)] [PSCredential] ${odd name},
    [Parameter(Mandatory = $false)] [pscustomobject] $Settings,
    [System.Collections.Generic.List[int]]$Ids,
    [Nullable[int]] $Limit,
    [hashtable]$Map = @{
        a = 1; 'b c' = "x,y"
        deep = @{ list = @(1, -2.5, $null
            $true) }
    },
    [string]$Here = @"
a ), 'b"
  "@ within a line
"@,
    [string]$Raw = @'
'@,
    $Cost = "5 $ and `$x ""quoted"" `u{41}",
    $Price = "5 $ and `$x ""quoted""",
    [datetime]$At = (Get-Date),
    $Sum = 1 + 2,
    $Text = "a $(Get-Date -Format "yyyy )") $Force",
    [scriptblock]$Code = { param($x) "$x }" },
    [object]$Last = 0x1F
)
begin { param($inner) }
'''


def test_block_of_a_real_script() -> None:
    for content in (SCRIPT, SCRIPT.replace("\n", "\r\n")):
        found = of(content)
        assert found["properties"] == {
            "Service": S,
            "Stage": S | {"enum": ["dev", "test\t1", "it's"], "default": "dev"},
            "Level": I | {"enum": [1, 2, 3], "default": 2},
            "Tags": A | {"items": S | {"enum": ["x", "y"]}, "default": ["x"]},
            "Force": B | {"default": False},
            "odd name": {},
            "Settings": O,
            "Ids": A | {"items": I},
            "Limit": I,
            "Map": O | {"default": {"a": 1, "b c": "x,y", "deep": {"list": [1, -2.5, None, True]}}},
            "Here": S | {"default": 'a ), \'b"\n  "@ within a line'},
            "Raw": S | {"default": ""},
            "Cost": {},
            "Price": S | {"default": '5 $ and $x "quoted"'},
            "At": S | {"format": "date-time"},
            "Sum": {},
            "Text": {},
            "Code": {},
            "Last": I | {"default": 31},
        }
        assert found["required"] == ["Service", "odd name", "Ids"]


@pytest.mark.parametrize(
    ("parameter", "wanted"),
    [
        *(("[long]$a", I), ("[double]$a = 2", N | {"default": 2}), ("[bool]$a = $FALSE", B | {"default": False})),
        *(
            ("[datetime]$a", S | {"format": "date-time"}),
            ("[System.Uri]$a", S),
            ("[array]$a", A),
            ("[guid[]]$a", A | {"items": S}),
        ),
        *(("[int[][]]$a", A | {"items": A | {"items": I}}), ("[My.Class]$a", {}), ("$a = $null", {"default": None})),
        *(
            ("[int]$a = 1.5", I),
            ("[int]$a = $true", I),
            ("[string]$a = 5", S),
            ("$a = 'x' + 'y'", {}),
            ("$a = @()", A | {"default": []}),
        ),
        *(
            ("$a = ('x')", S | {"default": "x"}),
            ("$a = -3", I | {"default": -3}),
            ("$a = 1e3", N | {"default": 1000.0}),
        ),
        *(("$a = 1e999", {}), ("$a = 10kb", {}), ("[ordered]$a = @{}", O | {"default": {}}), ("$a = $env:HOME", {})),
        ("$a = “x ‘y’”", S | {"default": "x ‘y’"}),
        ("[int] `\n $größe = 1", I | {"default": 1}),
    ],
)
def test_types_and_defaults(parameter: str, wanted: Any) -> None:
    found = of(f"param({parameter})")
    assert list(found["properties"].values()) == [wanted]
    assert found["required"] == ([] if "=" in parameter else ["a"])


@pytest.mark.parametrize(
    "content",
    [
        *("", "Write-Output 1", "# param($a)", "<# param($a) #>", "param()", "param", "param 3", "$x = 1\nparam($a)"),
        *(
            "function main { param($a) }",
            "[int]$x = 1; param($a)",
            "'text'; param($a)",
            "using",
            "param(1, 'a', [int])",
        ),
    ],
)
def test_scripts_without_parameters(content: str) -> None:
    assert parameters(content) == []


HOSTILE = (
    *("param($a", "param($a = 'x", 'param($a = "x', 'param($a = "$(', "param($a = @'\nx'@)", "<# a", "param(<# a)"),
    *("param($a]", "param([int$a)", "param($a = @{ b = ( })", "param($a = `", "param($a = ${b"),
)


@pytest.mark.parametrize("content", HOSTILE)
def test_unclosed_blocks_are_unreadable(content: str) -> None:
    assert parameters(content) is None


REPEATED = (
    *(
        "(",
        "[",
        "@{",
        "$(",
        '"$(',
        "'",
        '"',
        "''",
        '""',
        "<#",
        "#",
        "`",
        "@'",
        "@'\n",
        '@"\n',
        "'@\n",
        "$",
        "${",
        "$a,",
    ),
    *("[int]", "=", "\n", " ", "`\n", "[int]$a = @{ b = 1 },", "1", "'a' ", '"`', "<##>", ";", "$a = 'x' ,\n"),
)


@pytest.mark.extended
@pytest.mark.parametrize("unit", REPEATED)
def test_large_scripts_are_read_within_limits(unit: str) -> None:
    for start in ("", "param(", 'param($a = "', "using "):
        parameters(start + unit * ((1 << 20) // len(unit)))
    assert parameters("param($a = '" + "x" * (1 << 20) + "')") is not None


def test_nesting_and_number_of_nodes_are_limited() -> None:
    assert parameters("param(" + "(" * 63 + ")" * 63 + ")") == []
    assert parameters("param(" + "(" * 64 + ")" * 64 + ")") is None
    assert parameters("param($a = @(" + "1," * 20_000 + "))") is not None
    assert parameters("param($a = @(" + "1," * 30_000 + "))") is None
