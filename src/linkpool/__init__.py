"""LinkPool: a pool of Chainlink-compatible oracle nodes that anyone can stake on."""
