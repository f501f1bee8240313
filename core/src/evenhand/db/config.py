"""Where the database is: `DATABASE_URL`, or the embedded PostgreSQL when it is not set."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import platformdirs

from evenhand.db.connection import LeanConnection
from evenhand.db.errors import InvalidDatabaseUrl
from evenhand.environment import count, setting

APP_ROLE = "evenhand_app"
"""The role the application works under: it cannot bypass row level security nor rewrite the journal."""


def data_directory() -> Path:
    """The folder for everything Evenhand keeps on this machine: `EVENHAND_DATA` or the user's data folder."""
    configured = os.environ.get("EVENHAND_DATA")
    return Path(configured).expanduser().resolve() if configured else platformdirs.user_data_path("evenhand")


@dataclass(frozen=True)
class DatabaseConfig:
    """How to reach one database. `host` may be the folder of a Unix socket.

    Attributes:
        pool_size: most connections of one process for changes, and for reads that are not compiled.
        read_connections: most further ones, which compiled reads share.
        statement_seconds: how long PostgreSQL works on one statement of the application; None for any time.
    """

    host: str
    port: int
    user: str
    database: str
    password: str | None = None
    ssl: str | None = None
    pool_size: int = 10
    read_connections: int = 4
    statement_seconds: float | None = None

    @classmethod
    def from_url(cls, url: str) -> DatabaseConfig:
        """Read `postgresql://user:password@host:port/database?host=/socket/folder&sslmode=require`.

        Raises:
            InvalidDatabaseUrl: for another scheme, or without a database name.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("postgres", "postgresql"):
            raise InvalidDatabaseUrl(
                f"DATABASE_URL starts with {parts.scheme!r}.",
                hint="Use postgresql://user:password@host:5432/database.",
            )
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        database = unquote(parts.path.lstrip("/"))
        if not database:
            raise InvalidDatabaseUrl(
                "DATABASE_URL names no database.", hint="Add it at the end: postgresql://user@host:5432/evenhand."
            )
        try:
            port = int(query.get("port", parts.port or 5432))
        except ValueError as error:
            raise InvalidDatabaseUrl(
                f"DATABASE_URL has a port that is no number: {error}.", hint="Use a port such as 5432."
            ) from error
        return cls(
            host=query.get("host") or parts.hostname or "localhost",
            port=port,
            user=unquote(parts.username or query.get("user") or os.environ.get("PGUSER", "postgres")),
            password=unquote(parts.password) if parts.password else None,
            database=database,
            ssl=query.get("sslmode"),
        )

    def named(self, database: str) -> DatabaseConfig:
        """The same server, another database."""
        return replace(self, database=database)

    def connect_arguments(self) -> dict[str, Any]:
        """Arguments for `asyncpg.connect`, as the owner of the schema (migrations, set-up)."""
        arguments: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "database": self.database,
            "password": self.password,
        }
        if self.ssl:
            arguments["ssl"] = self.ssl
        return arguments

    def credentials(self, *, as_owner: bool = False) -> dict[str, Any]:
        """Credentials for a tortoise connection; works under `APP_ROLE` unless `as_owner`."""
        settings = {"timezone": "UTC", "jit": "off"}
        if not as_owner:
            settings["role"] = APP_ROLE
            if self.statement_seconds is not None:
                settings["statement_timeout"] = str(max(1, round(self.statement_seconds * 1000)))
        return {
            **self.connect_arguments(),
            "minsize": 1,
            "maxsize": 1 if as_owner else self.pool_size,
            "server_settings": settings,
            "application_name": "evenhand",
            "connection_class": LeanConnection,
        }


def database_from_environment() -> DatabaseConfig | None:
    """The database named by `DATABASE_URL`, or None when the embedded one is to be used.

    Raises:
        InvalidDatabaseUrl; InvalidSetting.
    """
    url = os.environ.get("DATABASE_URL")
    if not url:
        return None
    return with_connections(DatabaseConfig.from_url(url))


def with_connections(config: DatabaseConfig) -> DatabaseConfig:
    """The same database with as many connections as `EVENHAND_POOL_SIZE` and `EVENHAND_READ_CONNECTIONS` say.

    Raises:
        InvalidSetting: one of them is no number above zero.
    """
    return replace(
        config,
        pool_size=setting("EVENHAND_POOL_SIZE", config.pool_size, count),
        read_connections=setting("EVENHAND_READ_CONNECTIONS", config.read_connections, count),
    )
