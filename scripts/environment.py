"""Makes the virtual environment of this checkout from hashed locks, with nothing but Python's standard library.

    python3 scripts/environment.py develop   run-time and development requirements, exactly as locked
    python3 scripts/environment.py run       run-time requirements only, added to what is there

A second call does nothing until a lock, a pyproject or the interpreter changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"

DISTRIBUTIONS = (ROOT / "sdk" / "python", ROOT)
TOOLS = ROOT / "requirements" / "setup.txt"
LOCKS = {"develop": ROOT / "requirements" / "dev.txt", "run": ROOT / "requirements" / "run.txt"}

OLDEST = (3, 11)


def digest(profile: str) -> str:
    """Everything that decides what the environment holds, as one hash."""
    inputs = [Path(__file__), TOOLS, LOCKS[profile], *(path / "pyproject.toml" for path in DISTRIBUTIONS)]
    total = hashlib.sha256(f"{ROOT}\n{sys.version}\n".encode())
    for path in inputs:
        total.update(path.read_bytes())
    return total.hexdigest()


def stamp(profile: str) -> Path:
    return VENV / f".{profile}"


def is_current(profile: str) -> bool:
    """Whether `profile` was installed from the files as they are. The development environment serves to run, too."""
    profiles = ("develop", "run") if profile == "run" else ("develop",)
    return any(stamp(each).is_file() and stamp(each).read_text() == digest(each) for each in profiles)


def call(*command: object) -> None:
    """Run a command and let it be seen; a failure ends the program with a message that names it."""
    hidden = ("VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    arguments = [str(part) for part in command]
    finished = subprocess.run(arguments, cwd=ROOT, env=environment, check=False)
    if finished.returncode:
        sys.exit(f"environment: `{' '.join(arguments)}` failed with code {finished.returncode}")


def provide_ensurepip() -> None:
    """Debian splits `ensurepip` off its Python: install it where we may, else say how."""
    if importlib.util.find_spec("ensurepip") is not None:
        return
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if os.geteuid() == 0 and shutil.which("apt-get") and sys.prefix == "/usr":
        print(f"environment: installing {package}, which Debian keeps apart from Python")
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        call("apt-get", "update", "-qq")
        call("apt-get", "install", "-y", "-qq", "--no-install-recommends", package)
        return
    sys.exit(
        f"environment: {sys.executable} has no ensurepip, so it cannot make a virtual environment.\n"
        f"On Debian and Ubuntu: sudo apt-get install {package}"
    )


def fits() -> bool:
    """Whether the environment there was made at this place by this minor version of Python, and works."""
    try:
        lines = (VENV / "pyvenv.cfg").read_text().splitlines()
        settings = dict(line.split(" = ", 1) for line in lines if " = " in line)
        made_here = settings["command"].endswith(f" {VENV}")
        made_by_this = settings["version"].split(".")[:2] == [str(part) for part in sys.version_info[:2]]
        answer = subprocess.run([PYTHON, "-m", "pip", "--version"], check=False, capture_output=True)
    except (OSError, KeyError):
        return False
    return made_here and made_by_this and answer.returncode == 0


def install(profile: str) -> None:
    """Bring the environment to what the locks say; a stamp is left only by an installation that ended well."""
    print(f"environment: installing {LOCKS[profile].relative_to(ROOT)} into {VENV.relative_to(ROOT)}", flush=True)
    if not fits():
        provide_ensurepip()
        call(sys.executable, "-m", "venv", "--clear", VENV)
    for each in LOCKS:
        stamp(each).unlink(missing_ok=True)
    call(PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", TOOLS)
    exactly = ("sync", LOCKS[profile]) if profile == "develop" else ("install", "-r", LOCKS[profile])
    options = ("--quiet", "--python", PYTHON, "--system-certs")
    call(UV, "pip", *exactly, *options, "--require-hashes", "--compile-bytecode")
    # An editable installation cannot be hashed, and `sync` removes it: always both, in this order.
    editables = [part for path in DISTRIBUTIONS for part in ("-e", path)]
    call(UV, "pip", "install", *options, "--no-deps", "--no-build-isolation", *editables)
    stamp(profile).write_text(digest(profile))


def main() -> None:
    if sys.version_info < OLDEST:
        needed, found = (".".join(map(str, version[:3])) for version in (OLDEST, sys.version_info))
        sys.exit(f"environment: Python {needed} or newer is needed, this is {found}")
    if len(sys.argv) != 2 or sys.argv[1] not in LOCKS:
        sys.exit(f"usage: {sys.argv[0]} {'|'.join(LOCKS)}")
    profile = sys.argv[1]
    checkout = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(checkout, fcntl.LOCK_EX)  # two terminals, one environment
    if not is_current(profile):
        install(profile)


if __name__ == "__main__":
    main()
