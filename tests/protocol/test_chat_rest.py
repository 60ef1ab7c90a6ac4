"""The visitors' REST: what a site offers, tokens, work, files up and down; origins and headers."""

from __future__ import annotations

import asyncio
import hashlib
import stat
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio

from interaction_log.chats import Ban
from interaction_log.store import chat_folder
from tests.fakes.chat_floor import QUEUE, SITE
from tests.fakes.chat_stage import ORIGIN, Stage, chat_stage
from webchat.gate import zero_bits
from webchat.tokens import UserKey

SECRET = b"k" * 32


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with chat_stage(tmp_path, keys=(UserKey("1", "HS256", SECRET),), file_bytes=200_000) as one:
        yield one


def signed(**more: Any) -> str:
    now = time.time()
    told = {"iss": SITE, "aud": "callweave", "sub": "li", "jti": str(now), "iat": now, "exp": now + 60} | more
    return jwt.encode(told, SECRET, algorithm="HS256", headers={"kid": "1"})


async def chatting(stage: Stage) -> tuple[str, dict[str, str], str]:
    """A visitor's token, his headers, his conversation."""
    token = (await stage.token())["token"]
    browser = await stage.browser(token)
    chat = (await browser.open())["conversation"]["id"]
    return token, {"Authorization": f"Bearer {token}"}, chat


# --- what a site offers ------------------------------------------------------------------------------------


async def test_what_a_site_offers(stage: Stage) -> None:
    async with stage.http() as http:
        found = await http.get("/chat/api/site", params={"site": SITE, "queue": QUEUE})
        assert found.status_code == 200 and found.json()["queue"] == QUEUE and found.json()["proof_bits"] == 0
        for params, code in (
            ({"site": "nobody", "queue": QUEUE}, "unknown_site"),
            ({"queue": QUEUE}, "unknown_site"),
            ({"site": SITE, "queue": "nothing"}, "unknown_queue"),
        ):
            answer = await http.get("/chat/api/site", params=params)
            assert (answer.status_code, answer.json()["code"]) == (404, code)
            assert answer.headers["content-type"] == "application/problem+json"


async def test_other_pages_may_not_ask_nor_read(stage: Stage) -> None:
    for path in ("/chat/api/site?site=" + SITE, "/chat/socket.io/?EIO=4&transport=polling"):
        for origin in ("https://evil.example", "null", "https://shop.example.com.evil.example"):
            async with stage.http({"Origin": origin}) as http:
                answer = await http.get(path)
                assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers, origin
        async with stage.http() as http:
            answer = await http.get(path)
            assert answer.headers["access-control-allow-origin"] == ORIGIN and "Origin" in answer.headers["vary"]
            assert "access-control-allow-credentials" not in answer.headers and "set-cookie" not in answer.headers
            asked = await http.options(path, headers={"Access-Control-Request-Method": "POST"})
            assert asked.status_code == 204 and "authorization" in asked.headers["access-control-allow-headers"]
    async with httpx.AsyncClient(base_url=stage.base) as nobody:
        twice = [("Origin", ORIGIN), ("Origin", "https://evil.example")]
        assert (await nobody.get("/chat/api/site", params={"site": SITE}, headers=twice)).status_code == 403


async def test_what_does_not_exist_is_not_found(stage: Stage) -> None:
    async with stage.http() as http:
        for path in ("/chat/api/nothing", "/chat/nothing.js", "/chat/../api/users", "/chat/%2e%2e/%2e%2e/etc/passwd"):
            assert (await http.get(path)).status_code == 404, path


async def test_the_widgets_script_is_for_every_page(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "pages" / "widget.js").write_text("1")
    async with stage.http({"Origin": "https://anybody.example"}) as http:
        script = await http.get("/chat/widget.js")
        assert script.status_code == 200 and script.headers["access-control-allow-origin"] == "*"
        assert script.headers["x-content-type-options"] == "nosniff" and "javascript" in script.headers["content-type"]
        for path in ("/chat/demo", "/chat/demo/", "/chat/demo/zh/"):
            page = await http.get(path)
            assert page.status_code == 200 and "default-src 'none'" in page.headers["content-security-policy"]


# --- tokens ------------------------------------------------------------------------------------------------


async def test_a_token_is_kept_and_prolonged(stage: Stage) -> None:
    first = await stage.token()
    again = await stage.token(token=first["token"])
    assert again["token"] == first["token"] and again["visitor"] == first["visitor"] and again["name"] is None
    assert again["expires_at"] >= first["expires_at"] > time.time() + 86_400
    other = await stage.token(token="x" * 43)
    assert other["visitor"] != first["visitor"]


async def test_a_user_whom_the_site_signs_is_the_same_everywhere(stage: Stage) -> None:
    one = await stage.token(user_token=signed(name="Li Wei", email="li@example.com"))
    two = await stage.token(user_token=signed(name="Li W."))
    assert (one["name"], two["name"]) == ("Li Wei", "Li W.") and one["visitor"] == two["visitor"]
    assert one["token"] != two["token"]
    kept = await stage.token(user_token=signed(name="Li"), token=one["token"])
    assert kept["token"] == one["token"] and kept["name"] == "Li"
    anonymous = await stage.token()
    known = await stage.token(user_token=signed(), token=anonymous["token"])
    assert known["visitor"] == one["visitor"] != anonymous["visitor"], "an anonymous token becomes nobody"
    stored = await stage.floor.store.chats.visitor(one["visitor"])
    assert stored.subject == "li"


async def test_a_bad_signed_token_says_why(stage: Stage) -> None:
    async with stage.http() as http:
        for token, why in (
            (signed(exp=1), "over"),
            (signed(aud="x"), "aud"),
            (signed() + "x", "signature"),
            (7, "text"),
        ):
            answer = await http.post("/chat/api/visitor", json={"site": SITE, "user_token": token})
            assert answer.status_code == 401 and why in answer.json()["detail"], answer.text
            assert (answer.json()["code"], answer.json()["field"]) == ("user_token", "user_token")


async def test_a_signed_token_does_not_go_from_hand_to_hand(stage: Stage) -> None:
    token = signed()
    async with stage.http({"X-Forwarded-For": "192.0.2.1"}) as one, stage.http({"X-Forwarded-For": "192.0.2.2"}) as two:
        body = {"site": SITE, "user_token": token}
        assert [(await one.post("/chat/api/visitor", json=body)).status_code for _ in range(2)] == [200, 200]
        assert (await two.post("/chat/api/visitor", json=body)).status_code == 401


async def test_new_visitors_from_one_address_are_limited(stage: Stage) -> None:
    stage.set_limits(address_visitor_burst=3)
    async with stage.http({"X-Forwarded-For": "192.0.2.1"}) as one, stage.http({"X-Forwarded-For": "192.0.2.2"}) as two:
        codes = [(await one.post("/chat/api/visitor", json={"site": SITE})).status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        refused = await one.post("/chat/api/visitor", json={"site": SITE})
        assert refused.json()["code"] == "too_many" and refused.json()["wait"] > 0 and refused.headers["retry-after"]
        assert (await two.post("/chat/api/visitor", json={"site": SITE})).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"[]", 400), (b"{", 400), (b'{"site":"a","site":"b"}', 400), (b'{"site":NaN}', 400),
        (b"[" * 5_000, 400), (b'{"site":"' + b"x" * 20_000 + b'"}', 413), (b'{"site":7}', 404), (b"\xff", 400),
    ],
)  # fmt: skip
async def test_bodies_that_are_not_right(stage: Stage, body: bytes, status: int) -> None:
    async with stage.http({"Content-Type": "application/json"}) as http:
        assert (await http.post("/chat/api/visitor", content=body)).status_code == status
        plain = await http.post("/chat/api/visitor", content=b"{}", headers={"Content-Type": "text/plain"})
        assert plain.status_code == 400


async def test_work_is_asked_for_and_proved(tmp_path: Path) -> None:
    async with chat_stage(tmp_path, proof_bits=8) as stage, stage.http() as http:
        assert (await http.get("/chat/api/site", params={"site": SITE, "queue": QUEUE})).json()["proof_bits"] == 8
        refused = await http.post("/chat/api/visitor", json={"site": SITE})
        assert (refused.status_code, refused.json()["code"]) == (403, "proof")
        asked = (await http.get("/chat/api/challenge", params={"site": SITE})).json()
        challenge = asked["challenge"]
        answer = next(
            str(n) for n in range(1_000_000)
            if zero_bits(hashlib.sha256(f"{challenge}{n}".encode()).digest()) >= asked["bits"]
        )  # fmt: skip
        proof = {"challenge": challenge, "answer": answer}
        assert (await http.post("/chat/api/visitor", json={"site": SITE, "proof": proof})).status_code == 200
        assert (await http.post("/chat/api/visitor", json={"site": SITE, "proof": proof})).status_code == 403


# --- files -------------------------------------------------------------------------------------------------


async def test_a_file_goes_up_and_comes_down_inert(stage: Stage) -> None:
    token, who, chat = await chatting(stage)
    html = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    async with stage.http(who) as http:
        name = {"name": "..\\..\\evil\u202egpj.svg"}
        put = await http.post("/chat/api/files", params=name, content=html, headers={"Content-Type": "image/svg+xml"})
        assert put.status_code == 201, put.text
        file = put.json()
        assert (file["name"], file["size"], file["type"]) == ("evilgpj.svg", len(html), "image/svg+xml")
        got = await http.get(f"/chat/api/files/{file['id']}")
        assert got.content == html and got.headers["content-type"] == "application/octet-stream"
        assert got.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
        assert (
            got.headers["x-content-type-options"] == "nosniff" and "sandbox" in got.headers["content-security-policy"]
        )
    stored = list(stage.folder.rglob("*"))
    files = [one for one in stored if one.is_file()]
    assert [one.name for one in files] == [file["id"]] and stat.S_IMODE(files[0].stat().st_mode) == 0o600
    browser = await stage.browser(token)
    said = await browser.say("", file=file["id"])
    assert said["ok"], said
    line = await browser.wait("line", lambda one: one["line"]["kind"] == "file")
    assert line["line"]["file"] == file
    assert chat


async def test_files_are_those_of_ones_own_conversation(stage: Stage) -> None:
    _, who, _ = await chatting(stage)
    other_token, other, _ = await chatting(stage)
    async with stage.http(who) as http:
        file = (await http.post("/chat/api/files", params={"name": "a.txt"}, content=b"secret")).json()
    async with stage.http(other) as http:
        for of in (file["id"], "0" * 32, "..%2F..%2Fetc", "x", "%00"):
            answer = await http.get(f"/chat/api/files/{of}")
            assert answer.status_code == 404 and b"secret" not in answer.content, of
    assert not (await (await stage.browser(other_token)).say("", file=file["id"]))["ok"]
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}):
        async with stage.http(headers) as http:
            assert (await http.get(f"/chat/api/files/{file['id']}")).status_code == 401
            assert (await http.post("/chat/api/files", content=b"x")).status_code == 401


async def test_files_have_limits(stage: Stage) -> None:
    token = (await stage.token())["token"]
    who = {"Authorization": f"Bearer {token}"}

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    async with stage.http(who) as http:
        early = await http.post("/chat/api/files", content=b"x")
        assert (early.status_code, early.json()["code"]) == (409, "no_conversation")
        await (await stage.browser(token)).open()
        for content, status, code in (
            (b"", 422, "empty"),
            (b"x" * 200_001, 413, "too_large"),
            (endless(), 413, "too_large"),
        ):
            answer = await http.post("/chat/api/files", content=content)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert (await http.post("/chat/api/files", content=b"x" * 200_000)).status_code == 201
        stage.set_limits(files=1)
        assert (await http.post("/chat/api/files", content=b"x")).json()["code"] == "too_many_files"
    assert len([one for one in stage.folder.rglob("*") if one.is_file()]) == 1, "nothing of the refused ones stays"


async def test_a_full_disk_keeps_room_for_the_log(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    _, who, _ = await chatting(stage)
    monkeypatch.setattr(chat_folder, "SPARE_BYTES", 2**60)
    async with stage.http(who) as http:
        answer = await http.post("/chat/api/files", content=b"x")
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")


SCANNER = "import sys; sys.exit(1 if b'EICAR' in open(sys.argv[1], 'rb').read() else 0)"


async def test_the_scanner_speaks_before_anybody_gets_a_file(tmp_path: Path) -> None:
    async with chat_stage(tmp_path, scanner=(sys.executable, "-c", SCANNER, "{file}")) as stage:
        _, who, chat = await chatting(stage)
        async with stage.http(who) as http:
            assert (await http.post("/chat/api/files", content=b"harmless")).status_code == 201
            bad = await http.post("/chat/api/files", content=b"X5O! EICAR")
            assert (bad.status_code, bad.json()["code"]) == (422, "file_refused")
        assert len(await stage.floor.store.chats.files_of(chat)) == 1
        assert len([one for one in stage.folder.rglob("*") if one.is_file()]) == 1


@pytest.mark.parametrize(
    "scanner", [("/nowhere/scan", "{file}"), (sys.executable, "-c", "import sys; sys.exit(2)", "{file}")]
)
async def test_without_an_answer_of_the_scanner_nothing_is_taken(tmp_path: Path, scanner: tuple[str, ...]) -> None:
    async with chat_stage(tmp_path, scanner=scanner) as stage:
        _, who, _ = await chatting(stage)
        async with stage.http(who) as http:
            answer = await http.post("/chat/api/files", content=b"x")
        assert (answer.status_code, answer.json()["code"]) == (503, "scan_unavailable")
        assert not [one for one in stage.folder.rglob("*") if one.is_file()]


async def test_the_scanners_command_is_no_shell(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    async with chat_stage(
        tmp_path, scanner=("/bin/true", f"{{file}}; touch {touched}", f"$(touch {touched})")
    ) as stage:
        _, who, _ = await chatting(stage)
        async with stage.http(who) as http:
            assert (await http.post("/chat/api/files", content=b"x")).status_code == 201
    assert not touched.exists()


async def test_a_banned_visitor_gets_and_gives_nothing(stage: Stage) -> None:
    token, who, _ = await chatting(stage)
    of = (await stage.token(token=token))["visitor"]
    await stage.floor.store.chats.ban(Ban(kind="visitor", value=of, until=time.time() + 60, by="sofia", at=1.0))
    stage.deps._bans_at = float("-inf")
    async with stage.http(who) as http:
        assert (await http.post("/chat/api/files", content=b"x")).status_code == 403
        again = await http.post("/chat/api/visitor", json={"site": SITE, "token": token})
        assert (again.status_code, again.json()["code"]) == (403, "banned")


async def test_while_the_database_is_away_it_says_so(stage: Stage) -> None:
    async def away(*_: object, **__: object) -> Any:
        raise OSError("away")

    stage.floor.store.chats.make_visitor = away  # type: ignore[method-assign]
    async with stage.http() as http:
        answer = await http.post("/chat/api/visitor", json={"site": SITE})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable") and answer.json()["wait"] > 0
    await asyncio.sleep(0)
