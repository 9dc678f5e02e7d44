"""What anybody may see without a token: the nodes as stakers choose between them."""

from fastapi import APIRouter, HTTPException

from linkpool.api.chain_view import ChainView, Known, as_of
from linkpool.api.fleet_view import FleetView
from linkpool.wire.api import NodeView, PublicNode
from linkpool.wire.history import KnownNode, KnownNodeList


def public_routes(view: FleetView, chain: ChainView) -> APIRouter:
    """`/public`."""
    routes = APIRouter(prefix="/api/v1/public", tags=["public"])

    @routes.get("/nodes")
    async def public_nodes() -> KnownNodeList:
        """Every registered node with its figures, oldest first."""
        known = await chain.known()
        shown = [_public(node, known) for node in await view.nodes() if node.stake is not None]
        return KnownNodeList(as_of=as_of(known.at), nodes=shown)

    @routes.get("/nodes/{node}")
    async def public_node(node: str) -> KnownNode:
        """One registered node by its oracle's address (checksummed)."""
        found = [shown for shown in await view.nodes(only=node) if shown.stake is not None]
        if not found:
            raise HTTPException(404, "no such node is registered")
        return _public(found[0], await chain.known())

    return routes


def _public(node: NodeView, known: Known) -> KnownNode:
    serving = sum(replica.in_roster for replica in node.replicas)
    seen = node.model_dump(include=set(PublicNode.model_fields) - {"serving"})
    return KnownNode(serving=serving, figures=known.nodes.get(node.id or ""), **seen)
