"""``python -m webchat.wire_types [--check]``: the widget's types and the protocol's page, from ``wire.py``.

Writes ``webchat/widget/src/wire.ts`` and ``docs/chat-protocol.md``.
With ``--check`` nothing is written; exit 1 says that a file is not what ``wire.py`` gives.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from interaction_log.typescript import Declarations, interface_map, write
from webchat import wire

ROOT = Path(__file__).resolve().parent.parent
TYPESCRIPT = ROOT / "webchat" / "widget" / "src" / "wire.ts"
CATALOGUE = ROOT / "docs" / "chat-protocol.md"
MADE = "Made from webchat/wire.py by `python -m webchat.wire_types`; do not edit."
WIRE = Declarations(wire)
REST = (wire.SiteView, wire.TokenView)
INTRODUCTION = f"""\
What goes between the widget (or any other client) and the server. [chat.md](chat.md) is for who runs it.

## Connecting

1. `GET /chat/api/site?site=KEY&queue=NAME` says what the site offers (`SiteView`).
2. `POST /chat/api/visitor` with `{{"site": KEY, "user_token"?, "token"?, "proof"?: {{"challenge", "answer"}}}}` gives a
   visitor's token (`TokenView`); the browser keeps it. `token`: the one that it has, to be prolonged (with
   `user_token`: who talks already goes on as that user). Where
   `proof_bits` is not 0, `GET /chat/api/challenge?site=KEY` gives `{{"challenge", "bits"}}` first; `answer` is a text
   with which `sha256(challenge + answer)` begins with so many zero bits.
3. Socket.IO (protocol 5, over WebSocket or long-polling) at the path `/chat/socket.io`, namespace `/chat`, with
   `auth={{"token": …, "after"?: N}}`. The first message is `welcome` with the lines after number `N`.

The `Origin` must be one of the site's; a token of one site is nothing on another. A connection is refused with
`{{"message", "data": {{"code"}}}}`; the codes are `unauthorized` (ask for a new token), `origin`, `banned`, `too_many`
(with `wait` in seconds) and `unavailable`.

Engine.IO 4 and Socket.IO 5 are spoken as their authors' conformance suites want it: `scripts/conformance.py` puts the
suites themselves before the classes that serve visitors and consoles (25 and 32 cases, all passed at
`socketio/socket.io` as of 2026); `tests/protocol/test_conformance.py` asks the same of the very servers that visitors
and consoles get.

## Nothing lost, nothing doubled

- Who writes gives each line a UUID. The answer comes when the line is committed, with its number in the conversation.
  Without an answer the same line is sent again **with the same UUID**, over whatever connection there is then; the
  answer is the same.
- Numbers begin at 1 and have no gaps. A line with a number other than the highest known one plus 1 says that lines are
  missing: `fetch` with `after`. A line whose number is known already is dropped.
- Every tab of a visitor gets every line, its own ones too.
- A tab that reads too slowly is cut; it connects again with `after`.
- What the acknowledgement refuses with `too_many` may be sent again after `wait` seconds, with `unavailable` at once.
- Long-polling has the same guarantees.

## Showing a line

`text` is text, never HTML: it goes into `textContent` (or `createTextNode`). Links are found in it by the client, are
`http:`, `https:` or `mailto:` only, show their whole address, and have `rel="noopener noreferrer nofollow"` and
`target="_blank"`. The direction of writing is isolated (`dir="auto"`, `unicode-bidi: isolate`). A file is a link that
downloads it.

## Files

`POST /chat/api/files?name=NAME` with `Authorization: Bearer TOKEN`, the content as the body and its type as
`Content-Type`; the answer is a `FileView`. It is shown to nobody until a `say` with `file` says it. `GET
/chat/api/files/{{id}}` with the same `Authorization` gives it back, always as an attachment, never to be shown by the
browser itself. A file that the site's scanner refuses is answered with 422 and `code` `file_refused`.

## Limits

A packet has at most 64 KiB, a line at most {wire.MAX_TEXT} characters, an answer at most {wire.MAX_LINES} lines.
`typing` and `seen` are thinned out. What a site may set is in [chat.md](chat.md). Times are Unix seconds. Unknown
fields are to be ignored. An error is a problem document (RFC 9457) with a `code`.
"""


def typescript() -> str:
    """The whole of ``wire.ts``."""
    events = "".join(f'  "{name}",\n' for name in wire.VISITOR_EVENTS)
    heard, asked = "(message: {}) => void", "(command: {}, ack: (answer: Ack) => void) => void"
    return "\n".join(
        [
            f"// {MADE}\n// Times are Unix seconds.\n",
            f"export const MAX_TEXT = {wire.MAX_TEXT};\nexport const MAX_LINES = {wire.MAX_LINES};\n",
            *(WIRE.interface(kind) for kind in WIRE.declared()),
            interface_map("VISITOR_EVENTS", "Server to visitor: event name to message.", wire.VISITOR_EVENTS),
            interface_map("VISITOR_COMMANDS", "Visitor to server: event name to command.", wire.VISITOR_COMMANDS),
            interface_map("ServerToClientEvents", "For `Socket<ServerToClientEvents, …>`.", wire.VISITOR_EVENTS, heard),
            interface_map(
                "ClientToServerEvents", "For `Socket<…, ClientToServerEvents>`.", wire.VISITOR_COMMANDS, asked
            ),
            f"export const VISITOR_EVENT_NAMES = [\n{events}] as const satisfies readonly (keyof VISITOR_EVENTS)[];\n",
        ]
    )


def catalogue() -> str:
    """The whole of ``docs/chat-protocol.md``."""
    used = {*wire.VISITOR_EVENTS.values(), *wire.VISITOR_COMMANDS.values(), *REST, wire.VisitorCommand, wire.Beginning}
    things = [kind for kind in WIRE.declared() if kind not in used]
    return "\n".join(
        [
            f"# The chat's protocol\n\n<!-- {MADE} -->\n",
            INTRODUCTION,
            "## Server to visitor\n",
            *(WIRE.section(name, kind) for name, kind in wire.VISITOR_EVENTS.items()),
            "## Visitor to server\n\nEach is acknowledged with an `Ack`.\n",
            *(WIRE.section(name, kind) for name, kind in wire.VISITOR_COMMANDS.items()),
            "## REST\n",
            *(WIRE.section(kind.__name__, kind) for kind in REST),
            "## What the messages are made of\n",
            *(WIRE.section(kind.__name__, kind) for kind in things),
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or compare them (``--check``). Exit code 0 or 1."""
    parser = argparse.ArgumentParser(prog="python -m webchat.wire_types", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 where a file is out of date")
    check = parser.parse_args(arguments).check
    made = {TYPESCRIPT: typescript(), CATALOGUE: catalogue()}
    return write(made, ROOT, check=check, tell=print)


if __name__ == "__main__":
    sys.exit(main())
