"""What the importers plugin is; read without importing anything heavy."""

from evenhand.api import PluginManifest

MANIFEST = PluginManifest(
    slug="importers",
    title={"en": "Importers", "zh": "数据导入"},
    description={
        "en": "Reads CSV files in any usual encoding and dialect, and recognises English and Chinese headers.",
        "zh": "读取各种常见编码和分隔符的 CSV 文件，识别中英文表头。",
    },
    api=">=0.1,<0.2",
    hooks="evenhand_importers.plugin:plugin",
    settings="evenhand_importers.settings:ImporterSettings",
    permissions=("Reads files that a user asks to import; stores nothing itself.",),
)
