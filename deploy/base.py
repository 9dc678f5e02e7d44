"""A base image from this machine, for where no registry can be reached.

`python deploy/base.py ROOTFS FOLDER` fills FOLDER with what a slim image of Python would hold: the
interpreter, its standard library without tests and graphics, every shared library that these and the packages
of ROOTFS link to, certificates, and a user who is nobody. For Debian and other systems with glibc.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from rootfs import compile_all, settle, strip

LEFT_OUT = (
    *("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "pydoc_data", "_tkinter*"),
    *(
        "site-packages",
        "dist-packages",
        "__pycache__",
        "config-*",
        "*.a",
        "nis.*",
        "_test*",
        "_xxtest*",
        "xx*",
    ),
)
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
NOBODY = "root:x:0:0:root:/root:/sbin/nologin\nlinkpool:x:65532:65532:linkpool:/tmp:/sbin/nologin\n"


def main() -> None:
    """Fill the folder named last on the command line."""
    packages, root = Path(sys.argv[1]), Path(sys.argv[2])
    shutil.rmtree(root, ignore_errors=True)
    binary, library = interpreter(root)
    linked = [binary, *library.rglob("*.so*"), *packages.rglob("*.so*")]
    for source in libraries(linked, root):
        put(source, root / source.relative_to("/"))
    strip(root)
    put(CERTIFICATES, root / "etc/ssl/certs/ca-certificates.crt")
    (root / "etc/passwd").write_text(NOBODY)
    (root / "etc/group").write_text("root:x:0:\nlinkpool:x:65532:\n")
    (root / "etc/nsswitch.conf").write_text("hosts: files dns\n")
    (root / "tmp").mkdir()
    settle(root)
    (root / "tmp").chmod(0o1777)


def interpreter(root: Path) -> tuple[Path, Path]:
    """Python in /usr/local, as in the official images: its program and its library."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    programs = root / "usr/local/bin"
    put(Path(sys.executable).resolve(), programs / version)
    for name in ("python3", "python"):
        (programs / name).symlink_to(version)
    library = root / "usr/local/lib" / version
    standard = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(standard, library, symlinks=False, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (library / "site-packages").mkdir()
    compile_all(library, f"/usr/local/lib/{version}")
    return programs / version, library


def libraries(linked: list[Path], root: Path) -> set[Path]:
    """Every library from outside `root` that one of these loads, the loader itself included."""
    said = subprocess.run(["ldd", *map(str, linked)], capture_output=True, text=True, check=False).stdout
    found = set(re.findall(r"=> (/\S+) \(0x", said)) | set(
        re.findall(r"^\s+(/\S*ld-linux\S+) \(0x", said, re.M)
    )
    return {Path(path) for path in found if not path.startswith(f"{root.absolute()}/")}


def put(source: Path, target: Path) -> None:
    """Copy a file, links followed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


if __name__ == "__main__":
    main()
