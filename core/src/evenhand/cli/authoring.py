"""`evenhand plugin new` and `evenhand plugin makemigrations`: for those who write plugins."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from evenhand.cli.runtime import console, readable_errors
from evenhand.errors import EvenhandError

TEMPLATE = Path(__file__).parents[1] / "template"


class TemplateFailed(EvenhandError):
    """No new plugin could be written."""

    code = "TEMPLATE_FAILED"


def register(plugin: typer.Typer) -> None:
    """Add the commands to `evenhand plugin`."""
    plugin.command("new")(plugin_new)
    plugin.command("makemigrations")(plugin_makemigrations)


def plugin_new(
    name: str = typer.Argument(help="The plugin's name: small letters, digits and underscores."),
    title: str | None = typer.Option(None, help="What people read, in English."),
    title_zh: str | None = typer.Option(None, help="What people read, in Chinese."),
    folder: Path | None = typer.Option(None, help="Where to write it; by default evenhand-NAME in this folder."),
) -> None:
    """Write a new plugin that works, with a table, settings, an event handler, a field of the API and tests."""
    with readable_errors():
        target = folder or Path(f"evenhand-{name.replace('_', '-')}")
        titles = {"title": title, "title_zh": title_zh}
        write_plugin(name, target, {key: value for key, value in titles.items() if value is not None})
    console.print(f"{target} is a plugin that works. Next:", highlight=False)
    console.print(f"  cd {target}\n  pip install --editable '.[dev]'\n  pytest", highlight=False, markup=False)


def write_plugin(name: str, folder: Path, titles: dict[str, str]) -> None:
    """Write the plugin from the template.

    Args:
        titles: `title` and `title_zh`; by default made of the name.

    Raises:
        TemplateFailed: the folder is in use, an answer does not fit, or copier is not installed.
    """
    try:
        from copier import run_copy
        from copier.errors import CopierError
    except ImportError as error:
        raise TemplateFailed(
            "copier, which fills in the template, is not installed.", hint="Run: pip install 'evenhand[new]'"
        ) from error
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TemplateFailed(f"{folder} exists already.", hint="Choose another place: --folder PLACE.")
    try:
        run_copy(str(TEMPLATE), str(folder), data={"slug": name, **titles}, defaults=True, quiet=True)
    except (CopierError, ValueError) as error:
        raise TemplateFailed(
            f"No plugin {name!r} can be written: {error}",
            hint="Names are small letters, digits and underscores; titles have no quotes and backslashes.",
        ) from error


def plugin_makemigrations(slug: str = typer.Argument(help="The plugin's name; it must be installed.")) -> None:
    """Write the migration that brings a plugin's tables to its models."""
    from evenhand.db.apps import installed_apps
    from evenhand.db.develop import make_migrations

    with readable_errors():
        if slug not in installed_apps():
            raise TemplateFailed(
                f"No plugin {slug!r} with models and migrations is installed.",
                hint="Install it in editable form: pip install --editable .",
            )
        written = asyncio.run(make_migrations(slug))
    for path in written:
        console.print(f"Wrote {path}", highlight=False)
    if not written:
        console.print(f"The migrations of {slug} say what its models say.", highlight=False)
