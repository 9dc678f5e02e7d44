"""A whole pool on this machine, with a dev chain of its own."""
