"""The cases of the table in Python."""

from __future__ import annotations

SCRIPTS = {
    "arguments": """
def main(a, b, c='third'):
    return [a, b, c]
""",
    "structured": """
def main(x):
    return x
""",
    "string": """
def main():
    return '15'
""",
    "nothing": """
def main():
    pass
""",
    "error": """
def inner():
    raise ValueError('no good')

def main():
    inner()
""",
    "order": """
import sys
def main():
    for i in range(500):
        print('out', i)
        print('err', i, file=sys.stderr)
""",
    "unicode": """
def main(x):
    print(x)
    return x
""",
    "large": """
def main(x):
    return x + x
""",
    "forever": """
def main():
    print('begun')
    while True:
        pass
""",
    "exit": """
import sys
def main():
    sys.exit(3)
""",
    "environment": """
import os
def main():
    return os.environ['OV_JOB_ID']
""",
    "whole environment": """
import os
def main():
    return sorted(os.environ)
""",
    "live": """
import time
def main():
    print('first')
    time.sleep(60)
""",
    "not utf-8": r"""
import sys
def main():
    sys.stdout.buffer.write(b'a\xff\xfeb\x00c\n')
    return 1
""",
    "stdin": """
import sys
def main():
    return sys.stdin.read()
""",
    "folder": """
import os, tempfile
def main():
    open('f', 'w').write('x')
    with tempfile.TemporaryDirectory():
        return sorted(os.listdir('.'))[0]
""",
    "named streams": r"""
def main():
    open('/dev/stderr', 'w').write('err\n')
    open('/dev/stdout', 'w').write('out\n')
""",
    "child": """
import subprocess
def main():
    print('before')
    subprocess.run(['sh', '-c', 'echo within'], check=True)
    print('after')
""",
    "unicode names": """
def main(größe, имя):
    return [größe, имя]
""",
    "missing main": """
def other():
    pass
""",
    "syntax": """
def main():
    x = ;
""",
    "left behind": """
import subprocess
def main(mark):
    subprocess.Popen(['sleep', '1000', mark], start_new_session=True)
""",
}
