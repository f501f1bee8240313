"""What a user does not see of fields, and whether a user may export: asked of the database."""

from __future__ import annotations

import orjson
from tortoise.expressions import Q

from evenhand.auth.fields.models import ExportRight
from evenhand.auth.fields.rules import may_export
from evenhand.auth.permissions import Operation, require
from evenhand.db.session import reading
from evenhand.entities.enums import FieldEffect
from evenhand.errors import EvenhandError
from evenhand.tenancy.context import HiddenField, current_actor

HIDDEN_FIELDS = (
    "(SELECT coalesce(json_agg(json_build_array(f.entity, f.field, f.effect, f.only_in_pool)), '[]')::text "
    "FROM field_rules AS f WHERE f.tenant_id = $1 AND f.role = {role} AND f.archived_at IS NULL)"
)
"""SQL: what users of a role do not see, over the tenant as `$1`."""

FIELD_RULES_STATE = "(SELECT coalesce(sum(f.version), 0) FROM field_rules AS f WHERE f.tenant_id = $1)::bigint"
"""SQL: a number that grows with every change of the tenant's rules, over the tenant as `$1`; none is ever deleted."""


def hidden_fields(found: str) -> frozenset[HiddenField]:
    """What `HIDDEN_FIELDS` found."""
    return frozenset(
        HiddenField(entity, field, effect == FieldEffect.HIDE.value, only_in_pool)
        for entity, field, effect, only_in_pool in orjson.loads(found)
    )


class ExportDenied(EvenhandError):
    """The actor may read these records, but not take them out."""

    code = "EXPORT_DENIED"


async def can_export(entity: str) -> bool:
    """Whether the actor may export records of `entity`. The system may.

    Raises:
        PermissionDenied: the actor may not even read them.
    """
    actor = current_actor()
    require(actor, Operation.READ, entity)
    if actor.user_id is None:
        return True
    concerns = Q(user_id=actor.user_id) | Q(role=actor.role)
    async with reading():
        rights = await ExportRight.filter(concerns, archived_at=None)
    return may_export(actor.role, entity, rights)


async def require_export(entity: str) -> None:
    """Raise `ExportDenied` unless the actor may export records of `entity`."""
    if not await can_export(entity):
        raise ExportDenied(
            f"You may read {entity} records, but not export them.",
            hint="Ask an admin for the right to export them.",
            entity=entity,
        )
