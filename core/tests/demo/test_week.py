"""The simulated week: everything that it promises happens, and all of it holds."""

from __future__ import annotations

from datetime import date

from evenhand.db.config import DatabaseConfig
from evenhand.demo.week.cast import hire
from evenhand.demo.week.run import simulate_week
from evenhand.demo.week.telling import TEXTS

TODAY = date(2026, 11, 18)


async def test_everything_happens_and_holds(database: DatabaseConfig) -> None:
    report = await simulate_week(2026, TODAY)
    kinds = [told.kind for told in report.told]
    assert set(kinds) == set(TEXTS)
    moments = [told.at for told in report.told]
    assert moments == sorted(moments)
    assert (report.wrong, report.broken) == (0, None)
    assert report.sealed > 200
    before, after = (sum(getattr(one, when) for one in report.balances) for when in ("before", "after"))
    assert before == after == 36
    assert next(one for one in report.balances if one.name == "王芳").after == 0
    for told in report.told:
        for language in ("en", "zh-CN"):
            text = told.text(language)
            assert "{" not in text
            assert "None" not in text
    raced = next(told for told in report.told if told.kind == "raced")
    assert raced.values["who"] in ("李伟", "王芳", "张敏")  # one of them, not two


async def test_the_same_seed_makes_the_same_company(database: DatabaseConfig) -> None:
    casts = [await hire(seed, TODAY) for seed in (7, 7, 8)]
    found = [[(one.name, one.holder, one.idle) for one in cast.customers] for cast in casts]
    assert found[0] == found[1] != found[2]
    assert len({cast.slug for cast in casts}) == 3
