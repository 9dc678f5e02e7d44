"""The pool's share of the network, and what it blocks."""
