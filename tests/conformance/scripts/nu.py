"""The main cases of the table in Nushell."""

from __future__ import annotations

SCRIPTS = {
    "arguments": """
def main [a: string, b: string, c: string = "third"] {
  [$a $b $c]
}
""",
    "structured": """
def main [x: record] {
  $x
}
""",
    "nothing": """
def main [] {
}
""",
    "error": """
def inner [] {
  error make {msg: "no good"}
}

def main [] {
  inner
}
""",
    "missing main": """
def other [] {
}
""",
    "syntax": """
def main [] {
  let x = ;
}
""",
    "order": """
def main [] {
  for i in 0..499 {
    print $"out ($i)"
    print --stderr $"err ($i)"
  }
}
""",
    "unicode": """
def main [x: string] {
  print $x
  $x
}
""",
    "large": """
def main [x: string] {
  $x + $x
}
""",
    "forever": """
def main [] {
  print begun
  loop { }
}
""",
    "exit": """
def main [] {
  exit 3
}
""",
    "environment": """
def main [] {
  $env.OV_JOB_ID
}
""",
    "whole environment": """
def main [] {
  $env | columns
}
""",
    "stdin": """
def main [] {
  ^cat | str trim
}
""",
}
