"""A folder that is a catalog: `jobs/*.toml`, `bridges.toml`, `offers.toml`. Read, and written.

Jobs are as the Go node knows them; offers stand apart, by the name of the job's file, so that a price changes
without its job and all prices are seen at once. Every mistake is told with file, line and what to do.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from linkpool.cli.amounts import juels, wei
from linkpool.errors import Permanent
from linkpool.jobs.errors import BadValue, JobError
from linkpool.jobs.excerpt import excerpt
from linkpool.jobs.spec import parse_job
from linkpool.units import show
from linkpool.wire.catalog import BridgeView, CatalogView, PutBridge, PutCatalog, PutJob, Terms

JOBS, BRIDGES, OFFERS = "jobs", "bridges.toml", "offers.toml"
_OFFER = {"payment": juels, "penalty": juels, "base_fee_ceiling": wei}
_FILES = {"token_file": "token", "incoming_token_file": "incoming_token"}
_PROGRAM = ("command", "image", "settings", "secrets", "sample")


class BadFolder(Permanent):
    """The folder is no catalog; the text begins with file and line."""


@dataclass(frozen=True)
class TomlFile:
    """A file of tables; errors name its lines."""

    path: Path
    text: str
    tables: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> "TomlFile":
        """The file; nothing when there is none. Raises BadFolder."""
        text = path.read_text() if path.exists() else ""
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"line (\d+)", str(error))
            raise BadFolder(f"{path}:{line[1] if line else 1}: not TOML: {error}") from None
        made = cls(path, text, tables)
        for name, table in tables.items():
            if not isinstance(table, dict):
                raise made.bad(name, None, f"write a table, [{name}], with its fields below")
        return made

    def bad(self, table: str, field: str | None, reason: str) -> BadFolder:
        """An error at a field of a table, or at the table."""
        return BadFolder(f"{self.path}:{self._line(table, field)}: [{table}]: {reason}")

    def _line(self, table: str, field: str | None) -> int:
        name = re.escape(table)
        head = re.search(rf"(?m)^\s*(\[\s*[\"']?{name}[\"']?\s*[\].]|[\"']?{name}[\"']?\s*=)", self.text)
        if head is None:
            return 1
        found = re.search(rf"(?m)^\s*{re.escape(field)}\s*=", self.text[head.end() :]) if field else None
        at = head.end() + found.end() if found else head.end()
        return self.text.count("\n", 0, at) + 1


def read(folder: Path) -> PutCatalog:
    """The catalog that a folder describes. Raises BadFolder."""
    if not folder.is_dir():
        raise BadFolder(f"{folder}:1: there is no such folder; see docs/operating.md, The catalog")
    texts = {path.stem: (path, path.read_text()) for path in sorted((folder / JOBS).glob("*.toml"))}
    offers = _offers(TomlFile.read(folder / OFFERS), texts)
    jobs = [PutJob(text=checked(path, text), offer=offers.get(stem)) for stem, (path, text) in texts.items()]
    file = TomlFile.read(folder / BRIDGES)
    bridges = {name: bridge(file, name) for name in file.tables}
    return PutCatalog(jobs=jobs, bridges=bridges)


def checked(path: Path, text: str) -> str:
    """A job's text that can be read. Raises BadFolder showing the place."""
    try:
        parse_job(text)
    except JobError as error:
        raise BadFolder(excerpt(str(path), text, error)) from None
    return text


def _offers(file: TomlFile, jobs: Mapping[str, object]) -> Mapping[str, Terms]:
    found = {}
    for name, table in file.tables.items():
        if name not in jobs:
            raise file.bad(name, None, f"there is no {JOBS}/{name}.toml; name a job's file, without .toml")
        values = {}
        for field, value in table.items():
            if field not in _OFFER:
                raise file.bad(name, field, f"{field} is unknown; an offer has {', '.join(_OFFER)}")
            try:
                values[field] = str(_OFFER[field](str(value)))
            except BadValue as error:
                raise file.bad(name, field, f"{field}: {error}") from None
        for field in ("payment", "base_fee_ceiling"):
            if field not in values:
                raise file.bad(name, None, f"{field} is missing")
        found[name] = Terms(**values)
    return found


def bridge(file: TomlFile, name: str) -> PutBridge:
    """The bridge of a table; secrets are in the files it names, relative to its own. Raises BadFolder."""
    values: dict[str, Any] = {}
    program: dict[str, Any] = {}
    for field, value in file.tables[name].items():
        if field in _FILES:
            values[_FILES[field]] = _secret(file, name, field, str(value))
        elif field == "secrets" and isinstance(value, dict):
            program[field] = {key: _secret(file, name, key, str(path)) for key, path in value.items()}
        elif field == "sample":
            program[field] = value if isinstance(value, str) else json.dumps(value)
        elif field in _PROGRAM:
            program[field] = value
        else:
            values[field] = value
    try:
        return PutBridge.model_validate(values | ({"program": program} if program else {}))
    except ValidationError as error:
        first = error.errors()[0]
        field = next((str(part) for part in reversed(first["loc"]) if isinstance(part, str)), None)
        reason = "unknown field" if first["type"] == "extra_forbidden" else first["msg"]
        raise file.bad(name, field, f"{field}: {reason}" if field else reason) from None


def _secret(file: TomlFile, name: str, field: str, path: str) -> str:
    try:
        return (file.path.parent / path).read_text().strip()
    except OSError as error:
        raise file.bad(name, field, f"{field}: cannot read {path}: {error.strerror}") from None


# --- writing --------------------------------------------------------------------------------------


def write(seen: CatalogView, folder: Path) -> list[Path]:
    """The catalog as a folder, without what is on its way out. Raises BadFolder for one that is not empty."""
    if folder.exists() and any(folder.iterdir()):
        raise BadFolder(f"{folder}:1: the folder is not empty; name a new one")
    (folder / JOBS).mkdir(parents=True, exist_ok=True)
    written, offers = [], []
    stems: set[str] = set()
    for job in seen.jobs:
        if job.leaving:
            continue
        stem = _stem(job.name, stems)
        written.append(_put(folder / JOBS / f"{stem}.toml", job.text))
        if job.offer:
            offers.append(f"[{_toml(stem)}]\n" + "".join(_offer_lines(job.offer)))
    bridges = ["".join(_bridge_lines(each)) for each in seen.bridges if not each.leaving]
    for name, parts in ((OFFERS, offers), (BRIDGES, bridges)):
        if parts:
            written.append(_put(folder / name, "\n".join(parts)))
    return written


def _put(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _stem(name: str, taken: set[str]) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "job"
    stem = next(stem for n in range(1, 10_000) if (stem := plain if n == 1 else f"{plain}-{n}") not in taken)
    taken.add(stem)
    return stem


def _offer_lines(offer: Terms) -> Iterator[str]:
    for field in ("payment", "penalty"):
        yield f'{field} = "{show(int(getattr(offer, field)), 18).replace(",", "")} LINK"\n'
    yield f'base_fee_ceiling = "{offer.base_fee_ceiling} wei"\n'


def _bridge_lines(seen: BridgeView) -> Iterator[str]:
    program = seen.program
    fields: dict[str, object] = {} if program else {"urls": seen.urls}
    if program:
        fields |= {"image": program.image} if program.image else {}
        fields |= {"command": program.command} if program.command else {}
        fields |= {"sample": program.sample} if program.sample else {}
    fields |= {"timeout": seen.timeout, "concurrency": seen.concurrency}
    yield f"[{_toml(seen.name)}]\n"
    for field, value in fields.items():
        yield f"{field} = {_toml(value)}\n"
    if seen.has_token or seen.has_incoming_token or (program and program.secrets):
        yield "keep_secrets = true  # the pool knows them and tells nobody\n"
    if program and program.settings:
        yield f"[{_toml(seen.name)}.settings]\n"
        for variable, setting in program.settings.items():
            yield f"{variable} = {_toml(setting)}\n"


def _toml(value: object) -> str:
    """JSON's strings, numbers, booleans and lists are TOML's too."""
    return json.dumps(value, ensure_ascii=False)
