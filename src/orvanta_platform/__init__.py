"""Orvanta: self-hosted workflow automation on PostgreSQL."""

import sys

__version__ = "0.1.0"

# httpx imports its command line, with click and rich, which takes as long as the rest of it. It does without if the
# import fails, which None causes.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
