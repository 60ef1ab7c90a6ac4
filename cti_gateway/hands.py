"""What supervisors do about contacts, skills, messages and alarms; ``supervision`` puts it on record first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from agent_console import wire
from agent_console.wire import Ack
from cti_gateway.desk import no
from cti_gateway.pbx import Outcome
from interaction_log.interaction import Interaction
from interaction_log.records import NotFound, User
from interaction_log.rights import EVERYTHING, Sight
from routing import commands as c

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

Work = Coroutine[Any, Any, Outcome]
NO_AGENT: Final = no("unknown_agent", "There is no such agent.", "agent")
NOT_HERE: Final = no("not_signed_in", "The agent is not signed in.", "agent")
NOT_WAITING: Final = no("not_waiting", "This contact does not wait any more.", "interaction_id")
NO_SKILL: Final = Outcome(False, "unknown_skill", "There is no such skill.")
NOT_SEEN: Final = Outcome(False, "unknown_call", "There is no such contact in your teams.")
CANNOT_TAKE: Final = Outcome(False, "cannot_take", "This agent cannot take it now.")


async def _everything(_: User) -> Sight:
    return EVERYTHING


class Hands:
    """Commands by name. ``sight``: whose agents and queues a supervisor sees."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.sight: Callable[[User], Awaitable[Sight]] = _everything
        self.methods: dict[str, Callable[[User, Any], Work | Ack]] = {
            "assign": self._assign,
            "set_skill": self._set_skill,
            "send_message": self._send_message,
            "acknowledge_alarm": self._acknowledge,
        }

    # --- waiting contacts ------------------------------------------------------------------------------

    def _assign(self, user: User, command: wire.Assign) -> Work | Ack:
        live = self._hub.distributor
        her, one = live.agents.get(command.agent), live.interactions.get(command.interaction_id)
        if her is None or not her.signed_in:
            return NOT_HERE
        if one is None or one.ended or one.waiting_in() is None:
            return NOT_WAITING
        if one.channel == "voice" and her.state in ("BUSY", "OFFERED"):
            return no("agent_busy", "The agent is in a call.", "agent")
        pbx = self._hub.pbxs.get(one.pbx)
        if one.channel == "voice" and (pbx is None or "pick_up" in pbx.cannot):
            return no("cannot_bring", "This telephone system does not let us bring a waiting caller to a phone.")
        return self._assigned(user, one, command.agent)

    async def _assigned(self, user: User, one: Interaction, agent: str) -> Outcome:
        visit = one.waiting_in()
        if visit is None:
            return Outcome(False, "not_waiting", "This contact does not wait any more.")
        if not (await self.sight(user)).sees_queue(visit.queue):
            return NOT_SEEN
        told = c.Notify(agent, "info", "assigned", {"by": user.display_name, "queue": visit.queue})
        if one.channel == "voice":
            self._hub.carry_out(told)
            return await self._hub.control.bring_to(agent, one.id)
        dispatch = self._hub.dispatch
        dispatch.settle()
        asked = dispatch.of_whom(one.id)
        commands = dispatch.engine.hand(one.id, agent, self._hub.wall(), work=dispatch.not_free_yet(one.id))
        if commands is None:
            return CANNOT_TAKE
        self._hub.carry_out(told)
        dispatch.run(commands, anew=asked)
        return Outcome(True)

    # --- skills ----------------------------------------------------------------------------------------

    def _set_skill(self, _: User, command: wire.SetSkill) -> Work | Ack:
        her = self._hub.people.get(command.agent)
        if her is None or her.disabled:
            return NO_AGENT
        return self._skilled(command)

    async def _skilled(self, command: wire.SetSkill) -> Outcome:
        """As an administrator's change of her user: routing follows at once (``hub.changed``)."""
        if command.level and command.skill not in {one.code for one in await self._hub.catalogue.skills()}:
            return NO_SKILL
        try:
            her = await self._hub.users.get(command.agent)
        except NotFound:
            return Outcome(False, "unknown_agent", "There is no such agent.")
        skills = {code: level for code, level in her.skills.items() if code != command.skill}
        if command.level:
            skills[command.skill] = command.level
        await self._hub.users.update(her.name, {"skills": skills})
        self._hub.changed("users", her.name)
        return Outcome(True)

    # --- messages and alarms ---------------------------------------------------------------------------

    def _send_message(self, user: User, command: wire.SendMessage) -> Work | Ack:
        return self._sent(user, command)

    async def _sent(self, user: User, command: wire.SendMessage) -> Outcome:
        return await self._hub.messages.send(user, command, await self.sight(user))

    def _acknowledge(self, user: User, command: wire.AcknowledgeAlarm) -> Work | Ack:
        alarm = self._hub.alarms.find(command.alarm)
        if alarm is None:
            return no("alarm_over", "This alarm is over.", "alarm")
        return self._acknowledged(user, command.alarm)

    async def _acknowledged(self, user: User, alarm_id: str) -> Outcome:
        alarm, sight = self._hub.alarms.find(alarm_id), await self.sight(user)
        about = alarm.params.get("agent") if alarm is not None else None
        seen = alarm is not None and (sight.sees_queue(alarm.queue) or (about is not None and sight.sees_agent(about)))
        if not seen or not self._hub.alarms.acknowledge(alarm_id, user.name):
            return Outcome(False, "alarm_over", "This alarm is over.")
        return Outcome(True)
