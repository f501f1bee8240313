"""Conflict cases: parties, statements and rulings."""

from evenhand.ownership.conflicts import models
from evenhand_schema.declare import bound, many, one
from evenhand_schema.reads.ordering import Order


@bound(models.ConflictCase)
class ConflictCase:
    """Several who claim the same customer or work; seen by the parties, who stands above them, and admins."""

    opened_by = one("User", "opened_by_id", "Who opened it; null when it was opened by itself.")
    judge = one("User", "judge_id", "Who is asked to rule; null when any admin is.")
    appealed_by = one("User", "appealed_by_id", "Who appealed.")
    parties = many("ConflictParty", "case_id", "The users who claim the records, and the records.", Order("id"))
    statements = many("ConflictStatement", "case_id", "What was said, in order.", Order("created_at"))
    rulings = many("ConflictRuling", "case_id", "What was ruled, the first one first.", Order("round"))


@bound(models.ConflictParty)
class ConflictParty:
    """A record that a case is about, or a user who claims it; one of them."""

    case = one("ConflictCase", "case_id", "The case.")
    user = one("User", "user_id", "The user; null for a record.")
    account = one("Account", "account_id", "The account; null when it is none, or not seen.")
    lead = one("Lead", "lead_id", "The lead; null when it is none, or not seen.")
    opportunity = one("Opportunity", "opportunity_id", "The deal; null when it is none, or not seen.")


@bound(models.ConflictStatement)
class ConflictStatement:
    """What somebody says about a case."""

    case = one("ConflictCase", "case_id", "The case.")
    user = one("User", "user_id", "Who says so; null for the system.")


@bound(models.ConflictRuling)
class ConflictRuling:
    """What was ruled; a case has one ruling, and one more after an appeal."""

    case = one("ConflictCase", "case_id", "The case.")
    owner = one("User", "owner_id", "Who holds the records from then on.")
    judge = one("User", "judge_id", "Who ruled.")
    merged_into = one("Account", "merged_into_id", "The account that took the others in; null when none did.")
