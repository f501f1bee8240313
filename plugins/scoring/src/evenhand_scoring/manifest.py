"""What the scoring plugin is; read without importing anything heavy."""

from evenhand.api import PluginManifest

MANIFEST = PluginManifest(
    slug="scoring",
    title={"en": "Key figures", "zh": "关键指标"},
    description={
        "en": "Revenue, win rate and sales cycle of customers and people.",
        "zh": "客户与人员的销售额、赢单率和销售周期。",
    },
    api=">=0.1,<0.2",
    hooks="evenhand_scoring.plugin:plugin",
    graphql="evenhand_scoring.graphql:CONTRIBUTION",
    settings="evenhand_scoring.settings:ScoringSettings",
    permissions=("Reads closed opportunities.",),
)
