"""Which fields a rule may be about, and what follows from rules for a role. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tortoise import fields
from tortoise.fields.data import CharEnumFieldInstance
from tortoise.models import Model

from evenhand.auth.fields.masking import mask
from evenhand.auth.fields.models import ExportRight
from evenhand.entities import ContactChannel
from evenhand.entities.enums import FieldEffect
from evenhand.entities.registry import ENTITIES, SYSTEM_COLUMNS
from evenhand.errors import Problem
from evenhand.tenancy.context import HiddenField, Role

CHANNEL = "ContactChannel"
"""The rows of a contact that are no entity of their own, but hold what is hidden most often."""

FIGURES = frozenset({("Opportunity", "amount"), ("SurveyAnswer", "comment")})
"""Fields that summaries and timelines show in other words; hiding them would hide nothing."""

DEFAULTS: tuple[tuple[str, str], ...] = (
    ("Account", "phone"),
    ("Lead", "phone"),
    ("Lead", "email"),
    ("Lead", "wechat"),
    (CHANNEL, "value"),
)
"""Entity and field of the rules that every tenant begins with: reps see them in part until they hold the record."""

POOLED: Mapping[str, str | None] = {
    "Account": "{row}.pool_id",
    "Lead": "{row}.pool_id",
    "Opportunity": "{row}.pool_id",
    CHANNEL: (
        "(SELECT a.pool_id FROM contacts AS c JOIN accounts AS a ON a.tenant_id = c.tenant_id AND a.id = c.account_id "
        "WHERE c.tenant_id = $1 AND c.id = {row}.contact_id)"
    ),
}
"""SQL over `{row}` and the tenant as `$1`: the pool in which a record waits, or the customer whose record it is."""
_POOL_OF_ACCOUNT = "(SELECT a.pool_id FROM accounts AS a WHERE a.tenant_id = $1 AND a.id = {row}.account_id)"


MANAGED_POOLS = """
SELECT member.pool_id FROM pool_members AS member JOIN users AS me ON me.tenant_id = $1 AND me.id = {user}
WHERE member.tenant_id = $1 AND member.role = 'manager' AND member.archived_at IS NULL AND (
    member.user_id = me.id OR me.regions ? member.region OR me.product_lines ? member.product_line
    OR member.team_id IN (
        WITH RECURSIVE above AS (
            SELECT mine.team_id AS id FROM users AS mine WHERE mine.tenant_id = $1 AND mine.id = {user}
            UNION SELECT team.parent_id FROM above JOIN teams AS team ON team.tenant_id = $1 AND team.id = above.id
        ) SELECT id FROM above))
"""
"""SQL: the pools that the user `{user}` manages, over the tenant as `$1`; the same for every row."""


def model_of(entity: str) -> type[Model] | None:
    """The model behind an entity that rules may name; None when there is none."""
    if entity == CHANNEL:
        return ContactChannel
    return ENTITIES[entity].model if entity in ENTITIES else None


def pool_sql(entity: str) -> str | None:
    """SQL of the pool in which a record of `entity` waits, see `POOLED`; None when it never waits in one."""
    if entity in POOLED:
        return POOLED[entity]
    model = model_of(entity)
    return _POOL_OF_ACCOUNT if model is not None and "account_id" in model._meta.fields_db_projection.values() else None


def maskable(entity: str) -> dict[str, bool]:
    """The fields of an entity that a rule may be about, and whether they can be shown in part.

    Names are seen by all who see the record: lists, searches and messages call it so.
    """
    model = model_of(entity)
    if model is None:
        return {}
    kept = set(SYSTEM_COLUMNS) | {"custom"}
    kind = ENTITIES.get(entity)
    if kind is not None:
        kept |= {kind.title, *kind.filled, *kind.managed, *(kind.search.names if kind.search else ())}
    found: dict[str, bool] = {}
    for name, column in model._meta.fields_db_projection.items():
        field = model._meta.fields_map[name]
        if column in kept or (entity, column) in FIGURES or isinstance(field, CharEnumFieldInstance | fields.JSONField):
            continue
        text = isinstance(field, fields.CharField | fields.TextField)
        plain = isinstance(field, fields.DecimalField | fields.DateField | fields.DatetimeField | fields.IntField)
        if text or (plain and field.null):
            found[column] = text
    return found


def check_rule(values: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with a rule: no such entity or field, or one that cannot be hidden so."""
    entity, name = values["entity"], values["field"]
    model = model_of(entity)
    if model is None:
        message = f"entity: there is no entity {entity!r}."
        hint = f"Use one of: {', '.join([*ENTITIES, CHANNEL])}."
        return [Problem("entity", "UNKNOWN_ENTITY", message, hint)]
    known = maskable(entity)
    if name not in known:
        message = f"field: {entity} has no field {name!r} that can be hidden."
        return [Problem("field", "NOT_MASKABLE", message, f"Use one of: {', '.join(sorted(known)) or 'none'}.")]
    problems = []
    if values["effect"] is FieldEffect.HIDE and not model._meta.fields_map[name].null:
        message = f"effect: {name} of {entity} is never empty and cannot be hidden."
        problems.append(Problem("effect", "NOT_HIDABLE", message, "Mask it instead."))
    if values["effect"] is FieldEffect.MASK and not known[name]:
        message = f"effect: {name} of {entity} is no text and cannot be shown in part."
        problems.append(Problem("effect", "NOT_A_TEXT", message, "Hide it instead."))
    if values["only_in_pool"] and pool_sql(entity) is None:
        message = f"only_in_pool: {entity} records never wait in a pool."
        problems.append(Problem("only_in_pool", "NEVER_IN_POOL", message, "Say false."))
    return problems


def check_export_right(values: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with a right to export: it is about nobody or two, or about no entity."""
    problems = []
    if (values["role"] is None) == (values["user_id"] is None):
        message = "role: give exactly one of role and user_id."
        problems.append(Problem("role", "ONE_OF_TWO", message, "A right is about a role or about one user."))
    if values["entity"] is not None and values["entity"] not in ENTITIES:
        message = f"entity: there is no entity {values['entity']!r}."
        problems.append(Problem("entity", "UNKNOWN_ENTITY", message, f"Use one of: {', '.join(ENTITIES)}."))
    return problems


def may_export(role: Role, entity: str, rights: Collection[ExportRight]) -> bool:
    """Whether somebody may export records of `entity`: what is said of the user goes before what is said of the
    role, and what is said of the entity before what is said of all; of two that say the same, a refusal.

    Args:
        rights: those in use that are about this user or this role.
    """
    for of_user in (True, False):
        for name in (entity, None):
            found = [one for one in rights if (one.user_id is not None) is of_user and one.entity == name]
            if found:
                return all(one.allowed for one in found)
    return export_by_default(role)


def shown(
    hidden: Collection[HiddenField], entity: str, values: Mapping[str, Any] | None, *, waits: bool
) -> dict[str, Any] | None:
    """Values of a record as somebody sees them: what is kept of a change, with the same masks as the record itself.

    Args:
        hidden: what the reader does not see.
        values: column to value; child lists by their keys.
        waits: whether the record waits in a pool that the reader does not manage.
    """
    if values is None:
        return None
    effects = {one.field: one for one in hidden if one.entity == entity and (waits or not one.only_in_pool)}
    result = dict(values)
    for name, one in effects.items():
        value = result.get(name)
        if value is not None:
            result[name] = None if one.hide or not isinstance(value, str) else mask(value)
    if entity == "Contact" and isinstance(result.get("channels"), list):
        rows = (shown(hidden, CHANNEL, row, waits=waits) for row in result["channels"])
        result["channels"] = [row for row in rows if row is not None]
    return result


def export_by_default(role: Role) -> bool:
    """Whether users of a role may export when nothing else is said."""
    return role in (Role.ADMIN, Role.MANAGER)
