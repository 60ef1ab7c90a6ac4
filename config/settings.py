"""Typed settings: one TOML file, every key of which the environment can override.

``CTI_HTTP__PORT=8081`` overrides ``[http] port``; ``CTI_PBX__0__HOST=pbx.example`` the first ``[[pbx]]``'s ``host``.
Lists are given as JSON: ``CTI_PBX__0__DEVICES=["PJSIP/10??"]``. Relative paths in the file (an ``sqlite:///`` URL,
``secret_file``, ``tls_ca``, ``journal``) count from the file's folder, those without a file from the working directory.

What is wrong stops the start, with the key's name and never its value (it may be a secret).
"""

from __future__ import annotations

import inspect
import ipaddress
import itertools
import json
import stat
import tomllib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, Strict, ValidationError, model_validator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from config.agents import Agents, Supervision
from config.crm import Crm
from config.entry import Entry
from config.mail import Mail, Mailbox
from config.privacy import Privacy, Retention
from config.recording import Announcement, Policy, Recording
from config.routing import Distribution, Hours
from config.sites import SECRETS as SITE_SECRETS
from config.sites import ChatFiles, Site, key_tables
from config.voicemail import Voicemail

PREFIX: Final = "CTI_"
_DELIMITER: Final = "__"
_SECRETS: Final = ("secret", "system_secret", "browser_secret")
"""Keys of ``[[pbx]]`` that a file can hold instead: ``secret_file`` and so on."""


class ConfigError(Exception):
    """The configuration cannot be used. ``lines``: one complaint each, ``key: what is wrong``, never a value."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def _network(text: str) -> str:
    ipaddress.ip_network(text, strict=False)
    return text


def _database_url(text: str) -> str:
    try:
        url = make_url(text)
    except ArgumentError:
        raise ValueError("is no database URL") from None
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ValueError("begins neither with sqlite:/// nor with postgresql://")
    return text


# TOML has types of its own, so "8080" for a number is a mistake there.
_Int = Annotated[int, Strict()]
_Bool = Annotated[bool, Strict()]
_Port = Annotated[int, Strict(), Field(ge=1, le=65535)]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,80}$")]
_Text = Annotated[str, Field(min_length=1, max_length=255)]
_Network = Annotated[str, AfterValidator(_network)]
_Glob = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+/[^\s&]{1,80}$")]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Http(_Table):
    """The console server. ``public_url``: what browsers see when a proxy stands in front."""

    host: _Text = "127.0.0.1"
    port: Annotated[int, Strict(), Field(ge=0, le=65535)] = 8080
    """0: any free port."""
    public_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+(/[^\s]*)?$")] | None = None
    certificate: Path | None = None
    """PEM, the chain behind it in the same file: the console is https, as browsers want it for the microphone."""
    key: Path | None = None
    """Its private key (PEM, without a password, not readable by others); may stand in ``certificate`` too."""
    trusted_proxies: tuple[_Network, ...] = ()
    """Addresses or networks whose X-Forwarded-* headers count."""

    @model_validator(mode="after")
    def _certificate_is_whole(self) -> Self:
        if self.key is not None and self.certificate is None:
            raise ValueError("key needs a certificate")
        return self


class Database(_Table):
    """Where the log is kept. A relative ``sqlite:///`` path counts from the configuration file's folder."""

    url: Annotated[str, AfterValidator(_database_url)] = Field(default="sqlite:///var/callweave.db", repr=False)
    journal: Path = Path("var/journal")
    """Folder of the journal that takes the events while the database is away."""
    journal_megabytes: Annotated[int, Strict(), Field(ge=1, le=4096)] = 64
    keep_events_days: Annotated[int, Strict(), Field(ge=1, le=36_500)] = 90
    """Days after which the events of closed interactions expire. What is made of them stays."""


def _redis_url(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("redis://HOST:PORT/NUMBER, rediss://… or unix://PATH is needed")
    return value


class Redis(_Table):
    """The bus of several processes: live figures for those that follow (``cti_gateway.bus``)."""

    url: Annotated[SecretStr, AfterValidator(_redis_url)]


class Phone(_Table):
    """How numbers are read. ``default_region``: ISO 3166-1 alpha-2."""

    default_region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "CN"


class Log(_Table):
    """What the process says of itself (not the interaction log)."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
    personal: _Bool = False
    """Whether numbers, mail addresses and what exceptions quote may stand in it: for who looks for a fault."""


class Pbx(_Table):
    """One Asterisk. Globs are those of ``fnmatch``: ``PJSIP/10??``."""

    name: _Name
    host: _Text = "127.0.0.1"
    port: _Port = 5038
    username: _Text
    secret: SecretStr
    """Given here or as ``secret_file``, which holds nothing else."""
    auth: Literal["md5", "plain"] = "md5"
    tls: _Bool = False
    tls_verify: _Bool = True
    tls_ca: Path | None = None
    system_username: _Text | None = None
    """Optional second manager user with ``write=system,call``: answer and hold of desk phones."""
    system_secret: SecretStr | None = None
    devices: Annotated[tuple[_Glob, ...], Field(min_length=1)]
    trunks: tuple[_Glob, ...] = ()
    outbound_prefix: Annotated[str, Field(pattern=r"^[0-9*#]{0,8}$")] = ""
    context: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+-]{1,79}$")] = "from-internal"
    """Where agents' phones dial: numbers that the console dials and transfers to are looked up there."""
    queue_extensions: dict[str, Annotated[str, Field(pattern=r"^[0-9*#]{1,16}$")]] = {}
    """What agents' phones dial to reach a queue, for transfers: ``{ support = "800" }``. Needless where a queue is its
    own number."""
    websocket_url: Annotated[str, Field(pattern=r"^wss?://[^\s/@]+(/[^\s]*)?$")] | None = None
    """Asterisk's own SIP WebSocket (``ws://pbx:8088/ws``). Browsers reach it through us, never directly."""
    browser_devices: tuple[_Glob, ...] = ()
    """Which of ``devices`` are telephones in the browser."""
    browser_secret: SecretStr | None = None
    """SIP password of all of them (or ``browser_secret_file``) …"""
    browser_secrets: Annotated[dict[str, SecretStr], Field(repr=False)] = {}
    """… and of single ones, by user name (or ``browser_secrets_file``, TOML lines as ``1101 = "…"``)."""

    @model_validator(mode="after")
    def _browser_telephones_are_whole(self) -> Self:
        if self.browser_devices and self.websocket_url is None:
            raise ValueError("browser_devices need a websocket_url")
        if self.browser_devices and self.browser_secret is None and not self.browser_secrets:
            raise ValueError("browser_devices need a browser_secret, browser_secret_file or browser_secrets_file")
        return self

    @model_validator(mode="after")
    def _second_user_is_whole(self) -> Self:
        if (self.system_username is None) != (self.system_secret is None):
            raise ValueError("system_username and system_secret go together")
        return self


class Queue(Distribution):
    """What we know of a queue beside what the PBX knows. ``pbx`` may be left out when there is one PBX.

    ``pbx = ""``: a queue for chats, mails and callbacks that no PBX has.
    """

    name: _Name
    pbx: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,80}$")]
    label: Annotated[str, Field(max_length=255)] = ""
    """What people see; the name when empty."""
    service_level_seconds: Annotated[int, Strict(), Field(ge=1, le=3600)] = 20
    wrap_up_seconds: Annotated[int, Strict(), Field(ge=0, le=3600)] = 30
    wrap_up_mode: Literal["optional", "timed", "mandatory"] = "timed"
    """``optional``: leaves nothing behind; ``mandatory``: only a disposition ends it."""
    wrap_up_disposition: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9_-]{0,63})?$")] = ""
    """Written by itself when a timed wrap-up ends without one; empty: none."""
    wrap_up_alarm_seconds: Annotated[int, Strict(), Field(ge=0, le=86_400)] = 300
    """After so long in a mandatory wrap-up the supervisors are told; 0: never."""
    recording: Policy = "on_demand"
    """``always``: the PBX records, agents cannot stop it; ``on_demand``: agents may; ``never``: nobody may."""
    consent: Announcement = ""
    """What the dialplan plays before it records (``CALLWEAVE_CONSENT``); empty: nothing."""
    caller_id: Annotated[str, Field(pattern=r"^(\+?[0-9]{2,20})?$")] = ""
    """The number that calls made for this queue show (``CALLWEAVE_CALLER_ID``); empty: what the dialplan says."""


class Identity(_Table):
    """What identifies a customer; see ``docs/identity.md``. ``shared_from``: a number of so many customers is
    suggested to be marked as shared."""

    merge_automatically: tuple[Literal["same_number_and_name", "same_mail_and_name"], ...] = ()
    """Nothing is merged without people, unless it is named here."""
    unattested: Literal["known", "maybe"] = "known"
    """What a number without a STIR/SHAKEN signature says."""
    shared_from: Annotated[int, Strict(), Field(ge=2, le=1_000)] = 4


class Settings(_Table):
    """The whole configuration."""

    http: Http = Http()
    database: Database = Database()
    redis: Redis | None = None
    phone: Phone = Phone()
    log: Log = Log()
    pbx: tuple[Pbx, ...] = ()
    queue: tuple[Queue, ...] = ()
    hours: tuple[Hours, ...] = ()
    """Business hours that queues name."""
    agents: Agents = Agents()
    supervision: Supervision = Supervision()
    entry: Entry | None = None
    """Absent: the dialplan asks nobody."""
    identity: Identity = Identity()
    crm: Crm | None = None
    """Absent: no page of the site's own beside a call."""
    recording: Recording | None = None
    """Absent: what the PBX records is shown, and neither played nor deleted."""

    voicemail: Voicemail = Voicemail()
    mail: Mail | None = None
    """Absent: no mail is sent."""
    mailbox: tuple[Mailbox, ...] = ()
    """Where visitors' answers are read."""
    chat: ChatFiles = ChatFiles()
    site: tuple[Site, ...] = ()
    """Web sites with our chat widget."""
    privacy: Privacy = Privacy()
    retention: tuple[Retention, ...] = ()
    """Beside these, recordings stay ``[recording] retention_days`` and events ``[database] keep_events_days``."""

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        names = [one.name for one in self.pbx]
        if len(set(names)) < len(names):
            raise ValueError("pbx: two have the same name")
        queues = [(one.pbx, one.name) for one in self.queue]
        if len(set(queues)) < len(queues):
            raise ValueError("queue: two have the same name on the same pbx")
        for number, one in enumerate(self.queue):
            if one.pbx and one.pbx not in names:
                raise ValueError(f"queue[{number}].pbx: names no [[pbx]]")
        self._routes_lead_somewhere()
        for number, asked in enumerate(self.entry.queue if self.entry is not None else ()):
            if asked.pbx and asked.pbx not in names:
                raise ValueError(f"entry.queue[{number}].pbx: names no [[pbx]]")
        return self

    @model_validator(mode="after")
    def _mailboxes_have_queues(self) -> Self:
        queues = {one.name for one in self.queue}
        if len({one.name for one in self.mailbox}) < len(self.mailbox):
            raise ValueError("mailbox: two have the same name")
        for number, one in enumerate(self.mailbox):
            if one.queue not in queues:
                raise ValueError(f"mailbox[{number}].queue: names no [[queue]]")
        if self.mailbox and self.mail is None:
            raise ValueError("mailbox: answers are sent by [mail], which is not there")
        if self.http.public_url is None and any(one.survey for one in self.mailbox):
            raise ValueError("mailbox: survey asks by a link, for which [http] public_url is needed")
        return self

    @model_validator(mode="after")
    def _sites_have_queues(self) -> Self:
        if len({one.key for one in self.site}) < len(self.site):
            raise ValueError("site: two have the same key")
        names = [one.name for one in self.queue]
        for number, one in enumerate(self.site):
            if any(name not in names for name in one.queues):
                raise ValueError(f"site[{number}].queues: names no [[queue]]")
        return self

    def _routes_lead_somewhere(self) -> None:
        times = [one.name for one in (*self.hours, *(self.entry.hours if self.entry is not None else ()))]
        if len(set(times)) < len(times):
            raise ValueError("hours: two have the same name")
        for number, one in enumerate(self.queue):
            if one.hours and one.hours not in times:
                raise ValueError(f"queue[{number}].hours: names no [[hours]]")
            near = {other.name for other in self.queue if other.pbx in ("", one.pbx)} - {one.name}
            if any(over.queue not in near for over in one.overflow):
                raise ValueError(f"queue[{number}].overflow: names no other [[queue]] of the same pbx or of none")


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings of a file (``None``: defaults) with the environment over it.

    Raises :class:`ConfigError`. Secrets must not be readable by everybody: a file with a secret in it, and every
    ``secret_file``, has no permission for others (``chmod o= FILE``).
    """
    data = _read(path) if path is not None else {}
    base = path.absolute().parent if path is not None else Path.cwd()
    if path is not None and _holds_secret(data):
        _refuse_readable_by_others(path, "the configuration file holds a secret and")
    return from_data(data, environ, base)


def load_offline(path: Path) -> Settings:
    """The settings for a command that connects to nothing (``cti replay``): secrets are not looked at or needed.

    Raises :class:`ConfigError` for unknown keys and wrong types as :func:`load` does.
    """
    data = _read(path)
    for index, one in enumerate(_tables(data.get("pbx"))):
        for key in ("secret_file", "system_secret_file", "system_username", "system_secret"):
            one.pop(key, None)
        one["secret"] = "-"  # noqa: S105 (nobody signs in)
        for key, given in (("name", f"pbx{index}"), ("host", "localhost"), ("username", "-")):
            one.setdefault(key, given)
    return from_data(data, {}, path.absolute().parent)


def from_data(data: dict[str, Any], environ: Mapping[str, str], base: Path) -> Settings:
    """The settings of tables as TOML has them, with the environment over them. Raises :class:`ConfigError`."""
    merged: dict[str, Any] = json.loads(json.dumps(data, default=str))
    lines = _overlay(merged, environ) + _take_secret_files(merged, base)
    _default_pbx(merged)
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        lines += [_complaint(one["loc"], one["msg"], one["type"]) for one in error.errors(include_input=False)]
    if lines:
        raise ConfigError(lines)
    return _absolute_paths(settings, base)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror or 'cannot be read'}"]) from None
    except tomllib.TOMLDecodeError as error:
        # Its text has the place and the sign, never a value.
        raise ConfigError([f"{path}: is no TOML: {error}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is no UTF-8"]) from None


def _holds_secret(data: dict[str, Any]) -> bool:
    pbxs = data.get("pbx")
    secrets = [one.get(key) for one in _tables(pbxs) for key in (*_SECRETS, "browser_secrets")]
    secrets += [one.get("password") for one in [*_tables([data.get("mail")]), *_tables(data.get("mailbox"))]]
    secrets += [key.get("secret") for _, key in key_tables(data)]
    urls = [one.get("url") for key in ("database", "redis") for one in _tables([data.get(key)])]
    return any(secrets) or any(isinstance(url, str) and _has_password(url) for url in urls)


def _tables(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _has_password(url: str) -> bool:
    try:
        return bool(make_url(url).password)
    except (ArgumentError, ValueError):
        return "@" in url


def _refuse_readable_by_others(path: Path, what: str) -> None:
    mode = path.stat().st_mode
    if stat.S_IMODE(mode) & (stat.S_IROTH | stat.S_IWOTH):
        raise ConfigError([f"{path}: {what} can be read or written by everybody; say: chmod o= {path}"])


def _take_secret_files(data: dict[str, Any], base: Path) -> list[str]:
    """Replace ``secret_file`` and its like by what they hold."""
    lines = [line for one in _tables([data.get("mail")]) for line in _take_mail_password(one, base, "mail")]
    for number, box in enumerate(_tables(data.get("mailbox"))):
        lines += _take_mail_password(box, base, f"mailbox[{number}]")
    lines += [line for where, key in key_tables(data) for line in _take_site_keys(key, base, where)]
    for number, one in enumerate(_tables(data.get("pbx"))):
        lines += _take_browser_secrets(one, base, f"pbx[{number}].browser_secrets_file")
        for key in _SECRETS:
            if f"{key}_file" not in one:
                continue
            name = one.pop(f"{key}_file")
            where = f"pbx[{number}].{key}_file"
            if key in one:
                lines.append(f"{where}: {key} is given too; one of them must go")
                continue
            try:
                one[key] = _secret_in(base / str(name), where)
            except ConfigError as error:
                lines += error.lines
                one[key] = "-"  # named already; spares a second complaint about a missing secret
    return lines


def _take_site_keys(key: dict[str, Any], base: Path, where: str) -> list[str]:
    """Replace ``secret_file`` and ``public_key_file`` by what they hold."""
    lines = []
    for file, name in SITE_SECRETS:
        if file not in key:
            continue
        path = base / str(key.pop(file))
        if name in key:
            lines.append(f"{where}.{file}: {name} is given too; one of them must go")
            continue
        key[name] = "-"  # spares a second complaint where the file cannot be read
        try:
            key[name] = _secret_in(path, f"{where}.{file}") if name == "secret" else path.read_text("utf-8")
        except ConfigError as error:
            lines += error.lines
        except (OSError, UnicodeDecodeError):
            lines.append(f"{where}.{file}: cannot be read")
    return lines


def _take_mail_password(one: dict[str, Any], base: Path, where: str) -> list[str]:
    """Replace ``password_file`` by what it holds."""
    if "password_file" not in one:
        return []
    path = base / str(one.pop("password_file"))
    if "password" in one:
        return [f"{where}.password_file: password is given too; one of them must go"]
    one["password"] = "-"  # noqa: S105 (spares a second complaint where the file cannot be read)
    try:
        one["password"] = _secret_in(path, f"{where}.password_file")
    except ConfigError as error:
        return error.lines
    return []


def _take_browser_secrets(one: dict[str, Any], base: Path, where: str) -> list[str]:
    """Replace ``browser_secrets_file`` by its table."""
    if "browser_secrets_file" not in one:
        return []
    path = base / str(one.pop("browser_secrets_file"))
    if "browser_secrets" in one:
        return [f"{where}: browser_secrets is given too; one of them must go"]
    one["browser_secrets"] = {"-": "-"}  # spares a second complaint where the file cannot be read
    try:
        one["browser_secrets"] = tomllib.loads(_secret_in(path, where))
    except ConfigError as error:
        return error.lines
    except tomllib.TOMLDecodeError:  # its text could show a value
        return [f"{where}: is no TOML"]
    return []


def _secret_in(path: Path, where: str) -> str:
    try:
        _refuse_readable_by_others(path, f"({where})")
        text = path.read_text("utf-8").strip()
    except OSError as error:
        raise ConfigError([f"{where}: {error.strerror or 'cannot be read'}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{where}: is no UTF-8"]) from None
    if not text:
        raise ConfigError([f"{where}: is empty"])
    return text


def _default_pbx(data: dict[str, Any]) -> None:
    """A queue without ``pbx`` belongs to the only one; without any PBX to none."""
    names = [one.get("name") for one in _tables(data.get("pbx"))]
    if len(names) < 2:
        for one in _tables(data.get("queue")):
            one.setdefault("pbx", names[0] if names else "")


def _overlay(data: dict[str, Any], environ: Mapping[str, str]) -> list[str]:
    """Put ``CTI_SECTION__KEY`` values into the tables; return complaints."""
    lines = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or _DELIMITER not in name:
            continue
        keys = name.removeprefix(PREFIX).lower().split(_DELIMITER)
        try:
            _put(data, keys, _converted(keys, environ[name]))
        except (KeyError, IndexError, TypeError, ValueError):
            lines.append(f"{name}: names no key of the configuration")
    return lines


def _put(data: dict[str, Any], keys: list[str], value: object) -> None:
    place: Any = data
    for key, following in itertools.pairwise(keys):
        if isinstance(place, list):
            number = int(key)
            if number == len(place):
                place.append({})
            place = place[number]
        else:
            place = place.setdefault(key, [] if following.isdigit() else {})
    if not isinstance(place, dict):
        raise TypeError
    place[keys[-1]] = value


def _converted(keys: list[str], text: str) -> object:
    """The text of a variable as the type of its key: texts as they are, all else as JSON. Unknown keys stay text."""
    kind: Any = Settings
    for key in keys:
        if key.isdigit():
            continue
        kind = _model_in(kind)
        if kind is None or (field := kind.model_fields.get(key)) is None:
            return text
        kind = field.annotation
    if kind in (int, bool) or typing.get_origin(kind) is tuple:
        try:
            return json.loads(text.lower() if kind is bool else text)
        except json.JSONDecodeError:
            return text
    return text


def _model_in(kind: Any) -> type[BaseModel] | None:
    """The table inside ``X``, ``X | None`` or ``tuple[X, ...]``."""
    if inspect.isclass(kind) and issubclass(kind, BaseModel):
        return kind
    return next((found for one in typing.get_args(kind) if (found := _model_in(one))), None)


def _complaint(place: tuple[int | str, ...], message: str, kind: str) -> str:
    key = ""
    for one in place:
        key += f"[{one}]" if isinstance(one, int) else f".{one}" if key else str(one)
    message = message.removeprefix("Value error, ")
    texts = {"extra_forbidden": "no such key", "missing": "is missing"}
    text = texts.get(kind, message)
    return f"{key}: {text}" if key else text


def _absolute_paths(settings: Settings, base: Path) -> Settings:
    database = settings.database.model_copy(
        update={"url": _absolute_url(settings.database.url, base), "journal": base / settings.database.journal}
    )
    pbxs = tuple(
        one if one.tls_ca is None else one.model_copy(update={"tls_ca": base / one.tls_ca}) for one in settings.pbx
    )
    entry = _absolute_entry(settings.entry, base) if settings.entry is not None else None
    kept = settings.recording
    recording = kept.model_copy(update={"folder": base / kept.folder}) if kept is not None else None
    update = {
        "http": _absolute_http(settings.http, base),
        "database": database,
        "pbx": pbxs,
        "entry": entry,
        "hours": tuple(
            one.model_copy(update={"holidays": tuple(base / path for path in one.holidays)}) for one in settings.hours
        ),
        "recording": recording,
        "voicemail": settings.voicemail.absolute(base),
        "mailbox": tuple(
            one if one.tls_ca is None else one.model_copy(update={"tls_ca": base / one.tls_ca})
            for one in settings.mailbox
        ),
        "chat": settings.chat.model_copy(update={"folder": base / settings.chat.folder}),
        "privacy": settings.privacy.absolute(base, database.journal / "master.key"),
    }
    return settings.model_copy(update=update)


def _absolute_http(http: Http, base: Path) -> Http:
    """The key of the certificate is a secret like the others."""
    if http.certificate is None:
        return http
    certificate = base / http.certificate
    key = base / http.key if http.key is not None else None
    secret = key or certificate
    if secret.exists():
        _refuse_readable_by_others(secret, "(http.key)")
    return http.model_copy(update={"certificate": certificate, "key": key})


def _absolute_entry(entry: Entry, base: Path) -> Entry:
    hours = tuple(
        one.model_copy(update={"holidays": tuple(base / path for path in one.holidays)}) for one in entry.hours
    )
    return entry.model_copy(update={"socket": base / entry.socket, "hours": hours})


def _absolute_url(text: str, base: Path) -> str:
    url = make_url(text)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return text
    return url.set(database=str(base / url.database)).render_as_string(hide_password=False)
