"""What anybody may see without a token: the nodes as stakers choose between them."""

from fastapi import APIRouter, HTTPException

from linkpool.api.fleet_view import FleetView
from linkpool.wire.api import NodeView, PublicNode, PublicNodeList


def public_routes(view: FleetView) -> APIRouter:
    """`/public`."""
    routes = APIRouter(prefix="/api/v1/public", tags=["public"])

    @routes.get("/nodes")
    async def public_nodes() -> PublicNodeList:
        """Every registered node, oldest first."""
        return PublicNodeList(nodes=[_public(node) for node in await view.nodes() if node.stake is not None])

    @routes.get("/nodes/{node}")
    async def public_node(node: str) -> PublicNode:
        """One registered node by its oracle's address (checksummed)."""
        found = [shown for shown in await view.nodes(only=node) if shown.stake is not None]
        if not found:
            raise HTTPException(404, "no such node is registered")
        return _public(found[0])

    return routes


def _public(node: NodeView) -> PublicNode:
    serving = sum(replica.in_roster for replica in node.replicas)
    return PublicNode(serving=serving, **node.model_dump(include=set(PublicNode.model_fields) - {"serving"}))
