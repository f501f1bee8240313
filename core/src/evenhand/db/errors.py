"""What can go wrong between us and PostgreSQL."""

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
