"""A replica without a control plane: its oracle, sender, siblings and jobs stand in a file.

It serves the oracle contract an operator already has, Chainlink's own `Operator` included.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import structlog

from linkpool.chain.endpoints import Endpoints
from linkpool.chain.keys import Key
from linkpool.chain.rpc import Endpoint, EndpointTrouble, Refusal, Rpc
from linkpool.chain.types import checksum, quantity
from linkpool.contracts.abi import BadReturn
from linkpool.contracts.oracle import Oracle
from linkpool.jobs.bridges import Bridge
from linkpool.jobs.errors import JobError
from linkpool.jobs.spec import JobSpec, parse_job
from linkpool.replica.answers import Target
from linkpool.replica.caution import Caution
from linkpool.replica.core import Core, Identity
from linkpool.replica.life import Life
from linkpool.replica.settings import BadSettings, Standalone
from linkpool.replica.ties import Claim
from linkpool.wire.agent import Member, Roster

log = structlog.get_logger(__name__)

REVISION = 1
RETRY_SECONDS = 1.0


class Alone:
    """`Ties` of a replica that runs by a file. `ways`: its endpoints, to ask what the oracle contract is."""

    def __init__(self, file: Standalone, ways: Sequence[Endpoint]) -> None:
        self._file, self._ways = file, ways

    async def claim(self) -> Claim:
        """Read the key, and look at the contract as soon as an endpoint answers. Raises BadSettings."""
        try:
            key = Key(self._file.sender_key_file.read_text().strip())
        except OSError as error:
            raise BadSettings(f"sender_key_file: cannot read {error.filename}: {error.strerror}") from error
        while True:
            try:
                return await self._look(key)
            except EndpointTrouble as trouble:
                log.warning("the chain cannot be asked yet", why=str(trouble))
                await asyncio.sleep(RETRY_SECONDS)

    async def _look(self, key: Key) -> Claim:
        chain_id = self._file.chain_id or await self._agreed_chain()
        rpc, oracle = Endpoints(self._ways, chain_id=chain_id), Oracle(checksum(self._file.oracle))
        try:
            if not await oracle.is_authorized_sender(key.address).ask(rpc):
                log.warning(
                    "not authorized yet: answers will revert until it is",
                    sender=key.address,
                    oracle=oracle.address,
                )
        except (Refusal, BadReturn) as error:
            raise BadSettings(
                f"oracle: {oracle.address} is no oracle contract on chain {chain_id}: {error}"
            ) from error
        target = Target(oracle.address, ours=await _is_ours(oracle, rpc))
        siblings = sorted([self._file.task, *(sibling.task for sibling in self._file.siblings)])
        return Claim(Identity(self._file.task, key, chain_id, target, siblings.index(self._file.task)), None)

    async def _agreed_chain(self) -> int:
        """The chain id of all endpoints that answer. Raises BadSettings, or the trouble of all of them."""
        answers = await asyncio.gather(*map(_chain_of, self._ways), return_exceptions=True)
        told = {way.name: a for way, a in zip(self._ways, answers, strict=True) if isinstance(a, int)}
        if not told:
            raise next(a for a in answers if isinstance(a, BaseException))
        if len(set(told.values())) > 1:
            text = ", ".join(f"{name} is of chain {chain}" for name, chain in told.items())
            raise BadSettings(f"rpc_urls: {text}; say with chain_id which one is meant")
        return next(iter(told.values()))

    async def listen(self, core: Core, life: Life) -> None:
        """Hand over what the file says, once."""
        others = [Member(task=s.task, sender=s.sender, primary=s.primary) for s in self._file.siblings]
        core.roster.take(
            Roster(epoch=0, version=1, members=(core.roster.me, *others), link_price=self._file.link_price)
        )
        jobs = read_jobs(self._file.jobs)
        core.catalog.put(jobs, self._bridges(), REVISION)
        if not others:
            # Nobody else can say which request killed the last process: one run at a time at first.
            heads = core.heads
            core.tools.caution = Caution(
                lifted=False, block=lambda: heads.latest.number if heads.latest else 0
            )
        await life.gone()

    def _bridges(self) -> list[Bridge]:
        return [
            Bridge(b.name, b.urls, b.token_file.read_text().strip() if b.token_file else None)
            for b in self._file.bridges
        ]

    async def goodbye(self) -> None:
        """There is nobody to tell."""

    def changed(self) -> None:
        """There is nobody to tell."""

    async def told(self) -> None:
        """There is nobody to tell."""


async def _chain_of(way: Endpoint) -> int:
    return quantity(await way.call("eth_chainId"))


async def _is_ours(oracle: Oracle, rpc: Rpc) -> bool:
    """A NodeOracle keeps `earned`; Chainlink's Operator has no such function."""
    try:
        await oracle.earned().ask(rpc)
    except (Refusal, BadReturn):
        return False
    return True


def read_jobs(folder: Path) -> Sequence[JobSpec]:
    """All job specs in a folder, by name. Raises BadSettings naming the file, the place and the reason."""
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise BadSettings(f"jobs: no *.toml file in {folder}")
    jobs = []
    for file in files:
        try:
            jobs.append(parse_job(file.read_text()))
        except (OSError, JobError) as error:
            raise BadSettings(f"{file}: {error}") from error
    return jobs
