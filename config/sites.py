"""``[chat]`` and ``[[site]]``: web sites with our chat widget; ``docs/chat.md`` explains them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, Strict, model_validator

_Int = Annotated[int, Strict()]
_Bool = Annotated[bool, Strict()]
_Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
_Texts = Annotated[
    dict[Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")], str], Field(min_length=1)
]
_Seconds = Annotated[int, Strict(), Field(ge=0, le=86_400)]
_Rate = Annotated[float, Field(gt=0, le=1_000_000)]
SECRETS: Final = (("secret_file", "secret"), ("public_key_file", "public_key"))


def _origin(text: str) -> str:
    parts = urlsplit(text)
    bare = not parts.path and not parts.query and not parts.fragment and parts.username is None
    if parts.scheme not in ("http", "https") or not parts.hostname or not bare or "*" in text:
        raise ValueError("is no origin such as https://www.example.com")
    return text


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ChatFiles(_Table):
    """``[chat]``: files that visitors and agents send each other."""

    folder: Path = Path("var/chat-files")
    scanner: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """A command line, run without a shell; ``{file}`` is the file. Exit code 0: clean, 1: refused. Empty: none."""

    @model_validator(mode="after")
    def _scanner_is_told_the_file(self) -> Self:
        if self.scanner and not any("{file}" in part for part in self.scanner[1:]):
            raise ValueError("scanner: {file} must stand among its arguments")
        return self


class UserKey(_Table):
    """``[[site.user_key]]``: a key with which the site signs its users. For HS256 ``secret`` or ``secret_file``, for
    EdDSA ``public_key`` or ``public_key_file`` (PEM)."""

    kid: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")]
    alg: Literal["EdDSA", "HS256"]
    secret: SecretStr | None = None
    public_key: str | None = None

    @model_validator(mode="after")
    def _has_its_key(self) -> Self:
        if self.alg == "HS256" and (self.secret is None or self.public_key is not None):
            raise ValueError("HS256 needs a secret or secret_file, and nothing else")
        if self.alg == "EdDSA" and (self.public_key is None or self.secret is not None):
            raise ValueError("EdDSA needs a public_key or public_key_file, and nothing else")
        return self


class FormField(_Table):
    """``[[site.form]]``: a field of the pre-chat form. ``queue``: only for this one. ``name``, ``email`` and ``phone``
    are codes that agents' screens know; what is typed proves nothing."""

    code: _Code
    label: _Texts
    kind: Literal["text", "email", "phone", "choice", "long"] = "text"
    required: _Bool = False
    choices: tuple[Annotated[str, Field(min_length=1, max_length=80)], ...] = ()
    queue: str = ""

    @model_validator(mode="after")
    def _choices_belong_to_a_choice(self) -> Self:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError("choices belong to the kind choice, which needs them")
        return self


class Consent(_Table):
    """``[site.consent]``: what visitors agree to before a chat. A new text needs a new ``version``."""

    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")]
    text: _Texts


class Invitation(_Table):
    """``[[site.invitation]]``: who is so many seconds on a page (glob of its path) is asked."""

    path: Annotated[str, Field(min_length=1, max_length=200)] = "*"
    after: _Seconds
    text: _Texts


class SiteLimits(_Table):
    """``[site.limits]``; see ``webchat.sites.Limits``."""

    lines_per_minute: _Rate = 40.0
    line_burst: _Rate = 15.0
    address_lines_per_second: _Rate = 20.0
    address_line_burst: _Rate = 200.0
    site_lines_per_second: _Rate = 2_000.0
    site_line_burst: _Rate = 4_000.0
    address_visitors_per_minute: _Rate = 30.0
    address_visitor_burst: _Rate = 60.0
    site_visitors_per_second: _Rate = 50.0
    site_visitor_burst: _Rate = 500.0
    address_conversations_per_hour: _Rate = 60.0
    address_conversation_burst: _Rate = 30.0
    address_connections: Annotated[int, Strict(), Field(ge=1, le=100_000)] = 100
    site_connections: Annotated[int, Strict(), Field(ge=1, le=100_000)] = 10_000
    tabs: Annotated[int, Strict(), Field(ge=1, le=100)] = 12
    files: Annotated[int, Strict(), Field(ge=0, le=1_000)] = 20


class Closing(_Table):
    """``[[site.closing]]``: what is left out is the site's."""

    queue: Annotated[str, Field(min_length=1, max_length=80)]
    idle_seconds: _Seconds | None = None
    idle_warning_seconds: _Seconds | None = None
    gone_seconds: _Seconds | None = None


class Site(_Table):
    """``[[site]]``."""

    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")]
    """What the widget's script line says."""
    origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = ()
    """Where its pages are: ``https://www.example.com``."""
    queues: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of ``[[queue]]``; the first one is the widget's when it names none."""
    user_key: tuple[UserKey, ...] = ()
    issuer: Annotated[str, Field(max_length=200)] = ""
    """What ``iss`` of signed tokens must be; the site's key when empty."""
    audience: Annotated[str, Field(min_length=1, max_length=200)] = "callweave"
    user_seconds: Annotated[int, Strict(), Field(ge=10, le=3_600)] = 600
    """So long a signed token may live."""
    token_days: Annotated[int, Strict(), Field(ge=1, le=400)] = 30
    """So long after his last visit a visitor is known."""
    form: tuple[FormField, ...] = ()
    consent: Consent | None = None
    invitation: tuple[Invitation, ...] = ()
    theme: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")], Annotated[str, Field(max_length=200)]] = {}
    message: _Bool = True
    """Whether a message can be left when nobody is there."""
    callback: _Bool = False
    """Whether a visitor may ask to be called."""
    files: _Bool = True
    file_megabytes: Annotated[int, Strict(), Field(ge=1, le=500)] = 5
    trail: _Bool = False
    """Whether the visitor's pages are shown to agents, with his consent."""
    cobrowse: _Bool = False
    """Whether agents may ask to see the visitor's page."""
    idle_seconds: _Seconds = 600
    idle_warning_seconds: _Seconds = 120
    gone_seconds: _Seconds = 1_800
    closing: tuple[Closing, ...] = ()
    """Where conversations of a queue close by themselves at other times."""
    transcripts: Annotated[int, Strict(), Field(ge=0, le=20)] = 3
    proof_bits: Annotated[int, Strict(), Field(ge=0, le=24)] = 0
    """Work that a browser must do for a token (each bit doubles it); 0: none."""
    busy_proof_bits: Annotated[int, Strict(), Field(ge=0, le=24)] = 0
    """The same while visitors come much faster than usual."""
    limits: SiteLimits = SiteLimits()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if len({one.kid for one in self.user_key}) < len(self.user_key):
            raise ValueError("user_key: two have the same kid")
        if len({(one.queue, one.code) for one in self.form}) < len(self.form):
            raise ValueError("form: two fields have the same code")
        if len({one.queue for one in self.closing}) < len(self.closing):
            raise ValueError("closing: two are for the same queue")
        if any(one.queue and one.queue not in self.queues for one in self.form):
            raise ValueError("form: queue is none of the site's")
        return self


def key_tables(data: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each ``[[site.user_key]]`` as the file has it, and its place in words."""
    for number, site in enumerate(data.get("site") or ()):
        keys = site.get("user_key") if isinstance(site, dict) else None
        for place, key in enumerate(keys if isinstance(keys, list) else ()):
            if isinstance(key, dict):
                yield f"site[{number}].user_key[{place}]", key
