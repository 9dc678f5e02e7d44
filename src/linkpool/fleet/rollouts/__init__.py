"""A release goes from one colour to the other: one thing's four steps, and a fleet's waves."""
