"""The cases of the table in Bash."""

from __future__ import annotations

SCRIPTS = {
    "arguments": r"""
a="$1"
b="$2"
c="${3:-third}"
echo "[\"$a\",\"$b\",\"$c\"]"
""",
    "structured": """
x="$1"
printf %s "$x" > result.json
""",
    "string": "echo 15",
    "nothing": "true",
    "error": """
echo no good >&2
exit 7
""",
    "order": "for i in {0..499}; do echo out $i; echo err $i >&2; done",
    "unicode": """
x="$1"
echo "$x"
""",
    "large": "head -c 10000000 /dev/zero | tr '\\0' y",
    "forever": """
echo begun
while true; do :; done
""",
    "exit": "exit 3",
    "environment": 'echo "$OV_JOB_ID"',
    "whole environment": "compgen -e | sort | tr '\\n' ' '",
    "live": """
echo first
sleep 60
""",
    "not utf-8": r"""
printf 'a\xff\xfeb\0c\n'
echo 1
""",
    "stdin": 'read -r x || echo "empty${x}"',
    "folder": 'echo x > f; t=$(mktemp); rm "$t"; ls f',
    "named streams": """
echo err > /dev/stderr
echo out > /dev/stdout
""",
    "child": "echo before; sh -c 'echo within'; echo after",
    "syntax": """
echo begun
if true; then
fi
""",
    "left behind": """
mark="$1"
setsid sleep 1000 "$mark" &
""",
}

WITHOUT = {
    "unicode names": "a name of a variable is of ASCII letters",
    "missing main": "a script has no main",
}
