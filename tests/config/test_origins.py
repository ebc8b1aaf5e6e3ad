"""Where each value of a configuration comes from."""

from pathlib import Path

import pytest

from rzen_eval.cli.main import main
from rzen_eval.config import compose
from rzen_eval.config.origins import origins
from rzen_eval.errors import ConfigError

FEW = """\
# @package _global_
defaults:
  - override /model: rzenembed_v2_7b
frames: 4
model: {dtype: float32, image: {max_tokens: 999}}
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment/few.yaml").write_text(FEW)
    return tmp_path


def test_the_last_who_says_a_value_is_where_it_comes_from(own: Path):
    found = origins(["experiment=few", "task=visdoc/vidore_arxivqa", "model.max_length=9"], [own])
    said = {
        "frames": str(own / "experiment/few.yaml"),
        "limit": "conf/config.yaml",
        "model.dtype": str(own / "experiment/few.yaml"),
        "model.image.max_tokens": str(own / "experiment/few.yaml"),
        "model.image.min_tokens": "conf/model/rzenembed_v2_7b.yaml",
        "model.architecture.vision.depth": "conf/architecture/qwen2_vl_7b.yaml",
        "model.max_length": "command line",
        "model.video": "default",
        "tasks.vidore_arxivqa.name": "conf/task/visdoc/vidore_arxivqa.yaml",
        "tasks.vidore_arxivqa.recipe": "conf/family/vidore.yaml",
    }
    assert {key: found[key] for key in said} == said
    assert found.choices["model"] == ("rzenembed_v2_7b", "conf/experiment/few.yaml")
    assert found.choices["experiment"] == ("few", "command line")
    assert found.choices["runtime"] == ("inline", "conf/config.yaml")


def test_a_whole_mapping_on_the_command_line_is_one_origin_for_all_in_it():
    found = origins(["model=mini", "model.image={min_tokens: 3, max_tokens: 9}", "data.root=/data"])
    assert found["model.image.min_tokens"] == found["model.image.max_tokens"] == "command line"
    assert found["model.frame.min_tokens"] == "conf/model/mini.yaml"
    assert found.choices["data"] == ("mirror", "command line")


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (["model.image.max_tokens=5"], "command line"),
        (["model.max_length=many"], "command line"),
        (["frames=0"], "command line"),
        ([], "{own}/experiment/few.yaml"),
    ],
)
def test_a_refusal_names_who_said_what_is_wrong(own: Path, words: list[str], where: str):
    if not words:
        (own / "experiment/few.yaml").write_text(FEW.replace("max_tokens: 999", "max_tokens: 9"))
    with pytest.raises(ConfigError) as caught:
        compose.load(["experiment=few", "task=visdoc/vidore_arxivqa", *words], [own])
    assert str(caught.value).startswith(f"{where.format(own=own)}: ")


def test_the_command_prints_every_value_as_it_can_be_given(own: Path, capsys: pytest.CaptureFixture[str]):
    words = ["config", "--config-dir", str(own), "experiment=few", "task=visdoc/vidore_arxivqa", "--format", "csv"]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "setting,value,from"
    assert f"frames,4,{own}/experiment/few.yaml" in lines
    assert "model.max_length,2000,conf/model/rzenembed_v2_7b.yaml" in lines
    assert "tasks.vidore_arxivqa.dataset.repo,vidore/arxivqa_test_subsampled_beir" in "\n".join(lines)
    assert main(["config", "task=vidore_v1"]) == 0
    many = capsys.readouterr().out
    assert "| tasks.vidore_arxivqa " in many
    assert "dataset.repo" not in many
