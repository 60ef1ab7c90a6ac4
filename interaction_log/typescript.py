"""TypeScript and tables of Markdown from the types that go over a wire, so that each is declared once. Pure."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import is_typeddict

PRIMITIVES: dict[Any, str] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
    Any: "unknown",
}


def typescript_type(kind: Any) -> str:
    """The TypeScript type of a Python annotation; raises ``TypeError`` for what has none here."""
    if kind in PRIMITIVES:
        return PRIMITIVES[kind]
    if is_named(kind):
        return str(kind.__name__)
    return _generic(kind)


def _generic(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " | ".join(f'"{value}"' for value in arguments)
    if origin in (Union, types.UnionType):
        return " | ".join(typescript_type(part) for part in arguments)
    if origin in (typing.NotRequired, typing.Required, typing.Annotated):
        return typescript_type(arguments[0])
    if origin in (list, set, frozenset):
        inner = typescript_type(arguments[0])
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if origin is dict:
        return f"Record<{typescript_type(arguments[0])}, {typescript_type(arguments[1])}>"
    raise TypeError(f"no TypeScript type for {kind!r}")


def is_named(kind: Any) -> bool:
    """Whether it becomes an interface."""
    return is_typeddict(kind) or (inspect.isclass(kind) and issubclass(kind, BaseModel))


def docstring(kind: type) -> str:
    """Its docstring on one line, as Markdown."""
    return " ".join(inspect.cleandoc(kind.__doc__ or "").split()).replace("``", "`")


class Declarations:
    """What one module declares. ``numbered``: a ``TypedDict`` that others extend, recognised by its keys, because a
    ``TypedDict`` forgets its bases (before Python 3.12)."""

    def __init__(self, module: ModuleType, numbered: type | None = None):
        self._module, self._numbered = module, numbered

    def declared(self) -> Iterator[type]:
        """The types in the order in which they stand there."""
        for value in vars(self._module).values():
            if is_named(value) and value.__module__ == self._module.__name__:
                yield value

    def parent_of(self, kind: type) -> type | None:
        """The declared type that ``kind`` extends."""
        if issubclass(kind, BaseModel):
            base = kind.__bases__[0]
            return base if base is not BaseModel else None
        numbered = self._numbered
        if numbered is None or kind is numbered:
            return None
        return numbered if set(numbered.__annotations__) <= set(typing.get_type_hints(kind)) else None

    def fields(self, kind: type) -> Iterator[tuple[str, Any, bool]]:
        """(name, annotation, may be left out) of each field that ``kind`` itself declares."""
        parent = self.parent_of(kind)
        inherited = set(typing.get_type_hints(parent)) if parent else set()
        for name, annotation in typing.get_type_hints(kind, include_extras=True).items():
            if name not in inherited and name != "model_config":
                yield name, annotation, _optional(kind, name, annotation)

    def interface(self, kind: type) -> str:
        """One TypeScript interface."""
        parent = self.parent_of(kind)
        extends = f" extends {parent.__name__}" if parent else ""
        lines = [f"  {name}{'?' if opt else ''}: {typescript_type(a)};\n" for name, a, opt in self.fields(kind)]
        return f"{_comment(kind)}export interface {kind.__name__}{extends} {{\n{''.join(lines)}}}\n"

    def section(self, title: str, kind: type) -> str:
        """One type in the catalogue."""
        return f"### `{title}`\n{docstring(kind)}\n\n{self._table(kind)}"

    def _table(self, kind: type) -> str:
        everything = [(n, a, o) for ancestor in self._ancestry(kind) for n, a, o in self.fields(ancestor)]
        rows = (
            f"| `{n}` | `{typescript_type(a).replace('|', chr(92) + '|')}` | {'may be left out' if o else ''} |\n"
            for n, a, o in everything
        )
        return "| field | type | |\n|---|---|---|\n" + "".join(rows)

    def _ancestry(self, kind: type) -> list[type]:
        parent = self.parent_of(kind)
        return [*(self._ancestry(parent) if parent else []), kind]


def _optional(kind: type, name: str, annotation: Any) -> bool:
    if issubclass(kind, BaseModel):
        return not kind.model_fields[name].is_required()
    # With annotations as text ``__optional_keys__`` stays empty; the resolved annotation still says it.
    return get_origin(annotation) is typing.NotRequired


def _comment(kind: type) -> str:
    text = docstring(kind).replace("*/", "* /")
    return f"/** {text} */\n" if text else ""


def interface_map(name: str, comment: str, entries: Mapping[str, type], shape: str = "{}") -> str:
    """An interface from the names of events to their types; ``shape`` has the type's name for ``{}``."""
    lines = "".join(f"  {event}: {shape.format(kind.__name__)};\n" for event, kind in entries.items())
    return f"/** {comment} */\nexport interface {name} {{\n{lines}}}\n"


def write(made: Mapping[Path, str], root: Path, *, check: bool, tell: Callable[[str], None]) -> int:
    """Write the files that are not as they should be, or with ``check`` only name them; 1: some were not."""
    stale = {path: text for path, text in made.items() if not _same(path, text)}
    for path, text in stale.items():
        tell(("out of date: " if check else "written: ") + str(path.relative_to(root)))
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if check and stale else 0


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text
