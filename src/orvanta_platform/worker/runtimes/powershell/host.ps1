# Runs a PowerShell script: `& { <this text> } ARGUMENTS`. ARGUMENTS is a descriptor: a JSON object. The script is
# script.ps1 in the current folder; an error is written to .orvanta-error.json there (host.py). Scripts see the variables of this
# text, whose names therefore begin with Orvanta.

param([int] $OrvantaArguments)

$global:ErrorActionPreference = 'Stop'
$global:ProgressPreference = 'SilentlyContinue'

# ConvertFrom-Json would make dates of texts.
function ConvertFrom-OrvantaJson([System.Text.Json.JsonElement] $Element) {
    switch ($Element.ValueKind.ToString()) {
        'Object' {
            $members = [ordered]@{}
            foreach ($member in $Element.EnumerateObject()) {
                $members[$member.Name] = ConvertFrom-OrvantaJson $member.Value
            }
            return $members
        }
        'Array' {
            $elements = [System.Collections.Generic.List[object]]::new()
            foreach ($each in $Element.EnumerateArray()) {
                $elements.Add((ConvertFrom-OrvantaJson $each))
            }
            return , $elements.ToArray()
        }
        'String' { return $Element.GetString() }
        'True' { return $true }
        'False' { return $false }
        'Number' {
            $whole = [long] 0
            if (-not $Element.TryGetInt64([ref] $whole)) { return $Element.GetDouble() }
            if ($whole -ge [int]::MinValue -and $whole -le [int]::MaxValue) { return [int] $whole }
            return $whole
        }
    }
    return $null
}

function Write-OrvantaError([string] $Folder, [string] $Name, [string] $Message, [string] $Stack) {
    $text = ConvertTo-Json -Compress -InputObject @{ name = $Name; message = $Message; stack = $Stack }
    [System.IO.File]::WriteAllText([System.IO.Path]::Combine($Folder, '.orvanta-error.json'), $text)
}

# Returns the script, or its first syntax error.
function Read-OrvantaScript([string] $Folder) {
    $tokens = $faults = $null
    $path = [System.IO.Path]::Combine($Folder, 'script.ps1')
    $tree = [System.Management.Automation.Language.Parser]::ParseFile($path, [ref] $tokens, [ref] $faults)
    $fault = if ($faults.Count -gt 0) { $faults[0] } else { $null }
    return @{ Tree = $tree; Fault = $fault }
}

# Returns only arguments that the script declares, because another name would be an error.
function Read-OrvantaArguments([int] $Descriptor, $Tree) {
    $bound = @{}
    $names = @(foreach ($parameter in $Tree.ParamBlock.Parameters) { $parameter.Name.VariablePath.UserPath })
    $text = [System.IO.File]::ReadAllText("/proc/self/fd/$Descriptor")
    foreach ($member in [System.Text.Json.JsonDocument]::Parse($text).RootElement.EnumerateObject()) {
        if ($names -ccontains $member.Name) {
            $bound[$member.Name] = ConvertFrom-OrvantaJson $member.Value
        }
    }
    return $bound
}

$OrvantaFolder = (Get-Location).ProviderPath
$OrvantaRead = Read-OrvantaScript $OrvantaFolder
if ($null -ne $OrvantaRead.Fault) {
    $OrvantaStart = $OrvantaRead.Fault.Extent
    $OrvantaPlace = "script.ps1:$($OrvantaStart.StartLineNumber):$($OrvantaStart.StartColumnNumber)"
    Write-OrvantaError $OrvantaFolder 'SyntaxError' "${OrvantaPlace}: $($OrvantaRead.Fault.Message)" ''
    exit 1
}
$OrvantaBound = Read-OrvantaArguments $OrvantaArguments $OrvantaRead.Tree
$OrvantaScript = $OrvantaRead.Tree.GetScriptBlock()
try {
    & $OrvantaScript @OrvantaBound
} catch {
    $OrvantaKind = $_.Exception.GetType()
    $OrvantaName = if ($OrvantaKind -eq [System.Management.Automation.RuntimeException]) { 'Error' } else { $OrvantaKind.Name }
    Write-OrvantaError $OrvantaFolder $OrvantaName $_.Exception.Message $_.ScriptStackTrace
    exit 1
}
exit 0  # otherwise the exit code would be that of the last program the script called, or 1
