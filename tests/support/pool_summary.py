"""What `Pool.summary` says, where a test needs no more of it than the limits."""

from linkpool.contracts.view import Summary
from linkpool.units import link

NOBODY = "0x" + "00" * 20


def pool_summary(manager: str, *, max_nodes: int = 110, live_nodes: int = 0) -> Summary:
    """A pool that takes nodes up to 100,000 LINK."""
    return Summary(
        link=NOBODY,
        implementation=NOBODY,
        owner=NOBODY,
        pending_owner=NOBODY,
        manager=manager,
        guardian=NOBODY,
        fee_account=NOBODY,
        paused_until=0,
        guardian_may_pause_at=0,
        fee_bps=1_000,
        announced_fee_bps=0,
        fee_effective_at=0,
        fees=0,
        unbonding=7 * 86_400,
        fee_delay=8 * 86_400,
        max_nodes=max_nodes,
        max_capacity=link(100_000),
        node_count=live_nodes,
        live_nodes=live_nodes,
    )
