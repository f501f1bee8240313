"""Which tenant the running task works for, and on whose behalf."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from evenhand.errors import EvenhandError


class Role(StrEnum):
    """What a user is in the tenant; permissions follow from it."""

    ADMIN = "admin"
    MANAGER = "manager"
    REP = "rep"
    READ_ONLY = "read_only"


class Scope(StrEnum):
    """What an API key may be used for, whatever its user may do."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True)
class HiddenField:
    """A field that somebody does not see, or sees in part.

    Attributes:
        hide: nothing of it is shown; otherwise it is masked.
        only_in_pool: only of records that wait in a pool which the person does not manage.
    """

    entity: str
    field: str
    hide: bool
    only_in_pool: bool


@dataclass(frozen=True)
class Actor:
    """Who acts: a user, or the system itself (`user_id` None: command line, jobs, plugins).

    Attributes:
        via: through what, for the journal: "graphql", "cli", "import", "plugin:assignment", …
        hidden: the fields that are not shown as they are.
    """

    tenant_id: UUID
    user_id: UUID | None
    role: Role
    via: str = "system"
    scopes: frozenset[Scope] = field(default_factory=lambda: frozenset(Scope))
    hidden: frozenset[HiddenField] = frozenset()


class TenantRequired(EvenhandError):
    """Rows of a tenant were touched outside of any tenant."""

    code = "TENANT_REQUIRED"


class TenantMismatch(EvenhandError):
    """A row of one tenant was about to be written while working for another."""

    code = "TENANT_MISMATCH"


_actor: ContextVar[Actor | None] = ContextVar("evenhand_actor", default=None)


def current_actor() -> Actor:
    """The actor of the running task.

    Raises:
        TenantRequired: outside of `acting_as`.
    """
    actor = _actor.get()
    if actor is None:
        raise TenantRequired(
            "This touches a tenant's rows, but no tenant is set.",
            hint="Wrap the call in `with acting_as(actor):`.",
        )
    return actor


def current_tenant() -> UUID:
    """The id of the tenant the running task works for; raises `TenantRequired` without one."""
    return current_actor().tenant_id


@contextmanager
def acting_as(actor: Actor) -> Iterator[Actor]:
    """Work for the actor's tenant inside the block (this task and tasks it starts)."""
    token = _actor.set(actor)
    try:
        yield actor
    finally:
        _actor.reset(token)


def system_actor(tenant_id: UUID, via: str = "system") -> Actor:
    """The tenant's system itself, with every right: command line, jobs and tests."""
    return Actor(tenant_id=tenant_id, user_id=None, role=Role.ADMIN, via=via)
