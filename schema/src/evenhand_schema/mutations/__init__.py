"""The mutations: each calls one action of the core and answers with data, also when it fails."""

from typing import Any

import strawberry

from evenhand_schema.contributions import Contributions
from evenhand_schema.duplicates import duplicate_mutations
from evenhand_schema.mutations.approvals import approval_mutations
from evenhand_schema.mutations.audit import audit_mutations
from evenhand_schema.mutations.automation import automation_mutations
from evenhand_schema.mutations.conflicts import conflict_mutations
from evenhand_schema.mutations.failures import HANDLERS
from evenhand_schema.mutations.handovers import handover_mutations
from evenhand_schema.mutations.jobs import job_mutations
from evenhand_schema.mutations.members import member_mutations
from evenhand_schema.mutations.merges import merge_mutations
from evenhand_schema.mutations.notifications import notification_mutations
from evenhand_schema.mutations.opportunities import opportunity_mutations
from evenhand_schema.mutations.ownership import ownership_mutations
from evenhand_schema.mutations.plugins import contributed_mutations, plugin_mutations
from evenhand_schema.mutations.pools import pool_mutations
from evenhand_schema.mutations.reclaims import reclaim_mutations
from evenhand_schema.mutations.records import record_mutations
from evenhand_schema.mutations.signals import signal_mutations
from evenhand_schema.mutations.tags import tag_mutations
from evenhand_schema.mutations.webhooks import webhook_mutations


def own_mutations() -> dict[str, Any]:
    """The core's fields of `Mutation` by Python name."""
    records = record_mutations()
    return (
        records.members
        | ownership_mutations(records.updates["Opportunity"])
        | opportunity_mutations(records.results["Opportunity"])
        | member_mutations()
        | handover_mutations()
        | conflict_mutations()
        | duplicate_mutations()
        | merge_mutations()
        | reclaim_mutations()
        | pool_mutations()
        | approval_mutations(records.results["Deputy"])
        | tag_mutations()
        | signal_mutations()
        | job_mutations()
        | notification_mutations()
        | automation_mutations()
        | plugin_mutations()
        | webhook_mutations()
        | audit_mutations()
    )


def mutation_type(contributions: Contributions) -> Any:
    """The `Mutation` type with the root fields of the plugins."""
    members = own_mutations() | contributed_mutations(contributions)
    return strawberry.type(type("Mutation", (), members), description="What can be changed.")


__all__ = ["HANDLERS", "mutation_type", "own_mutations"]
