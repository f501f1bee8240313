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
from benchmarks.reads.workloads import ACCOUNT_LIST, LIST_PAGES, MIXED, Asked, list_starts

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
            RuntimeError: the server did not answer with data alone.
        """
        response = self._client.post(
            f"http://127.0.0.1:{one.port}{path}",
            headers={"content-type": "application/json", "accept": "application/json", **headers},
            content=body,
        )
        answer: dict[str, Any] = orjson.loads(response.content)
        if response.status_code != 200 or "errors" in answer:
            raise RuntimeError(f"{one.name} answers {response.status_code}: {response.text[:600]}")
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
    contenders: Sequence[Contender],
    asked: Mapping[str, list[Asked]],
    pages: Mapping[str, list[Asked]],
) -> tuple[int, dict[str, float]]:
    """Compare the answers of everybody with ours, value by value.

    Args:
        contenders: ours first.
        pages: the list's requests per contender, in the same order.

    Returns: how many answers were compared, and the values that one of our answers holds, by workload.

    Raises:
        RuntimeError: an answer differs.
    """
    ours, *others = contenders
    compared, values = 0, dict[str, list[int]]()
    for name in MIXED:
        mine = pages[ours.name] if name == ACCOUNT_LIST else asked[name]
        # Spread over the list, so that all tenants and later pages are among them.
        step = max(len(mine) // COMPARED, 1)
        chosen = list(islice(range(0, len(mine), step), COMPARED))
        for number in chosen:
            expected = answers.data(ours, mine[number])
            values.setdefault(name, []).append(leaves(expected))
            for other in others:
                if name not in other.documents:
                    continue
                theirs = pages[other.name][number] if name == ACCOUNT_LIST else mine[number]
                found = list(islice(differences(expected, answers.data(other, theirs)), 5))
                if found:
                    raise RuntimeError(f"{other.name} answers {name} otherwise than we do: {'; '.join(found)}")
                compared += 1
    means = {name: statistics.mean(counts) for name, counts in values.items()}
    return compared, {**means, "mixed": statistics.mean(means.values())}
