"""The http task: one request to a data source, its body as a text."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from linkpool.jobs import jsontext
from linkpool.jobs.errors import BadValue, Cause, TaskError, TaskPermanent, TaskTemporary, shown
from linkpool.jobs.services import Forbidden, HttpRequest, Oversized, Private, Unreachable
from linkpool.jobs.tasks.kit import Call, Constant, Parameter, Reach, TaskType
from linkpool.jobs.values import Value, text, truth

TIMEOUT = 15.0
_MAX_URL = 8192
_TRY_AGAIN = {408, 425, 429}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_METHOD = re.compile(r"[A-Z]{1,16}")


async def http(call: Call) -> str:
    """The body of the reply, if its status is below 300."""
    body = call["requestData"]
    request = HttpRequest(
        method=call["method"],
        url=call["url"],
        headers=with_json_type(call["headers"]),
        body=None if body is None else jsontext.write(body).encode(),
        timeout=call.timeout,
        private=_private(call),
        lane=call.job_id,
    )
    try:
        reply = await call.services.http.send(request)
    except Unreachable as error:
        raise TaskTemporary(str(error), Cause.SOURCE_FAILED) from None
    except Oversized as error:
        raise TaskPermanent(str(error), Cause.SOURCE_FAILED) from None
    except Forbidden as error:
        cause = Cause.PARAMETERS if call.task.reach is Reach.REQUEST else Cause.SOURCE_REFUSED
        raise TaskPermanent(str(error), cause) from None
    if reply.status >= 300:
        raise refusal(reply.status, reply.body)
    return reply.body.decode("utf-8", "replace")


def refusal(status: int, body: bytes, reason: str = "") -> TaskError:
    """The error that a source's status is: 4xx is a no, all else may pass."""
    told = reason or _told(body)
    what = f"the source answered {status}{f': {told}' if told else ''}"
    if 400 <= status < 500 and status not in _TRY_AGAIN:
        return TaskPermanent(what, Cause.SOURCE_REFUSED)
    return TaskTemporary(what, Cause.SOURCE_FAILED)


def _told(body: bytes) -> str:
    try:
        value = jsontext.read(body)
    except BadValue:
        return shown(body.decode("utf-8", "replace")) if body else ""
    told = (value.get("error") or value.get("errorMessage")) if isinstance(value, dict) else value
    return shown(told) if told else ""


def _private(call: Call) -> Private:
    """The job may say; a URL that the job itself names may be private, where it redirects to may not."""
    said = call["allowUnrestrictedNetworkAccess"]
    if said is not None:
        return Private.ALWAYS if said else Private.NEVER
    return Private.FIRST if isinstance(call.task.arguments["url"], Constant) else Private.NEVER


def url(value: Value) -> str:
    """An absolute http or https URL without control characters."""
    written = text(value).strip()
    if len(written) > _MAX_URL or not written.isprintable() or " " in written:
        raise BadValue(f"{shown(written)} is not a URL")
    try:
        parts = urlsplit(written)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise BadValue(f"{shown(written)} is not a URL that begins with http:// or https:// and names a host")
    return written


def headers(value: Value) -> tuple[tuple[str, str], ...]:
    """Pairs out of a flat list `["name", "value", ...]`."""
    flat = [text(item) for item in jsontext.items_of(value)]
    if len(flat) % 2:
        raise BadValue(f"{len(flat)} headers and values are not pairs")
    pairs = tuple(zip(flat[::2], flat[1::2], strict=True))
    for name, content in pairs:
        if not _HEADER_NAME.fullmatch(name) or not content.isprintable() or not content.isascii():
            raise BadValue(f"{shown(name)}: {shown(content)} is not a header")
    return pairs


def with_json_type(given: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The same headers; JSON is the content type unless they say otherwise."""
    named = any(name.lower() == "content-type" for name, _ in given)
    return given if named else (*given, ("Content-Type", "application/json"))


def _method(value: Value) -> str:
    word = text(value).upper()
    if not _METHOD.fullmatch(word) or word in {"CONNECT", "TRACE"}:
        raise BadValue(f"{shown(value)} is not a method")
    return word


def optional_mapping(value: Value) -> Mapping[str, Any] | None:
    """An object, or None if there is none."""
    return None if value is None else jsontext.mapping_of(value)


TASKS = (
    TaskType(
        "http",
        http,
        {
            "method": Parameter(_method, default="GET"),
            "url": Parameter(url, required=True),
            "requestData": Parameter(optional_mapping, template=True),
            "headers": Parameter(headers, default=(), template=True),
            "allowUnrestrictedNetworkAccess": Parameter(truth, fixed=True),
        },
        source=True,
        timeout=TIMEOUT,
        late=Cause.SOURCE_FAILED,
    ),
)
