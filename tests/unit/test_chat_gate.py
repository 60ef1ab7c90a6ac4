"""The pure parts of the visitors' server: tokens, limits, bans, work, the table of commands."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from interaction_log.chats import Ban
from interaction_log.store.chat_folder import LONGEST_NAME, safe_name
from webchat import wire
from webchat.gate import AddressGate, Bans, Proofs, SiteGate, place_of, zero_bits
from webchat.session import NEXT, TABLE, after, rule_of
from webchat.sites import Limits, Site
from webchat.tokens import BadToken, User, UserKey, check_key, token_hash, usable, user_of

NOW = 1_795_293_080.0
SECRET = b"s" * 32
PRIVATE = Ed25519PrivateKey.generate()
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
KEYS = (UserKey("old", "HS256", SECRET), UserKey("new", "EdDSA", PUBLIC), UserKey("newer", "HS256", b"t" * 40))


def claims(**more: Any) -> dict[str, Any]:
    given = {"iss": "shop", "aud": "callweave", "sub": "li", "jti": "1", "iat": NOW - 1, "exp": NOW + 300}
    return {name: value for name, value in (given | more).items() if value is not None}


def signed(kid: str = "old", key: Any = SECRET, alg: str = "HS256", **more: Any) -> str:
    return jwt.encode(claims(**more), key, algorithm=alg, headers={"kid": kid})


def read(token: str, now: float = NOW) -> User:
    return user_of(token, KEYS, issuer="shop", audience="callweave", longest=600, now=now)


def test_a_site_signs_its_user_with_any_of_its_keys() -> None:
    told = {"email": "li@example.com", "vip": True, "orders": 3, "phone": "+8613800138000", "gone": None}
    for token in (
        signed(**told),
        signed("newer", b"t" * 40, **told),
        signed("new", PRIVATE, "EdDSA", **told),
        signed(aud=["other", "callweave"], **told),
    ):
        user = read(token)
        assert (user.subject, user.jti, user.expires_at) == ("li", "1", NOW + 300)
        assert user.attributes == {"email": "li@example.com", "vip": "true", "orders": "3", "phone": "+8613800138000"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"exp": NOW - 31}, "over"),
        ({"exp": None}, "exp is needed"),
        ({"exp": "soon"}, "exp is needed"),
        ({"exp": True}, "exp is needed"),
        ({"iat": None}, "iat is needed"),
        ({"iat": NOW + 60, "exp": NOW + 90}, "not good yet"),
        ({"nbf": NOW + 60}, "not good yet"),
        ({"nbf": "x"}, "nbf"),
        ({"exp": NOW + 700}, "lives longer"),
        ({"iss": "blog"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "other"}, "aud"),
        ({"aud": None}, "aud"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": "x" * 201}, "sub"),
        ({"jti": None}, "jti"),
        ({"jti": "x" * 101}, "jti"),
        ({"note": "x" * 501}, "attribute"),
        ({"note": "a\0b"}, "attribute"),
        ({f"a{n}": "x" for n in range(21)}, "attributes"),
    ],
)
def test_a_token_that_says_something_else_is_not_taken(change: dict[str, Any], why: str) -> None:
    with pytest.raises(BadToken, match=why):
        read(signed(**change))


def test_the_token_does_not_choose_how_it_is_checked() -> None:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    bare = f"{part({'alg': 'none', 'kid': 'old'})}.{part(claims())}."
    other_alg = signed("newer", b"t" * 48, "HS384")
    public_as_secret = f"{part({'alg': 'HS256', 'kid': 'new'})}.{part(claims())}."
    whole = signed()
    changed = whole[:-4] + ("AAAA" if whole[-4:] != "AAAA" else "BBBB")
    for token, why in (
        (bare, "alg|signature"),
        (other_alg, "alg"),
        (public_as_secret, "alg|signature"),
        (signed("old", b"x" * 32), "signature"),
        (signed("nobody"), "kid"),
        (jwt.encode(claims(), SECRET, algorithm="HS256"), "kid"),
        (signed("new"), "alg"),
        (changed, "signature"),
        ("", "no JWT"),
        ("a.b.c", "no JWT"),
        ("é.b.c", "no JWT"),
        ("x" * 5_000, "too long"),
    ):
        with pytest.raises(BadToken, match=why):
            read(token)


@given(st.text(max_size=200))
def test_no_text_is_taken_for_a_token(text: str) -> None:
    with pytest.raises(BadToken):
        read(text)


def test_keys_that_are_none_are_found_at_the_start() -> None:
    assert [check_key(key) for key in KEYS] == [None, None, None]
    assert "32 bytes" in str(check_key(UserKey("a", "HS256", b"short")))
    assert "PEM" in str(check_key(UserKey("a", "EdDSA", b"nonsense")))
    assert SECRET.decode() not in repr(KEYS)


def test_of_our_token_only_a_hash_is_kept() -> None:
    assert token_hash("abc") == token_hash("abc") != token_hash("abd") and "abc" not in token_hash("abc")
    assert usable("x" * 43) and not any(map(usable, (None, 1, "", "x", "é" * 43, "x\n" * 20, "x" * 500)))


# --- origins, addresses --------------------------------------------------------------------------------


def test_a_site_takes_its_own_origins_only() -> None:
    site = Site(key="shop", origins=("https://shop.example.com", "http://localhost:3000"))
    for origin in ("https://shop.example.com", "https://SHOP.example.com:443", "http://localhost:3000"):
        assert site.allows(origin, own=False), origin
    for origin in (
        "http://shop.example.com", "https://shop.example.com:8443", "https://evil.com", "https://shop.example.com.evil.com",
        "null", "", "https://x@shop.example.com", "https://shop.example.com/path", "file://",
    ):  # fmt: skip
        assert not site.allows(origin, own=False), origin
    assert site.allows(None, own=False) and site.allows("https://our.example", own=True)


def test_limits_count_by_what_one_customer_has_of_the_network() -> None:
    assert place_of("192.0.2.7") == "192.0.2.7" == place_of("::ffff:192.0.2.7")
    assert place_of("2001:db8::1") == place_of("2001:db8::ffff:1") == "2001:db8::/64" != place_of("2001:db8:0:1::1")
    assert place_of("unknown") == "unknown"


# --- limits --------------------------------------------------------------------------------------------


def gate(**limits: float) -> SiteGate:
    return SiteGate(Site(key="shop", origins=(), busy_proof_bits=12, limits=Limits(**limits)))  # type: ignore[arg-type]


def test_lines_are_limited_by_conversation_address_and_site() -> None:
    one = gate(lines_per_minute=60, line_burst=3, address_line_burst=5, site_line_burst=100)
    assert [one.line("v1", "a", 0.0) for _ in range(3)] == [0, 0, 0]
    wait = one.line("v1", "a", 0.0)
    assert 0.9 <= wait <= 1.1
    assert one.line("v1", "a", 1.01) == 0
    two = gate(line_burst=3, address_line_burst=4, address_lines_per_second=1)
    assert [two.line(f"v{n}", "a", 0.0) for n in range(4)] == [0] * 4
    assert two.line("v9", "a", 0.0) > 0 and two.line("v9", "b", 0.0) == 0
    three = gate(site_line_burst=2, site_lines_per_second=1)
    assert [three.line(f"v{n}", f"a{n}", 0.0) > 0 for n in range(3)] == [False, False, True]


def test_who_is_refused_uses_up_nothing_of_the_others() -> None:
    one = gate(line_burst=1, lines_per_minute=1, site_line_burst=3, site_lines_per_second=0.001)
    assert one.line("bad", "a", 0.0) == 0
    assert all(one.line("bad", "a", 0.0) > 0 for _ in range(50))
    assert [one.line("good", "b", 0.0), one.line("other", "b", 0.0)] == [0, 0]


def test_new_visitors_conversations_and_connections_are_limited() -> None:
    one = gate(address_visitor_burst=2, address_conversation_burst=1, address_connections=2, tabs=5)
    assert [one.visitor("a", 0.0) > 0 for _ in range(3)] == [False, False, True]
    assert one.begin("v", "a", 0.0) == 0 and one.begin("v", "a", 0.0) > 30
    assert [one.connect("a", 0), one.connect("a", 1), one.connect("a", 2)] == [None, None, "too_many"]
    one.disconnect("a")
    assert one.connect("a", 5) == "too_many" and one.connect("a", 4) is None and one.count == 2


def test_an_address_that_floods_pays_for_it_and_nobody_else() -> None:
    one = AddressGate()
    assert all(one.connection("a", 0.0) == 0 for _ in range(300)) and one.connection("a", 0.0) > 0
    assert one.connection("b", 0.0) == 0
    for _ in range(5):
        one.flooded("b", 0.0)
    assert one.connection("b", 1.0) > 1 and one.request("b", 1.0) == 0 and one.connection("c", 1.0) == 0
    assert one.connection("b", 40.0) == 0, "after a while it may try again"
    assert sum(one.request("c", 2.0) == 0 for _ in range(3_000)) == 2_000


def test_work_is_asked_for_when_many_come() -> None:
    one = gate(site_visitors_per_second=10, site_visitor_burst=20, address_visitor_burst=100)
    assert one.proof_bits(0.0) == 0
    for n in range(10):
        assert one.visitor(f"a{n}", 0.0) == 0
    assert one.proof_bits(0.0) == 12 and one.proof_bits(10.0) == 0


def test_bans() -> None:
    def ban(kind: Any, value: str) -> Ban:
        return Ban(kind=kind, value=value, until=NOW, by="sofia", at=1)

    bans = Bans([ban("visitor", "v"), ban("address", "192.0.2.1")])
    assert ("v", "x", NOW - 1) in bans and ("x", "192.0.2.1", NOW - 1) in bans
    assert ("v", "192.0.2.1", NOW) not in bans and ("192.0.2.1", "v", NOW - 1) not in bans


# --- work ----------------------------------------------------------------------------------------------


def work(challenge: str, bits: int) -> str:
    n = 0
    while zero_bits(hashlib.sha256(f"{challenge}{n}".encode()).digest()) < bits:
        n += 1
    return str(n)


def test_work_is_proved_once_in_time_and_for_one_site() -> None:
    proofs = Proofs(b"secret")
    challenge = proofs.challenge("shop", 8, "salt", NOW)
    answer = work(challenge, 8)
    assert not proofs.proved("blog", 8, challenge, answer, NOW)
    assert not proofs.proved("shop", 9, challenge, answer, NOW), "it was asked for less"
    assert not Proofs(b"other").proved("shop", 8, challenge, answer, NOW)
    assert not proofs.proved("shop", 8, challenge, answer, NOW + 301)
    assert proofs.proved("shop", 8, challenge, answer, NOW + 1)
    assert not proofs.proved("shop", 8, challenge, answer, NOW + 1), "used"
    other = proofs.challenge("shop", 8, "other", NOW)
    wrong = next(str(n) for n in range(1_000) if zero_bits(hashlib.sha256(f"{other}{n}".encode()).digest()) < 8)
    assert not proofs.proved("shop", 8, other, wrong, NOW)


@given(st.text(max_size=60), st.text(max_size=20))
def test_nonsense_proves_nothing(challenge: str, answer: str) -> None:
    assert not Proofs(b"secret").proved("shop", 1, challenge, answer, time.time())


# --- the table -----------------------------------------------------------------------------------------


def test_every_command_has_its_rule_and_needs_somebody_who_signed_in() -> None:
    assert set(TABLE) == set(wire.VISITOR_COMMANDS)
    for name in [*TABLE, "connect", "__proto__", "constructor"]:
        assert (rule_of("in", name) is not None) is (name in TABLE)
        assert [rule_of(stage, name) for stage in ("new", "joining", "closing")] == [None] * 3


def test_what_is_not_expected_ends_a_connection() -> None:
    events = {event for _, event in NEXT}
    assert after(after("new", "connect"), "accepted") == "in"
    for stage in ("new", "joining", "in", "closing"):
        for event in (*events, "nonsense"):
            assert after(stage, event) == NEXT.get((stage, event), "closing")  # type: ignore[call-overload]
    assert after("in", "connect") == "closing" == after("joining", "connect")


# --- names of files ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("bill.pdf", "bill.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\x.exe", "x.exe"),
        ("\u200b.htaccess", "htaccess"),
        ("bill\u202efdp.exe", "billfdp.exe"),
        ("a\0b\r\n.txt", "ab.txt"),
        ("", "file"),
        ("...", "file"),
        ("账单.pdf", "账单.pdf"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
    ],
)
def test_a_files_name_is_one_that_can_be_saved(given: str, shown: str) -> None:
    assert safe_name(given) == shown


@given(st.text(max_size=300))
def test_no_name_leads_out_of_a_folder(name: str) -> None:
    safe = safe_name(name)
    assert safe and len(safe) <= LONGEST_NAME and not set(safe) & set('/\\<>:"|?*\0\r\n\u202e\u200b')
    assert safe not in (".", "..") and not safe.startswith(".")
