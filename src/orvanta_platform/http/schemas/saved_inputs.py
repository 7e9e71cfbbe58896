"""Schemas of saved inputs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.saved_inputs import SavedInputRow


class SaveInput(msgspec.Struct, kw_only=True):
    """Arguments to save under a name."""

    name: str
    args: Raw


class ChangeInput(msgspec.Struct, kw_only=True):
    """New name and audience of a saved input."""

    id: UUID
    name: str
    is_public: bool
    """True if everybody who may read the script or workflow may use it."""


class SavedInput(msgspec.Struct, kw_only=True):
    """A saved input, or an earlier run whose arguments may be used again."""

    id: UUID
    name: str
    created_by: str
    created_at: datetime
    is_public: bool
    success: bool | UnsetType = UNSET
    """True if the run succeeded; absent for a saved input."""


def saved(row: SavedInputRow) -> SavedInput:
    """Convert a saved input."""
    return SavedInput(
        id=row.id, name=row.name, created_by=row.created_by, created_at=row.created_at, is_public=row.is_public
    )


def of_run(row: JobRow) -> SavedInput:
    """Convert a run. Its name is its time and the username of who started it."""
    name = f"{row.created_at:%Y-%m-%d %H:%M:%S} {row.created_by}"
    return SavedInput(
        id=row.id, name=name, created_by=row.created_by, created_at=row.created_at, is_public=True, success=row.success
    )
