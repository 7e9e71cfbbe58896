"""Host that compiles imported Python scripts inside a cell. Standard library only.

The arguments are a JSON object of texts by file name. The scripts are only parsed, never executed. Their bytecode is
written to `tree/` in the job's output, in the folders in which Python looks for it. The answer is null, even if scripts
have syntax errors: their bytecode is then missing.
"""

from __future__ import annotations

import json
import os
from typing import NoReturn

from orvanta_platform.sandbox.job import RESULT, Job, write_answer


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Compile the scripts; see `Host.run`."""
    import compileall  # needed by no other job: imported here to keep them out of every cell
    import py_compile

    tree = f"{job.output}/tree"
    for name, text in json.loads(args).items():
        os.makedirs(os.path.dirname(f"{tree}/{name}"), exist_ok=True)
        with open(f"{tree}/{name}", "w", encoding="utf-8", errors="replace", newline="") as file:
            file.write(text)
    # The sources never change, so that Python need not compare them when it reads the bytecode.
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(tree, maxlevels=100, quiet=2, invalidation_mode=unchecked)
    write_answer(job.result, RESULT, b"null")
    os._exit(0)


finish: None = None
"""No function, as nothing remains to be done."""
