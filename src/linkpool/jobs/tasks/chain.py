"""What a job does on chain: ethcall, estimategaslimit, ethtx."""

from decimal import ROUND_DOWN, Decimal

from linkpool.jobs import abi, jsontext
from linkpool.jobs.errors import BadValue, Cause, TaskPermanent, shown
from linkpool.jobs.services import EthCall, EthTx, Reverted
from linkpool.jobs.tasks.kit import Call, Parameter, TaskType
from linkpool.jobs.values import EXACT, Value, address, count, mapping, number, octets, truth

_ERROR_STRING = bytes.fromhex("08c379a0")
_DEFAULT_GAS = 500_000
_BLOCKS = {"latest", "pending", "earliest", "safe", "finalized"}


async def ethcall(call: Call) -> bytes:
    """What a contract's view returns."""
    _check_chain(call)
    data = call["data"]
    if not data:
        raise BadValue("data: it is empty")
    asked = EthCall(
        to=call["contract"],
        data=data,
        sender=call["from"],
        gas=None if call["gasUnlimited"] else call["gas"],
        gas_price=call["gasPrice"],
        tip_cap=call["gasTipCap"],
        fee_cap=call["gasFeeCap"],
        block=call["block"],
    )
    try:
        return bytes(await call.services.call(asked))
    except Reverted as error:
        reason = _revert_reason(error) if call["extractRevertReason"] else str(error)
        raise TaskPermanent(f"the contract reverted: {reason}", Cause.SOURCE_REFUSED) from None


def _revert_reason(error: Reverted) -> str:
    if error.data[:4] != _ERROR_STRING:
        return str(error)
    try:
        return str(abi.decode(abi.parse("string reason").arguments, error.data[4:])["reason"])
    except BadValue:
        return str(error)


async def estimate_gas_limit(call: Call) -> int:
    """What a transaction would use, times `multiplier`; at most the job's gas limit, which stands in too."""
    _check_chain(call)
    limit = call.gas_limit or _DEFAULT_GAS
    try:
        gas = await call.services.estimate(
            EthCall(to=call["to"], data=call["data"], sender=call["from"], block=call["block"])
        )
    except Reverted:
        return limit
    wanted = EXACT.multiply(Decimal(gas), call["multiplier"]).to_integral_value(ROUND_DOWN)
    return min(int(wanted), limit)


async def ethtx(call: Call) -> Value:
    """Hands a transaction over; what comes back is the sender's to say."""
    _check_chain(call)
    transaction = EthTx(
        run_id=call.run_id,
        task=call.task.name,
        to=call["to"],
        data=call["data"],
        gas_limit=call["gasLimit"] or call.gas_limit,
        senders=call["from"],
        meta=call["txMeta"],
        min_confirmations=call["minConfirmations"],
        fail_on_revert=call["failOnRevert"],
    )
    return await call.services.transact(transaction)


def _check_chain(call: Call) -> None:
    """A node serves one chain; a task for another one cannot be done here."""
    wanted, ours = call["evmChainID"], call.variables.get("jobSpec", {}).get("evmChainID")
    if wanted is not None and ours is not None and wanted != count(ours):
        raise TaskPermanent(f"it is for chain {wanted}, and this node serves chain {ours}", Cause.OURS)


def _addresses(value: Value) -> tuple[str, ...]:
    if isinstance(value, str) and value.startswith("0x"):
        return (address(value),)
    return tuple(address(item) for item in jsontext.items_of(value))


def block(value: Value) -> str:
    """A block's tag, or its number as JSON-RPC writes it."""
    if isinstance(value, str) and value.lower() in _BLOCKS:
        return value.lower()
    if isinstance(value, str) and value[:2] == "0x":
        try:
            return hex(int(value, 16))
        except ValueError:
            raise BadValue(f"{shown(value)} is not a block") from None
    return hex(count(value))


_ADDRESS = Parameter(address, required=True)
_DATA = Parameter(octets, required=True)
_SENDER = Parameter(address)
_BLOCK = Parameter(block, default="latest")
_COUNT = Parameter(count)
_FLAG = Parameter(truth, default=False)

TASKS = (
    TaskType(
        "ethcall",
        ethcall,
        {
            "contract": _ADDRESS,
            "data": _DATA,
            "from": _SENDER,
            "gas": _COUNT,
            "gasPrice": _COUNT,
            "gasTipCap": _COUNT,
            "gasFeeCap": _COUNT,
            "gasUnlimited": _FLAG,
            "block": _BLOCK,
            "extractRevertReason": _FLAG,
            "evmChainID": _COUNT,
        },
        source=True,
    ),
    TaskType(
        "estimategaslimit",
        estimate_gas_limit,
        {
            "to": _ADDRESS,
            "data": _DATA,
            "from": _SENDER,
            "multiplier": Parameter(number, default=Decimal(1)),
            "block": _BLOCK,
            "evmChainID": _COUNT,
        },
        source=True,
    ),
    TaskType(
        "ethtx",
        ethtx,
        {
            "from": Parameter(_addresses, default=(), template=True, text_too=True),
            "to": _ADDRESS,
            "data": _DATA,
            "gasLimit": _COUNT,
            "txMeta": Parameter(mapping, default={}, template=True),
            "minConfirmations": _COUNT,
            "failOnRevert": _FLAG,
            "evmChainID": _COUNT,
            "transmitChecker": Parameter(mapping, default={}, template=True),
        },
    ),
)
