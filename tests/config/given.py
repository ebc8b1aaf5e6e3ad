"""What tests of configuration give it, and how it refuses."""

from pathlib import Path

import pytest

from rzen_eval.config import compose
from rzen_eval.errors import ConfigError


def refused(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        compose.load(overrides)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value)


def own_task(folder: Path, text: str) -> None:
    (folder / "task" / "visdoc").mkdir(parents=True)
    (folder / "task" / "visdoc" / "mine.yaml").write_text(text)


MINE = """\
# @package tasks.mine
defaults: [/family/vidore@_here_, _self_]
name: Mine
group: Mine
dataset: {repo: me/mine}
n_queries: 10
"""
