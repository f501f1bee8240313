"""The commands of this distribution: `evenhand serve`."""

from __future__ import annotations

import asyncio

import typer

from evenhand.cli.runtime import console, environment_database, readable_errors, require_current_schema
from evenhand.db.config import DatabaseConfig
from evenhand.worker import worker_from_environment
from evenhand_schema import demo


def register(app: typer.Typer) -> None:
    """Add our commands to the `evenhand` command line."""
    app.command("serve")(serve_command)
    demo.register(app)


def serve_command(
    host: str = typer.Option("127.0.0.1", help="Address to listen at; 0.0.0.0 for all of this machine's."),
    port: int = typer.Option(8000, min=0, max=65535, help="Port to listen at; 0 takes any free one."),
    worker: bool = typer.Option(True, help="Also do jobs in this process; without it run `evenhand worker` beside."),
) -> None:
    """Serve the GraphQL API until Ctrl-C."""
    # Here and not above: the other commands start faster without the web server and the schema.
    from evenhand_schema.http.config import http_from_environment
    from evenhand_schema.http.server import listen, serve

    with readable_errors():
        # A setting that cannot be understood is said before anything starts.
        http_from_environment()
        worker_from_environment(DatabaseConfig("", 0, "", ""))
        listener = listen(host, port)
        config = environment_database()
        asyncio.run(require_current_schema(config))
        taken = listener.getsockname()[1]
        console.print(f"GraphQL on http://{host}:{taken}/graphql (Ctrl-C stops)", highlight=False)
        serve(config, listener, worker=worker)
        console.print("Stopped.")
