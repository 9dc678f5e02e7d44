# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title StakingPool: the stake, the nodes and the accounts
@license MIT
@notice Anyone stakes LINK behind a node, earns its income less the maker fee, and bears its penalties. Penalties take
        from the assets behind shares; income is counted apart, and what was earned is never taken back.
@dev No proxy, no recovery of LINK, no balanceOf: the books alone say what is owed. LINK leaves by plain `transfer`,
     after the books are written; every entry is locked, and no call goes to code that is not LINK or a node made here.

     Threats and their rules (docs/contracts.md, "Threats", names the test of each):
     - Staking just before income, leaving just before a penalty: income is divided before any change of shares;
       leaving takes `unbonding` seconds, in which penalties fall on tickets as on stake.
     - Penalising one node through another: a penalty is taken from the node of the calling NodeOracle, found by its
       address; only this contract makes NodeOracles.
     - A stolen manager key: invites are bounded by max_nodes and max_capacity, penalties by 1 % of active stake a day,
       drains and retirements are undone by the owner, the guardian revokes the key.
     - A fee rise over income not yet divided: each node keeps the fee its coming income is divided at.
     - Inflation of the share price, donations, dust: books.vy never lets the price rise, and counts no donation.
"""

import authority
import books
import invites
import offers

initializes: authority
initializes: invites[authority := authority]
initializes: offers[authority := authority]
initializes: books

exports: authority.__interface__
exports: invites.__interface__
exports: offers.__interface__

interface Link:
    def transfer(to: address, amount: uint256) -> bool: nonpayable
    def transferFrom(owner: address, to: address, amount: uint256) -> bool: nonpayable


interface Oracle:
    def initialize(senders: DynArray[address, 6]): nonpayable
    def set_sender(sender: address, allowed: bool): nonpayable
    def set_accepting(accepting: bool): nonpayable
    def harvest() -> uint256: nonpayable
    def earned() -> uint256: view
    def reserves() -> uint256: view


struct Position:
    shares: uint256  # active
    accumulator: uint256  # of the node, when `owed` was last counted
    owed: uint256  # juels of income counted so far


struct Ticket:
    owner: address
    node: address
    shares: uint256
    ready_at: uint256  # seconds


event NodeRegistered:
    node: indexed(address)
    wallet: indexed(address)
    senders: DynArray[address, 6]
    capacity: uint256
    fee_bps: uint256
    nonce: uint256


event NodeDraining:
    node: indexed(address)


event NodeReopened:
    node: indexed(address)


event NodeRetired:
    node: indexed(address)


event CapacityChanged:
    node: indexed(address)
    capacity: uint256


event SenderAdded:
    node: indexed(address)
    sender: indexed(address)


event SenderRemoved:
    node: indexed(address)
    sender: indexed(address)


event LimitsChanged:
    max_nodes: uint256
    max_capacity: uint256


# In all of these `assets` are the node's after the act, and amounts are juels.
event Staked:
    node: indexed(address)
    account: indexed(address)
    payer: address
    amount: uint256
    shares: uint256
    assets: uint256


event UnstakeRequested:
    node: indexed(address)
    account: indexed(address)
    ticket: indexed(uint256)
    shares: uint256
    value: uint256
    ready_at: uint256


event Withdrawn:
    node: indexed(address)
    account: indexed(address)
    ticket: indexed(uint256)
    shares: uint256
    amount: uint256
    assets: uint256


event Moved:
    from_node: indexed(address)
    to_node: indexed(address)
    account: indexed(address)
    amount: uint256
    from_shares: uint256
    from_assets: uint256
    to_shares: uint256
    to_assets: uint256


event Penalized:
    node: indexed(address)
    requester: indexed(address)
    requestId: indexed(bytes32)
    amount: uint256
    assets: uint256


event Harvested:
    node: indexed(address)
    amount: uint256
    fee: uint256


event Claimed:
    node: indexed(address)
    account: indexed(address)
    amount: uint256


event FeesPaid:
    account: indexed(address)
    amount: uint256


event FeeAnnounced:
    fee_bps: uint256
    effective_at: uint256


event FeeChanged:
    fee_bps: uint256


MAX_FEE_BPS: public(constant(uint256)) = 2_000
MAX_CAPACITY: public(constant(uint256)) = 10_000_000 * 10**18
MIN_STAKE: public(constant(uint256)) = 10**18
MIN_UNBONDING: constant(uint256) = 2 * 86_400  # longer than a window of 300 s and a claim day
MAX_UNBONDING: constant(uint256) = 60 * 86_400
MAX_LIST: constant(uint256) = 64
TICKET_BITS: constant(uint256) = 96

LINK: public(immutable(address))
IMPLEMENTATION: public(immutable(address))
UNBONDING: public(immutable(uint256))  # seconds from a ticket to its payment
FEE_DELAY: public(immutable(uint256))  # seconds from the announcement of a rise

max_nodes: public(uint256)
max_capacity: public(uint256)
node_count: public(uint256)  # ever registered
live_nodes: public(uint256)  # not retired
node_at: public(HashMap[uint256, address])
node_of: public(HashMap[address, address])  # wallet -> node
wallet_of: public(HashMap[address, address])  # node -> wallet
sender_node: public(HashMap[address, address])  # ever authorized -> its node

fee_bps: public(uint256)
announced_fee_bps: public(uint256)
fee_effective_at: public(uint256)  # zero when nothing is announced
fees: public(uint256)  # harvested, for the fee account

ticket_count: public(HashMap[address, uint256])  # ever made by an account
# ticket -> node index << 192 | ready at << 128 | shares. The upper 160 bits of a ticket are its owner.
tickets: HashMap[uint256, uint256]
# node -> account -> accumulator << 128 | shares
positions: HashMap[address, HashMap[address, uint256]]
owed: HashMap[address, HashMap[address, uint256]]


@deploy
def __init__(
    link: address,
    oracle_blueprint: address,
    owner: address,
    manager: address,
    guardian: address,
    fee_account: address,
    fee_bps: uint256,
    unbonding: uint256,
    max_nodes: uint256,
    max_capacity: uint256,
):
    assert fee_bps <= MAX_FEE_BPS, "Fee is above the cap"
    assert unbonding >= MIN_UNBONDING and unbonding <= MAX_UNBONDING, "Unbonding must be 2 to 60 days"
    authority.__init__(owner, manager, guardian, fee_account)
    LINK = link
    IMPLEMENTATION = create_from_blueprint(oracle_blueprint, link)
    UNBONDING = unbonding
    FEE_DELAY = unbonding + 86_400
    self.fee_bps = fee_bps
    log FeeChanged(fee_bps=fee_bps)
    self._set_limits(max_nodes, max_capacity)


# --- nodes ----------------------------------------------------------------------------------------


@external
@nonreentrant
def register(invite: invites.Invite, signature: Bytes[65]) -> address:
    """
    @notice Add the node that the manager's invite names. Anyone may; for a wallet already registered it does nothing.
    @return The node: the address of its NodeOracle
    """
    node: address = self.node_of[invite.wallet]
    if node != empty(address):
        return node
    invites._use(invite, signature)
    assert invite.wallet != empty(address), "Wallet is zero"
    assert len(invite.senders) != 0, "A node needs a sender"
    assert invite.capacity <= self.max_capacity, "Capacity is above the limit"
    assert self.live_nodes < self.max_nodes, "The pool is full"

    node = create_minimal_proxy_to(IMPLEMENTATION, salt=convert(invite.wallet, bytes32))
    index: uint256 = self.node_count
    self.node_count = index + 1
    self.live_nodes += 1
    self.node_at[index] = node
    self.node_of[invite.wallet] = node
    self.wallet_of[node] = invite.wallet
    n: books.Node = empty(books.Node)
    n.status = books.ACTIVE
    n.index = index
    n.fee = self.fee_bps
    n.capacity = invite.capacity
    books._save(node, n)
    for sender: address in invite.senders:
        self._use_sender(node, sender)
    extcall Oracle(node).initialize(invite.senders)
    log NodeRegistered(
        node=node,
        wallet=invite.wallet,
        senders=invite.senders,
        capacity=invite.capacity,
        fee_bps=n.fee,
        nonce=invite.nonce,
    )
    return node


@internal
def _use_sender(node: address, sender: address):
    assert sender != empty(address), "Sender is zero"
    assert self.sender_node[sender] == empty(address), "Sender was used before"
    self.sender_node[sender] = node


@internal
@view
def _node(node: address) -> books.Node:
    n: books.Node = books._load(node)
    assert n.status != books.UNKNOWN, "Not a node of this pool"
    return n


@external
@nonreentrant
def add_sender(node: address, sender: address):
    """
    @notice Authorize another sender, one never used in this pool.
    """
    authority._only_manager()
    self._node(node)
    self._use_sender(node, sender)
    extcall Oracle(node).set_sender(sender, True)
    log SenderAdded(node=node, sender=sender)


@external
@nonreentrant
def remove_sender(node: address, sender: address):
    """
    @notice End a sender's authority, for good.
    """
    authority._only_staff()
    assert node != empty(address) and self.sender_node[sender] == node, "Not a sender of this node"
    extcall Oracle(node).set_sender(sender, False)
    log SenderRemoved(node=node, sender=sender)


@external
@nonreentrant
def drain(node: address):
    """
    @notice No new stake and no new requests; open ones are still answered, and everyone may leave.
    """
    authority._only_manager()
    n: books.Node = self._node(node)
    assert n.status == books.ACTIVE, "Node is not active"
    n.status = books.DRAINING
    books._save(node, n)
    extcall Oracle(node).set_accepting(False)
    log NodeDraining(node=node)


@external
@nonreentrant
def reopen(node: address):
    """
    @notice Undo a drain or a retirement, which a stolen manager key may have done.
    """
    authority._only_owner()
    n: books.Node = self._node(node)
    assert n.status != books.ACTIVE, "Node is active"
    if n.status == books.RETIRED:
        self.live_nodes += 1
    n.status = books.ACTIVE
    books._save(node, n)
    extcall Oracle(node).set_accepting(True)
    log NodeReopened(node=node)


@external
@nonreentrant
def retire(node: address):
    """
    @notice End a draining node once no open request has a cover: from then on its stake may move at once.
    """
    authority._only_manager()
    n: books.Node = self._node(node)
    assert n.status == books.DRAINING, "Node is not draining"
    assert staticcall Oracle(node).reserves() == 0, "Open requests are covered"
    n.status = books.RETIRED
    books._save(node, n)
    self.live_nodes -= 1
    log NodeRetired(node=node)


@external
@nonreentrant
def set_capacity(node: address, amount: uint256):
    """
    @notice How much active stake a node may take, in juels. Stake above a lowered capacity stays.
    """
    authority._only_owner()
    assert amount <= MAX_CAPACITY, "Capacity is above the cap"
    n: books.Node = self._node(node)
    n.capacity = amount
    books._save(node, n)
    log CapacityChanged(node=node, capacity=amount)


@external
def set_limits(max_nodes: uint256, max_capacity: uint256):
    """
    @notice What invites may do: how many nodes may live at once, and the largest capacity of a new one in juels.
    """
    authority._only_owner()
    self._set_limits(max_nodes, max_capacity)


@internal
def _set_limits(max_nodes: uint256, max_capacity: uint256):
    assert max_capacity <= MAX_CAPACITY, "Capacity is above the cap"
    self.max_nodes = max_nodes
    self.max_capacity = max_capacity
    log LimitsChanged(max_nodes=max_nodes, max_capacity=max_capacity)


# --- staking --------------------------------------------------------------------------------------


@external
@nonreentrant
def onTokenTransfer(sender: address, amount: uint256, data: Bytes[64]):
    """
    @notice Stake by LINK.transferAndCall(pool, amount, abi_encode(node, receiver)).
    """
    assert msg.sender == LINK, "Must use LINK token"
    assert len(data) == 64, "Data must be abi_encode(node, receiver)"
    node: address = empty(address)
    receiver: address = empty(address)
    node, receiver = abi_decode(data, (address, address))
    self._stake(node, amount, receiver, sender)


@external
@nonreentrant
def stake(node: address, amount: uint256, receiver: address):
    """
    @notice Stake juels that the caller approved before.
    """
    self._stake(node, amount, receiver, msg.sender)
    assert extcall Link(LINK).transferFrom(msg.sender, self, amount)


@internal
def _stake(node: address, amount: uint256, receiver: address, payer: address):
    assert receiver not in [empty(address), LINK], "Receiver cannot hold LINK"
    shares: uint256 = 0
    assets: uint256 = 0
    shares, assets = self._enter(node, amount, receiver)
    log Staked(node=node, account=receiver, payer=payer, amount=amount, shares=shares, assets=assets)


@internal
def _enter(node: address, amount: uint256, account: address) -> (uint256, uint256):
    assert not authority._paused(), "Staking is paused"
    assert amount >= MIN_STAKE, "Stake at least 1 LINK"
    n: books.Node = self._sync(node, books._load(node))
    assert n.status == books.ACTIVE, "Node takes no stake"
    shares: uint256 = 0
    n, shares = books._mint(n, amount)
    assert books._value(n, n.active) <= n.capacity, "Above the node's capacity"
    books._save(node, n)
    held: uint256 = self._settle(node, account, n.accumulator)
    self._set_position(node, account, held + shares, n.accumulator)
    return shares, n.assets


@external
@nonreentrant
def request_unstake(node: address, amount: uint256) -> uint256:
    """
    @notice Take juels out of a node: they stop earning now, and are paid when the unbonding time has passed, less the
            penalties until then. An amount at or above the stake's value takes all; less must leave at least 1 LINK.
    @return The ticket
    """
    n: books.Node = self._sync(node, self._node(node))
    held: uint256 = self._settle(node, msg.sender, n.accumulator)
    shares: uint256 = self._shares_for(n, held, amount)
    self._set_position(node, msg.sender, held - shares, n.accumulator)
    n.active -= shares
    n.unbonding += shares
    books._save(node, n)
    count: uint256 = self.ticket_count[msg.sender]
    self.ticket_count[msg.sender] = count + 1
    ticket: uint256 = (convert(msg.sender, uint256) << TICKET_BITS) | count
    ready_at: uint256 = block.timestamp + UNBONDING
    self.tickets[ticket] = (n.index << 192) | (ready_at << 128) | shares
    log UnstakeRequested(
        node=node,
        account=msg.sender,
        ticket=ticket,
        shares=shares,
        value=books._value(n, shares),
        ready_at=ready_at,
    )
    return ticket


@internal
@view
def _shares_for(n: books.Node, held: uint256, amount: uint256) -> uint256:
    # Of the shares held, those to give for that many juels: rounded up, all when they are worth no more.
    assert held != 0 and amount != 0, "Nothing to take out"
    if amount >= books._value(n, held):
        return held
    total: uint256 = n.active + n.unbonding
    shares: uint256 = (amount * total + n.assets - 1) // n.assets
    assert shares <= held and books._value(n, held - shares) >= MIN_STAKE, "Leave at least 1 LINK or nothing"
    return shares


@external
@nonreentrant
def withdraw(ticket: uint256):
    """
    @notice Pay a ticket to its owner. Anyone may, once it is ready.
    """
    t: Ticket = self._ticket(ticket)
    assert t.shares != 0, "No such ticket"
    assert block.timestamp >= t.ready_at, "Ticket is not ready"
    self.tickets[ticket] = 0
    n: books.Node = books._load(t.node)
    amount: uint256 = 0
    n, amount = books._redeem(n, t.shares)
    books._save(t.node, n)
    log Withdrawn(
        node=t.node, account=t.owner, ticket=ticket, shares=t.shares, amount=amount, assets=n.assets
    )
    assert extcall Link(LINK).transfer(t.owner, amount)


@external
@nonreentrant
def move(from_node: address, to_node: address, amount: uint256):
    """
    @notice Take juels from a retired node to an active one without waiting; the rules of staking hold there, and all or
            all but 1 LINK may go.
    """
    n: books.Node = self._sync(from_node, self._node(from_node))
    assert n.status == books.RETIRED, "Node is not retired"
    held: uint256 = self._settle(from_node, msg.sender, n.accumulator)
    shares: uint256 = self._shares_for(n, held, amount)
    self._set_position(from_node, msg.sender, held - shares, n.accumulator)
    n.active -= shares
    n.unbonding += shares
    value: uint256 = 0
    n, value = books._redeem(n, shares)
    books._save(from_node, n)
    to_shares: uint256 = 0
    to_assets: uint256 = 0
    to_shares, to_assets = self._enter(to_node, value, msg.sender)
    log Moved(
        from_node=from_node,
        to_node=to_node,
        account=msg.sender,
        amount=value,
        from_shares=shares,
        from_assets=n.assets,
        to_shares=to_shares,
        to_assets=to_assets,
    )


# --- income ---------------------------------------------------------------------------------------


@external
@nonreentrant
def sync(node: address):
    """
    @notice Divide what the node earned since the last time. Anyone may.
    """
    books._save(node, self._sync(node, self._node(node)))


@external
@nonreentrant
def harvest(nodes: DynArray[address, MAX_LIST]):
    """
    @notice Bring the income of nodes here, divided. Anyone may.
    """
    for node: address in nodes:
        self._harvest(node)


@external
@nonreentrant
def claim(nodes: DynArray[address, MAX_LIST]) -> uint256:
    """
    @notice Pay the caller's income from these nodes.
    @return juels
    """
    total: uint256 = 0
    for node: address in nodes:
        accumulator: uint256 = self._harvest(node)
        held: uint256 = self._settle(node, msg.sender, accumulator)
        amount: uint256 = self.owed[node][msg.sender]
        if amount != 0:  # else nothing is counted either: what is less than a juel goes on growing
            self._set_position(node, msg.sender, held, accumulator)
            self.owed[node][msg.sender] = 0
            total += amount
            log Claimed(node=node, account=msg.sender, amount=amount)
    assert extcall Link(LINK).transfer(msg.sender, total)
    return total


@external
@nonreentrant
def pay_fees():
    """
    @notice Pay the harvested maker fees to the fee account. Anyone may.
    """
    amount: uint256 = self.fees
    self.fees = 0
    account: address = authority.fee_account
    log FeesPaid(account=account, amount=amount)
    assert extcall Link(LINK).transfer(account, amount)


@internal
def _sync(node: address, n: books.Node) -> books.Node:
    if n.status == books.UNKNOWN:
        return n
    return books._divide(n, node, staticcall Oracle(node).earned(), self.fee_bps)


@internal
def _harvest(node: address) -> uint256:
    # Fees become payable here, together with the LINK they are made of. Returns the accumulator.
    n: books.Node = self._sync(node, self._node(node))
    amount: uint256 = extcall Oracle(node).harvest()
    if amount != 0 or n.fee_due != 0:
        self.fees += n.fee_due
        log Harvested(node=node, amount=amount, fee=n.fee_due)
        n.fee_due = 0
    books._save(node, n)
    return n.accumulator


@internal
def _settle(node: address, account: address, accumulator: uint256) -> uint256:
    # Counts an account's income up to now; returns its active shares, for the caller to store with the accumulator.
    word: uint256 = self.positions[node][account]
    shares: uint256 = word & books.M128
    income: uint256 = shares * (accumulator - (word >> 128)) // books.SCALE
    if income != 0:
        self.owed[node][account] += income
    return shares


@internal
def _set_position(node: address, account: address, shares: uint256, accumulator: uint256):
    self.positions[node][account] = shares | (accumulator << 128)


# --- the maker fee --------------------------------------------------------------------------------


@external
def announce_fee(fee_bps: uint256):
    """
    @notice Change the maker fee: down at once; up after FEE_DELAY, counted anew by each announcement.
    """
    authority._only_owner()
    assert fee_bps <= MAX_FEE_BPS, "Fee is above the cap"
    if fee_bps <= self.fee_bps:
        self.fee_effective_at = 0
        self.announced_fee_bps = 0
        self.fee_bps = fee_bps
        log FeeChanged(fee_bps=fee_bps)
    else:
        self.announced_fee_bps = fee_bps
        self.fee_effective_at = block.timestamp + FEE_DELAY
        log FeeAnnounced(fee_bps=fee_bps, effective_at=self.fee_effective_at)


@external
def apply_fee():
    """
    @notice Put an announced rise in force. Anyone may, when its time has come.
    """
    effective_at: uint256 = self.fee_effective_at
    assert effective_at != 0 and block.timestamp >= effective_at, "No fee is due to change"
    self.fee_bps = self.announced_fee_bps
    self.fee_effective_at = 0
    self.announced_fee_bps = 0
    log FeeChanged(fee_bps=self.fee_bps)


# --- requests -------------------------------------------------------------------------------------


@external
@view
def terms(node: address, job: bytes32, reserves: uint256) -> (uint256, uint256):
    """
    @notice What a request for a job costs now, and the cover it gets when so much of the node is reserved already.
    @param reserves gwei-LINK
    @return Minimum payment in juels, cover in gwei-LINK
    """
    assert not authority._paused(), "Requests are paused"
    offer: offers.Offer = offers._offer(job)
    assert offer.open, "No open offer for this job"
    if offer.penalty == 0 or block.basefee > offer.base_fee_ceiling:
        return offer.payment, 0
    room: uint256 = books._room(books._load(node), reserves)
    return offer.payment, min(offer.penalty // books.UNIT, room)


@external
@nonreentrant
def penalize(request_id: bytes32, requester: address, amount: uint256):
    """
    @notice Pay a cover out of the assets of the calling node.
    """
    n: books.Node = self._node(msg.sender)
    taken: uint256 = 0
    n, taken = books._penalize(n, amount)
    books._save(msg.sender, n)
    log Penalized(
        node=msg.sender, requester=requester, requestId=request_id, amount=taken, assets=n.assets
    )
    assert extcall Link(LINK).transfer(requester, taken)


# --- views ----------------------------------------------------------------------------------------


@external
@view
def node(node: address) -> books.Node:
    """
    @notice The books of a node as last written; all zero for an address that is none.
    """
    return books._load(node)


@external
@view
def position(node: address, account: address) -> Position:
    word: uint256 = self.positions[node][account]
    return Position(shares=word & books.M128, accumulator=word >> 128, owed=self.owed[node][account])


@external
@view
def claimable(node: address, account: address) -> uint256:
    """
    @notice Juels that `claim` would pay now, income not yet divided included.
    """
    n: books.Node = books._load(node)
    if n.status == books.UNKNOWN:
        return 0
    income: uint256 = staticcall Oracle(node).earned() - n.earned
    net: uint256 = income - income * n.fee // 10_000
    accumulator: uint256 = n.accumulator
    if n.active != 0 and (income != 0 or n.fee != self.fee_bps):  # when books._divide divides
        accumulator += (net * books.SCALE + n.carry) // n.active
    word: uint256 = self.positions[node][account]
    return self.owed[node][account] + (word & books.M128) * (accumulator - (word >> 128)) // books.SCALE


@external
@view
def ticket(ticket: uint256) -> Ticket:
    """
    @notice An unpaid ticket; its shares are zero when it is paid or never was.
    """
    return self._ticket(ticket)


@internal
@view
def _ticket(ticket: uint256) -> Ticket:
    word: uint256 = self.tickets[ticket]
    return Ticket(
        owner=convert(ticket >> TICKET_BITS, address),
        node=self.node_at[word >> 192],
        shares=word & books.M128,
        ready_at=(word >> 128) & (2**64 - 1),
    )
