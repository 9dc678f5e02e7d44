"""Nodes and operations: look at them, and make one."""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Response
from sqlalchemy.exc import IntegrityError

from linkpool.api.auth import Auth
from linkpool.api.fleet_view import FleetView
from linkpool.fleet.clock import Clock
from linkpool.fleet.facts import NodeFactory
from linkpool.fleet.nodes import OPERATION
from linkpool.store import nodes, operations
from linkpool.store.database import Database
from linkpool.store.tables import OperationRow, TokenRow
from linkpool.units import Juels
from linkpool.wire.api import MakeNode, NodeList, NodeMade, NodeView, OperationView

IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="The same key with the same body gives the first answer again.",
    ),
]


@dataclass(frozen=True)
class Maker:
    """Writes down that a node is wanted, and wakes the leader. capacity: juels, when none is asked for."""

    database: Database
    factory: NodeFactory
    clock: Clock
    knock: asyncio.Event
    capacity: Juels

    async def make(self, wanted: MakeNode, key: str | None) -> OperationRow:
        """The operation, a former one for a key that was used before. Raises HTTPException 409."""
        fingerprint = hashlib.sha256(wanted.model_dump_json().encode()).hexdigest()
        capacity = self.capacity if wanted.capacity is None else int(wanted.capacity)
        try:
            async with self.database.write() as session:
                before = await operations.by_key(session, key) if key else None
                if before is None:
                    now = self.clock.now()
                    node = await nodes.want(session, capacity, now)
                    before = await operations.start(
                        session, OPERATION, node=node.index, key=key, fingerprint=fingerprint, now=now
                    )
        except IntegrityError:  # the same key, at the same time, at another control plane
            return await self.make(wanted, key)
        if before.fingerprint != fingerprint:
            raise HTTPException(409, "this Idempotency-Key was used for another request")
        assert before.node is not None  # noqa: S101 - written above, always with a node
        await self.factory.make_keys(before.node)
        self.knock.set()
        return before


def node_routes(database: Database, auth: Auth, view: FleetView, maker: Maker) -> APIRouter:
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
        key = f"{token.id}:{idempotency_key}" if idempotency_key else None
        operation = await maker.make(wanted, key)
        response.headers["Location"] = f"/api/v1/operations/{operation.id}"
        described = await view.operation(operation)
        return NodeMade(node=(await view.nodes(only=described.node))[0], operation=described)

    @routes.get("/operations/{operation}", dependencies=[reader])
    async def get_operation(operation: str) -> OperationView:
        """How far something asked for is."""
        async with database.read() as session:
            row = await operations.get(session, operation)
        if row is None:
            raise HTTPException(404, f"no operation {operation}")
        return await view.operation(row)

    return routes
