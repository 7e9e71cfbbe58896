"""Texts of the server that the editor translates: the catalogue has each of them, as the server returns it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from orvanta_platform.errors import IdentityDisabled, InvalidItemSettings
from orvanta_platform.orchestrator.resource_schemas import shipped
from orvanta_platform.reasons import TEXTS as REASONS
from orvanta_platform.services.catalog.templates import _templates
from orvanta_platform.settings import setting_fields
from orvanta_platform.workflow.policies.templates import TEMPLATES

ROOT = Path(__file__).parents[2]
CODES = ROOT / "editor" / "src" / "texts" / "en" / "codes.json"
KINDS = ("setting", "resourceType", "policy", "policyMessage", "template", "templateHint")


def server_texts() -> dict[str, str]:
    """Return the texts of settings, resource types and templates, by their keys in the catalogue."""
    return {
        **{f"setting_{row.metadata['name']}": row.metadata["text"] for row in setting_fields()},
        **{f"resourceType_{name}": row.description for name, row in shipped().items()},
        **{f"policy_{each['name']}": each["name"] for each in TEMPLATES},
        **{f"policyMessage_{each['name']}": each["message"] for each in TEMPLATES},
        **{f"template_{each.name}": each.summary for each in _templates().values()},
        **{f"templateHint_{each.name}": each.description for each in _templates().values()},
    }


def test_catalogue_has_the_texts_of_the_server() -> None:
    """A changed text is to be translated again: another language would still show the former one."""
    catalogue = json.loads(CODES.read_text(encoding="utf-8"))
    assert {key: text for key, text in catalogue.items() if key.startswith(tuple(f"{each}_" for each in KINDS))} == (
        server_texts()
    )


BLOCKER = re.compile(r'\bBlocker\(\s*(?:"(\w+)"|f"\{each\.kind\}(_missing)"|(\w+)\.code)')
"""Code of a reason that prevents a deployment, in the sources."""


def test_catalogue_has_every_reason_that_prevents_a_deployment() -> None:
    sources = [
        each.read_text(encoding="utf-8") for each in (ROOT / "src/orvanta_platform/services/releases").glob("*.py")
    ]
    classes = {each.__name__: each.code for each in (IdentityDisabled, InvalidItemSettings)}
    codes: set[str] = set()
    for code, missing, name in BLOCKER.findall("\n".join(sources)):
        codes |= {f"variable{missing}", f"resource{missing}"} if missing else {code or classes[name]}
    catalogue = json.loads(CODES.read_text(encoding="utf-8"))
    assert {key.partition("_")[2] for key in catalogue if key.startswith("blocker_")} == codes
    assert {key.partition("_")[2] for key in catalogue if key.startswith("blockerHint_")} == codes


def test_catalogue_has_every_stored_reason() -> None:
    """A new code of a reason is to be translated; `editor/test/texts.test.ts` compares the languages."""
    catalogue = json.loads(CODES.read_text(encoding="utf-8"))
    found = {key.partition("_")[2]: text for key, text in catalogue.items() if key.startswith("reason_")}
    assert found == REASONS


def test_every_reason_has_a_german_text() -> None:
    german = json.loads((CODES.parents[1] / "de" / "codes.json").read_text(encoding="utf-8"))
    assert [code for code in REASONS if not german.get(f"reason_{code}")] == []
