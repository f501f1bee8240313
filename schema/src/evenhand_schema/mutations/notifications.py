"""Mutations of the caller's own notifications: `markNotificationsRead`, `muteNotifications`."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from typing import Any

import strawberry
from strawberry import Info

from evenhand.actions.bulk import LARGEST
from evenhand.actions.notifications import mark_notifications_read, mute_notifications
from evenhand.errors import InvalidInput, Problem
from evenhand_schema.context import request_of
from evenhand_schema.mutations.arguments import REQUIRED, described, mutation, result
from evenhand_schema.mutations.ownership import ids_of
from evenhand_schema.resolvers import record
from evenhand_schema.types import User


@strawberry.type(description="What became of the notifications.")
class NotificationsRead:
    """The answer of `markNotificationsRead`."""

    count: int = strawberry.field(description="How many were unread before.")


async def _mark(info: Info, ids: Any, all: bool) -> NotificationsRead:
    if (ids is not None) is all:
        message = "ids: name notifications, or ask for all of them."
        raise InvalidInput([Problem("ids", "ONE_OF_TWO", message, "Give ids, or all: true.")])
    chosen = None if ids is None else ids_of(ids)
    await request_of(info).renew()
    return NotificationsRead(count=await mark_notifications_read(chosen))


async def _mute(info: Info, kinds: list[str]) -> User:
    context = request_of(info)
    await context.renew()
    await mute_notifications(kinds)
    found: User = await record(info, "User", context.actor.user_id)
    return found


def notification_mutations() -> dict[str, Any]:
    """The mutations by Python name."""
    return {
        "mark_notifications_read": mutation(
            _mark,
            {
                "ids": (described(list[strawberry.ID] | None, f"Which ones, at most {LARGEST}."), None),
                "all": (described(bool, "All that are unread."), False),
            },
            result("MarkNotificationsRead", NotificationsRead, description="How many were read, or why none was."),
            "Note that the caller has read notifications; those of others are not touched.",
        ),
        "mute_notifications": mutation(
            _mute,
            {"kinds": (described(list[str], "The kinds that are not wanted; replaces the list before."), REQUIRED)},
            result("MuteNotifications", User, description="The caller as a user, or why nothing was changed."),
            "Set which kinds of notifications the caller does not get.",
        ),
    }
