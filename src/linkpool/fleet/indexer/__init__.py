"""The contracts' events as tables, safe under re-orgs, checked against the contracts."""
