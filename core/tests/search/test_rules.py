from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.search.rules import SearchTooLong, findable, grams, lines, normalise, wanted

TENANT = UUID(int=1)
TEXTS = st.text(
    st.one_of(
        st.characters(codec="utf-8", exclude_characters="\x00"),
        st.sampled_from("中国移动重庆單雄信龍騰ABCabcÄöü ()-.@+0123456789　ＡＢ１２"),
    ),
    min_size=1,
    max_size=60,
)


def finds(stored: list[str], search: str) -> bool:
    """What the database does, in Python: all words in one of the lines, or the number."""
    record = findable(TENANT, "Account", stored[:1], stored[1:])
    asked = wanted(search)
    held = record.names + record.texts
    return all(word in held for word in asked.words) or (asked.number is not None and asked.number in held)


def holds(stored: list[str], search: str) -> bool:
    """Whether the grams asked for are there: the index must lead to whatever is found."""
    record = findable(TENANT, "Account", stored[:1], stored[1:])
    alternatives = wanted(search).query(TENANT, ["Account"]).split(" | ")
    return any(all(_has(record.lexemes, part) for part in one[1:-1].split(" & ")) for one in alternatives)


def _has(lexemes: frozenset[str], part: str) -> bool:
    short = part.endswith(":*")
    lexeme = part.removesuffix(":*")[1:-1].replace("''", "'").replace("\\\\", "\\")
    return any(one.startswith(lexeme) for one in lexemes) if short else lexeme in lexemes


@given(TEXTS, st.data())
def test_any_part_of_a_stored_text_is_found(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    part = text[start:end]
    if len(part.split()) > 12 or not normalise(part):
        return
    assert finds([text], part)
    assert finds(["other", text], part)
    if "&" not in normalise(part) and "|" not in normalise(part):
        assert holds([text], part)


@given(TEXTS)
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(TEXTS, TEXTS)
def test_each_word_is_normalised_by_itself(one: str, other: str) -> None:
    assert normalise(f"{one} {other}").split() == normalise(one).split() + normalise(other).split()


@given(TEXTS)
def test_grams_cover_every_position(text: str) -> None:
    for word in normalise(text).split():
        assert {word[at : at + 3] for at in range(len(word))} <= grams(normalise(text))


@pytest.mark.parametrize(
    ("stored", "search"),
    [
        ("中国移动通信集团", "zgyd"),
        ("中国移动通信集团", "zhongguo"),
        ("中国移动通信集团", "yidong"),
        ("中国移动通信集团", "国移"),
        ("中国移动通信集团", "动"),
        ("中国 移动", "中国移动"),
        ("中国 移动", "zgyd"),
        ("中国移动（北京）", "移动北京"),
        ("中國移動", "中国移动"),
        ("中国移动", "中國移動"),
        ("重庆长安汽车", "cqca"),
        ("重庆长安汽车", "chongqing"),
        ("厦门银行", "xmyh"),
        ("朝阳区", "chaoyang"),
        ("洪洞县", "hongtong"),
        ("单雄信", "shanxiongxin"),
        ("解晓东", "xiexiaodong"),
        ("曾国藩", "zeng"),
        ("仇和", "qiuhe"),
        ("翟志刚", "zzg"),
        ("尉迟恭", "yuchigong"),
        ("區志強", "ouzhiqiang"),
        ("吕布", "lvbu"),
        ("吕布", "lubu"),
        ("吕布", "lyubu"),
        ("华为Cloud技术", "hwjs"),
        ("华为Cloud技术", "huaweicloud"),
        ("ＡＢＣ　Ｃｏ．", "abc co."),
        ("Müller GmbH", "muller"),
        ("Muller GmbH", "MÜLLER"),
        ("Straße", "STRASSE"),
        ("Acme Trading Co., Ltd.", "trading ltd"),
        ("Acme Trading", "acmetra"),
        ("O.K. Steel", "ok"),
        ("li.wei@acme-steel.com", "li.wei"),
        ("li.wei@acme-steel.com", "acme-steel.com"),
        ("li.wei@acme-steel.com", "acmesteel"),
        ("+86 138-0013-8000", "13800138000"),
        ("+86 138-0013-8000", "138 0013 8000"),
        ("+86 138-0013-8000", "8000"),
        ("13800138000", "+86 138 0013 8000"),
        ("13800138000", "0086-138-0013-8000"),
        ("010-62345678", "+86 10 6234 5678"),
        ("+86 10 6234 5678", "010-62345678"),
        ("020 7946 0958", "+44 20 7946 0958"),
        ("+442079460958", "(020) 7946 0958"),
        ("SO-2026-00017", "so202600017"),
        ("한국전자", "한국"),
        ("Ελλάς", "ΕΛΛΑΣ"),
    ],
)
def test_what_people_type_is_found(stored: str, search: str) -> None:
    assert finds([stored], search)
    assert holds([stored], search)


@pytest.mark.parametrize(
    ("stored", "search"),
    [
        ("中国移动", "联通"),
        ("中国移动", "中国 联通"),
        ("Acme", "acmes"),
        ("13800138000", "+44 138 0013 8001"),
        ("单位", "danweiren"),
    ],
)
def test_what_is_not_there_is_not_found(stored: str, search: str) -> None:
    assert not finds([stored], search)


def test_a_word_shorter_than_a_gram_is_asked_for_by_how_a_gram_begins() -> None:
    assert wanted("移").query(TENANT, ["Account"]).endswith(":*)")
    assert ":*" not in wanted("移动通").query(TENANT, ["Account"])


def test_texts_without_chinese_have_no_pinyin() -> None:
    assert lines("Acme 12") == ["acme 12", "acme12"]


@pytest.mark.parametrize("search", ["x" * 201, " ".join(str(number) for number in range(13))])
def test_a_search_that_nobody_types_is_refused(search: str) -> None:
    with pytest.raises(SearchTooLong) as refused:
        wanted(search)
    assert refused.value.hint


@pytest.mark.parametrize("search", ["", "  ", "　"])
def test_blanks_ask_for_nothing(search: str) -> None:
    assert wanted(search).phrase == ""
