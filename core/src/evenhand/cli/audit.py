"""`evenhand audit`: seal, verify, checkpoints, export, redaction and retention of the journal."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import UUID

import orjson
import typer
from rich.markup import escape

from evenhand.actions.audit import Redacted, redact_audit, set_audit_retention, take_checkpoint, verify_audit
from evenhand.audit.exporting import export_chain
from evenhand.audit.offline import CHECKPOINT, Unreadable, read_checkpoints
from evenhand.audit.sealing import seal_entries
from evenhand.audit.verifying import Verification
from evenhand.cli.runtime import TenantOption, console, readable_errors, run, tenant_actor
from evenhand.db.config import DatabaseConfig
from evenhand.errors import InvalidInput, Problem
from evenhand.tenancy.context import Actor, acting_as, system_actor
from evenhand.tenancy.directory import tenant_ids

_ONE_OR_ALL = typer.Option(None, "--tenant", "-t", envvar="EVENHAND_TENANT", help="Slug of the tenant; all without it.")
_OUTPUT = typer.Option(None, "--output", "-o", help="Write to this file and not to the screen.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    audit = typer.Typer(help="The audit chain: seal, verify, checkpoints, export, redaction.", no_args_is_help=True)
    audit.command("seal")(audit_seal)
    audit.command("verify")(audit_verify)
    audit.command("checkpoint")(audit_checkpoint)
    audit.command("export")(audit_export)
    audit.command("redact")(audit_redact)
    audit.command("retention")(audit_retention)
    app.add_typer(audit, name="audit")


async def _actors(tenant: str | None) -> list[Actor]:
    if tenant is not None:
        return [await tenant_actor(tenant)]
    return [system_actor(one, via="cli") for one in await tenant_ids()]


def audit_seal(tenant: str | None = _ONE_OR_ALL) -> None:
    """Seal what is not sealed yet; a worker does it all the time."""

    async def main(_: DatabaseConfig) -> int:
        sealed = 0
        for actor in await _actors(tenant):
            with acting_as(actor):
                sealed += await seal_entries()
        return sealed

    console.print(f"{run(main)} entries are sealed.", highlight=False)


def audit_verify(
    tenant: str | None = _ONE_OR_ALL,
    first: int = typer.Option(1, "--from", min=1, help="Take the links before this one for granted."),
    checkpoint: list[Path] | None = typer.Option(None, "--checkpoint", help="A checkpoint that was kept elsewhere."),
) -> None:
    """Verify the chain and name the first broken link; the exit code is 1 when there is one."""
    with readable_errors():
        known = _checkpoints(checkpoint or [])

    async def main(_: DatabaseConfig) -> list[tuple[Actor, Verification]]:
        found = []
        for actor in await _actors(tenant):
            own = {number: value for of, number, value in known if of == actor.tenant_id}
            with acting_as(actor):
                found.append((actor, await verify_audit(first, checkpoints=own)))
        strangers = {of for of, _, _ in known} - {actor.tenant_id for actor, _ in found}
        if strangers:
            message = f"checkpoint: it is of tenant {next(iter(strangers))}, which was not verified."
            raise InvalidInput([Problem("checkpoint", "OTHER_TENANT", message, "Name that tenant.")])
        return found

    results = run(main)
    for actor, found in results:
        _tell(actor, found)
    if any(found.broken for _, found in results):
        raise typer.Exit(1)


def _tell(actor: Actor, found: Verification) -> None:
    rate = f"{found.checked / found.seconds:,.0f}/s" if found.seconds else ""
    where = f"Tenant {actor.tenant_id}:"
    if found.broken is not None:
        number = f"link {found.broken.number}" if found.broken.number is not None else "no link"
        console.print(
            f"{where} [red]BROKEN[/red] at {number} ({found.broken.problem.value}): {escape(found.broken.message)} "
            f"{found.checked:,} links before it are whole.",
            highlight=False,
        )
        return
    removed = f" Retention removed {found.removed:,} entries up to link {found.removed_up_to}." if found.removed else ""
    console.print(
        f"{where} {found.checked:,} links are whole ({found.first} to {found.last}, {rate}); "
        f"head {found.head.hex()}.{removed}",
        highlight=False,
        soft_wrap=True,
    )


def _checkpoints(paths: list[Path]) -> list[tuple[UUID, int, bytes]]:
    known: list[tuple[UUID, int, bytes]] = []
    for path in paths:
        try:
            found = read_checkpoints(path.read_text("utf-8"))
            known += [(UUID(one["tenant"]), int(one["number"]), bytes.fromhex(one["hash"])) for one in found]
        except (OSError, Unreadable, ValueError) as error:
            hint = "Name a file that `evenhand audit checkpoint` wrote."
            raise InvalidInput([Problem("checkpoint", "BAD_FILE", f"checkpoint: {path}: {error}", hint)]) from error
    return known


def audit_checkpoint(tenant: str = TenantOption, output: Path | None = _OUTPUT) -> None:
    """Note where the chain ends, as JSON; keep it where nobody who has the database can change it."""

    async def main(_: DatabaseConfig) -> bytes:
        actor = await tenant_actor(tenant)
        with acting_as(actor):
            taken = await take_checkpoint()
        values = {"format": CHECKPOINT, "tenant": str(actor.tenant_id), "number": taken.number, "hash": taken.hash}
        return orjson.dumps({**values, "time": taken.taken_at.isoformat()}) + b"\n"

    text = run(main)
    if output is None:
        sys.stdout.write(text.decode())
        return
    output.write_bytes(text)
    console.print(f"Written to {output}.", highlight=False)


def audit_export(
    tenant: str = TenantOption,
    first: int = typer.Option(1, "--from", min=1, help="The first link."),
    last: int | None = typer.Option(None, "--to", min=1, help="The last link; to the end without it."),
    output: Path | None = _OUTPUT,
) -> None:
    """Write links with their entries as JSON Lines, which a small script verifies without a database."""

    async def main(_: DatabaseConfig) -> None:
        with acting_as(await tenant_actor(tenant)):
            await seal_entries()
            lines = export_chain(first, last)
            if output is None:
                async for line in lines:
                    sys.stdout.write(line.decode())
                return
            with output.open("wb") as file:
                async for line in lines:
                    file.write(line)

    run(main)
    if output is not None:
        console.print(f"Written to {output}.", highlight=False)


def audit_redact(
    entity: str = typer.Argument(help="The kind of record, e.g. contact."),
    record: str = typer.Argument(help="The record's id."),
    fields: list[str] = typer.Option(..., "--field", "-f", help="A field whose values are replaced; may be repeated."),
    reason: str = typer.Option(..., "--reason", help="Why, without the data itself."),
    tenant: str = TenantOption,
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Replace values of a record in all of its history; this cannot be undone."""
    with readable_errors():
        try:
            record_id = UUID(record)
        except ValueError as error:
            raise InvalidInput(
                [Problem("record", "BAD_ID", f"{record!r} is no id.", "Use the record's id.")]
            ) from error
    if not yes:
        question = f"Replace {', '.join(fields)} in the history of {entity} {record_id}? It cannot be undone."
        typer.confirm(question, abort=True, err=True)

    async def main(_: DatabaseConfig) -> Redacted:
        with acting_as(await tenant_actor(tenant)):
            return await redact_audit(entity, record_id, fields, reason)

    done = run(main)
    console.print(
        f"{done.entries} entries, {done.lines} lines of the ledger and {done.events} events are redacted.",
        highlight=False,
    )


def audit_retention(
    days: str = typer.Argument(help="How many days the journal is kept, or: forever."), tenant: str = TenantOption
) -> None:
    """Set how long the journal is kept; the ledger and the seals are kept for ever."""
    with readable_errors():
        if days != "forever" and not days.isdigit():
            message = f"days: {days!r} is no number."
            raise InvalidInput([Problem("days", "BAD_NUMBER", message, "Use a number such as 730, or forever.")])

    async def main(_: DatabaseConfig) -> int | None:
        with acting_as(await tenant_actor(tenant)):
            return await set_audit_retention(None if days == "forever" else int(days))

    kept = run(main)
    console.print("The journal is kept for ever." if kept is None else f"The journal is kept {kept} days.")
