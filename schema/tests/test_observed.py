"""What operators see of requests: ids, log lines, metrics and traces; and the headers that guard browsers."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from evenhand.db.session import transaction
from evenhand.jobs import drain_jobs, enqueue
from evenhand.logs import LineWriter
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.http.app import create_app
from evenhand_schema.http.config import HttpConfig
from evenhand_schema.testing import Api

QUERY = "query Who { me { role } }"


@asynccontextmanager
async def _client(app: Starlette, host: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=(host, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://evenhand.test") as http:
        yield http


async def _bearer(api: Api, tenant: SomeTenant) -> dict[str, str]:
    return {"Authorization": f"Bearer {await api.key(tenant)}"}


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("abc-123", True),
        ("A1b2._:+/=-", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("", False),
        ("a b", False),
        ('a"b', False),
        ("a\tb", False),
        ("é", False),
    ],
)
async def test_a_request_has_an_id(api: Api, given: str, taken: bool) -> None:
    answer = await api.http.get("/healthz", headers=[(b"X-Request-Id", given.encode())])
    found = answer.headers["x-request-id"]
    assert (found == given) is taken
    if not taken:
        assert len(found) == 32
        assert int(found, 16)


async def test_every_request_is_a_line_in_the_log(api: Api, tenant: SomeTenant) -> None:
    key = await api.key(tenant)
    headers = {"Authorization": f"Bearer {key}", "X-Request-Id": "r1"}
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        await api.http.post("/graphql?secret=1", json={"query": QUERY}, headers=headers)
        await api.http.post("/graphql", json={"query": "{ nothing }"}, headers=headers)
        await api.http.get("/graphql", headers={"Authorization": "Bearer my-password"})
        await api.http.get("/healthz")
    done, refused, unknown = lines
    assert done.pop("ms") > 0
    assert done == {
        "event": "request",
        "log_level": "info",
        "request_id": "r1",
        "method": "POST",
        "path": "/graphql",
        "status": 200,
        "operation": "Who",
        "kind": "query",
        "executor": done["executor"],
        "tenant": str(tenant.id),
        "key": key[: len(f"evh_{tenant.slug}_") + 6],
    }
    assert (refused["status"], refused["refused"]) == (400, "INVALID_REQUEST")
    assert (unknown["status"], unknown["refused"]) == (401, "UNAUTHENTICATED")
    assert "key" not in unknown
    assert key not in str(lines)
    assert "password" not in str(lines)


async def test_the_lines_can_be_left_out(api: Api, tenant: SomeTenant) -> None:
    async with _client(create_app(None, http=HttpConfig(access_log=False))) as http:
        with structlog.testing.capture_logs() as lines:
            await http.post("/graphql", json={"query": QUERY}, headers=await _bearer(api, tenant))
    assert lines == []


async def test_a_defect_in_the_log_has_the_id_of_its_request(
    api: Api, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*arguments: Any, **more: Any) -> Any:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("evenhand_schema.http.graphql.execute", broken)
    headers = {**await _bearer(api, tenant), "X-Request-Id": "r2"}
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        answer = await api.http.post("/graphql", json={"query": QUERY}, headers=headers)
    assert answer.status_code == 500
    assert "secret" not in answer.text
    error, access = lines
    assert error["request_id"] == access["request_id"] == "r2"
    assert error["error_id"] == answer.json()["errors"][0]["extensions"]["id"]
    assert access["refused"] == "INTERNAL_ERROR"


async def test_a_defect_outside_of_graphql_is_masked_too(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*arguments: Any, **more: Any) -> Any:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("evenhand_schema.http.health.missing_migrations", lambda: 5)
    app = create_app(None)
    monkeypatch.setattr(app.router, "app", broken)
    monkeypatch.setattr(app.router, "middleware_stack", broken)
    async with _client(app) as http:
        answer = await http.get("/healthz")
    assert answer.status_code == 500
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL_ERROR"
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/graphql", "/healthz", "/nowhere"])
async def test_every_answer_guards_browsers(api: Api, path: str) -> None:
    headers = (await api.http.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "strict-transport-security" not in headers


async def test_answers_are_not_kept_by_caches(api: Api, tenant: SomeTenant) -> None:
    answer = await api.http.get("/graphql", params={"query": QUERY}, headers=await _bearer(api, tenant))
    assert answer.headers["cache-control"] == "no-store"
    assert "Authorization" in answer.headers["vary"]


def _samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_metrics_tell_how_full_the_queue_is(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        async with transaction():
            await enqueue("housekeeping", {}, title="Now")
            await enqueue("housekeeping", {}, title="Later", run_at=datetime.now(UTC) + timedelta(days=1))
    async with _client(create_app(None)) as http:
        found = _samples((await http.get("/metrics")).text)
    kind = (("kind", "housekeeping"),)
    assert found["evenhand_jobs_due", kind] >= 1
    assert found["evenhand_jobs_waiting", kind] >= 1
    assert found["evenhand_jobs_running", kind] == 0
    assert 0 <= found["evenhand_jobs_oldest_due_seconds", kind] < 3600
    await drain_jobs()


async def test_metrics_count_what_happened(api: Api, tenant: SomeTenant) -> None:
    app = create_app(None)
    async with _client(app) as http:
        headers = await _bearer(api, tenant)
        for _ in range(3):
            answer = await http.post("/graphql", json={"query": QUERY}, headers=headers)
            assert answer.status_code == 200
        await http.post("/graphql", json={"query": "{"}, headers=headers)
        await http.post("/graphql", json={"query": QUERY})
        await http.request("BREW", "/teapot")
        text = (await http.get("/metrics")).text
    found = _samples(text)
    executor = next(dict(labels)["executor"] for name, labels in found if name == "evenhand_operation_seconds_count")

    def value(name: str, **labels: str) -> float:
        return found[name, tuple(sorted(labels.items()))]

    assert value("evenhand_requests_total", method="POST", path="/graphql", status="200") == 3
    assert value("evenhand_requests_total", method="POST", path="/graphql", status="400") == 1
    assert value("evenhand_requests_total", method="POST", path="/graphql", status="401") == 1
    assert value("evenhand_requests_total", method="other", path="other", status="404") == 1
    assert value("evenhand_operation_seconds_count", type="query", executor=executor) == 3
    assert 0 < value("evenhand_operation_seconds_sum", type="query", executor=executor) < 10
    assert value("evenhand_refused_total", reason="INVALID_REQUEST") == 1
    assert value("evenhand_refused_total", reason="UNAUTHENTICATED") == 1
    assert value("evenhand_documents_total", result="hit") == 2
    assert value("evenhand_documents_total", result="miss") == 2
    assert value("evenhand_documents_kept") == 1
    assert value("evenhand_requests_in_flight") == 1
    assert value("evenhand_pool_connections") >= 1
    assert value("evenhand_readers_in_use") >= 0
    assert 0 <= value("evenhand_pool_connections_in_use") <= value("evenhand_pool_connections_most")


@pytest.mark.parametrize(
    ("token", "host", "headers", "status"),
    [
        (None, "127.0.0.1", {}, 200),
        (None, "::1", {}, 200),
        (None, "10.0.0.7", {}, 403),
        (None, "203.0.113.1", {}, 403),
        (None, "testclient", {}, 403),
        (None, "127.0.0.1", {"X-Forwarded-For": "203.0.113.1"}, 403),
        (None, "127.0.0.1", {"Forwarded": "for=203.0.113.1"}, 403),
        ("t0ken", "127.0.0.1", {}, 403),
        ("t0ken", "203.0.113.1", {"Authorization": "Bearer t0ken"}, 200),
        ("t0ken", "203.0.113.1", {"Authorization": "Bearer other"}, 403),
        ("t0ken", "203.0.113.1", {"Authorization": "Bearer é"}, 403),
    ],
)
async def test_metrics_are_not_for_everybody(
    token: str | None, host: str, headers: dict[str, str], status: int
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    async with _client(create_app(None, http=HttpConfig(metrics_token=token)), host) as http:
        answer = await http.get("/metrics", headers=raw)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["errors"][0]["extensions"]["code"] == "METRICS_FORBIDDEN"


@pytest.fixture
def traced_app() -> tuple[Starlette, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = create_app(None)
    app.state.tracer = provider.get_tracer("evenhand")
    return app, exporter


async def test_an_operation_is_one_span(
    api: Api, tenant: SomeTenant, traced_app: tuple[Starlette, InMemorySpanExporter]
) -> None:
    app, exporter = traced_app
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {**await _bearer(api, tenant), "traceparent": f"00-{trace}-b7ad6b7169203331-01", "X-Request-Id": "r3"}
    async with _client(app) as http:
        await http.post("/graphql", json={"query": QUERY}, headers=headers)
        await http.post("/graphql", json={"query": "{ nothing }"}, headers=headers)
    (span,) = exporter.get_finished_spans()
    assert span.name == "query"
    assert span.context is not None
    assert format(span.context.trace_id, "032x") == trace
    assert dict(span.attributes or {}) == {
        "graphql.operation.type": "query",
        "graphql.operation.name": "Who",
        "evenhand.request_id": "r3",
        "evenhand.tenant": str(tenant.id),
        "evenhand.executor": (span.attributes or {})["evenhand.executor"],
        "http.response.status_code": 200,
    }


async def test_a_failure_is_seen_in_its_span(
    api: Api,
    tenant: SomeTenant,
    traced_app: tuple[Starlette, InMemorySpanExporter],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(*arguments: Any, **more: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr("evenhand_schema.http.graphql.execute", broken)
    app, exporter = traced_app
    async with _client(app) as http:
        await http.post("/graphql", json={"query": QUERY}, headers=await _bearer(api, tenant))
    (span,) = exporter.get_finished_spans()
    assert not span.status.is_ok
    assert "RuntimeError" in str(span.events[0].attributes)


class _Stream(io.BytesIO):
    """A stream that nobody reads until `read` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.read_on = threading.Event()

    def write(self, line: Any) -> int:
        self.read_on.wait(10)
        return super().write(line)


def test_a_log_that_nobody_reads_holds_nobody_up() -> None:
    stream = _Stream()
    writer = LineWriter(stream, most=10)
    for number in range(100):
        writer.write(json.dumps({"event": str(number)}).encode())
    stream.read_on.set()
    while writer._waiting:
        threading.Event().wait(0.01)
    writer.write(b'{"event": "last"}')
    writer.close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert 11 <= len(lines) <= 22
    assert lines[-1] == {"event": "last"}
    assert lines[-2]["event"] == "log.lines_left_out"
    assert lines[-2]["count"] + len(lines) - 2 == 100


class _Closed(io.BytesIO):
    def write(self, line: Any) -> int:
        raise BrokenPipeError


def test_a_log_that_is_gone_disturbs_nobody() -> None:
    writer = LineWriter(_Closed())
    writer.write(b"{}")
    writer.write(b"{}")
    writer.close()
    assert not writer._thread.is_alive()
