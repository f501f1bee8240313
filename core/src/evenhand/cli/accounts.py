"""`evenhand tenant`, `evenhand user` and `evenhand apikey`: who may use the system."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from evenhand import clock
from evenhand.actions.records import create_record
from evenhand.actions.tenants import create_tenant
from evenhand.auth.keys import create_api_key, revoke_api_key
from evenhand.auth.models import ApiKey
from evenhand.cli.runtime import TenantOption, console, run, tenant_actor
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import reading
from evenhand.entities import User
from evenhand.entities.enums import UserLevel
from evenhand.errors import EvenhandError
from evenhand.tenancy.context import Role, Scope, acting_as


class AmbiguousUser(EvenhandError):
    """A name or e-mail that fits no user, or several."""

    code = "AMBIGUOUS_USER"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    tenants = typer.Typer(help="Tenants: companies that use this installation.", no_args_is_help=True)
    tenants.command("create")(tenant_create)
    users = typer.Typer(help="Users of a tenant.", no_args_is_help=True)
    users.command("add")(user_add)
    keys = typer.Typer(help="Keys to the API.", no_args_is_help=True)
    keys.command("create")(apikey_create)
    keys.command("list")(apikey_list)
    keys.command("revoke")(apikey_revoke)
    app.add_typer(tenants, name="tenant")
    app.add_typer(users, name="user")
    app.add_typer(keys, name="apikey")


def tenant_create(
    slug: str = typer.Argument(help="Short name for commands and keys, e.g. acme-shanghai; it never changes."),
    name: str = typer.Option(..., help="The company's name."),
    locale: str = typer.Option("en", help="Language, e.g. en or zh-CN."),
    time_zone: str = typer.Option("UTC", help="Time zone, e.g. Asia/Shanghai."),
    currency: str = typer.Option("USD", help="Currency, e.g. CNY."),
) -> None:
    """Create a tenant with a default pool and sales pipeline."""

    async def main(_: DatabaseConfig) -> UUID:
        return await create_tenant(slug, name, locale=locale, time_zone=time_zone, currency=currency)

    console.print(f"Tenant {slug} created, id {run(main)}.", highlight=False)
    console.print(f'Next: evenhand user add --tenant {slug} --name "Your name" --role admin', highlight=False)


def user_add(
    tenant: str = TenantOption,
    name: str = typer.Option(..., help="The person's name."),
    email: str | None = typer.Option(None, help="E-mail address, unique in the tenant."),
    role: Role = typer.Option(Role.REP, help="What the person may do."),
    level: UserLevel = typer.Option(UserLevel.SENIOR, help="Experience; policies may ask for it."),
) -> None:
    """Add a user."""

    async def main(_: DatabaseConfig) -> UUID:
        with acting_as(await tenant_actor(tenant)):
            return await create_record("User", {"name": name, "email": email, "role": role, "level": level})

    console.print(f"User {name} added, id {run(main)}.", highlight=False)


async def find_user(wanted: str) -> UUID:
    """The id of the only user with this name, e-mail or id; raises `AmbiguousUser`."""
    async with reading():
        users = await User.filter(archived_at=None)
    found = [user for user in users if wanted in (str(user.id), user.email, user.name)]
    if len(found) == 1:
        return found[0].id
    if found:
        names = ", ".join(str(user.id) for user in found)
        raise AmbiguousUser(f"{len(found)} users are called {wanted!r}: {names}.", hint="Use the id or the e-mail.")
    raise AmbiguousUser(f"There is no user {wanted!r}.", hint="Use the exact name, the e-mail or the id.")


def apikey_create(
    tenant: str = TenantOption,
    user: str = typer.Option(..., help="Whom the key acts for: name, e-mail or id."),
    name: str = typer.Option("command line", help="What the key is for."),
    scope: list[Scope] = typer.Option(list(Scope), help="What it may be used for; repeat for several."),
    days: int | None = typer.Option(None, min=1, help="Days until it expires; never by default."),
) -> None:
    """Make a key to the API. It is printed once and cannot be shown again."""
    expires_at = clock.now() + timedelta(days=days) if days else None

    async def main(_: DatabaseConfig) -> str:
        with acting_as(await tenant_actor(tenant)):
            return await create_api_key(await find_user(user), name, scopes=scope, expires_at=expires_at)

    console.print(run(main), highlight=False, soft_wrap=True)


def apikey_list(tenant: str = TenantOption) -> None:
    """List a tenant's keys by their readable start."""

    async def main(_: DatabaseConfig) -> tuple[list[ApiKey], dict[UUID, str]]:
        with acting_as(await tenant_actor(tenant)):
            async with reading():
                return await ApiKey.all().order_by("id"), {user.id: user.name for user in await User.all()}

    keys, names = run(main)
    table = Table("Key", "Acts for", "Purpose", "May", "Last used", "State", box=None)
    for key in keys:
        used = "never" if key.last_used_at is None else f"{key.last_used_at:%Y-%m-%d %H:%M}"
        ended = key.expires_at is not None and key.expires_at <= clock.now()
        state = "revoked" if key.revoked_at is not None else "expired" if ended else "valid"
        row = (f"{key.prefix}…", names[key.user_id], key.name, ", ".join(key.scopes), used, state)
        table.add_row(*(escape(cell) for cell in row))
    console.print(table)


def apikey_revoke(
    key: str = typer.Argument(help="The key or its readable start, as 'evenhand apikey list' shows it."),
    tenant: str = TenantOption,
) -> None:
    """End a key for good, at once."""

    async def main(_: DatabaseConfig) -> None:
        with acting_as(await tenant_actor(tenant)):
            await revoke_api_key(key.removesuffix("…"))

    run(main)
    console.print("The key is revoked.")
