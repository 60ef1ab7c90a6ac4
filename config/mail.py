"""``[mail]``: where mails of the program are handed over. Absent: none is sent. ``[[mailbox]]``: what is answered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, Strict, model_validator


class Mail(BaseModel):
    """An SMTP server. ``tls``: ``starttls`` (port 587), ``tls`` from the start (port 465), or ``none``."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: Annotated[str, Field(min_length=1, max_length=255)]
    port: Annotated[int, Strict(), Field(ge=1, le=65535)] = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    password: SecretStr | None = None
    """Given here or as ``password_file``, which holds nothing else."""
    sender: Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$", max_length=254)]
    """The From address."""

    @model_validator(mode="after")
    def _signing_in_is_whole(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together")
        if self.user is not None and self.tls == "none" and self.host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("a password is not sent to another machine without tls")
        return self


_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PORTS = {"tls": 993, "starttls": 143, "none": 143}


class Mailbox(BaseModel):
    """An IMAP mailbox: answers of visitors come into it, and letters that somebody writes to it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    host: Annotated[str, Field(min_length=1, max_length=255)]
    port: Annotated[int, Strict(), Field(ge=1, le=65535)] | None = None
    tls: Literal["starttls", "tls", "none"] = "tls"
    """From the start (port 993), after ``STARTTLS`` (port 143), or ``none``: to this machine only."""
    tls_ca: Path | None = None
    """Whom else to believe that it is this server: a PEM file."""
    user: Annotated[str, Field(min_length=1, max_length=255)]
    password: SecretStr
    """Given here or as ``password_file``, which holds nothing else."""
    address: Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$", max_length=254)]
    """What stands in From, and where answers arrive."""
    queue: Annotated[str, Field(min_length=1, max_length=64)]
    """Who answers letters that belong to no conversation."""
    folder: Annotated[str, Field(min_length=1, max_length=255)] = "INBOX"
    done: Annotated[str, Field(max_length=255)] = ""
    """The folder into which taken letters are moved; empty: they stay, marked as read."""
    idle: bool = True
    """Whether the server is asked to say when letters come (RFC 2177), if it can."""
    poll_seconds: Annotated[int, Strict(), Field(ge=1, le=3_600)] = 30
    """Between two looks, where it is not."""
    letter_megabytes: Annotated[int, Strict(), Field(ge=1, le=100)] = 10
    file_megabytes: Annotated[int, Strict(), Field(ge=1, le=100)] = 5
    results_of: Annotated[str, Field(max_length=255)] = ""
    """The name of our mail server in ``Authentication-Results`` (RFC 8601), whose DMARC result is believed."""
    plus: bool = False
    """Mail to ``user+anything@domain`` arrives here too: answers then carry the token in the address."""
    sender_per_hour: Annotated[int, Strict(), Field(ge=1, le=10_000)] = 10
    """So many contacts may begin by letters of one sender: about what one agent answers in an hour, so that nobody can
    occupy more than one of them. Further letters in an open contact are lines of it and not counted."""
    sender_per_day: Annotated[int, Strict(), Field(ge=1, le=100_000)] = 30
    all_per_hour: Annotated[int, Strict(), Field(ge=1, le=1_000_000)] = 300
    """So many of all senders together: who invents a sender for each letter is not met by the other two. Answers in
    conversations are not counted."""

    survey: Literal["", "csat", "nps"] = ""
    """What the customer is asked by a link when a contact by mail that somebody answered is over; empty: nothing."""
    survey_purpose: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,64}$")] = ""
    """Only who agreed to this purpose of consent, for mails or for all, is asked; empty: everybody."""

    @property
    def where(self) -> int:
        """The port."""
        return self.port if self.port is not None else _PORTS[self.tls]

    @model_validator(mode="after")
    def _in_secret(self) -> Self:
        if self.tls == "none" and self.host not in _LOOPBACK:
            raise ValueError("letters and a password are not sent to another machine without tls")
        return self
