"""`python -m benchmarks [NAME…] [options]`: run all benchmarks or those named."""

from __future__ import annotations

import argparse
import asyncio

from benchmarks import events, hooks, writes
from benchmarks.jobs import run as jobs
from benchmarks.output import console
from benchmarks.ownership import run as ownership
from benchmarks.reads import run as reads

ALL = {
    "writes": writes.run,
    "events": events.run,
    "hooks": hooks.run,
    "jobs": jobs.run,
    "ownership": ownership.run,
    "reads": reads.run,
}


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser("benchmarks", description="Figures of this machine, side by side.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(ALL)}; all when left out")
    reads.add_options(parser)
    jobs.add_options(parser)
    ownership.add_options(parser)
    options = parser.parse_intermixed_args()
    unknown = [name for name in options.names if name not in ALL]
    if unknown:
        parser.error(f"There is no benchmark {', '.join(unknown)}; there are: {', '.join(ALL)}.")
    for name in options.names or ALL:
        console.print(asyncio.run(ALL[name](options)))


if __name__ == "__main__":
    main()
