"""Stage what the image adds to its base: LinkPool and its locked dependencies, compiled, with fixed times.

`python deploy/rootfs.py FOLDER` fills FOLDER/rootfs for the Python that runs it. The same commit gives the
same bytes, so an image can be checked by building it again.
"""

import compileall
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from py_compile import PycInvalidationMode

HERE = Path(__file__).parent
PROJECT = HERE.parent
EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "1700000000"))
UNUSED = ("bin", "**/tests", "**/test", "**/__pycache__", "**/RECORD", "**/direct_url.json",
          "**/*.pyi", "**/*.pyx", "**/*.pxd", "**/*.c", "**/*.h")  # fmt: skip
"""Of installed packages: nothing at run time reads these, and RECORD names them."""
AWS = {"cloudformation", "cloudwatch", "ec2", "ecs", "elbv2", "iam", "kms", "logs", "rds", "secretsmanager",
       "service-quotas", "sso", "sso-oidc", "sts"}  # fmt: skip
"""Services that LinkPool speaks to, of the four hundred that botocore describes."""


def main() -> None:
    """Fill the folder named on the command line."""
    rootfs = Path(sys.argv[1]) / "rootfs"
    shutil.rmtree(rootfs, ignore_errors=True)
    packages = rootfs / "opt" / "linkpool"
    packages.mkdir(parents=True)
    install(packages)
    for pattern in UNUSED:
        for path in sorted(packages.glob(pattern), reverse=True):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for service in (packages / "botocore" / "data").glob("*/"):
        if service.name not in AWS:
            shutil.rmtree(service)
    shutil.copy(HERE / "healthy.py", packages)
    strip(packages)
    compile_all(packages, "/opt/linkpool")
    settle(rootfs)


def install(packages: Path) -> None:
    """Locked dependencies by their hashes, then LinkPool's own wheel."""
    pip("install", "--target", str(packages), "--require-hashes", "--only-binary", ":all:", "--no-compile",
        "-r", str(PROJECT / "deploy" / "requirements.lock"))  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, str(PROJECT))
        (wheel,) = Path(folder).glob("linkpool-*.whl")
        pip("install", "--target", str(packages), "--no-deps", "--no-compile", "--upgrade", str(wheel))


def pip(*arguments: str) -> None:
    """Run pip; what it prints is shown when it fails."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{ended.stdout}{ended.stderr}")


def compile_all(folder: Path, shown: str) -> None:
    """Bytecode that is never compared with its source: the root is read-only, and starts are quick."""
    compileall.compile_dir(
        folder, stripdir=folder, prependdir=shown, quiet=2, workers=0,
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )  # fmt: skip


def strip(folder: Path) -> None:
    """Symbols out of shared libraries, where this machine has binutils: a quarter of the image."""
    libraries = [str(path) for path in folder.rglob("*.so*") if path.is_file() and not path.is_symlink()]
    if shutil.which("strip"):
        subprocess.run(["strip", "--strip-unneeded", *libraries], check=True)


def settle(folder: Path) -> None:
    """One time for all, and rights that follow from nothing but the kind of file."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)


if __name__ == "__main__":
    main()
