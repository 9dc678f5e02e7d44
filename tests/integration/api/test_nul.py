"""U+0000, which PostgreSQL keeps in no text and no command or variable can have, is refused at the door."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from linkpool.store.database import Database
from tests.support.api_house import ApiHouse, house_on
from tests.support.databases import cluster, database, url
from tests.support.job_text import JOB

__all__ = ["cluster", "database", "url"]

NUL = "a\0b"
GUARD = {"source": {"kind": "url", "url": "https://x.example", "path": NUL}, "upper": 0.2, "lower": 0.1}
BODIES: list[tuple[str, Any, str]] = [  # path, body, field
    ("/guard/override", {"reason": NUL, "expires_in_seconds": 60}, "reason"),
    ("/guard", {"guard": GUARD}, "guard.source.url.path"),
    ("/releases/r1", {"command": ["run", NUL]}, "command"),
    ("/releases/r1", {"command": ["run"], "settings": {"A": NUL}}, "settings"),
    ("/catalog/bridges/lab", {"program": {"command": [NUL]}}, "program.command"),
    ("/catalog/bridges/lab", {"program": {"image": NUL}}, "program.image"),
    ("/catalog/bridges/lab", {"program": {"command": ["run"], "settings": {"A": NUL}}}, "program.settings"),
    ("/catalog/bridges/lab", {"program": {"command": ["run"], "secrets": {"A": NUL}}}, "program.secrets"),
    ("/catalog/bridges/lab", {"urls": ["https://x.example"], "token": NUL}, "token"),
]


@pytest.fixture
async def house(database: Database) -> AsyncIterator[ApiHouse]:
    async with house_on(database) as made:
        yield made


async def ask(house: ApiHouse, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer = await house.client.request(method, f"/api/v1{path}", json=body, headers=house.headers("admin"))
    return answer.status_code, answer.json()


async def test_a_text_with_it_is_refused_by_the_name_of_its_field(house: ApiHouse) -> None:
    for path, body, field in BODIES:
        status, said = await ask(house, "PUT", path, body)
        assert (status, [each["field"] for each in said["errors"]]) == (422, [field]), path
        assert "U+0000" in said["detail"]


async def test_a_job_cannot_be_named_so_by_an_escape(house: ApiHouse) -> None:
    text = JOB.replace('name = "price"', r'name = "pr\u0000ice"')
    status, said = await ask(house, "POST", "/catalog", {"jobs": [{"text": text}]})
    assert status == 422
    assert "name: the character U+0000 is in it" in said["detail"]


async def test_nothing_has_such_a_name(house: ApiHouse) -> None:
    for method, path in (
        ("GET", "/nodes/a%00b"),
        ("POST", "/nodes/a%00b/retire"),
        ("GET", "/operations/a%00b"),
        ("GET", "/rollouts/a%00b"),
        ("POST", "/rollouts/a%00b/pause"),
    ):
        assert (await ask(house, method, path))[0] == 404, path


async def test_the_document_says_so_of_every_text(house: ApiHouse) -> None:
    schemas = (await house.client.get("/api/v1/openapi.json")).json()["components"]["schemas"]
    assert schemas["PutOverride"]["properties"]["reason"]["pattern"] == r"^[^\x00]*$"
    assert schemas["Terms"]["properties"]["payment"]["pattern"] != r"^[^\x00]*$"
