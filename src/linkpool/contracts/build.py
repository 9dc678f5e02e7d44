"""Compile the contracts: `python -m linkpool.contracts.build`; with `--check`, say what is stale.

Vyper is needed only here. Artifacts are two files a contract, so that a replica reads no bytecode:
`artifacts/NAME.abi.json`, and `artifacts/NAME.bin.json` with the creation code, the blueprint code (ERC-5202)
and the runtime size in bytes.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCES = HERE / "sources"
ARTIFACTS = HERE / "artifacts"
CONTRACTS = ("StakingPool", "NodeOracle", "PoolView", "DevLink", "DemoConsumer")
MAX_RUNTIME = 22_000
"""Bytes of code a contract may have; the chain's own limit is 24,576."""


def compile_contract(name: str, sources: Path = SOURCES) -> Mapping[str, Any]:
    """Vyper's output: `abi`, and as 0x-hex `bytecode`, `blueprint_bytecode`, `bytecode_runtime`."""
    compile_files = import_module("vyper.cli.vyper_compile").compile_files  # a development tool

    formats = ["abi", "bytecode", "blueprint_bytecode", "bytecode_runtime"]
    (output,) = compile_files([sources / f"{name}.vy"], formats, paths=[str(sources)]).values()
    return dict(output)


def render(name: str) -> tuple[dict[Path, str], int]:
    """The artifact files of one contract with their texts, and its runtime size in bytes."""
    output = compile_contract(name)
    size = len(bytes.fromhex(output["bytecode_runtime"].removeprefix("0x")))
    code = {"bytecode": output["bytecode"], "blueprint": output["blueprint_bytecode"], "runtime_size": size}
    texts = {
        ARTIFACTS / f"{name}.abi.json": json.dumps(output["abi"], indent=1) + "\n",
        ARTIFACTS / f"{name}.bin.json": json.dumps(code, indent=1) + "\n",
    }
    return texts, size


def main(arguments: list[str] | None = None) -> int:
    """Write or check all artifacts; 1 when one is stale or a contract is too large."""
    parser = argparse.ArgumentParser(description="Compile the contracts into the package.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when an artifact is stale")
    check = parser.parse_args(arguments).check
    failed = False
    for name in CONTRACTS:
        texts, size = render(name)
        stale = [path for path, text in texts.items() if not path.exists() or path.read_text() != text]
        if not check:
            ARTIFACTS.mkdir(exist_ok=True)
            for path in stale:
                path.write_text(texts[path])
        too_large = size > MAX_RUNTIME
        failed |= too_large or (check and bool(stale))
        verdict = "TOO LARGE" if too_large else "STALE" if stale and check else "built" if stale else "fresh"
        print(f"{name:12} {size:6} bytes of {MAX_RUNTIME}  {verdict}")
    if failed:
        print("run `python -m linkpool.contracts.build` and commit the result", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
