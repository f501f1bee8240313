"""Tag and tagging."""

from evenhand import entities as models
from evenhand_schema.declare import bound, many, one
from evenhand_schema.reads.ordering import Order


@bound(models.Tag)
class Tag:
    """A word that can be put on accounts, contacts, leads and opportunities."""

    taggings = many("Tagging", "tag_id", "What carries it, the newest first.", Order("created_at", descending=True))


@bound(models.Tagging)
class Tagging:
    """A tag on one record, put there by a person or by a plugin."""

    tag = one("Tag", "tag_id", "The tag.")
    account = one("Account", "account_id", "The account that carries it.")
    contact = one("Contact", "contact_id", "The contact that carries it.")
    lead = one("Lead", "lead_id", "The lead that carries it.")
    opportunity = one("Opportunity", "opportunity_id", "The opportunity that carries it.")
    actor = one("User", "actor_id", "The person who put it there; null when it was a plugin.")
