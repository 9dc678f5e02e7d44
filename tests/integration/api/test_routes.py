"""The HTTP API by itself: who may do what, what errors look like, and that asking twice does once."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from linkpool.api.limits import MAX_BODY, Rate
from tests.support.api_house import CAPACITY, TOKENS, ApiHouse, api_house
from tests.support.job_text import JOB


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[ApiHouse]:
    async with api_house(tmp_path) as made:
        yield made


NODE = "0x" + "00" * 20
UUID = "00000000-0000-0000-0000-000000000000"
ROUTES: list[tuple[str, str, Any, str | None]] = [  # method, path, body, least scope
    ("GET", "/api/v1/nodes", None, "read"),
    ("GET", f"/api/v1/nodes/{NODE}", None, "read"),
    ("POST", "/api/v1/nodes", {}, "operate"),
    ("POST", f"/api/v1/nodes/{NODE}/retire", None, "operate"),
    ("POST", f"/api/v1/nodes/{NODE}/senders/{NODE}/revoke", None, "operate"),
    ("GET", f"/api/v1/operations/{UUID}", None, "read"),
    ("GET", "/api/v1/scaling", None, "read"),
    ("GET", "/api/v1/scaling/policy", None, "read"),
    ("PUT", "/api/v1/scaling/policy", {"policy": None}, "operate"),
    ("POST", "/api/v1/scaling/explain", {}, "read"),
    ("GET", "/api/v1/scaling/decisions", None, "read"),
    ("GET", "/api/v1/guard", None, "read"),
    ("PUT", "/api/v1/guard", {"guard": None}, "admin"),
    ("PUT", "/api/v1/guard/override", {"reason": "why", "expires_in_seconds": 60}, "operate"),
    ("DELETE", "/api/v1/guard/override", None, "operate"),
    ("GET", "/api/v1/catalog", None, "read"),
    ("POST", "/api/v1/catalog", {"jobs": []}, "operate"),
    ("PUT", f"/api/v1/catalog/jobs/{UUID}", {"text": ""}, "operate"),
    ("DELETE", f"/api/v1/catalog/jobs/{UUID}", None, "operate"),
    ("PUT", f"/api/v1/catalog/jobs/{UUID}/offer", {"payment": "1", "base_fee_ceiling": "1"}, "operate"),
    ("DELETE", f"/api/v1/catalog/jobs/{UUID}/offer", None, "operate"),
    ("PUT", "/api/v1/catalog/bridges/b", {"urls": ["https://b.example"]}, "operate"),
    ("DELETE", "/api/v1/catalog/bridges/b", None, "operate"),
    ("POST", f"/api/v1/webhooks/{UUID}", {}, "operate"),
    ("GET", "/api/v1/treasury", None, "read"),
    ("POST", f"/api/v1/treasury/unfreeze/{NODE}", None, "operate"),
    ("GET", "/api/v1/treasury/prices", None, "read"),
    ("PUT", "/api/v1/treasury/prices", {}, "operate"),
    ("GET", "/api/v1/economics", None, "read"),
    ("GET", "/api/v1/releases", None, "read"),
    ("PUT", "/api/v1/releases/r1", {}, "admin"),
    ("GET", "/api/v1/rollouts", None, "read"),
    ("POST", "/api/v1/rollouts", {}, "operate"),
    ("GET", f"/api/v1/rollouts/{UUID}", None, "read"),
    ("POST", f"/api/v1/rollouts/{UUID}/pause", None, "operate"),
    ("POST", f"/api/v1/rollouts/{UUID}/resume", None, "operate"),
    ("POST", f"/api/v1/rollouts/{UUID}/abort", None, "operate"),
    ("GET", "/api/v1/alarms", None, "read"),
    ("GET", "/api/v1/alarms", None, "read"),
    ("GET", "/api/v1/targets", None, "read"),
    ("GET", "/api/v1/tokens", None, "admin"),
    ("POST", "/api/v1/tokens", {"name": "n", "scope": "read"}, "admin"),
    ("DELETE", f"/api/v1/tokens/{UUID}", None, "admin"),
    ("GET", "/api/v1/audit", None, "admin"),
    ("POST", "/api/v1/session", None, "read"),
    ("GET", "/api/v1/session", None, "read"),
    ("DELETE", "/api/v1/session", None, "read"),
    ("GET", "/api/v1/public/nodes", None, None),
    ("GET", f"/api/v1/public/nodes/{NODE}", None, None),
    ("GET", f"/api/v1/public/nodes/{NODE}/history", None, None),
    ("GET", "/api/v1/public/guard", None, None),
    ("GET", "/api/v1/public/waiting", None, None),
    ("POST", "/api/v1/public/waiting", {}, None),
    ("GET", f"/api/v1/public/waiting/{NODE}", None, None),
    ("DELETE", f"/api/v1/public/waiting/{NODE}", {}, None),
    ("GET", "/api/v1/public/pool", None, None),
    ("GET", "/api/v1/public/pool/history", None, None),
    ("GET", f"/api/v1/public/accounts/{NODE}", None, None),
    ("GET", f"/api/v1/public/accounts/{NODE}/history", None, None),
    ("GET", "/api/v1/public/chain/events", None, None),
    ("GET", "/api/v1/public/config", None, None),
    ("GET", "/api/v1/public/terms", None, None),
    ("GET", "/api/v1/public/pulse", None, None),
    ("GET", "/api/v1/public/jobs", None, None),
    ("GET", f"/api/v1/public/nodes/{NODE}/replicas", None, None),
    ("GET", "/live", None, None),
    ("GET", "/ready", None, None),
    ("GET", "/leads", None, None),
    ("GET", "/metrics", None, None),
]
STREAMS = {("GET", "/api/v1/events"), ("GET", "/api/v1/public/events")}
"""Never end by themselves, so they are asked over a real socket in test_events.py and test_feed.py."""
CALLBACK = ("PATCH", "/callbacks/{bridge}/{run}/{task}")
"""Opens with its bridge's own token, in tests/integration/pool/test_entrance.py."""


def every_route(routes: Iterable[Any]) -> Iterator[Any]:
    """Those of included routers too, in the document or not."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield route
        else:
            yield from every_route(inner.routes)


async def test_every_route_with_every_kind_of_token(house: ApiHouse) -> None:
    assert [each for route in ROUTES async for each in _wrong(house, *route)] == []


async def _wrong(house: ApiHouse, method: str, path: str, body: Any, scope: str | None) -> AsyncIterator[str]:
    """What a route answers that it should not, to tokens that are none, wrong, expired, and of each scope."""

    async def status(headers: dict[str, str]) -> int:
        return (await house.client.request(method, path, json=body, headers=headers)).status_code

    refused = {"wrong": "Bearer nonsense", "basic": "Basic eDp5", "none": ""}
    refused["expired"] = house.headers("expired")["Authorization"]
    for name, shown in refused.items():
        headers = {"Authorization": shown} if shown else {}
        if (await status(headers) == 401) != (scope is not None):
            yield f"{method} {path} with {name}"
    ranks = ["read", "operate", "admin"]
    for held in ranks:
        enough = scope is None or ranks.index(held) >= ranks.index(scope)
        if (await status(house.headers(held)) == 403) == enough:
            yield f"{method} {path} with {held}"


def test_every_route_of_the_application_is_in_the_table(tmp_path: Path) -> None:
    async def routes() -> set[tuple[str, str]]:
        async with api_house(tmp_path) as house:
            document = (await house.client.get("/api/v1/openapi.json")).json()
            hidden = {route.path for route in every_route(house.app.routes)} - document["paths"].keys()
            assert hidden == {"/api/v1/openapi.json", "/agent/v1"}, "no route hides from the document"
        return {(verb.upper(), path) for path, item in document["paths"].items() for verb in item}

    shown = asyncio.run(routes())
    tested = {
        (verb, template)
        for verb, template in shown
        for method, path, _, _ in ROUTES
        if verb == method and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path)
    }
    assert shown - tested == STREAMS | {CALLBACK}


async def test_errors_are_problem_details(house: ApiHouse) -> None:
    for method, path, status in (
        ("GET", "/api/v1/nodes", 401),
        ("GET", "/nowhere", 404),
        ("PATCH", "/api/v1/nodes", 405),
    ):
        answer = await house.client.request(method, path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
    answer = await house.client.post(
        "/api/v1/nodes", json={"capacity": "-1", "colour": "red"}, headers=house.headers("admin")
    )
    assert answer.status_code == 422
    assert "body.capacity" in answer.json()["detail"]
    assert "body.colour" in answer.json()["detail"]
    assert {each["field"] for each in answer.json()["errors"]} == {"capacity", "colour"}


async def test_a_node_is_made_with_its_id_at_once(house: ApiHouse) -> None:
    answer = await house.client.post("/api/v1/nodes", json={}, headers=house.headers("operate"))
    assert answer.status_code == 202
    made = answer.json()
    assert made["node"]["state"] == "keys_made"
    assert made["node"]["capacity"] == CAPACITY
    assert made["operation"] | {"state": "running"} == made["operation"]
    shown = await house.client.get(f"/api/v1/nodes/{made['node']['id']}", headers=house.headers("read"))
    assert shown.json() == made["node"]
    operation = await house.client.get(answer.headers["location"], headers=house.headers("read"))
    assert operation.json() == made["operation"]
    assert (await house.client.get("/api/v1/public/nodes")).json() == {
        "as_of": None,
        "nodes": [],
    }  # not registered yet


async def test_one_idempotency_key_makes_one_node_however_often_it_comes(house: ApiHouse) -> None:
    headers = house.headers("operate") | {"Idempotency-Key": "once"}
    answers = await asyncio.gather(
        *(house.client.post("/api/v1/nodes", json={}, headers=headers) for _ in range(5))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["operation"]["id"] for answer in answers}) == 1
    other = await house.client.post("/api/v1/nodes", json={"capacity": "5"}, headers=headers)
    assert other.status_code == 409
    somebody_else = house.headers("admin") | {"Idempotency-Key": "once"}
    assert (await house.client.post("/api/v1/nodes", json={}, headers=somebody_else)).status_code == 202
    listed = await house.client.get("/api/v1/nodes", headers=house.headers("read"))
    assert len(listed.json()["nodes"]) == 2


async def test_the_catalog_is_replaced_as_a_whole_and_bad_jobs_are_refused_with_the_place(
    house: ApiHouse,
) -> None:
    operate = house.headers("operate")
    first = await house.client.post("/api/v1/catalog", json={"jobs": [{"text": JOB}]}, headers=operate)
    assert (first.json()["revision"], first.json()["applied"]) == (1, True)
    again = await house.client.post("/api/v1/catalog", json={"jobs": [{"text": JOB}]}, headers=operate)
    assert (again.json()["revision"], again.json()["applied"], again.json()["changes"]) == (1, False, [])
    for jobs, status, reason in (
        (["not toml"], 422, "jobs.0"),
        ([JOB, JOB], 409, "jobs.1: has the externalJobID of jobs.0"),
        ([JOB.replace("ethabidecodelog", "teleport")], 422, "teleport"),
    ):
        asked = {"jobs": [{"text": text} for text in jobs]}
        answer = await house.client.post("/api/v1/catalog", json=asked, headers=operate)
        assert answer.status_code == status
        assert reason in answer.json()["detail"]
    assert (await house.client.get("/api/v1/catalog", headers=operate)).json()["revision"] == 1


async def test_a_bridges_token_is_never_shown_nor_stored_in_clear(house: ApiHouse, tmp_path: Path) -> None:
    bridge = {"urls": ["https://x.example"], "token": "bridge-secret-1"}
    operate = house.headers("operate")
    answer = await house.client.put("/api/v1/catalog/bridges/b", json=bridge, headers=operate)
    shown = await house.client.get("/api/v1/catalog", headers=operate)
    assert shown.json()["bridges"][0]["has_token"] is True
    assert "bridge-secret-1" not in answer.text + shown.text
    again = await house.client.put("/api/v1/catalog/bridges/b", json=bridge, headers=operate)
    assert again.json()["revision"] == answer.json()["revision"]
    await house.database.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("api.db*"))
    assert b"bridge-secret-1" not in stored
    assert TOKENS["admin"].encode() not in stored


async def test_a_token_works_until_it_expires_or_is_revoked(house: ApiHouse) -> None:
    admin = house.headers("admin")
    wanted = {"name": "ci", "scope": "read", "expires_in_seconds": 60}
    made = (await house.client.post("/api/v1/tokens", json=wanted, headers=admin)).json()
    mine = {"Authorization": f"Bearer {made['token']}"}
    assert (await house.client.get("/api/v1/nodes", headers=mine)).status_code == 200
    house.clock.advance(60)
    assert (await house.client.get("/api/v1/nodes", headers=mine)).status_code == 401
    other = (
        await house.client.post("/api/v1/tokens", json={"name": "x", "scope": "read"}, headers=admin)
    ).json()
    theirs = {"Authorization": f"Bearer {other['token']}"}
    assert (await house.client.get("/api/v1/nodes", headers=theirs)).status_code == 200
    assert (await house.client.delete(f"/api/v1/tokens/{other['id']}", headers=admin)).status_code == 204
    assert (await house.client.get("/api/v1/nodes", headers=theirs)).status_code == 401
    listed = (await house.client.get("/api/v1/tokens", headers=admin)).text
    assert made["token"] not in listed
    assert made["id"] in listed


async def test_every_change_is_in_the_audit_log_with_who_and_how_it_ended(house: ApiHouse) -> None:
    await house.client.post("/api/v1/nodes", json={}, headers=house.headers("operate"))
    asked = {"jobs": [{"text": "x"}]}
    await house.client.post("/api/v1/catalog", json=asked, headers=house.headers("admin"))
    await house.client.get("/api/v1/nodes", headers=house.headers("read"))
    await house.client.post("/api/v1/nodes", json={}, headers=house.headers("read"))  # may not: not a change
    listed = (await house.client.get("/api/v1/audit", headers=house.headers("admin"))).json()["entries"]
    assert [(entry["method"], entry["path"], entry["status"]) for entry in listed] == [
        ("POST", "/api/v1/nodes", 202),
        ("POST", "/api/v1/catalog", 422),
    ]
    assert len({entry["token"] for entry in listed}) == 2
    rest = await house.client.get("/api/v1/audit?after=1", headers=house.headers("admin"))
    assert [entry["number"] for entry in rest.json()["entries"]] == [2]


async def test_who_asks_too_often_waits_and_nobody_else(tmp_path: Path) -> None:
    async with api_house(tmp_path, Rate(per_second=2.0, burst=3)) as house:
        statuses = [
            (await house.client.get("/api/v1/nodes", headers=house.headers("read"))).status_code
            for _ in range(6)
        ]
        assert statuses == [200] * 4 + [429] * 2, "the first one at the address's cost, before it was known"
        assert (await house.client.get("/api/v1/nodes", headers=house.headers("admin"))).status_code == 200
        late = await house.client.get("/api/v1/nodes", headers=house.headers("read"))
        assert late.headers["retry-after"] == "1"
        assert late.headers["content-type"] == "application/problem+json"
        house.clock.advance(0.5)
        assert (await house.client.get("/api/v1/nodes", headers=house.headers("read"))).status_code == 200
        for _ in range(10):
            assert (await house.client.get("/live")).status_code == 200


async def test_who_invents_tokens_gets_no_more_for_it(tmp_path: Path) -> None:
    async with api_house(tmp_path, Rate(per_second=2.0, burst=3)) as house:
        assert (await house.client.get("/api/v1/nodes", headers=house.headers("read"))).status_code == 200
        tried = [
            (await house.client.get("/api/v1/nodes", headers={"Authorization": f"Bearer {n}"})).status_code
            for n in range(4)
        ]
        assert tried == [401, 401, 429, 429]
        assert (await house.client.get("/api/v1/public/nodes")).status_code == 429
        known = [await house.client.get("/api/v1/nodes", headers=house.headers("read")) for _ in range(3)]
        assert [answer.status_code for answer in known] == [200, 200, 200], "a good token has its own share"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_huge_body_is_refused_before_anybody_knows_who_asks(house: ApiHouse, chunked: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY // 2**16 + 2):
            yield b"x" * 2**16

    body = pieces() if chunked else b"x" * (MAX_BODY + 1)
    answer = await house.client.post("/api/v1/nodes", content=body)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


async def test_metrics_count_nodes_and_show_who_leads(house: ApiHouse) -> None:
    await house.client.post("/api/v1/nodes", json={}, headers=house.headers("operate"))
    text = (await house.client.get("/metrics")).text
    assert 'linkpool_nodes{state="keys_made"} 1.0' in text
    assert "linkpool_leads 0.0" in text


async def test_without_a_database_it_is_not_ready_and_says_so(tmp_path: Path) -> None:
    async with api_house(tmp_path) as house:
        await house.database.migrate("base")
        assert (await house.client.get("/live")).status_code == 200
        assert (await house.client.get("/ready")).status_code == 503
        answer = await house.client.get("/api/v1/nodes", headers=house.headers("read"))
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
