"""The guard: two marks, no reading is no permission, and what a source may say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.chain.rpc import EndpointTrouble
from linkpool.fleet.guard.rule import FRESH, Reading, blocked, judge
from linkpool.fleet.guard.source import NoNumber, read
from linkpool.jobs.services import Http, HttpReply, HttpRequest, Private, Unreachable
from linkpool.wire.guard import ContractSource, GuardSettings, NumberSource, Source, UrlSource

NOW = 1_700_000_000.0
URL = UrlSource(kind="url", url="https://nodes.example/list", path="data.0.nodes")


def settings(upper: float, lower: float, source: Source = URL) -> GuardSettings:
    return GuardSettings(source=source, upper=upper, lower=lower)


marks = st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)).map(lambda two: settings(max(two), min(two)))
counts = st.integers(1, 2_000)


@given(marks, counts, st.integers(0, 400), st.booleans())
def test_what_it_allows_never_passes_the_upper_mark(
    rules: GuardSettings, nodes: int, ours: int, was: bool
) -> None:
    verdict = judge(rules, Reading(nodes, NOW, None, was), ours=ours, now=NOW)
    allowed = verdict.allows or 0
    assert verdict.state in {"open", "blocked"}
    assert allowed == 0 or (ours + allowed) / nodes <= rules.upper
    assert verdict.state == "open" or allowed == 0


@given(marks, counts, st.lists(st.integers(0, 400), min_size=2, max_size=30))
def test_it_blocks_above_the_upper_mark_and_frees_only_below_the_lower(
    rules: GuardSettings, nodes: int, course: list[int]
) -> None:
    was = False
    for ours in course:
        now = blocked(rules, Reading(nodes, NOW, None, was), ours)
        share = ours / nodes
        if share > rules.upper:
            assert now
        elif share < rules.lower:
            assert not now
        else:
            assert now == was
        was = now


@pytest.mark.parametrize(
    "reading",
    [
        Reading(),
        Reading(1_000, NOW - FRESH - 1),
        Reading(1_000, NOW, "it does not answer"),
        Reading(None, None, "it does not answer"),
    ],
)
def test_what_is_unknown_old_or_failing_blocks(reading: Reading) -> None:
    verdict = judge(settings(0.5, 0.4), reading, ours=1, now=NOW)
    assert (verdict.state, verdict.allows) == ("blocked", 0)


def test_a_number_that_a_person_gave_does_not_age() -> None:
    rules = settings(0.5, 0.4, NumberSource(kind="number", nodes=10))
    assert judge(rules, Reading(10, NOW - 30 * FRESH), ours=1, now=NOW).state == "open"


def test_an_override_allows_anything_until_it_ends_and_no_guard_blocks_nothing() -> None:
    rules, reading = settings(0.5, 0.4), Reading(10, NOW)
    ask = {"ours": 9, "now": NOW}
    assert judge(rules, reading, **ask).state == "blocked"
    overridden = judge(rules, reading, **ask, override_until=NOW + 1)
    assert (overridden.state, overridden.allows) == ("overridden", None)
    assert judge(rules, reading, **ask, override_until=NOW).state == "blocked"
    assert judge(None, reading, **ask).state == "off"


# --- sources ----------------------------------------------------------------------------------------


class Site:
    """One document, and how it was asked for."""

    def __init__(self, body: bytes = b"", status: int = 200, error: Exception | None = None) -> None:
        self.reply, self.error, self.asked = HttpReply(status, body), error, list[HttpRequest]()

    async def send(self, request: HttpRequest) -> HttpReply:
        self.asked.append(request)
        if self.error:
            raise self.error
        return self.reply

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Http]:
        yield self


class Chain:
    """A contract that returns this."""

    def __init__(self, returns: Any) -> None:
        self.returns = returns

    async def call(self, method: str, *params: Any) -> Any:
        if isinstance(self.returns, Exception):
            raise self.returns
        return self.returns

    async def batch(self, calls: Any) -> list[Any]:
        raise NotImplementedError


async def ask(source: Source, *, site: Site | None = None, chain: Chain | None = None) -> int:
    return await read(source, chain or Chain(None), (site or Site()).open)


async def test_a_document_is_read_at_its_path_and_only_from_public_addresses() -> None:
    site = Site(b'{"data": [{"nodes": "312"}], "nodes": 7}')
    assert await ask(URL, site=site) == 312
    assert await ask(UrlSource(kind="url", url=URL.url, path="nodes", allow_private=True), site=site) == 7
    assert [asked.private for asked in site.asked] == [Private.NEVER, Private.ALWAYS]
    assert all(asked.max_bytes <= 1 << 20 and asked.timeout <= 15 for asked in site.asked)


@pytest.mark.parametrize(
    "site",
    [
        Site(b'{"data": []}'),
        Site(b'{"data": [{"nodes": 0}]}'),
        Site(b'{"data": [{"nodes": 1.5}]}'),
        Site(b'{"data": [{"nodes": true}]}'),
        Site(b'{"data": [{"nodes": 1e30}]}'),
        Site(b"nodes: 7"),
        Site(b'{"data": [{"nodes": 7}]}', status=500),
        Site(error=Unreachable("nobody there")),
    ],
)
async def test_what_is_no_number_of_nodes_is_said_so(site: Site) -> None:
    with pytest.raises(NoNumber):
        await ask(URL, site=site)


@given(st.binary(max_size=200), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20))
async def test_any_document_and_any_path_give_a_number_or_say_why_not(body: bytes, path: str) -> None:
    with suppress(NoNumber):
        assert await ask(UrlSource(kind="url", url=URL.url, path=path), site=Site(body)) >= 1


async def test_a_view_of_a_contract_is_one_word() -> None:
    source = ContractSource(kind="contract", address="0x" + "ab" * 20, function="nodeCount()")
    assert await ask(source, chain=Chain(f"0x{25:064x}")) == 25
    for returns in ("0x", f"0x{0:064x}", f"0x{2**255:064x}", None, EndpointTrouble("gone")):
        with pytest.raises(NoNumber):
            await ask(source, chain=Chain(returns))
