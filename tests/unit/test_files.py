"""Files of a folder over HTTP: ranges, and no way out of the folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from agent_console import problems
from agent_console.files import NotThere, media_type, open_within, requested, respond

AUDIO = bytes(range(256)) * 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "voicemail"
    (inside / "default" / "500").mkdir(parents=True)
    (inside / "default" / "500" / "msg0000.wav").write_bytes(AUDIO)
    (inside / "empty.wav").write_bytes(b"")
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (inside / "link.wav").symlink_to(tmp_path / "secret.wav")
    (inside / "out").symlink_to(tmp_path)
    os.mkfifo(inside / "pipe.wav")
    return inside


@pytest.fixture
async def client(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)

    @app.api_route("/audio", methods=["GET", "HEAD"])
    async def audio(request: Request, name: str = "default/500/msg0000.wav") -> Response:
        return await respond(request, folder, name, download=request.query_params.get("download"))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://console") as found:
        yield found


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "/", "../secret.wav", "default/../../secret.wav", "/etc/passwd", "link.wav", "out/secret.wav",
        "pipe.wav", "default", "default/500/none.wav", "default/500/msg0000.wav/x", "a\0b", "x" * 5000,
    ],
)  # fmt: skip
def test_nothing_else_is_opened(folder: Path, name: str) -> None:
    with pytest.raises(NotThere):
        open_within(folder, name)


def test_nothing_of_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotThere):
        open_within(tmp_path / "none", "a.wav")


def test_no_descriptor_stays_open(folder: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for name in ("default/500/msg0000.wav", "link.wav", "out/secret.wav", "pipe.wav", "default"):
        with contextlib.suppress(NotThere):
            open_within(folder, name).close()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("header", "size", "wanted"),
    [
        (None, 10, None),
        ("bytes=0-", 10, (0, 10)),
        ("bytes=2-4", 10, (2, 5)),
        ("bytes=2-400", 10, (2, 10)),
        ("bytes=-3", 10, (7, 10)),
        ("bytes=-30", 10, (0, 10)),
        ("bytes=4-2", 10, None),
        ("bytes=-", 10, None),
        ("bytes=0-1,4-5", 10, None),
        ("items=0-1", 10, None),
        ("bytes=x-1", 10, None),
    ],
)
def test_what_a_range_asks_for(header: str | None, size: int, wanted: tuple[int, int] | None) -> None:
    assert requested(header, size) == wanted


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=99-", 10)])
def test_a_range_that_is_not_in_the_file(header: str, size: int) -> None:
    with pytest.raises(ValueError, match="bytes="):
        requested(header, size)


async def test_the_whole_file(client: httpx.AsyncClient) -> None:
    answer = await client.get("/audio")
    assert (answer.status_code, answer.content) == (200, AUDIO)
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["accept-ranges"] == "bytes"
    assert int(answer.headers["content-length"]) == len(AUDIO)


async def test_a_range_of_it(client: httpx.AsyncClient) -> None:
    answer = await client.get("/audio", headers={"Range": "bytes=65530-131080"})
    assert (answer.status_code, answer.content) == (206, AUDIO[65530:131081])
    assert answer.headers["content-range"] == f"bytes 65530-131080/{len(AUDIO)}"


async def test_a_range_of_another_version_is_the_whole_file(client: httpx.AsyncClient) -> None:
    tag = (await client.head("/audio")).headers["etag"]
    asked = {"Range": "bytes=0-9"}
    assert (await client.get("/audio", headers=asked | {"If-Range": tag})).status_code == 206
    assert (await client.get("/audio", headers=asked | {"If-Range": '"old"'})).status_code == 200


async def test_beyond_the_end(client: httpx.AsyncClient) -> None:
    answer = await client.get("/audio", headers={"Range": f"bytes={len(AUDIO)}-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(AUDIO)}"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_only_the_head(client: httpx.AsyncClient) -> None:
    answer = await client.head("/audio", headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (206, b"", "10")


async def test_a_file_outside_is_not_there(client: httpx.AsyncClient) -> None:
    answer = await client.get("/audio", params={"name": "../secret.wav"})
    assert answer.status_code == 404
    assert b"secret" not in answer.content


async def test_an_empty_file(client: httpx.AsyncClient) -> None:
    answer = await client.get("/audio", params={"name": "empty.wav"})
    assert (answer.status_code, answer.content) == (200, b"")


async def test_the_name_for_a_download_cannot_add_a_header(client: httpx.AsyncClient) -> None:
    answer = await client.get("/audio", params={"download": 'message "1"\r\nX-Evil: 1.wav'})
    assert answer.headers["content-disposition"] == (
        "attachment; filename*=utf-8''message%20%221%22%0D%0AX-Evil%3A%201.wav"
    )
    assert "x-evil" not in answer.headers


def test_kinds_of_files() -> None:
    assert media_type("a/b.wav") == "audio/wav"
    assert media_type("a/b.WAV") == "audio/x-wav"
    assert media_type("a/b.strange") == "application/octet-stream"
