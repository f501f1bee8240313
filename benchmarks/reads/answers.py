"""Ask every contender the same before measuring, and hold its answers to ours."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Self

import httpx
import orjson

from benchmarks.reads.compare import differences, leaves
from benchmarks.reads.dataset import Tenant
from benchmarks.reads.servers import Contender
from benchmarks.reads.workloads import ACCOUNT_LIST, LIST_PAGES, Asked, list_starts


class Unlike(Exception):
    """A contender does not answer, or not as we do."""


COMPARED = 12
"""Answers per document and contender."""


class Answers:
    """Asks, one request after the other; to be closed."""

    def __init__(self) -> None:
        self._client = httpx.Client(timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    def raw(self, one: Contender, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """The whole answer to a body.

        Raises:
            Unlike: the server did not answer with data alone.
        """
        response = self._client.post(
            f"http://127.0.0.1:{one.port}{path}",
            headers={"content-type": "application/json", "accept": "application/json", **headers},
            content=body,
        )
        answer: dict[str, Any] = orjson.loads(response.content)
        if response.status_code != 200 or "errors" in answer:
            raise Unlike(f"{one.name} answers {response.status_code}: {response.text[:600]}")
        return answer

    def data(self, one: Contender, asked: Asked) -> dict[str, Any]:
        """The data of an answer."""
        data: dict[str, Any] = self.raw(one, *one.body(asked))["data"]
        return data


def list_requests(answers: Answers, one: Contender, tenants: Sequence[Tenant]) -> list[Asked]:
    """Pages of the account list, the first ones of each, with the contender's own cursors."""
    found: list[Asked] = []
    for start in list_starts(tenants):
        page = start
        for _ in range(LIST_PAGES):
            found.append(page)
            info = answers.data(one, page)["accounts"]["pageInfo"]
            if not info["hasNextPage"]:
                break
            page = Asked(ACCOUNT_LIST, start.tenant, {**start.variables, "after": info["endCursor"]})
    return found


def check(
    answers: Answers,
    ours: Contender,
    other: Contender,
    asked: Mapping[str, list[Asked]],
    pages: Mapping[str, list[Asked]],
) -> tuple[int, dict[str, float]]:
    """Compare the answers of two contenders, value by value.

    Args:
        pages: the list's requests per contender, in the same order.

    Returns: how many answers were compared, and the values that one of ours holds, by workload.

    Raises:
        Unlike: an answer differs.
    """
    compared, values = 0, dict[str, float]()
    for name in other.documents:
        mine, theirs = (pages[ours.name], pages[other.name]) if name == ACCOUNT_LIST else (asked[name], asked[name])
        # Spread over the list, so that all tenants and later pages are among them.
        chosen = list(islice(range(0, len(mine), max(len(mine) // COMPARED, 1)), COMPARED))
        expected = [answers.data(ours, mine[number]) for number in chosen]
        values[name] = statistics.mean(leaves(one) for one in expected)
        for number, one in zip(chosen, expected, strict=True):
            found = list(islice(differences(one, answers.data(other, theirs[number])), 5))
            if found:
                raise Unlike(f"{other.name} answers {name} otherwise than we do: {'; '.join(found)}")
            compared += 1
    return compared, {**values, "mixed": statistics.mean(values.values())}
