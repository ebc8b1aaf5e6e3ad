"""What is said of a tool or a product, word for word as the evaluators of MMEB-V3 say it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rzen_eval.data.tree_rows import Cells

Wording = Literal["tiger", "wemm"]
FIELDS = ("title", "description", "features", "price", "Date First Available")
TOOL_FIELDS = ("parameters", "doc_arguments", "api_call", "domain", "framework", "tool_profile")


def tool(documentation: Any, wording: Wording) -> str:
    """A tool's documentation: an object as JSON with everything that is not ASCII escaped, or in WeMM's copy as lines.

    What is no object is shown as Python shows it, a missing documentation as None among it.
    """
    said = documentation
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except (ValueError, RecursionError):
            return str(documentation)
    if not isinstance(said, dict):
        return str(said)
    return json.dumps(said) if wording == "tiger" else _lines(said)


def _lines(cells: Cells) -> str:
    titled = {"Tool": cells.get("name"), "Description": cells.get("description")}
    lines = [f"{title}: {value}" for title, value in titled.items() if value]
    lines += [f"{key}: {_plain(value)}" for key in TOOL_FIELDS if (value := cells.get(key))]
    return "\n".join(lines)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def product(row: Cells, name: str, wording: Wording) -> str:
    """What is said of a product beside its picture; its id where nothing is."""
    if wording == "tiger":
        lines = [f"{key}: {text}" for key in FIELDS if (text := shown(row.get(key)))]
    else:
        price = shown(row.get("price"))
        said = {
            "Title": shown(row.get("title")),
            "Description": shown(row.get("description")),
            "Price": f"{'' if price.startswith('$') else '$'}{price}" if price else "",
            "Features": shown(row.get("features"), "; "),
        }
        lines = [f"{title}: {text}" for title, text in said.items() if text]
    return "\n".join(lines).strip() or f"candidate_id: {name}"


def shown(value: Any, between: str = " ") -> str:
    """A value as text: lists joined, objects as JSON with sorted keys, nothing for what is missing."""
    if value is None:
        return ""
    if isinstance(value, list):
        return between.join(filter(None, (shown(one) for one in value)))
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    return str(value).strip()
