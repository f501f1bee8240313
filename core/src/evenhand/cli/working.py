"""`evenhand worker`: do jobs in a process of its own."""

from __future__ import annotations

import asyncio
import signal

import typer

from evenhand.cli.runtime import console, environment_database, readable_errors, require_current_schema
from evenhand.logs import configure_logging
from evenhand.worker import WorkerConfig, run_worker, worker_from_environment


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("worker")(worker_command)


def worker_command(
    concurrency: int = typer.Option(
        None, min=1, help="Jobs at once; by default what EVENHAND_WORKER_CONCURRENCY says, or 8."
    ),
) -> None:
    """Do jobs, start schedules and deliver events until Ctrl-C; any number of these may run beside each other."""
    with readable_errors():
        database = environment_database()
        config = worker_from_environment(database)
        if concurrency is not None:
            config = WorkerConfig(database, concurrency, config.stale_seconds, config.grace_seconds)
        asyncio.run(require_current_schema(database))
        configure_logging()
        console.print(f"Working, {config.concurrency} jobs at once (Ctrl-C stops)", highlight=False)
        asyncio.run(_until_told(config))
        console.print("Stopped.")


async def _until_told(config: WorkerConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run_worker(config, stop)
