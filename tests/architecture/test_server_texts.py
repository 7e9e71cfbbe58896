"""Texts of the server that the editor translates: the catalogue has each of them, as the server returns it."""

from __future__ import annotations

import json
from pathlib import Path

from orvanta_platform.orchestrator.resource_schemas import shipped
from orvanta_platform.services.catalog.templates import _templates
from orvanta_platform.settings import setting_fields
from orvanta_platform.workflow.policies.templates import TEMPLATES

CODES = Path(__file__).parents[2] / "editor" / "src" / "texts" / "en" / "codes.json"
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
