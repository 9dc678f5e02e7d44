"""Break the contracts one line at a time: `python -m tests.contracts.mutate`; a test must fail for each.

Each guard, lock and effect is removed, each comparison moved to its neighbour, each sum turned into a
difference, each field of a packed word shifted or masked wrongly. The table goes to `docs/mutations.md`.
Survivors are explained there, by `SURVIVORS` below; one that is not makes the run fail.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

import pytest
from vyper.exceptions import VyperException

from linkpool.contracts.build import ARTIFACTS, SOURCES, compile_contract

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "docs" / "mutations.md"
FILES = ("NodeOracle", "StakingPool", "books", "offers", "invites", "authority")
QUICK = ("staking", "books", "requests", "roles", "answers", "reentrancy", "differential")
SWAPS = {
    " < ": " <= ",
    " <= ": " < ",
    " > ": " >= ",
    " >= ": " > ",
    " == ": " != ",
    " != ": " == ",
    " and ": " or ",
    " or ": " and ",
    " + ": " - ",
    " - ": " + ",
    "min(": "max(",
    " // ": " * ",
    " % ": " // ",
    " << ": " >> ",
    " >> ": " << ",
    " & ": " | ",
    " | ": " & ",
    "True": "False",
    "False": "True",
}
REMOVED = re.compile(
    r"(assert |self\.\S+(\[.*\])* [-+]?= |node\.\S+ [-+]?= |n\.\S+ [-+]?= |extcall |log |authority\._only)"
)

GONE = ("pass", "assert authority._paused() or True")
"""What stands in place of a removed line; the second keeps a module used."""

LOCK = "@nonreentrant\n"

JUDGED = ROOT / "build" / "mutants.jsonl"
"""Verdicts so far, by mutant: a stopped run goes on where it was."""

SURVIVORS: dict[str, str] = {
    'NodeOracle: assert msg.gas > CONSUMER_GAS, "Must provide consumer enough gas"': (
        "one unit of gas more; what is spent before it varies more than that with warm and cold slots"
    ),
    "NodeOracle: if msg.gas <= needed:": "the same: one unit of gas more",
    "StakingPool: assert shares < held and books._value(n, held - shares) >= MIN_STAKE, "
    '"Leave at least 1 LINK or nothing"': (
        "equal: who needs all shares leaves nothing, which the second half refuses with the same reason"
    ),
    "books: return room - used if room >= used else 0": "equal: both give zero where room is used up exactly",
    "books: assert n.active < M128 and n.unbonding <= M128 and n.assets <= M96, "
    '"Too much stake"': "the very last of 2^128 shares, which a pool reaches at no price it can have",
    "books: assert n.active <= M128 and n.unbonding < M128 and n.assets <= M96, "
    '"Too much stake"': "the same for tickets",
    "books: assert n.active <= M128 and n.unbonding <= M128 and n.assets < M96, "
    '"Too much stake"': "the very last juel of 79 billion LINK",
    "StakingPool: if offer.penalty == 0 and block.basefee > offer.base_fee_ceiling:": (
        "this EVM has no base fee; test_no_cover_above_the_base_fee_ceiling shows it on anvil"
    ),
}
"""Explanations by `FILE: broken line`."""


@dataclass(frozen=True)
class Mutant:
    """One broken line: `was` becomes `now`."""

    file: str
    line: int
    was: str
    now: str
    source: str

    @property
    def name(self) -> str:
        return f"{self.file}: {self.now if self.now not in GONE else f'without {self.was}'}"

    @property
    def key(self) -> str:
        """Changes with the broken source, not with the tests."""
        return hashlib.sha256(f"{self.file}\n{self.source}".encode()).hexdigest()[:16]


def statements(lines: list[str]) -> Iterator[tuple[int, int]]:
    """(first, last) line of every statement inside functions, docstrings and signatures left out."""
    inside = number = 0
    while number < len(lines):
        text = lines[number]
        if text.startswith("def "):
            while not lines[number].rstrip().endswith(":"):
                number += 1
            inside = 1
        elif text[:1] not in {" ", "\n", "#", ""} and not text.startswith(")"):
            inside = 0
        elif inside and text.strip() and not text.strip().startswith("#"):
            first = number
            if text.strip().startswith('"""'):
                while lines[number].strip() != '"""' or number == first:
                    number += 1
            else:
                depth = _depth(lines[number])
                while depth > 0:
                    number += 1
                    depth += _depth(lines[number])
                yield first, number
        number += 1


def _depth(line: str) -> int:
    code = line.split("#", maxsplit=1)[0]
    return sum(code.count(c) for c in "([{") - sum(code.count(c) for c in ")]}")


def mutants(file: str) -> Iterator[Mutant]:
    """Every mutant of one source."""
    lines = (SOURCES / f"{file}.vy").read_text().splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line == LOCK:
            function = lines[number + 1].split("(")[0]
            yield _mutant(file, lines, (number, number), f"lock of {function}", GONE[0], "")
    for first, last in statements(lines):
        block = "".join(lines[first : last + 1])
        code = block.strip()
        indent = block[: len(block) - len(block.lstrip())]
        flat = re.sub(r"\s+", " ", code.split("  #")[0])
        options = [(swap, m.start()) for swap in SWAPS for m in re.finditer(re.escape(swap), block)]
        if REMOVED.match(code):
            gone = GONE[code.startswith("authority._only")]
            yield _mutant(file, lines, (first, last), flat, gone, f"{indent}{gone}\n")
        if code.startswith(("log ", "raise ")):
            continue
        quoted = [m.span() for m in re.finditer(r'"[^"]*"|#.*', block)]
        for swap, at in options:
            if not any(a <= at < b for a, b in quoted):
                broken = block[:at] + SWAPS[swap] + block[at + len(swap) :]
                yield _mutant(file, lines, (first, last), flat, re.sub(r"\s+", " ", broken.strip()), broken)


def _mutant(file: str, lines: list[str], span: tuple[int, int], was: str, now: str, text: str) -> Mutant:
    source = "".join([*lines[: span[0]], text, *lines[span[1] + 1 :]])
    return Mutant(file, span[0] + 1, was, now, source)


def remembered() -> dict[str, str]:
    """Verdicts of earlier runs."""
    return dict(map(json.loads, JUDGED.read_text().splitlines())) if JUDGED.exists() else {}


def settled(known: dict[str, str]) -> dict[str, str]:
    """Those that stand whatever tests are added: a survivor is tried again."""
    return {key: verdict for key, verdict in known.items() if verdict != "survived"}


def judge(mutant: Mutant) -> str:
    """`killed`, `killed at random` (by an invariant), `does not compile`, or `survived`."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder, redirected():
        home = Path(folder)
        shutil.copytree(SOURCES, home / "sources")
        shutil.copytree(ARTIFACTS, home / "artifacts")
        (home / "sources" / f"{mutant.file}.vy").write_text(mutant.source)
        try:
            build_into(home, "NodeOracle" if mutant.file == "NodeOracle" else "StakingPool")
        except VyperException:
            return "does not compile"
        os.environ |= {"LINKPOOL_ARTIFACTS": str(home / "artifacts"), "LINKPOOL_FUZZ": "0"}
        if _fails([f"tests/contracts/test_{name}.py" for name in QUICK]):
            return "killed"
        return "killed at random" if _fails(["tests/contracts/test_invariants.py"]) else "survived"


def judged(mutant: Mutant) -> tuple[Mutant, str]:
    """A mutant with its verdict."""
    return mutant, judge(mutant)


def _fails(tests: list[str]) -> bool:
    options = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:faulthandler"]
    return pytest.main([*options, *tests]) != 0


@contextmanager
def redirected() -> Iterator[None]:
    """What tests print is of no interest."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def build_into(folder: Path, name: str) -> None:
    """Compile one contract of the mutated sources in `folder` over its artifact."""
    output = compile_contract(name, folder / "sources")
    code = {"bytecode": output["bytecode"], "blueprint": output["blueprint_bytecode"], "runtime_size": 0}
    (folder / "artifacts" / f"{name}.bin.json").write_text(json.dumps(code))


def report(results: list[tuple[Mutant, str]], total_mutants: int) -> str:
    """The table for people."""
    text = ["# Mutations of the contracts", "", "Written by `make mutate`. A mutant is one broken line.", ""]
    if len(results) < total_mutants:
        text += [f"Stopped early: {len(results)} of {total_mutants} mutants were judged, removals first.", ""]
    kinds = ("killed", "killed at random", "survived", "does not compile")
    text += ["| contract | " + " | ".join(kinds) + " |", "|---|" + "---|" * len(kinds)]
    for file in FILES:
        count = Counter(verdict for mutant, verdict in results if mutant.file == file)
        text.append(f"| {file} | " + " | ".join(str(count[kind]) for kind in kinds) + " |")
    total = Counter(verdict for _, verdict in results)
    text.append("| all | " + " | ".join(str(total[kind]) for kind in kinds) + " |")
    text += ["", "## Survivors", ""]
    for mutant, verdict in results:
        if verdict == "survived":
            why = SURVIVORS.get(mutant.name, "**not explained**")
            text += [f"- `{mutant.file}.vy:{mutant.line}` `{mutant.was}` -> `{mutant.now}`: {why}"]
    return "\n".join(text) + "\n"


def main() -> int:
    """Judge all mutants, write the report; 1 when a survivor is not explained."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", choices=FILES, action="append", help="only these sources, no report")
    parser.add_argument("--list", action="store_true", help="show the mutants and run nothing")
    parser.add_argument("--report", action="store_true", help="run nothing, report the verdicts so far")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    every = [mutant for file in options.file or FILES for mutant in mutants(file)]
    if options.list:
        print("\n".join(f"{m.file}.vy:{m.line} {m.was} -> {m.now}" for m in every))
        return 0
    if options.report:
        return conclude(every, remembered(), write=True)
    for name in (*QUICK, "invariants"):  # once, for all the processes forked from this one
        import_module(f"tests.contracts.test_{name}")
    known = settled(remembered())
    every.sort(key=lambda mutant: mutant.now not in GONE)  # removals say most
    todo = [mutant for mutant in every if mutant.key not in known]
    JUDGED.parent.mkdir(parents=True, exist_ok=True)
    with get_context("fork").Pool(options.jobs, maxtasksperchild=1) as pool, JUDGED.open("a") as journal:
        for number, (mutant, verdict) in enumerate(pool.imap_unordered(judged, todo), 1):
            known[mutant.key] = verdict
            print(json.dumps([mutant.key, verdict]), file=journal, flush=True)
            place = f"{mutant.file}.vy:{mutant.line}"
            print(f"{number}/{len(todo)} {verdict}: {place} {mutant.was} -> {mutant.now}", flush=True)
    return conclude(every, known, write=not options.file)


def conclude(every: list[Mutant], known: dict[str, str], write: bool) -> int:
    """Write the report, name the survivors nobody explained; 1 when there are any."""
    results = [(mutant, known[mutant.key]) for mutant in every if mutant.key in known]
    if write:
        REPORT.write_text(report(results, len(every)))
    missing = [m.name for m, verdict in results if verdict == "survived" and m.name not in SURVIVORS]
    print("\n".join(f"survived, not explained: {name}" for name in missing))
    return int(bool(missing))


if __name__ == "__main__":
    raise SystemExit(main())
