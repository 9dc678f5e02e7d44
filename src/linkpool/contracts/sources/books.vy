# pragma version 0.4.3
# pragma evm-version cancun
"""
@title books: shares, assets and income of one node
@license MIT
@notice Principal is shares of the node's assets; income is an accumulator per active share. The two never meet.
@dev Pure arithmetic on a Node held in memory: `_load` it, change it, `_save` it. Rounding is always against whoever
     acts and never for the price: a mint adds at most what its shares are worth, a redemption removes at least that,
     so the price of a share only falls (by penalties, and by less than a juel for each act), and no rounding can be
     farmed. What rounding takes leaves the books for good.

     Bounds that make overflow impossible: every active position is at least 1 LINK of shares, income is below 2**96
     juels in a node's life, so the accumulator stays below 2**117.
"""

struct Node:
    active: uint256  # shares that earn
    unbonding: uint256  # shares in tickets
    assets: uint256  # juels behind both
    earned: uint256  # juels of the oracle's income already divided
    fee: uint256  # basis points for the income after that
    status: uint256
    index: uint256  # place in the list of nodes
    accumulator: uint256  # SCALE x juels per active share
    carry: uint256  # SCALE x juels not divided yet
    fee_due: uint256  # juels of fees not harvested yet
    capacity: uint256  # juels of active stake
    spent: uint256  # gwei-LINK of penalties on the last day that had one
    day: uint256  # that day, counted from 1970


event IncomeSynced:
    node: indexed(address)
    earned: uint256  # ever, up to now
    fee: uint256
    net: uint256  # zero when nobody is active: then all of it is fee
    accumulator: uint256
    carry: uint256
    next_fee_bps: uint256


UNKNOWN: constant(uint256) = 0
ACTIVE: constant(uint256) = 1
DRAINING: constant(uint256) = 2
RETIRED: constant(uint256) = 3

SCALE: constant(uint256) = 2**80
UNIT: constant(uint256) = 10**9  # juels in a gwei-LINK
DAY: constant(uint256) = 86_400
M128: constant(uint256) = 2**128 - 1
M96: constant(uint256) = 2**96 - 1

# [active | unbonding, assets | earned | fee | status | index, accumulator | carry, fee_due | capacity | spent | day]
words: HashMap[address, uint256[4]]


@internal
@view
def _load(node: address) -> Node:
    a: uint256 = self.words[node][0]
    b: uint256 = self.words[node][1]
    c: uint256 = self.words[node][2]
    d: uint256 = self.words[node][3]
    return Node(
        active=a & M128,
        unbonding=a >> 128,
        assets=b & M96,
        earned=(b >> 96) & M96,
        fee=(b >> 192) & 65_535,
        status=(b >> 208) & 255,
        index=b >> 216,
        accumulator=c & M128,
        carry=c >> 128,
        fee_due=d & M96,
        capacity=(d >> 96) & M96,
        spent=(d >> 192) & (2**48 - 1),
        day=d >> 240,
    )


@internal
def _save(node: address, n: Node):
    assert n.active <= M128 and n.unbonding <= M128 and n.assets <= M96, "Too much stake"
    self.words[node][0] = n.active | (n.unbonding << 128)
    self.words[node][1] = (
        n.assets | (n.earned << 96) | (n.fee << 192) | (n.status << 208) | (n.index << 216)
    )
    self.words[node][2] = n.accumulator | (n.carry << 128)
    self.words[node][3] = n.fee_due | (n.capacity << 96) | (n.spent << 192) | (n.day << 240)


@internal
@pure
def _value(n: Node, shares: uint256) -> uint256:
    # Juels that many shares are worth, rounded down.
    if shares == 0:
        return 0
    return shares * n.assets // (n.active + n.unbonding)


@internal
@pure
def _mint(n: Node, amount: uint256) -> (Node, uint256):
    # New active shares for that many juels; both the shares and the assets they add are rounded down.
    node: Node = n
    total: uint256 = n.active + n.unbonding
    shares: uint256 = amount
    added: uint256 = amount
    if total != 0:
        shares = amount * total // n.assets
        added = shares * n.assets // total
    node.active += shares
    node.assets += added
    return node, shares


@internal
@pure
def _redeem(n: Node, shares: uint256) -> (Node, uint256):
    # What unbonding shares pay, rounded down; the assets lose it rounded up.
    node: Node = n
    total: uint256 = n.active + n.unbonding
    product: uint256 = shares * n.assets
    node.unbonding -= shares
    node.assets -= (product + total - 1) // total
    return node, product // total


@internal
def _divide(n: Node, id: address, earned: uint256, next_fee: uint256) -> Node:
    # Split the income since the last time at the fee stored then, and adopt the next fee.
    if earned == n.earned and next_fee == n.fee:
        return n
    node: Node = n
    income: uint256 = earned - n.earned
    fee: uint256 = income * n.fee // 10_000
    net: uint256 = income - fee
    if n.active == 0:
        fee = income
        net = 0
    else:
        scaled: uint256 = net * SCALE + n.carry
        node.accumulator += scaled // n.active
        node.carry = scaled % n.active
    node.fee_due += fee
    node.earned = earned
    node.fee = next_fee
    log IncomeSynced(
        node=id,
        earned=earned,
        fee=fee,
        net=net,
        accumulator=node.accumulator,
        carry=node.carry,
        next_fee_bps=next_fee,
    )
    return node


@internal
@view
def _room(n: Node, reserves: uint256) -> uint256:
    # Gwei-LINK that new covers may take: 1 % of the active stake, less what is reserved and what today's penalties took.
    room: uint256 = self._value(n, n.active) // (100 * UNIT)
    used: uint256 = reserves
    if n.day == block.timestamp // DAY:
        used += n.spent
    return room - used if room > used else 0


@internal
@view
def _penalize(n: Node, amount: uint256) -> (Node, uint256):
    # Takes a penalty of that many juels from all shares alike, and counts it into its day.
    node: Node = n
    taken: uint256 = min(amount, n.assets)
    today: uint256 = block.timestamp // DAY
    if n.day != today:
        node.day = today
        node.spent = 0
    node.spent += taken // UNIT
    node.assets -= taken
    return node, taken
