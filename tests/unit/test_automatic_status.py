"""The status of automatic promotion in `orvanta env show`."""

from __future__ import annotations

import pytest

from orvanta_platform.cli.client.env import automatic_status


@pytest.mark.parametrize(
    ("disabled_reason", "waits_for", "shown"),
    [
        ("dan may not apply.", None, " (ended: dan may not apply.)"),
        (None, "The request has 0 of 1 approvals.", " (waits for: The request has 0 of 1 approvals.)"),
        (None, None, ""),
    ],
)
def test_ended_promotion_is_not_shown_as_due(disabled_reason: str | None, waits_for: str | None, shown: str) -> None:
    assert automatic_status({"disabled_reason": disabled_reason, "waits_for": waits_for}) == shown
