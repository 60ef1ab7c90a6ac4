"""How much is taken from whom: limits by address, visitor and site, bans, work to be proved. Pure: time (monotonic
seconds, for proofs and bans Unix seconds) and randomness are arguments."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from interaction_log.chats import Ban
from interaction_log.web.limits import Bucket
from webchat.sites import Site

PROOF_SECONDS: Final = 300.0
REQUESTS_PER_SECOND: Final = 200.0
REQUEST_BURST: Final = 2_000.0
CONNECTIONS_PER_SECOND: Final = 20.0
CONNECTION_BURST: Final = 300.0
"""A company behind one address whose network comes back opens all its connections at once."""
FLOODS: Final = 5.0
FLOODS_PER_SECOND: Final = 1 / 30
PENALTY_SECONDS: Final = 30.0
_MOST_KEYS: Final = 50_000
_MOST_PROOFS: Final = 100_000


def place_of(address: str) -> str:
    """What limits and bans count by: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:64]
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found, 64), strict=False))


def ban_place(address: str) -> str | None:
    """What a ban of an address counts by: also of a whole network as the list shows it; ``None``: it is none."""
    try:
        return place_of(str(ip_network(address, strict=False).network_address))
    except ValueError:
        return None


@dataclass(slots=True)
class Buckets:
    """A token bucket for each key, the ones used last (``_MOST_KEYS``)."""

    rate: float
    burst: float
    kept: OrderedDict[str, Bucket]

    def take(self, key: str, now: float) -> float:
        """0: taken; else the seconds until it may be tried again."""
        bucket = self.kept.get(key)
        if bucket is None:
            bucket = self.kept[key] = Bucket(self.rate, self.burst)
            if len(self.kept) > _MOST_KEYS:
                self.kept.popitem(last=False)
        else:
            self.kept.move_to_end(key)
        if bucket.take(now):
            return 0.0
        return max(0.1, (1 - bucket.tokens) / self.rate) if self.rate > 0 else 3_600.0

    def empty(self, key: str, now: float) -> bool:
        """Whether one could not be taken now."""
        bucket = self.kept.get(key)
        return bucket is not None and bucket.at is not None and bucket.tokens + (now - bucket.at) * self.rate < 1

    def give_back(self, key: str) -> None:
        """It was not used after all."""
        bucket = self.kept.get(key)
        if bucket is not None:
            bucket.tokens = min(bucket.burst, bucket.tokens + 1)


def _buckets(rate: float, burst: float) -> Buckets:
    return Buckets(rate, burst, OrderedDict())


class AddressGate:
    """What one address may do before it is known which site it is about: requests, connections, and how many of these
    it may flood. Refusing is to cost less than a flood does. Answers as :class:`SiteGate`."""

    def __init__(self) -> None:
        self._requests = _buckets(REQUESTS_PER_SECOND, REQUEST_BURST)
        self._connections = _buckets(CONNECTIONS_PER_SECOND, CONNECTION_BURST)
        self._floods = _buckets(FLOODS_PER_SECOND, FLOODS)

    def request(self, place: str, now: float) -> float:
        """One more request (a poll, a file)?"""
        return self._requests.take(place, now)

    def connection(self, place: str, now: float) -> float:
        """One more connection?"""
        if self._floods.empty(place, now):
            return PENALTY_SECONDS
        return self._connections.take(place, now)

    def flooded(self, place: str, now: float) -> None:
        """One of its connections had to be cut because it sent without end."""
        self._floods.take(place, now)


class SiteGate:
    """The limits of one site. Each question is answered with 0 (yes) or the seconds to wait."""

    def __init__(self, site: Site):
        self.site, limits = site, site.limits
        self._lines = _buckets(limits.lines_per_minute / 60, limits.line_burst)
        self._address_lines = _buckets(limits.address_lines_per_second, limits.address_line_burst)
        self._site_lines = _buckets(limits.site_lines_per_second, limits.site_line_burst)
        self._visitors = _buckets(limits.address_visitors_per_minute / 60, limits.address_visitor_burst)
        self._site_visitors = _buckets(limits.site_visitors_per_second, limits.site_visitor_burst)
        self._begun = _buckets(limits.address_conversations_per_hour / 3600, limits.address_conversation_burst)
        self._calm = _buckets(limits.site_visitors_per_second / 2, limits.site_visitor_burst / 2)
        self.connections: Counter[str] = Counter()
        self.count = 0

    def line(self, visitor: str, place: str, now: float) -> float:
        """May he write one more?"""
        return self._all(((self._lines, visitor), (self._address_lines, place), (self._site_lines, "")), now)

    def begin(self, visitor: str, place: str, now: float) -> float:
        """May he begin a conversation, leave a message, ask to be called?"""
        return self._all(((self._lines, visitor), (self._begun, place), (self._site_lines, "")), now)

    def visitor(self, place: str, now: float) -> float:
        """May somebody new come?"""
        self._calm.take("", now)
        return self._all(((self._visitors, place), (self._site_visitors, "")), now)

    def _all(self, asked: Sequence[tuple[Buckets, str]], now: float) -> float:
        for n, (buckets, key) in enumerate(asked):
            wait = buckets.take(key, now)
            if wait:  # what the others gave is not used: who is refused does not use up what is everybody's
                for other, same in asked[:n]:
                    other.give_back(same)
                return wait
        return 0.0

    def proof_bits(self, now: float) -> int:
        """The work that a new visitor is asked for now: more while half of what the site allows is used up."""
        busy = self._calm.empty("", now)
        return max(self.site.proof_bits, self.site.busy_proof_bits if busy else 0)

    def connect(self, place: str, tabs: int) -> str | None:
        """Why one more connection is not taken (``tabs``: of this visitor); ``None``: it is, and counts from now."""
        limits = self.site.limits
        full = self.connections[place] >= limits.address_connections or self.count >= limits.site_connections
        if full or tabs >= limits.tabs:
            return "too_many"
        self.connections[place] += 1
        self.count += 1
        return None

    def disconnect(self, place: str) -> None:
        """One that counted is gone."""
        self.connections[place] -= 1
        self.count -= 1
        if self.connections[place] <= 0:
            del self.connections[place]


class Bans:
    """Who may not come; the store's list."""

    def __init__(self, standing: Sequence[Ban] = ()):
        self._until = {(one.kind, one.value): one.until for one in standing}

    def __contains__(self, asked: tuple[str, str, float]) -> bool:
        """(visitor, place, now in Unix seconds)."""
        visitor, place, now = asked
        return max(self._until.get(("visitor", visitor), 0.0), self._until.get(("address", place), 0.0)) > now


class Proofs:
    """Work to be proved before a token is given: find a text so that the hash begins with so many zero bits.

    Nothing is kept of a question: it is signed; an answer is good once. ``secret``: random, of this process.
    """

    def __init__(self, secret: bytes):
        self._secret = secret
        self._used: OrderedDict[str, float] = OrderedDict()

    def challenge(self, site: str, bits: int, salt: str, now: float) -> str:
        """A question. ``salt``: random text."""
        text = f"{bits}.{now + PROOF_SECONDS:.0f}.{salt}"
        return f"{text}.{self._signature(site, text)}"

    def proved(self, site: str, bits: int, challenge: str, answer: str, now: float) -> bool:
        """Whether this answers a question of ours with at least so much work."""
        text, _, signature = challenge.rpartition(".")
        parts = text.split(".")
        if len(challenge) > 300 or len(answer) > 100 or len(parts) != 3 or not (parts[0] + parts[1]).isdecimal():
            return False
        if not hmac.compare_digest(signature.encode(), self._signature(site, text).encode()):
            return False
        if int(parts[0]) < bits or float(parts[1]) < now or challenge in self._used:
            return False
        if zero_bits(hashlib.sha256((challenge + answer).encode()).digest()) < bits:
            return False
        self._remember(challenge, float(parts[1]), now)
        return True

    def _remember(self, challenge: str, until: float, now: float) -> None:
        while self._used and (next(iter(self._used.values())) < now or len(self._used) >= _MOST_PROOFS):
            self._used.popitem(last=False)
        self._used[challenge] = until

    def _signature(self, site: str, text: str) -> str:
        return hmac.digest(self._secret, f"{site}\0{text}".encode(), "sha256").hex()


def zero_bits(digest: bytes) -> int:
    """How many bits at the beginning are zero."""
    number = int.from_bytes(digest, "big")
    return len(digest) * 8 - number.bit_length()
