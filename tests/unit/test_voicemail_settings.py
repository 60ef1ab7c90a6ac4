"""``[voicemail]``: where the messages are, whose may be heard, who works them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.settings import ConfigError, from_data
from config.voicemail import Voicemail
from cti_gateway.voicemail import Mailboxes


def voicemail(**table: Any) -> Voicemail:
    return from_data({"voicemail": table}, {}, Path("/site")).voicemail


def test_paths_count_from_the_file_and_a_pbx_may_have_its_own() -> None:
    one = voicemail(folder="spool", folders={"branch": "/mnt/branch"})
    assert (one.folder_of("main"), one.folder_of("branch")) == (Path("/site/spool"), Path("/mnt/branch"))
    assert voicemail().folder_of("main") is None


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ({"mailboxes": ["../500"]}, "voicemail.mailboxes[0]"),
        ({"queues": {"500@default": "a b"}}, "voicemail.queues.500@default"),
        ({"path": "x"}, "voicemail.path"),
    ],
)
def test_what_is_wrong_is_named(table: dict[str, Any], where: str) -> None:
    with pytest.raises(ConfigError) as error:
        voicemail(**table)
    assert error.value.lines[0].startswith(where)


def test_only_shared_mailboxes_are_heard() -> None:
    boxes = Mailboxes(folders={"main": Path("/spool")}, shared=("500@default", "6*@default"))
    assert boxes.folder("main", "500@default") == Path("/spool")
    assert boxes.folder("main", "601@default") == Path("/spool")
    assert boxes.folder("main", "1001@default") is None
    assert boxes.folder("main", "500@other") is None
    assert boxes.folder("branch", "500@default") is None
