"""`/metrics`: counters for Prometheus."""

from __future__ import annotations

import hmac
import ipaddress
import time
from collections.abc import Iterator, Sequence

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from evenhand.db.session import pool_usage
from evenhand.errors import EvenhandError
from evenhand.jobs.queue import QueueFigures, queue_figures
from evenhand.worker import restarts
from evenhand_schema.documents import Documents
from evenhand_schema.http.config import HttpConfig
from evenhand_schema.http.exchange import Exchange
from evenhand_schema.http.responses import refusal
from evenhand_schema.subscriptions.live import Live

PATHS = frozenset(("/graphql", "/graphiql", "/healthz", "/readyz", "/metrics"))
_METHODS = frozenset(("GET", "POST", "OPTIONS", "HEAD"))
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_QUEUE_EVERY = 5.0
"""Seconds between two looks at the queue, however often the figures are read."""
log = structlog.get_logger(__name__)
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class MetricsForbidden(EvenhandError):
    """Figures of the server are for its operators."""

    code = "METRICS_FORBIDDEN"


class _State(Collector):
    """What is read only when somebody asks."""

    def __init__(self, documents: Documents, live: Live) -> None:
        self._documents = documents
        self._live = live
        self._queue: Sequence[QueueFigures] = ()
        self._asked = -_QUEUE_EVERY

    async def ask_queue(self) -> None:
        """Look how full the queue is, unless it was done a moment ago or the database cannot be reached."""
        now = time.monotonic()
        if now - self._asked >= _QUEUE_EVERY and pool_usage() is not None:
            self._asked = now
            try:
                self._queue = await queue_figures()
            except Exception as error:
                self._queue = ()
                log.warning("metrics.queue_unknown", error=str(error))

    def collect(self) -> Iterator[Metric]:
        found = CounterMetricFamily("evenhand_documents", "Query documents looked up.", labels=("result",))
        found.add_metric(("hit",), self._documents.hits)
        found.add_metric(("miss",), self._documents.misses)
        yield found
        yield GaugeMetricFamily("evenhand_documents_kept", "Query documents in memory.", len(self._documents))
        yield from self._live_figures()
        usage = pool_usage()
        if usage is not None:
            yield GaugeMetricFamily("evenhand_pool_connections", "Open database connections.", usage.open)
            yield GaugeMetricFamily("evenhand_pool_connections_in_use", "Those that work.", usage.in_use)
            yield GaugeMetricFamily("evenhand_pool_connections_most", "As many as there may be.", usage.most)
            yield GaugeMetricFamily("evenhand_readers_in_use", "Connections for reads that work.", usage.readers_in_use)

        yield from self._job_figures()

    def _job_figures(self) -> Iterator[Metric]:
        names = (
            ("evenhand_jobs_due", "Jobs that could be begun with now, of all tenants.", "due"),
            ("evenhand_jobs_waiting", "Jobs for a later time.", "waiting"),
            ("evenhand_jobs_running", "Jobs that workers have taken.", "running"),
            ("evenhand_jobs_oldest_due_seconds", "How long the oldest due job has waited.", "oldest_due"),
        )
        for name, text, attribute in names:
            metric = GaugeMetricFamily(name, text, labels=("kind",))
            for figures in self._queue:
                metric.add_metric((figures.kind,), getattr(figures, attribute))
            yield metric
        restarted = CounterMetricFamily(
            "evenhand_service_restarts", "Services of this process's worker that failed.", labels=("service",)
        )
        for service, times in restarts.items():
            restarted.add_metric((service,), times)
        yield restarted

    def _live_figures(self) -> Iterator[Metric]:
        live = self._live
        yield GaugeMetricFamily("evenhand_live_connections", "Open WebSockets and event streams.", len(live))
        yield GaugeMetricFamily("evenhand_subscriptions", "Open subscriptions.", live.subscriptions)
        told, dropped = live.figures.delivered, live.figures.dropped
        yield CounterMetricFamily("evenhand_subscription_messages", "Messages of subscriptions.", told)
        yield CounterMetricFamily("evenhand_subscriptions_dropped", "Ended because the client was too slow.", dropped)


class Metrics:
    """The counters of one application."""

    def __init__(self, documents: Documents, live: Live) -> None:
        self.registry = CollectorRegistry()
        self._state = _State(documents, live)
        self.registry.register(self._state)
        registry = self.registry
        self._requests = Counter(
            "evenhand_requests", "HTTP requests answered.", ("method", "path", "status"), registry=registry
        )
        self._refused = Counter(
            "evenhand_refused", "GraphQL requests that were not executed.", ("reason",), registry=registry
        )
        self._operations = Histogram(
            "evenhand_operation_seconds",
            "From the first byte of the request to the last of the answer, for executed operations.",
            ("type", "executor"),
            registry=registry,
            buckets=_BUCKETS,
        )
        self._in_flight = Gauge("evenhand_requests_in_flight", "HTTP requests being answered.", registry=registry)
        self._known_requests: dict[tuple[str, str, int], Counter] = {}
        self._known_operations: dict[tuple[str, str], Histogram] = {}

    async def refresh(self) -> None:
        """Ask for what only the database knows, before the figures are read."""
        await self._state.ask_queue()

    def begin(self) -> None:
        """A request has come."""
        self._in_flight.inc()

    def end(self, method: str, path: str, status: int, exchange: Exchange, elapsed: float) -> None:
        """A request was answered after `elapsed` seconds."""
        self._in_flight.dec()
        labels = (method, path, status)
        counter = self._known_requests.get(labels)
        if counter is None:
            shown = (method if method in _METHODS else "other", path if path in PATHS else "other", str(status))
            counter = self._requests.labels(*shown)
            if shown[:2] == (method, path):
                self._known_requests[labels] = counter
        counter.inc()
        if exchange.refused is not None:
            self._refused.labels(exchange.refused).inc()
        elif exchange.executor is not None and exchange.kind is not None:
            done = (exchange.kind, exchange.executor)
            histogram = self._known_operations.get(done)
            if histogram is None:
                histogram = self._known_operations[done] = self._operations.labels(*done)
            histogram.observe(elapsed)


async def metrics_endpoint(request: Request) -> Response:
    """The figures, for whoever has the token; without a token set, for this machine alone."""
    config: HttpConfig = request.app.state.config
    if not _allowed(request, config.metrics_token):
        hint = "Send 'Authorization: Bearer …' with EVENHAND_METRICS_TOKEN, or ask from the server's own machine."
        return refusal(MetricsForbidden("These figures are not for everybody.", hint=hint), 403)
    metrics: Metrics = request.app.state.metrics
    await metrics.refresh()
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _allowed(request: Request, token: str | None) -> bool:
    if token is not None:
        given = request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    # Behind a proxy on this machine everybody comes from here.
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
