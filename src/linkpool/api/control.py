"""The composition root of the control plane: builds everything, hands it down, stops it in reverse."""

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import structlog
from sqlalchemy.exc import IntegrityError

from linkpool import log as process_log
from linkpool.api.about import PageSettings
from linkpool.api.agent import build_agent_app
from linkpool.api.agent_tls import RENEW_EVERY, AgentTls
from linkpool.api.app import Defaults, build_app
from linkpool.api.engine import engine_of_terms, for_tasks, local_engine
from linkpool.api.pages import STATIC
from linkpool.api.server import listen, serve
from linkpool.api.settings import Settings
from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.keys import Key
from linkpool.engines.protocol import Engine
from linkpool.files import write_private
from linkpool.fleet.agents.door import Door
from linkpool.fleet.agents.proof import Proofs
from linkpool.fleet.clock import Clock, SystemClock
from linkpool.fleet.ground import Ground
from linkpool.fleet.indexer.indexer import Followed
from linkpool.fleet.journal import Journal
from linkpool.fleet.knock import Knock
from linkpool.fleet.leader import Leader
from linkpool.fleet.lease import Candidate, Term, lead
from linkpool.fleet.nodes.facts import NodeFactory
from linkpool.fleet.pool import open_pool
from linkpool.fleet.running.groups import Launch
from linkpool.fleet.secrets.authority import Authority
from linkpool.fleet.secrets.keys import Keyring
from linkpool.fleet.secrets.sealed import open_keys
from linkpool.fleet.treasury.build import Means
from linkpool.fleet.treasury.rates import Sources
from linkpool.fleet.treasury.terms import Limits, Terms
from linkpool.jobs.net import open_http
from linkpool.names import lasting_session
from linkpool.open_files import room_for_connections
from linkpool.store import pool_identity, releases, tokens
from linkpool.store.database import Database
from linkpool.supervise import forever
from linkpool.units import Juels, Wei
from linkpool.wire.trust import is_loopback

log = structlog.get_logger(__name__)

STOP_GRACE = 5.0
"""Seconds replicas get to end when a development pool stops."""


async def run(
    settings: Settings,
    *,
    ready: Callable[[str], None] | None = None,
    clock: Clock | None = None,
    engine: Callable[[], AbstractAsyncContextManager[Engine]] | None = None,
) -> None:
    """Run a control plane until cancelled. `ready` hears its URL once it listens; `engine` opens one for a
    term in place of what the settings name.

    Raises SettingsRefused, KeysRefused, WrongPool, PortTaken, StoreUnreachable, EndpointTrouble: each says
    what to do. Replicas go on after it, unless `stop_replicas` is set.
    """
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        bound = stack.enter_context(listen(settings.host, settings.port))
        url = _url(settings.host, bound)
        keys = await _keys(settings)
        authority = Authority(keys.authority())
        for_agents = _agent_listener(stack, settings)
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        leases = _for_the_lease(stack, database)
        await database.migrate()
        environment = _environment(settings, url, for_agents, authority)
        ground = await _ground(
            stack, settings, keys=keys, database=database, clock=clock, environment=environment
        )
        try:
            await _remember(settings, ground)
        except IntegrityError:  # another control plane remembers the same at this very moment
            await _remember(settings, ground)
        if settings.stop_replicas:
            stack.push_async_callback(local_engine(settings, clock).stop_all, STOP_GRACE)

        open_one = engine or engine_of_terms(settings, clock)

        async def serve_term(term: Term) -> None:
            async with open_one() as tasks:
                await Leader(ground, tasks, term).run()

        defaults = Defaults(pages=_pages(settings), static=STATIC)
        app = build_app(ground, defaults, agents=is_loopback(settings.host))
        holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(app, bound), name="http server")
            if for_agents is not None:
                tls = AgentTls(authority, clock)
                agents = build_agent_app(ground.door, authority.certificate)
                group.create_task(serve(agents, for_agents, tls.context), name="agent server")
                group.create_task(forever("agent certificate", tls.renew, RENEW_EVERY), name="certificate")
            group.create_task(lead(Candidate(leases, holder, clock), serve_term), name="lease")
            log.info("control plane listens", url=url)
            if ready is not None:
                ready(url)


def _for_the_lease(stack: AsyncExitStack, database: Database) -> Database:
    """A line of its own: a renewal that waits behind a fleet, which comes all at once, is too late."""
    if database.one_host:
        return database
    own = Database(database.url, connections=1)
    stack.push_async_callback(own.close)
    return own


async def _ground(
    stack: AsyncExitStack,
    settings: Settings,
    *,
    keys: Keyring,
    database: Database,
    clock: Clock,
    environment: Mapping[str, str],
) -> Ground:
    """Everything that outlives a term of leading."""
    session = await stack.enter_async_context(lasting_session())
    endpoints = [connect(each, session) for each in settings.rpc_urls]
    for endpoint in endpoints:
        stack.push_async_callback(endpoint.close)
    rpc = Endpoints(endpoints, chain_id=settings.chain_id)
    manager = Key(keys.manager())
    pool = await open_pool(
        rpc, chain_id=settings.chain_id, pool=settings.pool, view=settings.view, manager=manager
    )
    return Ground(
        database=database,
        clock=clock,
        journal=Journal(database, clock),
        keys=keys,
        rpc=rpc,
        pool=pool,
        followed=Followed(settings.pool, settings.view, settings.pool_block),
        factory=NodeFactory(database, keys, pool, clock),
        launch=Launch(settings.pool_name, settings.release_name, environment),
        means=_means(settings),
        max_fee=Wei(settings.max_fee),
        link_price=None if settings.link_price is None else str(settings.link_price),
        door=Door(Proofs(database).refusal, room_for_connections()),
        knock=Knock(),
        http=await stack.enter_async_context(open_http()),
        capacity=Juels(settings.capacity),
    )


def _means(settings: Settings) -> Means:
    """What the pool's money is ruled by."""
    marks = settings.marks
    limits = Limits.of(marks, settings.gas_sender_daily, settings.gas_node_daily, settings.gas_pool_daily)
    tickets = marks.high if settings.ticket_daily is None else settings.ticket_daily
    return Means(
        terms=Terms(marks, limits, Wei(tickets)),
        sources=Sources(
            settings.link_price, settings.link_price_feed, settings.coin_price, settings.coin_price_feed
        ),
        engine=settings.price_engine or settings.engine,
        window=settings.economics_days,
    )


async def _remember(settings: Settings, ground: Ground) -> None:
    """What the database must hold before anything runs. Raises StoreRefused for another pool's database."""
    token = _admin_token(settings.admin_token_file or settings.state / "admin.token")
    now = ground.clock.now()
    async with ground.database.write() as session:
        await pool_identity.check(session, settings.chain_id, settings.pool)
        await tokens.ensure(session, "admin", token, scopes=["admin"], now=now, expires_at=None)
        await releases.put(
            session,
            settings.release_name,
            command=settings.replica_command,
            image=settings.release_image,
            settings=settings.release_settings,
            now=now,
        )


def _agent_listener(stack: AsyncExitStack, settings: Settings) -> socket.socket | None:
    """Where replicas come to with TLS; None when they come to the API's own port. Raises PortTaken."""
    if settings.agent_port is None:
        return None
    return stack.enter_context(listen(settings.agent_host, settings.agent_port))


def _environment(
    settings: Settings, url: str, for_agents: socket.socket | None, authority: Authority
) -> Mapping[str, str]:
    """What every replica is told (DESIGN section 12)."""
    told = {
        "LINKPOOL_CONTROL_URLS": ",".join(settings.control_urls or [url]),
        "LINKPOOL_CALLBACK_URL": settings.public_url or url,
        "LINKPOOL_RPC_URLS": ",".join(settings.replica_rpc_urls or settings.rpc_urls),
        "LINKPOOL_MAX_FEE_GWEI": str(settings.replica_max_fee // 10**9),
    }
    told |= for_tasks(settings)
    if for_agents is not None:
        own = _url(settings.agent_host, for_agents, "https")
        told["LINKPOOL_CONTROL_URLS"] = ",".join(settings.control_urls or [own])
        told["LINKPOOL_CA_FINGERPRINT"] = authority.fingerprint
    return told


async def _keys(settings: Settings) -> Keyring:
    file = settings.keys_file or settings.state / "master.json"
    return await asyncio.to_thread(open_keys, file, settings.passphrase_file)


def _pages(settings: Settings) -> PageSettings:
    return PageSettings(
        chain_name=settings.chain_name,
        coin=settings.coin,
        explorer=settings.explorer_url,
        rpc_url=settings.page_rpc_url,
        links=settings.page_links,
        docs=settings.docs_url,
    )


def _admin_token(path: Path) -> str:
    """The token in the file; a new one when there is no file yet."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32) + "\n")
    return process_log.hide(path.read_text().strip())


def _url(host: str, bound: socket.socket, scheme: str = "http") -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
    return f"{scheme}://{shown}:{bound.getsockname()[1]}"
