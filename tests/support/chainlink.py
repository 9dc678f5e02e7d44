"""Chainlink's own contracts, for comparison: clients from npm `@chainlink/abi`, Operator 1.5.0 from source.

Operator's package is fetched and compiled on first use into `build/` (never committed); `npm ci` brings the
rest. solc 0.8.19, optimizer with 1,000,000 runs, evmVersion paris, as Chainlink builds it.
"""

import functools
import json
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from linkpool.contracts.abi import Abi

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "chainlink"
CLIENTS = ROOT / "node_modules" / "@chainlink" / "abi"
OPERATOR_PACKAGE = "@chainlink/contracts@1.5.0"


@dataclass(frozen=True)
class Compiled:
    """ABI and creation code."""

    abi: Abi
    code: bytes

    def creation(self, *arguments: Any) -> bytes:
        """Creation code with constructor arguments."""
        return self.code + encode(self.abi.constructor, arguments)

    def calldata(self, function: str, *values: Any) -> bytes:
        """A call of one of its functions."""
        return self.abi.functions[function].encode(*values)


@functools.cache
def client(version: str, name: str) -> Compiled:
    """One of `@chainlink/abi`'s compiled contracts: `client("v0.7", "tests/Consumer")`."""
    output = json.loads((CLIENTS / version / f"{name}.json").read_text())
    return Compiled(Abi(output["abi"]), bytes.fromhex(output["bytecode"].removeprefix("0x")))


@functools.cache
def operator() -> Compiled:
    """Chainlink's Operator 1.5.0."""
    artifact = BUILD / "Operator.json"
    if not artifact.exists():
        _compile_operator(artifact)
    output = json.loads(artifact.read_text())
    return Compiled(Abi(output["abi"]), bytes.fromhex(output["bytecode"].removeprefix("0x")))


def _compile_operator(artifact: Path) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    packed = subprocess.run(
        ["npm", "pack", "--silent", OPERATOR_PACKAGE], cwd=BUILD, check=True, capture_output=True, text=True
    )
    with tarfile.open(BUILD / packed.stdout.strip().splitlines()[-1]) as archive:
        archive.extractall(BUILD, filter="data")
    script = Path(__file__).with_name("compile_operator.cjs")
    draft = artifact.with_suffix(".new")
    subprocess.run(["node", script, BUILD / "package" / "src", draft], cwd=ROOT, check=True)
    draft.replace(artifact)
