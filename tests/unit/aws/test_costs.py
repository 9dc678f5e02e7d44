"""What a month costs: by hand for one pool, and as the page says for four."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from linkpool.aws.costs import LAUNCHES, bill, price_table
from linkpool.aws.prices import AwsPrices, BadAwsPrices
from linkpool.cli.aws_costs import NoFee, fee_of_a_node, line, show_costs, show_table
from linkpool.cli.money import read_prices
from linkpool.economics.costs import node_month, standing_day
from linkpool.wire.money import EconomicsView, Month, NodeAccount

DEFAULTS = AwsPrices.read(None)


def test_twenty_nodes_by_hand() -> None:
    machines, fargate = (bill(DEFAULTS, 20, launch) for launch in LAUNCHES)
    assert machines.items["replicas"] == 2 * (720 * Decimal("0.192") + 30 * Decimal("0.08"))  # 40 in twenties
    assert fargate.items["replicas"] == 40 * 720 * (
        Decimal("0.25") * Decimal("0.04048") + Decimal("0.0022225")
    )
    assert machines.items["database"] == 720 * Decimal("0.130") + 2 * 20 * Decimal("0.115")
    assert machines.items["group tokens"] == 20 * Decimal("0.40")
    assert machines.per_node * 20 == machines.total
    more, replicas = bill(DEFAULTS, 21, "ec2"), "replicas"
    assert more.items[replicas] == 2 * machines.items[replicas]  # 42 need three, as many in both zones: four


def test_what_has_no_price_is_named_and_costs_once_it_is_given(tmp_path: Path) -> None:
    assert {"log_gb", "gb_out_per_replica"} <= set(DEFAULTS.missing)
    (tmp_path / "own.toml").write_text("log_gb = 0.5\nlog_gb_per_replica = 2\ngb_out_per_replica = 3\n")
    own = AwsPrices.read(tmp_path / "own.toml")
    more = bill(own, 10, "fargate")
    assert more.items["logs"] == 20 * 1
    assert more.items["traffic"] == 20 * 3 * Decimal("0.135")
    assert more.total - bill(DEFAULTS, 10, "fargate").total == more.items["logs"] + more.items["traffic"]


def test_the_price_table_says_the_same_where_machines_are_full(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("log_gb = 0.5\nlog_gb_per_replica = 2\ngb_out_per_replica = 3\n")
    prices = AwsPrices.read(tmp_path / "own.toml")
    table = price_table(prices)
    for launch in LAUNCHES:
        count = 2 * prices.machine_tasks  # replicas that fill machines of both zones
        by_table = count // 2 * node_month(table, f"ecs-{launch}") + 30 * standing_day(table)
        assert float(by_table) == pytest.approx(float(bill(prices, count // 2, launch).total), rel=1e-4)


def test_the_price_table_is_what_the_treasury_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_table(None, as_json=False)
    (tmp_path / "prices.toml").write_text(capsys.readouterr().out)
    assert read_prices(tmp_path / "prices.toml") == price_table(DEFAULTS)


@pytest.mark.parametrize("text", ["vcpu_hour = -1", "vcpu = 1", "vcpu_hour = "])
def test_wrong_prices_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(BadAwsPrices):
        AwsPrices.read(tmp_path / "own.toml")


@pytest.mark.parametrize("nodes", [2, 20, 110, 1000])
def test_the_page_says_what_is_calculated(nodes: int) -> None:
    ec2, fargate = (bill(DEFAULTS, nodes, launch) for launch in LAUNCHES)
    assert f"| {' | '.join(line(ec2, fargate))} |" in Path("docs/aws.md").read_text()


def test_every_default_says_where_it_was_read() -> None:
    for name, field in AwsPrices.model_fields.items():
        if isinstance(field.default, Decimal) and not name.startswith("replica_"):
            assert isinstance(field.json_schema_extra, dict), name
            assert field.json_schema_extra["source"], name


def earned(fee: str | None, nodes: int, currency: str = "USD") -> EconomicsView:
    month = Month(fee=fee, gas=None, fleet=None, result=None)
    accounts = [NodeAccount.model_construct(node=f"0x{number}") for number in range(nodes)]
    return EconomicsView.model_construct(currency=currency, month=month, nodes=accounts)


def test_what_the_pool_earned_stands_beside_the_bill(capsys: pytest.CaptureFixture[str]) -> None:
    fee = fee_of_a_node(earned("90.5", 5))
    assert fee == 18.1
    show_costs(None, [100], fee, as_json=True)
    (shown,) = json.loads(capsys.readouterr().out)["bills"]
    assert shown["fargate"]["left"] == f"{1810 - bill(DEFAULTS, 100, 'fargate').total:.2f}"


@pytest.mark.parametrize("found", [earned(None, 5), earned("1", 0), earned("1", 5, "EUR")])
def test_a_pool_that_cannot_say_what_it_earns_is_no_zero(found: EconomicsView) -> None:
    with pytest.raises(NoFee, match="--fee"):
        fee_of_a_node(found)
