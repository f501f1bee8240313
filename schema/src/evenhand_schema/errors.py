"""What the API may refuse before the core is asked."""

from __future__ import annotations

from uuid import UUID

from evenhand.errors import EvenhandError


class InvalidCursor(EvenhandError):
    """A page cursor that was changed, or that belongs to another list or ordering."""

    code = "INVALID_CURSOR"


class InvalidPageSize(EvenhandError):
    """`first` is out of range."""

    code = "INVALID_PAGE_SIZE"


class InvalidId(EvenhandError):
    """An id that is no id of ours."""

    code = "INVALID_ID"


class InvalidFilter(EvenhandError):
    """A filter value that no record can match."""

    code = "INVALID_FILTER"


class InvalidGrouping(EvenhandError):
    """Keys or an order of groups that make no sense together."""

    code = "INVALID_GROUPING"


class QueryTooLarge(EvenhandError):
    """A query that may read more records than one request may."""

    code = "QUERY_TOO_LARGE"


class InvalidRequest(EvenhandError):
    """A request that is no GraphQL request."""

    code = "INVALID_REQUEST"


class PluginDisabled(EvenhandError):
    """The field belongs to a plugin that the tenant has not enabled."""

    code = "PLUGIN_DISABLED"


def to_uuid(value: object) -> UUID:
    """The id that a client sent.

    Raises:
        InvalidId: it is not one.
    """
    try:
        return value if isinstance(value, UUID) else UUID(str(value))
    except ValueError:
        raise InvalidId(f"{str(value)[:80]!r} is not an id.", hint="Use the id that the API gave.") from None
