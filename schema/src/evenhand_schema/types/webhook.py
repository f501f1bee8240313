"""WebhookEndpoint and WebhookAttempt."""

from evenhand.webhooks import models
from evenhand_schema.declare import bound, many, one
from evenhand_schema.reads.ordering import Order


@bound(models.WebhookEndpoint)
class WebhookEndpoint:
    """An address that is told of events, in signed requests. For admins."""

    attempts = many(
        "WebhookAttempt", "endpoint_id", "The requests of the last 30 days, the newest first.", Order("at", True)
    )


@bound(models.WebhookAttempt)
class WebhookAttempt:
    """One request to an endpoint, and what came of it. For admins."""

    endpoint = one("WebhookEndpoint", "endpoint_id", "Whom it was sent to.")
