"""What one request carries through its resolvers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from graphql.pyutils import Path
from strawberry import Info
from strawberry.dataloader import DataLoader

from evenhand.plugins.contract import TenantContext
from evenhand.plugins.host import EnabledPlugin, current_host, tenant_context
from evenhand.tenancy.context import Actor
from evenhand_schema.documents import Document
from evenhand_schema.reads.budget import Budget
from evenhand_schema.reads.session import ReadSession
from evenhand_schema.selections import Selections

if TYPE_CHECKING:
    from evenhand_schema.contributions import Contributions

T = TypeVar("T")
Load = Callable[[list[Any]], Awaitable[Sequence[Any]]]


class SharedLoader(DataLoader[Any, Any]):
    """A loader whose values several fields wait for.

    When a field fails, graphql-core cancels the fields beside it; that must not take away what others wait for.
    """

    def load(self, key: Any) -> Awaitable[Any]:
        """The value of this key, with those of all keys that are asked for at the same time."""
        return asyncio.shield(super().load(key))


class RequestContext:
    """One operation: who asks, its read transaction and its loaders.

    A loader serves one field at one place of the query for all parents at once, so that the number of
    statements follows from the query alone, never from the number of rows.
    """

    def __init__(self, actor: Actor, document: Document, contributions: Contributions) -> None:
        self.actor = actor
        self.document = document
        self.contributions = contributions
        """What plugins add to the schema."""
        self.budget = Budget()
        self.reads = ReadSession(self.budget)
        self._loaders: dict[Hashable, DataLoader[Any, Any]] = {}
        self._selections = Selections(document.ast)
        self._remembered: dict[Hashable, Any] = {}
        self._sizes_by_place: dict[tuple[str, ...], int] = {}

    def loader(self, key: Hashable, load: Load) -> DataLoader[Any, Any]:
        """The loader under this key; `load` is what a new one calls, inside the read transaction."""
        found = self._loaders.get(key)
        if found is None:

            async def run(keys: list[Any]) -> Sequence[Any]:
                async def work() -> Sequence[Any]:
                    return await load(keys)

                return await self.reads.run(work)

            found = self._loaders[key] = SharedLoader(run)
        return found

    def remember(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` made for this key when it was asked first."""
        if key not in self._remembered:
            self._remembered[key] = make()
        found: T = self._remembered[key]
        return found

    async def plugins(self) -> tuple[TenantContext, dict[str, EnabledPlugin]]:
        """The hook context and the tenant's enabled plugins by slug; read once per operation."""

        async def load(keys: list[Any]) -> list[Any]:
            ctx = await tenant_context()
            snapshot = await current_host().snapshot(ctx)
            return [(ctx, {plugin.manifest.slug: plugin for plugin in snapshot.enabled})] * len(keys)

        found: tuple[TenantContext, dict[str, EnabledPlugin]] = await self.loader("plugins", load).load("all")
        return found

    def spend(self, info: Info, records: int) -> None:
        """Count the values that a list at this place shows of its records.

        Raises:
            QueryTooLarge: with them, the answer holds more than one may.
        """
        where = place(info)
        size = self._sizes_by_place.get(where)
        if size is None:
            asked = [self._selections.measure(node.selection_set) for node in info._raw_info.field_nodes]
            size = self._sizes_by_place[where] = sum(measure.size for measure in asked)
        self.budget.spend(records * size)

    async def renew(self) -> None:
        """Forget what was read: a change follows, and what is read after it must be new."""
        await self.close()
        self.reads = ReadSession(self.budget)
        self._loaders.clear()

    async def close(self) -> None:
        """End the read transaction."""
        await self.reads.close()


def request_of(info: Info) -> RequestContext:
    """The request that a resolver works for."""
    context: RequestContext = info.context
    return context


def place(info: Info) -> tuple[str, ...]:
    """Where in the query a resolver stands: the response keys on the way, without list indices."""
    keys: list[str] = []
    path: Path | None = info.path
    while path is not None:
        if isinstance(path.key, str):
            keys.append(path.key)
        path = path.prev
    return tuple(reversed(keys))


async def load_together(info: Info, key: Any, load: Load) -> Any:
    """What `load` finds for `key`: it is asked once for all keys at this place of the query.

    For fields of a plugin's own types that take arguments; `load` takes a list of keys, runs in the read
    transaction and answers with one value per key.
    """
    return await request_of(info).loader(("together", place(info)), load).load(key)
