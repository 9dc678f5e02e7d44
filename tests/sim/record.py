"""What the final chain says of each request, read by itself: not by the code that is on trial."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cbor2 import loads

from linkpool.chain.types import Log
from linkpool.contracts import events, oracle
from tests.sim import oracle as fake
from tests.sim import sources
from tests.sim.sources import Job
from tests.support.fake_chain import Block, FakeChain, Tx


@dataclass(eq=False)
class Told:
    """One request: its event and block, what was given to it, and how it ended."""

    event: oracle.OracleRequest
    block: Block
    covered: bool = False
    given: list[tuple[Block, Tx, bytes]] = field(default_factory=list)
    """Block, transaction and data of each answer."""
    rejected: Block | None = None
    cancelled: Block | None = None

    @property
    def number(self) -> int:
        """Of the question."""
        return int(loads(b"\xa1" + self.event.data)["number"])

    @property
    def job(self) -> Job | None:
        """The job that was asked for."""
        return next((job for job in Job if sources.spec_id(job) == self.event.job), None)

    @property
    def wanted(self) -> bytes:
        """The data of the right answer."""
        assert self.job
        return sources.right(self.job, self.event.request_id, self.number)

    @property
    def in_time(self) -> bool:
        """Answered within its window."""
        return any(block.timestamp < self.event.expiration for block, _, _ in self.given)


def read(chain: FakeChain) -> list[Told]:
    """All requests of the final chain, in its order."""
    told: list[Told] = []
    current: dict[bytes, Told] = {}
    for block, tx, log in _logs(chain):
        if log.topics[0] == fake.GIVEN:
            current[log.topics[1]].given.append((block, tx, log.data))
            continue
        match events.decode(log):
            case oracle.OracleRequest() as event:
                current[event.request_id] = Told(event, block)
                told.append(current[event.request_id])
            case oracle.Covered() as event:
                current[event.request_id].covered = True
            case oracle.Rejected() as event:
                current[event.request_id].rejected = block
            case oracle.CancelOracleRequest() as event:
                current[event.request_id].cancelled = block
    return told


def _logs(chain: FakeChain) -> Iterator[tuple[Block, Tx, Log]]:
    for block in chain.blocks:
        index = 0
        for receipt in block.receipts:
            for log in receipt.logs:
                place = (block.number, block.hash, None, receipt.tx.hash, index)
                yield block, receipt.tx, Log(log.address, log.topics, log.data, *place)
                index += 1
