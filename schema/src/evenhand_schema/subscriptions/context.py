"""What subscriptions carry through their resolvers."""

from __future__ import annotations

from evenhand_schema.context import RequestContext
from evenhand_schema.contributions import Contributions
from evenhand_schema.documents import Document
from evenhand_schema.subscriptions.live import Live, Session


class SubscriptionContext(RequestContext):
    """What the execution of one event carries; the source's lives as long as the subscription."""

    def __init__(self, live: Live, session: Session, document: Document, contributions: Contributions) -> None:
        super().__init__(session.caller.actor, document, contributions)
        self.live = live
        self.session = session
