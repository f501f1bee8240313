"""Deliver events to endpoints: one request each, its log, and what follows when an endpoint fails for long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from evenhand.actions.webhooks import ENTITY, pause_dead_endpoint
from evenhand.auth.permissions import Operation, require
from evenhand.clock import now
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.errors import NotFound
from evenhand.events.base import Event
from evenhand.events.changes import Ping
from evenhand.events.subscribers import TryLater, Undeliverable, delivers
from evenhand.events.turns import current_delivery
from evenhand.secrets import unseal
from evenhand.tenancy.context import current_actor, current_tenant
from evenhand.tenancy.models import uuid7
from evenhand.webhooks.models import WebhookAttempt, WebhookEndpoint, WebhookState
from evenhand.webhooks.sending import Answer, send
from evenhand.webhooks.signing import body_of, signed_headers

GONE = 410
DEAD_AFTER = timedelta(days=3)
"""An endpoint that only failed for so long, and at least `DEAD_FAILURES` times, is paused."""
DEAD_FAILURES = 20
KEEP_ATTEMPTS = timedelta(days=30)
ATTEMPTS = 24
"""With the pauses between them about 17 hours."""

_COUNT = """
UPDATE webhook_endpoints SET
    failures = CASE WHEN $3 THEN 0 ELSE failures + 1 END,
    failing_since = CASE WHEN $3 THEN NULL ELSE coalesce(failing_since, $4) END,
    last_success_at = CASE WHEN $3 THEN $4 ELSE last_success_at END
WHERE tenant_id = $1 AND id = $2 RETURNING failures, failing_since
"""


@delivers("webhook", transactional=False, attempts=ATTEMPTS, timeout=timedelta(seconds=20))
async def deliver_to_endpoint(name: str, events: Sequence[Event]) -> None:
    """Send one event to one endpoint.

    Raises:
        TryLater: it failed. Undeliverable: the endpoint is gone.
    """
    (event,) = events
    endpoint = await _endpoint(UUID(name))
    if endpoint.state is not WebhookState.ACTIVE or endpoint.archived_at is not None:
        raise TryLater("The endpoint is paused.")
    delivery = current_delivery()
    answer, _ = await _attempt(endpoint, event, delivery.attempt if delivery is not None else 1)
    if answer.error is None:
        return
    if answer.status == GONE:
        raise Undeliverable(answer.error)
    raise TryLater(answer.error, answer.after)


async def test_endpoint(endpoint_id: UUID) -> WebhookAttempt:
    """Send a `Ping` now, also to a paused endpoint. Returns: the attempt as it was logged.

    Raises:
        NotFound, PermissionDenied.
    """
    require(current_actor(), Operation.CONFIGURE, ENTITY)
    endpoint = await _endpoint(endpoint_id)
    if endpoint.archived_at is not None:
        raise NotFound(ENTITY, endpoint_id)
    ping = Ping(
        id=uuid7(),
        type=Ping.__name__,
        tenant_id=current_tenant(),
        entity=ENTITY,
        record_id=endpoint_id,
        user_id=current_actor().user_id,
        via=current_actor().via,
        occurred_at=now(),
    )
    _, attempt = await _attempt(endpoint, ping, 1)
    return attempt


async def _endpoint(endpoint_id: UUID) -> WebhookEndpoint:
    async with reading():
        endpoint = await WebhookEndpoint.filter(id=endpoint_id).first()
    if endpoint is None:
        raise NotFound(ENTITY, endpoint_id)
    return endpoint


async def _attempt(endpoint: WebhookEndpoint, event: Event, number: int) -> tuple[Answer, WebhookAttempt]:
    """Send, log, count, and pause the endpoint when it is dead."""
    moment = now()
    keys = [unseal(endpoint.secret)]
    if endpoint.former_secret is not None and endpoint.former_until is not None and endpoint.former_until > moment:
        keys.append(unseal(endpoint.former_secret))
    body = body_of(event)
    answer = await send(endpoint.url, body, signed_headers(str(event.id), body, moment, keys))
    async with transaction() as client:
        attempt = await WebhookAttempt.create(
            endpoint_id=endpoint.id,
            event_id=event.id,
            event_type=event.type,
            attempt=number,
            url=endpoint.url,
            status=answer.status,
            duration_ms=answer.duration_ms,
            response=answer.response,
            error=answer.error,
            at=moment,
        )
        counted = await raw_connection(client).fetchrow(
            _COUNT, endpoint.tenant_id, endpoint.id, answer.error is None, moment
        )
        await WebhookAttempt.filter(endpoint_id=endpoint.id, at__lt=moment - KEEP_ATTEMPTS).delete()
    if counted is not None and not isinstance(event, Ping):
        await _pause_if_dead(endpoint, answer, counted["failures"], counted["failing_since"], moment)
    return answer, attempt


async def _pause_if_dead(
    endpoint: WebhookEndpoint, answer: Answer, failures: int, since: datetime | None, moment: datetime
) -> None:
    if answer.status == GONE:
        reason = {
            "en": "It answered 410 Gone: it wants nothing more.",
            "zh": "它回复了 410 Gone，表示不再接收。",
        }
        await pause_dead_endpoint(endpoint.id, reason)
    elif since is not None and failures >= DEAD_FAILURES and moment - since >= DEAD_AFTER:
        reason = {
            "en": f"All of {failures} attempts since {since:%Y-%m-%d %H:%M} UTC failed; the last: {answer.error}",
            "zh": f"自 {since:%Y-%m-%d %H:%M} UTC 起的 {failures} 次尝试全部失败；最后一次：{answer.error}",
        }
        await pause_dead_endpoint(endpoint.id, reason)


async def attempts_of(endpoint_id: UUID, *, most: int = 50, before: UUID | None = None) -> list[WebhookAttempt]:
    """The log of an endpoint, newest first.

    Args:
        before: only those older than this one.

    Raises:
        PermissionDenied.
    """
    require(current_actor(), Operation.READ, ENTITY)
    async with reading():
        found = WebhookAttempt.filter(endpoint_id=endpoint_id)
        if before is not None:
            found = found.filter(id__lt=before)
        return list(await found.order_by("-id").limit(most))
