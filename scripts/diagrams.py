"""Make docs/diagrams.md from the tables in the code: `python scripts/diagrams.py [--check]`."""

from __future__ import annotations

import sys
from pathlib import Path

from cti_gateway.ami import session
from cti_gateway.calls import TABLE as MESSAGES
from interaction_log.events import TYPES
from interaction_log.interaction import APPLY
from routing import agents

TARGET = Path(__file__).resolve().parents[1] / "docs" / "diagrams.md"
HEAD = """# State tables, drawn

Made by `python scripts/diagrams.py` from the tables in the code; `make check` fails when they differ.
"""


def first_line(doc: str | None) -> str:
    """The first sentence of a docstring, ready for a Markdown table."""
    text = " ".join((doc or "").strip().split("\n\n")[0].split())
    return text.replace("|", "\\|")


def agent_states() -> str:
    """Each arrow is a row of `routing/agents.py: TABLE`."""
    rows = [
        f"    {state} --> {'rest' if target == 'REST' else target}: {trigger}"
        for state, triggers in agents.TABLE.items()
        for trigger, target in triggers.items()
    ]
    note = "    note right of rest: the state that she chose, or that the PBX imposes"
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> LOGGED_OUT", *rows, note, "```"])


def login_states() -> str:
    """Each arrow is a row of `cti_gateway/ami/session.py: TABLE`."""
    rows = [
        f"    {state.value} --> {target.value}: {heard.value} / {effect}"
        for (state, heard), (target, effect) in session.TABLE.items()
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> awaiting_banner", *rows, "```"])


def messages() -> str:
    """Each row is one of `cti_gateway/calls.py: TABLE`."""
    rows = []
    for name, step in sorted(MESSAGES.items()):
        where = step.__module__.removeprefix("cti_gateway.") if step.__name__ != "<lambda>" else "tracking.snapshot"
        rows.append(f"| `{name}` | `{where}` | {first_line(step.__doc__) or 'part of a snapshot'} |")
    return "\n".join(["| AMI event | read in | what it means to us |", "|---|---|---|", *rows])


def events() -> str:
    """Each row is an event of the log, and whether it changes the interaction."""
    rows = [
        f"| `{name}` | {'yes' if cls in APPLY else ''} | {first_line(cls.__doc__)} |"
        for name, cls in sorted(TYPES.items())
    ]
    return "\n".join(["| event | changes the interaction | meaning |", "|---|---|---|", *rows])


def page() -> str:
    """The whole page."""
    parts = [
        HEAD,
        f"## An agent\n\n`routing/agents.py`\n\n{agent_states()}\n",
        f"## Logging in to a PBX\n\n`cti_gateway/ami/session.py`\n\n{login_states()}\n",
        f"## What the tracker reads\n\n`cti_gateway/calls.py`; everything else is ignored.\n\n{messages()}\n",
        "## What the log holds\n\n`interaction_log/events.py`, applied by `interaction_log/interaction.py`.\n",
        f"{events()}\n",
    ]
    return "\n".join(parts)


def main() -> int:
    """Write the page, or say that it is old."""
    if "--check" not in sys.argv:
        TARGET.write_text(page(), encoding="utf-8")
        return 0
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == page():
        return 0
    print("docs/diagrams.md is not what the code says: run python scripts/diagrams.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
