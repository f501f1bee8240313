"""The hooks of the importers plugin."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.api import Importer, TenantContext, hookimpl
from evenhand_importers.service import CsvImporter


class ImportersPlugin:
    """Offers the readers of this distribution."""

    @hookimpl
    def importers(self, ctx: TenantContext) -> Sequence[Importer]:
        """CSV in all its dialects."""
        return [CsvImporter()]


plugin = ImportersPlugin()
