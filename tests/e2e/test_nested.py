"""Loops, branches and sub-workflows on a complete installation, with real workers."""

from __future__ import annotations

from typing import Any

import pytest
from tests.e2e.installation import Installation

W = "/api/w/main"


def script(id: str, content: str, language: str = "python3", **inputs: str) -> dict[str, Any]:
    transforms = {name: {"type": "javascript", "expr": expr} for name, expr in inputs.items()}
    return {
        "id": id,
        "value": {"type": "rawscript", "language": language, "content": content, "input_transforms": transforms},
    }


def loop(id: str, expr: str, *modules: dict[str, Any], **value: Any) -> dict[str, Any]:
    iterator = {"type": "javascript", "expr": expr}
    tree = {"type": "forloopflow", "iterator": iterator, "skip_failures": False, "modules": list(modules), **value}
    return {"id": id, "value": tree}


def run(installation: Installation, *modules: dict[str, Any], args: Any = None) -> Any:
    body = {"value": {"modules": list(modules)}, "args": args or {}}
    answer = installation.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_parallel_loop_of_two_languages(installation: Installation) -> None:
    double = script("double", "def main(x):\n    return x * 2\n", x="flow_input.iter.value")
    say = script("say", 'x="$1"\necho "got $x"\n', "bash", x="results.double")
    found = run(installation, loop("l", "flow_input.items", double, say, parallel=True), args={"items": [1, 2, 3, 4]})
    assert found == [f"got {2 * x}" for x in (1, 2, 3, 4)]


def test_nested_loops_and_branches(installation: Installation) -> None:
    odd = [script("odd", "def main(x):\n    return f'{x} is odd'\n", x="flow_input.iter.value")]
    branch = {
        "id": "which",
        "value": {
            "type": "branchone",
            "branches": [{"expr": "flow_input.iter.value % 2 === 1", "modules": odd}],
            "default": [{"id": "even", "value": {"type": "identity"}}],
        },
    }
    found = run(installation, loop("outer", "[[1, 2], [3]]", loop("inner", "flow_input.iter.value", branch)))
    assert found == [["1 is odd", {"iter": {"value": 2, "index": 1}}], ["3 is odd"]]


def test_steps_of_one_worker_share_a_folder(installation: Installation) -> None:
    write = script(
        "write", "def main(x):\n    open(f'shared/{x}', 'w').write(f'item {x}')\n", x="flow_input.iter.value"
    )
    read = script("read", "cat shared/1 && cat ./shared/2\n", "bash")
    body = {"modules": [loop("l", "[1, 2]", write, parallel=True), read], "same_worker": True}
    answer = installation.client.post(f"{W}/jobs/run_wait_result/preview_flow", json={"value": body, "args": {}})
    assert (answer.status_code, answer.json()) == (200, "item 1item 2")


def test_squashed_loop_reuses_one_process_per_script(installation: Installation) -> None:
    content = "seen = []\ndef main(x):\n    seen.append(x)\n    return list(seen)\n"
    both = [
        script("count", content, x="flow_input.iter.value"),
        script("again", content + "#", x="results.count.length"),
    ]
    for squash, found in ((True, [[1], [1, 2], [1, 2, 3]]), (False, [[1], [1], [1]])):
        assert run(installation, loop("l", "['a', 'b', 'c']", *both, squash=squash)) == found
    assert run(installation, loop("l", "['a']", *both, squash=True)) == [[1]]


@pytest.mark.extended
def test_ten_thousand_identities(installation: Installation) -> None:
    identity = {"id": "same", "value": {"type": "identity"}}
    found = run(installation, loop("l", "Array.from({length: 10000}, (_, i) => i)", identity))
    assert len(found) == 10_000
    assert found[9_999] == {"iter": {"value": 9_999, "index": 9_999}}


@pytest.mark.extended
def test_completed_run_leaves_no_inner_rows(installation: Installation) -> None:
    checked = installation.doctor("--consistency")
    assert checked.returncode == 0, checked.stdout + checked.stderr
