"""Which right each route and each command of a socket needs: the one table, enforced for REST and socket alike. Pure.

A new route or command gets its line here; ``tests/unit/test_access.py`` walks all that there are and says which line
is missing. ``signed_in`` asks this table for every request, so a route is guarded by its line even where its own code
asks for nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from interaction_log.rights import Person, has, rights_of

OPEN: Final = ("open",)
"""Without signing in."""
ANYONE: Final[tuple[str, ...]] = ()
"""Everybody who is signed in."""

Needs = tuple[str, ...]
"""All of these rights, or one of the two above."""


def _needs(*rights: str) -> Needs:
    return rights


READ_CONTACTS: Final = ("interactions.read_own", "interactions.read_team", "interactions.read_all")
"""Any one of them: how much is seen is ``rights.Sight``'s."""
ANY_OF: Final[Mapping[str, tuple[str, ...]]] = {"interactions.read": READ_CONTACTS}
"""Names that stand for any one of several rights."""

ROUTES: Final[Mapping[str, Needs]] = {
    # the program's own health
    "GET /healthz": OPEN,
    "GET /readyz": OPEN,
    "GET /metrics": OPEN,
    "GET /api/health": _needs("live.read"),
    "GET /api/gaps": ANYONE,
    # oneself
    "POST /api/session": OPEN,
    "GET /api/session": ANYONE,
    "DELETE /api/session": ANYONE,
    "GET /api/phone": ANYONE,
    "POST /api/users/{name}/password": ANYONE,  # somebody else's: users.write, asked there
    # the desk
    "GET /api/colleagues": ANYONE,
    "GET /api/waiting": ANYONE,
    "GET /api/callbacks": _needs("missed.work"),
    "POST /api/callbacks": _needs("missed.work"),
    "POST /api/callbacks/{callback_id}/cancel": _needs("missed.work"),
    "GET /api/missed": _needs("missed.work"),
    "GET /api/missed/{interaction_id}": _needs("missed.work"),
    "POST /api/missed/{interaction_id}": _needs("missed.work"),
    "GET /api/voicemail/{message_id}/audio": _needs("missed.work"),
    "POST /api/voicemail/{message_id}/heard": _needs("missed.work"),
    "GET /api/held-mail": _needs("supervise.assign"),
    "POST /api/held-mail/{contact_id}/{what}": _needs("supervise.assign"),
    # customers
    "GET /api/customers": _needs("customers.read"),
    "POST /api/customers": _needs("customers.write"),
    # knowledge and satisfaction
    "GET /api/knowledge": _needs("knowledge.read"),
    "GET /api/knowledge/{item_id}": _needs("knowledge.read"),
    "GET /api/knowledge/{item_id}/versions": _needs("knowledge.read"),
    "POST /api/knowledge": _needs("knowledge.write"),
    "PUT /api/knowledge/{item_id}": _needs("knowledge.write"),
    "POST /api/knowledge/{item_id}/publish": _needs("knowledge.write"),
    "POST /api/knowledge/{item_id}/retire": _needs("knowledge.write"),
    "GET /survey/{token}": OPEN,  # the token is the right
    "POST /survey/{token}": OPEN,
    "GET /api/customers/{customer_id}/surveys": _needs("customers.read"),
    "POST /api/interactions/{interaction_id}/survey": _needs("surveys.ask"),
    # files of customers
    "GET /api/imports": _needs("customers.import"),
    "POST /api/imports": _needs("customers.import"),
    "GET /api/import-fields": _needs("customers.import"),
    "GET /api/imports/{import_id}": _needs("customers.import"),
    "PATCH /api/imports/{import_id}": _needs("customers.import"),
    "DELETE /api/imports/{import_id}": _needs("customers.import"),
    "POST /api/imports/{import_id}/suggest": _needs("customers.import"),
    "POST /api/imports/{import_id}/{step}": _needs("customers.import"),
    "GET /api/imports/{import_id}/rows": _needs("customers.import"),
    "GET /api/imports/{import_id}/report": _needs("customers.import"),
    "GET /api/import-mappings": _needs("customers.import"),
    "PUT /api/import-mappings/{name}": _needs("customers.import"),
    "DELETE /api/import-mappings/{name}": _needs("customers.import"),
    "GET /api/exports/customers": _needs("customers.export"),
    "GET /api/customers/{customer_id}": _needs("customers.read"),
    "PATCH /api/customers/{customer_id}": _needs("customers.write"),
    "DELETE /api/customers/{customer_id}": _needs("customers.delete"),
    "GET /api/customers/{customer_id}/timeline": _needs("customers.read"),
    "GET /api/customers/{customer_id}/history": _needs("customers.read"),
    "GET /api/search": ANYONE,  # what is found is what she may see: visible.visible
    "POST /api/customers/import": _needs("customers.import"),
    "GET /api/customers/{customer_id}/consents": _needs("customers.read"),
    "POST /api/customers/{customer_id}/consents": _needs("customers.write"),
    "GET /api/customers/{customer_id}/relations": _needs("customers.read"),
    "POST /api/customers/{customer_id}/relations": _needs("customers.write"),
    "DELETE /api/customers/{customer_id}/relations/{relation_id}": _needs("customers.write"),
    "GET /api/custom-fields": ANYONE,
    "PUT /api/custom-fields/{code}": _needs("catalogue.write"),
    "GET /api/consent-purposes": ANYONE,
    "PUT /api/consent-purposes/{code}": _needs("catalogue.write"),
    "GET /api/segments": _needs("customers.read"),
    "POST /api/segments": _needs("catalogue.write"),
    "POST /api/segments/count": _needs("customers.read"),
    "GET /api/segments/{segment_id}": _needs("customers.read"),
    "PATCH /api/segments/{segment_id}": _needs("catalogue.write"),
    "DELETE /api/segments/{segment_id}": _needs("catalogue.write"),
    # cases and tasks
    "GET /api/cases": _needs("cases.work"),
    "POST /api/cases": _needs("cases.work"),
    "GET /api/cases/{case_id}": _needs("cases.work"),
    "PATCH /api/cases/{case_id}": _needs("cases.work"),
    "POST /api/cases/{case_id}/interactions": _needs("cases.work"),
    "DELETE /api/cases/{case_id}/interactions/{interaction_id}": _needs("cases.work"),
    "GET /api/owners": _needs("cases.work"),
    "GET /api/case-types": ANYONE,
    "PUT /api/case-types/{code}": _needs("catalogue.write"),
    "GET /api/tasks": _needs("cases.work"),
    "POST /api/tasks": _needs("cases.work"),
    "GET /api/tasks/{task_id}": _needs("cases.work"),
    "PATCH /api/tasks/{task_id}": _needs("cases.work"),
    "GET /api/task-rules": _needs("catalogue.write"),
    "POST /api/task-rules": _needs("catalogue.write"),
    "PATCH /api/task-rules/{rule_id}": _needs("catalogue.write"),
    "DELETE /api/task-rules/{rule_id}": _needs("catalogue.write"),
    "GET /api/customers/suggestions": _needs("customers.merge"),
    "POST /api/customers/suggestions/refresh": _needs("customers.merge"),
    "POST /api/customers/suggestions/dismiss": _needs("customers.merge"),
    "GET /api/customers/shared-numbers": _needs("customers.read"),
    "PUT /api/customers/shared-numbers/{value}": _needs("customers.merge"),
    "DELETE /api/customers/shared-numbers/{value}": _needs("customers.merge"),
    "GET /api/customers/{customer_id}/merge": _needs("customers.merge"),
    "POST /api/customers/{customer_id}/merge": _needs("customers.merge"),
    "GET /api/customers/{customer_id}/merges": _needs("customers.read"),
    "POST /api/customers/{customer_id}/merges/{merge_id}/undo": _needs("customers.merge"),
    "GET /api/customers/{customer_id}/claims": _needs("customers.read"),
    "POST /api/customers/{customer_id}/claims": _needs("customers.write"),
    "DELETE /api/customers/{customer_id}/claims/{claim_id}": _needs("customers.write"),
    # chats
    "GET /api/chats/{interaction_id}/lines": ANYONE,  # whose: asked there
    "POST /api/chats/{interaction_id}/files": _needs("desk.use"),
    "GET /api/chats/files/{file_id}": ANYONE,  # whose: asked there
    "GET /api/chat-sites": _needs("catalogue.write"),
    "GET /api/chat-bans": _needs("supervise.listen"),
    "POST /api/chat-bans": _needs("supervise.listen"),  # whose chat: asked there
    "DELETE /api/chat-bans": _needs("supervise.listen"),
    "GET /api/canned-replies": _needs("desk.use"),
    "POST /api/canned-replies": _needs("knowledge.write"),
    "PUT /api/canned-replies/{reply_id}": _needs("knowledge.write"),
    # the log
    "GET /api/interactions": _needs("interactions.read"),
    "GET /api/interactions/{interaction_id}": _needs("interactions.read"),
    "GET /api/interactions/{interaction_id}/decisions": _needs("interactions.read"),
    "GET /api/recordings/{recording_id}": ANYONE,  # whose, and whether an agent may: asked there
    # reports
    "GET /api/reports": _needs("reports.read"),
    "GET /api/reports/table": _needs("reports.read"),
    "GET /api/reports/interactions": _needs("reports.read"),
    "GET /api/reports/check": _needs("reports.read"),
    "GET /api/reports/customers": _needs("reports.read"),
    "GET /api/reports/shifts": _needs("reports.read"),
    "POST /api/reports/shifts": _needs("reports.write"),
    "GET /api/reports/orders": _needs("reports.read"),
    "POST /api/reports/orders": _needs("reports.write"),
    "GET /api/reports/schedules": _needs("reports.read"),
    "POST /api/reports/schedules": _needs("reports.write"),
    "PUT /api/reports/schedules/{schedule_id}": _needs("reports.write"),
    "DELETE /api/reports/schedules/{schedule_id}": _needs("reports.write"),
    "GET /api/reports/runs": _needs("reports.read"),
    "POST /api/reports/schedules/{schedule_id}/again": _needs("reports.write"),
    # who is here
    "GET /api/agents": _needs("live.read"),
    "GET /api/agents/{name}/why": ANYONE,  # somebody else's: live.read, asked there
    "GET /api/devices": _needs("live.read"),
    "GET /api/alarms": _needs("live.read"),
    "GET /api/alarm-rules": _needs("live.read"),
    "POST /api/alarm-rules": _needs("supervise.alarms"),
    "PUT /api/alarm-rules/{rule_id}": _needs("supervise.alarms"),
    "DELETE /api/alarm-rules/{rule_id}": _needs("supervise.alarms"),
    # what there is to choose from
    "GET /api/queues": ANYONE,
    "PUT /api/queues/{name}": _needs("catalogue.write"),
    "GET /api/pause-reasons": ANYONE,
    "PUT /api/pause-reasons/{code}": _needs("catalogue.write"),
    "GET /api/dispositions": ANYONE,
    "PUT /api/dispositions/{code}": _needs("catalogue.write"),
    "GET /api/campaigns": ANYONE,
    "PUT /api/campaigns/{code}": _needs("catalogue.write"),
    "GET /api/skills": ANYONE,
    "PUT /api/skills/{code}": _needs("catalogue.write"),
    # people
    "GET /api/users": _needs("users.write"),
    "POST /api/users": _needs("users.write"),
    "PATCH /api/users/{name}": _needs("users.write"),
    "GET /api/roles": _needs("users.write"),
    "PUT /api/roles/{code}": _needs("roles.write"),
    "DELETE /api/roles/{code}": _needs("roles.write"),
    "GET /api/teams": _needs("users.write"),
    "PUT /api/teams/{code}": _needs("roles.write"),
    "DELETE /api/teams/{code}": _needs("roles.write"),
    # privacy
    "GET /api/privacy/customers/{customer_id}": _needs("privacy.erase"),
    "GET /api/privacy/customers/{customer_id}/export": _needs("privacy.export"),
    "GET /api/privacy/erasures": _needs("privacy.erase"),
    "POST /api/privacy/erasures": _needs("privacy.erase"),
    "GET /api/privacy/erasures/{erasure_id}": _needs("privacy.erase"),
    "GET /api/privacy/erasures/{erasure_id}/receipt": _needs("privacy.erase"),
    "GET /api/privacy/holds": _needs("privacy.rules"),
    "POST /api/privacy/holds": _needs("privacy.rules"),
    "POST /api/privacy/holds/{hold_id}/lift": _needs("privacy.rules"),
    "GET /api/privacy/retention": _needs("privacy.rules"),
    "POST /api/privacy/retention": _needs("privacy.rules"),
    # the trail
    "GET /api/audit": _needs("audit.read"),
    "GET /api/audit/check": _needs("audit.read"),
    "GET /api/audit/export": _needs("audit.read"),
}
"""Right by method and path, as the OpenAPI document has them."""

AGENT_COMMANDS: Final[Mapping[str, Needs]] = {
    "set_state": ANYONE,
    "join_queue": _needs("desk.use", "desk.queues"),
    "leave_queue": _needs("desk.use", "desk.queues"),
    "pause_queue": _needs("desk.use"),
    "resume_queue": _needs("desk.use"),
    "dial": _needs("desk.use", "calls.dial"),
    "answer": _needs("desk.use"),
    "hang_up": _needs("desk.use"),
    "hold": _needs("desk.use"),
    "resume": _needs("desk.use"),
    "mute": _needs("desk.use"),
    "unmute": _needs("desk.use"),
    "send_dtmf": _needs("desk.use"),
    "transfer": _needs("desk.use"),
    "complete_transfer": _needs("desk.use"),
    "cancel_transfer": _needs("desk.use"),
    "swap_transfer": _needs("desk.use"),
    "conference": _needs("desk.use"),
    "drop_party": _needs("desk.use"),
    "park": _needs("desk.use"),
    "retrieve": _needs("desk.use"),
    "pick_up": _needs("desk.use"),
    "start_recording": _needs("desk.use"),
    "stop_recording": _needs("desk.use"),
    "pause_recording": _needs("desk.use"),
    "resume_recording": _needs("desk.use"),
    "identify": _needs("desk.use", "customers.read"),  # with ``create``: customers.write too
    "note": _needs("desk.use"),
    "wrap_up": _needs("desk.use"),
    "pop_shown": ANYONE,
    "decline": _needs("desk.use"),
    "chat_send": _needs("desk.use"),
    "chat_send_file": _needs("desk.use"),
    "chat_typing": _needs("desk.use"),
    "chat_seen": _needs("desk.use"),
    "chat_close": _needs("desk.use"),
    "chat_cobrowse": _needs("desk.use"),
    "read_message": ANYONE,
    "send_message": ANYONE,
}
"""Right by command of ``wire.CLIENT_COMMANDS``."""

SUPERVISOR_COMMANDS: Final[Mapping[str, Needs]] = {
    "listen": _needs("supervise.listen"),
    "stop_listening": _needs("supervise.listen"),
    "force_state": _needs("supervise.states"),
    "join_queue": _needs("supervise.queues"),
    "leave_queue": _needs("supervise.queues"),
    "pause_queue": _needs("supervise.queues"),
    "resume_queue": _needs("supervise.queues"),
    "take_over": _needs("supervise.take_over"),
    "join_chat": _needs("supervise.listen"),
    "leave_chat": _needs("supervise.listen"),
    "chat_send": _needs("supervise.listen"),
    "assign": _needs("supervise.assign"),
    "set_skill": _needs("supervise.skills"),
    "send_message": _needs("supervise.message"),
    "acknowledge_alarm": _needs("supervise.alarms"),
}
"""Right by command of ``wire.SUPERVISOR_COMMANDS``."""

OVERSIGHT: Final = _needs("live.read")
"""What the namespace ``/supervisor`` needs."""


def allows(user: Person, needs: Needs) -> bool:
    """Whether she has what is needed. ``OPEN`` and ``ANYONE`` ask for nothing of a person who is signed in."""
    if needs == OPEN:
        return True
    mine = rights_of(user)
    return all(any(one in mine for one in ANY_OF.get(need, (need,))) for need in needs)


def route_needs(method: str, path: str) -> Needs | None:
    """What a route needs; ``None``: it has no line here."""
    return ROUTES.get(f"{'GET' if method == 'HEAD' else method} {path}")


def may_command(user: Person, namespace: str, name: str, creates: bool = False) -> bool:
    """Whether she may give a command. Unknown ones are refused by who reads them. ``creates``: a customer is made."""
    table = SUPERVISOR_COMMANDS if namespace == "/supervisor" else AGENT_COMMANDS
    return allows(user, table.get(name, ANYONE)) and (not creates or has(user, "customers.write"))
