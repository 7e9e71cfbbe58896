"""Delays between the attempts of a failed node.

The formula is OpenFlow's (schema `Retry`): first the constant attempts, each after `seconds`; then the exponential
ones, counted from n = 1, after multiplier × seconds^n, ± random_factor per cent. With seconds 3 and multiplier 2 these
are 6, 18, 54, 162 s. No delay exceeds 6 h.
"""

from __future__ import annotations

import hashlib

from orvanta_platform.engine.plan import Retry

MAX_DELAY_S = 6 * 3600.0
"""Maximum delay; longer ones are shortened to it."""


def attempts_left(retry: Retry | None, failures: int) -> bool:
    """Return whether a node with this many failed attempts may be retried."""
    return retry is not None and failures <= retry.constant_attempts + retry.exponential_attempts


def delay_s(retry: Retry, failures: int, node: int, seed: int) -> float:
    """Return the seconds (0 to MAX_DELAY_S) to wait after attempt number `failures` (from 1) failed.

    The same run seed, node and number give the same delay, so that a replay makes the same decisions.
    """
    if failures <= retry.constant_attempts:
        return min(max(float(retry.constant_s), 0.0), MAX_DELAY_S)
    n = failures - retry.constant_attempts
    jitter = retry.random_factor / 100 * (2 * _fraction(seed, node, failures) - 1)
    return min(max(_exponential(retry.multiplier, retry.seconds, n) * (1 + jitter), 0.0), MAX_DELAY_S)


def _exponential(multiplier: float, seconds: float, n: int) -> float:
    try:
        return float(multiplier * float(seconds) ** n)
    except OverflowError:
        # The value exceeds the largest double and therefore the maximum; a multiplier of 0 still means no delay.
        return MAX_DELAY_S if multiplier else 0.0


def _fraction(seed: int, node: int, failures: int) -> float:
    """Return a number in [0, 1), uniformly distributed over its inputs and the same on every machine."""
    digest = hashlib.sha256(f"{seed}:{node}:{failures}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) * 2.0**-53
