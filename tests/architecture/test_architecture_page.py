"""The page on the architecture: its layers equal those of the import checks, and its diagram names existing modules."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text()
DRAWING = (ROOT / "docs" / "images" / "run-life.svg").read_text()


def test_layers_of_the_page_are_those_of_the_contract() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    checked = contracts["importlinter:contract:layers"]["layers"].strip().splitlines()
    block = PAGE.partition("```text\n")[2].partition("```")[0].splitlines()
    shown = [re.split(r" {2,}", line)[0] for line in block]
    assert [re.findall(r"\w+", layer) for layer in shown] == [re.findall(r"\w+", layer) for layer in checked]


def test_drawing_names_existing_modules_and_tables() -> None:
    modules = re.findall(r"[\w/]+\.py", DRAWING)
    assert len(modules) > 20
    assert not [name for name in modules if not (ROOT / "src" / "orvanta_platform" / name).is_file()]
    schema = (ROOT / "src" / "orvanta_platform" / "db" / "schema.sql").read_text()
    tables = set(re.findall(r"^CREATE TABLE (?:\w+\.)?(\w+)", schema, re.MULTILINE))
    assert {"run_live", "job_live", "value", "inbox", "timer", "run", "job"} <= tables
