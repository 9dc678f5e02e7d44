"""What pays for gas, and whether the fee pays for it all."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query

from linkpool.api.auth import Auth
from linkpool.api.money_view import MoneyView
from linkpool.chain.types import checksum
from linkpool.fleet.clock import Clock
from linkpool.store import accounts, events, ledger
from linkpool.store.database import Database
from linkpool.wire.money import AccountView, EconomicsView, PricesView, PriceTable, TreasuryView

Sender = Annotated[
    str, Path(pattern=r"^0x[0-9a-fA-F]{40}$", description="The sender's address, in any case.")
]


def money_routes(database: Database, auth: Auth, view: MoneyView, clock: Clock) -> APIRouter:
    """`/treasury` and `/economics`."""
    routes = APIRouter(prefix="/api/v1", tags=["money"])
    reader, operator = Depends(auth.reader), Depends(auth.operator)

    @routes.get("/treasury", dependencies=[reader])
    async def treasury() -> TreasuryView:
        """Balances, limits, what is frozen or held closed and why, and the last transactions."""
        return await view.treasury()

    @routes.post("/treasury/unfreeze/{sender}", dependencies=[operator])
    async def unfreeze(sender: Sender) -> AccountView:
        """Send gas there again, once somebody knows why it was frozen; one that is not stays as it is."""
        sender = checksum(sender)
        async with database.write() as session:
            if await accounts.unfreeze(session, sender):
                events.add(session, "slot_unfrozen", None, {"sender": sender}, clock.now())
        shown = await view.account(sender)
        if shown is None:
            raise HTTPException(404, f"no sender {sender}; `linkpool treasury show` has those there are")
        return shown

    @routes.get("/treasury/prices", dependencies=[reader])
    async def prices() -> PricesView:
        """What engines, providers and the rest cost."""
        return await view.prices()

    @routes.put("/treasury/prices", dependencies=[operator])
    async def set_prices(table: PriceTable) -> PricesView:
        """Another price table; accounts of the past are told by it too."""
        async with database.write() as session:
            await ledger.set_prices(session, table.model_dump(mode="json"), clock.now())
        return await view.prices()

    @routes.get("/economics", dependencies=[reader])
    async def economics(days: Annotated[int, Query(ge=1, le=365)] = 30) -> EconomicsView:
        """Fee income against gas and fleet, per pool, day and node, and where they would break even."""
        return await view.economics(days)

    return routes
