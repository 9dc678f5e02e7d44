"""A replica without a control plane: its oracle, sender, siblings and jobs stand in a file.

It serves the oracle contract an operator already has, Chainlink's own `Operator` included.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import structlog

from linkpool.chain.keys import Key
from linkpool.chain.rpc import Refusal, Rpc
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


class Alone:
    """`Ties` of a replica that runs by a file. `rpc` is only asked what the oracle contract is."""

    def __init__(self, file: Standalone, rpc: Rpc) -> None:
        self._file, self._rpc = file, rpc
        self._told = asyncio.Event()

    async def claim(self) -> Claim:
        """Read the key and look at the contract. Raises BadSettings, EndpointTrouble."""
        try:
            key = Key(self._file.sender_key_file.read_text().strip())
        except OSError as error:
            raise BadSettings(f"sender_key_file: cannot read {error.filename}: {error.strerror}") from error
        oracle = Oracle(checksum(self._file.oracle))
        chain_id = quantity(await self._rpc.call("eth_chainId"))
        try:
            if not await oracle.is_authorized_sender(key.address).ask(self._rpc):
                log.warning(
                    "not authorized yet: answers will revert until it is",
                    sender=key.address,
                    oracle=oracle.address,
                )
        except (Refusal, BadReturn) as error:
            raise BadSettings(
                f"oracle: {oracle.address} is no oracle contract on chain {chain_id}: {error}"
            ) from error
        target = Target(oracle.address, ours=await self._is_ours(oracle))
        siblings = sorted([self._file.task, *(sibling.task for sibling in self._file.siblings)])
        return Claim(Identity(self._file.task, key, chain_id, target, siblings.index(self._file.task)), None)

    async def _is_ours(self, oracle: Oracle) -> bool:
        """A NodeOracle keeps `earned`; Chainlink's Operator has no such function."""
        try:
            await oracle.earned().ask(self._rpc)
        except (Refusal, BadReturn):
            return False
        return True

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
            core.tools.caution = Caution(lifted=False)
        self._told.set()
        await life.gone()

    def _bridges(self) -> list[Bridge]:
        return [
            Bridge(b.name, b.urls, b.token_file.read_text().strip() if b.token_file else None)
            for b in self._file.bridges
        ]

    async def informed(self) -> None:
        """Return when the jobs are in the core."""
        await self._told.wait()

    async def goodbye(self) -> None:
        """There is nobody to tell."""

    def changed(self) -> None:
        """There is nobody to tell."""


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
