# SPDX-License-Identifier: Apache-2.0
"""Virtual environments with packages from a package index, which not every machine reaches.

    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
    import venv
    python = venv.prepare(build_dir, requirements_file)   # or venv.Unavailable
    venv.skip("the thing is NOT checked: ...")            # says so, exit code 77
"""

import hashlib
import pathlib
import subprocess
import sys

INSTALL_SECONDS = 600
SKIPPED = 77


class Unavailable(Exception):
    """The packages cannot be had here."""


def skip(why):
    """Ends the program with the exit code that means: not checked."""
    print("SKIPPED: " + why)
    sys.exit(SKIPPED)


def run(*command, **more):
    """Runs a step of an installation. Unavailable, with its last line, when it fails."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS,
                                stdin=subprocess.DEVNULL, **more)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(str(error)) from error
    if result.returncode != 0:
        said = (result.stderr or result.stdout).strip().splitlines()
        raise Unavailable(said[-1] if said else f"{command[0]} failed")


def pip(python, *arguments, **more):
    """Runs pip of an environment. Unavailable when it fails."""
    run(python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments, **more)


def prepare(build_dir, requirements):
    """The interpreter of an environment in `build_dir` with what the file `requirements` lists.

    It is made once and kept until the file changes.
    """
    environment = pathlib.Path(build_dir).resolve() / "environment"
    python = environment / "bin" / "python"
    stamp = environment / "installed"
    wanted = hashlib.sha256(pathlib.Path(requirements).read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    environment.parent.mkdir(parents=True, exist_ok=True)
    run(sys.executable, "-I", "-m", "venv", "--clear", environment)
    pip(python, "install", "--requirement", requirements)
    stamp.write_text(wanted)
    return python
