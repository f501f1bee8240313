"""What the commission plugin is; read without importing anything heavy."""

from evenhand.api import PluginManifest

MANIFEST = PluginManifest(
    slug="commission",
    title={"en": "Commission", "zh": "销售提成"},
    description={
        "en": "A flat percentage of every won deal, line by line.",
        "zh": "按固定比例逐笔计算赢单提成。",
    },
    api=">=0.1,<0.2",
    hooks="evenhand_commission.plugin:plugin",
    graphql="evenhand_commission.graphql:CONTRIBUTION",
    settings="evenhand_commission.settings:CommissionSettings",
    permissions=(
        "Reads closed opportunities and whose they are.",
        "Refuses won opportunities without an amount, when that is set.",
    ),
    validates=("Opportunity",),
)
