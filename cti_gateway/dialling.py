"""What a phone of the site dials for a number that somebody typed or clicked. Pure."""

from __future__ import annotations

import re
from typing import Final

import phonenumbers

from cti_gateway.ami.actions import ActionError, check_dial_number
from cti_gateway.tracking.parties import PbxProfile

_INTERNAL: Final = re.compile(r"[0-9*#]{1,6}", re.ASCII)
_SEPARATORS: Final = re.compile(r"[ ().\-]")
_NUMBER: Final = re.compile(r"\+?[0-9]{7,20}", re.ASCII)


def dial_string(number: str, profile: PbxProfile) -> str:
    """The digits that the PBX shall dial.

    Up to six signs are a colleague or a service of the PBX, dialled as they are. A number of the site's own region
    is dialled as people there do (``+86 138…`` as ``138…``), others with the international prefix, both after the
    outbound prefix. Raises ActionError for anything that is no number.
    """
    text = _SEPARATORS.sub("", number)
    if _INTERNAL.fullmatch(text):
        return text
    if not _NUMBER.fullmatch(text):
        raise ActionError("to", "is not a number")
    return check_dial_number(profile.outbound_prefix + _as_people_dial(text, profile.default_region), "to")


def _as_people_dial(text: str, region: str) -> str:
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return text
    if not phonenumbers.is_valid_number(parsed):
        return text
    return re.sub(r"[^0-9]", "", phonenumbers.format_out_of_country_calling_number(parsed, region))
