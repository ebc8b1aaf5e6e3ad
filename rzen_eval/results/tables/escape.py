"""Texts from elsewhere, such as names of models, made safe for what they are written into: a function a format."""

from __future__ import annotations

import html
import json
import re
from typing import Any

BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Characters that turn the direction of a text, so that it reads otherwise than it is written."""
CONTROL = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{BIDI}]")
MARKDOWN = re.compile(r"[\\`*<|]|&(?=#?\w+;)|(?<=\])\(|(?<!\w)_|_(?!\w)")
"""What would begin emphasis, code, HTML, an entity, a link's address or a table's next cell."""
LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    "−": "$-$",
    "≈": "$\\approx$",
    "±": "$\\pm$",
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes a cell that begins so for: something to compute. Source: OWASP, CSV Injection."""


def for_terminal(text: str) -> str:
    """One line of what can be seen: white space is a space, and a control character that a terminal obeys a sign."""
    return CONTROL.sub(_seen, text)


def _seen(match: re.Match[str]) -> str:
    character = match[0]
    if character in "\t\n\r\v\f\x85\u2028\u2029":
        return " "
    return chr(0x2400 + ord(character)) if character < " " else "␡" if character == "\x7f" else "�"


def for_markdown(text: str) -> str:
    """Text that Markdown shows as it is, in a paragraph or a cell."""
    return MARKDOWN.sub(lambda found: {"<": "&lt;", "&": "&amp;"}.get(found[0], f"\\{found[0]}"), for_terminal(text))


def for_html(text: str) -> str:
    """Text that a page shows as it is."""
    return html.escape(for_terminal(text))


def for_latex(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return "".join(LATEX.get(character, character) for character in for_terminal(text))


def for_csv(value: Any) -> Any:
    """A cell that a spreadsheet shows as it is: a text that it would compute begins with an apostrophe."""
    if not isinstance(value, str):
        return value
    return f"'{for_terminal(value)}" if value.startswith(FORMULA) else for_terminal(value)


def for_json(content: Any) -> str:
    """JSON of anything, in which what a terminal obeys is written as its code."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    return re.sub(f"[\x7f-\x9f\u2028\u2029{BIDI}]", lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"
