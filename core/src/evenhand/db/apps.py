"""Which models and migrations there are: the core's and those of the installed plugins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evenhand.db.config import DatabaseConfig

CORE_MODULES = (
    "evenhand.entities",
    "evenhand.ownership.models",
    "evenhand.ownership.members.models",
    "evenhand.ownership.handovers.models",
    "evenhand.ownership.pools.models",
    "evenhand.ownership.visibility.models",
    "evenhand.ownership.conflicts.models",
    "evenhand.ownership.duplicates.models",
    "evenhand.ownership.clocks.models",
    "evenhand.ownership.signals.models",
    "evenhand.audit.models",
    "evenhand.events.models",
    "evenhand.idempotency.models",
    "evenhand.auth.models",
    "evenhand.auth.fields.models",
    "evenhand.plugins.models",
    "evenhand.jobs.models",
    "evenhand.webhooks.models",
    "evenhand.notifications.models",
    "evenhand.approvals.models",
    "evenhand.automation.models",
)


@dataclass(frozen=True)
class App:
    """A set of models under one label with the package of its migrations."""

    models: tuple[str, ...]
    migrations: str


CORE_APPS: Mapping[str, App] = {"core": App(CORE_MODULES, "evenhand.migrations")}


def installed_apps() -> dict[str, App]:
    """The core's app and one for each installed plugin that has models, labelled by its slug."""
    from evenhand.plugins.loader import installed_manifests

    apps = dict(CORE_APPS)
    for manifest in installed_manifests():
        if manifest.models and manifest.migrations:
            apps[manifest.slug] = App((manifest.models,), manifest.migrations)
    return apps


def tortoise_config(database: DatabaseConfig, apps: Mapping[str, App], *, as_owner: bool) -> dict[str, Any]:
    """The configuration that tortoise takes."""
    return {
        "connections": {
            "default": {
                "engine": "tortoise.backends.asyncpg",
                "credentials": database.credentials(as_owner=as_owner),
            }
        },
        "apps": {
            label: {"models": list(app.models), "migrations": app.migrations, "default_connection": "default"}
            for label, app in apps.items()
        },
        "use_tz": True,
        "timezone": "UTC",
    }
