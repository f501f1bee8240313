"""Who can hold records, and who holds a new one that names nobody."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from evenhand.actions.errors import OwnerNotEligible
from evenhand.auth.permissions import Operation, may, require
from evenhand.db.session import driver_transaction, raw_connection
from evenhand.errors import EvenhandError, InvalidInput, Problem
from evenhand.ownership.models import Pool
from evenhand.tenancy.context import Role, current_actor

# Shared: those who give records to the same user do not wait for each other, but who deactivates the user does.
_LOCK = (
    "SELECT id, name, role, is_active, archived_at FROM users WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) "
    "ORDER BY id FOR SHARE"
)


@dataclass(frozen=True)
class Holder:
    """Who holds a record: an owner or a pool, exactly one."""

    owner_id: UUID | None = None
    pool_id: UUID | None = None


async def default_pool_id() -> UUID:
    """The tenant's default pool; every tenant has exactly one."""
    pool = await Pool.get(is_default=True)
    return pool.id


async def default_holder(entity: str) -> tuple[UUID | None, UUID | None]:
    """Owner and pool (one of them None) of a new record that names neither.

    What a manager or rep creates is theirs. Leads wait in the pool, to be assigned; so does all that the
    system or an admin creates.
    """
    actor = current_actor()
    if entity != "Lead" and actor.user_id is not None and actor.role in (Role.MANAGER, Role.REP):
        return actor.user_id, None
    return None, await default_pool_id()


def require_may_own(entity: str, owner_ids: Collection[UUID]) -> None:
    """Raise `PermissionDenied` when new records are given to others by somebody who may not assign such records."""
    actor = current_actor()
    if not may(actor, Operation.ASSIGN, entity) and set(owner_ids) - {actor.user_id}:
        require(actor, Operation.ASSIGN, entity)


async def require_eligible_owners(owner_ids: Collection[UUID]) -> None:
    """Raise unless each is an active user who may hold customers."""
    for error in (await ineligible_owners(owner_ids)).values():
        raise error


async def ineligible_owners(owner_ids: Collection[UUID]) -> dict[UUID, EvenhandError]:
    """Why some of these cannot hold customers, by their ids; one statement.

    Inside a transaction that writes: until it ends, none of them can become somebody who cannot.
    """
    errors: dict[UUID, EvenhandError] = {}
    if not owner_ids:
        return errors
    rows = await raw_connection(driver_transaction()).fetch(_LOCK, current_actor().tenant_id, list(owner_ids))
    found = {row["id"]: row for row in rows}
    for owner_id in owner_ids:
        user = found.get(owner_id)
        if user is None:
            message = f"owner_id: user {owner_id} does not exist here."
            errors[owner_id] = InvalidInput(
                [Problem("owner_id", "REFERENCE_NOT_FOUND", message, "Use the id of a user.")]
            )
        elif not user["is_active"] or user["archived_at"] is not None or user["role"] == Role.READ_ONLY:
            state = "read-only" if user["role"] == Role.READ_ONLY else "inactive"
            errors[owner_id] = OwnerNotEligible(
                f"{user['name']} is {state} and cannot own records.",
                hint="Choose an active user, or leave the record in a pool.",
                user=str(owner_id),
            )
    return errors
