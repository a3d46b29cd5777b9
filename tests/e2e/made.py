"""Tokens with which many tests begin: they are made once, by the command line, and copied for each agent.

scripts/test names a folder for them in $CHANCERY_MADE_TOKENS, which the tests of one build share. Without it, each program makes
them for itself."""

import atexit
import fcntl
import functools
import json
import os
import pathlib
import shutil
import tempfile


@functools.cache
def shared_folder():
    if "CHANCERY_MADE_TOKENS" in os.environ:
        return pathlib.Path(os.environ["CHANCERY_MADE_TOKENS"])
    folder = tempfile.mkdtemp(prefix="ch-made-", dir="/tmp")
    owner = os.getpid()
    atexit.register(lambda: shutil.rmtree(folder, True) if os.getpid() == owner else None)
    return pathlib.Path(folder)


def take(agent, make):
    """Gives the agent, which has no token yet, those that `make` makes for it. Returns what `make` returned, which JSON must be
    able to write. `make` is a method of the agent, or of its test; it runs only if nobody has made these tokens before."""
    place = shared_folder() / f"{make.__module__}.{make.__qualname__}"
    with open(f"{place}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (place / "returned").exists():
            shutil.copytree(place / "tokens", agent.home / "tokens", dirs_exist_ok=True)
            return json.loads((place / "returned").read_text())
        returned = make()
        shutil.rmtree(place, True)
        shutil.copytree(agent.home / "tokens", place / "tokens")
        (place / "returned").write_text(json.dumps(returned))
        return returned
