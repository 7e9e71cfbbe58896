"""Variables and resources read by scripts, as requirements of a release."""

from __future__ import annotations

import pytest

from orvanta_platform.workflow.releases.dependencies import dependencies_of
from orvanta_platform.workflow.tree.item import Item


@pytest.mark.parametrize(
    ("code", "variables", "resources"),
    [
        ('wmill.get_variable("f/sales/key")', {"f/sales/key"}, set()),
        ("getResource('u/ann/shop')", set(), {"u/ann/shop"}),
        ("x = '$var:f/sales/key $res:f/sales/shop'", {"f/sales/key"}, {"f/sales/shop"}),
        ('curl "$BASE_URL/api/w/main/variables/get_value/f/sales/key"', {"f/sales/key"}, set()),
        ('curl "$BASE_URL/api/w/main/resources/get_value_interpolated/f/sales/shop"', set(), {"f/sales/shop"}),
        ("# resources of f/sales", set(), set()),
    ],
)
def test_values_that_code_reads_are_requirements(code: str, variables: set[str], resources: set[str]) -> None:
    found = dependencies_of(Item("script", "f/team/script", {"language": "bash", "content": code}))
    assert (found.variables, found.resources) == (variables, resources)
