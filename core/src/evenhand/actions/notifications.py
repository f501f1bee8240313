"""Tell users what they should know, and note what they have read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from re import fullmatch
from uuid import UUID

from evenhand.actions.journal import Journal, writing
from evenhand.actions.values import require_value
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import raw_connection
from evenhand.entities import User
from evenhand.entities.columns import KEY_PATTERN
from evenhand.errors import InvalidInput, Problem
from evenhand.live.notices import ChangeOperation
from evenhand.notifications.models import Notification
from evenhand.tenancy.context import Scope, current_actor
from evenhand.tenancy.models import uuid7

Texts = Mapping[str, str]
"""The same text by language: "en" and "zh"."""

_TITLE, _BODY = 300, 4000
"""So many characters are kept."""

IS_CHINESE = "coalesce(u.locale, t.locale) LIKE 'zh%'"
"""SQL: whether a user `u` of the tenant `t` reads Chinese."""

_INSERT = f"""
INSERT INTO notifications (id, tenant_id, user_id, kind, title, body, entity, record_id, created_at, key)
SELECT m.id, $1, m.user_id, m.kind,
       CASE WHEN {IS_CHINESE} THEN m.title_zh ELSE m.title_en END,
       CASE WHEN {IS_CHINESE} THEN m.body_zh ELSE m.body_en END,
       m.entity, m.record_id, $2, m.key
FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
            $11::uuid[], $12::text[])
     AS m (id, user_id, kind, title_en, title_zh, body_en, body_zh, entity, record_id, key)
JOIN users AS u ON u.tenant_id = $1 AND u.id = m.user_id
JOIN tenants AS t ON t.id = $1
WHERE u.is_active AND u.archived_at IS NULL AND NOT u.muted_notifications ? m.kind
ORDER BY m.user_id, m.key, m.id
ON CONFLICT (tenant_id, user_id, key) DO NOTHING
RETURNING id
"""


@dataclass(frozen=True)
class Message:
    """What one user should know.

    Attributes:
        title, body: by language, "en" and "zh"; English stands in for a language that is missing.
        key: what it tells once; None tells it each time.
    """

    user_id: UUID
    kind: str
    title: Texts
    body: Texts | None = None
    entity: str | None = None
    record_id: UUID | None = None
    key: str | None = None


def _in(language: str, texts: Texts | None, most: int) -> str | None:
    if texts is None:
        return None
    text = texts.get(language) or texts.get("en") or next(iter(texts.values()), "")
    return text if len(text) <= most else f"{text[: most - 1]}…"


async def notify_all(journal: Journal, messages: Sequence[Message]) -> int:
    """Tell users something inside the transaction of `journal`, in one statement.

    Each reads it in the own language, or in the tenant's. Nobody is told who is not active, or who muted the kind.

    Returns: how many notifications are new.
    """
    if not messages:
        return 0
    columns = [
        [uuid7() for _ in messages],
        [message.user_id for message in messages],
        [message.kind for message in messages],
        [_in("en", message.title, _TITLE) for message in messages],
        [_in("zh", message.title, _TITLE) for message in messages],
        [_in("en", message.body, _BODY) for message in messages],
        [_in("zh", message.body, _BODY) for message in messages],
        [message.entity for message in messages],
        [message.record_id for message in messages],
        [message.key for message in messages],
    ]
    rows = await raw_connection(journal.client).fetch(_INSERT, journal.actor.tenant_id, journal.now, *columns)
    for row in rows:
        journal.tell("Notification", row["id"], ChangeOperation.CREATED)
    return len(rows)


async def notify(
    journal: Journal,
    user_ids: Collection[UUID],
    *,
    kind: str,
    title: Texts,
    body: Texts | None = None,
    entity: str | None = None,
    record_id: UUID | None = None,
    key: str | None = None,
) -> int:
    """Tell several users the same, see `notify_all`.

    Args:
        title, body: by language, "en" and "zh".
        key: makes it once for each user, also when several tell it at the same time.

    Returns: how many notifications are new.
    """
    users = dict.fromkeys(user_ids)
    return await notify_all(journal, [Message(one, kind, title, body, entity, record_id, key) for one in users])


def _own_user() -> UUID:
    actor = current_actor()
    if actor.user_id is None or Scope.WRITE not in actor.scopes:
        raise PermissionDenied(
            "Only a user with a key that may write changes the own notifications.",
            hint="Use a user's key with the scope write.",
        )
    return actor.user_id


async def mark_notifications_read(ids: Collection[UUID] | None = None) -> int:
    """Note that the caller has read notifications; those of others are not touched.

    Args:
        ids: which; all unread ones when None.

    Returns: how many were unread.

    Raises:
        PermissionDenied: the caller is no user, or the key may not write.
    """
    user_id = _own_user()
    async with writing("mark_notifications_read") as journal:
        rows = await raw_connection(journal.client).fetch(
            "UPDATE notifications SET read_at = $3 WHERE tenant_id = $1 AND user_id = $2 AND read_at IS NULL "
            "AND ($4::uuid[] IS NULL OR id = ANY ($4)) RETURNING id",
            journal.actor.tenant_id,
            user_id,
            journal.now,
            None if ids is None else list(ids),
        )
        for row in rows:
            journal.tell("Notification", row["id"], ChangeOperation.UPDATED)
    return len(rows)


async def mute_notifications(kinds: Collection[str]) -> None:
    """Set which kinds of notifications the caller does not get; each user decides for oneself.

    Raises:
        InvalidInput: what is no kind. PermissionDenied: the caller is no user, or the key may not write.
    """
    user_id = _own_user()
    muted = sorted(set(require_value(User, "muted_notifications", list(kinds))))
    bad = [kind for kind in muted if not fullmatch(KEY_PATTERN, kind) or len(kind) > 64]
    if bad:
        hint = "Use words such as task_due, as `kind` of notifications shows them."
        raise InvalidInput([Problem("muted_notifications", "BAD_KEY", f"{bad[0][:80]!r} is no kind.", hint)])
    async with writing("mute_notifications") as journal:
        (user,) = await User.filter(id=user_id).select_for_update(no_key=True)
        if user.muted_notifications == muted:
            return
        before, after = {"muted_notifications": user.muted_notifications}, {"muted_notifications": muted}
        await User.filter(id=user_id).update(
            muted_notifications=muted, version=user.version + 1, updated_at=journal.now
        )
        journal.record("User", user_id, before=before, after=after)
        journal.emit("UserUpdated", "User", user_id, {"before": before, "after": after})


__all__ = [
    "IS_CHINESE",
    "Message",
    "Notification",
    "mark_notifications_read",
    "mute_notifications",
    "notify",
    "notify_all",
]
