"""A tree of every file form, import form, lock form and client call, pushed by one command; every result is known."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.cli.client import Cli
from tests.cli.conftest import cli as cli
from tests.corpus.cases import Case, Corpus, Fails
from tests.corpus.scripts import add_scripts
from tests.corpus.workflows import add_workflows

MAX_AT_ONCE = 4
SHARED = {
    "f/corpus/folder.meta.yaml": "summary: Corpus\nowners: []\nextra_perms: {}\n",
    "f/corpus/region.variable.yaml": "value: north\nis_secret: false\ndescription: ''\n",
    "f/corpus/shop.resource.yaml": "resource_type: corpus_shop\nvalue: {url: '$var:f/corpus/region', n: 1}\n",
    "f/corpus/ini.resource.yaml": "resource_type: any\nvalue: {content: '!inline f/corpus/ini.resource.file.ini'}\n",
    "corpus_shop.resource-type.yaml": "schema: {type: object, properties: {url: {type: string}, n: {type: integer}}}\n",
}


LEFT_ALONE = {
    "f/corpus/ini.resource.file.ini": "[a]\nb = 1\n",
    "groups/all.group.yaml": "summary: Everybody\nmembers: []\n",
    "settings.yaml": "auto_invite_enabled: false\n",
    "f/corpus/events.kafka_trigger.yaml": "script_path: f/corpus/py_base1\nis_flow: false\n",
}
"""Files that are not items."""


def made() -> Corpus:
    """Return the whole corpus."""
    corpus = Corpus(files=SHARED | LEFT_ALONE)
    add_scripts(corpus)
    add_workflows(corpus)
    return corpus


def test_corpus_is_large_enough_and_has_no_path_twice() -> None:
    corpus = made()
    assert len(corpus.scripts) >= 150 and len(corpus.workflows) >= 60
    for cases in (corpus.scripts, corpus.workflows):
        assert len({each.path for each in cases}) == len(cases)


@pytest.mark.extended
def test_tree_is_pushed_by_one_command_and_every_item_returns_its_result(cli: Cli, tmp_path: Path) -> None:
    corpus = made()
    for name, text in corpus.files.items():
        cli.write(f"tree/{name}", text)
    started = time.monotonic()
    pushed = cli("push", "tree", "--json", code=None)
    deployed = time.monotonic()
    failed = pushed.json.get("failed", pushed.json)
    assert failed == [], failed
    # The command also lists the folders that the tree does not declare, and writes their files.
    declared = [each for each in pushed.json["pushed"] if each["file"].removeprefix("tree/") not in undeclared(corpus)]
    assert len(declared) == len(corpus.scripts) + len(corpus.workflows) + len(SHARED)
    client = cli.installation.client
    with ThreadPoolExecutor(MAX_AT_ONCE) as pool:
        scripts = list(pool.map(lambda case: _fault(client, "p", case), corpus.scripts))
        workflows = list(pool.map(lambda case: _fault(client, "f", case), corpus.workflows))
    ran = time.monotonic()
    wrong = [each for each in (*scripts, *workflows) if each is not None]
    print(
        f"{len(scripts)} scripts and {len(workflows)} workflows: pushed in {deployed - started:.1f} s, "
        f"run in {ran - deployed:.1f} s, {len(wrong)} wrong"
    )
    assert wrong == []


def _fault(client: httpx.Client, kind: str, case: Case) -> str | None:
    """Run an item and return the difference from its expected result, or None."""
    answer = client.post(f"/api/w/main/jobs/run_wait_result/{kind}/{case.path}", json=case.input)
    found: Any = answer.json()
    if isinstance(case.expected, Fails):
        name = found.get("error", {}).get("name") if isinstance(found, dict) else None
        return None if name == case.expected.name else f"{case.path}: {found} instead of {case.expected.name}"
    return None if found == case.expected else f"{case.path}: {found} instead of {case.expected}"


def undeclared(corpus: Corpus) -> set[str]:
    """Return the names of the files of folders that the tree does not contain."""
    folders = {"/".join(name.split("/")[:2]) for name in corpus.files}
    return {f"{folder}/folder.meta.yaml" for folder in folders} - set(corpus.files)
