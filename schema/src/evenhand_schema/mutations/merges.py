"""Mutations of accounts that are the same customer: `mergeAccounts`, `unmergeAccount`."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

import asyncio
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from evenhand.actions.merges import Source, merge_accounts, unmerge_account
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import REQUIRED, VERSION, described, mutation, result
from evenhand_schema.mutations.failures import as_api_path
from evenhand_schema.mutations.ownership import prepare
from evenhand_schema.resolvers import record
from evenhand_schema.types import Account, AccountMerge


async def _account(root: Any, info: Info) -> Account | None:
    found: Account | None = await record(info, "Account", root.account_id)
    return found


async def _merges(root: Any, info: Info) -> list[AccountMerge]:
    return list(await asyncio.gather(*(record(info, "AccountMerge", one) for one in root.merge_ids)))


async def _merge_of(root: Any, info: Info) -> AccountMerge | None:
    found: AccountMerge | None = await record(info, "AccountMerge", root.merge_id)
    return found


@strawberry.input(description="An account to take in.")
class MergeSource:
    id: strawberry.ID = strawberry.field(description="The account's id.")
    version: int | None = strawberry.field(
        description="The version it was decided on; null takes whatever is there.", default=None
    )


@strawberry.type(description="Accounts that were merged.")
class AccountsMerged:
    account_id: strawberry.Private[UUID]
    merge_ids: strawberry.Private[list[UUID]]
    account: Account | None = strawberry.field(resolver=_account, description="The account that stays.")
    merges: list[AccountMerge] = strawberry.field(
        resolver=_merges, description="One for each account that was taken in, in the order given; undo them by id."
    )


@strawberry.type(description="Something that stays where it is, because it was changed after the merge.")
class MergeLeft:
    entity: str = strawberry.field(description="The kind of record.")
    record_id: strawberry.ID = strawberry.field(description="Its id.")
    field: str = strawberry.field(description="The field that was changed.")


@strawberry.type(description="A merge that was undone.")
class AccountUnmerged:
    account_id: strawberry.Private[UUID]
    merge_id: strawberry.Private[UUID]
    account: Account | None = strawberry.field(resolver=_account, description="The account that is back.")
    merge: AccountMerge | None = strawberry.field(resolver=_merge_of, description="The merge.")
    put_back: int = strawberry.field(description="How many records and rows belong to it again.")
    left: list[MergeLeft] = strawberry.field(description="What stays where it is, because it was changed since.")


async def _merge(info: Info, into: Any, from_: Any, version: int | None, fill_empty: bool) -> AccountsMerged:
    await prepare(info, "Account")
    account_id = to_uuid(into)
    sources = [Source(to_uuid(one.id), one.version) for one in from_]
    merge_ids = await merge_accounts(account_id, sources, version=version, fill_empty=fill_empty)
    return AccountsMerged(account_id=account_id, merge_ids=merge_ids)


async def _unmerge(info: Info, merge_id: Any) -> AccountUnmerged:
    await prepare(info, "Account")
    unmerged = await unmerge_account(to_uuid(merge_id))
    return AccountUnmerged(
        account_id=unmerged.account_id,
        merge_id=to_uuid(merge_id),
        put_back=unmerged.put_back,
        left=[
            MergeLeft(entity=one.entity, record_id=strawberry.ID(str(one.record_id)), field=as_api_path(one.field))
            for one in unmerged.left
        ],
    )


def merge_mutations() -> dict[str, Any]:
    """The mutations by Python name."""
    fill = "Fill empty fields of the account that stays from the others, the first ones first."
    named = strawberry.argument(description="The accounts to take in, at most 50.", name="from")
    return {
        "merge_accounts": mutation(
            _merge,
            {
                "into": (described(strawberry.ID, "The account that stays; it keeps its owner."), REQUIRED),
                "from_": (Annotated[list[MergeSource], named], REQUIRED),
                "version": (VERSION, None),
                "fill_empty": (described(bool, fill), False),
            },
            result("MergeAccounts", AccountsMerged, description="The account that stays, or why nothing changed."),
            "Take accounts in that are the same customer: whatever refers to them moves to the one that stays.",
        ),
        "unmerge_account": mutation(
            _unmerge,
            {"merge_id": (described(strawberry.ID, "The merge."), REQUIRED)},
            result("UnmergeAccount", AccountUnmerged, description="The account that is back, or why nothing changed."),
            "Undo a merge: what it moved goes back, unless it was changed since.",
        ),
    }
