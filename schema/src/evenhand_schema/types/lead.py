"""Lead."""

from evenhand import entities as models
from evenhand_schema.declare import bound, many, one, part
from evenhand_schema.reads.ordering import Order
from evenhand_schema.types.approval import approvals
from evenhand_schema.types.members import team
from evenhand_schema.types.reclaim import reclaim
from evenhand_schema.types.shared import decisions, external_ids, ownership_history
from evenhand_schema.types.timeline import timeline


@bound(models.Lead)
class Lead:
    """Somebody who may become a customer; held by exactly one owner or one pool."""

    summary = part("LeadSummary", "How things stand, at a glance.")
    timeline = timeline("lead", "Everything that happened with the lead, the latest first.")
    owner = one("User", "owner_id", "Who holds it; null while it waits in a pool.")
    pool = one("Pool", "pool_id", "The pool it waits in; null while somebody holds it.")
    campaign = one("Campaign", "campaign_id", "The campaign that brought it.")
    account = one("Account", "account_id", "The existing customer it belongs to, if known.")
    converted_account = one("Account", "converted_account_id", "The customer it became.")
    converted_contact = one("Contact", "converted_contact_id", "The contact it became.")
    converted_opportunity = one("Opportunity", "converted_opportunity_id", "The deal it became.")
    ownership_history = ownership_history("Lead")
    reclaim = reclaim("Lead")
    team = team()
    decisions = decisions("Lead")
    activities = many(
        "Activity", "lead_id", "What was done with it, the latest first.", Order("occurred_at", descending=True)
    )
    tasks = many("Task", "lead_id", "What is to be done about it.", Order("due_at"))
    tags = many("Tagging", "lead_id", "Its tags, with who put them there and why.", Order("created_at"))
    attachments = many("Attachment", "lead_id", "Files about it.", Order("created_at", descending=True))
    external_ids = external_ids("Lead")
    approvals = approvals("Lead")
