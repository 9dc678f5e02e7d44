"""The artifacts in the package are those of the sources, and every contract is small enough."""

import pytest

from linkpool.contracts import build


def test_artifacts_are_fresh_and_small(capsys: pytest.CaptureFixture[str]) -> None:
    fresh = build.main(["--check"]) == 0
    shown = capsys.readouterr().out
    print(shown)
    assert fresh, "run `python -m linkpool.contracts.build` and commit the result"
    for name in build.CONTRACTS:
        assert name in shown


def test_a_stale_artifact_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "CONTRACTS", ("PoolView",))
    monkeypatch.setattr(build, "render", lambda _: ({build.ARTIFACTS / "PoolView.abi.json": "[]\n"}, 1))
    assert build.main(["--check"]) == 1
    assert "STALE" in capsys.readouterr().out


def test_a_contract_above_22_kb_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "CONTRACTS", ("PoolView",))
    monkeypatch.setattr(build, "render", lambda _: ({}, build.MAX_RUNTIME + 1))
    assert build.main(["--check"]) == 1
    assert "TOO LARGE" in capsys.readouterr().out
