"""What goes between a visitor's browser and the server, declared once: namespace `/chat` at path `/chat/socket.io`.

Server to visitor are ``TypedDict``s; visitor to server are pydantic models (unknown fields are ignored). The widget's
``wire.ts`` and ``docs/chat-protocol.md`` are made from this file by ``python -m webchat.wire_types``. Times are Unix
seconds. Every command is acknowledged; what is written is acknowledged only after it is committed.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from pydantic import BaseModel, ConfigDict, Field

MAX_TEXT = 4_000
"""Characters of one line: about a page; longer texts are files."""
MAX_LINES = 200
"""Lines of one answer to ``fetch``."""

# --- things ----------------------------------------------------------------------------------------

Author = Literal["visitor", "agent", "system"]
State = Literal["waiting", "offered", "talking", "ended"]
Ending = Literal["visitor", "agent", "idle", "closed", "message", "callback", "mail"]


class FileView(TypedDict):
    """A file in a conversation, at ``/chat/api/files/{id}``. ``size`` in bytes."""

    id: str
    name: str
    type: str
    size: int


class Line(TypedDict):
    """One line. ``number`` counts from 1 in its conversation, without gaps; ``id`` is the UUID of who wrote it.

    ``kind`` ``text``: ``text`` is what was said; ``file``: ``file`` is there; ``event``: ``text`` is a code of the
    catalogue (``joined``, ``transferred``, ``idle_warning`` …) about ``name``.
    """

    number: int
    id: str
    by: Author
    name: str | None
    at: float
    kind: Literal["text", "file", "event"]
    text: str
    file: NotRequired[FileView]


class CallbackView(TypedDict("CallbackView", {"from": float | None, "to": float | None})):
    """A call that the visitor asked for. ``phone`` as he may see it."""

    phone: str
    state: Literal["waiting", "calling", "done", "failed", "expired", "cancelled"]


class Conversation(TypedDict):
    """How the conversation is. ``position`` from 1 and ``estimate`` (seconds, honest: ``null`` where unknown) while it
    waits; ``last``: the highest number of a line; ``seen``: the highest that the other side has seen."""

    id: str
    state: State
    queue: str
    agent: str | None
    position: int | None
    estimate: float | None
    last: int
    seen: int
    ended_by: Ending | None
    rating: int | None
    callback: CallbackView | None
    cobrowse: Literal["off", "asked", "on"]


class Welcome(TypedDict):
    """The first message on every connection. ``conversation``: the visitor's, if he has one that is not long over;
    ``lines``: those after the number that he gave (at most ``MAX_LINES``; more by ``fetch``)."""

    visitor: str
    server_time: float
    conversation: Conversation | None
    lines: list[Line]


class LineMessage(TypedDict):
    """A line was written, by whomever; also one's own, to every tab of the visitor."""

    conversation: str
    line: Line


class Typing(TypedDict):
    """The other side writes; good until ``until``."""

    conversation: str
    name: str | None
    until: float


class Failure(TypedDict):
    """Why not. ``code`` is one of the widget's texts; ``field`` names the input; ``wait``: seconds until it may."""

    code: str
    message: str
    field: NotRequired[str]
    wait: NotRequired[float]


class Ack(TypedDict):
    """The answer to a command. ``number`` and ``at``: of the line that was written (also the second time)."""

    ok: bool
    error: NotRequired[Failure]
    number: NotRequired[int]
    at: NotRequired[float]
    conversation: NotRequired[Conversation]
    lines: NotRequired[list[Line]]


VISITOR_EVENTS: dict[str, type] = {
    "welcome": Welcome,
    "conversation": Conversation,
    "line": LineMessage,
    "typing": Typing,
}

# --- visitor to server -----------------------------------------------------------------------------

ClientId = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]
"""A UUID made by the widget: the same id again does nothing twice and is answered the same."""
Number = Annotated[int, Field(ge=0, le=2**31)]


class VisitorCommand(BaseModel):
    """What a visitor asks."""

    model_config = ConfigDict(extra="ignore", strict=True)


class Beginning(VisitorCommand):
    """What begins a contact. ``queue``: empty for the site's first one; ``form``: the pre-chat form's answers by field
    code; ``consent``: version agreed to."""

    id: ClientId
    queue: Annotated[str, Field(max_length=80)] = ""
    form: Annotated[dict[str, Annotated[str, Field(max_length=1_000)]], Field(max_length=20)] = {}
    consent: Annotated[str, Field(max_length=40)] | None = None
    language: Annotated[str, Field(max_length=20)] = "en"


class Open(Beginning):
    """Begin a conversation. ``queue``: the site's first one where it is empty; ``form``: the pre-chat form's answers by
    field code; ``consent``: version agreed to."""

    page: Annotated[str, Field(max_length=2_000)] | None = None


class Say(VisitorCommand):
    """A line of text, or (``file``) a file that was uploaded before."""

    id: ClientId
    text: Annotated[str, Field(max_length=MAX_TEXT)] = ""
    file: Annotated[str, Field(max_length=64)] | None = None


class IsTyping(VisitorCommand):
    """The visitor writes (or stopped)."""

    on: bool = True


class Seen(VisitorCommand):
    """The visitor has seen lines up to this number."""

    number: Number


class Fetch(VisitorCommand):
    """Lines after a number, or (``before``) those before one."""

    after: Number = 0
    before: Number | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_LINES)] = MAX_LINES


class Leave(VisitorCommand):
    """The visitor ends the conversation."""


class LeaveMessage(Beginning):
    """Nobody is there: a message that somebody answers later. ``reply_to``: a mail address as typed, no evidence.

    ``queue`` (empty: the site's first one), ``form`` and ``consent`` as in ``open``; who waits already gave them.
    """

    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    reply_to: Annotated[str, Field(max_length=254)] | None = None


class RequestCallback(Beginning):
    """Call this number, between ``since`` and ``until`` (Unix seconds; ``None``: as soon as it is one's turn).

    ``queue`` (empty: the site's first one), ``form`` and ``consent`` as in ``open``; who waits already gave them.
    """

    phone: Annotated[str, Field(min_length=3, max_length=32)]
    since: float | None = None
    until: float | None = None


class CancelCallback(VisitorCommand):
    """No call is wanted any more."""


class Rate(VisitorCommand):
    """How it was: 1 to 5."""

    score: Annotated[int, Field(ge=1, le=5)]
    comment: Annotated[str, Field(max_length=1_000)] | None = None


class Page(VisitorCommand):
    """The visitor looks at another page of the site (sent only with his consent)."""

    url: Annotated[str, Field(max_length=2_000)]
    title: Annotated[str, Field(max_length=200)] = ""


class MailTranscript(VisitorCommand):
    """Send the conversation to this address when it is over; ``go_on``: when he leaves, let it go on by mail."""

    address: Annotated[str, Field(min_length=3, max_length=254)]
    go_on: bool = False


class Cobrowse(VisitorCommand):
    """Show one's page (``on``) or no more; only after an agent asked or the visitor offers it himself."""

    on: bool


class CobrowseFrame(VisitorCommand):
    """A piece of the mirrored page: made by the widget with inputs masked, never kept by the server."""

    n: Number
    data: Annotated[str, Field(max_length=60_000)]


VISITOR_COMMANDS: dict[str, type[VisitorCommand]] = {
    "open": Open,
    "say": Say,
    "typing": IsTyping,
    "seen": Seen,
    "fetch": Fetch,
    "leave": Leave,
    "leave_message": LeaveMessage,
    "request_callback": RequestCallback,
    "cancel_callback": CancelCallback,
    "rate": Rate,
    "page": Page,
    "mail_transcript": MailTranscript,
    "cobrowse": Cobrowse,
    "cobrowse_frame": CobrowseFrame,
}

# --- REST for the widget (all below /chat/api) --------------------------------------------------------


class FormField(TypedDict):
    """A field of the pre-chat form. ``label`` by language."""

    code: str
    label: dict[str, str]
    kind: Literal["text", "email", "phone", "choice", "long"]
    required: bool
    choices: NotRequired[list[str]]


class ConsentText(TypedDict):
    """What the visitor agrees to, by language; ``version`` is kept with the conversation."""

    version: str
    text: dict[str, str]


class CallTime(TypedDict("CallTime", {"from": float, "to": float})):
    """When a call may be wished for, Unix seconds: somebody calls then."""


class Invitation(TypedDict):
    """Ask a visitor who is on a page (its path matches the glob ``path``) for so many seconds."""

    path: str
    after: float
    text: dict[str, str]


class SiteView(TypedDict):
    """`GET /chat/api/site?site=KEY&queue=NAME`: what the widget shows before anybody says anything.

    ``open``: business hours; ``staffed``: somebody is signed in for this queue; ``message`` and ``callback``: whether
    these are offered when not; ``call_times``: what may be wished for a call (``null``: any time); ``mail``: whether
    transcripts are sent; ``trail``: whether pages may be told (still asks the visitor)."""

    site: str
    queue: str
    open: bool
    opens_at: float | None
    staffed: bool
    estimate: float | None
    form: list[FormField]
    consent: ConsentText | None
    message: bool
    callback: bool
    call_times: list[CallTime] | None
    mail: bool
    files: bool
    file_bytes: int
    trail: bool
    invitations: list[Invitation]
    theme: dict[str, str]
    proof_bits: int
    """Leading zero bits that ``sha256(challenge + answer)`` must have before a token is given; 0: none asked."""


class TokenView(TypedDict):
    """`POST /chat/api/visitor {site, user_token?, proof?}`: who the visitor is from now on. Kept by the widget.

    ``name``: what the site's own signed token says of its user."""

    token: str
    visitor: str
    name: str | None
    expires_at: float
