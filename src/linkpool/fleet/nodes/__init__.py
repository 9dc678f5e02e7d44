"""A node's life, from a wish to its rest."""
