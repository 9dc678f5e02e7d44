"""Policy and guard live in the database: set through the API, by name, and read back as they were set."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from linkpool.units import WHOLE, link
from tests.support.api_house import ApiHouse, api_house

POLICY = {"ceiling": 5, "stake_room": str(link(1_000)), "budget_per_day": str(WHOLE)}
GUARD = {"source": {"kind": "number", "nodes": 100}, "upper": 0.2, "lower": 0.1}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[ApiHouse]:
    async with api_house(tmp_path) as made:
        yield made


async def ask(house: ApiHouse, method: str, path: str, body: Any = None, scope: str = "admin") -> Any:
    answer = await house.client.request(method, f"/api/v1{path}", json=body, headers=house.headers(scope))
    return answer.status_code, answer.json()


async def test_a_policy_is_off_until_it_is_set_and_off_again(house: ApiHouse) -> None:
    assert (await ask(house, "GET", "/scaling/policy"))[1] == {"policy": None, "set_at": None, "set_by": None}
    now = (await ask(house, "GET", "/scaling"))[1]
    assert (now["on"], now["action"]) == (False, "hold")
    assert "off" in now["reasons"][0]
    assert (await ask(house, "POST", "/scaling/explain", {}))[0] == 409
    status, shown = await ask(house, "PUT", "/scaling/policy", {"policy": POLICY}, "operate")
    assert status == 200
    assert shown["policy"] | POLICY == shown["policy"]
    assert shown["set_by"]
    now = (await ask(house, "GET", "/scaling"))[1]
    assert (now["on"], now["policy"]) == (True, shown["policy"])
    assert {limit["name"] for limit in now["limits"]} >= {"ceiling", "per_hour", "per_day", "budget_per_day"}
    assert (await ask(house, "POST", "/scaling/explain", {}))[1]["steps"] == []
    await ask(house, "PUT", "/scaling/policy", {"policy": None})
    assert (await ask(house, "GET", "/scaling/policy"))[1]["policy"] is None
    entries = (await ask(house, "GET", "/audit"))[1]["entries"]
    assert [entry["path"] for entry in entries if entry["method"] == "PUT"] == ["/api/v1/scaling/policy"] * 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"floor": 9},
        {"ceiling": -1},
        {"per_hour": 9, "per_day": 3},
        {"stake_room": "1.5"},
        {"window_seconds": 10**9},
        {"load": 0},
        {"colour": "red"},
        {"floor": False},
    ],
)
async def test_what_is_no_policy_is_refused_by_name(house: ApiHouse, wrong: dict[str, Any]) -> None:
    assert (await ask(house, "PUT", "/scaling/policy", {"policy": POLICY | wrong}))[0] in {409, 422}


async def test_the_guard_shows_its_share_to_anybody_and_its_overrides_by_name(house: ApiHouse) -> None:
    assert (await house.client.get("/api/v1/public/guard")).json()["state"] == "off"
    assert (await ask(house, "PUT", "/guard", {"guard": GUARD}, "operate"))[0] == 403
    status, shown = await ask(house, "PUT", "/guard", {"guard": GUARD})
    assert status == 200
    assert (shown["state"], shown["upper"], shown["lower"]) == ("blocked", 0.2, 0.1)  # not read yet
    assert shown["settings"] == GUARD
    why = {"reason": "we know", "expires_in_seconds": 60}
    shown = (await ask(house, "PUT", "/guard/override", why, "operate"))[1]
    assert (shown["state"], shown["override"]["reason"]) == ("overridden", "we know")
    public = (await house.client.get("/api/v1/public/guard")).json()
    assert (public["state"], "override" in public, "settings" in public) == ("overridden", False, False)
    house.clock.advance(61)
    assert (await ask(house, "GET", "/guard"))[1]["state"] == "blocked"
    await ask(house, "PUT", "/guard/override", why)
    assert (await ask(house, "DELETE", "/guard/override"))[1]["state"] == "blocked"
    assert (await ask(house, "PUT", "/guard", {"guard": None}))[1]["state"] == "off"


async def test_a_key_in_the_guards_url_is_shown_to_nobody(house: ApiHouse) -> None:
    source = {"kind": "url", "url": "https://me:secret@nodes.example/count?key=secret", "path": "n"}
    shown = (await ask(house, "PUT", "/guard", {"guard": GUARD | {"source": source}}))[1]
    assert shown["settings"]["source"]["url"] == "https://nodes.example/count?..."
    assert "secret" not in str((await ask(house, "GET", "/guard", scope="read"))[1])


async def test_the_waiting_list_says_what_to_sign_and_refuses_what_is_not_signed(house: ApiHouse) -> None:
    shown = (await house.client.get("/api/v1/public/waiting")).json()
    assert (shown["wallets"], shown["amount"], shown["minimum"]) == (0, "0", str(link(1)))
    assert shown["domain"]["name"] == "LinkPool"
    wallet = "0x" + "12" * 20
    assert (await house.client.get(f"/api/v1/public/waiting/{wallet}")).json() is None
    said = {"wallet": wallet, "amount": str(link(5)), "deadline": 1, "nonce": "1", "signature": "0x00"}
    assert (await house.client.post("/api/v1/public/waiting", json=said)).status_code == 409
    for _ in range(30):
        status = (await house.client.post("/api/v1/public/waiting", json=said)).status_code
    assert status == 429


async def test_retiring_needs_a_node_and_twice_is_once(house: ApiHouse) -> None:
    assert (await ask(house, "POST", "/nodes/0xnobody/retire"))[0] == 404
    made = (await ask(house, "POST", "/nodes", {}))[1]
    status, operation = await ask(house, "POST", f"/nodes/{made['node']['id']}/retire")
    assert (status, operation["kind"], operation["state"]) == (202, "retire_node", "done")
    assert (await ask(house, "GET", f"/nodes/{made['node']['id']}"))[1]["state"] == "failed"
    again = (await ask(house, "POST", f"/nodes/{made['node']['id']}/retire"))[1]
    assert again["id"] == operation["id"]
