"""`/public/waiting`: wallets that would stake put themselves on the list by a signature, and off it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from eth_utils.address import to_checksum_address
from fastapi import APIRouter, Body, HTTPException, Path, Request

from linkpool.api.limits import Limiter, Rate, address
from linkpool.fleet.clock import Clock
from linkpool.fleet.waiting.desk import LONGEST, MINIMUM, NotTaken, NotWaiting, WaitingDesk
from linkpool.fleet.waiting.statement import NAME, VERSION, BadSignature
from linkpool.fleet.waiting.waiting import room_in
from linkpool.store import chain_rows, waiting
from linkpool.store.database import Database
from linkpool.store.scaling_tables import WaitingRow
from linkpool.wire.api import moment
from linkpool.wire.waiting import Statement, WaitingDomain, WaitingEntry, WaitingList

RATE = Rate(per_second=1.0, burst=20)
"""Statements from one address: each costs us up to two calls to the chain."""
InPath = Annotated[str, Path(pattern=r"^0x[0-9a-fA-F]{40}$")]


def waiting_routes(database: Database, desk: WaitingDesk, clock: Clock) -> APIRouter:
    """`/public/waiting`."""
    routes = APIRouter(prefix="/api/v1/public/waiting", tags=["public"])
    limiter = Limiter(RATE, clock)

    def slow_down(request: Request) -> None:
        seconds = limiter.wait(address(request.scope))
        if seconds:
            raise HTTPException(429, "too many statements; wait a moment", {"Retry-After": f"{seconds:.0f}"})

    @routes.get("")
    async def get_waiting() -> WaitingList:
        """How much waits in sum, how much room there is, and what a statement is signed under."""
        async with database.read() as session:
            rows = await waiting.waiting(session)
            books = await chain_rows.books_now(session)
        return WaitingList(
            wallets=len(rows),
            amount=str(sum(row.counted for row in rows)),
            waiting=str(sum(row.counted for row in rows if row.room_since is None)),
            room=str(room_in(list(books.values()))),
            domain=WaitingDomain(
                name=NAME,
                version=VERSION,
                chain_id=desk.domain.chain_id,
                verifying_contract=desk.domain.pool,
            ),
            minimum=str(MINIMUM),
            longest_seconds=LONGEST,
        )

    @routes.post("", status_code=201)
    async def come(said: Statement, request: Request) -> WaitingEntry:
        """Put a wallet on the list, or say another amount for it. Only LINK that it has is counted."""
        slow_down(request)
        with _answers():
            return _entry(await desk.come(said))

    @routes.get("/{wallet}")
    async def get_entry(wallet: InPath) -> WaitingEntry | None:
        """One wallet's place: whether there is room, and since when; null when it is not on the list."""
        async with database.read() as session:
            row = await waiting.get(session, to_checksum_address(wallet))
        return _entry(row) if row is not None and row.amount else None

    @routes.delete("/{wallet}", status_code=204)
    async def leave(wallet: InPath, said: Annotated[Statement, Body()], request: Request) -> None:
        """Take a wallet off the list, by a statement of amount 0."""
        slow_down(request)
        if to_checksum_address(said.wallet) != to_checksum_address(wallet):
            raise HTTPException(409, "the statement is another wallet's")
        with _answers():
            await desk.leave(said)

    return routes


@contextmanager
def _answers() -> Iterator[None]:
    """What a refused statement is over HTTP."""
    try:
        yield
    except NotWaiting as error:
        raise HTTPException(404, str(error)) from error
    except BadSignature as error:
        raise HTTPException(403, str(error)) from error
    except NotTaken as error:
        raise HTTPException(409, str(error)) from error


def _entry(row: WaitingRow) -> WaitingEntry:
    return WaitingEntry(
        wallet=row.wallet,
        amount=str(row.amount),
        counted=str(row.counted),
        state="waiting" if row.room_since is None else "room",
        room_since=None if row.room_since is None else moment(row.room_since),
        made_at=moment(row.made_at),
        expires_at=moment(row.deadline),
    )
