"""Where a control plane is, unless somebody says otherwise."""

from pathlib import Path

DEFAULT_URL = "http://127.0.0.1:8700"
DEFAULT_TOKEN_FILE = Path(".linkpool/control/admin.token")
