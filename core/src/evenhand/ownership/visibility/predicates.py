"""Visibility as SQL: the condition that a row is seen. No I/O here.

The tenant is `$1` everywhere. What is the same for all rows (whose records the user sees, which pools are open) is
worked out once per statement, in common table expressions that stand before it, see `Predicates.prelude`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evenhand.entities.enums import MemberRole, PoolRole
from evenhand.entities.enums import VisibilityLevel as Level
from evenhand.ownership.visibility.derivation import ABOUT, KINDS, Derived, derivation
from evenhand.ownership.visibility.rules import HELD, Sight
from evenhand.tenancy.context import Role
from evenhand.tenancy.models import TenantModel

USERS, POOLS, RECORDS, REGIONS = "evenhand_users", "evenhand_pools", "evenhand_records", "evenhand_regions"
BELOW = "evenhand_below"
"""The expressions: whose records are seen, which pools, which records because one works on them, which regions; and
who is anywhere below in the chain of managers."""

_TEAMS = (
    "SELECT c.descendant_id FROM users AS me "
    "JOIN teams AS mine ON mine.tenant_id = $1 AND mine.id = me.team_id AND mine.archived_at IS NULL "
    "JOIN team_closure AS c ON c.tenant_id = $1 AND c.ancestor_id = mine.id "
    "WHERE me.tenant_id = $1 AND me.id = {user}"
)
_USERS = (
    "SELECT u.id FROM users AS u WHERE u.tenant_id = $1 "
    f"AND (u.id = {{user}} OR u.manager_id = {{user}} OR u.team_id IN ({_TEAMS}))"
)
_POOLS = """
SELECT p.id FROM pools AS p WHERE p.tenant_id = $1 AND ({open} AND NOT EXISTS (
    SELECT 1 FROM pool_members AS m WHERE m.tenant_id = $1 AND m.pool_id = p.id AND m.archived_at IS NULL
) OR EXISTS (
    SELECT 1 FROM pool_members AS m JOIN users AS me ON me.tenant_id = $1 AND me.id = {user}
    WHERE m.tenant_id = $1 AND m.pool_id = p.id AND m.archived_at IS NULL{only} AND (
        m.user_id = me.id OR me.regions ? m.region OR me.product_lines ? m.product_line
        OR EXISTS (SELECT 1 FROM team_closure AS c WHERE c.tenant_id = $1
            AND c.ancestor_id = m.team_id AND c.descendant_id = me.team_id))
))"""
_RECORDS = (
    "SELECT coalesce(m.account_id, m.lead_id, m.opportunity_id) FROM record_members AS m "
    "WHERE m.tenant_id = $1 AND m.user_id = {user}{only}"
)
_BELOW = (
    "WITH RECURSIVE below (id) AS ("
    "SELECT u.id FROM users AS u WHERE u.tenant_id = $1 AND u.manager_id = {user} "
    "UNION SELECT u.id FROM below AS b JOIN users AS u ON u.tenant_id = $1 AND u.manager_id = b.id"
    ") SELECT id FROM below"
)
_REGIONS = (
    "SELECT region FROM users AS me CROSS JOIN LATERAL jsonb_array_elements_text(me.regions) AS region "
    "WHERE me.tenant_id = $1 AND me.id = {user}"
)


def among(column: str, expression: str, kind: str = "uuid") -> str:
    """That a column's value is in one of the expressions."""
    return f"{column} = ANY ((SELECT ids FROM {expression})::{kind}[])"


@dataclass(frozen=True)
class Predicates:
    """The conditions for one user.

    Attributes:
        user: makes the place of the user's id, e.g. "$2"; it is called only where the id is needed.
        edits: about changing records instead of seeing them.
    """

    sight: Sight
    user: Callable[[], str]
    edits: bool = False

    def condition(self, kind: str, row: str, model: type[TenantModel] | None = None) -> str | None:
        """The condition that a row is seen; None when all are.

        Args:
            kind: of its records, e.g. "Lead".
            row: the alias of the rows.
            model: the rows' table, for kinds that are not the core's own.
        """
        if kind in HELD:
            return self._held(kind, row)
        derived = derivation(kind, model)
        return None if derived is None or self._everything() else self._derived(derived, row)

    def prelude(self, sql: str) -> str:
        """The expressions that a statement's conditions use, as what stands before it; "" for none."""
        found = [
            (USERS, _USERS.format(user=self._me()) if USERS in sql else ""),
            (POOLS, self._pools() if POOLS in sql else ""),
            (RECORDS, _RECORDS.format(user=self._me(), only=self._working()) if RECORDS in sql else ""),
            (REGIONS, _REGIONS.format(user=self._me()) if REGIONS in sql else ""),
            (BELOW, _BELOW.format(user=self._me()) if BELOW in sql else ""),
        ]
        needed = ", ".join(f"{name} AS MATERIALIZED (SELECT ARRAY({text}) AS ids)" for name, text in found if text)
        return f"WITH {needed} " if needed else ""

    def _me(self) -> str:
        return f"{self.user()}::uuid"

    def _everything(self) -> bool:
        levels = self.sight.edits if self.edits else self.sight.sees
        return all(level is Level.ALL for level in levels)

    def _nothing(self) -> bool:
        levels = self.sight.edits if self.edits else self.sight.sees
        return all(level is Level.NONE for level in levels)

    def _pools(self) -> str:
        # A pool without members is open to reps and managers. Until somebody holds a record again, only managers
        # change it.
        open_ = self.sight.role in ((Role.MANAGER,) if self.edits else (Role.REP, Role.MANAGER))
        only = f" AND m.role = '{PoolRole.MANAGER.value}'" if self.edits else ""
        return _POOLS.format(user=self._me(), open=str(open_).upper(), only=only)

    def _working(self) -> str:
        """Watchers see a record, and change nothing."""
        return f" AND m.role = '{MemberRole.COLLABORATOR.value}'" if self.edits else ""

    def _held(self, kind: str, row: str) -> str | None:
        level = self.sight.level(kind, edits=self.edits)
        if level is Level.ALL:
            return None
        if level is Level.NONE:
            return "FALSE"
        owner = f"{row}.owner_id"
        parts = [
            f"{owner} = {self._me()}" if level is Level.OWN else among(owner, USERS),
            among(f"{row}.pool_id", POOLS),
            among(f"{row}.id", RECORDS),
        ]
        if level is Level.REGION:
            parts.append(self._in_region(kind, row))
        return f"({' OR '.join(parts)})"

    def _in_region(self, kind: str, row: str) -> str:
        if kind != "Opportunity":
            return among(f"{row}.region", REGIONS, "text")
        inner = f"{row}v"
        return (
            f"EXISTS (SELECT 1 FROM accounts AS {inner} WHERE {inner}.tenant_id = $1 "
            f"AND {inner}.id = {row}.account_id AND {among(f'{inner}.region', REGIONS, 'text')})"
        )

    def _named(self, kind: str, row: str, column: str) -> str:
        """That the record of a kind that a column names is seen."""
        link = f'{{inner}}.id = {row}."{column}"'
        # The database may work out all records with holders that are seen, by their indexes, and look into these. Of
        # other kinds it must not: there are no indexes for that. This keeps it from trying.
        return self._record(kind, row, link if kind in HELD else f'{link} AND {row}."{column}" IS NOT NULL')

    def _record(self, kind: str, row: str, link: str) -> str:
        """That a record of a kind is there that is seen; `link` says which, over `{inner}`."""
        inner = f"{row}v"
        seen = self.condition(kind, inner)
        return self._exists(KINDS[kind], inner, link.format(inner=inner), seen)

    def _exists(self, table: str, inner: str, link: str, seen: str | None) -> str:
        more = f" AND {seen}" if seen is not None else ""
        return f"EXISTS (SELECT 1 FROM {table} AS {inner} WHERE {inner}.tenant_id = $1 AND {link}{more})"

    def _derived(self, derived: Derived, row: str) -> str:
        if self._nothing():
            return "FALSE"
        # What has holders first: whether it is seen is told soonest.
        through = sorted(derived.through.items(), key=lambda pair: pair[1] not in HELD)
        named = {column: self._named(kind, row, column) for column, kind in through}
        if derived.every:
            parts = [f'({row}."{column}" IS NULL OR {seen})' for column, seen in named.items()]
            parts += [self._about(row)] if derived.about else []
            return f"({' AND '.join(parts)})"
        parts = [f'{row}."{person}" = {self._me()}' for person in derived.people]
        parts += named.values()
        parts += [self._record(kind, row, f'{{inner}}."{column}" = {row}.id') for _, column, kind in derived.named_by]
        parts += [self._about(row)] if derived.about else []
        parts += [self._asked(row)] if derived.seats else []
        parts += [self._former(row)] if derived.former else []
        parts += [self._party(row)] if derived.parties else []
        if not derived.about and derived.through:
            parts.append(self._alone(derived, row))
        return f"({' OR '.join(part for part in parts if part)})"

    def _alone(self, derived: Derived, row: str) -> str:
        """Rows that name no record at all: they are seen as widely as accounts, by whom they belong to."""
        level = self.sight.level("Account", edits=self.edits)
        columns = ", ".join(f'{row}."{column}"' for column in derived.through)
        alone = f"num_nonnulls({columns}) = 0"
        if level is Level.ALL:
            return f"({alone})"
        if level in (Level.NONE, Level.OWN) or not derived.people:
            return ""
        people = " OR ".join(among(f'{row}."{person}"', USERS) for person in derived.people)
        return f"({alone} AND ({people}))"

    def _about(self, row: str) -> str:
        cases = " ".join(
            f"WHEN '{kind}' THEN {self._record(kind, row, f'{{inner}}.id = {row}.record_id')}" for kind in ABOUT
        )
        return f"CASE {row}.entity {cases} ELSE TRUE END"

    def _party(self, row: str) -> str:
        inner = f"{row}v"
        own = self.sight.level("Account", edits=self.edits) in (Level.NONE, Level.OWN)
        who = f"{inner}.user_id = {self._me()}" if own else among(f"{inner}.user_id", USERS)
        if self.sight.role is Role.MANAGER:
            # Who may rule stands anywhere above, also where the records themselves are not seen.
            who = f"({who} OR {among(f'{inner}.user_id', BELOW)})"
        return self._exists("conflict_parties", inner, f"{inner}.case_id = {row}.id AND {who}", None)

    def _asked(self, row: str) -> str:
        inner = f"{row}v"
        link = f"{inner}.request_id = {row}.id AND {inner}.user_id = {self._me()}"
        return self._exists("approval_seats", inner, link, None)

    def _former(self, row: str) -> str:
        inner = f"{row}v"
        link = f"{inner}.record_id = {row}.record_id AND {inner}.owner_id = {self._me()}"
        return self._exists("ownership_entries", inner, link, None)
