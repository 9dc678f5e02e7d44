"""Bringing income home: the nodes' to the pool, and the maker fee to its account, once it is worth its gas.

Worth it means: it brings at least twenty times what it can cost. The transaction's own fee cap is set to just
that, so no rise of gas prices between the decision and the block can break it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from linkpool.chain.fees import FeeSource
from linkpool.chain.history import read_head
from linkpool.chain.rpc import Reverted, Rpc
from linkpool.contracts.abi import Call
from linkpool.contracts.pool import Pool
from linkpool.fleet.office import Office
from linkpool.fleet.outbox import Outbox, TooDear
from linkpool.store import chain_rows
from linkpool.store.chain_state import Books
from linkpool.units import WHOLE, Wei, show

log = structlog.get_logger(__name__)

WORTH = 20
"""It brings at least so many times what it can cost."""
MOST = 64
"""Nodes in one call (`StakingPool.MAX_LIST`)."""
HARVEST_GAS, HARVEST_NODE_GAS, PAY_GAS = 60_000, 150_000, 120_000
"""Gas limits: of a harvest, for each of its nodes, of paying fees out. Above what was measured (docs)."""


@dataclass(frozen=True)
class Plan:
    """Nodes worth harvesting together. brings: juels; gas: the limit."""

    nodes: tuple[str, ...]
    brings: int
    gas: int


def plan(income: Mapping[str, int], link_price: int, fee: int) -> Plan | None:
    """Nodes whose income (juels) is each worth its own gas at `fee` wei, the richest first."""
    least = WORTH * HARVEST_NODE_GAS * fee
    ranked = sorted(income.items(), key=lambda item: (-item[1], item[0]))
    chosen = [(node, juels) for node, juels in ranked if juels * link_price // WHOLE >= least and juels][
        :MOST
    ]
    if not chosen:
        return None
    gas = HARVEST_GAS + HARVEST_NODE_GAS * len(chosen)
    return Plan(tuple(node for node, _ in chosen), sum(juels for _, juels in chosen), gas)


def cap(brings: int, gas: int, link_price: int) -> Wei:
    """Wei per gas at which so much gas costs a twentieth of that many juels."""
    return Wei(brings * link_price // WHOLE // (WORTH * gas))


def waiting(books: Mapping[str, Books]) -> dict[str, int]:
    """Juels that still are in each node's oracle."""
    return {node: one.earned - one.harvested for node, one in books.items()}


class Harvest:
    """Looks at the indexer's books and sends from the treasury. link_price: wei per LINK now, if known."""

    def __init__(
        self, office: Office, *, rpc: Rpc, outbox: Outbox, pool: str, link_price: Callable[[], int | None]
    ) -> None:
        self._rpc = rpc
        self._office = office
        self._outbox = outbox
        self._pool = Pool(pool)
        self._link_price = link_price
        self._fees = FeeSource(rpc)

    async def step(self) -> None:
        """Harvest and pay out what is worth it. Raises EndpointTrouble, StoreUnreachable, LeaseLost."""
        price = self._link_price()
        if price is None:
            return
        async with self._office.read() as session:
            income = waiting(await chain_rows.books_now(session))
            fees = (await chain_rows.pool_now(session)).fees
        if not (fees or any(income.values())):
            return
        market = await self._fees.market(await read_head(self._rpc))
        if (wanted := plan(income, price, market.floor)) is not None:
            await self._send("harvest", self._pool.harvest(wanted.nodes), wanted.brings, wanted.gas, price)
        if fees:
            await self._send("pay_fees", self._pool.pay_fees(), fees, PAY_GAS, price)

    async def _send(self, purpose: str, call: Call[None], brings: int, gas: int, price: int) -> None:
        try:
            data = call.request["data"]
            if await self._outbox.send(purpose, call.to, data=data, gas=gas, cap=cap(brings, gas, price)):
                log.info(purpose, brings=show(brings), at_most=show(cap(brings, gas, price) * gas, 6))
        except TooDear:
            return  # not worth it at this gas price
        except Reverted as error:
            log.warning("the pool refuses", purpose=purpose, error=str(error))
