"""``[mail]``: where mails of the program are handed over (reports). Absent: none is sent."""

from __future__ import annotations

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
