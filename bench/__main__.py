"""`python -m bench NAME [ARGUMENTS]` runs `bench/NAME.py`'s `main(arguments)`; without a name, lists them."""

import importlib
import pkgutil
import sys

import bench


def main() -> int:
    """Hand over to the bench of that name."""
    names = sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if module.name[0] != "_")
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        print(f"usage: python -m bench {{{','.join(names)}}} [--json]", file=sys.stderr)
        return 2
    return int(importlib.import_module(f"bench.{sys.argv[1]}").main(sys.argv[2:]) or 0)


if __name__ == "__main__":
    raise SystemExit(main())
