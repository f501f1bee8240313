"""Account: the customer, seen from all sides."""

from evenhand import entities as models
from evenhand_schema.declare import bound, many, one, part
from evenhand_schema.reads.ordering import Order
from evenhand_schema.types.approval import approvals
from evenhand_schema.types.members import team
from evenhand_schema.types.reclaim import reclaim
from evenhand_schema.types.shared import OPEN, external_ids, ownership_history
from evenhand_schema.types.timeline import timeline


@bound(models.Account)
class Account:
    """A customer or prospect; held by exactly one owner or one pool."""

    also_names: list[str]
    summary = part("AccountSummary", "How things stand, at a glance.")
    timeline = timeline(
        "account",
        "Everything that happened with the customer in one stream, the latest first.",
    )
    owner = one("User", "owner_id", "Who holds it; null while it waits in a pool.")
    pool = one("Pool", "pool_id", "The pool it waits in; null while somebody holds it.")
    ownership_history = ownership_history("Account")
    reclaim = reclaim("Account")
    team = team()
    tags = many("Tagging", "account_id", "Its tags, with who put them there and why.", Order("created_at"))
    parent = one("Account", "parent_id", "The account it belongs to.")
    children = many("Account", "parent_id", "The accounts that belong to it.", Order("name"))
    contacts = many("Contact", "account_id", "The people there, by name.", Order("name"))
    activities = many(
        "Activity",
        "account_id",
        "What was done with the customer, the latest first.",
        Order("occurred_at", descending=True),
    )
    opportunities = many(
        "Opportunity", "account_id", "Its deals, the newest first.", Order("created_at", descending=True), flags=OPEN
    )
    orders = many(
        "Order",
        "account_id",
        "Its quotes, contracts and orders, the newest first.",
        Order("created_at", descending=True),
    )
    tickets = many("Ticket", "account_id", "Its requests for service, the latest first.", Order("opened_at", True))
    survey_answers = many("SurveyAnswer", "account_id", "What it thinks of us, the latest first.", Order("id", True))
    leads = many("Lead", "account_id", "Leads that belong to it, the newest first.", Order("created_at", True))
    tasks = many("Task", "account_id", "What is to be done for it, the most urgent first.", Order("due_at"))
    attachments = many("Attachment", "account_id", "Files about it, the newest first.", Order("created_at", True))
    external_ids = external_ids("Account")
    approvals = approvals("Account")
    merged_into = one("Account", "merged_into_id", "The account that took it in; null unless it was merged.")
    merges = many("AccountMerge", "account_id", "The accounts it took in, the latest first.", Order("merged_at", True))


@bound(models.AccountMerge)
class AccountMerge:
    """One account taken in by another, with what is needed to undo it."""

    account = one("Account", "account_id", "The account that stayed.")
    merged = one("Account", "merged_id", "The account that was taken in.")
    owner = one("User", "owner_id", "Who held the account that was taken in, until then.")
    pool = one("Pool", "pool_id", "The pool in which the account that was taken in waited, until then.")
    actor = one("User", "actor_id", "Who merged them; null when the system did.")
    rows = many("AccountMergeRow", "merge_id", "What went over from one account to the other.", Order("table_name"))


@bound(models.AccountMergeRow)
class AccountMergeRow:
    """One row that a merge took from one account to the other."""
