"""Money on the command line: the price table as a file, simulations, and tables for people."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linkpool.cli.app import app
from linkpool.cli.money import BadPrices, read_prices, show_economics, show_treasury, toml
from linkpool.economics.assumptions import Assumptions
from linkpool.economics.chart import chart
from linkpool.economics.outcome import outcome
from linkpool.wire.money import EconomicsView, PricesView, PriceTable, TreasuryView

TABLE = """
currency = "EUR"
[rpc]
million_calls = 2.5
calls_per_replica_hour = 310
[fixed]
database = 45
"two relays" = "20.50"
[engines.ecs-fargate]
replica_hour = 0.0135
machines = 2
machine_month = 60
"""


def test_a_price_table_is_read_and_what_is_shown_can_be_read_again(tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(TABLE)
    table = read_prices(file)
    assert table.engines["ecs-fargate"].replica_hour == "0.0135"
    assert table.engines["ecs-fargate"].machines == 2
    assert table.fixed == {"database": "45", "two relays": "20.50"}
    assert (table.rpc.million_calls, table.rpc.calls_per_replica_hour) == ("2.5", 310)
    file.write_text(toml(PricesView(prices=table, set_at=None)))
    assert read_prices(file) == table
    file.write_text(toml(PricesView(prices=PriceTable(), set_at=None)))
    assert read_prices(file) == PriceTable()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("currency = 'dollars'", "currency"),
        ("[engines.local]\nreplica_hour = -1", "replica_hour"),
        ("[engines.local]\nreplica_our = 1", "replica_our"),
        ("[fixed", "TOML"),
    ],
)
def test_what_is_no_price_table_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(text)
    with pytest.raises(BadPrices, match=named):
        read_prices(file)
    with pytest.raises(BadPrices, match="cannot read"):
        read_prices(tmp_path / "none")


def test_a_simulation_on_the_command_line(tmp_path: Path) -> None:
    picture = tmp_path / "pool.svg"
    ask = ["simulate", "--nodes", "5", "--months", "2", "--runs", "4", "--set", "fee_bps=500", "--json"]
    found = CliRunner().invoke(app, [*ask, "--chart", str(picture)])
    assert found.exit_code == 0, found.output
    told = json.loads(found.output)
    assert (told["assumptions"]["nodes"], told["assumptions"]["fee_bps"]) == (5, 500)
    assert all(one["low"] <= one["middle"] <= one["high"] for one in told["figures"].values())
    assert len(told["months"]["uptime"]) == 2
    assert picture.read_text().startswith("<svg ")
    assert json.loads(CliRunner().invoke(app, ask).output) == told
    listed = CliRunner().invoke(app, ["simulate", "--assumptions", "--json"])
    assert json.loads(listed.output)["nodes"] == 10


def test_a_chart_holds_every_month_and_no_stray_markup() -> None:
    found = outcome(Assumptions(nodes=3, days=90), 5, 1)
    picture = chart(found)
    assert picture.count("<polygon") == 3
    assert all(
        len(one.split('points="')[1].split('"')[0].split()) == 6 for one in picture.split("<polygon")[1:]
    )
    assert "nan" not in picture


def test_without_data_people_are_told_that_there_is_not_enough(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = {"fee": None, "gas": None, "fleet": None, "result": None}
    account = nothing | {"fee_juels": "0", "gas_wei": "0", "replica_hours": 0.0, "penalties": "0"}
    account |= {"requests": 0, "answered": 0, "missed": 0}
    show_economics(
        EconomicsView.model_validate(
            {
                "since": None,
                "days": 0.0,
                "enough": False,
                "covered": None,
                "currency": "USD",
                "link_price": None,
                "coin_price": None,
                "fee_bps": 1_000,
                "account": account,
                "month": nothing,
                "break_even": {"stake": None, "requests_per_day": None, "fee_bps": None},
                "by_day": [],
                "nodes": [],
            }
        )
    )
    assert "not enough data" in capsys.readouterr().out


def test_a_frozen_sender_and_a_hold_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    account = {"address": "0xs", "role": "sender", "node": None, "slot": 3, "held": False, "balance": "0"}
    account |= {"day": "0", "room": "1", "spent": "5"}
    frozen = {"since": "2026-01-01T00:00:00Z", "why": "it left"}
    show_treasury(
        TreasuryView.model_validate(
            {
                "address": "0xt",
                "balance": None,
                "low": "1",
                "high": "2",
                "floor": "4",
                "limits": {"sender": "1", "node": "1", "pool": "1"},
                "day": "0",
                "hold": "nothing left",
                "accounts": [
                    account | {"frozen": frozen, "revoked": False},
                    account | {"frozen": frozen, "revoked": True},
                ],
                "moves": [],
            }
        )
    )
    told = capsys.readouterr().out
    assert told.count("frozen") == 1
    assert told.count("revoked") == 1
    assert "held closed" in told
