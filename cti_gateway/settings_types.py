"""What commands need of the settings, as protocols: only the composition root imports `config`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol


class Secret(Protocol):
    """A text that is not shown by accident."""

    def get_secret_value(self) -> str:
        """The text itself."""
        ...


class PbxSettings(Protocol):
    """One ``[[pbx]]``."""

    @property
    def name(self) -> str: ...  # noqa: D102 (named as in the file)
    @property
    def host(self) -> str: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102
    @property
    def username(self) -> str: ...  # noqa: D102
    @property
    def secret(self) -> Secret: ...  # noqa: D102
    @property
    def auth(self) -> Literal["md5", "plain"]: ...  # noqa: D102
    @property
    def tls(self) -> bool: ...  # noqa: D102
    @property
    def tls_verify(self) -> bool: ...  # noqa: D102
    @property
    def tls_ca(self) -> Path | None: ...  # noqa: D102
    @property
    def system_username(self) -> str | None: ...  # noqa: D102
    @property
    def system_secret(self) -> Secret | None: ...  # noqa: D102
    @property
    def devices(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def trunks(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def outbound_prefix(self) -> str: ...  # noqa: D102
    @property
    def queue_extensions(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def websocket_url(self) -> str | None: ...  # noqa: D102
    @property
    def browser_devices(self) -> Sequence[str]: ...  # noqa: D102


class QueueTable(Protocol):
    """One ``[[queue]]``."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def pbx(self) -> str: ...  # noqa: D102


class HttpTable(Protocol):
    """``[http]``."""

    @property
    def host(self) -> str: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102
    @property
    def public_url(self) -> str | None: ...  # noqa: D102
    @property
    def certificate(self) -> Path | None: ...  # noqa: D102
    @property
    def key(self) -> Path | None: ...  # noqa: D102


class DatabaseTable(Protocol):
    """``[database]``."""

    @property
    def url(self) -> str: ...  # noqa: D102
    @property
    def journal(self) -> Path: ...  # noqa: D102


class RedisTable(Protocol):
    """``[redis]``."""

    @property
    def url(self) -> Secret: ...  # noqa: D102


class PhoneTable(Protocol):
    """``[phone]``."""

    @property
    def default_region(self) -> str: ...  # noqa: D102


class RecordingTable(Protocol):
    """``[recording]``."""

    @property
    def folder(self) -> Path: ...  # noqa: D102


class VoicemailTable(Protocol):
    """``[voicemail]``."""

    def folder_of(self, pbx: str) -> Path | None: ...  # noqa: D102


class ChatTable(Protocol):
    """``[chat]``."""

    @property
    def folder(self) -> Path: ...  # noqa: D102 (where files lie)


class CommandSettings(Protocol):
    """What commands read of the whole configuration."""

    @property
    def http(self) -> HttpTable: ...  # noqa: D102
    @property
    def database(self) -> DatabaseTable: ...  # noqa: D102
    @property
    def phone(self) -> PhoneTable: ...  # noqa: D102
    @property
    def redis(self) -> RedisTable | None: ...  # noqa: D102
    @property
    def pbx(self) -> Sequence[PbxSettings]: ...  # noqa: D102
    @property
    def queue(self) -> Sequence[QueueTable]: ...  # noqa: D102
    @property
    def recording(self) -> RecordingTable | None: ...  # noqa: D102
    @property
    def chat(self) -> ChatTable: ...  # noqa: D102
    @property
    def voicemail(self) -> VoicemailTable | None: ...  # noqa: D102
