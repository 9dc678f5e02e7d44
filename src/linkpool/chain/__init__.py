"""Speaks to an EVM chain: endpoints, log following, sending, keys, ABI. Knows no pool."""
