"""Hooks about records that are written."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.plugins.contract import FieldProblem, RecordChange, TenantContext
from evenhand.plugins.hooks.spec import Policy, Result, spec


class RecordHooks:
    """Asked inside the transaction of a write."""

    @spec(result=Result.COLLECT, policy=Policy.ABORT)
    async def validate_record(self, ctx: TenantContext, changes: Sequence[RecordChange]) -> Sequence[FieldProblem]:
        """Refuse changes of records: required fields, gates of stages, rules between fields.

        It is asked once for all records of one entity that one use case writes, inside its transaction. All of
        `changes` are of the same entity.

        Returns: what is wrong, by record and field. The records that are named are refused; an empty list accepts all.
        """
        raise NotImplementedError
