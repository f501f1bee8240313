"""Which field a header means."""

from __future__ import annotations

import pytest

from evenhand.actions.imports.targets import targets_of
from evenhand.api import Recognition
from evenhand.entities.registry import ENTITIES, entity
from evenhand_importers.headers import normalise, recognise, unit_factor
from evenhand_importers.profiles import PROFILES
from evenhand_importers.words import HEADER_WORDS

pytestmark = pytest.mark.usefixtures("database")


def recognised(name: str, *headers: str) -> Recognition:
    kind = entity(name)
    return recognise(kind.name, [target.field for target in targets_of(kind).values()], headers)


@pytest.mark.parametrize(
    "header",
    [
        "AnnualRevenue",
        "annual_revenue",
        "Annual Revenue (USD)",
        "Organization - Annual revenue*",
        "ANNUAL-REVENUE",
        "ａnnual　revenue",
    ],
)
def test_spellings_of_one_header_are_equal(header: str) -> None:
    assert normalise(header) == "annual revenue"


def test_chinese_headers_of_a_customer_list() -> None:
    found = recognised("account", "客户名称", "负责人", "行业", "所在地区", "年营业额（万元）", "电话", "客户编号")
    assert found.columns == {
        "客户名称": "name",
        "负责人": "owner",
        "行业": "industry",
        "所在地区": "region",
        "年营业额（万元）": "annual_revenue*10000",
        "电话": "phone",
        "客户编号": "external_id",
    }


def test_chinese_headers_of_leads_and_contacts() -> None:
    assert recognised("lead", "姓名", "手机", "邮箱", "来源").columns == {
        "姓名": "name",
        "手机": "phone",
        "邮箱": "email",
        "来源": "source",
    }
    assert recognised("contact", "姓名", "手机", "微信", "所属公司").columns == {
        "姓名": "name",
        "手机": "mobile",
        "微信": "wechat",
        "所属公司": "account",
    }


def test_the_unit_of_a_header_multiplies() -> None:
    assert unit_factor("Revenue (in millions of USD)") == 1_000_000
    assert unit_factor("Revenue (USD)") is None


def test_the_first_of_two_columns_has_the_field() -> None:
    assert recognised("account", "Company", "Account Name").columns == {"Company": "name"}


def test_near_misses_are_suggested_not_taken() -> None:
    found = recognised("account", "Name", "Industri", "Completely else")
    assert found.columns == {"Name": "name"}
    assert found.suggestions == {"Industri": ["industry"]}


def test_every_entity_has_a_name_and_an_id() -> None:
    assert recognised("campaign", "Campaign Name", "CAMPAIGNID").columns == {
        "Campaign Name": "name",
        "CAMPAIGNID": "external_id",
    }


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_profiles_are_recognised_by_their_headers(profile: object) -> None:
    headers = sorted(profile.headers)  # type: ignore[attr-defined]
    found = recognised(profile.entity, *headers, "_line")  # type: ignore[attr-defined]
    assert found.profile == profile.name  # type: ignore[attr-defined]
    assert found.source == profile.source  # type: ignore[attr-defined]
    assert "_line" not in found.columns


def test_select_means_nothing_in_x_education_only() -> None:
    headers = ("Prospect ID", "Lead Number", "Lead Origin", "Lead Source", "Specialization")
    assert "select" in recognised("lead", *headers).missing
    assert "select" not in recognised("lead", "Name").missing


@pytest.mark.parametrize("name", sorted(HEADER_WORDS))
def test_all_words_mean_fields_that_there_are(name: str) -> None:
    targets = targets_of(ENTITIES[name])
    for field in HEADER_WORDS[name]:
        assert set(field.split(",")) <= targets.keys()


def test_all_profiles_fill_fields_that_there_are() -> None:
    for profile in PROFILES:
        targets = targets_of(ENTITIES[profile.entity])
        for meaning in [*profile.columns.values(), *profile.defaults]:
            assert {part.partition("*")[0] for part in meaning.split(",")} <= targets.keys()
