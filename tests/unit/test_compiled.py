"""When the compiled modules are used, and when they are left alone."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cti_gateway import compiled
from cti_gateway.ami import codec

ASK = """
import sys
from pathlib import Path
from cti_gateway import compiled
state = compiled.use(Path(sys.argv[1]))
from cti_gateway.ami import codec
print(state.on, compiled.state() == state, codec.__file__.endswith("codec.py"), state.why, sep="|")
"""


def started(folder: Path, **environ: str) -> list[str]:
    """What a new process says: used?, remembered?, from the source?, why."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(folder)],
        cwd=compiled.ROOT,
        env={"PYTHONPATH": str(compiled.ROOT), **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip().split("|")


def manifest(**changes: Any) -> dict[str, Any]:
    found = {
        "python": compiled.python(),
        "modules": list(compiled.MODULES),
        "first": "shared__mypyc",
        "files": {"shared__mypyc": "shared.so"},
        "sources": {"cti_gateway/compiled.py": compiled.digest(compiled.ROOT / "cti_gateway/compiled.py")},
    }
    return found | changes


def write(folder: Path, **changes: Any) -> Path:
    (folder / compiled.MANIFEST).write_text(json.dumps(manifest(**changes)))
    (folder / "shared.so").write_bytes(b"no library")
    return folder


def test_what_fits_has_no_mismatch() -> None:
    assert compiled.mismatch(manifest()) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"python": "3.9"}, "another Python"),
        ({"modules": ["cti_gateway.calls"]}, "another version"),
        ({"sources": {"cti_gateway/calls.py": "0"}}, "cti_gateway/calls.py changed"),
        ({"sources": {"cti_gateway/gone.py": "0"}}, "cti_gateway/gone.py changed"),
    ],
)
def test_a_difference_leaves_all_of_them_alone(changes: dict[str, Any], why: str) -> None:
    assert why in (compiled.mismatch(manifest(**changes)) or "")


def test_without_a_folder_the_sources_are_used(tmp_path: Path) -> None:
    assert started(tmp_path / "none") == ["False", "True", "True", "not compiled"]


def test_a_changed_source_is_used(tmp_path: Path) -> None:
    used, remembered, source, why = started(write(tmp_path, sources={"cti_gateway/ami/codec.py": "0"}))
    assert (used, remembered, source) == ("False", "True", "True")
    assert why == "cti_gateway/ami/codec.py changed since it was compiled"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"python": 1', "null"])
def test_a_damaged_list_is_no_reason_to_fail(tmp_path: Path, text: str) -> None:
    (tmp_path / compiled.MANIFEST).write_text(text)
    assert started(tmp_path)[:3] == ["False", "True", "True"]


def test_a_library_that_does_not_load_is_no_reason_to_fail(tmp_path: Path) -> None:
    used, remembered, source, why = started(write(tmp_path))
    assert (used, remembered, source) == ("False", "True", "True")
    assert why.startswith("what was compiled cannot be loaded")


def test_the_environment_can_refuse(tmp_path: Path) -> None:
    assert started(write(tmp_path), CALLWEAVE_COMPILED="0")[3] == "CALLWEAVE_COMPILED=0"


def test_a_process_that_has_the_sources_keeps_them() -> None:
    assert codec.__name__ in sys.modules
    assert compiled._use(compiled.FOLDER).why == "the sources are loaded already"


def test_each_is_a_module_of_ours() -> None:
    files = [compiled.ROOT.joinpath(*name.split(".")).with_suffix(".py") for name in compiled.MODULES]
    assert all(file.is_file() for file in files) and len(set(files)) == len(files)


def of_fractions(node: ast.AST) -> bool:
    """``NAME: Final = (0.5, 3.0)``."""
    match node:
        case ast.AnnAssign(annotation=ast.Name(id="Final"), value=ast.Tuple(elts=elements)):
            return all(isinstance(one, ast.Constant) and isinstance(one.value, float) for one in elements)
    return False


@pytest.mark.parametrize("name", compiled.MODULES)
def test_no_constant_is_a_tuple_of_fractions_alone(name: str) -> None:
    """mypyc 2.4 says of such a one, whenever it is read, that it was never set; as ``tuple[float, ...]`` it is read."""
    source = compiled.ROOT.joinpath(*name.split(".")).with_suffix(".py").read_text()
    assert [ast.unparse(node) for node in ast.walk(ast.parse(source)) if of_fractions(node)] == []


def test_such_a_constant_is_found() -> None:
    found = [
        of_fractions(node) for node in ast.parse("A: Final = (0.5, 3.0)\nB: Final[tuple[float, ...]] = (0.5,)\n").body
    ]
    assert found == [True, False]
