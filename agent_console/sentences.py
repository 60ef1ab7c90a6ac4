"""What is said to people when something is refused, each sentence with a code. Pure.

The parts inside speak plain English; a person at a browser reads her own language. So each sentence has a code, and
``{name}`` in it are the arguments: a problem document carries both, and the browser's texts are under ``said.CODE``.
A sentence that is missing here is shown as it is (a test finds it before).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from agent_console.wire import Sentence

SENTENCES: Final[Mapping[str, str]] = {
    # whole requests
    "invalid": "The request is not valid.",
    "nothing_changed": "Nothing is to be changed.",
    "no_such_thing": "There is no such thing.",
    "no_such_file": "There is no such file.",
    "no_such_agent": "There is no such agent.",
    "conflict": "It exists already, or was changed meanwhile.",
    "exists": "it exists already",
    "user_exists": "there is a user {name} already",
    "user_changed": "{name} was changed meanwhile",
    "entry_changed": "This entry was changed meanwhile.",
    "sign_in": "Please sign in.",
    "wrong_password": "The name or the password is not right.",
    "too_many": "Too many attempts; please wait.",
    "forbidden": "Your role does not allow this.",
    "own_rights": "You cannot take away your own rights; another administrator can.",
    "own_only": "You can only ask for your own interactions.",
    "foreign_page": "This request came from a page of another site.",
    "no_origin": "A request with the session cookie needs an Origin header of this site.",
    "database_away": "The database is away; please try again.",
    "our_fault": "Something went wrong on our side; it was written to the log.",
    "file_too_large": "The file is larger than {megabytes} MB.",
    "range": "The range is not in the file.",
    "erase_running": "a contact of this customer is running",
    "erase_held": "a legal hold stands on this customer's data",
    "hold_lifted": "it was lifted before",
    "hold_reason": "say why, in at most 500 characters",
    "hold_open": "a period needs a beginning or an end",
    "hold_backwards": "the period ends before it begins",
    "recording_forbidden": "Agents do not hear recordings here; a supervisor may.",
    "recording_running": "This call is still being recorded.",
    "recording_deleted": "This recording was deleted when its time was over.",
    "recording_unaudited": "This cannot be put on record now, so it is not played.",
    "too_large": "The request is too large.",
    "too_slow": "The request took too long to arrive.",
    "our_side": "Something went wrong on our side.",
    "promised": "This caller was promised a callback: cancel it first, or wait until its turn comes.",
    "canned_shortcut": "{least} to {most} characters without spaces, slashes and braces",
    "canned_place": "{name} is no placeholder: use visitor, agent or queue in braces",
    "canned_texts": "a text is needed, in at most {most} languages",
    "chat_text": "has a character that cannot be stored",
    "chat_file": "there is no such file in this conversation",
    "chat_id": "this id was used in another conversation",
    "chat_visitor_id": "this id was used by another visitor",
    "no_chat_files": "No files are sent in chats here.",
    "calling_already": "{name} is calling back already.",
    "entry_done": "This entry is done.",
    "message_gone": "The message is not in the voicemail folder any more.",
    "more_rights": "You cannot give rights that you do not have yourself.",
    "built_in_role": "This role is always there.",
    "role_in_use": "somebody has this role",
    "role_is_built_in": "this is a built-in role",
    "no_role": "there is no such role",
    "no_team": "there is no such team",
    "no_right": "there is no such right",
    "no_head": "is no head of the audit trail",
    "merge_undone": "This merge was undone already.",
    "claim_in_record": "This stands in the record itself: change the record.",
    # fields
    "missing": "is missing",
    "no_fields": "has no field",
    "not_you": "is not you",
    "no_address": "is not an address",
    "pbx_needed": "is needed for a queue that is not known yet",
    "unknown_field": "there is no such field",
    "unchangeable": "cannot be changed",
    "text_needed": "a text is needed",
    "texts_needed": "a list of texts is needed",
    "name_needed": "a name is needed",
    "flag_needed": "true or false is needed",
    "label_needed": "a text in at least one language",
    "too_long": "longer than {most} characters",
    "at_most_characters": "at most {most} characters",
    "at_most": "at most {most}",
    "most": "{most} at most",
    "length": "{least} to {most} characters",
    "length_no_spaces": "{least} to {most} characters without spaces",
    "range_of": "{least} to {most}",
    "seconds": "whole seconds, {least} to {most}",
    "level": "a level of {least} to {most}",
    "penalties": "a penalty of {least} to {most} for each level of {first} to {last}",
    "code": "{least} to {most} of a-z, 0-9, dash and underscore",
    "user_name": "{least} to {most} of a-z, 0-9, dot, dash and underscore, beginning with a letter or digit",
    "one_of": "one of {choices}",
    "devices": "a list of at most {most} different devices",
    "device": "TECHNOLOGY/name, as in PJSIP/1001 (or berlin:PJSIP/1001 with the PBX's name)",
    "control_characters": "holds control characters",
    "unstorable": "holds characters that cannot be stored",
    "no_user": "there is no user of this name",
    "no_language": "no language tag",
    "not_language": "{value} is no language tag (en, zh-CN)",
    "not_phone": "{value} is no valid telephone number",
    "rounded": "{value} was rounded by a spreadsheet: format the column as text",
    "not_email": "{value} is no e-mail address",
    "not_flag": "{value} is neither yes nor no",
    "same_person": "is the same person already",
    "cursor": "is none of ours",
    "no_time": "is no time",
    "not_rfc3339": "is no RFC 3339 time such as 2026-01-31T09:30:00+08:00",
    "no_such_time": "is no time that exists",
    "before_1970": "lies before 1970",
    # files of customers
    "empty": "is empty",
    "encoding": "neither UTF-8, UTF-16 nor GBK: save it as UTF-8",
    "encoding_unclear": "its encoding is not clear: save it as UTF-8",
    "larger": "larger than {megabytes} MB",
    "more_rows": "more than {most} rows",
    "more_columns": "more than {most} columns",
    "no_name_column": "there is no column for the name; the first line must name the columns",
    "two_columns": "there are two columns for {name}",
    "open_quote": "a quote is opened and never closed",
    "not_json": "is not JSON",
    "json_type": "must be application/json",
    "twice": "is given twice",
    "more_cells": "has more cells than the first line has columns",
    "formula": "begins like a spreadsheet's formula",
    "address_needed": "a telephone number or an e-mail address is needed",
    "seen_before": "{value} stands in line {line} already",
    "survey_answered": "This was answered already.",
    "steps_count": "{least} to {most} steps",
    "steps_script": "only a script has them",
    "no_step": "there is no such step",
    "import_state": "The import is not in a state for this.",
    "excel_old": "an old or protected Excel file: save it as .xlsx without a password",
    "excel_broken": "is no Excel file that can be read",
    "file_bursts": "too large to be read",
    "no_sheet": "has no sheet",
    "no_rows": "has no rows under its headings",
    "vcard_broken": "is no whole vCard",
    "mapping_columns": "does not have one entry for each column",
    "mapping_name": "there is no column for the name",
    "not_number": "{value} is no number",
    "import_same": "the same name and {value}",
    "import_deleted": "was deleted since",
    "import_changed": "was changed since",
    "import_fields_changed": "changed since: {names}",
    "import_contacts": "there are contacts, cases or other things of this customer",
    "import_gave_up": "the program ended several times while it was worked at",
    "belongs_to": "a number or mail of this row belongs to {names} already",
    "import_other": "{value} belongs to {names}",
    # records, cases, tasks
    "no_customer": "there is no such customer",
    "no_interaction": "there is no such interaction",
    "no_case": "there is no such case",
    "no_type": "there is no such type",
    "no_state": "there is no such state",
    "no_purpose": "there is no such purpose",
    "no_segment": "there is no such segment",
    "case_way": "A case that is {here} cannot become {to}.",
    "begins_closed": "a case cannot begin closed",
    "unreachable": "this state can never be reached",
    "needs_closed": "one state must be closed",
    "states_count": "{least} to {most} states",
    "zone_needed": "is needed for a time of the wall",
    "not_zone": "{value} is no time zone (as Asia/Shanghai)",
    "not_wall": "is no time such as 2026-01-31T09:30",
    "not_date": "is no date such as 2026-01-31",
    "number_needed": "a number is needed",
    "list_needed": "a list is needed",
    "group_needed": "a group or a condition is needed",
    "too_many_conditions": "too many conditions",
    "values_needed": "values by the field's code are needed",
    "choices_count": "{least} to {most} choices",
    "only_choices": "only a choice has them",
    "new_version": "a changed text needs a new version",
    "same_customer": "is the same customer",
    "segment_used": "A rule makes tasks of this segment.",
    "segment_exists": "There is a segment of this name already.",
    # reports and orders
    "schedule_changed": "This schedule was changed meanwhile.",
    "rule_changed": "This rule was changed meanwhile.",
    "no_such_rule": "There is no such rule.",
    "queue_of_teams": "must be a queue of your teams",
    "limit_most": "limit: at most {most} here",
    "limit_zero": "limit: 0 would always be reached",
    "clear_at_side": "clear_at: must be on the other side of the limit",
    "report_sending": "This report is being sent.",
    "unknown_zone": "is no known time zone",
    "end_after_start": "the end must be after the start",
    "more_periods": "more than {most} periods",
    "no_report_number": "is no number of this report",
    "no_state_list": "seconds of a state have no interactions",
    "no_report_group": "this report cannot be grouped so",
    "more_report_rows": "more than {most} rows: choose longer steps, or fewer groups",
    "no_mail_address": "is no mail address",
    "no_report_day": "is no day (2026-11-01) and no RFC 3339 time",
    "no_report_period": "there is no such period",
    "orders_columns": "the file has no column {names}",
    "no_currency": "is no currency (three letters, ISO 4217)",
    "order_time": "is no date (2026-11-01) and no RFC 3339 time",
    "order_before": "is before 1970",
    "no_amount": "is no amount (1234.50)",
    "order_nobody": "no customer is known by this",
    "order_several": "several customers are known by this",
    "campaign_number": "a telephone number of 2 to 20 digits, with or without a plus",
    "shredded": "This file was made unreadable for good.",
    "shift_agent": "there is no such user",
    "shift_end": "is not after the beginning, or more than a day later",
    "shift_kind": "is neither work nor break",
    "shift_time": "is no time (2026-11-01T09:00)",
    "shift_overlaps": "overlaps another row of this agent",
}
"""English by code."""

_PLACE: Final = re.compile(r"\\{(\w+)\\}")
_NUMBERS: Final = frozenset({"least", "most", "first", "last", "line", "megabytes"})


def _pattern(text: str) -> re.Pattern[str]:
    def place(found: re.Match[str]) -> str:
        return rf"(?P<{found[1]}>[0-9,]+)" if found[1] in _NUMBERS else rf"(?P<{found[1]}>.+?)"

    return re.compile(_PLACE.sub(place, re.escape(text)), re.DOTALL)


_PATTERNS: Final = [(code, _pattern(text)) for code, text in SENTENCES.items()]
_PLAIN: Final = {text: code for code, text in SENTENCES.items()}

SCHEMA: Final[Mapping[str, str]] = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "string_type": "text_needed",
    "bool_type": "flag_needed",
    "bool_parsing": "flag_needed",
    "int_type": "schema_number",
    "int_parsing": "schema_number",
    "list_type": "schema_list",
    "dict_type": "schema_type",
    "model_attributes_type": "schema_type",
    "json_invalid": "schema_json",
    "string_too_short": "schema_short",
    "string_too_long": "too_long",
    "too_short": "schema_few",
    "too_long": "schema_many",
    "string_pattern_mismatch": "schema_pattern",
    "literal_error": "one_of",
    "greater_than_equal": "schema_small",
    "less_than_equal": "schema_large",
}
"""The kinds of pydantic's complaints; what is not here is ``schema_type``."""
SCHEMA_CODES: Final = frozenset({*SCHEMA.values(), "schema_type"}) - set(SENTENCES)


def sentence_of(message: str) -> Sentence | None:
    """Code and arguments of a sentence; nothing for one that we do not know."""
    if message in _PLAIN:
        return {"code": _PLAIN[message], "params": {}}
    for code, pattern in _PATTERNS:
        found = pattern.fullmatch(message)
        if found is not None:
            return {"code": code, "params": {name: text.strip("'\"") for name, text in found.groupdict().items()}}
    return None


def coded(message: str) -> dict[str, Any]:
    """The same as fields of an error; none for a sentence that we do not know."""
    return dict(sentence_of(message) or {})


def of_schema(kind: str, context: Mapping[str, Any]) -> Sentence:
    """The same for a complaint of pydantic, with its numbers."""
    names = {"max_length": "most", "min_length": "least", "ge": "least", "le": "most", "expected": "choices"}
    params = {names[name]: str(value) for name, value in context.items() if name in names}
    return {"code": SCHEMA.get(kind, "schema_type"), "params": params}
