"""The chat template of a checkpoint: what it makes of a conversation that an answer is to follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from rzen_eval.errors import ModelError, reason
from rzen_eval.models.checkpoint.json_file import read_object

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FILES = ("processor_config.json", "chat_template.json", "chat_template.jinja", "tokenizer_config.json")
"""Where it may be, the first that has one: in the order of transformers' processors, which look in no tokenizer."""
KEY = "chat_template"


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """A template, and where it was found."""

    text: str
    """In Jinja."""
    where: str
    """File or object that it is of, for messages."""
    words: Mapping[str, Any]
    """Special tokens of the tokenizer by name, which a template may use."""

    @classmethod
    def of(cls, folder: Path) -> Self | None:
        """That of a folder; None: there is none.

        Raises:
            ModelError: a file is damaged.
        """
        named: dict[str, Any] = {}
        tokenizer = folder / FILES[-1]
        if tokenizer.is_file():
            said = read_object(tokenizer)
            named = {key: value for key, value in said.items() if key.endswith("_token") and isinstance(value, str)}
        for name in FILES:
            file = folder / name
            if file.is_file() and (text := _default(file)) is not None:
                return cls(text, str(file), named)
        return None

    @classmethod
    def held(cls, processor: Any) -> Self | None:
        """That of a processor, or of a tokenizer, in memory."""
        tokenizer = getattr(processor, "tokenizer", processor)
        for one in (processor, tokenizer):
            if isinstance(text := _chosen(getattr(one, KEY, None)), str):
                return cls(text, type(one).__name__, dict(getattr(tokenizer, "special_tokens_map", {})))
        return None

    def shown(self, conversation: Sequence[Mapping[str, Any]]) -> str:
        """A conversation as one string, up to where an answer begins.

        Raises:
            ModelError: it is no template, or refuses the conversation.
        """
        from transformers.utils.chat_template_utils import render_jinja_template

        try:
            made: Any = render_jinja_template(
                conversations=[list(map(dict, conversation))],
                chat_template=self.text,
                add_generation_prompt=True,
                **self.words,
            )
        except Exception as error:  # of a language that runs whatever is there
            raise ModelError(f"{self.where}: its chat template fails ({reason(error)}); get it again") from error
        rendered = made[0] if isinstance(made, tuple) else made
        return str(rendered if isinstance(rendered, str) else rendered[0])


def _default(file: Path) -> str | None:
    """The template that a file holds; None: it holds none."""
    if file.suffix == ".jinja":
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise ModelError(f"{file} is damaged ({reason(error)}); get it again") from error
    found = _chosen(read_object(file).get(KEY))
    if found is not None and not isinstance(found, str):
        raise ModelError(f"{file} is damaged ({KEY}: expected a template, found {found!r:.60}); get it again")
    return found


def _chosen(said: Any) -> Any:
    """Of several templates by name the default one."""
    if isinstance(said, list):
        said = {one.get("name"): one.get("template") for one in said if isinstance(one, dict)}
    return said.get("default") if isinstance(said, dict) else said
