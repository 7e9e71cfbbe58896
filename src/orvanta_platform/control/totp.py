"""Codes of two-step logins: time-based ones (RFC 6238) of an authenticator application, and recovery codes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import Final

import pyotp

RECOVERY_CODES: Final = 10
"""Number of recovery codes of an enrolment; each replaces one code of the application."""

_STEP_S: Final = 30
_TOLERATED_STEPS: Final = 1
"""Time steps by which the clock of the device may differ from that of the server."""

_CODE = re.compile(r"[0-9]{6}")


def new_secret() -> str:
    """Return a random secret of 160 bits in base32."""
    return pyotp.random_base32()


def uri(secret: str, email: str, host: str) -> str:
    """Return the `otpauth:` URI by which an application stores the secret of an account at this host."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=f"Orvanta {host}")


def is_time_based(code: str) -> bool:
    """Return whether a text has the form of a code of the application, unlike recovery codes."""
    return _CODE.fullmatch(re.sub(r"\s", "", code)) is not None


def matching_step(secret: str, code: str, now: datetime, after: int) -> int | None:
    """Return the time step of a code, among those that are valid now and later than `after`; None if it is wrong."""
    if not is_time_based(code):
        return None
    code = re.sub(r"\s", "", code)
    generator, present = pyotp.TOTP(secret), int(now.timestamp()) // _STEP_S
    for step in range(max(present - _TOLERATED_STEPS, after + 1), present + _TOLERATED_STEPS + 1):
        if hmac.compare_digest(generator.generate_otp(step), code):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Return random codes of 80 bits, such as `abcd-efgh-ijkl-mnop`."""
    texts = (base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES))
    return ["-".join(text[at : at + 4] for at in range(0, 16, 4)) for text in texts]


def recovery_hash(code: str) -> bytes:
    """Return the hash under which a recovery code is stored. Case, blanks and hyphens do not matter."""
    return hashlib.sha256(re.sub(r"[\s-]", "", code).lower().encode("utf-8", "replace")).digest()
