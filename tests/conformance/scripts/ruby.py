"""The cases of the table in Ruby."""

from __future__ import annotations

SCRIPTS = {
    "arguments": """
def main(a, b, c = "third")
  [a, b, c]
end
""",
    "unicode names": """
def main(größe:, имя:)
  [größe, имя]
end
""",
    "structured": """
def main(x)
  x
end
""",
    "string": """
def main
  "15"
end
""",
    "nothing": """
def main
end
""",
    "error": """
def inner
  raise RangeError, "no good"
end

def main
  inner
end
""",
    "missing main": """
def other
end
""",
    "syntax": """
def main
  x = ;
end
""",
    "order": """
def main
  500.times do |i|
    puts "out #{i}"
    warn "err #{i}"
  end
  nil
end
""",
    "unicode": """
def main(x)
  puts x
  x
end
""",
    "large": """
def main(x)
  x + x
end
""",
    "forever": """
def main
  puts "begun"
  loop {}
end
""",
    "exit": """
def main
  exit 3
end
""",
    "environment": """
def main
  ENV["OV_JOB_ID"]
end
""",
    "whole environment": """
def main
  ENV.keys
end
""",
    "live": """
def main
  puts "first"
  sleep 60
end
""",
    "not utf-8": r"""
def main
  $stdout.write("a\xff\xfeb\0c\n")
  1
end
""",
    "stdin": """
def main
  $stdin.read
end
""",
    "folder": """
require "tempfile"

def main
  File.write("f", "x")
  Tempfile.create("t") {}
  Dir.children(".").sort.first
end
""",
    "named streams": r"""
def main
  File.write("/dev/stderr", "err\n", mode: "a")
  File.write("/dev/stdout", "out\n", mode: "a")
  nil
end
""",
    "child": """
def main
  puts "before"
  system "echo within"
  puts "after"
end
""",
    "left behind": """
def main(mark)
  Process.detach(spawn("sleep", "1000", mark, pgroup: true))
  nil
end
""",
}
