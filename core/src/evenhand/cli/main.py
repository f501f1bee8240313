"""The `evenhand` command: the core's commands and those that other distributions add."""

from __future__ import annotations

from importlib.metadata import entry_points

import typer

from evenhand.cli import (
    accounts,
    audit,
    database,
    duplicates,
    events,
    handovers,
    importing,
    plugins,
    reclaims,
    search,
    working,
)
from evenhand.cli.runtime import errors

COMMANDS = "evenhand.commands"


def build() -> typer.Typer:
    """The application with the core's commands and those of installed distributions."""
    app = typer.Typer(
        name="evenhand",
        help="Evenhand: a CRM core that knows who owns which customer, and why.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    ours = (database, accounts, plugins, importing, search, duplicates, events, audit, reclaims, working, handovers)
    for module in ours:
        module.register(app)
    for point in sorted(entry_points(group=COMMANDS), key=lambda point: point.name):
        try:
            point.load()(app)
        except Exception as error:
            errors.print(f"Commands of {point.value} are missing: {type(error).__name__}: {error}", style="yellow")
    return app


def main() -> None:
    """Run the command line."""
    build()()
