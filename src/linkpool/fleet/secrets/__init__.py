"""Keys and who may hold them: one master secret, sealed; what derives from it."""
