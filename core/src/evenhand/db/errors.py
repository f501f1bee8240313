"""What can go wrong between us and PostgreSQL."""

from __future__ import annotations

import asyncpg
from tortoise.exceptions import DBConnectionError

from evenhand.errors import EvenhandError


class DatabaseUnavailable(EvenhandError):
    """PostgreSQL cannot be reached or does not start."""

    code = "DATABASE_UNAVAILABLE"


class DatabaseOutdated(EvenhandError):
    """The database lacks migrations that this version needs."""

    code = "DATABASE_OUTDATED"


class InvalidDatabaseUrl(EvenhandError):
    """DATABASE_URL cannot be understood."""

    code = "INVALID_DATABASE_URL"


class StatementTimeout(EvenhandError):
    """PostgreSQL worked longer on a statement than it may."""

    code = "STATEMENT_TIMEOUT"


_GONE = (
    DatabaseUnavailable,
    DBConnectionError,
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    FileNotFoundError,
)


def database_is_gone(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, says that PostgreSQL cannot be reached (any more)."""
    while error is not None:
        # "Another operation is in progress" is asyncpg's word for a mistake of ours, not for a lost connection.
        if isinstance(error, _GONE) and "another operation is in progress" not in str(error):
            return True
        # GraphQL errors carry what was raised as `original_error`.
        error = getattr(error, "original_error", None) or error.__cause__
    return False


def took_too_long(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, says that PostgreSQL stopped a statement that took too long."""
    while error is not None:
        if isinstance(error, StatementTimeout | asyncpg.QueryCanceledError):
            return True
        error = getattr(error, "original_error", None) or error.__cause__
    return False
