"""Opportunity with its pipeline, stages, lines and competitors."""

from evenhand import entities as models
from evenhand_schema.declare import bound, many, one, part
from evenhand_schema.reads.ordering import Order
from evenhand_schema.types.approval import approvals
from evenhand_schema.types.gate import stage_gate
from evenhand_schema.types.members import team
from evenhand_schema.types.reclaim import reclaim
from evenhand_schema.types.shared import decisions, external_ids, ownership_history
from evenhand_schema.types.timeline import timeline


@bound(models.Pipeline)
class Pipeline:
    """A sequence of stages; a tenant may have several."""

    stages = many("Stage", "pipeline_id", "Its stages in order.", Order("position"))


@bound(models.Stage)
class Stage:
    """A step of a pipeline, open, won or lost."""

    pipeline = one("Pipeline", "pipeline_id", "The pipeline it is a step of.")


@bound(models.Opportunity)
class Opportunity:
    """A deal on its way through a pipeline; held by exactly one owner or one pool."""

    summary = part("OpportunitySummary", "How things stand, at a glance.")
    timeline = timeline("opportunity", "Everything that happened around the deal, the latest first.")
    account = one("Account", "account_id", "The customer.")
    contact = one("Contact", "contact_id", "Whom we talk to.")
    pipeline = one("Pipeline", "pipeline_id", "The pipeline it goes through.")
    stage = one("Stage", "stage_id", "Where it stands.")
    campaign = one("Campaign", "campaign_id", "The campaign it came from.")
    owner = one("User", "owner_id", "Who holds it; null while it waits in a pool.")
    pool = one("Pool", "pool_id", "The pool it waits in; null while somebody holds it.")
    ownership_history = ownership_history("Opportunity")
    reclaim = reclaim("Opportunity")
    team = team()
    decisions = decisions("Opportunity")
    stage_history = many("StageChange", "opportunity_id", "Its way so far, the earliest first.", Order("changed_at"))
    lines = many("OpportunityLine", "opportunity_id", "The products offered.", Order("created_at"))
    competitors = many("OpportunityCompetitor", "opportunity_id", "Who else sells.", Order("created_at"))
    activities = many(
        "Activity", "opportunity_id", "What was done about it, the latest first.", Order("occurred_at", True)
    )
    tasks = many("Task", "opportunity_id", "What is to be done about it.", Order("due_at"))
    orders = many("Order", "opportunity_id", "What was ordered.", Order("created_at", descending=True))
    tags = many("Tagging", "opportunity_id", "Its tags, with who put them there and why.", Order("created_at"))
    attachments = many("Attachment", "opportunity_id", "Files about it.", Order("created_at", descending=True))
    external_ids = external_ids("Opportunity")
    approvals = approvals("Opportunity")
    stage_gate = stage_gate()


@bound(models.OpportunityLine)
class OpportunityLine:
    """A product offered in an opportunity."""

    opportunity = one("Opportunity", "opportunity_id", "The deal.")
    product = one("Product", "product_id", "The product.")


@bound(models.StageChange)
class StageChange:
    """One step of an opportunity's way through its pipeline."""

    opportunity = one("Opportunity", "opportunity_id", "The deal.")
    from_stage = one("Stage", "from_stage_id", "The stage before; null for the first.")
    to_stage = one("Stage", "to_stage_id", "The stage after.")
    actor = one("User", "actor_id", "Who moved it; null when the system did.")


@bound(models.Competitor)
class Competitor:
    """Somebody who sells against us."""

    opportunities = many("OpportunityCompetitor", "competitor_id", "Where we met.", Order("created_at"))


@bound(models.OpportunityCompetitor)
class OpportunityCompetitor:
    """A competitor met in an opportunity."""

    opportunity = one("Opportunity", "opportunity_id", "The deal.")
    competitor = one("Competitor", "competitor_id", "The competitor.")
