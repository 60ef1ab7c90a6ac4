"""Which column of a file fills which field of a customer's record, and what a cell means there. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from interaction_log.records import Refused

Duplicates = Literal["update", "skip", "new"]
"""What becomes of rows that seem to be customers that there are already."""
ImportState = Literal["uploaded", "reading", "read", "importing", "done", "undoing", "undone", "failed"]
WORKING: Final = ("reading", "importing", "undoing")
"""States in which something is being done; whatever happens to the program, it is taken up again from there."""
RowState = Literal["waiting", "refused", "created", "updated", "unchanged", "skipped", "undone", "kept"]
"""``unchanged``: the record said all this already. ``kept``: an undo left it, the reason says why."""
Same = Literal["same", "other", "several", "file"]
"""Whose number or mail it is already: one customer's of the same name, of another name, several customers', or that of
an earlier row of the file."""

WORDS: Final[Mapping[str, str]] = {
    "name": "name fullname displayname formattedname customer customername contact contactname fn "
    "姓名 名称 客户 客户姓名 客户名称 联系人",
    "family_name": "lastname surname familyname last 姓 姓氏",
    "given_name": "firstname givenname forename first 名 名字",
    "phones": "phone phones phonenumber telephone tel telephonenumber mobile mobilephone mobilenumber cell cellphone "
    "number homephone businessphone workphone 电话 手机 手机号 手机号码 电话号码 联系电话 座机",
    "emails": "email emails mail mails emailaddress mailaddress 邮箱 电子邮件 电子邮箱 邮件",
    "organisation": "organisation organization company companyname employer account org 公司 单位 机构 公司名称",
    "language": "language lang preferredlanguage 语言",
    "vip": "vip 贵宾 重要客户",
    "notes": "notes note remark remarks comment comments description 备注 说明",
    "kind": "kind type customertype 类型 客户类型",
    "channel": "channel preferredchannel contactby 首选渠道 渠道",
    "value": "value customervalue worth 价值 客户价值",
    "agent": "agent owner accountmanager 坐席 专属坐席 负责人",
}
"""What people call these fields, without blanks and signs."""
TARGETS: Final = tuple(WORDS)
FIELDS: Final = "fields."
"""Before the code of a field that the site defined."""
NAME_PARTS: Final = ("family_name", "given_name")
MANY: Final = frozenset({"phones", "emails", "notes"})
"""Several columns may fill these."""
_FIELD_OF: Final = {word: target for target, words in WORDS.items() for word in words.split()}
_SEPARATOR: Final = re.compile(r"[;；\r\n]+(?!\s*ext=)")
_TRUE: Final = frozenset({"1", "true", "yes", "y", "x", "vip", "是"})
_FALSE: Final = frozenset({"", "0", "false", "no", "n", "否"})
_FORMULA: Final = ("=", "@", "＝", "＠")
_FORMULA_IN_NAME: Final = (*_FORMULA, "+", "-", "＋", "－")
_PHONE_LIKE: Final = re.compile(r"[+＋]?[\d][\d ()（）.\-/]{5,24}")
_MAIL_LIKE: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}")
_AMOUNT: Final = re.compile(r"-?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?", re.ASCII)
_WESTERN: Final = re.compile(r"[\u0000-\u024f\s.'’-]*")


def plain(heading: str) -> str:
    """A heading as it is compared: small letters, no blanks, signs or number at its end (``E-mail 2`` is ``email``)."""
    text = heading.strip().casefold()
    return re.sub(r"[\s_\-.:：()（）/]+", "", re.sub(r"[\s_\-.]*[0-9]+([\s_\-]*(value|number))?$", "", text))


def of_heading(heading: str) -> str | None:
    """The target that this heading names."""
    return _FIELD_OF.get(plain(heading))


def suggest(
    headings: Sequence[str],
    samples: Sequence[Sequence[str]] = (),
    remembered: Mapping[str, str | None] | None = None,
    custom: Mapping[str, str] | None = None,
) -> list[str | None]:
    """A target for each column, or ``None``: as it was done before under a name, else by the heading, else by what
    stands in the column (only numbers and mails are recognised so). ``custom``: target by plain heading.

    Each target is given once, but for those in ``MANY``.
    """
    found: list[str | None] = []
    for at, heading in enumerate(headings):
        target = _target(heading, remembered, custom or {})
        if target is None and (remembered is None or heading not in remembered):
            target = _by_content([row[at] for row in samples if at < len(row) and row[at].strip()])
        found.append(None if target in found and target not in MANY else target)
    return found


def _target(heading: str, remembered: Mapping[str, str | None] | None, custom: Mapping[str, str]) -> str | None:
    if remembered is not None and heading in remembered:
        return remembered[heading]
    word = plain(heading)
    return custom.get(word) or of_heading(heading)


def _by_content(cells: Sequence[str]) -> str | None:
    if not cells:
        return None
    if all(_MAIL_LIKE.fullmatch(cell.strip()) for cell in cells):
        return "emails"
    phones = all(_PHONE_LIKE.fullmatch(cell.strip()) for cell in cells)
    return "phones" if phones and any(cell.strip().startswith(("+", "0", "1")) for cell in cells) else None


def check_mapping(mapping: Sequence[str | None], columns: int, custom: Sequence[str] = ()) -> None:
    """Raises ``Refused`` for a mapping that does not fit ``columns`` columns. ``custom``: codes of site's fields."""
    if len(mapping) != columns:
        raise Refused("mapping", "does not have one entry for each column")
    known = {*TARGETS, *(FIELDS + code for code in custom)}
    for at, target in enumerate(mapping):
        if target is not None and target not in known:
            raise Refused(f"mapping.{at}", "there is no such field")
        if target is not None and target not in MANY and target in mapping[:at]:
            raise Refused(f"mapping.{at}", f"there are two columns for {target}")
    if not any(target in ("name", *NAME_PARTS) for target in mapping):
        raise Refused("mapping", "there is no column for the name")


def given(mapping: Sequence[str | None], cells: Sequence[str]) -> dict[str, Any]:
    """The fields of a row from its cells; empty cells say nothing. Raises ``Refused``."""
    found: dict[str, Any] = {}
    for target, cell in zip(mapping, cells, strict=False):
        if target is not None and cell.strip():
            fill(target, cell, found)
    parts = {part: found.pop(part) for part in NAME_PARTS if part in found}
    if parts and "name" not in found:
        found["name"] = whole_name(parts.get("given_name", ""), parts.get("family_name", ""))
    return found


def fill(target: str, cell: str, found: dict[str, Any]) -> None:
    """Add what this cell says. Raises ``Refused``, also for text that a spreadsheet would run as a formula."""
    if target in ("phones", "emails"):
        found.setdefault(target, []).extend(part.strip() for part in _SEPARATOR.split(cell) if part.strip())
        return
    formula = _FORMULA if target == "notes" or target.startswith(FIELDS) else _FORMULA_IN_NAME
    if target not in _READ and cell.lstrip().startswith(formula):
        raise Refused(target, "begins like a spreadsheet's formula")
    if target == "notes" and "notes" in found:
        found["notes"] += "\n" + cell
    elif target.startswith(FIELDS):
        found.setdefault("fields", {})[target.removeprefix(FIELDS)] = cell.strip()
    elif target in _READ:
        found[target] = _READ[target](target, cell)
    else:
        found[target] = cell


def flag(target: str, cell: str) -> bool:
    """Yes or no, as people write it. Raises ``Refused``."""
    word = cell.strip().casefold()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise Refused(target, f"{cell[:20]!r} is neither yes nor no")


def number(target: str, cell: str) -> float:
    """An amount, as ``1,234.50`` or ``1234.5``; of ``1.234,50`` nobody can say what it is. Raises ``Refused``."""
    text = re.sub(r"^[¥￥$€£]|元$", "", cell.strip()).replace(" ", "").strip()
    if not _AMOUNT.fullmatch(text):
        raise Refused(target, f"{cell[:20]!r} is no number")
    return float(text.replace(",", ""))


def word_of(words: Mapping[str, str]) -> Callable[[str, str], str]:
    """One of some words, by what people write for it."""
    meant = {one: code for code, many in words.items() for one in many.split()}

    def read(target: str, cell: str) -> str:
        found = meant.get(cell.strip().casefold())
        if found is None:
            raise Refused(target, f"one of {', '.join(words)}")
        return found

    return read


_KINDS: Final = {
    "person": "person individual private 个人 人",
    "organisation": "organisation organization org company group 公司 企业 单位 组织",
}
_CHANNELS: Final = {
    "voice": "voice phone telephone call 电话",
    "chat": "chat 聊天 在线聊天",
    "email": "email e-mail mail 邮件 电子邮件",
}
_READ: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "vip": flag,
    "value": number,
    "kind": word_of(_KINDS),
    "channel": word_of(_CHANNELS),
}
"""How the cells of these fields are read."""


def whole_name(first: str, last: str) -> str:
    """Given and family name as one: ``Emily Carter``, but ``王小明`` (the family's name first, no blank)."""
    first, last = first.strip(), last.strip()
    if first and last and not _WESTERN.fullmatch(last):
        return last + first
    return f"{first} {last}".strip()
