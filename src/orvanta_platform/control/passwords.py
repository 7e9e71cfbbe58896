"""Passwords as argon2id, worked on in threads of their own: at most two at a time, 64 MiB each."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from orvanta_platform.errors import BadRequest

SHORTEST = 8
LONGEST = 1000

_hasher = PasswordHasher(time_cost=3, memory_cost=64 << 10, parallelism=1)
_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=1$oz/ncoz+A4rYlyhtXzsvZQ$DtU6vrLGfYOE4xpq6syLm2MJYJkvkd2AMHJdbOtCzBA"
"""A hash of an unused password with the parameters of `_hasher`: an unknown account takes as long as a known one."""

_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="passwords")


def check(password: str) -> None:
    """Nothing for a password that may be set. Raises BadRequest."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadRequest(f"A password has {SHORTEST} to {LONGEST} characters.")


async def make(password: str) -> str:
    """The hash to store. Raises BadRequest for a password that is too short or too long."""
    check(password)
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def matches(stored: str | None, password: str) -> bool:
    """Whether `password` is the one `stored` was made of. Takes as long where there is none (None)."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _matches, stored, password[:LONGEST])


def _matches(stored: str | None, password: str) -> bool:
    try:
        return _hasher.verify(stored or _NOBODYS, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False
