"""Stage PostgreSQL as Debian installed it, with the shell that initdb needs.

`python deploy/postgres_rootfs.py PROGRAMS FOLDER`.
"""

import shutil
import sys
from pathlib import Path

from base import libraries, put
from rootfs import settle

HERE = Path(__file__).parent / "postgres"

LEFT_OUT = ("man", "bitcode", "llvmjit*")
"""The compiler of long queries would double the image; a pool has none."""


def main() -> None:
    """Fill the folder named last on the command line."""
    programs, stage = Path(sys.argv[1]), Path(sys.argv[2])
    shutil.rmtree(stage, ignore_errors=True)
    root = stage / "rootfs"
    installed = programs.parent
    shared = Path("/usr/share/postgresql") / installed.name
    for folder in (installed, shared):
        shutil.copytree(folder, root / folder.relative_to("/"), ignore=shutil.ignore_patterns(*LEFT_OUT))
    put(Path("/bin/dash"), root / "bin/sh")
    linked = [
        root / "bin/sh",
        *programs.iterdir(),
        *(root / (installed / "lib").relative_to("/")).glob("*.so"),
    ]
    for source in libraries(linked, root):
        put(source, root / source.relative_to("/"))
    put(HERE / "entry.py", root / "opt/postgres/entry.py")
    settle(root)
    (stage / "data").mkdir()
    (stage / "data" / ".keep").touch()
    (stage / "data").chmod(0o700)
    put(HERE / "Dockerfile", stage / "Dockerfile")


if __name__ == "__main__":
    main()
