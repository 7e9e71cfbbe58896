"""Schemas of favourites."""

from __future__ import annotations

from typing import Literal

import msgspec


class Favourite(msgspec.Struct, kw_only=True):
    """A workflow or script."""

    path: str
    favorite_kind: Literal["flow", "script"]
