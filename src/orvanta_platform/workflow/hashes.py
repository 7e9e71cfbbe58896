"""Hashes by which contents, plans and texts are compared: SHA-256 as hex digits."""

from __future__ import annotations

import hashlib
import json

import msgspec


def hash_json(value: object) -> str:
    """Return the hash of a JSON value, independent of the order of its keys."""
    try:
        text = msgspec.json.encode(value, order="sorted")
    except UnicodeEncodeError:  # unpaired surrogates, which YAML can contain
        text = json.dumps(value, sort_keys=True).encode()
    return hashlib.sha256(text).hexdigest()


def hash_text(text: str) -> str:
    """Return the hash of the UTF-8 bytes of a text; unpaired surrogates count as question marks."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
