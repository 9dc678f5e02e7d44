"""The messages that cross between replica and control plane, and the models of the HTTP API."""
