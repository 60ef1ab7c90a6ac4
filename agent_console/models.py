"""Bodies of REST requests: strict types, unknown fields refused, null only where it means something."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_PASSWORD = 1024  # argon2 reads all of it

Text = Annotated[str, Field(min_length=1, max_length=200)]
Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
UserName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
Password = Annotated[str, Field(min_length=8, max_length=MAX_PASSWORD)]
Device = Annotated[str, Field(pattern=r"^([A-Za-z0-9_.-]{1,80}:)?[A-Za-z][A-Za-z0-9]{1,15}/[A-Za-z0-9_.@+-]{1,79}$")]
Devices = Annotated[list[Device], Field(max_length=20)]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Role = Literal["agent", "supervisor", "admin"]
Labels = Annotated[dict[Language, Text], Field(min_length=1, max_length=20)]
QueueName = Annotated[str, Field(min_length=1, max_length=80)]
Phones = Annotated[list[Annotated[str, Field(min_length=1, max_length=40)]], Field(max_length=20)]
Emails = Annotated[list[Annotated[str, Field(min_length=1, max_length=254)]], Field(max_length=20)]
Notes = Annotated[str, Field(max_length=20_000)]
Level = Annotated[int, Field(ge=1, le=5)]
Skills = Annotated[dict[Code, Level], Field(max_length=50)]
Penalties = Annotated[
    dict[Literal["0", "1", "2", "3", "4", "5"], Annotated[int, Field(ge=0, le=1_000)]], Field(min_length=1)
]
Seconds = Annotated[int, Field(ge=0, le=86_400)]


CustomerKind = Literal["person", "organisation"]
PreferredChannel = Literal["voice", "chat", "email"]
CustomFields = Annotated[dict[Code, str | float | bool | None], Field(max_length=100)]


class Body(BaseModel):
    """The common rules."""

    model_config = ConfigDict(extra="forbid", strict=True)


class SignIn(Body):
    """Name and password."""

    username: Annotated[str, Field(min_length=1, max_length=256)]
    password: Annotated[str, Field(min_length=1, max_length=MAX_PASSWORD)]


class NewUser(Body):
    """A user to create."""

    name: UserName
    display_name: Text
    role: Role
    password: Password
    devices: Devices = []
    language: Language | None = None
    skills: Skills = {}
    own_role: Code | None = None
    teams: Annotated[list[Code], Field(max_length=200)] = []


class UserChange(Body):
    """What an administrator may change; fields left out stay. ``version``: refuse if changed meanwhile."""

    display_name: Text = ""
    role: Role = "agent"
    devices: Devices = []
    language: Language | None = None
    disabled: bool = False
    version: Annotated[int, Field(ge=1)] = 1
    skills: Skills = {}
    own_role: Code | None = None
    """A role of the site's own; ``role`` alone gives the built-in one back."""
    teams: Annotated[list[Code], Field(max_length=200)] = []


class NewPassword(Body):
    """A new password; ``current`` is needed for one's own."""

    password: Password
    current: Annotated[str, Field(max_length=MAX_PASSWORD)] | None = None


class RoleChange(Body):
    """A role of the site's own. ``version``: as it was seen, 1 for a new one."""

    labels: Labels
    base: Role
    rights: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=200)]
    version: Annotated[int, Field(ge=1)] = 1


class TeamChange(Body):
    """A team. ``version``: as it was seen, 1 for a new one."""

    label: Text
    members: Annotated[list[UserName], Field(max_length=5_000)] = []
    queues: Annotated[list[QueueName], Field(max_length=1_000)] = []
    version: Annotated[int, Field(ge=1)] = 1


class QueueChange(Body):
    """The settings of a queue. ``pbx``: needed while we do not know the queue.

    ``skills``: penalty by level (``"0"``: has it not), by skill; a level that is left out does not serve the queue.
    Left out as a whole: they stay as they are.
    """

    pbx: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    label: Text
    service_level_seconds: Annotated[int, Field(ge=1, le=3600)] = 20
    wrap_up_seconds: Annotated[int, Field(ge=0, le=3600)] = 30
    skills: Annotated[dict[Code, Penalties], Field(max_length=10)] | None = None
    skill_members: bool | None = None


class ChoiceChange(Body):
    """A pause reason, a disposition or a skill."""

    labels: Labels
    queues: Annotated[list[QueueName], Field(max_length=200)] = []
    position: Annotated[int, Field(ge=0, le=10_000)] = 0
    retired: bool = False


class CampaignChange(ChoiceChange):
    """A campaign. ``numbers``: what callers dial for it."""

    caller_id: Annotated[str, Field(max_length=21)] = ""
    numbers: Annotated[list[Annotated[str, Field(max_length=21)]], Field(max_length=100)] = []


class MissedWork(Body):
    """What somebody does with a missed call. ``version``: of the entry as she saw it; refused if changed meanwhile.

    ``result``: a disposition's code.
    """

    state: Literal["open", "calling", "done"]
    version: Annotated[int, Field(ge=1)]
    result: Code | None = None
    note: Annotated[str, Field(max_length=2_000)] | None = None


class CustomerParts(Body):
    """What a customer is made of. Numbers as people write them; the store makes them E.164."""

    name: Text = ""
    phones: Phones = []
    emails: Emails = []
    organisation: Text | None = None
    language: Language | None = None
    vip: bool = False
    notes: Notes | None = None
    agent: Annotated[str, Field(max_length=64)] | None = None
    kind: CustomerKind = "person"
    channel: PreferredChannel | None = None
    value: Annotated[float, Field(ge=0, le=1e12)] | None = None
    fields: CustomFields = {}


class NewCustomer(CustomerParts):
    """A customer to create. Numbers as people write them; the store makes them E.164."""

    name: Text


class CustomerChange(CustomerParts):
    """What shall be changed of a customer; fields left out stay.

    Of ``fields`` only those that are to be changed; null empties one.
    """


class Query(BaseModel):
    """The common rules for the query: unknown parameters refused."""

    model_config = ConfigDict(extra="forbid")


MAX_PAGE = 200
Limit = Annotated[int, Field(ge=1, description=f"More than {MAX_PAGE} gives {MAX_PAGE}.")]
Cursor = Annotated[str, Field(max_length=512)]


class CustomerQuery(Query):
    """Which customers."""

    q: Annotated[str, Field(max_length=200)] = ""
    segment: Annotated[str, Field(max_length=64)] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class TimelineQuery(Query):
    """How far back. ``before``: RFC 3339."""

    limit: Limit = 50
    before: Annotated[str, Field(max_length=40)] | None = None


class InteractionQuery(Query):
    """Which interactions. ``from`` and ``to`` are RFC 3339 and bound ``started_at``: from <= it < to."""

    start: Annotated[str | None, Field(alias="from", max_length=40)] = None
    end: Annotated[str | None, Field(alias="to", max_length=40)] = None
    queue: QueueName | None = None
    agent: Annotated[str, Field(max_length=80)] | None = None
    customer_id: Annotated[str, Field(max_length=64)] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class CallbackWish(Body):
    """Somebody is to be called, for a queue. ``not_before``: Unix seconds; without it as soon as it is its turn."""

    number: Annotated[str, Field(min_length=1, max_length=32)]
    queue: Annotated[str, Field(min_length=1, max_length=80)]
    pbx: Annotated[str, Field(max_length=80)] = ""
    name: Annotated[str, Field(max_length=80)] = ""
    not_before: Annotated[float, Field(ge=0, le=4_102_444_800)] | None = None


class CallbackQuery(Query):
    """Which callbacks: promised ones, or those that are over."""

    state: Literal["open", "closed"] = "open"
    limit: Limit = 100


class MissedQuery(Query):
    """Which missed calls. Without ``state``: open ones and those that somebody calls back now."""

    state: Literal["open", "calling", "done"] | None = None
    queue: QueueName | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class PageQuery(Query):
    """How many."""

    limit: Limit = 50


class ImportQuery(Query):
    """``dry_run``: report only."""

    dry_run: bool = False
