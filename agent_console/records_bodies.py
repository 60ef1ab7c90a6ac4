"""Bodies and queries of the routes of records: strict types, unknown fields refused."""

from typing import Annotated, Any, Literal

from pydantic import Field

from agent_console.models import Body, Code, Cursor, Labels, Limit, Notes, Query, Text, UserName

Id = Annotated[str, Field(min_length=1, max_length=64)]
Version = Annotated[int, Field(ge=1)]
Moment = Annotated[float, Field(ge=0, lt=1e11)]
Wall = Annotated[str, Field(max_length=25, description="A time of the wall, as 2026-11-27T10:00.")]
Zone = Annotated[str, Field(max_length=64, description="A time zone, as Asia/Shanghai.")]
PurposeText = Annotated[str, Field(min_length=1, max_length=4_000)]
Position = Annotated[int, Field(ge=0, le=10_000)]


class ChoiceBody(Body):
    """One value of a field to choose from."""

    code: Code
    labels: Labels


class FieldBody(Body):
    """A custom field."""

    labels: Labels
    type: Literal["text", "number", "date", "choice", "flag"]
    of: Literal["person", "organisation", "any"] = "any"
    required: bool = False
    sensitive: bool = False
    choices: Annotated[list[ChoiceBody], Field(max_length=200, default_factory=list)]
    position: Position = 0
    retired: bool = False


class PurposeBody(Body):
    """What customers may agree to. ``texts``: what they are asked, by language; another text needs another version."""

    labels: Labels
    texts: Annotated[
        dict[str, Annotated[str, Field(min_length=1, max_length=4_000)]], Field(max_length=20, default_factory=dict)
    ]
    version: Annotated[str, Field(min_length=1, max_length=40)] = "1"
    position: Position = 0
    retired: bool = False


class ConsentBody(Body):
    """What a customer said about a purpose. ``source``: how he said it (call, form, letter …)."""

    purpose: Code
    channel: Literal["any", "voice", "chat", "email", "sms", "post"] = "any"
    state: Literal["given", "refused", "withdrawn"]
    source: Annotated[str, Field(min_length=1, max_length=100)]
    note: Annotated[str, Field(max_length=1_000)] | None = None


class RelationBody(Body):
    """This customer is ``kind`` of ``other``."""

    kind: Annotated[str, Field(max_length=40)]
    other: Id
    note: Annotated[str, Field(max_length=500)] | None = None


class SegmentBody(Body):
    """A saved filter (``docs/records.md``)."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    filter: dict[str, Any]


class SegmentChange(Body):
    """Another name or filter. ``version``: of the segment as it was seen."""

    version: Version
    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    filter: dict[str, Any] | None = None


class FilterBody(Body):
    """A filter that is not saved (yet)."""

    filter: dict[str, Any]


class NewTask(Body):
    """Something to do. ``due`` with ``zone``, or ``due_at`` (Unix seconds); without an owner it is one's own."""

    title: Text
    notes: Notes | None = None
    owner: UserName | None = None
    customer_id: Id | None = None
    case_id: Id | None = None
    interaction_id: Id | None = None
    due: Wall | None = None
    zone: Zone | None = None
    due_at: Moment | None = None


class TaskChange(Body):
    """What shall be changed of a task; fields left out stay. ``version``: of the task as it was seen."""

    version: Version | None = None
    title: Text = ""
    notes: Notes | None = None
    owner: UserName = ""
    customer_id: Id | None = None
    case_id: Id | None = None
    due: Wall | None = None
    zone: Zone | None = None
    due_at: Moment | None = None
    state: Literal["open", "done", "cancelled"] = "open"


class RuleBody(Body):
    """A rule that makes tasks of a segment once a day. ``at_minute``: of the day, 0 to 1439; no ``owner``: who looks
    after each customer."""

    title: Text
    segment_id: Id
    owner: UserName | None = None
    at_minute: Annotated[int, Field(ge=0, le=1439)] = 540
    zone: Zone
    most: Annotated[int, Field(ge=1, le=1_000)] = 100
    disabled: bool = False


class RuleChange(Body):
    """What shall be changed of a rule; fields left out stay."""

    version: Version
    title: Text = ""
    segment_id: Id = ""
    owner: UserName | None = None
    at_minute: Annotated[int, Field(ge=0, le=1439)] = 540
    zone: Zone = ""
    most: Annotated[int, Field(ge=1, le=1_000)] = 100
    disabled: bool = False


class StateBody(Body):
    """A row of a case type's table of states. ``next``: those that may follow."""

    code: Code
    labels: Labels
    phase: Literal["open", "waiting", "closed"] = "open"
    next: Annotated[list[Code], Field(max_length=20, default_factory=list)]


class CaseTypeBody(Body):
    """A kind of case. ``due_minutes``: of business time, by ``calendar`` (a name of ``[[entry.hours]]``)."""

    labels: Labels
    states: Annotated[list[StateBody], Field(min_length=1, max_length=20)]
    due_minutes: Annotated[int, Field(ge=1, le=129_600)] | None = None
    calendar: Annotated[str, Field(max_length=80)] | None = None
    position: Position = 0
    retired: bool = False


class NewCase(Body):
    """A case to open. ``interaction_id``: it is about this contact, whose customer it is of."""

    type: Code
    title: Text
    text: Notes | None = None
    owner: UserName | None = None
    customer_id: Id | None = None
    interaction_id: Id | None = None
    due_at: Moment | None = None


class CaseChange(Body):
    """What shall be changed of a case; fields left out stay. ``note``: a word for its history."""

    version: Version
    type: Code = ""
    state: Code = ""
    title: Text = ""
    text: Notes | None = None
    owner: UserName | None = None
    customer_id: Id | None = None
    due_at: Moment | None = None
    note: Annotated[str, Field(max_length=4_000)] | None = None


class LinkBody(Body):
    """An interaction to put into a case."""

    interaction_id: Id


class CaseQuery(Query):
    """Which cases. ``phase`` ``active``: all that are not closed; ``owner`` ``-``: nobody's; ``due_before``: RFC 3339.

    ``q``: in the title, or the number.
    """

    state: Code | None = None
    phase: Literal["active", "open", "waiting", "closed"] | None = None
    type: Code | None = None
    owner: Annotated[str, Field(max_length=64)] | None = None
    customer_id: Id | None = None
    interaction_id: Id | None = None
    due_before: Annotated[str, Field(max_length=40)] | None = None
    q: Annotated[str, Field(max_length=200)] = ""
    limit: Limit = 50
    cursor: Cursor | None = None


class TaskQuery(Query):
    """Which tasks. ``due_before``: RFC 3339."""

    owner: Annotated[str, Field(max_length=64)] | None = None
    state: Literal["open", "done", "cancelled"] | None = "open"
    customer_id: Id | None = None
    case_id: Id | None = None
    due_before: Annotated[str, Field(max_length=40)] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None
