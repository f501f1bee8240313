"""What is looked at besides speed: new documents, and the server's memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from benchmarks.reads.answers import Answers
from benchmarks.reads.load import Job, send
from benchmarks.reads.servers import Contender
from benchmarks.reads.workloads import Asked

NEW_DOCUMENTS = 20
_STEPS = 5
_LONGEST = 300.0
"""Seconds; a slow server is not watched over all requests."""


def cold_documents(answers: Answers, ours: Contender, asked: Sequence[Asked]) -> str:
    """How much longer the first request with a document takes than the next with the same."""
    first: list[float] = []
    later: list[float] = []
    mark = time.time_ns()
    for number in range(NEW_DOCUMENTS):
        path, headers, body = ours.body(asked[number % len(asked)])
        # Another name makes it another document, also for a server that was asked before.
        fresh = body.replace(b"query Customer360(", f"query Customer360_{mark}_{number}(".encode())
        for times in (first, later, later):
            started = time.perf_counter()
            answers.raw(ours, path, headers, fresh)
            times.append((time.perf_counter() - started) * 1000)
    cold, warm = statistics.median(first), statistics.median(later)
    return (
        f"A new document (customer 360): the first request takes {cold:.1f} ms, the next ones {warm:.1f} ms "
        f"(medians of {NEW_DOCUMENTS}; all steps from bytes to bytes)"
    )


def memory(generator: ProcessPoolExecutor, ours: Contender, requests: Sequence[bytes], count: int) -> str:
    """The server's resident memory while it answers the mixed load; at most a minute."""
    sizes = [ours.memory()]
    sent = 0
    for _ in range(_STEPS):
        job = Job(ours.port, requests, 16, _LONGEST / _STEPS, max(count // _STEPS, 1))
        outcome = generator.submit(send, job).result()
        if outcome.failures:
            raise RuntimeError(f"{outcome.failures} requests failed; the first: {outcome.failure}")
        sent += len(outcome.latencies)
        sizes.append(ours.memory())
    shown = " → ".join(f"{size:.0f}" for size in sizes)
    return f"Server memory over {sent:,} mixed requests, MB: {shown}"
