"""The benchmarks of ownership, one after the other or those named by `--parts`."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Awaitable, Callable
from typing import Any

from rich.console import Group

from benchmarks.ownership import audit, claims, handover, ledger, reclaim, visibility

PARTS: dict[str, Callable[[Namespace], Awaitable[Any]]] = {
    "claims": claims.run,
    "ledger": ledger.run,
    "handover": handover.run,
    "reclaim": reclaim.run,
    "visibility": visibility.run,
    "audit": audit.run,
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of these benchmarks."""
    group = parser.add_argument_group("ownership")
    group.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="which parts of ownership")
    audit.add_options(parser)
    claims.add_options(parser)


async def run(options: Namespace) -> Group:
    """Measure. Returns: a table for each part."""
    return Group(*[await PARTS[name](options) for name in options.parts])
