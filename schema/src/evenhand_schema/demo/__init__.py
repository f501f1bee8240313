"""`evenhand demo`: from nothing to a served API with two companies in it."""

from __future__ import annotations

import typer

from evenhand_schema.demo.command import demo_command


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo_command)


__all__ = ["register"]
