"""Compile the hot modules: `PYTHONPATH=. .venv/bin/python scripts/compile.py` (`make setup` does it).

It needs a C compiler, Python's headers, and mypyc: of the virtual environment, or of the folder `build/compiler`. What
comes of it is described in `cti_gateway/compiled.py`. It goes into a new folder that takes the old one's place when
all is there. Exit 0: made, or there already; 1: it cannot be done here, and why.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "build" / "compiler")]

from cti_gateway.compiled import FOLDER, MANIFEST, MODULES, READ, digest, mismatch, python  # noqa: E402

AT_ONCE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
CONFIG = f"""[mypy]
follow_imports = skip
ignore_missing_imports = True

[mypy-{",".join(READ)}]
follow_imports = silent
"""
"""The checker's rules are those of ``make check``; here it only finds out types."""


def file_of(module: str) -> Path | None:
    """The source of a module or package of ours."""
    path = ROOT.joinpath(*module.split("."))
    return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()), None)


def sources() -> list[Path]:
    """What goes into the extensions: the modules, what is read for its types, and the packages that they are in."""
    names = {*MODULES, *READ}
    packages = {name.rsplit(".", n)[0] for name in names for n in range(1, name.count(".") + 1)}
    return sorted(file for name in names | packages if (file := file_of(name)) is not None)


def there() -> bool:
    """Whether what is there fits the sources."""
    try:
        return mismatch(json.loads((FOLDER / MANIFEST).read_text())) is None
    except (OSError, ValueError, KeyError, TypeError):
        return False


def build(files: list[str], out: Path) -> None:
    """Compile; raises whatever goes wrong. A C file for each module, on all processors: one for all of them takes the
    compiler twice the time, and makes nothing quicker."""
    from mypyc.build import mypycify  # noqa: PLC0415
    from setuptools import Distribution  # noqa: PLC0415
    from setuptools.command.build_ext import build_ext  # noqa: PLC0415

    class SideBySide(build_ext):
        def build_extensions(self) -> None:
            one_by_one: Any = self.compiler.compile

            def compile_all(sources: list[str], *args: Any, **named: Any) -> list[str]:
                largest = sorted(sources, key=os.path.getsize, reverse=True)
                with ThreadPoolExecutor(AT_ONCE) as pool:
                    made = pool.map(lambda source: one_by_one([source], *args, **named), largest)
                    return [name for names in made for name in names]

            self.compiler.compile = compile_all
            super().build_extensions()

    os.chdir(ROOT)
    os.environ.update(SOURCE_DATE_EPOCH="315532800", MYPYPATH=str(ROOT))
    with tempfile.TemporaryDirectory(prefix="compile-", dir=out) as name:
        config = Path(name, "mypy.ini")
        config.write_text(CONFIG)
        options = ["--config-file", str(config), "--cache-dir", f"{name}/cache"]
        extensions = mypycify(
            [*options, *files], opt_level="1", debug_level="0", multi_file=True, target_dir=f"{name}/c"
        )
        command: Any = SideBySide(Distribution({"name": "compiled", "ext_modules": extensions}))
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
        hashes = {str(file.relative_to(ROOT)): digest(file) for file in sources()}
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
