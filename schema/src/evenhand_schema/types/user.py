"""User and absence."""

from evenhand import entities as models
from evenhand_schema.declare import bound, many, one, part
from evenhand_schema.reads.ordering import Order
from evenhand_schema.types.shared import held


@bound(models.User)
class User:
    """A person who works with the tenant's customers."""

    skills: list[str]
    regions: list[str]
    languages: list[str]
    product_lines: list[str]
    muted_notifications: list[str]
    summary = part("UserSummary", "What the person has in hand, at a glance.")
    team = one("Team", "team_id", "The team the person belongs to.")
    manager = one("User", "manager_id", "Whom the person reports to.")
    reports = many("User", "manager_id", "The people who report to the person.", Order("name"))
    deputies = many("Deputy", "user_id", "Who decides on approvals for the person.", Order("created_at"))
    ownership_history = held(
        "owner_id", "What the person held from when to when, the latest first; with `heldAt`, the book of that moment."
    )
    absences = many("Absence", "user_id", "Days away, the latest first.", Order("starts_on", descending=True))


@bound(models.Absence)
class Absence:
    """Days on which a user takes no new customers."""

    user = one("User", "user_id", "Who is away.")
