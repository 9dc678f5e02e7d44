"""How the pool grows and shrinks, and what stops it."""
