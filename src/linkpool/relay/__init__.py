"""One chain feed for a whole fleet."""
