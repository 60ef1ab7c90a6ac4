"""What the tables of the log and its projections hold about people. Topics register their own beside their tables."""

from __future__ import annotations

import json
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.store import index, teams_tables
from interaction_log.store import schema as s
from interaction_log.store.audit import audit
from interaction_log.store.callbacks import callbacks
from interaction_log.store.missed import missed_calls, missed_tries, voicemails
from interaction_log.store.personal import (
    CUSTOMERS,
    FIRST,
    INTERACTIONS,
    Person,
    Personal,
    customer,
    either,
    free,
    interaction,
    its_events,
    its_interactions,
    number,
    register,
    through,
)
from interaction_log.store.recordings import recordings
from interaction_log.store.search_tables import search_docs, search_state, timeline_items

EMPTIED: Final = ("customer_address", "customer_name")
"""Of an interaction's public object; ``dialled`` and transfers to numbers outside only where they name the customer."""


def emptied_public(text: str) -> str:
    """An interaction's public object without what names a person; times, queues, agents and sums stay."""
    public: dict[str, Any] = json.loads(text)
    for name in EMPTIED:
        public[name] = None
    if public.get("direction") == "outbound":
        public["dialled"] = None
    for one in public.get("transfers", []):
        if str(one.get("to", "")).startswith("exten:"):
            one["to"] = "exten:"
    for one in (*public.get("offers", []), *public.get("segments", [])):
        one["agent"] = telephone(str(one.get("agent", "")))
    for one in public.get("recordings", []):
        one["file"], one["device"] = "", telephone(str(one.get("device", "")))
    return json.dumps(public, separators=(",", ":"))


def telephone(device: str) -> str:
    """An agent's telephone as it is; of a Local channel, which may bear a number that was dialled, only its kind."""
    return "Local/" if device.startswith("Local/") else device


_of_entry: Final = either(
    customer(missed_calls.c.customer_id), number(missed_calls.c.number), interaction(missed_calls.c.id)
)

register(Personal(table=s.customer_phones, of=customer(s.customer_phones.c.customer_id), erase="delete", order=97))
register(Personal(table=s.customer_emails, of=customer(s.customer_emails.c.customer_id), erase="delete", order=97))
register(Personal(table=s.customers, of=customer(s.customers.c.id), erase="delete", order=CUSTOMERS))
register(
    Personal(
        table=s.interactions,
        of=its_interactions,
        erase="blank",
        columns=("customer_id", "customer_address", "notes", "public"),
        blanks={"public": emptied_public},
        order=INTERACTIONS,
    )
)
register(Personal(table=s.events, of=its_events, erase="delete", order=FIRST))
register(Personal(table=s.quarantine, of=interaction(s.quarantine.c.interaction_id), erase="delete", order=FIRST))
register(
    Personal(
        table=s.legs,
        of=interaction(s.legs.c.interaction_id),
        erase="blank",
        columns=("device",),
        blanks={"device": telephone},
    )
)
register(
    Personal(
        table=missed_calls,
        of=_of_entry,
        erase="delete",
        order=60,
    )
)
register(
    Personal(
        table=missed_tries,
        of=either(
            interaction(missed_tries.c.interaction_id), through(missed_tries.c.entry, missed_calls.c.id, _of_entry)
        ),
        erase="delete",
    )
)
register(
    Personal(
        table=voicemails,
        of=either(interaction(voicemails.c.interaction_id), through(voicemails.c.entry, missed_calls.c.id, _of_entry)),
        erase="delete",
        order=55,
    )
)
register(
    Personal(
        table=callbacks,
        of=either(number(callbacks.c.address), interaction(callbacks.c.requested_in)),
        erase="blank",
        columns=("address", "name", "requested_in"),
    )
)
register(
    Personal(
        table=recordings,
        of=interaction(recordings.c.interaction_id),
        erase="delete",
    )
)


def _wipe_search(connection: sa.Connection, person: Person, limit: int) -> int:
    """The documents of a person with their words: those with her name on, and those of contacts that bear none."""
    dropped = index.drop_customers(connection, person.customers, limit)
    if dropped:
        return dropped
    mine = sa.select(s.interactions.c.id).where(its_interactions(person))
    query = sa.select(search_docs.c.ref).where(search_docs.c.kind == "interaction", search_docs.c.ref.in_(mine))
    refs = list(connection.execute(query.limit(limit)).scalars())
    index.drop_many(connection, "interaction", refs)
    return len(refs)


register(
    Personal(
        table=search_docs,
        of=either(customer(search_docs.c.customer_id), interaction(search_docs.c.ref)),
        erase="delete",
        wipe=_wipe_search,
        export=False,
    )
)
register(Personal(table=timeline_items, of=customer(timeline_items.c.customer_id), erase="delete"))
free(search_state, "how far the index is")
free(s.queue_visits, "queues and times of an interaction; who it was stands in interactions only")
free(s.agent_states, "what agents did; no customer")
free(s.seats, "who sits at which device")
free(s.link_events, "the connection to the PBX; no customer")
free(s.users, "the site's own people")
free(s.user_skills, "the site's own people")
free(s.user_devices, "the site's own people")
free(s.sessions, "the site's own people, by a hash")
free(s.queues, "settings")
free(s.pause_reasons, "settings")
free(s.dispositions, "settings")
free(s.skills, "settings")
free(s.campaigns, "settings")
free(s.meta, "numbers of the log")
free(s.lease, "which process leads")
free(teams_tables.roles, "the site's own people")
free(teams_tables.teams, "the site's own people")
free(teams_tables.team_members, "the site's own people")
free(teams_tables.audit_head, "the last number and hash of the trail")
free(audit, "names a customer by a random id only: routes and commands put no name, number or text there")
