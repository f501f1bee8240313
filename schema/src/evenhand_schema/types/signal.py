"""Signals: patterns in what people do with records."""

from evenhand.ownership.signals import models
from evenhand_schema.declare import bound, one
from evenhand_schema.scalars import JSON


@bound(models.OwnershipSignal)
class OwnershipSignal:
    """A pattern in what one person does with records, with its evidence; people judge it, no rule does."""

    evidence: JSON
    user = one("User", "user_id", "Whom it is about.")
    colleague = one("User", "colleague_id", "The colleague who takes part; null when there is none.")
    reviewer = one("User", "reviewer_id", "Who judged it; null while nobody did.")
