"""Host of scripts of the language `deno` inside a cell. Standard library only."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.runtimes import program
from orvanta_platform.worker.runtimes.bun import host as bun
from orvanta_platform.workflow.languages import NPM_CLIENTS, address_import

_SCRIPT = "script.ts"
# Read by the zygote, as the package's own folder does not exist in a cell.
_HOST = bun.VALUES + Path(__file__).with_name("host.ts").read_text()
_OPTIONS = ("--ext=ts", "--no-lock", "--node-modules-dir=manual", "--quiet")
_CLIENT = re.compile(r"""(["'])npm:((?:orvanta|windmill)-client\1)""")
"""Import of a client without a version. Deno finds a package of npm only where it is installed."""

_OBJECT = re.compile(r"\bDeno\.")
_TEST = "typeof Deno"
"""Test of scripts that also run elsewhere."""


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Replace this process by `deno eval <host.ts>`, or by Bun; see `Host.run`.

    Scripts that import others, and dedicated processes, run in Bun.
    """
    try:
        deno = program.find("deno", job)
    except FileNotFoundError:
        if (_OBJECT.search(content) and _TEST not in content) or address_import(content):
            program.fail(job, "no_runtime", "deno is not installed on this worker: install it in /usr/local/bin")
        bun.run(job, content, args)
    if job.imports is not None or job.dedicated:
        bun.run(job, content, args)
    try:
        with open(_SCRIPT, "w", encoding="utf-8") as file:
            file.write(_CLIENT.sub(r"\1\2", content))
        if job.package is not None:
            for name in ("package.json", "node_modules"):
                os.symlink(f"{job.package}/{name}", name)
        settings = {"DENO_DIR": f"{job.env['TMPDIR']}/deno", "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}
        job.env.update(settings)
        # The clients of the platform's API; a required one takes precedence.
        clients = [name for name in NPM_CLIENTS if not os.path.lexists(f"node_modules/{name}")]
        addresses = {name: f"file://{job.programs['npm']}/{name}/index.ts" for name in clients}
        imports = f"data:application/json,{quote(json.dumps({'imports': addresses}))}"
        words = (_SCRIPT, job.entry, ",".join(bun.dates(content)))
        numbers = map(str, (program.inherited(args), job.result, job.result_bytes))
        program.become([deno, "eval", *_OPTIONS, f"--import-map={imports}", _HOST, *numbers, *words, *settings], job)
    except OSError as error:
        program.fail(job, "CannotStart", f"deno cannot be started: {error}")


finish: None = None
"""No function, as the script's process writes its result itself."""
