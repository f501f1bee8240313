"""The schema as text: `python -m evenhand_schema.sdl` writes `schema.graphql` anew."""

from __future__ import annotations

from pathlib import Path

from evenhand_schema.schema import build_schema

PATH = Path(__file__).parents[2] / "schema.graphql"
"""In the source tree; the core's part of the schema, without plugins."""


def current_sdl() -> str:
    """The schema of the core without plugins, as text, sorted."""
    return build_schema().sdl


def main() -> None:
    """Write the file."""
    PATH.write_text(current_sdl(), encoding="utf-8")


if __name__ == "__main__":
    main()
