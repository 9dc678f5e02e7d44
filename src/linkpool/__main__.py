"""`python -m linkpool`: the `linkpool` command."""

from linkpool.cli import main

main()
