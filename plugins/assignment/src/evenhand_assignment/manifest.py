"""What the assignment plugin is; read without importing anything heavy."""

from evenhand.api import PluginManifest

MANIFEST = PluginManifest(
    slug="assignment",
    title={"en": "Fair assignment", "zh": "公平分配"},
    description={
        "en": "Gives leads, customers and opportunities to people in turn, by weight, and says why.",
        "zh": "按权重轮流分配线索、客户和商机，并说明理由。",
    },
    api=">=0.1,<0.2",
    hooks="evenhand_assignment.plugin:plugin",
    graphql="evenhand_assignment.graphql:CONTRIBUTION",
    settings="evenhand_assignment.settings:AssignmentSettings",
    models="evenhand_assignment.models",
    migrations="evenhand_assignment.migrations",
    events=("LeadCreated",),
    permissions=(
        "Reads users, their teams and absences.",
        "Decides who holds records that are assigned.",
        "Assigns new leads if so set.",
    ),
)
