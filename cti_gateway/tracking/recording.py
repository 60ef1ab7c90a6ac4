"""What the PBX tells of recordings: ``MixMonitorStart``, ``MixMonitorMute``, ``MixMonitorStop``. Pure.

Measured on 22.10.1 and 16.28.0: the three come to a user with ``read=call``, name the channel and never the file;
``MixMonitorStop`` comes only for StopMixMonitor, not at the hang-up; a repeated mute is told again.
"""

from __future__ import annotations

from cti_gateway.ami.codec import Message
from cti_gateway.tracking.channels import Channel
from cti_gateway.tracking.transferring import Transferring
from interaction_log import events as e
from interaction_log.recordings import Recording, running_on


class Recordings(Transferring):
    """Reads the messages about recordings. Believed only of a known pair of channel and Uniqueid."""

    def mixmonitor_start(self, m: Message, at: float | None) -> None:
        """The audio of a channel is written from here on."""
        channel = self._believed(m, at)
        if channel is None:
            return
        channel.recording, channel.recording_at, channel.recording_muted = True, at, False
        if channel.contact is not None and not channel.contact.interaction.ended:
            self.note_recording(channel.contact, channel)

    def mixmonitor_mute(self, m: Message, at: float | None) -> None:
        """Silence instead of audio, or audio again. One direction alone is no pause."""
        channel = self._believed(m, at)
        if channel is None or m.get("Direction").lower() not in ("both", ""):
            return
        muted = m.get("State") == "1"
        channel.recording_muted = muted
        for one in self._running(channel):
            of = channel.contact.id if channel.contact is not None else ""
            if muted and one.gap is None:
                self._tell(channel, e.RecordingPaused(at=at, interaction_id=of, recording_id=one.id))
            elif not muted and one.gap is not None:
                self._tell(channel, e.RecordingResumed(at=at, interaction_id=of, recording_id=one.id))

    def mixmonitor_stop(self, m: Message, at: float | None) -> None:
        """Somebody stopped the recording; of several on one channel, the youngest."""
        channel = self._believed(m, at)
        if channel is None:
            return
        channel.recording = False
        running = self._running(channel)
        if running and channel.contact is not None:
            stopped = e.RecordingStopped(at=at, interaction_id=channel.contact.id, recording_id=running[0].id)
            self._tell(channel, stopped)

    def var_set(self, m: Message, at: float | None) -> None:
        """``VarSet`` explains in a replay which file it is; live it is filtered away, and the PBX is asked."""
        if m.get("Variable") != "MIXMONITOR_FILENAME":
            return
        channel = self.topology.pair(m.get("Channel"), m.get("Uniqueid"))
        if channel is not None:
            channel.recording_file = m.get("Value")

    @staticmethod
    def _running(channel: Channel) -> list[Recording]:
        contact = channel.contact
        if contact is None or contact.interaction.ended:
            return []
        return running_on(contact.interaction.recordings, channel.unique_id)

    @staticmethod
    def _tell(channel: Channel, event: e.InteractionEvent) -> None:
        if channel.contact is not None:
            channel.contact.emit(event)
