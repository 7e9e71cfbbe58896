"""Mask of secret values."""

from __future__ import annotations

from typing import Final

MASK: Final = "***"
"""Text that stands for a secret value in results, arguments, files and recorded tests."""
