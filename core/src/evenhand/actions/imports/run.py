"""Import a file: recognise, look through, then read and write it batch by batch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from evenhand.actions.imports.errors import BadMapping, NoImporter
from evenhand.actions.imports.mapping import Plan, make_plan
from evenhand.actions.imports.naming import fold
from evenhand.actions.imports.references import Directory, load_directory, load_stages
from evenhand.actions.imports.report import ErrorFile, ImportReport, RowProblem
from evenhand.actions.imports.rows import Draft, Later, Lookup, RowReader, Settings
from evenhand.actions.imports.survey import CREATABLE, Survey, survey
from evenhand.actions.imports.targets import CUSTOM, targets_of
from evenhand.actions.imports.writing import ACTION, Job, Written, imported, link_later, write_drafts
from evenhand.actions.jobs import running_job
from evenhand.actions.journal import writing
from evenhand.actions.records import create_records
from evenhand.actions.values import clean, require_value
from evenhand.auth.permissions import Operation, require
from evenhand.db.session import reading, transaction
from evenhand.entities import CustomField, ExternalId
from evenhand.entities.enums import CustomFieldType
from evenhand.entities.registry import Entity, entity
from evenhand.jobs.running import RunningJob
from evenhand.plugins.contract import TenantContext
from evenhand.plugins.host import current_host, tenant_context
from evenhand.plugins.importing import (
    BadCell,
    BadRow,
    Importer,
    ImportField,
    Recognition,
    SourceRow,
    Table,
    ValueKind,
)
from evenhand.tenancy.context import Role, current_actor

BATCH = 1000
PAUSE = 50
"""After so many rows read, the batch that is being written gets a turn."""
Progress = Callable[[int, int], object]
"""Called with the rows done and the rows there are."""


@dataclass(frozen=True)
class ImportOptions:
    """What a user may say about an import.

    Attributes:
        source: name of the system that the ids are of; by default the known kind of file's, else "import".
        columns: header to field, over what is recognised; "" leaves a column out.
        values: field or header to text to the text that replaces it.
        missing: words that stand for no value, besides the usual ones.
        encoding, delimiter: of the file, instead of detecting them.
        importer: name of the importer, instead of the one that is surest.
        dry_run: do everything, then undo it.
        update_owners: known records change to the owner that the file names (by default they keep theirs).
        error_file: where bad rows go; by default beside the file, "NAME.errors.csv", or in the data directory where
            the folder takes no files.
        batch: rows in one transaction.
    """

    source: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    encoding: str | None = None
    delimiter: str | None = None
    importer: str | None = None
    dry_run: bool = False
    update_owners: bool = False
    error_file: Path | None = None
    batch: int = BATCH


class _DryRunEnds(Exception):
    """Rolls the transaction of a dry run back."""


@asynccontextmanager
async def _maybe_undone(dry_run: bool) -> AsyncIterator[None]:
    """For a dry run one transaction around everything, which is rolled back at the end."""
    if not dry_run:
        yield
        return
    try:
        async with transaction():
            yield
            raise _DryRunEnds
    except _DryRunEnds:
        return


async def _choose_importer(ctx: TenantContext, path: Path, name: str | None) -> Importer:
    offered = [importer for _, importer in await current_host().importers(ctx)]
    if not offered:
        raise NoImporter(
            "No enabled plugin can read files.",
            hint=f"Enable one: evenhand plugin enable importers --tenant {ctx.slug}",
        )
    if name is not None:
        for importer in offered:
            if importer.name == name:
                return importer
        names = ", ".join(importer.name for importer in offered)
        raise NoImporter(f"There is no importer {name!r}.", hint=f"Use one of: {names}.")
    # A file that nobody can read goes to the first one, whose error says what is wrong with it.
    return max(offered, key=lambda importer: importer.sniff(path))


def _recognised(importer: Importer, kind: Entity, table: Table, options: ImportOptions) -> tuple[Recognition, Plan]:
    fields = [target.field for target in targets_of(kind).values()]
    recognised = importer.recognise(kind.name, fields, table.headers)
    return recognised, make_plan(kind, table.headers, recognised, options.columns)


def _replacements(plan: Plan, options: ImportOptions) -> dict[str, dict[str, str]]:
    """The user's replacements by field; they may name the field or the column."""
    fields = {column.target.name for column in plan.columns}
    by_header: dict[str, list[str]] = {}
    for column in plan.columns:
        by_header.setdefault(column.header.casefold(), []).append(column.target.name)
    result: dict[str, dict[str, str]] = {}
    for name, words in options.values.items():
        wanted = [name] if name in fields else by_header.get(name.casefold())
        if wanted is None:
            raise BadMapping(
                f"No column fills {name!r}, so its values cannot be mapped.",
                hint=f"Use one of: {', '.join(sorted(fields))}.",
            )
        for each in wanted:
            result.setdefault(each, {}).update({fold(old): new for old, new in words.items()})
    return result


async def _custom_types(kind: Entity, plan: Plan) -> dict[str, CustomFieldType]:
    """The types of the custom fields that the file fills; those that are missing are created as texts."""
    wanted = {
        column.target.name.removeprefix(CUSTOM): column.header
        for column in plan.columns
        if column.target.name.startswith(CUSTOM)
    }
    if not wanted:
        return {}
    async with reading():
        known = {row.key: row.type for row in await CustomField.filter(entity=kind.name, key__in=list(wanted))}
    missing = [
        {"entity": kind.name, "key": key, "type": CustomFieldType.TEXT, "titles": {"en": header}}
        for key, header in wanted.items()
        if key not in known
    ]
    if missing:
        require(current_actor(), Operation.CREATE, "CustomField")
        async with writing(ACTION) as journal:
            await create_records(entity("CustomField"), missing, journal=journal)
    return {key: known.get(key, CustomFieldType.TEXT) for key in wanted}


_CUSTOM_KINDS = {
    CustomFieldType.NUMBER: ValueKind.NUMBER,
    CustomFieldType.BOOLEAN: ValueKind.BOOLEAN,
    CustomFieldType.DATE: ValueKind.DATE,
}


class _Import:
    """One run over one file."""

    def __init__(
        self,
        kind: Entity,
        table: Table,
        importer: Importer,
        recognised: Recognition,
        plan: Plan,
        options: ImportOptions,
        ctx: TenantContext,
        report: ImportReport,
    ) -> None:
        self.kind = kind
        self.table = table
        self.importer = importer
        self.recognised = recognised
        self.plan = plan
        self.options = options
        self.ctx = ctx
        self.report = report
        self.survey: Survey = survey(table, kind, plan.columns)
        self.directories: dict[str, Directory] = {}
        self.seen: dict[str, tuple[int, int]] = {}
        self.later: list[tuple[Draft, UUID]] = []
        self.touched: set[UUID] = set()

    async def prepare(self) -> None:
        """Load what cells refer to, create what is missing of it, and set up the reader of rows."""
        custom = await _custom_types(self.kind, self.plan)
        targets = [column.target for column in self.plan.columns]
        wanted = {target.field.entity for target in targets if target.field.entity is not None}
        for name in sorted((wanted | {self.kind.name}) - {"Stage"}):
            self.directories[name] = await load_directory(entity(name), self.report.source)
        await self._create_missing()
        stages = await load_stages() if self.kind.name == "Opportunity" else None
        self.known_names = {key: set(ids) for key, ids in self.directories[self.kind.name].names.items()}
        readers = {
            column.target.name: self.importer.reader(
                self._read_as(column.target.field, custom), list(self.survey.samples.get(column.index, {}))
            )
            for column in self.plan.columns
        }
        known = targets_of(self.kind)
        for name in self.recognised.defaults:
            readers.setdefault(name, self.importer.reader(known[name].field, ()))
        settings = Settings(
            kind=self.kind,
            columns=self.plan.columns,
            readers=readers,
            lookups={t.name: self._lookup(t.field) for t in targets if t.field.entity not in (None, "Stage")},
            stages=stages,
            missing=self.recognised.missing | {word.strip().lower() for word in self.options.missing},
            values=_replacements(self.plan, self.options),
            defaults=self.recognised.defaults,
            custom=custom,
            locale=self.ctx.locale,
            currency=self.ctx.currency,
            zone=ZoneInfo(self.ctx.time_zone),
        )
        self.reader = RowReader(settings)
        self.job = Job(
            kind=self.kind,
            source=self.report.source,
            new_values=self.reader.new_values,
            adopt=self._adopt,
            why=imported(self.report.source, self.report.path.name),
            update_owners=self.options.update_owners,
        )

    @staticmethod
    def _read_as(target: ImportField, custom: Mapping[str, CustomFieldType]) -> ImportField:
        key = target.name.removeprefix(CUSTOM)
        if target.name.startswith(CUSTOM) and custom[key] in _CUSTOM_KINDS:
            return ImportField(target.name, _CUSTOM_KINDS[custom[key]])
        return target

    def _lookup(self, target: ImportField) -> Lookup:
        directory = self.directories[target.entity or ""]
        own = target.entity == self.kind.name

        def look(text: str) -> UUID | Later:
            if own and fold(text) in self.survey.named and not directory.lookup(text):
                return Later(text)
            return directory.find(text, target.name)

        return look

    def _adopt(self, draft: Draft) -> UUID | None:
        """The record that was here before this source first named it: by what is unique, or by its natural key."""
        values = {**draft.derived, **draft.given}
        by_column = {"User": "email", "Product": "code"}.get(self.kind.name)
        texts = [values.get(by_column)] if by_column else []
        if not draft.has_id and self.kind.name in ("Account", "User", "Product", "Team", "Campaign"):
            texts.append(values.get("name"))
        if not draft.has_id and self.kind.name == "Contact":
            texts += [item["value"] for item in draft.children.get("channels", []) if item["kind"].value == "email"]
        for text in texts:
            found = self.known_names.get(fold(text)) if isinstance(text, str) else None
            if found is not None and len(found) == 1:
                return next(iter(found))
        return None

    async def _create_missing(self) -> None:
        """Create teams and managers that the file names and nobody knows."""
        for field_name, texts in self.survey.wanted.items():
            name = CREATABLE[self.kind.name][field_name]
            directory = self.directories[name]
            missing = [
                text
                for key, text in texts.items()
                if not directory.lookup(text)
                and text.lower() not in self.recognised.missing
                and not (name == self.kind.name and key in self.survey.named)
            ]
            if missing:
                require(current_actor(), Operation.CREATE, name)
                await self._create_named(entity(name), field_name, missing)

    async def _create_named(self, kind: Entity, field_name: str, names: Iterable[str]) -> None:
        template, _ = clean(kind.model, {}, allowed=kind.writable, filled=kind.filled)
        regional = {"team", "regions"} <= self._fields_of_one_column(field_name)
        derived = {"role": Role.MANAGER} if field_name == "manager" else {}
        drafts = [
            Draft(
                SourceRow(0, ()), fold(text), False, {"name": text, **({"region": text} if regional else {})}, derived
            )
            for text in names
        ]
        job = Job(
            kind=kind,
            source=self.report.source,
            new_values=lambda draft: {**template, **draft.derived, **draft.given},
            adopt=lambda draft: None,
            why=imported(self.report.source, self.report.path.name),
        )
        written = await write_drafts(job, drafts)
        for draft in drafts:
            if draft.key in written.ids:
                self.directories[kind.name].add(written.ids[draft.key], draft.given["name"])
        self.report.also_created[kind.name] += len(written.created)

    def _fields_of_one_column(self, field_name: str) -> set[str]:
        header = next(column.header for column in self.plan.columns if column.target.name == field_name)
        return {column.target.name for column in self.plan.columns if column.header == header}

    async def run(self, progress: Progress | None, errors: ErrorFile) -> None:
        """Read and write all rows; while one batch is being written, the next one is read."""
        await self.prepare()
        done = 0
        drafts: list[Draft] = []
        written: asyncio.Task[None] | None = None
        try:
            for row in self.table.rows():
                done += 1
                draft = self._read(row, errors)
                if draft is not None:
                    drafts.append(draft)
                if done % PAUSE == 0:
                    await asyncio.sleep(0)
                if len(drafts) >= self.options.batch:
                    if written is not None:
                        await written
                    written = asyncio.create_task(self._write(drafts, errors))
                    drafts = []
                    if progress is not None:
                        progress(done, self.survey.rows)
            if written is not None:
                await written
        finally:
            if written is not None and not written.done():
                written.cancel()
                await asyncio.gather(written, return_exceptions=True)
        await self._write(drafts, errors)
        await self._link(errors)
        self.report.problems.sort(key=lambda problem: problem.line)
        if progress is not None:
            progress(done, self.survey.rows)

    def _read(self, row: SourceRow | BadRow, errors: ErrorFile) -> Draft | None:
        if isinstance(row, BadRow):
            self._refuse(row, [RowProblem(row.line, "", "", row.code, row.message, row.hint)], errors)
            return None
        draft = self.reader.read(row)
        if not isinstance(draft, Draft):
            self._refuse(row, draft, errors)
            return None
        cells = hash(tuple(row.cells))
        line, first = self.seen.setdefault(draft.key, (row.line, cells))
        if line == row.line:
            return draft
        if first == cells:
            self.report.repeated += 1
            return None
        message = f"{draft.key!r} was on line {line} already, with other values."
        hint = "Keep one of the rows, or give them different ids."
        self._refuse(row, [RowProblem(row.line, self._key_header(), draft.key, "DUPLICATE_KEY", message, hint)], errors)
        return None

    def _key_header(self) -> str:
        return next((c.header for c in self.plan.columns if c.target.name in ("external_id", "name")), "")

    def _refuse(self, row: SourceRow | BadRow, problems: list[RowProblem], errors: ErrorFile) -> None:
        self.report.bad += 1
        self.report.note(problems)
        errors.add(row, problems)

    async def _write(self, drafts: list[Draft], errors: ErrorFile) -> None:
        written = await write_drafts(self.job, drafts)
        self.report.created += len(written.created)
        self.report.record_ids += [written.ids[draft.key] for draft in drafts if draft.key in written.ids]
        self.report.updated += len(written.updated)
        self.touched |= written.updated | {record_id for _, record_id in written.created}
        self.report.unchanged += written.unchanged
        self.report.owners_kept += written.owners_kept
        self.report.note_duplicates(written.duplicates)
        for draft, problems in sorted(written.bad, key=lambda item: item[0].row.line):
            self._refuse(draft.row, problems, errors)
        self._remember(drafts, written)

    def _remember(self, drafts: list[Draft], written: Written) -> None:
        """Let later rows refer to these ones."""
        if not self.survey.named:
            return
        directory = self.directories[self.kind.name]
        refused = {draft.key for draft, _ in written.bad}
        for draft in drafts:
            if draft.key in refused or draft.key not in written.ids:
                continue
            record_id = written.ids[draft.key]
            title = draft.given.get("name") or draft.derived.get("name")
            if title:
                directory.add(record_id, title)
            if draft.has_id:
                directory.external.setdefault(draft.key, record_id)
            if draft.later:
                self.later.append((draft, record_id))

    async def _link(self, errors: ErrorFile) -> None:
        """Fill in references to rows that came later; one that cannot be is reported, its record stays."""
        directory = self.directories[self.kind.name]
        headers = {column.target.column: column for column in self.plan.columns}
        links: list[tuple[UUID, dict[str, UUID]]] = []
        for draft, record_id in self.later:
            found: dict[str, UUID] = {}
            for column, text in draft.later.items():
                try:
                    found[column] = directory.find(text, headers[column].target.name)
                except BadCell as bad:
                    header = headers[column].header
                    message = f"{header}: {bad.message} The record itself was imported."
                    problem = RowProblem(draft.row.line, header, text, bad.code, message, bad.hint)
                    self.report.note([problem])
                    errors.add(draft.row, [problem])
            links.append((record_id, found))
        for start in range(0, len(links), self.options.batch):
            changed = await link_later(self.kind, links[start : start + self.options.batch])
            only_linked = set(changed) - self.touched
            self.report.updated += len(only_linked)
            self.report.unchanged -= len(only_linked)


async def import_file(
    entity_name: str, path: Path, options: ImportOptions | None = None, *, progress: Progress | None = None
) -> ImportReport:
    """Import a file's rows as records of one entity for the current tenant.

    A row whose id is unknown becomes a new record, a known one is changed where it differs, all else stays. Blank
    cells change nothing. Each batch is one transaction with the same ledger, audit and events as single writes; an
    import that was killed can be repeated, and two at a time create nothing twice. Bad rows go to the error file.

    Args:
        entity_name: e.g. "accounts" or "Lead".

    Raises:
        UnknownEntity, NoImporter, UnreadableFile, BadMapping, MissingColumns, PermissionDenied: nothing was written.
    """
    options = options or ImportOptions()
    kind = entity(entity_name)
    for operation in (Operation.CREATE, Operation.UPDATE):
        require(current_actor(), operation, kind.name)
    ctx = await tenant_context()
    importer = await _choose_importer(ctx, path, options.importer)
    table = importer.open(path, encoding=options.encoding, delimiter=options.delimiter)
    recognised, plan = _recognised(importer, kind, table, options)
    if kind.ownable and any(column.target.name == "owner" for column in plan.columns):
        require(current_actor(), Operation.ASSIGN, kind.name)
    report = ImportReport(
        entity=kind.name,
        path=path,
        source=require_value(ExternalId, "source", options.source or recognised.source or "import"),
        importer=f"{importer.name} ({table.description})",
        profile=recognised.profile,
        mapping=dict(plan.spelled),
        unmapped=plan.unmapped,
        dry_run=options.dry_run,
    )
    started = time.perf_counter()
    errors = ErrorFile(options.error_file or path.with_name(f"{path.name}.errors.csv"), table.headers)
    try:
        # The job is around the transaction of a dry run, so that its progress is seen.
        async with running_job("import", path.name) as job, _maybe_undone(options.dry_run):
            run = _Import(kind, table, importer, recognised, plan, options, ctx, report)
            report.unmapped = tuple(
                column for column in plan.unmapped if list(table.headers).index(column.header) in run.survey.filled
            )
            job.advance(0, run.survey.rows, f"Importing {kind.name} records")
            await run.run(_both(job, progress), errors)
            job.advance(run.survey.rows, message=report.outcome)
    finally:
        report.error_file = errors.close()
    report.seconds = time.perf_counter() - started
    return report


def _both(job: RunningJob, progress: Progress | None) -> Progress:
    def advance(done: int, total: int) -> None:
        job.advance(done, total)
        if progress is not None:
            progress(done, total)

    return advance
