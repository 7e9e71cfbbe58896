"""The main cases of the table in PowerShell."""

from __future__ import annotations

SCRIPTS = {
    "arguments": """
param([string]$a, $b, $c = "third")
ConvertTo-Json -Compress @($a, $b, $c)
""",
    "structured": """
param($x)
ConvertTo-Json -Compress -Depth 10 $x | Set-Content result.json
""",
    "nothing": """
$x = 1
""",
    "error": """
function inner {
    throw "no good"
}

inner
""",
    "syntax": """
$y = 1
$x = ;
""",
    "order": """
foreach ($i in 0..499) {
    [Console]::Out.WriteLine("out $i")
    [Console]::Error.WriteLine("err $i")
}
""",
    "unicode": """
param([string]$x)
Write-Output $x
""",
    "large": """
param([string]$x)
Write-Output ($x + $x)
""",
    "forever": """
Write-Output begun
while ($true) { }
""",
    "exit": """
exit 3
""",
    "environment": """
Write-Output $env:OV_JOB_ID
""",
    "whole environment": """
ConvertTo-Json -Compress @((Get-ChildItem env:).Name)
""",
    "stdin": """
Write-Output "empty$([Console]::In.ReadToEnd())"
""",
}
