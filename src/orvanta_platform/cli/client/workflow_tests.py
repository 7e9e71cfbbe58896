"""Running tests of workflows in files or in a workspace, and printing their outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import msgspec
import typer

from orvanta_platform.cli.client import flow_files
from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.errors import FAILED
from orvanta_platform.cli.client.output import print_json, say, terminal_safe
from orvanta_platform.cli.client.workflow_check import find_workflows
from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.errors import BadRequest, OrvantaError
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.http.schemas.workflow_tests import results
from orvanta_platform.orchestrator.recorded_tests import RecordedTestOutcome, TestedWorkflow, coverage, run_test
from orvanta_platform.units import count_text
from orvanta_platform.workflow import normal
from orvanta_platform.workflow.diagnostics import errors
from orvanta_platform.workflow.playback.document import parse
from orvanta_platform.workflow.tree.paths import FORMATS
from orvanta_platform.workflow.tree.reading import settings_in

Results = dict[str, Any]
"""Outcomes of a workflow's tests, as `workflow_tests/run` returns them."""


def run(session: Session, sources: Sequence[str], junit: Path | None) -> None:
    """Run tests and print the outcomes. Raises typer.Exit if one fails, typer.BadParameter if there is none."""
    files = [Path(each) for each in sources if Path(each).exists()]
    found: dict[str, Results] = asyncio.run(_run_files(files)) if files else {}
    for path in (each for each in sources if not Path(each).exists()):
        call = session.api.in_workspace(f"workflow_tests/run/{quote(path)}")
        found[path] = session.api.send("POST", call, body={}).json()
    found = {path: each for path, each in found.items() if each["tests"]}
    if not found:
        raise typer.BadParameter("There is no test. Save a run as a test in the editor, and pull it.")
    for source in sources:
        if not any(Path(source) in (Path(path), *Path(path).parents) for path in found):
            say(terminal_safe(f"{source}: no tests"))
    if junit is not None:
        _write_junit(junit, found)
    if session.as_json:
        print_json({"workflows": [{"path": path, **each} for path, each in found.items()]})
    else:
        for path, each in found.items():
            _print(path, each)
    if any(each["failed"] for each in found.values()):
        raise typer.Exit(FAILED)


async def _run_files(sources: Sequence[Path]) -> dict[str, Results]:
    evaluator = Evaluator()
    try:
        return {str(source): await _run_workflow(source, evaluator) for source in find_workflows(sources)}
    finally:
        await evaluator.close()


async def _run_workflow(source: Path, evaluator: Evaluator) -> Results:
    """Return the outcomes of the tests in a workflow's folder. Raises BadRequest, InvalidWorkflow."""
    folder = source / flow_files.TESTS
    names = sorted(each for each in folder.glob("*") if each.suffix in FORMATS) if folder.is_dir() else []
    if not names:
        return {"tests": [], "failed": 0}
    flow = flow_files.read(source)
    wrong = errors(flow.diagnostics())
    if wrong:
        raise BadRequest(f"{source} is not valid: {wrong[0].message}.", hint="`orvanta lint` prints all problems.")
    plan = compile_plan(normal.normalise(flow.tree)["value"])
    outcomes: dict[str, RecordedTestOutcome] = {}
    for file in names:
        try:
            test = parse(settings_in(str(file), {str(file): file.read_bytes()}))
        except (OSError, OrvantaError) as error:
            reason = error.message if isinstance(error, OrvantaError) else error.strerror
            raise BadRequest(f"{file}: {reason}") from None
        outcomes[file.stem] = await run_test(plan, flow.path or "", test, evaluator)
    found: Results = msgspec.to_builtins(results(TestedWorkflow(outcomes, coverage(plan, list(outcomes.values())))))
    return found


def _print(path: str, found: Results) -> None:
    nodes, edges = found["nodes"], found["edges"]
    for test in found["tests"]:
        print(terminal_safe(f"{'PASS' if test['passed'] else 'FAIL'}  {path}  {test['name']}"))
        for each in test["failures"]:
            where = f"{each['node']}: " if each["node"] else ""
            print(terminal_safe(f"      {where}{each['message']}"))
            if each["expected"] is not None or each["got"] is not None:
                print(terminal_safe(f"        expected {_shown(each['expected'])}"))
                print(terminal_safe(f"        got      {_shown(each['got'])}"))
    covered = [sum(each["covered"] for each in parts) for parts in (nodes, edges)]
    print(
        f"{path}: {found['passed']} passed, {found['failed']} failed; "
        f"{covered[0]} of {count_text(len(nodes), 'node')} and "
        f"{covered[1]} of {count_text(len(edges), 'edge')} covered."
    )


def _shown(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _write_junit(file: Path, found: dict[str, Results]) -> None:
    root = ElementTree.Element("testsuites")
    for path, each in found.items():
        counts = {"tests": str(len(each["tests"])), "failures": str(each["failed"]), "errors": "0"}
        suite = ElementTree.SubElement(root, "testsuite", {"name": path, **counts})
        for test in each["tests"]:
            case = ElementTree.SubElement(suite, "testcase", {"classname": path, "name": test["name"]})
            for failure in test["failures"]:
                where = f"{failure['node']}: " if failure["node"] else ""
                entry = ElementTree.SubElement(
                    case, "failure", {"type": failure["check"], "message": _xml(where + failure["message"])}
                )
                entry.text = _xml(f"expected {_shown(failure['expected'])}\ngot {_shown(failure['got'])}")
    try:
        ElementTree.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise BadRequest(f"{file} cannot be written: {error.strerror}.") from None


def _xml(text: str) -> str:
    """Return a text without the characters that XML does not allow."""
    return "".join(each if each in "\t\n\r" or each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
