"""Asking for what anybody may know. No token is needed. All raise ControlTrouble and Refused."""

from typing import Literal
from urllib.parse import quote, urlencode

from linkpool.api.client import Client
from linkpool.wire.history import Account, ChainEvents, History, KnownNode, KnownNodeList, PoolFigures
from linkpool.wire.waiting import WaitingList

Size = Literal["hour", "day"]


async def pool(client: Client) -> PoolFigures:
    """All nodes together, the maker fee, and how the indexer's tables were checked."""
    return PoolFigures.model_validate(await client.ask("GET", "/public/pool"))


async def nodes(client: Client) -> list[KnownNode]:
    """Every registered node with its figures, oldest first."""
    return KnownNodeList.model_validate(await client.ask("GET", "/public/nodes")).nodes


async def node(client: Client, oracle: str) -> KnownNode:
    """One registered node by its oracle's address."""
    return KnownNode.model_validate(await client.ask("GET", f"/public/nodes/{quote(oracle, safe='')}"))


async def history(client: Client, bucket: Size, count: int, oracle: str | None = None) -> History:
    """Bucket by bucket: one node, or the whole pool."""
    path = "/public/pool" if oracle is None else f"/public/nodes/{quote(oracle, safe='')}"
    return History.model_validate(await client.ask("GET", f"{path}/history?bucket={bucket}&count={count}"))


async def account(client: Client, address: str) -> Account:
    """What an account has, earned and lost."""
    return Account.model_validate(await client.ask("GET", f"/public/accounts/{quote(address, safe='')}"))


async def waiting(client: Client) -> WaitingList:
    """How much waits for room, and how much room there is."""
    return WaitingList.model_validate(await client.ask("GET", "/public/waiting"))


async def chain_events(client: Client, limit: int, **where: str | int | None) -> ChainEvents:
    """Events of the contracts, newest first. where: `before`, `node`, `account`, `kind`."""
    asked = urlencode({name: value for name, value in where.items() if value is not None} | {"limit": limit})
    return ChainEvents.model_validate(await client.ask("GET", f"/public/chain/events?{asked}"))
