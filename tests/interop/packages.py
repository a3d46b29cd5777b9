"""The Node packages of package-lock.json, installed from the npm registry into the build folder."""

import contextlib
import fcntl
import hashlib
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import harness  # noqa: E402  (in the neighbouring folder)

FOLDER = harness.BUILD / "interop"


@contextlib.contextmanager
def installed():
    """While it is open, nobody else changes the folder."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install()
        copy_programs()
        yield FOLDER


def install():
    """Installs node_modules by package-lock.json; a stamp holds the hash of the lock file that was last installed."""
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = FOLDER / "installed"
    wanted = hashlib.sha256(lock).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, FOLDER / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run(command, cwd=FOLDER, check=False).returncode != 0:
        sys.exit("the Node packages can't be installed; check that the npm registry can be reached")
    stamp.write_text(wanted)


def copy_programs():
    """Node looks for packages beside the program, so the programs run in the folder of node_modules."""
    for program in FOLDER.glob("*.mjs"):
        program.unlink()
    for program in HERE.glob("*.mjs"):
        shutil.copy(program, FOLDER)
    shutil.copytree(harness.ROOT / "adapters", FOLDER / "adapters", dirs_exist_ok=True)
