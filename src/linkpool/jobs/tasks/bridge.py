"""The bridge task: one question to a named external adapter, answered at once or by a callback.

An adapter that fails says so in one of four ways, see `refused`. With `cacheTTL`, its last good answer to
the same question stands in for a failure.
"""

from typing import Any

from linkpool.jobs import jsontext
from linkpool.jobs.durations import seconds
from linkpool.jobs.errors import BadValue, Cause, TaskError, TaskPermanent, TaskTemporary, shown
from linkpool.jobs.services import (
    BridgeCall,
    CallbackFailed,
    HttpReply,
    Oversized,
    UnknownBridge,
    Unreachable,
    Waiting,
)
from linkpool.jobs.tasks.http import headers, refusal, with_json_type
from linkpool.jobs.tasks.kit import Call, Parameter, TaskType
from linkpool.jobs.values import Value, text, truth


async def bridge(call: Call) -> Value:
    """The adapter's answer as a text, or what its callback brought."""
    question = dict(call["requestData"])
    if call["includeInputAtKey"] and call.inputs:
        question[call["includeInputAtKey"]] = call.inputs[0]
    age = call["cacheTTL"]
    kept_as = (call.job_id, call.task.name, jsontext.write(question)) if age else None
    try:
        answer = await _asynchronous(call, question) if call["async"] else await _ask(call, question)
    except TaskError as error:
        kept = call.services.cache.get(kept_as, age, call.services.now()) if kept_as else None
        if kept is None:
            raise error from None
        return kept
    if kept_as and isinstance(answer, str):
        call.services.cache.put(kept_as, answer, call.services.now())
    return answer


async def _asynchronous(call: Call, question: dict[str, Value]) -> Value:
    name, run_id, task = call["name"], call.run_id, call.task.name
    question["responseURL"] = call.services.callbacks.url(name, run_id, task)
    waiting = call.services.callbacks.expect(run_id, task)
    try:
        reply = await _send(call, question)
        return await _callback(waiting) if _pending(reply) else _answer(reply)
    finally:
        waiting.cancel()


async def _callback(waiting: Waiting) -> Value:
    try:
        return await waiting.value()
    except CallbackFailed as error:
        raise TaskTemporary(str(error), Cause.SOURCE_FAILED) from None


async def _ask(call: Call, question: dict[str, Value]) -> str:
    return _answer(await _send(call, question))


async def _send(call: Call, question: dict[str, Value]) -> HttpReply:
    meta = call.variables.get("jobRun", {}).get("meta")
    body = {"id": call.run_id, **question, **({"meta": meta} if isinstance(meta, dict) else {})}
    asked = BridgeCall(
        name=call["name"],
        body=jsontext.write(body).encode(),
        caller=call.job_id,
        headers=with_json_type(call["headers"]),
        timeout=None if call["async"] else call.task.timeout,
    )
    try:
        reply = await call.services.bridges.ask(asked)
    except Unreachable as error:
        raise TaskTemporary(str(error), Cause.SOURCE_FAILED) from None
    except Oversized as error:
        raise TaskPermanent(str(error), Cause.SOURCE_FAILED) from None
    except UnknownBridge as error:
        raise TaskTemporary(str(error), Cause.OURS) from None
    if said := refused(reply):
        raise said
    return reply


def refused(reply: HttpReply) -> TaskError | None:
    """The error an adapter reports: an HTTP status from 300; a `statusCode` or `providerStatusCode` that is
    not 200; `error`; `errorMessage`."""
    try:
        said = jsontext.read(reply.body)
    except BadValue:
        said = None
    said = said if isinstance(said, dict) else {}
    reason = _reason(said.get("error")) or _reason(said.get("errorMessage"))
    codes = [reply.status if reply.status >= 300 else 200]
    codes += [code for key in ("statusCode", "providerStatusCode") if isinstance(code := said.get(key), int)]
    bad = next((code for code in codes if code != 200), None)
    if bad is not None:
        return refusal(bad, reply.body, reason)
    return TaskTemporary(f"the adapter reports: {reason}", Cause.SOURCE_FAILED) if reason else None


def _reason(error: Any) -> str:
    if isinstance(error, dict):
        return ": ".join(str(error[key]) for key in ("name", "message") if error.get(key)) or shown(error)
    return shown(error) if error else ""


def _pending(reply: HttpReply) -> bool:
    if "x-chainlink-pending" in reply.headers:
        return True
    try:
        said = jsontext.read(reply.body)
    except BadValue:
        return False
    return isinstance(said, dict) and said.get("pending") is True


def _answer(reply: HttpReply) -> str:
    return reply.body.decode("utf-8", "replace")


TASKS = (
    TaskType(
        "bridge",
        bridge,
        {
            "name": Parameter(text, required=True, fixed=True),
            "requestData": Parameter(jsontext.mapping_of, default={}, template=True),
            "includeInputAtKey": Parameter(text, default=""),
            "async": Parameter(truth, default=False, fixed=True),
            "cacheTTL": Parameter(seconds, default=0.0, fixed=True),
            "headers": Parameter(headers, default=(), template=True),
        },
        source=True,
        late=Cause.SOURCE_FAILED,
    ),
)
