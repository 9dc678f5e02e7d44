"""The `linkpool` command."""
