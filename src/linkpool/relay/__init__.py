"""One chain feed for a whole fleet: few calls to providers, however many replicas ask."""
