"""Host of Nushell scripts inside a cell. Standard library only."""

from __future__ import annotations

import json
import os
from typing import NoReturn

from orvanta_platform.sandbox.job import ERROR, RESULT, Job, write_answer
from orvanta_platform.units import size_text
from orvanta_platform.worker.runtimes import program
from orvanta_platform.workflow.signature.functions import nu_parameters

_SCRIPT, _ANSWER = "script.nu", "answer.json"
_CALL = """
def get_from_workspace [call: string] {{
  let address = $"($env.BASE_INTERNAL_URL)/api/w/($env.WM_WORKSPACE)/($call)"
  http get --headers {{Authorization: $"Bearer ($env.WM_TOKEN)"}} $address
}}
def get_variable [path: string] {{ get_from_workspace $"variables/get_value/($path)" }}
def get_resource [path: string] {{ get_from_workspace $"resources/get_value_interpolated/($path)" }}
let given = (open --raw /proc/self/fd/{arguments} | from json)
source {script}
let found = (try {{ {{result: (main{words})}} }} catch {{|error| {{message: $error.msg, stack: $error.rendered}} }})
$found | to json --raw | save --raw --force {answer}
"""


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Replace this process by `nu`, which calls `main` and writes its result to a file; see `Host.run`."""
    found = nu_parameters(content)
    if found is None:
        program.fail(job, "MissingMain", "the script defines no function main")
    given = json.loads(args)
    words, last = [], -1
    for number, (name, default) in enumerate(found):
        is_given = name in given
        words.append(f"$given.{json.dumps(name, ensure_ascii=False)}" if is_given else default or "null")
        last = number if is_given or default is None else last
    call = "".join(f" ({word})" for word in words[: last + 1])
    try:
        with open(_SCRIPT, "w", encoding="utf-8") as file:
            file.write(content)
        names = {"script": _SCRIPT, "answer": _ANSWER, "words": call, "arguments": program.inherited(args)}
        job.env["NO_COLOR"] = "1"
        command = [program.find("nu", job), "--no-config-file", "--no-history", "--commands", _CALL.format(**names)]
        program.become(command, job)
    except OSError as error:
        program.fail(job, "CannotStart", f"nu cannot be started: {error}")


def finish(job: Job) -> None:
    """Answer with the file that the program has written, if it has."""
    try:
        with open(_ANSWER, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW)) as file:
            found = json.loads(file.read(2 * job.result_bytes + (1 << 20)))
    except (OSError, ValueError):
        return
    if "result" not in found:
        stack = str(found.get("stack")).replace(f"{job.folder}/", "")
        _fail(job, "Error", str(found.get("message")), stack)
        return
    text = json.dumps(found["result"], ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if len(text) > job.result_bytes:
        sizes = f"the result has {size_text(len(text))}, the limit is {size_text(job.result_bytes)}"
        _fail(job, "result_too_large", sizes, None)
        return
    write_answer(job.result, RESULT, text)


def _fail(job: Job, name: str, message: str, stack: str | None) -> None:
    write_answer(job.result, ERROR, json.dumps({"name": name, "message": message, "stack": stack}).encode())
