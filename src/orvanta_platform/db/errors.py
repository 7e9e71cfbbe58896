"""Errors of the driver that other packages handle, under names of their own: only `db` imports the driver."""

from __future__ import annotations

from typing import TypeAlias

import asyncpg

DatabaseError: TypeAlias = asyncpg.PostgresError
"""Any error that the server reports."""

UniqueViolation: TypeAlias = asyncpg.UniqueViolationError
"""A row with this key exists; `constraint_name` is the constraint."""

InvalidValue: TypeAlias = asyncpg.DataError
"""The server or the driver rejects a value, for example a text with a NUL character."""

QueryCanceled: TypeAlias = asyncpg.QueryCanceledError
"""A statement was cancelled, for example because it exceeded `statement_timeout`."""

PARTITION_IN_USE: tuple[type[Exception], ...] = (
    asyncpg.LockNotAvailableError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedObjectError,
)
"""Errors of detaching or dropping a partition that another session locks, detaches or has dropped."""
