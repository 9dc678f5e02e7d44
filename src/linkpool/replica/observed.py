"""Figures that are read off the running parts whenever somebody asks, so that none can be out of date."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from linkpool.chain.http import HttpEndpoint
from linkpool.chain.websocket import SocketEndpoint
from linkpool.replica.core import Core

Link = HttpEndpoint | SocketEndpoint


class Observed(Collector):
    """One replica's state. `core` gives None until it syncs, `connected` the control planes it hears."""

    def __init__(
        self, links: Sequence[Link], core: Callable[[], Core | None], connected: Callable[[], int]
    ) -> None:
        self._links, self._core, self._connected = links, core, connected

    def collect(self) -> Iterable[Metric]:
        """All families, read now."""
        calls = CounterMetricFamily(
            "linkpool_rpc_calls", "JSON-RPC calls made.", labels=["endpoint", "method"]
        )
        for link in self._links:
            for method, count in link.calls.items():
                calls.add_metric([link.name, method], count)
        yield calls
        yield GaugeMetricFamily(
            "linkpool_control_connections", "Control planes this replica hears.", self._connected()
        )
        if core := self._core():
            yield from _work(core)
            yield from _chain(core)


def _work(core: Core) -> Iterator[Metric]:
    yield GaugeMetricFamily("linkpool_requests_open", "Requests that want an answer now.", core.serving.open)
    yield GaugeMetricFamily("linkpool_runs_in_hand", "Runs being worked on now.", len(core.tools.in_hand))
    yield GaugeMetricFamily(
        "linkpool_roster_members", "Replicas in the roster, this one included.", len(core.roster.members)
    )
    yield GaugeMetricFamily("linkpool_catalog_revision", "Catalog revision in use.", core.catalog.revision)


def _chain(core: Core) -> Iterator[Metric]:
    head, reconciled = core.heads.latest, core.follower.last_reconciled
    yield GaugeMetricFamily("linkpool_head_block", "Newest block seen.", head.number if head else 0)
    yield GaugeMetricFamily(
        "linkpool_reconciled_block",
        "Newest block whose logs two endpoints agree on.",
        reconciled.block if reconciled else 0,
    )
    yield CounterMetricFamily(
        "linkpool_logs_missed", "Logs that no subscription told, and reading found.", core.follower.missed
    )
    yield CounterMetricFamily(
        "linkpool_feed_silences",
        "Times the followed endpoint gave no block while others did.",
        core.follower.silences,
    )
    lag = GaugeMetricFamily("linkpool_endpoint_lag_blocks", "Blocks behind the best.", labels=["endpoint"])
    latency = GaugeMetricFamily(
        "linkpool_endpoint_latency_seconds", "Mean time of a call.", labels=["endpoint"]
    )
    drops = CounterMetricFamily(
        "linkpool_endpoint_drops", "Times an endpoint was set aside.", labels=["endpoint", "why"]
    )
    for standing in core.endpoints.standings:
        name = standing.endpoint.name
        lag.add_metric([name], standing.lag)
        latency.add_metric([name], standing.latency)
        for why, count in standing.drops.items():
            drops.add_metric([name, why], count)
    yield from (lag, latency, drops)
    sends = CounterMetricFamily(
        "linkpool_transactions", "What became of this sender's transactions.", labels=["what"]
    )
    for what, count in core.stream.counts.items():
        sends.add_metric([what], count)
    yield sends
    yield GaugeMetricFamily(
        "linkpool_transactions_waiting", "Transactions that are not mined.", core.stream.waiting
    )
    balance = core.stream.funds.balance
    if balance is not None:
        yield GaugeMetricFamily(
            "linkpool_sender_balance_wei", "Gas money of this sender, as last read.", balance
        )
