"""Every command that talks to a pool, against one that runs."""

import asyncio
import json
import os
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copytree
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from cbor2 import dumps

from tests.support.pool import RealPool, real_pool
from tests.support.site import PASSPHRASE

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealPool]:
    async with real_pool(tmp_path_factory.mktemp("pool")) as made:
        yield made


async def linkpool(pool: RealPool, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "LINKPOOL_URL": pool.control.url,
        "LINKPOOL_API_TOKEN_FILE": str(pool.folder.token),
    }
    command = [sys.executable, "-m", "linkpool", *map(str, arguments)]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=240, check=False, env=environment
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert PASSPHRASE not in done.stdout + done.stderr
    return done


async def test_status_and_node_list_show_the_node_and_its_replicas(pool: RealPool) -> None:
    status = await linkpool(pool, "status")
    assert pool.oracle[:6] in status.stdout
    assert "1 of 1 nodes serve" in status.stdout
    assert json.loads((await linkpool(pool, "status", "--json")).stdout)["alarms"] == []
    assert "no alarm" in (await linkpool(pool, "alarms")).stdout
    shown = await linkpool(pool, "node", "show", pool.oracle)
    assert pool.oracle in shown.stdout
    assert json.loads((await linkpool(pool, "node", "show", pool.oracle, "--json")).stdout)["primary"]
    (node,) = json.loads((await linkpool(pool, "node", "list", "--json")).stdout)
    assert node["id"] == pool.oracle
    assert [replica["state"] for replica in node["replicas"]] == ["serving", "serving"]


async def test_the_doctor_finds_nothing_wrong_and_names_what_is(pool: RealPool, tmp_path: Path) -> None:
    well = await linkpool(pool, "doctor", "--config", pool.folder.config)
    assert well.returncode == 0, well.stdout
    assert "BAD" not in well.stdout
    ill = tmp_path / "ill.toml"
    ill.write_text(pool.folder.config.read_text().replace(str(pool.folder.passphrase), "/nowhere"))
    found = await linkpool(pool, "doctor", "--config", ill)
    assert found.returncode == 1
    assert "BAD keys" in found.stdout
    assert "/nowhere" in found.stdout
    assert "-> set keys_file" in found.stdout
    looked = json.loads((await linkpool(pool, "doctor", "--config", ill, "--json")).stdout)
    assert {one["what"] for one in looked} >= {"settings", "disk", "keys", "database", "engine", "clock"}
    assert [one["what"] for one in looked if not one["good"]] == ["keys"]


async def test_logs_shows_each_replicas_last_lines(pool: RealPool) -> None:
    done = await linkpool(pool, "logs", pool.oracle, "--state", pool.folder.control, "--lines", "2")
    for replica in (await pool.node()).replicas:
        assert f"== {replica.task}\n{{" in done.stdout


async def test_logs_are_found_with_whichever_of_two_control_planes_runs_the_replica(
    pool: RealPool, tmp_path: Path
) -> None:
    folders = ["--state", tmp_path, "--state", pool.folder.control]
    done = await linkpool(pool, "logs", pool.oracle, *folders, "--json", "--lines", "1")
    assert all(json.loads(line) for lines in json.loads(done.stdout).values() for line in lines)
    assert f"no {'{'}" not in done.stdout
    lost = await linkpool(pool, "logs", pool.oracle, "--state", tmp_path)
    assert "--state" in lost.stdout
    assert (await linkpool(pool, "logs", "0xnone")).returncode == 1


async def test_what_the_indexer_knows_is_shown_without_a_token(pool: RealPool) -> None:
    away = ["--url", pool.control.url]
    for words in (["pool"], ["nodes"], ["history"], ["account", pool.oracle], ["events"]):
        people = await linkpool(pool, "figures", *words, *away)
        assert people.returncode == 0, people.stderr
        machines = await linkpool(pool, "figures", *words, *away, "--json")
        json.loads(machines.stdout)
    events = json.loads(machines.stdout)["events"]
    assert pool.oracle in {event["node"] for event in events}
    of_node = await linkpool(pool, "figures", "history", "--node", pool.oracle, "--json")
    assert json.loads(of_node.stdout)["bucket"] == "day"


async def test_tab_offers_the_pools_nodes_and_tokens(pool: RealPool) -> None:
    async def offered(words: str) -> str:
        command = Path(sys.executable).with_name("linkpool")
        environment = {
            **os.environ,
            "LINKPOOL_URL": pool.control.url,
            "LINKPOOL_API_TOKEN_FILE": str(pool.folder.token),
            "_LINKPOOL_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        done = await asyncio.to_thread(
            subprocess.run, [command], capture_output=True, text=True, check=True, env=environment
        )
        assert not done.stderr
        return done.stdout

    assert pool.oracle in await offered("linkpool node show ")
    assert pool.oracle in await offered(f"linkpool logs {pool.oracle[:5]}")
    assert pool.oracle not in await offered("linkpool logs nothing")
    assert (await offered("linkpool token revoke ")).count("-") >= 4
    assert not (await offered("linkpool node show --url http://127.0.0.1:9 ")).strip()


async def test_events_tell_how_the_node_came_to_be(pool: RealPool) -> None:
    environment = {
        **os.environ,
        "LINKPOOL_URL": pool.control.url,
        "LINKPOOL_API_TOKEN_FILE": str(pool.folder.token),
    }
    command = [sys.executable, "-m", "linkpool", "events", "--after", "0", "--json"]
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    kinds = []
    async with asyncio.timeout(120):
        while "node_serving" not in kinds:
            kinds.append(json.loads(await process.stdout.readline())["kind"])
    process.kill()
    await process.wait()
    assert kinds.index("node_made") < kinds.index("node_registered") < kinds.index("node_serving")


async def test_a_token_is_made_into_a_file_used_and_revoked(pool: RealPool, tmp_path: Path) -> None:
    out = tmp_path / "reader.token"
    made = await linkpool(pool, "token", "add", "a page", "--out", out, "--scope", "read", "--days", "1")
    secret = out.read_text().strip()
    assert secret not in made.stdout
    assert out.stat().st_mode & 0o777 == 0o600
    assert (await linkpool(pool, "node", "list", "--token-file", out)).returncode == 0
    forbidden = await linkpool(pool, "node", "add", "--token-file", out)
    assert forbidden.returncode == 1
    assert "403" in forbidden.stderr
    token_id = made.stdout.split(":")[0]
    assert (await linkpool(pool, "token", "revoke", token_id)).returncode == 0
    assert "401" in (await linkpool(pool, "node", "list", "--token-file", out)).stderr
    listed = (await linkpool(pool, "token", "list")).stdout
    assert "revoked" in listed
    assert f"DELETE /api/v1/tokens/{token_id} 204" in (await linkpool(pool, "audit")).stdout


async def test_a_catalog_is_exported_changed_applied_and_put_back(pool: RealPool, tmp_path: Path) -> None:
    folder, changed = tmp_path / "before", tmp_path / "changed"
    assert (await linkpool(pool, "catalog", "export", folder)).returncode == 0
    copytree(folder, changed)
    copytree(EXAMPLES / "catalog", changed, dirs_exist_ok=True)
    with (changed / "offers.toml").open("a") as offers:
        offers.write((folder / "offers.toml").read_text())
    dry = await linkpool(pool, "catalog", "apply", changed, "--dry-run")
    assert "+ bridge exchange: runs python3 examples/adapters/exchange.py" in dry.stdout
    assert "+ job exchange rate: new" in dry.stdout
    assert "on chain: open the offer of exchange rate once every serving replica has the job" in dry.stdout
    asked_nobody = await linkpool(pool, "catalog", "apply", changed, "--json")
    assert asked_nobody.returncode == 1
    assert "--yes" in asked_nobody.stderr
    done = await linkpool(pool, "catalog", "apply", changed, "--yes")
    assert done.returncode == 0, done.stderr
    again = await linkpool(pool, "catalog", "apply", changed, "--yes", "--json")
    assert json.loads(again.stdout)["changes"] == []
    (job,) = [each for each in await jobs(pool) if each["name"] == "exchange rate"]
    assert (job["state"], job["offer"]["payment"]) == ("open", str(10**17))
    shown = json.loads((await linkpool(pool, "bridge", "show", "exchange", "--json")).stdout)
    assert [task["healthy"] for task in shown["program"]["tasks"]] == [True, True]
    assert len(shown["urls"]) == 2
    await pool.ask(1, UUID(job["id"]).hex.encode(), dumps({"from": "EUR", "to": "GBP", "times": 1_000})[1:])
    tally = await pool.settled()
    (fate,) = [f for f in tally.fates.values() if f.request.event.job == UUID(job["id"]).hex.encode()]
    assert await pool.found.consumer.value(fate.request.event.request_id).ask(pool.rpc) == 858
    back = await linkpool(pool, "catalog", "apply", folder, "--yes")
    assert "close the offer of exchange rate" in back.stdout
    (job,) = [each for each in await jobs(pool) if each["name"] == "exchange rate"]
    assert job["leaving"] is True


async def jobs(pool: RealPool) -> list[dict[str, Any]]:
    """As `linkpool job list` shows them."""
    return list(json.loads((await linkpool(pool, "job", "list", "--json")).stdout))


async def test_jobs_offers_and_bridges_one_by_one(pool: RealPool, tmp_path: Path) -> None:
    token = tmp_path / "lab.token"
    token.write_text("a-token-of-the-lab\n")
    bridge = ("--at", "http://127.0.0.1:9/", "--incoming-token-file", token)
    added = await linkpool(pool, "bridge", "add", "lab", *bridge)
    assert added.returncode == 0, added.stderr
    assert "+ bridge lab" in added.stdout
    file = EXAMPLES / "jobs" / "async-bridge.toml"
    priced = ("--payment", "0.2 LINK", "--penalty", "1 LINK", "--base-fee-ceiling", "50 gwei")
    served = await linkpool(pool, "job", "add", file, *priced)
    assert served.returncode == 0, served.stderr
    name = tomllib.loads(file.read_text())["name"]
    shown = (await linkpool(pool, "job", "show", name)).stdout
    assert "0.2 LINK, penalty 1" in shown
    assert "nothing changes" in (await linkpool(pool, "job", "add", file)).stdout, "it keeps its price"
    refused = await linkpool(pool, "bridge", "remove", "lab")
    assert "asks bridge lab" in refused.stderr
    assert refused.returncode == 1
    dearer = await linkpool(
        pool, "job", "offer", name, "--payment", "0.3 LINK", "--base-fee-ceiling", "1 gwei"
    )
    assert "change the offer of" in dearer.stdout
    closed = await linkpool(pool, "job", "offer", name, "--close")
    assert "close the offer of" in closed.stdout
    assert (await linkpool(pool, "job", "remove", name)).returncode == 0
    assert [each["state"] for each in await jobs(pool) if each["name"] == name] == ["leaving"]
    wrong = await linkpool(pool, "job", "add", file, "--payment", "12", "--base-fee-ceiling", "1 gwei")
    assert "write it with its unit" in wrong.stderr
    webhook = await linkpool(pool, "job", "add", EXAMPLES / "jobs" / "single-word.toml", *priced)
    assert "set its penalty to 0" in webhook.stderr


async def test_a_backup_comes_back_and_so_does_the_chain_alone(pool: RealPool, tmp_path: Path) -> None:
    archive, state = tmp_path / "backup.tar.gz", tmp_path / "state"
    assert (await linkpool(pool, "backup", "--config", pool.folder.config, "--out", archive)).returncode == 0
    assert archive.stat().st_mode & 0o777 == 0o600
    with tarfile.open(archive) as opened:
        assert opened.getnames() == ["control.db", "master.json"]
    config = tmp_path / "new.toml"
    text = pool.folder.config.read_text().replace(str(pool.folder.keys), str(state / "master.json"))
    config.write_text(text.replace(f'"{pool.folder.control}"', f'"{state}"'))
    assert (await linkpool(pool, "restore", "--config", config, "--archive", archive)).returncode == 0
    twice = await linkpool(pool, "restore", "--config", config, "--archive", archive)
    assert twice.returncode == 1
    assert "never overwritten" in twice.stderr
    (state / "control.db").unlink()
    rebuilt = await linkpool(pool, "restore", "--config", config, "--from-chain")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert pool.oracle in rebuilt.stdout


async def test_keys_are_made_opened_rotated_and_exported(pool: RealPool, tmp_path: Path) -> None:
    one, two, file = tmp_path / "one", tmp_path / "two", tmp_path / "master.json"
    one.write_text("the first passphrase\n")
    two.write_text("the second passphrase\n")
    keys = ["--file", file]
    made = await linkpool(pool, "keys", "init", "--passphrase-file", one, *keys)
    shown = made.stdout.splitlines()[-2:]
    again = await linkpool(pool, "keys", "init", "--passphrase-file", one, *keys)
    assert again.returncode == 1
    assert "never overwritten" in again.stderr
    rotate = ["rotate-passphrase", "--passphrase-file", one, "--new-passphrase-file", two]
    assert (await linkpool(pool, "keys", *rotate, *keys)).returncode == 0
    assert (await linkpool(pool, "keys", "verify", "--passphrase-file", one, *keys)).returncode == 1
    assert (
        await linkpool(pool, "keys", "verify", "--passphrase-file", two, *keys)
    ).stdout.splitlines() == shown
    kept_back = await linkpool(pool, "keys", "export", "--passphrase-file", two, *keys)
    assert kept_back.returncode == 1
    secret = tmp_path / "secret"
    secret.write_text(
        (await linkpool(pool, "keys", "export", "--yes", "--passphrase-file", two, *keys)).stdout
    )
    copy = tmp_path / "copy.json"
    back = ["import", "--passphrase-file", one, "--secret-file", secret, "--file", copy]
    assert (await linkpool(pool, "keys", *back)).stdout.splitlines() == shown


async def test_settings_are_explained_and_checked(pool: RealPool, tmp_path: Path) -> None:
    assert "gas_high" in (await linkpool(pool, "config", "show")).stdout
    assert (await linkpool(pool, "config", "check", "--config", pool.folder.config)).returncode == 0
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(pool.folder.config.read_text() + "gas_hihg = 1\n")
    refused = await linkpool(pool, "config", "check", "--config", wrong)
    assert refused.returncode == 1
    assert "did you mean gas_high" in refused.stderr


async def test_rules_of_growing_are_set_shown_explained_and_taken_away(pool: RealPool) -> None:
    refused = await linkpool(pool, "scale", "policy", "set", "--ceiling", "1")
    assert refused.returncode == 1
    assert "--stake-room" in refused.stderr
    rules = ["--ceiling", "1", "--stake-room", "5000", "--budget-per-day", "0.5"]
    assert "5,000 LINK" in (await linkpool(pool, "scale", "policy", "set", *rules)).stdout
    kept = json.loads((await linkpool(pool, "scale", "policy", "set", "--floor", "1", "--json")).stdout)
    assert (kept["policy"]["ceiling"], kept["policy"]["floor"]) == (1, 1)
    explained = await linkpool(pool, "scale", "explain")
    assert "1 of 1 nodes" in explained.stdout
    assert "decision: hold" in explained.stdout
    assert "samples;" in (await linkpool(pool, "scale", "explain", "--last-week")).stdout
    assert json.loads((await linkpool(pool, "scale", "policy", "off", "--json")).stdout)["policy"] is None
    assert (await linkpool(pool, "scale", "decisions")).returncode == 0


async def test_the_guard_is_set_overridden_and_taken_off(pool: RealPool) -> None:
    marks = ["--upper", "0.2", "--lower", "0.1"]
    refused = await linkpool(pool, "guard", "set", *marks)
    assert refused.returncode == 1
    assert "--number" in refused.stderr
    assert (await linkpool(pool, "guard", "set", *marks, "--number", "4")).returncode == 0
    reason = ["--reason", "a test", "--hours", "1"]
    assert "overridden" in (await linkpool(pool, "guard", "override", *reason)).stdout
    assert "blocked" in (await linkpool(pool, "guard", "clear")).stdout
    assert json.loads((await linkpool(pool, "guard", "show", "--json")).stdout)["upper"] == 0.2
    assert "off" in (await linkpool(pool, "guard", "off")).stdout


async def test_a_node_that_is_none_cannot_be_retired(pool: RealPool) -> None:
    done = await linkpool(pool, "node", "retire", "0xnone")
    assert done.returncode == 1
    assert "node list" in done.stderr
