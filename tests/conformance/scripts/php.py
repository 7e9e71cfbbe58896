"""The cases of the table in PHP."""

from __future__ import annotations

SCRIPTS = {
    "arguments": """
<?php
function main(string $a, string $b, string $c = "third") {
    return [$a, $b, $c];
}
""",
    "unicode names": """
<?php
function main(float $größe, string $имя): array {
    return [$größe, $имя];
}
""",
    "structured": """
<?php
function main($x) {
    return $x;
}
""",
    "string": """
<?php
function main() {
    return "15";
}
""",
    "nothing": """
<?php
function main() {
}
""",
    "error": """
<?php
function inner() {
    throw new DomainException("no good");
}

function main() {
    inner();
}
""",
    "missing main": """
<?php
function other() {
}
""",
    "syntax": """
<?php
function main() {
    $x = ;
}
""",
    "order": r"""
<?php
function main() {
    for ($i = 0; $i < 500; $i++) {
        echo "out $i\n";
        fwrite(STDERR, "err $i\n");
    }
}
""",
    "unicode": r"""
<?php
function main(string $x) {
    echo "$x\n";
    return $x;
}
""",
    "large": """
<?php
function main(string $x) {
    return $x . $x;
}
""",
    "forever": r"""
<?php
function main() {
    echo "begun\n";
    while (true);
}
""",
    "exit": """
<?php
function main() {
    exit(3);
}
""",
    "environment": """
<?php
function main() {
    return getenv("OV_JOB_ID");
}
""",
    "whole environment": """
<?php
function main() {
    return array_keys(getenv());
}
""",
    "live": r"""
<?php
function main() {
    echo "first\n";
    sleep(60);
}
""",
    "not utf-8": r"""
<?php
function main() {
    echo "a\xff\xfeb\0c\n";
    return 1;
}
""",
    "stdin": """
<?php
function main() {
    return stream_get_contents(STDIN);
}
""",
    "folder": """
<?php
function main() {
    file_put_contents("f", "x");
    unlink(tempnam(sys_get_temp_dir(), "t"));
    return array_values(array_filter(scandir("."), fn ($name) => $name[0] !== "."))[0];
}
""",
    "named streams": r"""
<?php
function main() {
    file_put_contents("php://stderr", "err\n");
    file_put_contents("php://stdout", "out\n");
}
""",
    "child": r"""
<?php
function main() {
    echo "before\n";
    passthru("echo within");
    echo "after\n";
}
""",
    "left behind": """
<?php
function main(string $mark) {
    shell_exec("setsid sleep 1000 " . escapeshellarg($mark) . " >/dev/null 2>&1 &");
}
""",
}
