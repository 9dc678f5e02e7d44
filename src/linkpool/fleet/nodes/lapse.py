"""Covers that nobody claimed: a day after its window, the reserve of an expired request may lapse.

The requester's refund stays claimable for ever; only the reserve ends, which holds up the retirement of its
node.
"""

from typing import Protocol

from linkpool.chain.rpc import Rpc
from linkpool.chain.types import parse_logs
from linkpool.contracts.oracle import CLAIM_SECONDS, Oracle, OracleRequest, RequestTerms
from linkpool.fleet.office import Office
from linkpool.store import retirements
from linkpool.store.chain_state import Request


class Sends(Protocol):
    """What the fleet needs of `fleet.outbox.Outbox`."""

    async def send(
        self, purpose: str, to: str, *, value: int = 0, data: str = "0x", gas: int = 21_000
    ) -> bool:
        """Do this, unless something of that purpose is under way; whether it was begun."""
        ...


class Lapses:
    """Sends what ends overdue reserves; anybody's key may."""

    def __init__(self, office: Office, rpc: Rpc, sender: Sends, *, gas: int) -> None:
        self._office = office
        self._rpc = rpc
        self._sender = sender
        self._gas = gas

    async def step(self, oracle: str, now: int) -> None:
        """End what is overdue of a node. now: the chain's time.

        Raises Reverted, TooDear, EndpointTrouble, StoreUnreachable, LeaseLost.
        """
        async with self._office.read() as session:
            overdue = await retirements.reserves_before(session, oracle, now - CLAIM_SECONDS)
        for request in overdue:
            asked = await self._read(request)
            if asked is not None:
                call = Oracle(oracle).lapse(RequestTerms.of(asked))
                purpose = f"lapse:{request.position}"
                await self._sender.send(purpose, call.to, data=call.request["data"], gas=self._gas)

    async def _read(self, request: Request) -> OracleRequest | None:
        """The request as the chain told it: the tables do not keep all its terms."""
        block = hex(request.block)
        found = await self._rpc.call(
            "eth_getLogs",
            {
                "address": [request.node],
                "fromBlock": block,
                "toBlock": block,
                "topics": [f"0x{OracleRequest.topic().hex()}"],
            },
        )
        logs = (log for log in parse_logs(found) if log.topics[0] == OracleRequest.topic())
        asked = map(OracleRequest.decode, logs)
        return next((one for one in asked if f"0x{one.request_id.hex()}" == request.id), None)
