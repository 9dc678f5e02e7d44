"""Nodes and operations: look at them, make a node, retire one, end a sender that was stolen."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Response

from linkpool.api.auth import Auth
from linkpool.api.fleet_view import FleetView
from linkpool.chain.types import checksum
from linkpool.fleet.nodes.wishes import KeyUsed, NoSuchNode, NoSuchSender, NotNow, Wishes
from linkpool.store import operations
from linkpool.store.database import Database
from linkpool.store.tables import OperationRow, TokenRow
from linkpool.wire.api import MakeNode, NodeList, NodeMade, NodeView, OperationView

IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="The same key with the same body gives the first answer again.",
    ),
]


AnyCase = Annotated[
    str, Path(pattern=r"^0x[0-9a-fA-F]{40}$", description="An address, checksummed or in any case.")
]


def node_routes(database: Database, auth: Auth, view: FleetView, wishes: Wishes) -> APIRouter:
    """`/nodes` and `/operations`."""
    routes = APIRouter(prefix="/api/v1", tags=["nodes"])
    reader = Depends(auth.reader)

    @routes.get("/nodes", dependencies=[reader])
    async def list_nodes() -> NodeList:
        """Every node with its replicas, oldest first."""
        return NodeList(nodes=await view.nodes())

    @routes.get("/nodes/{node}", dependencies=[reader])
    async def get_node(node: str) -> NodeView:
        """One node by its oracle's address (checksummed)."""
        shown = await view.nodes(only=node)
        if not shown:
            raise HTTPException(404, f"no node {node}")
        return shown[0]

    @routes.post("/nodes", status_code=202)
    async def make_node(
        wanted: MakeNode,
        response: Response,
        token: Annotated[TokenRow, Depends(auth.operator)],
        idempotency_key: IdempotencyKey = None,
    ) -> NodeMade:
        """Make a node: a new wallet, keys, gas, two replicas, a registration. The operation follows it."""
        capacity = None if wanted.capacity is None else int(wanted.capacity)
        try:
            operation = await wishes.make(capacity, _key(token, idempotency_key))
        except KeyUsed as error:
            raise HTTPException(409, str(error)) from error
        _point_to(response, operation)
        described = await view.operation(operation)
        return NodeMade(node=(await view.nodes(only=described.node))[0], operation=described)

    @routes.post("/nodes/{node}/retire", status_code=202)
    async def retire_node(
        node: str,
        response: Response,
        token: Annotated[TokenRow, Depends(auth.operator)],
        idempotency_key: IdempotencyKey = None,
    ) -> OperationView:
        """Close a node to stake and requests, and retire it when nothing is open. Twice is once.

        Once it is closed on chain only the pool's owner can undo it (`reopen`).
        """
        try:
            operation = await wishes.retire(node, _key(token, idempotency_key))
        except NoSuchNode as error:
            raise HTTPException(404, str(error)) from error
        except (KeyUsed, NotNow) as error:
            raise HTTPException(409, str(error)) from error
        _point_to(response, operation)
        return await view.operation(operation)

    @routes.post("/nodes/{node}/senders/{sender}/revoke", status_code=202)
    async def revoke_sender(
        node: AnyCase,
        sender: AnyCase,
        response: Response,
        token: Annotated[TokenRow, Depends(auth.operator)],
        idempotency_key: IdempotencyKey = None,
    ) -> OperationView:
        """End a sender's authority on chain, for good: somebody else has its key. Twice is once.

        Its replica is replaced and takes another slot; a fresh sender is authorized in its place.
        """
        try:
            operation = await wishes.revoke(checksum(node), checksum(sender), _key(token, idempotency_key))
        except (NoSuchNode, NoSuchSender) as error:
            raise HTTPException(404, str(error)) from error
        except (KeyUsed, NotNow) as error:
            raise HTTPException(409, str(error)) from error
        _point_to(response, operation)
        return await view.operation(operation)

    @routes.get("/operations/{operation}", dependencies=[reader])
    async def get_operation(operation: str) -> OperationView:
        """How far something asked for is."""
        async with database.read() as session:
            row = await operations.get(session, operation)
        if row is None:
            raise HTTPException(404, f"no operation {operation}")
        return await view.operation(row)

    return routes


def _key(token: TokenRow, key: str | None) -> str | None:
    """A caller's key is his own: others may use the same."""
    return f"{token.id}:{key}" if key else None


def _point_to(response: Response, operation: OperationRow) -> None:
    response.headers["Location"] = f"/api/v1/operations/{operation.id}"
