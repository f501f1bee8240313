"""The hooks of the importers plugin."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.api import Importer, TenantContext, hookimpl
from evenhand_importers.service import CsvImporter
from evenhand_importers.settings import ImporterSettings


class ImportersPlugin:
    """Offers the readers of this distribution."""

    @hookimpl
    def importers(self, ctx: TenantContext) -> Sequence[Importer]:
        """CSV in all its dialects."""
        settings = ctx.settings if isinstance(ctx.settings, ImporterSettings) else ImporterSettings()
        return [CsvImporter(settings.ambiguous_dates)]


plugin = ImportersPlugin()
