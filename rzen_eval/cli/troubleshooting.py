"""`rzen-eval help troubleshooting`: what messages mean, from the page that the package carries."""

from __future__ import annotations

import re
import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = "troubleshooting.md"
WIDEST = 100
"""Characters of a line."""
ROW = re.compile(r"\| (.+) \| (.+) \|$")


def answer(parts: Sequence[str]) -> str:
    """A part of the page for a terminal; without a name the parts that there are.

    Raises:
        ConfigError: there is no such part, or the installation lacks the page.
    """
    page = _page()
    if not parts:
        listed = "\n".join(f"  {name:<21} {section.splitlines()[0]}" for name, section in page.items())
        return f"What messages mean, with `rzen-eval help troubleshooting PART`:\n{listed}"
    name = " ".join(parts)
    if name not in page:
        raise ConfigError(
            f"help troubleshooting: no part {name!r}{nearest(name, page)}; expected one of {', '.join(page)}"
        )
    title, *blocks = re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", page[name]).strip().split("\n\n")
    width = min(WIDEST, shutil.get_terminal_size().columns)
    return "\n".join([title, *(line for block in blocks for line in _shown(block, width))])


def _page() -> dict[str, str]:
    """Sections by the names that addresses have: inside an installed wheel, beside the package in a checkout."""
    package = Path(__file__).parents[1]
    for folder in (package, package.parent / "docs"):
        if (folder / PAGE).is_file():
            sections = re.split(r"^## ", (folder / PAGE).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
            return {re.sub(r"\W+", "-", section.splitlines()[0].lower()): section for section in sections}
    raise ConfigError(f"no {PAGE} in {package}; the installation is incomplete, install rzen-eval again")


def _shown(block: str, width: int) -> list[str]:
    """A paragraph of the page; of a table each message, and below it what to do."""
    rows = [row for line in block.splitlines() if (row := ROW.match(line))]
    if not rows:
        return ["", *textwrap.wrap(block, width)]
    return [line for row in rows[1:] for line in _explained(row[1].replace("`", ""), row[2], width)]


def _explained(message: str, cause: str, width: int) -> list[str]:
    said = textwrap.wrap(message, width, subsequent_indent="  ", break_on_hyphens=False)
    indent = " " * 4
    return ["", *said, *textwrap.wrap(cause, width, initial_indent=indent, subsequent_indent=indent)]
