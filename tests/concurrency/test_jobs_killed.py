"""Workers are killed with kill -9 while they work: no job is lost, and each effect is there exactly once."""

from __future__ import annotations

import pytest
from benchmarks.jobs.race import race

from evenhand.db.config import DatabaseConfig
from evenhand.testing import SomeTenant


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_twenty_kills_lose_nothing_and_repeat_nothing(database: DatabaseConfig, tenant: SomeTenant) -> None:
    result = await race(database, tenant, jobs=400, kills=20, seed=7, seconds=0.02)
    assert result.kills == 20
    assert result.begun_again > 0, "no kill hit a running job: the test shows nothing"
    assert (result.done, result.left) == (400, 0)
    assert result.doubled == 0
    assert result.effects == result.expected == 400 + 100 * 3
    assert result.exact
