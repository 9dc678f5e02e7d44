"""The console's sessions: what a cookie may do, how long, and that no other site can use it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from linkpool.api.auth import IDLE_SECONDS
from linkpool.api.cookie import COOKIE, CSRF_HEADER
from linkpool.api.session import SESSION_SECONDS
from tests.support.api_house import TOKENS, ApiHouse, api_house

ORIGIN = {"Origin": "http://house"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[ApiHouse]:
    async with api_house(tmp_path) as made:
        yield made


def browser(house: ApiHouse, base: str = "https://house") -> httpx.AsyncClient:
    """One that keeps cookies, and knows no token."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(house.app), base_url=base)


async def login(client: httpx.AsyncClient, scope: str = "operate") -> dict[str, str]:
    """Log in; the headers that the console's own pages send with a change."""
    answer = await client.post("/api/v1/session", json={"token": TOKENS[scope]}, headers=ORIGIN)
    assert answer.status_code == 201, answer.text
    return {CSRF_HEADER: answer.json()["csrf"], **ORIGIN}


async def test_a_token_is_shown_once_and_the_cookie_stands_for_it(house: ApiHouse) -> None:
    async with browser(house) as client:
        assert (await client.get("/api/v1/nodes")).status_code == 401
        changes = await login(client)
        assert (await client.get("/api/v1/nodes")).status_code == 200
        assert (await client.post("/api/v1/nodes", json={}, headers=changes)).status_code == 202
        forbidden = await client.post("/api/v1/tokens", json={"name": "n", "scope": "read"}, headers=changes)
        assert forbidden.status_code == 403, "its scopes are the token's"
        shown = (await client.get("/api/v1/session")).json()
        assert (shown["csrf"], shown["scope"], shown["name"]) == (changes[CSRF_HEADER], "operate", "operate")
    entries = (await house.client.get("/api/v1/audit", headers=house.headers("admin"))).json()["entries"]
    assert [(entry["path"], entry["status"]) for entry in entries] == [
        ("/api/v1/session", 201),
        ("/api/v1/nodes", 202),
    ]
    assert len({entry["token"] for entry in entries}) == 1


@pytest.mark.parametrize(
    ("base", "secure"),
    [
        ("https://pool.example", True),
        ("http://10.0.0.1:8700", True),
        ("http://127.0.0.1:8700", False),
        ("http://localhost", False),
    ],
)
async def test_the_cookie_is_for_this_browser_and_this_host_only(
    house: ApiHouse, base: str, secure: bool
) -> None:
    async with browser(house, base) as client:
        answer = await client.post("/api/v1/session", headers=house.headers("read"))
        parts = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")}
        assert {"httponly", "samesite=strict", "path=/api/v1"} <= parts
        assert ("secure" in parts) is secure
        assert answer.json()["csrf"] not in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "changed",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://house.evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {CSRF_HEADER: ""},
        {CSRF_HEADER: "0" * 64},
        {CSRF_HEADER: "é"},
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/nodes", "/api/v1/session"])
async def test_no_other_site_changes_anything(house: ApiHouse, changed: dict[str, str], path: str) -> None:
    async with browser(house) as client:
        headers = {**await login(client), **changed}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        method = "DELETE" if path.endswith("session") else "POST"
        assert (await client.request(method, path, headers=raw)).status_code == 403
        without = {name: value for name, value in headers.items() if name not in changed}
        assert (await client.request(method, path, headers=without)).status_code == 403
        assert (await client.get("/api/v1/session")).status_code == 200
    assert len((await house.client.get("/api/v1/nodes", headers=house.headers("read"))).json()["nodes"]) == 0


async def test_no_other_site_logs_anybody_in(house: ApiHouse) -> None:
    async with browser(house) as client:
        evil = {"Origin": "https://evil.example"}
        answer = await client.post("/api/v1/session", json={"token": TOKENS["read"]}, headers=evil)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


async def test_a_bearer_token_needs_no_proof_of_origin(house: ApiHouse) -> None:
    evil = {**house.headers("operate"), "Origin": "https://tool.example"}
    assert (await house.client.post("/api/v1/nodes", json={}, headers=evil)).status_code == 202


async def test_it_ends_unused_or_in_the_end(house: ApiHouse) -> None:
    async with browser(house) as client:
        await login(client)
        house.clock.advance(IDLE_SECONDS - 1)
        assert (await client.get("/api/v1/nodes")).status_code == 200
        house.clock.advance(IDLE_SECONDS - 1)
        assert (await client.get("/api/v1/nodes")).status_code == 200
        house.clock.advance(IDLE_SECONDS)
        assert (await client.get("/api/v1/nodes")).status_code == 401
        await login(client)
        for _ in range(int(SESSION_SECONDS / 1_000)):
            assert (await client.get("/api/v1/nodes")).status_code == 200
            house.clock.advance(1_000)
        house.clock.advance(SESSION_SECONDS % 1_000)
        assert (await client.get("/api/v1/nodes")).status_code == 401


async def test_logging_out_ends_it_for_whoever_kept_the_cookie(house: ApiHouse) -> None:
    async with browser(house) as client:
        changes = await login(client)
        kept = client.cookies[COOKIE]
        answer = await client.delete("/api/v1/session", headers=changes)
        assert answer.status_code == 204
        assert COOKIE not in client.cookies
        stolen = {"Cookie": f"{COOKIE}={kept}"}
        assert (await house.client.get("/api/v1/nodes", headers=stolen)).status_code == 401


async def test_it_ends_with_its_token(house: ApiHouse) -> None:
    admin = house.headers("admin")
    wanted = {"name": "short", "scope": "read", "expires_in_seconds": 60}
    made = (await house.client.post("/api/v1/tokens", json=wanted, headers=admin)).json()
    async with browser(house) as expiring, browser(house) as revoked:
        answer = await expiring.post("/api/v1/session", json={"token": made["token"]})
        assert answer.json()["expires_at"] == made["expires_at"]
        await revoked.post("/api/v1/session", json={"token": made["token"]})
        await house.client.delete(f"/api/v1/tokens/{made['id']}", headers=admin)
        assert (await revoked.get("/api/v1/nodes")).status_code == 401
        house.clock.advance(60)
        assert (await expiring.get("/api/v1/nodes")).status_code == 401


async def test_neither_cookie_nor_proof_is_stored_in_clear(house: ApiHouse, tmp_path: Path) -> None:
    async with browser(house) as client:
        changes = await login(client)
        cookie = client.cookies[COOKIE]
    await house.database.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("api.db*"))
    assert cookie.encode() not in stored
    assert changes[CSRF_HEADER].encode() not in stored


@pytest.mark.parametrize("body", [{"token": "nonsense"}, {"token": TOKENS["expired"]}, None])
async def test_without_a_good_token_there_is_no_session(house: ApiHouse, body: object) -> None:
    answer = await house.client.post("/api/v1/session", json=body)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
