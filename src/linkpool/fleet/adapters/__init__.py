"""Adapters that the pool itself runs."""
