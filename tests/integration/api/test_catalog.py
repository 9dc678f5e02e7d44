"""The catalog's routes: what a change says, who may ask for what, and what is shown to whom."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.api_house import ApiHouse, api_house
from tests.support.job_text import JOB

ID = "0eec7e1d-d0d2-476c-a1a8-72dfb6633f46"
OFFER = {"payment": "100", "penalty": "0", "base_fee_ceiling": "7"}
PROGRAM = {"program": {"command": ["adapter"], "secrets": {"API_KEY": "very-secret-key"}}}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[ApiHouse]:
    async with api_house(tmp_path) as made:
        yield made


async def ask(
    house: ApiHouse, method: str, path: str = "", body: Any = None, *, scope: str = "operate"
) -> httpx.Response:
    return await house.client.request(
        method, f"/api/v1/catalog{path}", json=body, headers=house.headers(scope)
    )


async def test_a_dry_run_says_what_would_change_and_changes_nothing(house: ApiHouse) -> None:
    wanted = {"jobs": [{"text": JOB, "offer": OFFER}], "dry_run": True}
    said = (await ask(house, "POST", body=wanted)).json()
    assert (said["revision"], said["applied"]) == (0, False)
    assert [(each["what"], each["kind"], each["name"]) for each in said["changes"]] == [
        ("added", "job", "price"),
        ("added", "offer", "price"),
    ]
    assert said["on_chain"] == [
        "open the offer of price once every serving replica has the job: "
        "0.0000000000000001 LINK, penalty 0 LINK up to 7e-09 gwei"
    ]
    assert (await ask(house, "GET")).json()["jobs"] == []


async def test_a_change_for_another_revision_is_refused(house: ApiHouse) -> None:
    wanted = {"jobs": [{"text": JOB}], "if_revision": 0}
    assert (await ask(house, "POST", body=wanted)).status_code == 200
    late = await ask(house, "POST", body={"jobs": [], "if_revision": 0})
    assert late.status_code == 409
    assert "revision 1 is in force, not 0" in late.json()["detail"]


async def test_jobs_and_offers_one_by_one(house: ApiHouse) -> None:
    assert (await ask(house, "PUT", f"/jobs/{ID}", {"text": JOB})).json()["revision"] == 1
    assert (await ask(house, "PUT", f"/jobs/{ID}/offer", OFFER)).json()["revision"] == 2
    (job,) = (await ask(house, "GET")).json()["jobs"]
    assert (job["offer"], job["state"], job["leaving"]) == (OFFER, "adding", False)
    closed = (await ask(house, "DELETE", f"/jobs/{ID}/offer")).json()
    assert closed["on_chain"] == ["close the offer of price"]
    gone = (await ask(house, "DELETE", f"/jobs/{ID}")).json()
    assert [each["detail"] for each in gone["changes"]] == ["leaves"]
    (job,) = (await ask(house, "GET")).json()["jobs"]
    assert (job["leaving"], job["state"]) == (True, "closing")
    for method, path in (
        ("DELETE", f"/jobs/{ID}"),
        ("DELETE", f"/jobs/{ID}/offer"),
        ("DELETE", "/bridges/b"),
    ):
        assert (await ask(house, method, path)).status_code == 404
    other = await ask(house, "PUT", f"/jobs/{ID[:-1]}7", {"text": JOB})
    assert other.status_code == 409
    assert ID in other.json()["detail"]


async def test_to_run_a_program_needs_an_admin_and_its_secrets_are_shown_to_nobody(
    house: ApiHouse, tmp_path: Path
) -> None:
    assert (await ask(house, "PUT", "/bridges/lab", PROGRAM)).status_code == 403
    whole = await ask(house, "POST", body={"jobs": [], "bridges": {"lab": PROGRAM}})
    assert whole.status_code == 403
    made = await ask(house, "PUT", "/bridges/lab", PROGRAM, scope="admin")
    assert made.status_code == 200
    shown = await ask(house, "GET", scope="admin")
    (bridge,) = shown.json()["bridges"]
    assert (bridge["program"]["secrets"], bridge["program"]["state"]) == (["API_KEY"], "starting")
    assert "very-secret-key" not in made.text + shown.text
    kept = {"program": {"command": ["adapter"]}, "keep_secrets": True}
    again = await ask(house, "PUT", "/bridges/lab", kept, scope="admin")
    assert again.json()["applied"] is False
    ours = {"program": {"command": ["adapter"], "settings": {"LINKPOOL_TOKEN_FILE": "/x"}}}
    refused = await ask(house, "PUT", "/bridges/lab", ours, scope="admin")
    assert "is set by the engine" in refused.json()["detail"]
    token = PROGRAM | {"token": "of-my-own"}
    assert (await ask(house, "PUT", "/bridges/lab", token, scope="admin")).status_code == 422
    await house.database.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("api.db*"))
    assert b"very-secret-key" not in stored


async def test_who_may_only_look_sees_no_query_of_a_url_where_keys_may_be(house: ApiHouse) -> None:
    bridge = {"urls": ["https://x.example/?key=secret"]}
    await ask(house, "PUT", "/bridges/lab", bridge)
    for scope, shown in (("read", "https://x.example/?..."), ("operate", "https://x.example/?key=secret")):
        assert (await ask(house, "GET", scope=scope)).json()["bridges"][0]["urls"] == [shown]
    with_password = {"urls": ["https://user:secret@x.example/"]}
    assert (await ask(house, "PUT", "/bridges/lab", with_password)).status_code == 422


@pytest.mark.parametrize("bridge", [{}, {"urls": []}, {"urls": ["https://x"], **PROGRAM}])
async def test_a_bridge_is_urls_or_a_program(house: ApiHouse, bridge: dict[str, Any]) -> None:
    answer = await ask(house, "PUT", "/bridges/lab", bridge, scope="admin")
    assert answer.status_code == 422
    assert "one of both" in answer.json()["detail"]
