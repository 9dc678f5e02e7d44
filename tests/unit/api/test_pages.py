"""How a build is served: policy, caching, paths of the page's own, and what is no page."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from linkpool.api import problems
from linkpool.api.pages import FOREVER, Pages, protection, read

SCRIPT = "assets/index-abc.js"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>page</title>" + " " * 500)
    (tmp_path / SCRIPT).write_text("let pages = 1;" * 200)
    (tmp_path / ".stamp").write_text("not to be served")
    (tmp_path / ".vite").mkdir()
    (tmp_path / ".vite/manifest.json").write_text("{}")
    return tmp_path


def client(folder: Path, rpc_url: str | None = None) -> httpx.AsyncClient:
    app = FastAPI()
    problems.install(app)

    @app.get("/api/v1/thing")
    async def thing() -> str:
        return "thing"

    app.router.default = Pages(folder, rpc_url, app.router.default)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://house")


async def test_the_page_is_asked_for_each_time_and_not_sent_twice(build: Path) -> None:
    async with client(build) as pages:
        first = await pages.get("/")
        again = await pages.get("/", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
    assert first.headers["content-encoding"] == "gzip"
    assert first.text.startswith("<!doctype html>")
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]


async def test_what_is_named_by_its_hash_is_kept_for_ever(build: Path) -> None:
    async with client(build) as pages:
        found = await pages.get(f"/{SCRIPT}", headers={"Accept-Encoding": "identity"})
        gone = await pages.get("/assets/index-old.js")
    assert found.headers["cache-control"] == FOREVER
    assert found.headers["content-type"].startswith("text/javascript")
    assert "content-encoding" not in found.headers
    assert gone.status_code == 404


@pytest.mark.parametrize("path", ["/nodes/0xabc", "/position", "/console/nodes", "/nowhere"])
async def test_other_paths_are_the_page_which_finds_its_way(build: Path, path: str) -> None:
    async with client(build) as pages:
        assert (await pages.get(path)).text.startswith("<!doctype html>")


@pytest.mark.parametrize("path", ["/.stamp", "/.vite/manifest.json", "/../secret", "/%2e%2e/secret"])
async def test_nothing_but_the_build_is_served(build: Path, path: str) -> None:
    (build.parent / "secret").write_text("secret")
    async with client(build) as pages:
        answer = await pages.get(path)
    assert "secret" not in answer.text
    assert "not to be served" not in answer.text
    assert ".vite/manifest.json" not in read(build)


async def test_the_api_stays_itself(build: Path) -> None:
    async with client(build) as pages:
        assert (await pages.get("/api/v1/thing")).json() == "thing"
        unknown = await pages.get("/api/v1/nothing")
        wrong = await pages.post("/api/v1/thing")
        posted = await pages.post("/nowhere")
    assert (unknown.status_code, wrong.status_code, posted.status_code) == (404, 405, 404)
    assert unknown.headers["content-type"] == "application/problem+json"


async def test_without_a_build_it_says_how_to_make_one(tmp_path: Path) -> None:
    async with client(tmp_path / "none") as pages:
        answer = await pages.get("/")
    assert (answer.status_code, "make dapp" in answer.text) == (404, True)


def test_the_policy_lets_nothing_foreign_in_but_the_endpoint_it_was_told() -> None:
    policy = protection(None)["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "connect-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    told = protection("https://rpc.example/v1/key")["Content-Security-Policy"]
    assert "connect-src 'self' https://rpc.example;" in told
