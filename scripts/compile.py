"""Compile the hot modules: `PYTHONPATH=. .venv/bin/python scripts/compile.py` (`make setup` does it).

It needs a C compiler, Python's headers, and mypyc: of the virtual environment, or of the folder `build/compiler`. What
comes of it is described in `cti_gateway/compiled.py`. It goes into a new folder that takes the old one's place when
all is there. Exit 0: made, or there already; 1: it cannot be done here, and why.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "build" / "compiler")]

from cti_gateway.compiled import FOLDER, MANIFEST, MODULES, digest, mismatch, python  # noqa: E402

OURS = ("agent_console", "config", "cti_gateway", "interaction_log", "routing")


def file_of(module: str) -> Path | None:
    """The source of a module or package of ours."""
    path = ROOT.joinpath(*module.split("."))
    return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()), None)


def imported(file: Path) -> Iterator[str]:
    """All modules of ours that a source names, also those that only the types are taken from."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
        yield from (name for name in names if name.partition(".")[0] in OURS)


def sources(modules: Iterable[str]) -> list[Path]:
    """These modules and all that they are made of: the compiler takes types and constants from what they import."""
    found: dict[Path, None] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        packages = [module.rsplit(".", n)[0] for n in range(1, module.count(".") + 1)]
        for file in map(file_of, (module, *packages)):
            if file is not None and file not in found:
                found[file] = None
                waiting += imported(file)
    return sorted(found)


def there() -> bool:
    """Whether what is there fits the sources."""
    try:
        return mismatch(json.loads((FOLDER / MANIFEST).read_text())) is None
    except (OSError, ValueError, KeyError, TypeError):
        return False


def build(files: list[str], out: Path) -> None:
    """Compile; raises whatever goes wrong."""
    from mypyc.build import mypycify  # noqa: PLC0415
    from setuptools import Distribution  # noqa: PLC0415
    from setuptools.command.build_ext import build_ext  # noqa: PLC0415

    os.chdir(ROOT)
    os.environ.update(SOURCE_DATE_EPOCH="315532800", MYPYPATH=str(ROOT))
    with tempfile.TemporaryDirectory(prefix="compile-", dir=out) as name:
        options = ["--config-file", str(ROOT / "setup.cfg"), "--cache-dir", f"{name}/cache"]
        extensions = mypycify([*options, *files], opt_level="1", debug_level="0", target_dir=f"{name}/c")
        command: Any = build_ext(Distribution({"name": "compiled", "ext_modules": extensions}))
        command.build_lib, command.build_temp, command.force = str(out), f"{name}/objects", True
        command.ensure_finalized()
        command.run()


def main() -> int:
    """Compile unless it is done."""
    if there():
        return 0
    FOLDER.parent.mkdir(exist_ok=True)
    out = Path(tempfile.mkdtemp(prefix="compiled-", dir=FOLDER.parent))
    said = io.StringIO()
    try:
        hashes = {str(file.relative_to(ROOT)): digest(file) for file in sources(MODULES)}
        with contextlib.redirect_stdout(said):
            build([str(file.relative_to(ROOT)) for module in MODULES if (file := file_of(module))], out)
    except (Exception, SystemExit) as error:
        shutil.rmtree(out, ignore_errors=True)
        lines = [line for line in said.getvalue().splitlines() if "error" in line]
        print("\n".join(lines[-5:] or [f"{type(error).__name__}: {error}"]))
        return 1
    found = {file.relative_to(out).as_posix().partition(".")[0].replace("/", "."): file for file in out.rglob("*.so")}
    first = next(name for name in found if name.endswith("__mypyc"))
    files = {name: str(file.relative_to(out)) for name, file in sorted(found.items())}
    manifest = {"python": python(), "modules": list(MODULES), "first": first, "files": files, "sources": hashes}
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1))
    shutil.rmtree(FOLDER, ignore_errors=True)
    out.rename(FOLDER)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
