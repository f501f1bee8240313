"""`evenhand demo`: from nothing to a served API with two companies in it; `evenhand demo week`: a week of ownership."""

from __future__ import annotations

import typer

from evenhand_schema.demo.command import demo_command
from evenhand_schema.demo.week import week_command


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(demo_command)
    group.command("week")(week_command)
    app.add_typer(group, name="demo")


__all__ = ["register"]
