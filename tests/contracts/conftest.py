"""One world for all contract tests of a process; each test undoes what it did."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkpool.contracts import abi
from linkpool.units import link
from tests.contracts.machine import base_world
from tests.contracts.world import STAKERS, World

if mutated := os.environ.get("LINKPOOL_ARTIFACTS"):  # set by mutate.py: test these contracts instead
    abi._artifact = lambda name: (Path(mutated) / name).read_text()


@pytest.fixture
def world() -> Iterator[World]:
    """Three nodes without stake."""
    made = base_world()
    with made.evm.undone():
        yield made


@pytest.fixture
def staked(world: World) -> World:
    """Node 0 full, with 6,000 LINK of staker 0 and 4,000 of staker 1; node 1 with 5,000 of staker 2."""
    world.stake(world.nodes[0], STAKERS[0], link(6_000))
    world.stake(world.nodes[0], STAKERS[1], link(4_000))
    world.stake(world.nodes[1], STAKERS[2], link(5_000))
    return world
