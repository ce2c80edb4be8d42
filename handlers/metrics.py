"""`GET /metrics`: what the server counts, in the words of Prometheus, read when it is asked for."""

import hmac
import ipaddress
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from tornado.web import HTTPError

from chat.journal import Journal
from chat.measures import Distribution
from chat.rooms import Rooms
from handlers.edge import Edge
from handlers.services import Services

TEXT = "text/plain; version=1.0.0; charset=utf-8"

_FORWARDING = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via")


class Metrics(Collector):
    """Reads the numbers where they are; nothing is counted twice to be shown."""

    def __init__(self, services: Services, rooms: Rooms, journal: Journal) -> None:
        self._services = services
        self._rooms = rooms
        self._journal = journal

    def collect(self) -> Iterator[Metric]:
        """All there is."""
        services, measures = self._services, self._journal.measures
        yield _by(
            GaugeMetricFamily("hubbub_sockets", "Sockets that are logged in.", labels=["dialect"]),
            Counter(outbox.dialect.name for outbox in services.hub.outboxes()),
        )
        for name, words, value in (
            ("hubbub_users_online", "People with a socket.", len(services.hub.users())),
            ("hubbub_rooms_live", "Rooms that are in memory.", len(self._rooms)),
            ("hubbub_journal_waiting", "Writes that wait to be stored.", self._journal.waiting),
            ("hubbub_index_waiting", "Messages whose words are left for later.", measures.left),
            ("hubbub_telling_waiting", "Tellings that wait for a turn.", services.hub.backlog),
        ):
            yield GaugeMetricFamily(name, words, value)
        yield CounterMetricFamily("hubbub_messages", "Messages stored.", measures.messages)
        for name, words, distribution in (
            ("hubbub_commit_seconds", "Time of a commit.", measures.commit_seconds),
            ("hubbub_commit_writes", "Writes in a commit.", measures.commit_writes),
            ("hubbub_telling_seconds", "Time of telling a commit.", measures.telling_seconds),
            (
                "hubbub_loop_delay_seconds",
                "Lateness of the event loop.",
                services.loop_delay.seconds,
            ),
        ):
            yield HistogramMetricFamily(
                name, words, buckets=_buckets(distribution), sum_value=distribution.total
            )
        yield _by(
            CounterMetricFamily("hubbub_rejections", "What was refused.", labels=["code"]),
            services.rejections,
        )
        yield _by(
            CounterMetricFamily("hubbub_answers", "Answers over HTTP.", labels=["status"]),
            services.answers,
        )


class MetricsHandler(Edge):
    """What the server counts, for this host or for whoever has the token."""

    def get(self) -> None:
        """Show it; to anybody else there is nothing here."""
        if not self._may():
            raise HTTPError(404)
        self.set_header("Content-Type", TEXT)
        self.finish(self.services.metrics())

    def _may(self) -> bool:
        token = self.services.metrics_token
        if token:
            given = self.request.headers.get("Authorization", "").partition(" ")[2].strip()
            return hmac.compare_digest(given.encode(), token.encode())
        if any(name in self.request.headers for name in _FORWARDING):
            return False  # a proxy of this host brings strangers
        try:
            return ipaddress.ip_address(self.request.remote_ip or "").is_loopback
        except ValueError:
            return False


def _by(
    family: GaugeMetricFamily | CounterMetricFamily, numbers: Counter[str] | Counter[int]
) -> Metric:
    for label, number in sorted(numbers.items()):
        family.add_metric([str(label)], number)
    return family


def _buckets(distribution: Distribution) -> list[tuple[str, float]]:
    """The counts as Prometheus has them: each with all that is smaller."""
    bounds = [*(str(float(bound)) for bound in distribution.bounds), "+Inf"]
    sums: list[tuple[str, float]] = []
    below = 0
    for bound, count in zip(bounds, distribution.counts, strict=True):
        below += count
        sums.append((bound, below))
    return sums
