"""YAML that users write: looked at before it is composed, since composing it would take all time and memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from rzen_eval.errors import ConfigError, reason
from rzen_eval.files import read_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEEPEST = 50
"""Values inside of values."""
MOST = 100_000
"""Values of a file, each counted as often as anchors repeat it."""
LONGEST_NUMBER = 1000
"""Digits; Python reads no number of more than 4,300."""
NUMBER = re.compile(rf"[-+]?[0-9_]{{{LONGEST_NUMBER},}}")


def check(file: Path) -> None:
    """Refuse YAML that is nested without end, or explodes when its anchors are put in.

    Raises:
        ConfigError: it cannot be read, or is such.
    """
    try:
        text = read_whole(file).decode("utf-8-sig")
        problem = _problem(text)
    except yaml.YAMLError:
        return  # whoever composes it says what is wrong with it
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: {reason(error, 1000)}") from error
    if problem:
        raise ConfigError(f"{file}: {problem}")


def _problem(text: str) -> str | None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            return f"expected values at most {DEEPEST} deep, found more"
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and NUMBER.fullmatch(event.value):
            return f"expected no number of more than {LONGEST_NUMBER} digits, found one of {len(event.value)}"
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    size = _size(root, {}) if root is not None else 0
    if size is None:
        return "a value holds itself"
    return f"expected at most {MOST:,} values, found {size:,} once its anchors are put in" if size > MOST else None


def _size(node: yaml.Node, known: dict[int, int | None]) -> int | None:
    """Values in a node, each as often as it is there; None: it holds itself."""
    if id(node) in known:
        return known[id(node)]
    known[id(node)], total = None, 1
    for inner in _inside(node):
        size = _size(inner, known)
        if size is None:
            return None
        total += size
    known[id(node)] = total
    return total


def _inside(node: yaml.Node) -> Iterator[yaml.Node]:
    for entry in node.value if isinstance(node, yaml.CollectionNode) else ():
        yield from entry if isinstance(entry, tuple) else (entry,)
