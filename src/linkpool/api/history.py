"""What anybody may know of the pool's past and present, from the indexer."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from eth_utils.address import to_checksum_address
from fastapi import APIRouter, HTTPException, Path, Query

from linkpool.api.chain_view import ChainView
from linkpool.wire.guard import PublicGuard
from linkpool.wire.history import Account, AccountHistory, ChainEvents, History, PoolFigures

ADDRESS = r"^0x[0-9a-fA-F]{40}$"
InPath = Annotated[str, Path(pattern=ADDRESS)]
InQuery = Annotated[str | None, Query(pattern=ADDRESS)]
Size = Annotated[Literal["hour", "day"], Query(description="How long a bucket is, in UTC.")]
Count = Annotated[int, Query(ge=1, le=1_000, description="How many buckets, the running one included.")]


def history_routes(view: ChainView, guard: Callable[[], Awaitable[PublicGuard]]) -> APIRouter:
    """`/public/pool`, `/public/accounts`, `/public/chain`, and histories."""
    routes = APIRouter(prefix="/api/v1/public", tags=["public"])

    @routes.get("/pool")
    async def pool() -> PoolFigures:
        """All nodes together, the maker fee, the guard, and how the indexer's tables were checked."""
        return (await view.pool()).model_copy(update={"guard": await guard()})

    @routes.get("/pool/history")
    async def pool_history(bucket: Size = "day", count: Count = 30) -> History:
        """The whole pool, bucket by bucket."""
        return await view.history(bucket, count) or _unknown("pool")

    @routes.get("/nodes/{node}/history")
    async def node_history(node: InPath, bucket: Size = "day", count: Count = 30) -> History:
        """One node by its oracle's address, bucket by bucket."""
        return await view.history(bucket, count, to_checksum_address(node)) or _unknown("node")

    @routes.get("/accounts/{address}")
    async def account(address: InPath) -> Account:
        """What an account has, earned and lost. Any address is one, if only of nothing."""
        return await view.account(to_checksum_address(address))

    @routes.get("/accounts/{address}/history")
    async def account_history(address: InPath, bucket: Size = "day", count: Count = 30) -> AccountHistory:
        """An account's stake, and what it had earned and lost, bucket by bucket."""
        return await view.account_history(to_checksum_address(address), bucket, count)

    @routes.get("/chain/events")
    async def events(
        before: Annotated[int | None, Query(ge=0, le=2**62, description="Begin below this position.")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        node: InQuery = None,
        account: InQuery = None,
        kind: Annotated[str | None, Query(pattern=r"^[A-Za-z]{1,40}$")] = None,
    ) -> ChainEvents:
        """Events of the pool's contracts, newest first."""
        where = [None if one is None else to_checksum_address(one) for one in (node, account)]
        return await view.events(before, limit, where[0], where[1], kind)

    return routes


def _unknown(what: str) -> History:
    raise HTTPException(404, f"no such {what} is registered")
