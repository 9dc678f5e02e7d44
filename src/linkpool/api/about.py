"""What pages show beside figures: where the pool is, its roles and limits, what it serves, who answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fastapi import APIRouter, HTTPException

from linkpool.api.feed import PUBLIC, public_event
from linkpool.api.fleet_view import FleetView
from linkpool.contracts.view import Summary
from linkpool.fleet.ground import Ground
from linkpool.jobs.spec import JobSpec, parse_job
from linkpool.store import catalog, chain_history, events, moves
from linkpool.store.database import Database
from linkpool.store.rollout_tables import MoveRow, MoveState
from linkpool.wire.api import NodeView, ReplicaView, moment
from linkpool.wire.pages import (
    JobOffer,
    NodeReplicas,
    PageConfig,
    PoolTerms,
    PublicReplica,
    PublicUpgrade,
    ServedJob,
    ServedJobs,
)

TERMS_FRESH = 5.0
"""Seconds for which roles and limits are shown again without asking the chain."""
RECENT, UPGRADES = 20, 5
"""Events and upgrades of a node that are shown."""


@dataclass(frozen=True)
class PageSettings:
    """What an operator says about the chain, for wallets and links. URLs without a slash at their end."""

    chain_name: str = ""
    coin: str = "ETH"
    explorer: str | None = None
    rpc_url: str | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    docs: str | None = None


class TermsReader:
    """Roles and limits of the pool, asked at most every few seconds however many look."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._summary: Summary | None = None
        self._read_at = float("-inf")

    async def read(self) -> PoolTerms:
        """As they are. Raises EndpointTrouble."""
        now = self._ground.clock.monotonic()
        if self._summary is None or now - self._read_at >= TERMS_FRESH:
            self._summary = await self._ground.pool.summary()
            self._read_at = now
        found = self._summary
        return PoolTerms(
            pool=self._ground.pool.facts.pool,
            link=found.link,
            view=self._ground.followed.view,
            implementation=found.implementation,
            owner=found.owner,
            pending_owner=found.pending_owner,
            manager=found.manager,
            guardian=found.guardian,
            fee_account=found.fee_account,
            paused_until=moment(found.paused_until) if found.paused_until else None,
            fee_bps=found.fee_bps,
            unbonding_seconds=found.unbonding,
            fee_delay_seconds=found.fee_delay,
            max_nodes=found.max_nodes,
            max_capacity=str(found.max_capacity),
            live_nodes=found.live_nodes,
        )


class JobsReader:
    """The catalog in force, read anew when its revision changes, and the offers on chain."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._revision = 0
        self._specs: Sequence[JobSpec] = ()

    async def read(self) -> ServedJobs:
        """All jobs in the catalog's order. Raises StoreUnreachable."""
        async with self._database.read() as session:
            row = await catalog.current(session)
            changes = await chain_history.last_offers(session)
        if row is not None and row.revision != self._revision:
            self._specs = [parse_job(text) for text in row.jobs]
            self._revision = row.revision
        offers = {offer.job: offer for offer in (JobOffer.model_validate(each) for each in changes)}
        return ServedJobs(
            revision=self._revision,
            jobs=[
                ServedJob(
                    id=str(spec.external_job_id),
                    name=spec.name,
                    type=spec.type,
                    offers=[offers[id] for id in _ids(spec) if id in offers],
                )
                for spec in self._specs
            ],
        )


def _ids(spec: JobSpec) -> tuple[str, str]:
    """Both ways requests name a job: its UUID's 32 hex digits as text, or its 16 bytes padded with zeros."""
    id = spec.external_job_id
    return f"0x{id.hex.encode().hex()}", f"0x{id.hex}{'00' * 16}"


def about_routes(ground: Ground, fleet: FleetView, pages: PageSettings) -> APIRouter:
    """`/public/config`, `/terms`, `/jobs` and a node's `/replicas`."""
    routes = APIRouter(prefix="/api/v1/public", tags=["public"])
    terms, jobs = TermsReader(ground), JobsReader(ground.database)
    facts = ground.pool.facts

    @routes.get("/config")
    async def config() -> PageConfig:
        """Where a wallet finds the pool."""
        return PageConfig(
            chain_id=facts.chain_id,
            chain_name=pages.chain_name or f"Chain {facts.chain_id}",
            coin=pages.coin,
            pool=facts.pool,
            link=facts.link,
            view=ground.followed.view,
            explorer=pages.explorer,
            rpc_url=pages.rpc_url,
            links=dict(pages.links),
            docs=pages.docs,
        )

    @routes.get("/terms")
    async def show_terms() -> PoolTerms:
        """Roles and limits, as the contract says."""
        return await terms.read()

    @routes.get("/jobs")
    async def served_jobs() -> ServedJobs:
        """What every node serves, with price and penalty."""
        return await jobs.read()

    @routes.get("/nodes/{node}/replicas")
    async def replicas(node: str) -> NodeReplicas:
        """Who answers for a node (by its oracle's address, checksummed), and what changed last."""
        found = [shown for shown in await fleet.nodes(only=node) if shown.stake is not None]
        if not found:
            raise HTTPException(404, "no such node is registered")
        async with ground.database.read() as session:
            recent = await events.of_node(session, node, PUBLIC, RECENT)
            moved = await moves.begun_of_node(session, node, UPGRADES)
        return NodeReplicas(
            replicas=[_replica(found[0], each) for each in found[0].replicas],
            upgrades=[_upgrade(row) for row in moved],
            events=[public_event(row) for row in recent],
        )

    return routes


def _replica(node: NodeView, replica: ReplicaView) -> PublicReplica:
    seen = replica.model_dump(include=set(PublicReplica.model_fields) - {"primary"})
    return PublicReplica(primary=replica.colour == node.primary, **seen)


def _upgrade(row: MoveRow) -> PublicUpgrade:
    return PublicUpgrade(
        release=row.release,
        state=row.state,
        began_at=moment(row.times.get(MoveState.STARTING, row.made_at)),
        ended_at=None if row.ended_at is None else moment(row.ended_at),
    )
