"""Chats put together from their configuration: the sites' rules, the visitors' server, the folder of files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent_console.chat_sites import ChatSite
from cti_gateway.chat.rules import Closing, SiteRules
from interaction_log.chats import ChatFile
from interaction_log.records import Refused
from interaction_log.store.chat_folder import ChatFolder, FileRefused, safe_name
from webchat.sites import Limits, Site
from webchat.tokens import UserKey, check_key
from webchat.wire import FormField

if TYPE_CHECKING:
    from collections.abc import Callable

    from interaction_log.store.chats import StoredChats

SiteTable = Any
FieldTable = Any
ClosingTable = Any
"""Tables of ``config.sites``, which only the composition root may import."""
MEGABYTE: Final = 1_000_000
_CHUNK: Final = 64 * 1024


def site_of(table: SiteTable) -> Site:
    """What visitors of it may do. Raises ``ValueError`` for a key that cannot be used."""
    keys = tuple(_key(table, number) for number in range(len(table.user_key)))
    return Site(
        key=table.key,
        origins=table.origins,
        keys=keys,
        issuer=table.issuer,
        audience=table.audience,
        token_seconds=table.token_days * 86_400.0,
        user_seconds=float(table.user_seconds),
        files=table.files,
        file_bytes=table.file_megabytes * MEGABYTE,
        proof_bits=table.proof_bits,
        busy_proof_bits=table.busy_proof_bits,
        limits=Limits(**table.limits.model_dump()),
    )


def _key(table: SiteTable, number: int) -> UserKey:
    one = table.user_key[number]
    text = one.secret.get_secret_value() if one.secret is not None else one.public_key or ""
    key = UserKey(one.kid, one.alg, text.encode())
    fault = check_key(key)
    if fault is not None:
        raise ValueError(f"[[site]] {table.key}, user_key {one.kid}: {fault}")
    return key


def rules_of(table: SiteTable, queues: Mapping[str, str]) -> SiteRules:
    """What its conversations are like. ``queues``: the PBX of each ``[[queue]]``, empty for none."""
    consent = table.consent
    return SiteRules(
        key=table.key,
        queues={name: queues[name] for name in table.queues},
        form=_forms(table),
        consent={"version": consent.version, "text": dict(consent.text)} if consent is not None else None,
        message=table.message,
        callback=table.callback,
        files=table.files,
        file_bytes=table.file_megabytes * MEGABYTE,
        trail=table.trail,
        cobrowse=table.cobrowse,
        invitations=tuple(
            {"path": one.path, "after": float(one.after), "text": dict(one.text)} for one in table.invitation
        ),
        theme=dict(table.theme),
        proof_bits=table.proof_bits,
        closing=_closing(table, table),
        closing_of={one.queue: _closing(one, table) for one in table.closing},
        transcripts=table.transcripts,
    )


def _closing(table: ClosingTable, site: SiteTable) -> Closing:
    """Of a queue, or of the site; what the queue's table leaves out is the site's."""
    names = ("idle_seconds", "idle_warning_seconds", "gone_seconds")
    told = (getattr(table, name) for name in names)
    idle, warning, gone = (
        float(one if one is not None else getattr(site, name)) for one, name in zip(told, names, strict=True)
    )
    return Closing(idle=idle, warning=warning, gone=gone)


def _forms(table: SiteTable) -> dict[str, tuple[FormField, ...]]:
    """By queue: the fields of all, then its own ones; under the empty name those of all."""
    common = [one for one in table.form if not one.queue]
    own = {one.queue for one in table.form if one.queue}
    forms = {queue: [*common, *(one for one in table.form if one.queue == queue)] for queue in own}
    return {queue: tuple(map(_field, fields)) for queue, fields in ({"": common} | forms).items()}


def _field(table: FieldTable) -> FormField:
    field: FormField = {
        "code": table.code, "label": dict(table.label), "kind": table.kind, "required": table.required,
    }  # fmt: skip
    if table.choices:
        field["choices"] = list(table.choices)
    return field


def shown_of(site: Site, rules: SiteRules) -> ChatSite:
    """What administrators see of it: no key, only what it is called."""
    offers = ("message", "callback", "files", "trail", "cobrowse")
    return ChatSite(
        key=site.key,
        origins=list(site.origins),
        queues=list(rules.queues),
        keys=[{"kid": one.kid, "alg": one.alg} for one in site.keys],
        forms={queue: [one["code"] for one in fields] for queue, fields in rules.form.items() if fields},
        consent=rules.consent["version"] if rules.consent is not None else None,
        offers=[name for name in offers if getattr(rules, name)],
        closing={"": asdict(rules.closing)} | {queue: asdict(one) for queue, one in rules.closing_of.items()},
    )


class AgentFiles:
    """The files that agents send: fulfils ``agent_console.chats.ChatFiles``. ``most``: bytes of one file."""

    def __init__(
        self, folder: ChatFolder, store: StoredChats, sites: Sequence[Site], wall: Callable[[], float]
    ) -> None:
        self._folder, self._store, self._wall = folder, store, wall
        self.most = max((site.file_bytes for site in sites), default=5 * MEGABYTE)

    async def take(self, conversation: str, name: str, media: str, content: bytes) -> ChatFile:
        """Keep what an agent sends. Raises ``Refused`` (size, kind), ``NotFound``."""
        await self._store.conversation(conversation)
        try:
            got = await self._folder.receive(_pieces(content), self.most)
        except FileRefused as error:
            raise Refused("file", f"the file is not taken: {error.code}") from None
        try:
            return await self._store.put_file(
                conversation, id=got.id, name=safe_name(name), type=media, size=got.size, sha256=got.sha256,
                by="agent", at=self._wall(), scan="clean",
            )  # fmt: skip
        except BaseException:
            await self._folder.remove(got.id)
            raise

    def place(self, file: ChatFile) -> tuple[Path, str]:
        """Folder and name of its content."""
        return self._folder.place(file.id)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), _CHUNK):
        yield content[at : at + _CHUNK]
