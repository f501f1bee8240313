"""Keys: the same customer has the same ones, and a key is its own key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.entities.enums import DuplicateKeyKind as Kind
from evenhand.ownership.duplicates.rules import (
    Key,
    domain_key,
    email_key,
    keys_of,
    name_key,
    phone_key,
    tax_id_key,
)

TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="上海某有限公司股份集团 ABC.gmbhltd&co（）()", max_size=40),
    st.text(alphabet="0123456789+-() 转xX#/:.@wqcom", max_size=40),
)


@pytest.mark.parametrize("make", [tax_id_key, email_key, domain_key, phone_key, name_key])
def test_a_key_is_its_own_key(make: object) -> None:
    @given(text=TEXTS)
    def hold(text: str) -> None:
        assert callable(make)
        key = make(text)
        assert key is None or make(key) == key

    hold()


@pytest.mark.parametrize(
    "names",
    [
        ("上海某某科技有限公司", "上海某某科技 有限公司", "上海某某科技股份有限公司", "上海某某科技"),
        ("Acme Ltd.", "ACME Limited", "Acme, Inc.", "acme co., ltd", "Ａｃｍｅ　ＬＴＤ"),
        ("Müller GmbH & Co. KG", "MÜLLER GMBH", "Müller"),
        ("Société Générale S.A.", "société générale"),
        ("华星（中国）有限公司", "华星(中国)"),
    ],
)
def test_names_without_their_legal_form(names: tuple[str, ...]) -> None:
    assert len({name_key(name) for name in names}) == 1


def test_names_that_are_only_a_legal_form_stay() -> None:
    assert name_key("Co Ltd") == "co"
    assert name_key("有限公司") == "有限公司"
    assert name_key("A") is None
    assert name_key("AG Insurance") == "aginsurance"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("138 1234 5678", "+8613812345678"),
        ("+86 138-1234-5678", "+8613812345678"),
        ("008613812345678", "+8613812345678"),
        ("8613812345678", "+8613812345678"),
        ("１３８１２３４５６７８", "+8613812345678"),
        ("021-5555 6666 转 801", "+862155556666"),
        ("+86 (021) 5555 6666", "+862155556666"),
        ("+1 415 555 2671", "+14155552671"),
        ("+49 30 123456", "+4930123456"),
        ("12345", None),
        (None, None),
    ],
)
def test_phone_numbers(text: str | None, key: str | None) -> None:
    assert phone_key(text) == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("https://www.Acme.com/about?x=1", "acme.com"),
        ("acme.com:8080", "acme.com"),
        ("WWW.ACME.COM.", "acme.com"),
        ("li@acme.com", "acme.com"),
        ("http://user@acme.com/", "acme.com"),
        ("li@qq.com", None),
        ("http://www.163.com", None),
        ("li@gmail.com", None),
        ("127.0.0.1", None),
        ("no domain", None),
        ("http://[bad", None),
        ("公司.中国", "公司.中国"),
    ],
)
def test_domains(text: str, key: str | None) -> None:
    assert domain_key(text) == key


def test_tax_ids_and_addresses() -> None:
    assert tax_id_key("91310000ma1k-35xy 2b") == tax_id_key("９１３１００００MA1K35XY2B") == "91310000ma1k35xy2b"
    assert tax_id_key("none") is None
    assert email_key(" Li@Acme.COM ") == "li@acme.com"
    assert email_key("li@qq.com") == "li@qq.com"
    assert email_key("li") is None


def test_keys_of_records() -> None:
    account = {"name": "Acme Ltd", "also_names": ["埃克米有限公司"], "website": "acme.com", "tax_id": "DE123456789"}
    assert set(keys_of("Account", account)) == {
        Key(Kind.TAX_ID, "de123456789"),
        Key(Kind.DOMAIN, "acme.com"),
        Key(Kind.NAME, "acme"),
        Key(Kind.NAME, "埃克米"),
    }
    assert keys_of("Account", {"name": "Li Lei", "kind": "person"}) == []
    assert keys_of("Account", account | {"archived_at": "2026-01-01"}) == []
    lead = {"email": "li@acme.com", "phone": "13812345678", "company": "Acme"}
    assert [key.kind for key in keys_of("Lead", lead)] == [Kind.EMAIL, Kind.DOMAIN, Kind.PHONE, Kind.NAME]
    assert keys_of("Lead", lead | {"status": "converted"}) == []
    assert keys_of("Contact", lead) == []
