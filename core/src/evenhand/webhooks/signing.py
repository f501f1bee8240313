"""Sign what is sent, by the Standard Webhooks scheme. No I/O here."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime

import orjson
from standardwebhooks import Webhook

from evenhand.events.base import Event

_SECRET_BYTES = 32


def new_secret() -> str:
    """A secret as receivers enter it: "whsec_" and base 64."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


def body_of(event: Event) -> bytes:
    """What is sent of an event: `type`, `timestamp` (when it happened) and `data`."""
    return orjson.dumps(
        {
            "type": event.type,
            "timestamp": event.occurred_at.isoformat(),
            "data": {
                "id": event.id,
                "tenant_id": event.tenant_id,
                "entity": event.entity,
                "record_id": event.record_id,
                "user_id": event.user_id,
                "via": event.via,
                "sequence": event.sequence,
                "cause": event.cause,
                "depth": event.depth,
                "payload": event.payload,
            },
        },
        default=str,
    )


def signed_headers(message_id: str, body: bytes, moment: datetime, keys: Sequence[str]) -> dict[str, str]:
    """The headers of a message.

    Args:
        moment: when it is sent; receivers refuse old ones.
        keys: one signature for each; a receiver needs to know one of them.
    """
    text = body.decode()
    signatures = [Webhook(key).sign(message_id, moment, text) for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
