"""The folder of a development pool: one at a time, fresh at each start, and never somebody else's."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from linkpool.dev.folder import LOCK, Folder, check_room, hold
from linkpool.dev.processes import CannotStart

Usage = namedtuple("Usage", "total used free")


def test_it_is_made_for_its_owner_only(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "state"
    with hold(root) as folder:
        assert folder.root == root
        assert root.stat().st_mode & 0o777 == 0o700


def test_only_one_holds_it(tmp_path: Path) -> None:
    with hold(tmp_path / "state"), pytest.raises(CannotStart, match="already runs in"):
        hold(tmp_path / "state").__enter__()
    with hold(tmp_path / "state"):
        pass


@pytest.mark.parametrize("name", ["logs", "notes.txt"])
def test_other_peoples_folder_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    mode = tmp_path.stat().st_mode
    with pytest.raises(CannotStart, match="holds other files"):
        hold(tmp_path).__enter__()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert tmp_path.stat().st_mode == mode


async def test_a_start_keeps_nothing_but_the_lock(tmp_path: Path) -> None:
    with hold(tmp_path / "state") as folder:
        await folder.clear()
        for file in (folder.token, folder.keys, folder.config, folder.deployment, folder.passphrase):
            file.write_text("of the last run")
        (folder.logs / "chain.log").write_text("of the last run")
        await folder.clear()
        left = {str(path.relative_to(folder.root)) for path in folder.root.rglob("*")}
    assert left == {LOCK, "control", "logs"}


async def test_a_folder_that_was_never_used_is_cleared_too(tmp_path: Path) -> None:
    await Folder(tmp_path).clear()
    assert {path.name for path in tmp_path.iterdir()} == {"control", "logs"}


@pytest.mark.parametrize(("free", "said"), [(0, "0 MiB free, 200"), (3 * 2**20 + 9, "3 MiB free, 200")])
def test_a_full_disk_is_named_with_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, said: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(2**40, 2**40 - free, free))
    with pytest.raises(CannotStart, match=f"the disk of {tmp_path} is full: {said} needed; make room, or"):
        check_room(tmp_path, 200 * 2**20)


def test_room_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(2**40, 0, 2**20))
    check_room(tmp_path, 2**20)
