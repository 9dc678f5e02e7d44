"""`python -m linkpool.replica`: one pool replica, as its engine's environment says."""

import sys

from linkpool.replica.main import main

sys.exit(main())
