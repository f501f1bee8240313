"""The fields of `Query`: a record and a list for every entity, the caller, and the plugins."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry import Info

from evenhand.auth.permissions import Operation, may, require
from evenhand.entities.registry import ENTITIES, searchable
from evenhand_schema.aggregates import groups_field
from evenhand_schema.audit import audit_fields
from evenhand_schema.connections import Connection, Page
from evenhand_schema.context import place, request_of
from evenhand_schema.contributions import Contributions, RootField, TableList
from evenhand_schema.declare import TYPES, Bound, Node
from evenhand_schema.deliveries import delivery_fields
from evenhand_schema.duplicates import duplicates_field
from evenhand_schema.errors import to_uuid
from evenhand_schema.ledger import owner_as_of_field
from evenhand_schema.mutations.pools import replay_draw_field
from evenhand_schema.names import plural, snake
from evenhand_schema.ordering import OrderDirection
from evenhand_schema.plugin_views import Plugin, find_plugin, list_plugins
from evenhand_schema.plugins import plugin_query, require_plugin
from evenhand_schema.reads.budget import LIST_COST
from evenhand_schema.reads.filter_inputs import filter_inputs, plugin_filter_input
from evenhand_schema.reads.loaders import load_kinds, load_page, new_parameters
from evenhand_schema.reads.marks import CallerField, NodeField, PluginRecordsField, RecordField, RecordsField, marked
from evenhand_schema.reads.seen import in_tenant
from evenhand_schema.reads.session import fetch
from evenhand_schema.reclaims import reclaim_fields
from evenhand_schema.resolvers import PAGING, arguments_of, record, with_arguments
from evenhand_schema.searches import search_field
from evenhand_schema.types import User
from evenhand_schema.types.shared import OwnableEntity

SEARCH = Annotated[
    str | None,
    strawberry.argument(
        description="Any part of a name, an e-mail address or a phone number, also pinyin or its initials; all words "
        "must match. The best come first unless orderBy says otherwise."
    ),
]
ARCHIVED = Annotated[bool, strawberry.argument(description="Also return records that were put away.")]


def _order_input(item: Bound) -> Any:
    """The input that names one column to order by."""
    members = {column.name.upper(): column.name for column in item.columns.values() if column.comparable}
    text = f"What {item.name} records can be ordered by."
    fields: Any = Enum(f"{item.name}OrderField", members)  # type: ignore[misc]
    field_enum: Any = strawberry.enum(fields, description=text)
    cls = type(f"{item.name}OrderBy", (), {})
    cls.__annotations__ = {"field": field_enum, "direction": OrderDirection}
    cls.field = strawberry.field(description="What to order by.")  # type: ignore[attr-defined]
    direction = strawberry.field(description="Which way.", default=OrderDirection.ASC)
    cls.direction = direction  # type: ignore[attr-defined]
    return strawberry.input(cls, description=f"One step of the ordering of {item.name} records.")


def record_field(item: Bound) -> Any:
    """`account(id)`."""

    async def resolve(info: Info, id: Any) -> Any:
        return await record(info, item.name, id)

    argument = Annotated[strawberry.ID, strawberry.argument(description="The record's id.")]
    with_arguments(resolve, {"id": (argument, inspect.Parameter.empty)}, returns=item.cls | None)
    return strawberry.field(
        resolver=resolve,
        description=f"One {item.name} record; null when there is none.",
        metadata=marked(RecordField(item.name)),
    )


def choosing_arguments(item: Bound) -> dict[str, tuple[Any, Any]]:
    """The arguments that say which of all records of a type: `search`, `filter`, `archived`."""
    where = strawberry.argument(description="Which records; all when left out.")
    filters: Any = filter_inputs()[item.name] if item.is_node else plugin_filter_input(item.cls, item.name)
    archived = {"archived": (ARCHIVED, False)} if item.is_node or item.archivable else {}
    return {
        **({"search": (SEARCH, None)} if item.name in searchable() else {}),
        "filter": (Annotated[filters | None, where], None),
        **archived,
        **{
            name: (Annotated[flag.annotation, strawberry.argument(description=flag.description)], None)
            for name, flag in item.flags.items()
        },
    }


def list_field(item: Bound, choosing: Mapping[str, tuple[Any, Any]], table: tuple[str, TableList] | None = None) -> Any:
    """`accounts(search, filter, orderBy, first, after, last, before, archived)`.

    Args:
        table: the slug of the plugin whose rows the list has, and what it says of the list.
    """
    order = strawberry.argument(description="In which order; the newest first when left out.")
    orders: Any = _order_input(item)

    async def resolve(info: Info, **arguments: Any) -> Page:
        given, values = arguments_of(info), info.variable_values

        async def load(keys: list[Any]) -> list[Page]:
            return [await load_page(item.name, given, values)] * len(keys)

        context = request_of(info)
        if table is not None:
            await require_plugin(context, table[0])
        context.budget.spend(LIST_COST)
        page: Page = await context.loader(("list", place(info)), load).load("page")
        context.spend(info, len(page.edges))
        return page

    with_arguments(
        resolve,
        {
            **choosing,
            "order_by": (Annotated[list[orders] | None, order], None),
            **PAGING,
        },
        returns=Connection[item.cls],  # type: ignore[name-defined]
    )
    if table is not None:
        slug, shown = table
        mark = marked(PluginRecordsField(slug, item.name))
        return strawberry.field(resolver=resolve, name=shown.name, description=shown.description, metadata=mark)
    return strawberry.field(
        resolver=resolve, description=f"{item.name} records, page by page.", metadata=marked(RecordsField(item.name))
    )


async def _node(info: Info, id: Any) -> Node | None:
    """The record with this id, of whatever type."""
    context = request_of(info)
    readable = [name for name, item in TYPES.items() if item.is_node and may(context.actor, Operation.READ, name)]
    kind = await context.loader(("node", place(info)), load_kinds(readable)).load(to_uuid(id))
    found: Node | None = await record(info, kind, id) if kind is not None else None
    return found


def _node_field() -> Any:
    argument = Annotated[strawberry.ID, strawberry.argument(description="The record's id.")]
    with_arguments(_node, {"id": (argument, inspect.Parameter.empty)}, returns=Node | None)
    return strawberry.field(
        resolver=_node,
        description="The record with this id, of whatever type; null for none.",
        metadata=marked(NodeField()),
    )


async def _me(info: Info) -> User | None:
    """The user whose key this is."""
    found: User | None = await record(info, "User", request_of(info).actor.user_id)
    return found


async def _unread(info: Info) -> int:
    """How many notifications of the caller are unread."""
    context = request_of(info)
    require(context.actor, Operation.READ, "Notification")

    async def load(keys: list[Any]) -> list[int]:
        item, parameters = TYPES["Notification"], new_parameters()
        conditions = " AND ".join([*in_tenant(item, "t", parameters), "t.read_at IS NULL"])
        sql = parameters.finished(f"SELECT count(*) FROM {item.table('t')} WHERE {conditions}")
        rows = await fetch(sql, parameters.values(context.actor, {}))
        return [rows[0]["count"]] * len(keys)

    counted: int = await context.loader(("unread", place(info)), load).load("all")
    return counted


async def _plugins(info: Info) -> list[Plugin]:
    """The installed plugins."""
    return await list_plugins(info)


async def _plugin(info: Info, slug: str) -> Plugin | None:
    """One installed plugin."""
    return await find_plugin(info, slug)


def _plugin_field() -> Any:
    argument = Annotated[str, strawberry.argument(description="The plugin's name.")]
    with_arguments(_plugin, {"slug": (argument, inspect.Parameter.empty)}, returns=Plugin | None)
    return strawberry.field(resolver=_plugin, description="A plugin, usable or not; null when there is none.")


LISTED = (
    "Job",
    "Notification",
    "Schedule",
    "AutomationRun",
    "Handover",
    "WebhookEndpoint",
    "OwnershipSignal",
    "AuditEntry",
    "AuditVerification",
)
"""Types besides the entities that have a field for one record and one for a list."""


def query_fields() -> dict[str, Any]:
    """The core's fields of `Query` by Python name."""
    members: dict[str, Any] = {
        **delivery_fields(),
        **audit_fields(),
        "node": _node_field(),
        "me": strawberry.field(resolver=_me, description="The user whose key this is.", metadata=marked(CallerField())),
        "unread_notification_count": strawberry.field(
            resolver=_unread, description="How many notifications the caller has not read."
        ),
        **reclaim_fields(),
        "search": search_field(),
        "duplicates_of": duplicates_field(OwnableEntity),
        "plugins": strawberry.field(resolver=_plugins, description="The installed plugins, in the tenant's order."),
        "plugin": _plugin_field(),
    }
    for name in (*ENTITIES, *LISTED):
        item = TYPES[name]
        members[snake(name)] = record_field(item)
        choosing = choosing_arguments(item)
        members[snake(plural(name))] = list_field(item, choosing)
        if name in ENTITIES:
            members[f"{snake(plural(name))}_aggregate"] = groups_field(item, choosing)
    ledger = TYPES["OwnershipEntry"]
    members["ownership_entries"] = list_field(ledger, choosing_arguments(ledger))
    members["owner_as_of"] = owner_as_of_field()
    extensions = TYPES["ExtensionRequest"]
    members["extension_request"] = record_field(extensions)
    members["extension_requests"] = list_field(extensions, choosing_arguments(extensions))
    for name in ("PoolDraw", "PoolOffer"):
        members[snake(name)] = record_field(TYPES[name])
        members[snake(plural(name))] = list_field(TYPES[name], choosing_arguments(TYPES[name]))
    members["replay_draw"] = replay_draw_field()
    members["conflict_case"] = record_field(TYPES["ConflictCase"])
    members["conflict_cases"] = list_field(TYPES["ConflictCase"], choosing_arguments(TYPES["ConflictCase"]))
    approvals = TYPES["ApprovalRequest"]
    members["approval"] = record_field(approvals)
    members["approvals"] = list_field(approvals, choosing_arguments(approvals))
    return members


def query_type(contributions: Contributions) -> type:
    """The `Query` type with the root fields of the plugins."""
    members = query_fields() | contributed_queries(contributions)
    return strawberry.type(type("Query", (), members), description="What can be read.")


def contributed_queries(contributions: Contributions) -> dict[str, Any]:
    """The fields of `Query` that plugins bring, by name."""
    return {
        query.name: _contributed_field(slug, query)
        for slug, contribution in contributions.by_slug.items()
        for query in contribution.queries
    }


def _contributed_field(slug: str, query: RootField | TableList) -> Any:
    if isinstance(query, RootField):
        return plugin_query(slug, query)
    item = TYPES[query.type.__name__]
    return list_field(item, choosing_arguments(item), (slug, query))
