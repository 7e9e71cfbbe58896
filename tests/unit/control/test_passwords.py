"""The cost of password hashes, which is lowered in other tests."""

from __future__ import annotations

import runpy

from argon2 import extract_parameters

from orvanta_platform.control import passwords


def test_hashes_follow_owasp_and_unknown_account_takes_as_long() -> None:
    """OWASP Password Storage Cheat Sheet: argon2id with at least 19 MiB and two passes."""
    module = runpy.run_path(passwords.__file__)
    parameters = extract_parameters(module["_hasher"].hash("secret"))
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (64 << 10, 3, 1)
    dummy = extract_parameters(module["_DUMMY_HASH"])
    assert (dummy.memory_cost, dummy.time_cost, dummy.parallelism) == (64 << 10, 3, 1)
