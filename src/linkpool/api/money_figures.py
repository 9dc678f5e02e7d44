"""The treasury in figures for Prometheus, from the database alone."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge

from linkpool.store.accounts import KnownAccount


class MoneyFigures:
    """Gauges of one process; labels are known in advance."""

    def __init__(self, registry: CollectorRegistry, treasury: str) -> None:
        self._treasury = treasury
        self._balance = Gauge("linkpool_treasury_balance_wei", "As last seen", registry=registry)
        self._senders = Gauge("linkpool_senders_balance_wei", "Of all senders together", registry=registry)
        self._frozen = Gauge("linkpool_frozen_senders", "That are sent nothing", registry=registry)

    def show(self, accounts: Mapping[str, KnownAccount]) -> None:
        """What the treasury saw last."""
        own = accounts.get(self._treasury)
        others = [row for address, row in accounts.items() if address != self._treasury]
        self._balance.set(int(own.balance) if own else 0)
        self._senders.set(sum(int(row.balance) for row in others))
        self._frozen.set(sum(row.frozen_at is not None for row in others))
