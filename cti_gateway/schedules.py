"""Sends reports by mail when they are due: each run has a row, and who changes the row sends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import formatdate
from typing import Final, Literal, Protocol

import aiosmtplib

from interaction_log import report_files
from interaction_log.periods import known_zone
from interaction_log.reports import Question
from interaction_log.schedules import Message, Run, Schedule, covered
from interaction_log.store.report_schedules import StoredSchedules
from interaction_log.store.reports import StoredReports, as_json

log = logging.getLogger(__name__)
LOOK_SECONDS: Final = 20.0
_SEND_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mails are handed over. ``sender``: the From address."""

    host: str
    port: int
    sender: str
    tls: Literal["none", "starttls", "tls"] = "starttls"
    user: str | None = None
    password: str | None = None

    async def take(self, mail: EmailMessage) -> None:
        """Hand it over by SMTP. Raises ``OSError``, ``TimeoutError`` or ``aiosmtplib.SMTPException``."""
        await aiosmtplib.send(
            mail,
            hostname=self.host,
            port=self.port,
            use_tls=self.tls == "tls",
            start_tls=self.tls == "starttls",
            username=self.user,
            password=self.password,
            timeout=_SEND_SECONDS,
        )


class Post(Protocol):
    """Hands a message over; raises what went wrong."""

    def __call__(self, message: Message) -> Awaitable[None]:
        """Returns when the server has taken it."""
        ...


def posting(server: MailServer) -> Post:
    """By SMTP."""

    async def post(message: Message) -> None:
        await server.take(mail_of(message, server.sender))

    return post


def mail_of(message: Message, sender: str) -> EmailMessage:
    """The mail; ``Auto-Submitted`` keeps out-of-office answers away (RFC 3834)."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, ", ".join(message.recipients), message.subject
    mail["Message-ID"], mail["Date"], mail["Auto-Submitted"] = message.message_id, formatdate(), "auto-generated"
    mail.set_content(message.text)
    kind, _, sub = message.file_type.partition(";")[0].partition("/")
    mail.add_attachment(message.file, maintype=kind, subtype=sub, filename=message.file_name)
    return mail


class ReportPost:
    """``wall``: Unix seconds. ``domain``: the right side of Message-IDs."""

    def __init__(
        self,
        stored: StoredSchedules,
        reports: StoredReports,
        post: Post,
        wall: Callable[[], float],
        domain: str = "callweave.invalid",
    ) -> None:
        self._stored, self._reports, self._post, self._wall, self._domain = stored, reports, post, wall, domain
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look from now on."""
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        await self._adopt()
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("reports by mail: tried again soon")
            await asyncio.sleep(LOOK_SECONDS)

    async def _adopt(self) -> None:
        try:
            unknown = await self._stored.adopt(self._wall())
        except Exception:
            log.exception("reports by mail: what was being sent could not be looked at")
            return
        if unknown:
            log.warning("%d reports may or may not have been sent before the last end of the program", unknown)

    async def look(self) -> int:
        """Send what is due. How many were sent."""
        runs = await self._stored.plan(self._wall())
        schedules = {one.id: one for one in await self._stored.all()} if runs else {}
        return sum([await self._run(schedules[run.schedule_id], run) for run in runs if run.schedule_id in schedules])

    async def _run(self, schedule: Schedule, run: Run) -> bool:
        """The report is made before the run is taken: only the handing over is in doubt if the program ends."""
        error: str | None = None
        try:
            message = await self.message(schedule, run)
        except Exception as failed:
            log.exception("report %s could not be made", schedule.id)
            message, error = None, _why(failed)
        if not await self._stored.claim(run, self._wall()):
            return False
        if message is not None:
            try:
                await self._post(message)
            except (OSError, TimeoutError, aiosmtplib.SMTPException) as failed:
                log.warning("report %s could not be sent: %s", schedule.id, _why(failed))
                error = _why(failed)
        await self._stored.finished(run, self._wall(), error)
        return error is None

    async def message(self, schedule: Schedule, run: Run) -> Message:
        """The mail of a run: the report about the day, week or month before, as a file."""
        start, end = covered(schedule, run.due_at)
        question = Question(**schedule.question | {"start": start, "end": end, "zone": schedule.zone})
        table = await self._reports.table(question, self._wall())
        answer = await asyncio.to_thread(as_json, table)
        rows = await asyncio.to_thread(report_files.rows_of, answer)
        first, last = table.periods.label(0)[:10], _last_day(end, schedule.zone)
        file = await report_files.in_child(schedule.format, [(schedule.name, rows)])
        span = first if first == last else f"{first} – {last}"
        return Message(
            f"<report.{schedule.id}.{int(run.due_at)}@{self._domain}>",
            f"{schedule.name}: {span}",
            schedule.recipients,
            f"{schedule.name}\n{span} ({schedule.zone})\n",
            f"{question.report}-{first}.{schedule.format}",
            report_files.TYPES[schedule.format],
            file,
        )


def _last_day(end: float, zone: str) -> str:
    return datetime.fromtimestamp(end - 1, known_zone(zone)).date().isoformat()


def _why(error: BaseException) -> str:
    """Short, without addresses."""
    code = getattr(error, "code", None)
    return f"{type(error).__name__} {code}" if code is not None else type(error).__name__
