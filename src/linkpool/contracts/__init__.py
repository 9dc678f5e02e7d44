"""StakingPool, NodeOracle and PoolView: sources, ABIs, typed calls, deployment."""
