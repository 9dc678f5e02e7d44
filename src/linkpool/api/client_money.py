"""The treasury and the economics, for whoever asks a control plane."""

from linkpool.api.client import Client
from linkpool.wire.money import AccountView, EconomicsView, PricesView, PriceTable, TreasuryView


async def treasury(client: Client) -> TreasuryView:
    """Balances, limits, moves. Raises ControlTrouble, Refused."""
    return TreasuryView.model_validate(await client.ask("GET", "/treasury"))


async def unfreeze(client: Client, sender: str) -> AccountView:
    """Send gas there again. Raises ControlTrouble, Refused."""
    return AccountView.model_validate(await client.ask("POST", f"/treasury/unfreeze/{sender}"))


async def prices(client: Client) -> PricesView:
    """The price table. Raises ControlTrouble, Refused."""
    return PricesView.model_validate(await client.ask("GET", "/treasury/prices"))


async def set_prices(client: Client, table: PriceTable) -> PricesView:
    """Another price table. Raises ControlTrouble, Refused."""
    body = table.model_dump(mode="json")
    return PricesView.model_validate(await client.ask("PUT", "/treasury/prices", body))


async def economics(client: Client, days: int) -> EconomicsView:
    """Of so many days. Raises ControlTrouble, Refused."""
    return EconomicsView.model_validate(await client.ask("GET", f"/economics?days={days}"))
