"""What the visibility of each table's rows follows from. No I/O here.

Holders decide about accounts, leads and opportunities. Everything else is seen with such records, or by its people;
what belongs to no such record (users, products, pipelines …) is seen by everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from tortoise.fields.relational import ForeignKeyFieldInstance

from evenhand.ownership.visibility.rules import HELD
from evenhand.tenancy.models import TenantModel


@dataclass(frozen=True)
class Derived:
    """How the rows of a table are seen.

    Attributes:
        through: columns that name records, with the kinds of these. The row is seen with any of them.
        people: columns that name users; such a user sees the row.
        named_by: table, column and kind of records that name the row; it is seen with any of them.
        every: whether all records that the row names must be seen, and not only one of them. A row that names none
            is seen by everybody then.
        about: whether the columns `entity` and `record_id` say which record the row is about.
        seats: whether those who are asked for the approval see it.
        former: whether those who once held the record see it, for words that tell them of its loss.
        parties: whether the parties of the conflict case see it, who sees all accounts of one of them, and managers
            above one of them.
    """

    through: Mapping[str, str] = field(default_factory=dict)
    people: tuple[str, ...] = ()
    named_by: tuple[tuple[str, str, str], ...] = ()
    every: bool = False
    about: bool = False
    seats: bool = False
    former: bool = False
    parties: bool = False

    def seen_with(self, column: str, about: str | None = None) -> bool:
        """Whether a row is certainly seen by who sees the record that this column names.

        Args:
            about: the kind of record that the row is known to be about, for `record_id`.
        """
        if column == "record_id":
            return self.about and about is not None and not self.through
        return column in self.through and (not self.every or (len(self.through) == 1 and not self.about))


TABLES: Mapping[str, str] = {
    "accounts": "Account",
    "leads": "Lead",
    "opportunities": "Opportunity",
    "contacts": "Contact",
    "activities": "Activity",
    "tasks": "Task",
    "tickets": "Ticket",
    "survey_answers": "SurveyAnswer",
    "orders": "Order",
    "order_lines": "OrderLine",
    "payments": "Payment",
    "attachments": "Attachment",
    "contact_channels": "ContactChannel",
    "taggings": "Tagging",
    "opportunity_lines": "OpportunityLine",
    "opportunity_competitors": "OpportunityCompetitor",
    "stage_changes": "StageChange",
    "account_merges": "AccountMerge",
    "account_merge_rows": "AccountMergeRow",
    "approval_requests": "ApprovalRequest",
    "approval_seats": "ApprovalSeat",
    "approval_decisions": "ApprovalDecision",
    "notifications": "Notification",
    "conflict_cases": "ConflictCase",
    "conflict_parties": "ConflictParty",
    "conflict_statements": "ConflictStatement",
    "conflict_rulings": "ConflictRuling",
}
"""The core's kinds of records that not everybody sees, by their tables."""

KINDS: Mapping[str, str] = {kind: table for table, kind in TABLES.items()}
"""The same the other way round."""


def _through(*kinds: str) -> dict[str, str]:
    return {f"{kind.lower()}_id": kind for kind in kinds}


DERIVED: Mapping[str, Derived] = {
    "Contact": Derived(
        _through("Account"),
        named_by=(
            ("opportunities", "contact_id", "Opportunity"),
            ("leads", "converted_contact_id", "Lead"),
        ),
    ),
    "Activity": Derived(_through("Account", "Contact", "Lead", "Opportunity"), people=("author_id",)),
    "Task": Derived(_through("Account", "Contact", "Lead", "Opportunity", "Ticket"), people=("assignee_id",)),
    "Ticket": Derived(_through("Account", "Contact"), people=("assignee_id",)),
    "SurveyAnswer": Derived(_through("Account", "Contact", "Ticket")),
    # An order always has its account; who sees the order sees that too.
    "Order": Derived(_through("Account"), every=True),
    "OrderLine": Derived(_through("Order"), every=True),
    "Payment": Derived(_through("Order"), every=True),
    "Attachment": Derived(
        _through("Account", "Contact", "Lead", "Opportunity", "Order", "Ticket"), people=("author_id",)
    ),
    "ContactChannel": Derived(_through("Contact"), every=True),
    "Tagging": Derived(_through("Account", "Contact", "Lead", "Opportunity")),
    "OpportunityLine": Derived(_through("Opportunity"), every=True),
    "OpportunityCompetitor": Derived(_through("Opportunity"), every=True),
    "StageChange": Derived(_through("Opportunity"), every=True),
    "AccountMerge": Derived({"account_id": "Account", "merged_id": "Account"}, every=True),
    "AccountMergeRow": Derived({"merge_id": "AccountMerge"}, every=True),
    "ApprovalRequest": Derived(people=("requested_by_id",), about=True, seats=True),
    "Notification": Derived(about=True, former=True),
    "ApprovalSeat": Derived({"request_id": "ApprovalRequest"}, every=True),
    "ApprovalDecision": Derived({"request_id": "ApprovalRequest"}, every=True),
    "ConflictCase": Derived(people=("opened_by_id", "judge_id"), parties=True),
    "ConflictParty": Derived({"case_id": "ConflictCase"}, every=True),
    "ConflictStatement": Derived({"case_id": "ConflictCase"}, every=True),
    "ConflictRuling": Derived({"case_id": "ConflictCase"}, every=True),
}
"""How the core's kinds of records are seen, beside those that have holders."""

ABOUT = (
    "Account",
    "Lead",
    "Opportunity",
    "Contact",
    "Activity",
    "Task",
    "Ticket",
    "SurveyAnswer",
    "Order",
    "Payment",
    "Attachment",
)
"""Kinds of records that a row may be about by `entity` and `record_id`, and that not everybody sees."""


@cache
def derived_of(model: type[TenantModel]) -> Derived | None:
    """How the rows of a table are seen that is not listed above: with all records that they name.

    So nobody has to think of it for a new table, or one of a plugin. None when its rows name none.
    """
    through = {
        str(field.source_field): TABLES[field.related_model._meta.db_table]
        for name in sorted(model._meta.fk_fields)
        if isinstance(field := model._meta.fields_map[name], ForeignKeyFieldInstance)
        and field.related_model._meta.db_table in TABLES
    }
    about = {"entity", "record_id"} <= set(model._meta.fields_db_projection.values())
    return Derived(through, every=True, about=about) if through or about else None


def derivation(kind: str, model: type[TenantModel] | None) -> Derived | None:
    """What the visibility of a kind of records follows from; None for those that everybody sees, and with holders.

    Args:
        model: their table, for kinds that are not listed above.
    """
    if kind in DERIVED or kind in HELD:
        return DERIVED.get(kind)
    return derived_of(model) if model is not None else None
