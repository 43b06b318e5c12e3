"""What the server counts, in the text form of Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of one server; nothing in a label comes from a request but the verb and the run that were found."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        ProcessCollector(registry=own)
        PlatformCollector(registry=own)
        self.requests = Counter("penchant_requests", "Requests by verb and status.", ["verb", "status"], registry=own)
        self.seconds = Histogram(
            "penchant_request_seconds",
            "Seconds from the first byte to the answer.",
            ["verb"],
            buckets=BUCKETS,
            registry=own,
        )
        self.in_flight = Gauge("penchant_requests_in_flight", "Requests that came and are not answered.", registry=own)
        self.waiting = Gauge("penchant_requests_waiting", "Requests that wait for a worker.", registry=own)
        self.people = Counter(
            "penchant_people_answered", "People, rows and queries that were answered.", ["verb"], registry=own
        )
        self.reloads = Counter(
            "penchant_reloads", "Newer runs that were loaded or refused.", ["run", "outcome"], registry=own
        )
        self.run = Gauge(
            "penchant_run_info", "1 for what is served.", ["name", "run", "system", "version"], registry=own
        )
        self.since = Gauge("penchant_run_loaded_timestamp_seconds", "When the run was loaded.", ["name"], registry=own)
        self._served: dict[str, tuple[str, str, str, str]] = {}

    def serving(self, name: str, run: str, system: str, version: str, since: float) -> None:
        """Say what is served under a name, in place of what was."""
        labels = (name, run, system, version)
        if self._served.get(name, labels) != labels:
            self.run.remove(*self._served[name])
        self._served[name] = labels
        self.run.labels(*labels).set(1)
        self.since.labels(name).set(since)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)
