"""Mutations of tags on records: `tagRecords`, `untagRecords`."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry import Info

from evenhand.actions.tags import tag_records, untag_records
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import REQUIRED, mutation, result
from evenhand_schema.mutations.ownership import IDS, ids_of, prepare


@strawberry.enum(description="Records that can be tagged.")
class TaggableEntity(Enum):
    """Names of entities as the core knows them."""

    ACCOUNT = "Account"
    CONTACT = "Contact"
    LEAD = "Lead"
    OPPORTUNITY = "Opportunity"


@strawberry.type(description="What became of the tags.")
class TagsChanged:
    """The answer of both mutations."""

    count: int = strawberry.field(description="How many records were different before.")


async def _tag(info: Info, entity: Any, ids: Any, tag_id: Any, why: str | None) -> TagsChanged:
    await prepare(info, entity.value)
    return TagsChanged(count=await tag_records(entity.value, ids_of(ids), to_uuid(tag_id), why=why))


async def _untag(info: Info, entity: Any, ids: Any, tag_id: Any) -> TagsChanged:
    await prepare(info, entity.value)
    return TagsChanged(count=await untag_records(entity.value, ids_of(ids), to_uuid(tag_id)))


def tag_mutations() -> dict[str, Any]:
    """The mutations by Python name."""
    returns = result("TagRecords", TagsChanged, description="How many records were changed, or why none was.")
    arguments = {
        "entity": (
            Annotated[TaggableEntity, strawberry.argument(description="What kind of records they are.")],
            REQUIRED,
        ),
        "ids": (IDS, REQUIRED),
        "tag_id": (Annotated[strawberry.ID, strawberry.argument(description="The tag.")], REQUIRED),
    }
    why = Annotated[str | None, strawberry.argument(description="Why; shown with the tag.")]
    return {
        "tag_records": mutation(
            _tag, {**arguments, "why": (why, None)}, returns, "Put a tag on records; who has it already keeps it."
        ),
        "untag_records": mutation(_untag, arguments, returns, "Take a tag off records."),
    }
