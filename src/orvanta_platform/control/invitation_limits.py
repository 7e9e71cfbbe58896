"""Limits on invitations: of one admin, and on the mails to one address.

An admin beyond the first limit has to wait. Beyond the second, the next mail to an address is sent only after a delay,
and invitations in between are stored, but not mailed: nobody can fill the mailbox of somebody else, or prevent that an
address is invited by others.

Refused calls that invite or add an address count as invitations, so that no admin of a workspace can find out which of
many addresses have an account.
"""

from __future__ import annotations

import hashlib
from typing import Final

from orvanta_platform.control.login_limits import Attempts, delay_s

FREE_OF_INVITER: Final = 200
"""Invitations of an account before delays start."""

FREE_OF_ADDRESS: Final = 3
"""Mails with invitations to an address before delays start."""

FORGOTTEN_S: Final = 3600.0
"""Time in seconds without a new invitation after which invitations do not count."""

_FIRST_S: Final = 10.0
_MAX_DELAY_S: Final = 900.0


def inviter_key(email: str) -> str:
    """Return the key under which the invitations of an account are counted."""
    return f"inviter:{_hash(email)}"


def tried_key(inviter: str, email: str) -> str:
    """Return the key under which an address is counted that an account tried to add: another try reveals nothing."""
    return f"tried:{_hash(f'{inviter} {email}')}"


def address_key(email: str) -> str:
    """Return the key under which the mails to an invited address are counted."""
    return f"invited:{_hash(email)}"


def wait_of_inviter_s(invitations: Attempts) -> float:
    """Return the seconds until the next invitation of an account is allowed; 0: now."""
    return _wait_s(invitations, FREE_OF_INVITER)


def may_mail(mails: Attempts) -> bool:
    """Return whether one more invitation is mailed to an address."""
    return _wait_s(mails, FREE_OF_ADDRESS) == 0


def _wait_s(attempts: Attempts, free: int) -> float:
    return max(delay_s(attempts.count - free, _FIRST_S, _MAX_DELAY_S) - attempts.age_s, 0.0)


def _hash(email: str) -> str:
    return hashlib.sha256(email.lower().encode("utf-8", "replace")).hexdigest()
