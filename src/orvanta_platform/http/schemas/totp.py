"""Schemas of two-step login."""

from __future__ import annotations

import msgspec


class TwoStepLogin(msgspec.Struct):
    """State of the caller's two-step login."""

    enabled: bool
    required: bool
    """True if the instance requires it."""

    has_password: bool
    recovery_codes: int
    """Number of unused recovery codes."""


class EnrolTotp(msgspec.Struct):
    """The caller's password."""

    password: str


class EnrolTotpAtLogin(msgspec.Struct):
    """E-mail address and password."""

    email: str
    password: str


class Enrolment(msgspec.Struct):
    """A secret for an authenticator application. It is shown only once."""

    secret: str
    uri: str
    """`otpauth:` URI of the secret."""

    qr: str
    """`data:` URI of an SVG image of the QR code."""

    recovery_codes: list[str]
    """Codes that each replace one code of the application."""


class ConfirmTotp(msgspec.Struct):
    """The first code of the application."""

    code: str


class DisableTotp(msgspec.Struct):
    """The caller's password, and a code."""

    password: str
    code: str
