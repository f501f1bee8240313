"""Notification."""

from evenhand.notifications import models
from evenhand_schema.declare import Flag, bound, one

UNREAD = Flag("{row}.read_at IS NULL", "Only unread ones, or only those that were read; both when left out.")


@bound(models.Notification, private_to="user_id", flags={"unread": UNREAD})
class Notification:
    """Something that the caller should know of; nobody sees those of others."""

    user = one("User", "user_id", "Whom it tells.")
