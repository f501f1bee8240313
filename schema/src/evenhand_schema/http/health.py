"""`/healthz`: the process is up. `/readyz`: it can answer."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from starlette.requests import Request
from starlette.responses import Response
from tortoise.transactions import in_transaction

from evenhand.db.apps import installed_apps
from evenhand.db.errors import database_is_gone
from evenhand_schema.http.errors import expected, masked, unavailable
from evenhand_schema.http.responses import answer


async def healthz(request: Request) -> Response:
    """Whether the process is up; asks nobody else."""
    return answer({"status": "ok"})


def _known_migrations() -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    for label, app in installed_apps().items():
        package = import_module(app.migrations)
        found[label] = {module.name for module in iter_modules(package.__path__) if module.name[:1].isdigit()}
    return found


async def missing_migrations() -> list[str]:
    """Names ("app.migration") of what this version needs and the open database does not have."""
    async with in_transaction("default") as connection:
        # The application's role may not read this table; the role that it was made from owns it.
        await connection.execute_script("SET LOCAL ROLE NONE")
        rows = await connection.execute_query_dict("SELECT app, name FROM tortoise_migrations")
    applied = {(row["app"], row["name"]) for row in rows}
    return sorted(
        f"{label}.{name}"
        for label, names in _known_migrations().items()
        for name in names
        if (label, name) not in applied
    )


async def readyz(request: Request) -> Response:
    """Whether the database can be reached and has the schema of this version."""
    try:
        missing = await missing_migrations()
    except Exception as error:
        shown = expected(unavailable()) if database_is_gone(error) else masked(error)
        return answer({"status": "unavailable", "errors": [shown]}, 503)
    if missing:
        return answer({"status": "outdated", "missing": missing}, 503)
    return answer({"status": "ready"})
