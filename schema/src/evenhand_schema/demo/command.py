"""The command: prepare, serve, and show around."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import typer

from evenhand.cli.runtime import console, environment_database, readable_errors
from evenhand.db.config import DatabaseConfig
from evenhand.db.migrate import analyze, migrate
from evenhand.db.session import open_database
from evenhand.demo.generate import LEXICONS
from evenhand.demo.keys import demo_key
from evenhand.demo.prepare import DemoTenant, prepare_tenant
from evenhand.demo.showcase import Share, shares, showcase_account, showcase_lead
from evenhand.entities import Team, User
from evenhand.errors import EvenhandError


class TourFailed(EvenhandError):
    """The server did not give the answer that the tour wanted to show."""

    code = "TOUR_FAILED"


@dataclass(frozen=True)
class Ready:
    """A prepared tenant with what the tour shows of it."""

    tenant: DemoTenant
    key: str
    shares: Sequence[Share]
    account_id: UUID
    lead_id: UUID | None


def demo_command(
    context: typer.Context,
    once: bool = typer.Option(False, "--once", help="Show the tour and end, instead of serving until Ctrl-C."),
    host: str = typer.Option("127.0.0.1", help="Address to listen at."),
    port: int = typer.Option(8000, min=0, max=65535, help="Port to listen at; 0 takes any free one."),
    seed: int | None = typer.Option(None, help="Make other companies: the same seed gives the same ones."),
) -> None:
    """Show what Evenhand does: two made-up companies with histories, leads assigned in fair turns, a served API.

    The data stay: the next start goes on with them.
    """
    if context.invoked_subcommand is not None:
        return
    started = time.perf_counter()
    # Here and not above: the other commands start faster without the web server and the schema.
    from evenhand_schema.http.config import http_from_environment
    from evenhand_schema.http.server import PortTaken, listen, serve

    with readable_errors():
        http_from_environment()
        try:
            listener = listen(host, port)
        except PortTaken as error:
            hint = f"Stop that program or choose another port: make demo ARGS='--port {port + 1}'."
            raise PortTaken(error.message, hint=hint) from error
        with listener:
            with console.status("Starting PostgreSQL …"):
                config = environment_database()
            ready = asyncio.run(_prepare(config, seed))
            reachable = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104 - compared, not bound
            taken: int = listener.getsockname()[1]

            def visit() -> bool:
                show_tour(reachable, taken, ready, started)
                if not once:
                    console.print("\nServing. Ctrl-C stops; the data stay, and the next start goes on with them.")
                return not once

            serve(config, listener, visit=visit, access_log=False)
        if not once:
            console.print("Stopped.")


async def _prepare(config: DatabaseConfig, seed: int | None) -> list[Ready]:
    """Migrate the database and make both tenants ready."""
    from evenhand_schema.demo.show import Steps, progress_bars

    with progress_bars(console) as progress:
        applied = await migrate(config)
        if applied:
            Steps.done(progress, "database: migrations", applied)
        async with open_database(config):
            found: list[Ready] = []
            for lexicon in LEXICONS:
                steps = Steps(progress, lexicon.tenant["slug"])
                tenant = await prepare_tenant(lexicon, seed=seed, settings_for=_settings_for, watcher=steps)
                if tenant.created:
                    await analyze(config)
                system = tenant.system
                found.append(
                    Ready(
                        tenant,
                        await demo_key(tenant),
                        await shares(system),
                        await showcase_account(system),
                        await showcase_lead(system),
                    )
                )
    return found


def _settings_for(slug: str, teams: Sequence[Team], users: Sequence[User]) -> Mapping[str, Any]:
    """In the demo only the sales teams take leads, and juniors take half as many."""
    if slug != "assignment":
        return {}
    juniors = {str(user.id): "0.5" for user in users if user.level.value == "junior"}
    return {"team_ids": [str(team.id) for team in teams], "weights": juniors}


def show_tour(host: str, port: int, ready: Sequence[Ready], started: float) -> None:
    """Print who got what and why, how to reach the API, and a query with its answer, asked over HTTP."""
    from evenhand_schema.demo.queries import curl, customer_query
    from evenhand_schema.demo.show import heading, show_access, show_query, show_shares

    url = f"http://{host}:{port}/graphql"
    heading(console, "Who got how many of the imported leads")
    for item in ready:
        show_shares(console, item.tenant.name, item.shares)
    _show_why(host, port, ready)
    heading(console, "One query for all about a customer")
    chosen = ready[-1]
    query = customer_query(chosen.account_id)
    answer = _asked(host, port, chosen, query)
    show_query(console, curl(url, chosen.key, query), answer)
    heading(console, "Where it is")
    show_access(console, url, [(item.tenant.slug, item.tenant.name, item.key) for item in ready])
    console.print(f"\nReady after {time.perf_counter() - started:.1f} s.", highlight=False)


def _show_why(host: str, port: int, ready: Sequence[Ready]) -> None:
    """One lead of each tenant; all candidates for the last one's."""
    from evenhand_schema.demo.queries import why_query
    from evenhand_schema.demo.show import heading, show_decision

    heading(console, "Why they went where they went: one lead of each company")
    for item in ready:
        if item.lead_id is None:
            console.print(f"{item.tenant.name}: no lead was assigned.", markup=False)
            continue
        lead = _asked(host, port, item, why_query(item.lead_id))["data"]["lead"]
        if lead["assignment"] is None or lead["assignment"]["decision"] is None:
            console.print(f"{item.tenant.name}: the assignment plugin is disabled.", markup=False)
            continue
        show_decision(console, lead, everybody=item is ready[-1])


def _asked(host: str, port: int, item: Ready, query: str) -> dict[str, Any]:
    from evenhand_schema.demo.client import ask

    try:
        answer = ask(host, port, item.key, query)
    except OSError as error:
        raise TourFailed(
            f"The server at {host}:{port} does not answer: {error}", hint="Start the demo again."
        ) from error
    if answer.get("errors") or not answer.get("data"):
        first = answer["errors"][0]["message"] if answer.get("errors") else "no data"
        raise TourFailed(f"The server refused the tour's query: {first}", hint="See its log; evenhand doctor may help.")
    return answer
