"""Parts of the benchmarks: they detect a wrong response, a missing peer and a lost child process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bench import report
from bench.bars import Options, Outcome
from bench.client import Call, Client, WrongAnswer
from bench.machine import probe_note
from bench.memory import unshared_kib
from bench.peers import install
from bench.peers.install import PeerMissing
from bench.processes import CpuGroup, CpuMeter, NotReady, Program
from bench.samples import Samples

pytestmark = pytest.mark.extended

ENVIRON = {"PATH": os.environ["PATH"]}
MACHINE = {
    "date": "2026-01-02",
    "cores": 2,
    "memory_mib": 24000,
    "system": "Debian",
    "python": "3.11.2",
    "orvanta": "abc",
}


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Suppress the log line of a request."""


@pytest.fixture
def client() -> Iterator[Client]:
    """Return a client of a server that echoes requests."""
    with HTTPServer(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        made = Client(f"http://127.0.0.1:{server.server_port}")
        yield made
        made.close()
        server.shutdown()
        thread.join()


def test_only_the_right_answer_is_timed(client: Client) -> None:
    assert client.time(Call("/", [55], [55])) > 0
    with pytest.raises(WrongAnswer, match="not \\[55\\]"):
        client.time(Call("/", [54], [55]))
    with pytest.raises(WrongAnswer, match="answered 404"):
        client.time(Call("/missing", [55]))


def test_samples_tell_median_ends_and_quantiles() -> None:
    samples = Samples.of("ms", [5, 1, 4, 2, 3, 100])
    record = samples.record()
    assert (record["median"], record["min"], record["max"], record["n"]) == (3.5, 1, 100, 6)
    assert record["raw"] == [5, 1, 4, 2, 3, 100]
    assert (samples.quantile(0.5), samples.quantile(0.99)) == (3, 100)
    hundred = Samples.of("ms", range(1, 101))
    assert (hundred.quantile(0.5), hundred.quantile(0.99)) == (50, 99)
    with pytest.raises(ValueError, match="nothing was measured"):
        Samples.of("ms", [])


def test_file_of_result_is_named_after_commit_and_bars() -> None:
    outcomes = [Outcome(bar, "", "", "", None) for bar in ("P1", "P15")]
    assert report.file_name(MACHINE, outcomes, short=False, every=2) == "2026-01-02-abc.json"
    assert report.file_name(MACHINE, outcomes, short=True, every=21) == "2026-01-02-abc-short.json"
    changed = {**MACHINE, "orvanta": "0123456789ab+"}
    assert report.file_name(changed, outcomes, short=False, every=21) == "2026-01-02-01234567-changed-p1-p15.json"


def test_peers_are_installed_into_a_folder_relative_to_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = Options(peers=Path("peers"), say=lambda _: None)
    program, _ = install.python(options, "none", [])
    assert program == tmp_path / "peers" / "none" / "bin" / "python" and program.exists()


def test_uninstallable_peer_is_reported_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = Options(peers=tmp_path / "peers", say=lambda text: None)
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(PeerMissing, match="uv pip failed"):
        install.python(options, "none", ["dbos"])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PeerMissing, match="npm is not installed"):
        install.npm(options, "@restatedev/restate-server")


def test_program_ending_early_is_reported_with_output() -> None:
    program = Program([sys.executable, "-c", "print('no luck'); raise SystemExit(3)"], env=ENVIRON)
    with pytest.raises(NotReady, match="no luck"):
        program.await_line("ready")
    program.stop()
    assert program.process.returncode == 3


def test_processes_that_came_and_went_are_counted() -> None:
    """The parent is idle; the CPU time of its children is counted only by the group."""
    group = CpuGroup()
    if group.usage_ns() is None:
        pytest.skip("no control group can be made here")
    child = "sum(range(3_000_000))"
    # If SIGCHLD is ignored, as when cells are forked, the kernel discards a child's times.
    code = f"""import os, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print('ready', flush=True)
os.read(0, 1)
for _ in range(3):
    if os.fork() == 0:
        {child}
        os._exit(0)
try:
    os.wait()
except ChildProcessError:
    print('over', flush=True)
signal.pause()
"""
    program = Program([sys.executable, "-c", code], env=ENVIRON, group=group)
    try:
        meter = CpuMeter([program.pid], lambda command: "parent", group)
        meter.start()
        program.await_line("over")
        meter.stop()
        used = meter.result().by_role
        assert used["jobs"] > used["parent"] > 0
    finally:
        program.stop()
        group.close()


def test_machine_with_cold_caches_is_noted() -> None:
    assert probe_note({"hot": 130.0, "cold": 390.0}) is None
    note = probe_note({"hot": 130.0, "cold": 2_700.0})
    assert note is not None and "130 µs repeated, 2,700 µs after 300 ms of sleep" in note


def test_unshared_memory_counts_each_physical_page_once() -> None:
    """A fork shares most of its pages with its parent: the two together need hardly more than one alone."""
    program = (
        "import os; block = os.urandom(32 << 20); child = os.fork(); print(child or '', flush=True); os.read(0, 1)"
    )
    with subprocess.Popen(
        [sys.executable, "-S", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(next(line for line in parent.stdout if line.strip()))
        alone, both = unshared_kib([parent.pid]), unshared_kib([parent.pid, pid])
    if not alone:
        pytest.skip("this user may not read physical addresses")
    assert both[pid] > 16 << 10
    assert sum(both.values()) < alone[parent.pid] + (24 << 10)
