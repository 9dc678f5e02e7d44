"""What a process says of itself at `/ready`."""

from pathlib import Path

import aiohttp

from tests.support.until import until


async def ready(http: aiohttp.ClientSession, url: str) -> str:
    """What `/ready` says: "ready", or why not; "gone" when nobody answers."""
    try:
        async with http.get(f"{url}/ready") as reply:
            text = (await reply.text()).strip()
            assert (reply.status == 200) == (text == "ready")
            return text
    except aiohttp.ClientError:
        return "gone"


async def until_says(http: aiohttp.ClientSession, url: str, what: str, log: Path) -> None:
    """Return once `/ready` says something that begins with `what`."""

    async def so() -> bool:
        return (await ready(http, url)).startswith(what)

    await until(so, f"{url} says {what!r}; see {log}")
