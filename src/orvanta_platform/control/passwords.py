"""Password hashing with argon2id, in a separate thread pool: at most two hashes concurrently, 64 MiB each."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from orvanta_platform.errors import BadRequest

MIN_LENGTH = 8
MAX_LENGTH = 1000

_hasher = PasswordHasher(time_cost=3, memory_cost=64 << 10, parallelism=1)
_DUMMY_HASH = "$argon2id$v=19$m=65536,t=3,p=1$oz/ncoz+A4rYlyhtXzsvZQ$DtU6vrLGfYOE4xpq6syLm2MJYJkvkd2AMHJdbOtCzBA"
"""Hash of an unused password with the parameters of `_hasher`, so that checking an unknown account takes as long as a
known one.
"""

_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="passwords")


def check(password: str, least: int = MIN_LENGTH) -> None:
    """Check that a password may be set; `least` is its minimum length. Raises BadRequest."""
    if not least <= len(password) <= MAX_LENGTH:
        raise BadRequest(f"A password must have {least} to {MAX_LENGTH} characters.")


async def make(password: str, least: int = MIN_LENGTH) -> str:
    """Return the hash to store. Raises BadRequest for a password that is too short or too long."""
    check(password, least)
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def matches(stored: str | None, password: str) -> bool:
    """Return whether `stored` is the hash of `password`. Takes the same time if there is no hash (None)."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _matches, stored, password[:MAX_LENGTH])


def _matches(stored: str | None, password: str) -> bool:
    try:
        return _hasher.verify(stored or _DUMMY_HASH, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False
