"""`evenhand migrate` and `evenhand doctor`."""

from __future__ import annotations

import asyncio
import platform

import typer
from rich.table import Table

from evenhand.cli.runtime import console, environment_database, readable_errors
from evenhand.db.config import APP_ROLE, data_directory, database_from_environment
from evenhand.db.migrate import connect, ensure_database, migrate, pending_migrations
from evenhand.errors import EvenhandError
from evenhand.plugins.host import PluginHost
from evenhand.plugins.loader import installed_plugins


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("migrate")(migrate_command)
    app.command("doctor")(doctor)


def migrate_command() -> None:
    """Bring the database to the schema of the installed code; creates it when it does not exist."""

    def report(event: str, label: str, name: str) -> None:
        if event == "apply_done":
            console.print(f"  applied {label}.{name}")

    with readable_errors():
        applied = asyncio.run(migrate(environment_database(), progress=report))
    console.print(f"{applied} migrations applied." if applied else "The database is up to date.")


Finding = tuple[str, bool, str]


async def _examine() -> list[Finding]:
    """Look at everything that commonly goes wrong. Returns: (what, good, details)."""
    findings: list[Finding] = [("Python", True, platform.python_version())]
    where = "DATABASE_URL" if database_from_environment() else f"embedded, in {data_directory() / 'postgres'}"
    try:
        config = environment_database()
        await ensure_database(config)
        connection = await connect(config)
        try:
            version: str = await connection.fetchval("SHOW server_version")
            encoding: str = await connection.fetchval("SHOW server_encoding")
            risky = await connection.fetchval(
                "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = $1", APP_ROLE
            )
        finally:
            await connection.close()
        findings.append(("PostgreSQL", int(version.split(".")[0]) >= 15, f"{version} ({where})"))
        findings.append(("Encoding", encoding == "UTF8", encoding))
        pending = await pending_migrations(config)
        findings.append(
            ("Migrations", not pending, f"missing: {', '.join(pending)}; run evenhand migrate" if pending else "all")
        )
        findings.append(
            (
                "Application role",
                risky is False,
                "cannot bypass row level security"
                if risky is False
                else "missing; run evenhand migrate"
                if risky is None
                else "may bypass row level security",
            )
        )
    except EvenhandError as error:
        findings.append(("PostgreSQL", False, str(error)))
    plugins = installed_plugins()
    host = PluginHost(plugins)
    for plugin in plugins:
        failure = host.failures.get(plugin.name)
        findings.append((f"Plugin {plugin.name}", failure is None, failure or plugin.distribution))
    return findings


def doctor() -> None:
    """Check the installation: Python, database, migrations, roles and plugins. Exits with 1 when something is wrong."""
    with readable_errors():
        findings = asyncio.run(_examine())
    table = Table("What", "", "Details", box=None)
    for what, good, details in findings:
        table.add_row(what, "[green]ok[/green]" if good else "[red]wrong[/red]", details)
    console.print(table)
    if not all(good for _, good, _ in findings):
        raise typer.Exit(1)
