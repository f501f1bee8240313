"""What every command needs: the environment's database, a tenant to act for, and errors a person can read."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from evenhand.auth.keys import tenant_id_of
from evenhand.db.config import DatabaseConfig, database_from_environment, with_connections
from evenhand.db.errors import DatabaseOutdated, DatabaseUnavailable, database_is_gone
from evenhand.db.migrate import ensure_database, pending_migrations
from evenhand.db.session import open_database
from evenhand.errors import EvenhandError, InvalidInput
from evenhand.tenancy.context import Actor, system_actor

T = TypeVar("T")
console = Console()
errors = Console(stderr=True)


class UnknownTenant(EvenhandError):
    """No tenant has this slug."""

    code = "UNKNOWN_TENANT"


def environment_database() -> DatabaseConfig:
    """`DATABASE_URL`'s database, else the embedded one, which is started or joined."""
    configured = database_from_environment()
    if configured is not None:
        return configured
    from evenhand.db.embedded import start_embedded

    _, config = start_embedded()
    return with_connections(config)


async def require_current_schema(config: DatabaseConfig) -> None:
    """Raise `DatabaseOutdated` when migrations are missing; creates an empty database when there is none."""
    await ensure_database(config)
    pending = await pending_migrations(config)
    if pending:
        raise DatabaseOutdated(
            f"The database lacks {len(pending)} migrations, first {pending[0]}.", hint="Run: evenhand migrate"
        )


def run(main: Callable[[DatabaseConfig], Awaitable[T]], *, check_schema: bool = True) -> T:
    """Run a command's async part with the environment's database open under the application role."""

    async def with_database() -> T:
        config = environment_database()
        if check_schema:
            await require_current_schema(config)
        async with open_database(config):
            return await main(config)

    with readable_errors():
        return asyncio.run(with_database())


@contextmanager
def readable_errors() -> Iterator[None]:
    """Print expected errors for people and exit with 1; let defects through."""
    try:
        yield
    except EvenhandError as error:
        show_error(error)
        raise typer.Exit(1) from error
    except Exception as error:
        if not database_is_gone(error):
            raise
        lost = DatabaseUnavailable(
            "The connection to the database was lost.",
            hint="What was committed is kept, nothing is half done. Check that PostgreSQL runs and repeat the command.",
        )
        show_error(lost)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        errors.print("Stopped.")
        raise typer.Exit(130) from None


def show_error(error: EvenhandError) -> None:
    """Say on standard error what is wrong, where, and how to mend it."""
    if isinstance(error, InvalidInput):
        for problem in error.problems:
            errors.print(f"[red]{escape(problem.message)}[/red] {escape(problem.hint)}", highlight=False)
        return
    errors.print(f"[red]{escape(error.message)}[/red] {escape(error.hint)}", highlight=False)


async def tenant_actor(slug: str, via: str = "cli") -> Actor:
    """The system itself, acting for the tenant with this slug.

    Raises:
        UnknownTenant: there is none.
    """
    tenant_id = await tenant_id_of(slug)
    if tenant_id is None:
        raise UnknownTenant(
            f"There is no tenant {slug!r}.", hint='Create it: evenhand tenant create SLUG --name "Company"'
        )
    return system_actor(tenant_id, via=via)


TenantOption = typer.Option(..., "--tenant", "-t", envvar="EVENHAND_TENANT", help="Slug of the tenant.")


def is_interactive() -> bool:
    """Whether a person watches the output."""
    return sys.stdout.isatty()
