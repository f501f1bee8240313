"""The mutation of signals: `reviewOwnershipSignal`."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from typing import Any

import strawberry
from strawberry import Info

from evenhand.actions.signals import review_signal
from evenhand.ownership.signals.models import SignalState
from evenhand_schema.columns import enum_type
from evenhand_schema.context import request_of
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import ID, REQUIRED, described, mutation, result

_State: Any = enum_type(SignalState)


@strawberry.type(description="What was made of a signal.")
class SignalReviewed:
    """The answer of `reviewOwnershipSignal`."""

    id: strawberry.ID = strawberry.field(description="Id of the signal.")
    state: _State = strawberry.field(description="What was made of it.")


async def _review(info: Info, id: Any, state: Any, note: str | None) -> SignalReviewed:
    await request_of(info).renew()
    await review_signal(to_uuid(id), state, note=note)
    return SignalReviewed(id=id, state=state)


def signal_mutations() -> dict[str, Any]:
    """The mutations by Python name."""
    return {
        "review_ownership_signal": mutation(
            _review,
            {
                "id": (ID, REQUIRED),
                "state": (described(_State, "Dismissed or confirmed."), REQUIRED),
                "note": (described(str | None, "Why, in the reviewer's words."), None),
            },
            result("ReviewOwnershipSignal", SignalReviewed, description="What was made of it, or why nothing was."),
            "Keep what was made of a signal; nothing follows from it by itself. For admins and the person's manager.",
        )
    }
