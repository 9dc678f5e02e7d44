"""The variables a run begins with, and the ids of runs that no request names."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from linkpool.jobs import abi, jsontext
from linkpool.jobs.errors import BadValue
from linkpool.jobs.spec import JobSpec
from linkpool.jobs.values import Value

ORACLE_REQUEST = abi.parse(
    "OracleRequest(bytes32 indexed specId, address requester, bytes32 requestId, uint256 payment, address "
    "callbackAddr, bytes4 callbackFunctionId, uint256 cancelExpiration, uint256 dataVersion, bytes data)",
    event=True,
)


@dataclass(frozen=True, slots=True)
class RequestLog:
    """The log of an OracleRequest; hashes are 32 bytes, `address` checksummed."""

    address: str
    topics: Sequence[bytes]
    data: bytes
    block_number: int
    block_hash: bytes
    tx_hash: bytes


def for_request(job: JobSpec, log: RequestLog, *, chain_id: int, database_id: int = 0) -> dict[str, Value]:
    """`jobSpec` and `jobRun` of a direct request; `jobRun.meta.oracleRequest` has every field as a text."""
    run = {
        "meta": {"oracleRequest": _meta(log)},
        "logBlockHash": log.block_hash,
        "logBlockNumber": log.block_number,
        "logTxHash": log.tx_hash,
        "logAddress": log.address,
        "logTopics": list(log.topics),
        "logData": log.data,
    }
    return {"jobSpec": _spec(job, chain_id, database_id), "jobRun": run}


def for_tick(job: JobSpec, *, chain_id: int, database_id: int = 0) -> dict[str, Value]:
    """`jobSpec` and `jobRun` of a cron run."""
    return {"jobSpec": _spec(job, chain_id, database_id), "jobRun": {"meta": {}}}


def for_webhook(
    job: JobSpec, body: bytes, meta: Mapping[str, Value] | None = None, *, chain_id: int, database_id: int = 0
) -> dict[str, Value]:
    """`jobSpec` and `jobRun` of a webhook run; the body is a text, as it came."""
    run = {"meta": dict(meta or {}), "requestBody": body.decode("utf-8", "replace")}
    return {"jobSpec": _spec(job, chain_id, database_id), "jobRun": run}


def tick_id(job: JobSpec, tick: int) -> str:
    """The id of a cron job's run at `tick` (seconds since 1970): 64 hex characters, the same everywhere."""
    return _digest("cron", job.external_job_id.hex, str(tick).encode())


def webhook_id(job: JobSpec, body: bytes, nonce: str = "") -> str:
    """The id of a webhook's run; the same body is the same run unless the caller's `nonce` differs."""
    return _digest("webhook", job.external_job_id.hex, nonce.encode() + b"\x00" + body)


def _digest(kind: str, job: str, rest: bytes) -> str:
    return hashlib.sha256(f"linkpool/{kind}/{job}/".encode() + rest).hexdigest()


def _spec(job: JobSpec, chain_id: int, database_id: int) -> dict[str, Value]:
    return {
        "databaseID": database_id,
        "externalJobID": str(job.external_job_id),
        "name": job.name,
        "evmChainID": str(chain_id),
    }


def _meta(log: RequestLog) -> dict[str, Value]:
    try:
        fields = abi.decode_log(ORACLE_REQUEST, list(log.topics), log.data)
    except BadValue:
        return {}
    return {name: jsontext.write(value).strip('"') for name, value in fields.items()}
