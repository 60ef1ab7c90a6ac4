"""Put the Socket.IO and Engine.IO authors' own conformance suites before our server, whole and unchanged.

`PYTHONPATH=. .venv/bin/python scripts/conformance.py PATH`, where PATH is a checkout of `socketio/socket.io` (the
suites are in its `docs/engine.io-protocol/v4-test-suite` and `docs/socket.io-protocol/v5-test-suite`; they are not
ours, so they are not here). Node with npm is needed; what the suites ask for is installed into their own folders the
first time. They look for the server at port 3000, which must be free. Exit 0: all passed; 1: not; 2: it cannot be run
here, and why.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SUITES = ("docs/engine.io-protocol/v4-test-suite", "docs/socket.io-protocol/v5-test-suite")
ROOT = Path(__file__).resolve().parents[1]


def missing(checkout: Path) -> str | None:
    """Why it cannot be run."""
    if shutil.which("npm") is None:
        return "npm is not there"
    lost = [one for one in SUITES if not (checkout / one / "test-suite.js").is_file()]
    return f"no test-suite.js in {', '.join(lost)}" if lost else None


def npm(folder: Path, *words: str) -> bool:
    """Whether it ended well."""
    return subprocess.run([shutil.which("npm") or "npm", *words], cwd=folder, check=False).returncode == 0  # noqa: S603


def run(folder: Path) -> bool:
    """One suite, as its own `package.json` has it; whether all passed."""
    print(f"== {folder.name}", flush=True)
    if not any((one / "node_modules" / "mocha").exists() for one in (folder, *folder.parents)):
        locked = (folder / "package-lock.json").exists()
        npm(folder, "ci" if locked else "install", "--no-audit", "--no-fund")
    return npm(folder, "test")


def main(checkout: Path) -> int:
    """Start the server, run both, stop it."""
    why = missing(checkout)
    if why is not None:
        print(why, file=sys.stderr)
        return 2
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.echo_server"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        address = server.stdout.readline().strip() if server.stdout is not None else ""
        if not address:
            print("the server did not start: is port 3000 free?", file=sys.stderr)
            return 2
        passed = [run(checkout / one) for one in SUITES]
        return 0 if all(passed) else 1
    finally:
        server.terminate()
        server.wait(10)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]).resolve()))
