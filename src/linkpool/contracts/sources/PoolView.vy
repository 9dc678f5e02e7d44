# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize codesize
"""
@title PoolView: everything a page shows, in one call each
@license MIT
@notice Stateless: each view takes the pool it reads. Juels, seconds and basis points throughout.
@dev Threats: none of its own; it holds nothing and nothing on chain reads it. No view reverts for a real pool, whatever
     its state; a page costs what its caller asks for.
"""

import NodeOracle
import StakingPool
import books

struct Summary:
    link: address
    implementation: address
    owner: address
    pending_owner: address
    manager: address
    guardian: address
    fee_account: address
    paused_until: uint256
    guardian_may_pause_at: uint256
    fee_bps: uint256
    announced_fee_bps: uint256
    fee_effective_at: uint256
    fees: uint256
    unbonding: uint256
    fee_delay: uint256
    max_nodes: uint256
    max_capacity: uint256
    node_count: uint256
    live_nodes: uint256


struct NodePage:
    node: address
    wallet: address
    status: uint256
    capacity: uint256
    active: uint256
    unbonding: uint256
    active_shares: uint256
    fee_bps: uint256
    earned: uint256
    undivided: uint256
    harvested: uint256
    escrow: uint256
    reserves: uint256
    room: uint256
    rejections: uint256
    accepting: bool


struct Holding:
    node: address
    shares: uint256
    value: uint256
    claimable: uint256


struct TicketPage:
    ticket: uint256
    node: address
    shares: uint256
    value: uint256
    ready_at: uint256


struct Account:
    holdings: DynArray[Holding, MAX_HOLDINGS]
    tickets: DynArray[TicketPage, MAX_TICKETS]
    ticket_count: uint256


MAX_NODES: constant(uint256) = 100
MAX_HOLDINGS: constant(uint256) = 256
MAX_TICKETS: constant(uint256) = 64
TICKET_BITS: constant(uint256) = 96


@external
@view
def summary(pool: address) -> Summary:
    """
    @notice Roles, limits, fee and counts of a pool.
    """
    p: StakingPool.__interface__ = StakingPool.__at__(pool)
    return Summary(
        link=staticcall p.LINK(),
        implementation=staticcall p.IMPLEMENTATION(),
        owner=staticcall p.owner(),
        pending_owner=staticcall p.pending_owner(),
        manager=staticcall p.manager(),
        guardian=staticcall p.guardian(),
        fee_account=staticcall p.fee_account(),
        paused_until=staticcall p.paused_until(),
        guardian_may_pause_at=staticcall p.guardian_may_pause_at(),
        fee_bps=staticcall p.fee_bps(),
        announced_fee_bps=staticcall p.announced_fee_bps(),
        fee_effective_at=staticcall p.fee_effective_at(),
        fees=staticcall p.fees(),
        unbonding=staticcall p.UNBONDING(),
        fee_delay=staticcall p.FEE_DELAY(),
        max_nodes=staticcall p.max_nodes(),
        max_capacity=staticcall p.max_capacity(),
        node_count=staticcall p.node_count(),
        live_nodes=staticcall p.live_nodes(),
    )


@external
@view
def nodes(pool: address, first: uint256, limit: uint256) -> DynArray[NodePage, MAX_NODES]:
    """
    @notice Up to 100 nodes in the order of registration, from place `first`.
    """
    p: StakingPool.__interface__ = StakingPool.__at__(pool)
    page: DynArray[NodePage, MAX_NODES] = []
    for i: uint256 in range(self._length(p, first, min(limit, MAX_NODES)), bound=MAX_NODES):
        page.append(self._node_page(p, staticcall p.node_at(first + i)))
    return page


@internal
@view
def _length(p: StakingPool.__interface__, first: uint256, limit: uint256) -> uint256:
    count: uint256 = staticcall p.node_count()
    return min(limit, count - first) if first < count else 0


@internal
@view
def _node_page(p: StakingPool.__interface__, node: address) -> NodePage:
    n: books.Node = staticcall p.node(node)
    oracle: NodeOracle.__interface__ = NodeOracle.__at__(node)
    earned: uint256 = staticcall oracle.earned()
    reserves: uint256 = staticcall oracle.reserves()
    return NodePage(
        node=node,
        wallet=staticcall p.wallet_of(node),
        status=n.status,
        capacity=n.capacity,
        active=books._value(n, n.active),
        unbonding=books._value(n, n.unbonding),
        active_shares=n.active,
        fee_bps=n.fee,
        earned=earned,
        undivided=earned - n.earned,
        harvested=staticcall oracle.harvested(),
        escrow=staticcall oracle.escrow(),
        reserves=reserves,
        room=books._room(n, reserves // books.UNIT) * books.UNIT,
        rejections=staticcall oracle.rejections(),
        accepting=staticcall oracle.accepting(),
    )


@external
@view
def account(pool: address, owner: address, first: uint256, limit: uint256) -> Account:
    """
    @notice All an account has: its stake and income in up to 256 nodes from place `first`, and what is unpaid of the last
            64 tickets it made; older ones are read by `ticket` of the pool.
    """
    p: StakingPool.__interface__ = StakingPool.__at__(pool)
    page: Account = empty(Account)
    for i: uint256 in range(self._length(p, first, min(limit, MAX_HOLDINGS)), bound=MAX_HOLDINGS):
        node: address = staticcall p.node_at(first + i)
        shares: uint256 = (staticcall p.position(node, owner)).shares
        claimable: uint256 = staticcall p.claimable(node, owner)
        if shares != 0 or claimable != 0:
            value: uint256 = books._value(staticcall p.node(node), shares)
            page.holdings.append(Holding(node=node, shares=shares, value=value, claimable=claimable))
    page.ticket_count = staticcall p.ticket_count(owner)
    page.tickets = self._tickets(p, owner, page.ticket_count)
    return page


@internal
@view
def _tickets(
    p: StakingPool.__interface__, owner: address, count: uint256
) -> DynArray[TicketPage, MAX_TICKETS]:
    found: DynArray[TicketPage, MAX_TICKETS] = []
    for i: uint256 in range(min(count, MAX_TICKETS), bound=MAX_TICKETS):
        id: uint256 = (convert(owner, uint256) << TICKET_BITS) | (count - 1 - i)
        t: StakingPool.Ticket = staticcall p.ticket(id)
        if t.shares != 0:
            value: uint256 = books._value(staticcall p.node(t.node), t.shares)
            found.append(
                TicketPage(ticket=id, node=t.node, shares=t.shares, value=value, ready_at=t.ready_at)
            )
    return found


@external
@view
def offers(pool: address, jobs: DynArray[bytes32, 100]) -> DynArray[StakingPool.offers.Offer, 100]:
    """
    @notice The offers of these job ids; one never made is closed and all zero.
    """
    found: DynArray[StakingPool.offers.Offer, 100] = []
    for job: bytes32 in jobs:
        found.append(staticcall StakingPool.__at__(pool).offer(job))
    return found
