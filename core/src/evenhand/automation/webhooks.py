"""Send an event to a webhook endpoint because a rule says so, through the same deliveries as any other."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from evenhand.db.session import driver_transaction, raw_connection
from evenhand.errors import NotFound
from evenhand.tenancy.context import current_tenant
from evenhand.webhooks.models import WebhookEndpoint

_SEND = """
INSERT INTO event_deliveries (tenant_id, id, event_id, subscriber_id, record_id, sequence, state, attempts)
SELECT $1, gen_random_uuid(), event.id, subscriber.id, event.record_id, event.sequence, 'pending', 0
FROM outbox_events AS event JOIN event_subscribers AS subscriber
    ON subscriber.tenant_id = $1 AND subscriber.kind = 'webhook' AND subscriber.name = $3
WHERE event.tenant_id = $1 AND event.id = $2
    AND NOT EXISTS (SELECT FROM event_deliveries AS there WHERE there.tenant_id = $1
                    AND there.subscriber_id = subscriber.id AND there.event_id = event.id AND there.state = 'pending')
"""


async def endpoints_there(ids: Collection[UUID]) -> dict[UUID, str]:
    """Those of the tenant's endpoints that are in use, with their addresses."""
    found = await WebhookEndpoint.filter(id__in=list(ids), archived_at=None)
    return {endpoint.id: str(endpoint.url) for endpoint in found}


async def send_event(endpoint_id: UUID, event_id: UUID) -> None:
    """Have an event delivered to an endpoint after the open transaction, whatever events it asks for.

    Raises:
        NotFound: the endpoint is gone.
    """
    if endpoint_id not in await endpoints_there([endpoint_id]):
        raise NotFound("WebhookEndpoint", endpoint_id)
    await raw_connection(driver_transaction()).execute(_SEND, current_tenant(), event_id, str(endpoint_id))
