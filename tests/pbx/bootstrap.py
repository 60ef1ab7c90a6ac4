"""Get the real things that the tests need: Asterisk and Debian packages.

`python -m tests.pbx.bootstrap [package …]` installs what is missing and says what is there.

Debian 12 carries no Asterisk, so that it is taken from another Debian release into a folder of its own (a chroot in
the cache folder), from the mirror that this machine's own apt sources name. That takes about 45 s with a network and
500 MB; the next time it is simply there.
"""

from __future__ import annotations

import argparse
import fcntl
import functools
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCES = Path("/etc/apt")
RELEASES = {"sid": "22", "bullseye": "16"}
TESTS_NEED = (
    "debootstrap", "sip-tester", "chromium", "fonts-wqy-microhei", "postgresql", "redis-server", "dovecot-imapd",
)  # fmt: skip
"""The font: without a Chinese one pages are laid out, and pictured, with boxes."""


class Missing(Exception):
    """Something that the tests need is not here and cannot be had; the text says what to do."""


# ---- Debian packages ------------------------------------------------------------------------------------
def is_debian_root() -> bool:
    """Whether packages can be installed: root on a machine with apt."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _installed(package: str) -> bool:
    query = ["dpkg-query", "-W", "-f=${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "installed"


def need(packages: Iterable[str]) -> list[str]:
    """Install the Debian packages that are missing and return them.

    The package lists are only fetched anew when the installation fails with those that are there.
    Raises Missing when this is not root on Debian and something is missing.
    """
    missing = [one for one in packages if shutil.which("dpkg-query") is None or not _installed(one)]
    if not missing:
        return []
    if not is_debian_root():
        raise Missing(f"not installed: {' '.join(missing)} (as root on Debian the tests would install them)")
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _lock("apt"):
        if subprocess.run(install, env=environment, capture_output=True, check=False).returncode:
            subprocess.run(["apt-get", "update", "-q"], env=environment, capture_output=True, check=False)
            done = subprocess.run(install, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Missing(f"apt-get could not install {' '.join(missing)}: {done.stderr[-600:]}")
    return missing


# ---- Asterisk ---------------------------------------------------------------------------------------------
def cache() -> Path:
    """The folder that outlives a checkout: CALLWEAVE_CACHE, else callweave in the user's cache folder."""
    if named := os.environ.get("CALLWEAVE_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "callweave"


@contextmanager
def _lock(name: str) -> Iterator[None]:
    """One bootstrap at a time, also between processes."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _deb822(text: str) -> Iterator[tuple[str, str]]:
    """(URI, suite) pairs of a `.sources` file."""
    for stanza in re.split(r"\n\s*\n", text):
        lines = [line for line in stanza.splitlines() if not line.startswith("#")]
        fields = {k.strip().lower(): v.split() for k, _, v in (line.partition(":") for line in lines)}
        if "deb" in fields.get("types", []) and fields.get("enabled") != ["no"]:
            yield from ((uri, suite) for uri in fields.get("uris", []) for suite in fields.get("suites", []))


def _one_line(text: str) -> Iterator[tuple[str, str]]:
    """(URI, suite) pairs of a `.list` file."""
    for line in text.splitlines():
        if match := re.match(r"\s*deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+\S", line):
            yield match[1], match[2]


def mirrors(folder: Path = SOURCES) -> list[str]:
    """The Debian mirrors that this machine uses, the likeliest first; those for single products are left out."""
    pairs: list[tuple[str, str]] = []
    for path in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]:
        if path.is_file() and path.suffix in (".list", ".sources"):
            text = path.read_text(errors="replace")
            pairs += _deb822(text) if path.suffix == ".sources" else _one_line(text)
    main = [uri for uri, _ in pairs if re.search(r"/debian/?$", uri)]
    return list(dict.fromkeys(uri.rstrip("/") for uri in main))


def asterisk_root(release: str = "sid") -> Path | None:
    """Where Asterisk is: None when it is on PATH, else the root folder of the chroot, made if need be.

    Raises Missing when it is neither there nor can be made.
    """
    if release == "sid" and shutil.which("asterisk"):
        return None
    root = cache() / f"asterisk-{release}"
    if not (root / "usr/sbin/asterisk").exists():
        with _lock("asterisk"):
            if not (root / "usr/sbin/asterisk").exists():
                _make(root, release)
    if os.geteuid():
        raise Missing("a chroot can be entered by root only; install asterisk on this machine")
    return root


def _make(root: Path, release: str) -> None:
    """Make the chroot beside its place and rename it: an aborted attempt leaves nothing half."""
    if not is_debian_root():
        raise Missing("no asterisk on PATH, and only root on Debian can bootstrap one")
    need(["debootstrap"])
    for old in cache().glob(f".{root.name}-*"):
        shutil.rmtree(old, ignore_errors=True)
    errors = []
    for mirror in mirrors():
        building = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=cache()))
        try:
            _debootstrap(building, release, mirror)
            building.rename(root)
            return
        except Missing as error:
            errors.append(str(error))
        finally:
            shutil.rmtree(building, ignore_errors=True)
    raise Missing("; ".join(errors) or "this machine's apt sources name no Debian mirror")


def _debootstrap(building: Path, release: str, mirror: str) -> None:
    """Run debootstrap; downloaded packages are kept in the cache for the next time."""
    building.chmod(0o755)
    debs = cache() / f"debs-{release}"
    debs.mkdir(exist_ok=True)
    command = ["debootstrap", "--variant=minbase", "--include=asterisk", f"--cache-dir={debs}"]
    done = subprocess.run(
        [*command, release, str(building), mirror], capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode or not (building / "usr/sbin/asterisk").exists():
        log = building / "debootstrap/debootstrap.log"
        tail = log.read_text(errors="replace")[-400:] if log.exists() else ""
        raise Missing(f"debootstrap of {release} failed: {(done.stdout + done.stderr)[-400:]} {tail}")
    # Its own copies of the packages are of no use; ours are in the cache.
    for deb in (building / "var/cache/apt/archives").glob("*.deb"):
        deb.unlink()


def write_hosts(root: Path) -> None:
    """Let the machine's own name resolve inside: Asterisk asks for it, and waits 5 s per call without an answer."""
    text = f"127.0.0.1 localhost {socket.gethostname()}\n"
    path = root / "etc/hosts"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def module_folder(root: Path | None) -> str:
    """The folder of Asterisk's modules, as Asterisk sees it."""
    top = root or Path("/")
    for pattern in ("usr/lib/*/asterisk/modules", "usr/lib/asterisk/modules", "usr/lib64/asterisk/modules"):
        for found in sorted(top.glob(pattern)):
            return "/" + str(found.relative_to(top))
    raise Missing("no folder with Asterisk's modules")


@functools.cache
def version(root: Path | None) -> str:
    """What `asterisk -V` says, for example "22.10.1"."""
    command = ["asterisk", "-V"] if root is None else ["chroot", str(root), "asterisk", "-V"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    match = re.search(r"Asterisk (\d[\d.]*)", text)
    if not match:
        raise Missing(f"asterisk -V said {text!r}")
    return match[1]


@functools.cache
def can_unshare() -> bool:
    """Whether this process may have a mount namespace of its own."""
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


def has_event_filter_by_name(root: Path | None) -> bool:
    """Whether manager.conf knows `eventfilter(action(exclude),name(…))` (18.26, 20.11, 21.6, 22.1 and later)."""
    parts = tuple(int(part) for part in version(root).split(".")[:2])
    return parts >= {18: (18, 26), 20: (20, 11), 21: (21, 6)}.get(parts[0], (22, 1))


def main() -> int:
    """Install what is missing, say what is there; 1 when something cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m tests.pbx.bootstrap", description=__doc__)
    parser.add_argument("packages", nargs="*", help=f"Debian packages (default: {' '.join(TESTS_NEED)})")
    parser.add_argument("--release", choices=sorted(RELEASES), default="sid", help="Debian release of the Asterisk")
    arguments = parser.parse_args()
    try:
        added = need(arguments.packages or TESTS_NEED)
        root = asterisk_root(arguments.release)
    except Missing as error:
        print(f"missing: {error}", file=sys.stderr)
        return 1
    print(f"packages: {', '.join(arguments.packages or TESTS_NEED)}" + (f" (new: {', '.join(added)})" if added else ""))
    print(f"asterisk {version(root)}: {root or shutil.which('asterisk')}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
