"""The page behind a survey's link: plain HTML that works without JavaScript. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

from interaction_log.surveys import MOST_COMMENT, SCORES

Words = Mapping[str, str]

_WORDS: Final[Mapping[str, Words]] = {
    "en": {
        "title": "How was it?",
        "csat": "How satisfied were you with our help?",
        "nps": "How likely is it that you would recommend us?",
        "csat_least": "not at all",
        "csat_best": "very satisfied",
        "nps_least": "not at all likely",
        "nps_best": "extremely likely",
        "comment": "Anything that you would like to add (optional)",
        "send": "Send",
        "thanks": "Thank you for your answer.",
        "gone": "This link was used already or is too old.",
        "choose": "Please choose a number.",
        "too_many": "Too many attempts; please wait a minute.",
    },
    "zh-CN": {
        "title": "服务评价",
        "csat": "您对我们的服务满意吗？",
        "nps": "您向他人推荐我们的可能性有多大？",
        "csat_least": "非常不满意",
        "csat_best": "非常满意",
        "nps_least": "完全不可能",
        "nps_best": "非常可能",
        "comment": "您还想补充什么（选填）",
        "send": "提交",
        "thanks": "感谢您的评价。",
        "gone": "此链接已使用或已过期。",
        "choose": "请选择一个分数。",
        "too_many": "操作过于频繁，请稍后再试。",
    },
}
_STYLE: Final = (
    "body{font:17px/1.5 system-ui,sans-serif;margin:0;background:#f5f6f8;color:#1c2430}"
    "main{max-width:34rem;margin:8vh auto;padding:2rem;background:#fff;border-radius:12px}"
    "h1{font-size:1.3rem;margin:0 0 1rem}fieldset{border:0;padding:0;margin:0}legend{margin-bottom:.8rem}"
    ".n{display:flex;flex-wrap:wrap;gap:.4rem}.n label{flex:1 0 2.6rem;text-align:center;padding:.6rem .2rem;"
    "border:1px solid #9aa4b2;border-radius:8px;cursor:pointer}.n input{display:block;margin:0 auto .2rem}"
    ".n label:focus-within{outline:3px solid #3452d6}.ends{display:flex;justify-content:space-between;color:#556070;"
    "font-size:.85rem;margin:.4rem 0 1.2rem}textarea{width:100%;box-sizing:border-box;font:inherit;padding:.6rem;"
    "border:1px solid #9aa4b2;border-radius:8px}button{margin-top:1rem;font:inherit;padding:.7rem 1.6rem;border:0;"
    "border-radius:8px;background:#2f4bd0;color:#fff;cursor:pointer}[role=alert]{color:#a3221b}"
    "@media(prefers-color-scheme:dark){body{background:#14181f;color:#e8ecf2}main{background:#1d232c}"
    "textarea{background:#14181f;color:inherit}.ends{color:#a7b1c0}[role=alert]{color:#ff9c92}}"
)


@dataclass(frozen=True, slots=True)
class Ask:
    """A question as a page shows it. ``fault``: what was wrong with the answer; ``comment``: what was written."""

    kind: str
    fault: str = ""
    comment: str = ""


def words_of(accepted: str) -> tuple[str, Words]:
    """The language of an ``Accept-Language`` header: the first that we have, else English."""
    for one in accepted.split(","):
        tag = one.partition(";")[0].strip().lower()
        if tag.startswith("zh"):
            return "zh-CN", _WORDS["zh-CN"]
        if tag.startswith("en"):
            break
    return "en", _WORDS["en"]


def page(language: str, words: Words, ask: Ask | None, said: str = "") -> str:
    """A whole document: the question, or a sentence."""
    inner = _form(words, ask) if ask is not None else f"<p data-test='survey-said'>{escape(said)}</p>"
    return (
        f"<!doctype html><html lang='{language}'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'><meta name='robots' content='noindex'>"
        f"<title>{escape(words['title'])}</title><style>{_STYLE}</style>"
        f"<main><h1>{escape(words['title'])}</h1>{inner}</main></html>"
    )


def _form(words: Words, ask: Ask) -> str:
    least, best = SCORES[ask.kind]
    numbers = "".join(
        f"<label><input type='radio' name='score' value='{n}' required>{n}</label>" for n in range(least, best + 1)
    )
    ends = f"<span>{escape(words[ask.kind + '_least'])}</span><span>{escape(words[ask.kind + '_best'])}</span>"
    fault = f"<p role='alert'>{escape(ask.fault)}</p>" if ask.fault else ""
    return (
        f"<form method='post'>{fault}<fieldset><legend>{escape(words[ask.kind])}</legend>"
        f"<div class='n'>{numbers}</div><div class='ends'>{ends}</div></fieldset>"
        f"<label for='comment'>{escape(words['comment'])}</label>"
        f"<textarea id='comment' name='comment' rows='4' maxlength='{MOST_COMMENT}'>{escape(ask.comment)}</textarea>"
        f"<button type='submit'>{escape(words['send'])}</button></form>"
    )
