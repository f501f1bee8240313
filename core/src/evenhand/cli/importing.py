"""`evenhand import`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from evenhand.actions.assignment import Assigned, assign_records
from evenhand.actions.imports import BadMapping, ImportOptions, ImportReport, import_file
from evenhand.actions.jobs import running_job
from evenhand.cli.runtime import TenantOption, console, errors, readable_errors, run, show_error, tenant_actor
from evenhand.db.bulk import chunks
from evenhand.db.config import DatabaseConfig
from evenhand.db.migrate import analyze
from evenhand.db.session import reading
from evenhand.entities import User
from evenhand.entities.registry import Entity, entity
from evenhand.errors import EvenhandError
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import acting_as

SHOWN_PROBLEMS = 20
_MANY = 1000
"""From so many changed records on, PostgreSQL is asked to count anew."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import", no_args_is_help=True)(import_files)


def _pairs(texts: Sequence[str], option: str, example: str) -> dict[str, str]:
    """`left=right` for each text; quotes around either side are dropped."""
    result: dict[str, str] = {}
    for text in texts:
        left, sign, right = text.partition("=")
        if not sign or not left.strip():
            raise BadMapping(f"{option} {text!r} has no '='.", hint=f"Write {option} {example}.")
        result[left.strip().strip('"')] = right.strip().strip('"')
    return result


def _values(texts: Sequence[str]) -> dict[str, dict[str, str]]:
    """`field:old=new` for each text."""
    result: dict[str, dict[str, str]] = {}
    for left, new in _pairs(texts, "--map-value", 'product:GTXPro="GTX Pro"').items():
        field, colon, old = left.partition(":")
        if not colon:
            raise BadMapping(
                f"--map-value {left!r} names no field.", hint='Write --map-value product:GTXPro="GTX Pro".'
            )
        result.setdefault(field.strip(), {})[old.strip()] = new
    return result


def import_files(
    files: list[Path] = typer.Argument(help="Files to import, one after the other."),
    as_: str = typer.Option(..., "--as", help="What the rows are: accounts, contacts, leads, opportunities, …"),
    tenant: str = TenantOption,
    source: str | None = typer.Option(None, help="System that the ids are of; the same ids of two systems differ."),
    map_: list[str] = typer.Option([], "--map", help="Header=field, Header=field*1000, Header=custom.key, Header="),
    map_value: list[str] = typer.Option([], "--map-value", help="field:old=new, as in product:GTXPro='GTX Pro'"),
    missing: list[str] = typer.Option([], help="A word that stands for no value, such as Select."),
    encoding: str | None = typer.Option(None, help="Encoding of the file, instead of detecting it."),
    delimiter: str | None = typer.Option(None, help="Delimiter: one character, or comma, semicolon, tab, pipe."),
    error_file: Path | None = typer.Option(None, help="Where bad rows go (beside the file: NAME.errors.csv)."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Do everything, then undo it; report the same figures."),
    update_owners: bool = typer.Option(False, "--update-owners", help="Known records change to the file's owner."),
    assign: bool = typer.Option(False, "--assign", help="Afterwards assign what nobody ever owned."),
    seed: int | None = typer.Option(None, help="For ties in the assignment; random by default."),
) -> None:
    """Import CSV files; repeat it at will: what is known is updated, never doubled.

    Exit code 0 when anything could be taken (bad rows are in the error file), 1 when nothing could.
    """
    with readable_errors():
        kind = entity(as_)
        options = ImportOptions(
            source=source,
            columns=_pairs(map_, "--map", "Header=field"),
            values=_values(map_value),
            missing=frozenset(missing),
            encoding=encoding,
            delimiter=delimiter,
            dry_run=dry_run,
            update_owners=update_owners,
            error_file=error_file,
        )

    async def main(config: DatabaseConfig) -> list[bool]:
        with acting_as(await tenant_actor(tenant, via="import")):
            done: list[bool] = []
            for path in files:
                try:
                    report = await _import_one(config, kind, path, options)
                except EvenhandError as error:
                    show_error(error)
                    done.append(False)
                    continue
                show_report(report)
                if report.created + report.updated >= _MANY and not dry_run:
                    await analyze(config)
                done.append(not report.nothing_done)
                if assign and not dry_run:
                    await _assign(kind, report.record_ids, seed)
            return done

    if not any(run(main)):
        raise typer.Exit(1)


async def _import_one(config: DatabaseConfig, kind: Entity, path: Path, options: ImportOptions) -> ImportReport:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task: TaskID = bar.add_task(path.name, total=None)
        counting: list[asyncio.Task[None]] = []

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            # References into a table that was empty are checked by a plan that reads all of the tenant's rows,
            # until PostgreSQL has counted them; the first batches are committed by now.
            if done >= 2 * _MANY and not counting and not options.dry_run:
                counting.append(asyncio.create_task(analyze(config)))

        try:
            return await import_file(kind.name, path, options, progress=advance)
        finally:
            await asyncio.gather(*counting)


def show_report(report: ImportReport) -> None:
    """Print what became of a file."""
    dry = " (dry run: nothing was kept)" if report.dry_run else ""
    console.print(f"\n[bold]{escape(report.path.name)}[/bold] as {report.entity}{dry}", highlight=False)
    kind = f", recognised as {report.profile}" if report.profile else ""
    console.print(f"Read by {report.importer}{kind}; source {report.source!r}.", highlight=False, markup=False)
    figures = Table("", "rows", box=None, show_header=False)
    for name in ("created", "updated", "unchanged", "repeated", "bad"):
        figures.add_row(name, f"{getattr(report, name):,}")
    for name, number in report.also_created.items():
        if number:
            figures.add_row(f"also created: {name}", f"{number:,}")
    if report.duplicate_count:
        figures.add_row("somebody may have the same customer", f"{report.duplicate_count:,}")
    if report.owners_kept:
        figures.add_row("owner differs, kept (--update-owners changes it)", f"{report.owners_kept:,}")
    console.print(figures)
    console.print(
        f"{report.rows:,} rows in {report.seconds:.2f} s, {report.rows_per_second:,.0f} rows/s.", highlight=False
    )
    _show_columns(report)
    _show_problems(report)


def _show_columns(report: ImportReport) -> None:
    mapping = Table("Column", "fills", box=None)
    for header, meaning in report.mapping.items():
        mapping.add_row(escape(header), escape(meaning))
    console.print(mapping)
    if not report.unmapped:
        return
    names = [
        f"{column.header} ({' or '.join(column.suggestions)}?)" if column.suggestions else column.header
        for column in report.unmapped
    ]
    first = report.unmapped[0].header
    console.print(
        f"Not imported: {'; '.join(names)}.\n"
        f'To take one: --map "{first}=field", or --map "{first}=custom.key" to keep it as a field of your own.',
        highlight=False,
        markup=False,
    )


def _show_problems(report: ImportReport) -> None:
    """The first problems, the same ones together."""
    if not report.problem_counts:
        return
    first = {(p.column, p.value, p.message): p for p in reversed(report.problems)}
    table = Table("Line", "Column", "Problem", "What to do", box=None)
    shown = [item for item in report.problem_counts.items() if item[0] in first][:SHOWN_PROBLEMS]
    for key, count in shown:
        problem = first[key]
        line = f"{problem.line}" if count == 1 else f"{problem.line} and {count - 1:,} more"
        table.add_row(line, escape(problem.column), escape(problem.message), escape(problem.hint))
    console.print(table)
    rest = len(report.problem_counts) - len(shown)
    more = f" {rest:,} other kinds of problems are there." if rest else ""
    console.print(
        f"Bad rows are in {report.error_file}.{more} Mend them there and import that file.",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


async def _never_owned(kind: Entity, record_ids: Sequence[UUID]) -> list[UUID]:
    """Those that wait in a pool and have waited there from the start; what somebody gave back is left alone."""
    waiting: list[UUID] = []
    async with reading():
        for ids in chunks(record_ids, 10_000):
            in_pool = set(
                await kind.model.filter(id__in=ids, owner_id=None, archived_at=None).values_list("id", flat=True)
            )
            owned = set(
                await OwnershipEntry.filter(record_id__in=list(in_pool), owner_id__not_isnull=True).values_list(
                    "record_id", flat=True
                )
            )
            waiting += [record_id for record_id in ids if record_id in in_pool - owned]
    return waiting


async def _assign(kind: Entity, record_ids: Sequence[UUID], seed: int | None) -> None:
    """Assign the file's records that nobody ever owned, and print who got how many.

    They need not be new: an earlier run may have been killed before it assigned them.
    """
    waiting = await _never_owned(kind, record_ids) if kind.ownable else []
    if not waiting:
        console.print("Nothing to assign: every record has or had an owner.")
        return
    assigned: list[Assigned] = []
    with Progress(console=errors, transient=True) as bar:
        task = bar.add_task("Assigning", total=len(waiting))
        async with running_job("assign", f"Assign {kind.name} records", total=len(waiting)) as job:
            for ids in chunks(waiting, 1000):
                assigned += await assign_records(kind.name, ids, seed=seed)
                job.advance(len(assigned))
                bar.update(task, completed=len(assigned))
    async with reading():
        names = {user.id: user.name for user in await User.all()}
    table = Table("Owner", "got", box=None)
    counts = Counter(item.owner_id for item in assigned)
    for owner_id, count in sorted(counts.items(), key=lambda item: (-item[1], str(item[0]))):
        table.add_row(escape(names[owner_id]) if owner_id else "nobody was eligible", f"{count:,}")
    console.print(table)
