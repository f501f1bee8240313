"""What loyalty points are."""

from evenhand.api import PluginManifest

MANIFEST = PluginManifest(
    slug="loyalty",
    title={"en": "Loyalty points", "zh": "会员积分"},
    description={"en": "Points for customers who buy.", "zh": "为购买的客户累计积分。"},
    api=">=0.1,<0.2",
    hooks="evenhand_loyalty.plugin:plugin",
    settings="evenhand_loyalty.settings:LoyaltySettings",
    models="evenhand_loyalty.models",
    migrations="evenhand_loyalty.migrations",
    graphql="evenhand_loyalty.graphql:CONTRIBUTION",
    events=("OpportunityWon",),
    permissions=("Reads the amounts of won opportunities.", "Decides who holds records that are assigned."),
)
