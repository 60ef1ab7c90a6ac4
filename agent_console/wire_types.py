"""``python -m agent_console.wire_types [--check]``: the browser's types and the event catalogue, from ``wire.py``.

Writes ``agent_console/web/src/wire.ts`` and ``docs/events.md``.
With ``--check`` nothing is written; exit 1 says that a file is not what ``wire.py`` gives.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import is_typeddict

from agent_console import wire

ROOT = Path(__file__).resolve().parent.parent
TYPESCRIPT = ROOT / "agent_console" / "web" / "src" / "wire.ts"
CATALOGUE = ROOT / "docs" / "events.md"
MADE = "Made from agent_console/wire.py by `python -m agent_console.wire_types`; do not edit."
INTRODUCTION = """\
Socket.IO namespace `/agent`. Connect with `auth={token, after?}` or with the session cookie; `after` is the last `seq`
that was seen. Each message of the server has a number `seq`, and `prev`, the number before it on this connection:
where `prev` is not what you saw last, connect again with `after`. An offset that the server does not know any more (or
never gave) is answered with a `snapshot`. Times are Unix seconds. Unknown fields are to be ignored.
"""
SUPERVISORS = """\
## Supervisor to server

Namespace `/supervisor`, for supervisors and administrators; it gets `snapshot`, `agent_state`, `interaction`, `queues`,
`taps`, `notice` and `command_result` of all. Commands are acknowledged as those of agents. Each is kept in the audit
trail with its `why`, refused ones too.
"""
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
    if _is_named(kind):
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


def _is_named(kind: Any) -> bool:
    return is_typeddict(kind) or (inspect.isclass(kind) and issubclass(kind, BaseModel))


def declared() -> Iterator[type]:
    """The types of ``wire.py`` in the order in which they stand there."""
    for value in vars(wire).values():
        if _is_named(value) and value.__module__ == wire.__name__:
            yield value


def fields(kind: type) -> Iterator[tuple[str, Any, bool]]:
    """(name, annotation, may be left out) of each field that ``kind`` itself declares."""
    parent = parent_of(kind)
    inherited = set(typing.get_type_hints(parent)) if parent else set()
    for name, annotation in typing.get_type_hints(kind, include_extras=True).items():
        if name not in inherited and name != "model_config":
            yield name, annotation, _optional(kind, name, annotation)


def _optional(kind: type, name: str, annotation: Any) -> bool:
    if issubclass(kind, BaseModel):
        return not kind.model_fields[name].is_required()
    # With annotations as text ``__optional_keys__`` stays empty; the resolved annotation still says it.
    return get_origin(annotation) is typing.NotRequired


def parent_of(kind: type) -> type | None:
    """The declared type that ``kind`` extends."""
    if issubclass(kind, BaseModel):
        base = kind.__bases__[0]
        return base if base is not BaseModel else None
    # A TypedDict forgets its bases (before Python 3.12), so the one that matters is told by its keys.
    numbered = kind is not wire.Numbered and set(wire.Numbered.__annotations__) <= set(typing.get_type_hints(kind))
    return wire.Numbered if numbered else None


def _comment(kind: type, indent: str = "") -> str:
    text = " ".join(inspect.cleandoc(kind.__doc__ or "").split()).replace("``", "`").replace("*/", "* /")
    return f"{indent}/** {text} */\n" if text else ""


def interface(kind: type) -> str:
    """One TypeScript interface."""
    parent = parent_of(kind)
    extends = f" extends {parent.__name__}" if parent else ""
    lines = [f"  {name}{'?' if optional else ''}: {typescript_type(a)};\n" for name, a, optional in fields(kind)]
    return f"{_comment(kind)}export interface {kind.__name__}{extends} {{\n{''.join(lines)}}}\n"


def _map(name: str, comment: str, entries: dict[str, type], shape: str = "{}") -> str:
    lines = "".join(f"  {event}: {shape.format(kind.__name__)};\n" for event, kind in entries.items())
    return f"/** {comment} */\nexport interface {name} {{\n{lines}}}\n"


def typescript() -> str:
    """The whole of ``wire.ts``."""
    later = "".join(f'  "{name}",\n' for name in sorted(wire.LATER_COMMANDS))
    names = "".join(f'  "{name}",\n' for name in wire.SERVER_EVENTS)
    heard, asked = "(message: {}) => void", "(command: {}, ack: (answer: Ack) => void) => void"
    return "\n".join(
        [
            f"// {MADE}\n// Times are Unix seconds.\n",
            *(interface(kind) for kind in declared()),
            _map("SERVER_EVENTS", "Server to console: event name to message.", wire.SERVER_EVENTS),
            _map("CLIENT_COMMANDS", "Console to server: event name to command.", wire.CLIENT_COMMANDS),
            _map("SUPERVISOR_COMMANDS", "Supervisor to server: event name to command.", wire.SUPERVISOR_COMMANDS),
            _map("ServerToClientEvents", "For `Socket<ServerToClientEvents, …>`.", wire.SERVER_EVENTS, heard),
            _map("ClientToServerEvents", "For `Socket<…, ClientToServerEvents>`.", wire.CLIENT_COMMANDS, asked),
            f"export const SERVER_EVENT_NAMES = [\n{names}] as const satisfies readonly (keyof SERVER_EVENTS)[];\n",
            f"/** Commands that this version refuses with `not_supported`. */\n"
            f"export const LATER_COMMANDS = [\n{later}] as const;\n",
        ]
    )


def _table(kind: type) -> str:
    everything = [(n, a, o) for ancestor in _ancestry(kind) for n, a, o in fields(ancestor)]
    rows = (
        f"| `{n}` | `{typescript_type(a).replace('|', chr(92) + '|')}` | {'may be left out' if o else ''} |\n"
        for n, a, o in everything
    )
    return "| field | type | |\n|---|---|---|\n" + "".join(rows)


def _ancestry(kind: type) -> list[type]:
    parent = parent_of(kind)
    return [*(_ancestry(parent) if parent else []), kind]


def _section(event: str, kind: type) -> str:
    text = " ".join(inspect.cleandoc(kind.__doc__ or "").split()).replace("``", "`")
    return f"### `{event}`\n{text}\n\n{_table(kind)}"


def catalogue() -> str:
    """The whole of ``docs/events.md``."""
    commands = {**wire.CLIENT_COMMANDS, **wire.SUPERVISOR_COMMANDS}
    used = {*wire.SERVER_EVENTS.values(), *commands.values()}
    things = [k for k in declared() if k not in used and not issubclass(k, wire.ClientCommand)]
    later = ", ".join(f"`{name}`" for name in sorted(wire.LATER_COMMANDS))
    return "\n".join(
        [
            f"# Events of the console\n\n<!-- {MADE} -->\n",
            INTRODUCTION,
            "## Server to console\n",
            *(_section(name, kind) for name, kind in wire.SERVER_EVENTS.items()),
            "## Console to server\n\nEach is acknowledged within a second with `Ack`; the same `id` again does nothing"
            f" twice. Refused with `not_supported` in this version: {later}.\n",
            *(_section(name, kind) for name, kind in wire.CLIENT_COMMANDS.items()),
            SUPERVISORS,
            *(_section(name, kind) for name, kind in wire.SUPERVISOR_COMMANDS.items()),
            "## What the messages are made of\n",
            *(_section(kind.__name__, kind) for kind in things),
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or compare them (``--check``). Exit code 0 or 1."""
    parser = argparse.ArgumentParser(prog="python -m agent_console.wire_types", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 where a file is out of date")
    check = parser.parse_args(arguments).check
    made = {TYPESCRIPT: typescript(), CATALOGUE: catalogue()}
    stale = {path: text for path, text in made.items() if not _same(path, text)}
    for path, text in stale.items():
        print(("out of date: " if check else "written: ") + str(path.relative_to(ROOT)))
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if check and stale else 0


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
