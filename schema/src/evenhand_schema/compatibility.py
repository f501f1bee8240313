"""What changed in the schema since the last release: `python -m evenhand_schema.compatibility`.

`released.graphql` is the schema of the last release. A change that breaks clients needs a reason in
`breaking-changes.toml`; `--release` makes today's schema the released one.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from graphql import GraphQLSchema, build_schema, find_breaking_changes, find_dangerous_changes

from evenhand_schema.sdl import PATH, current_sdl

RELEASED = PATH.with_name("released.graphql")
ACKNOWLEDGED = PATH.with_name("breaking-changes.toml")

_HEAD = """# Changes since the last release that break clients, each with the reason why it is made all the same.
# "the change, as `python -m evenhand_schema.compatibility` says it" = "why, and what clients do instead"
"""


@dataclass(frozen=True)
class Changes:
    """What changed from one schema to another.

    Attributes:
        breaking: changes after which clients fail, with their reasons; "" for one without.
        dangerous: changes after which clients may see what they don't expect.
        stale: reasons for changes that were not made.
    """

    breaking: dict[str, str]
    dangerous: tuple[str, ...]
    stale: tuple[str, ...]

    @property
    def unexplained(self) -> list[str]:
        """Breaking changes without a reason."""
        return [change for change, reason in self.breaking.items() if not reason]


def compare(old: GraphQLSchema, new: GraphQLSchema, reasons: dict[str, str]) -> Changes:
    """What changed, with the reasons that are given for it."""
    breaking = [change.description for change in find_breaking_changes(old, new)]
    return Changes(
        breaking={change: reasons.get(change, "").strip() for change in sorted(breaking)},
        dangerous=tuple(sorted(change.description for change in find_dangerous_changes(old, new))),
        stale=tuple(sorted(set(reasons) - set(breaking))),
    )


def since_release(folder: Path = PATH.parent) -> Changes:
    """What changed since the last release."""
    old = build_schema((folder / RELEASED.name).read_text(encoding="utf-8"))
    return compare(old, build_schema(current_sdl()), _reasons(folder / ACKNOWLEDGED.name))


def _reasons(path: Path) -> dict[str, str]:
    return {change: str(reason) for change, reason in tomllib.loads(path.read_text(encoding="utf-8")).items()}


def report(changes: Changes) -> str:
    """The changes in words."""
    lines = [
        f"BREAKING   {change}\n           {reason or 'no reason given'}" for change, reason in changes.breaking.items()
    ]
    lines += [f"dangerous  {change}" for change in changes.dangerous]
    lines += [f"stale      {change} (was not made; remove it from {ACKNOWLEDGED.name})" for change in changes.stale]
    lines.append(
        f"{len(changes.breaking)} breaking changes, {len(changes.unexplained)} of them without a reason in "
        f"{ACKNOWLEDGED.name}; {len(changes.dangerous)} dangerous ones."
    )
    return "\n".join(lines)


def release(folder: Path = PATH.parent) -> None:
    """Make today's schema the released one; the reasons for its changes belong to the changelog from now on."""
    (folder / RELEASED.name).write_text(current_sdl(), encoding="utf-8")
    (folder / ACKNOWLEDGED.name).write_text(_HEAD, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Report, or release; returns 1 when a breaking change has no reason."""
    parser = argparse.ArgumentParser(prog="python -m evenhand_schema.compatibility", description=__doc__)
    parser.add_argument("--release", action="store_true", help="make today's schema the released one")
    if parser.parse_args(arguments).release:
        release()
        return 0
    changes = since_release()
    sys.stdout.write(report(changes) + "\n")
    return 1 if changes.unexplained or changes.stale else 0


if __name__ == "__main__":
    sys.exit(main())
