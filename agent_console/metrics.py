"""What Prometheus may ask: how fast pops are, and the counters of the parts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from agent_console.consoles import Consoles
from agent_console.ports import Clock, Live
from agent_console.wire import PopShown

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
REMEMBERED_POPS: Final = 2_000


class _Numbers:
    """The counters and gauges of hub and console server, read when they are asked for."""

    def __init__(self, live: Live, consoles: Consoles):
        self._live = live
        self._consoles = consoles

    def collect(self) -> Iterator[Metric]:
        """For ``prometheus_client``."""
        own = {f"console_{name}": value for name, value in asdict(self._consoles.counts).items()}
        for name, value in {**own, **self._live.counters()}.items():
            yield CounterMetricFamily(f"callweave_{name}", name.replace("_", " "), value=value)
        gauges = {
            "consoles_connected": len(self._consoles.all()),
            "agents_connected": self._consoles.agents_connected(),
            **self._live.gauges(),
        }
        for name, value in gauges.items():
            yield GaugeMetricFamily(f"callweave_{name}", name.replace("_", " "), value=value)


class Metrics:
    """The registry of one console server."""

    def __init__(self, live: Live, consoles: Consoles, wall: Clock):
        self._wall = wall
        self._pops: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._registry = CollectorRegistry()
        self._emitted = Histogram(
            "callweave_pop_emitted_seconds",
            "From the PBX's bytes to the screen pop on its way to the console",
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._shown = Histogram(
            "callweave_pop_shown_seconds",
            "From the PBX's bytes to the screen pop drawn by the browser, as it came back to us",
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_Numbers(live, consoles))

    def observe(self, agent: str, name: str, payload: Mapping[str, Any]) -> None:
        """A message goes out; pops are timed."""
        received = payload.get("pbx_received_at") if name == "screen_pop" else None
        if received is None:
            return
        self._emitted.observe(max(0.0, float(payload.get("emitted_at") or self._wall()) - received))
        self._pops[(agent, payload["interaction"]["id"])] = received
        if len(self._pops) > REMEMBERED_POPS:
            self._pops.popitem(last=False)

    def shown(self, agent: str, command: PopShown) -> None:
        """A browser drew a pop; the first of an agent's consoles counts."""
        received = self._pops.pop((agent, command.interaction_id), None)
        if received is not None:
            self._shown.observe(max(0.0, self._wall() - received))

    def text(self) -> bytes:
        """The exposition."""
        return generate_latest(self._registry)
