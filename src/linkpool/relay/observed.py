"""A relay's figures, read off its running parts whenever somebody asks."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from linkpool.chain.http import HttpEndpoint
from linkpool.chain.websocket import SocketEndpoint
from linkpool.relay.core import Core

Link = HttpEndpoint | SocketEndpoint


class Observed(Collector):
    """One relay's state."""

    def __init__(self, links: Sequence[Link], core: Core) -> None:
        self._links, self._endpoints = links, core.endpoints
        self._feed, self._checks = core.feed, core.checks
        self._answers, self._clients = core.answers, core.clients

    def collect(self) -> Iterable[Metric]:
        """All families, read now."""
        yield from self._upstream()
        yield from self._window()
        made = CounterMetricFamily(
            "linkpool_relay_calls",
            "Calls answered, by where the answer came from: kept, shared, passed, refused.",
            labels=["method", "how"],
        )
        for (method, how), count in self._answers.made.items():
            made.add_metric([method, how], count)
        yield made
        yield GaugeMetricFamily("linkpool_relay_clients", "Connections now.", len(self._clients.all))
        yield GaugeMetricFamily(
            "linkpool_relay_subscriptions", "Subscriptions now.", self._clients.subscriptions
        )
        yield CounterMetricFamily(
            "linkpool_relay_slow_clients", "Clients cut off for reading too slowly.", self._clients.dropped
        )

    def _upstream(self) -> Iterator[Metric]:
        calls = CounterMetricFamily(
            "linkpool_rpc_calls", "JSON-RPC calls made upstream.", labels=["endpoint", "method"]
        )
        for link in self._links:
            for method, count in link.calls.items():
                calls.add_metric([link.name, method], count)
        yield calls
        yield CounterMetricFamily("linkpool_relay_heads", "Heads that upstreams pushed.", self._feed.heads)
        drops = CounterMetricFamily(
            "linkpool_endpoint_drops", "Times an upstream was set aside.", labels=["endpoint", "why"]
        )
        for standing in self._endpoints.standings:
            for why, count in standing.drops.items():
                drops.add_metric([standing.endpoint.name, why], count)
        yield drops
        yield CounterMetricFamily(
            "linkpool_logs_missed", "Logs that only a second upstream named.", self._checks.missed
        )
        yield CounterMetricFamily(
            "linkpool_feed_silences", "Times an upstream gave no block that was there.", self._feed.silences
        )

    def _window(self) -> Iterator[Metric]:
        tip, last, now = self._feed.blocks.tip, self._checks.last, asyncio.get_running_loop().time()
        yield GaugeMetricFamily("linkpool_head_block", "Newest block.", tip.head.number if tip else 0)
        yield GaugeMetricFamily(
            "linkpool_reconciled_block",
            "Newest block whose logs two upstreams agree on.",
            last.block if last else 0,
        )
        yield GaugeMetricFamily("linkpool_relay_window_blocks", "Blocks kept.", len(self._feed.blocks))
        yield GaugeMetricFamily(
            "linkpool_relay_contracts", "Contracts whose logs are followed.", len(self._feed.interest.now)
        )
        yield GaugeMetricFamily(
            "linkpool_relay_sure_seconds",
            "Since an upstream last said that the tip is the newest block.",
            now - self._feed.sure_at if tip else 0,
        )
        yield CounterMetricFamily("linkpool_relay_reorgs", "Re-orgs followed.", self._feed.reorgs)
