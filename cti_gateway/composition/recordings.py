"""Recordings: the policies, where the files are, and sealing them."""

from __future__ import annotations

from agent_console.recordings import RecordingAccess, RecordingPlaces
from config.settings import Settings
from cti_gateway.gateway import Gateway
from cti_gateway.recording_seals import RecordingSeals
from routing.commands import NotifySupervisors
from routing.recording import RecordingRule, RecordingRules


def recordings(gateway: Gateway, settings: Settings) -> tuple[RecordingAccess | None, RecordingPlaces | None]:
    """The policies, and where the files are."""
    hub, store, kept = gateway.hub, gateway.store, settings.recording
    queues = {(q.pbx, q.name): RecordingRule(q.recording, q.consent) for q in settings.queue}
    if kept is None:
        hub.recording.rules = RecordingRules(queues=queues)
        return None, None
    hub.recording.rules = RecordingRules(
        configured=True,
        direct=RecordingRule(kept.direct),
        queues=queues,
        card_pause_seconds=kept.card_pause_seconds,
        agents_may_listen=kept.agents_may_listen,
    )
    places = RecordingPlaces(str(kept.folder), kept.pbx_folder or str(kept.folder))
    hub.recording.folder = places.pbx_folder
    if kept.encrypt:
        _seal(gateway, places)
    keys = store.recording_keys
    return RecordingAccess(store.recordings, store.audit, places, kept.agents_may_listen, keys), places


def _seal(gateway: Gateway, places: RecordingPlaces) -> None:
    """From now on, and those that are there."""

    def failed(count: int) -> None:
        if count:
            gateway.hub.carry_out(NotifySupervisors("error", "recordings_not_sealed", {"count": str(count)}))

    seals = RecordingSeals(gateway.store.recording_keys, places, gateway.hub.wall, failed)
    seals.start()
    gateway.extras.append(seals)
