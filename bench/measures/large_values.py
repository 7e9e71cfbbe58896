"""P10: memory for a large result and a large input, which must not be stored in the database."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from bench.bars import Options, Outcome
from bench.database import ask
from bench.installation import Installation, installation
from bench.memory import Growth, growth
from bench.targets import outcome
from bench.workflows import small
from orvanta_platform.embedded.postgres import start

_RESULT, _INPUT, _STEPS = 50 << 20, 10 << 20, 10
_TEXT = "import random\n\n\ndef main(size):\n    return random.Random(size).randbytes(size // 2).hex()\n"
_PASS = "def main(x):\n    return x\n"
_LIVE = (
    "SELECT sum(pg_total_relation_size(name)) FROM unnest(ARRAY['job_live', 'run_live', 'inbox']::regclass[]) AS name"
)
_ROWS = "SELECT coalesce(max(octet_length(body)), 0) FROM value"


def p10(options: Options) -> Outcome:
    """Pass a 50 MB result through object storage, a 10 MB input through ten steps: growth of server and worker."""
    result, given = (4 << 20, 1 << 20) if options.quick else (_RESULT, _INPUT)
    rounds = 1 if options.quick else min(options.rounds, 5)
    with installation() as orvanta:
        for _ in range(3):
            orvanta.client.time(orvanta.preview(small(), 42))
        _result(orvanta, result)
        _input(orvanta, given)
        results = [_result(orvanta, result + place) for place in range(rounds)]
        inputs = [_input(orvanta, given) for _ in range(rounds)]
        with start(orvanta.database) as database:
            live, row = (int(ask(database, query)[0][0]) for query in (_LIVE, _ROWS))
    of = {"result": (results, result), "input": (inputs, given)}
    ratios = {name: max(each.most for each in found) * (1 << 20) / size for name, (found, size) in of.items()}
    data: dict[str, Any] = {name: [each.record() for each in found] for name, (found, _) in of.items()}
    data |= {"ratios": {name: round(ratio, 2) for name, ratio in ratios.items()}}
    data |= {"bytes": {"result": result, "input": given}, "queue_tables_bytes": live, "largest_row_bytes": row}
    options.say(f"  {data['ratios']}, queue {live / 1024:.0f} KiB, largest row {row / 1024:.0f} KiB")
    kept_out = live < given and row <= 256 << 10
    measured = f"{ratios['result']:.1f} ×; {ratios['input']:.1f} ×" + ("" if kept_out else ", payload in the database")
    return outcome("P10", options, measured, data, is_whole=kept_out)


def _result(orvanta: Installation, size: int) -> Growth:
    with growth(orvanta) as found:
        body = {"content": _TEXT, "language": "python3", "args": {"size": size}}
        id, _ = ended(orvanta, "/api/w/main/jobs/run/preview", body)
        length, _ = orvanta.client.digest(f"/api/w/main/jobs_u/completed/get_result/{id}", orvanta.headers)
    assert length == 2 + size // 2 * 2, length
    return found


def _input(orvanta: Installation, size: int) -> Growth:
    text = hashlib.sha256(str(size).encode()).hexdigest() * (size // 64)
    modules = []
    for place in range(_STEPS):
        read = f"results.s{place - 1}" if place else "flow_input.x"
        inputs = {"x": {"type": "javascript", "expr": read}}
        value = {"type": "rawscript", "language": "python3", "content": _PASS, "input_transforms": inputs}
        modules.append({"id": f"s{place}", "value": value})
    with growth(orvanta) as found:
        body = {"value": {"modules": modules}, "args": {"x": text}}
        id, _ = ended(orvanta, "/api/w/main/jobs/run/preview_flow", body)
        length, digest = orvanta.client.digest(f"/api/w/main/jobs_u/completed/get_result/{id}", orvanta.headers)
    assert (length, digest) == (len(text) + 2, hashlib.sha256(json.dumps(text).encode()).hexdigest())
    return found


def ended(orvanta: Installation, url: str, body: Any) -> tuple[str, float]:
    """Start a run and wait until it has succeeded; return its id and duration in seconds. The result is not read."""
    status, answer = orvanta.client.post(url, body, orvanta.headers)
    assert status == 201, answer[:500]
    id = answer.decode()
    while True:
        status, answer = orvanta.client.get(
            f"/api/w/main/jobs_u/getupdate/{id}?running=true&no_logs=true", orvanta.headers
        )
        assert status == 200, answer[:500]
        if json.loads(answer).get("completed"):
            break
    status, answer = orvanta.client.get(
        "/api/w/main/jobs/completed/list?per_page=1&has_null_parent=true", orvanta.headers
    )
    (row,) = json.loads(answer)
    assert (row["id"], row["success"]) == (id, True), answer[:500]
    return id, row["duration_ms"] / 1000
