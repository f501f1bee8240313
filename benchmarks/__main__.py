"""`python -m benchmarks [NAME…]`: run all benchmarks or those named."""

from __future__ import annotations

import asyncio
import sys

from rich.console import Console

from benchmarks import writes

ALL = {"writes": writes.run}


def main() -> None:
    """Run what the command line names."""
    names = sys.argv[1:] or list(ALL)
    unknown = [name for name in names if name not in ALL]
    if unknown:
        sys.exit(f"There is no benchmark {', '.join(unknown)}; there are: {', '.join(ALL)}.")
    console = Console()
    for name in names:
        console.print(asyncio.run(ALL[name]()))


if __name__ == "__main__":
    main()
