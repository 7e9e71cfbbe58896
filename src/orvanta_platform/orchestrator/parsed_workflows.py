"""Workflows that were parsed recently, for plans of change sets."""

from __future__ import annotations

import threading
from collections import OrderedDict
from hashlib import sha256
from typing import Final

from orvanta_platform.workflow.tree.plan import ParsedWorkflow, parse_limited

_MAX_CALLS: Final = 100
"""Maximum number of calls of other workflows in one that is remembered."""

_MAX_CHARACTERS: Final = 4000
"""Maximum number of characters of the paths in these calls, which are not checked yet."""


class ParsedWorkflows:
    """Digests of workflows that were parsed recently, by those of their texts, without the documents.

    To parse the largest YAML takes half a second. A command compares, plans and applies the same texts.
    """

    def __init__(self, limit: int = 5000) -> None:
        self._limit = limit
        self._known: OrderedDict[bytes, ParsedWorkflow] = OrderedDict()
        self._lock = threading.Lock()

    def parse(self, text: str) -> ParsedWorkflow:
        """Return a parsed workflow. One beyond the limits of a deployment is not parsed."""
        key = sha256(text.encode()).digest()
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
                return found
        found = parse_limited(text)
        if len(found.calls) <= _MAX_CALLS and sum(map(len, found.calls)) <= _MAX_CHARACTERS:
            with self._lock:
                self._known[key] = found
                if len(self._known) > self._limit:
                    self._known.popitem(last=False)
        return found
