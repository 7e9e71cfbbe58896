"""Schemas of logins by OpenID providers, and of linked identities."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType


class LoginProvider(msgspec.Struct):
    """A provider that the login page offers."""

    name: str
    label: str


class LoginOptions(msgspec.Struct):
    """Ways to log in."""

    providers: list[LoginProvider]
    password_login: bool
    """False: only one superadmin can log in with a password."""

    first_visit: bool
    """No account has a password yet: the terminal of the server shows a link that sets the first one."""

    branding_color: str | UnsetType = UNSET
    """Colour of the instance, #rrggbb."""


class StartLogin(msgspec.Struct):
    """A provider, and the path to go to after the login."""

    provider: str
    then: str = "/"


class LoginAddress(msgspec.Struct):
    """The address to which the browser goes to log in."""

    url: str


class LogoutAddress(msgspec.Struct):
    """The address at which the provider ends its own session; null: there is none."""

    url: str | None


class Identity(msgspec.Struct):
    """An identity of an account at a provider."""

    issuer: str
    subject: str
    created_at: datetime


class LinkIdentity(msgspec.Struct):
    """An identity to link, by the name of the provider."""

    provider: str
    subject: str


class UnlinkIdentity(msgspec.Struct):
    """An identity to unlink."""

    issuer: str
    subject: str
