"""Models of one's own: by settings, by a file, by a class; and the check of any model."""

import itertools
import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from rzen_eval import Item, evaluate, load_model
from rzen_eval.benchmark.places import choices
from rzen_eval.cli.main import main
from rzen_eval.config.compose import load
from rzen_eval.core import Side
from rzen_eval.engine.embed import embed
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.plan import TaskSide
from rzen_eval.errors import ConfigError, ModelError
from rzen_eval.models.external.foreign_code import TRACEBACK
from tests.toys import four_pages, toy_task

EXAMPLES = Path(__file__).parents[3] / "examples"
COMMANDS = re.findall(r"```bash\nrzen-eval (.*)\n```", (EXAMPLES / "README.md").read_text())
NUMBERS = itertools.count()
PLAIN = """
import numpy as np

class Plain:
    def __init__(self, device, scale=1.0, fails=False):
        self.device, self.scale, self.fails = device, scale, fails

    def embed(self, items, side):
        if self.fails:
            raise KeyError("no such layer")
        shades = [float(item.text.split()[-1]) if item.text else np.asarray(item.images[0])[0, 0, 0] for item in items]
        return np.array([np.eye(5)[int(shade) // 60] * self.scale for shade in shades])

class Short(Plain):
    def embed(self, items, side):
        return super().embed(items, side)[1:]

class Counting:
    sizes = []

    def embed(self, items, side):
        self.sizes.append(len(items))
        return np.ones((len(items), 2))

class Mute:
    pass
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the working directory, of another name for each test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"plain_{next(NUMBERS)}"
    Path(f"{name}.py").write_text(PLAIN)
    return name


def test_there_is_an_example_of_each_way():
    assert [re.findall(r" model=(\w+)", command)[0] for command in COMMANDS] == ["custom", "mine", "python"]


@pytest.mark.parametrize(("place", "name"), list(enumerate(["tuned", "mine", "Colours"])))
def test_the_documented_examples_run(
    place: int, name: str, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    monkeypatch.chdir(tmp_path / "examples")
    monkeypatch.setattr(sys, "path", list(sys.path))
    words = shlex.split(COMMANDS[place].replace("CHECKPOINT", str(checkpoint)))
    assert main([*words, "results_dir=out", "runtime.progress=quiet", "runtime.workers=0"]) == 0
    result = json.loads(Path("out", name, "vidore_arxivqa.json").read_text())
    assert result["n_queries"] == 2
    assert result["provenance"]["model"]["name"] == name
    assert {"license", "revision"} <= result["provenance"]["model"].keys()


def test_a_class_gets_many_items_at_once_from_the_first_on(module: str):
    model = load_model("python", f"class={module}:Counting", "batch_size=32")
    items = [Item(text=f"a caption of forty characters or so, {n:03}") for n in range(200)]
    embed(
        model,
        TaskSide("", Side.QUERY, items, [str(n) for n in range(200)]),
        loader=Loader(0),
        tokens_per_batch=model.tokens_per_batch,
    )
    sizes = model._object.sizes
    assert (sum(sizes), max(sizes)) == (200, 32)
    assert sizes[0] > 28
    assert len(sizes) <= 10


def test_a_class_gets_decoded_pictures_its_options_and_the_device(module: str, cache: Path, tmp_path: Path):
    four_pages(tmp_path / "data")
    model = load_model("python", f"class={module}:Plain", "options.scale=3", "device=cpu", "batch_size=3")
    assert evaluate(toy_task(tmp_path / "data", cache), model).score == 1
    assert model.embed([Item(text="shade 120")], "query").tolist() == [[0, 0, 3, 0, 0]]
    assert model._object.device == "cpu"


def test_kept_vectors_are_told_apart_by_module_options_and_version(module: str):
    def said(*overrides: str) -> dict[str, object]:
        return load_model("python", f"class={module}:Plain", *overrides).provenance()

    assert said() == said("batch_size=5")
    assert said() != said("options.scale=2")
    assert said() != said('version="2"')
    before = said()
    with Path(f"{module}.py").open("a") as stream:
        stream.write("# changed\n")
    assert said() != before


@pytest.mark.parametrize(
    ("target", "options", "expected"),
    [
        ("nowhere:Model", [], "no module nowhere in"),
        ("{}:Plane", [], r"\.py has no Plane \(did you mean Plain\?\)"),
        ("{}:Mute", [], r"Mute is no class with a method embed\(items, side\)"),
        ("{}:Plain", ["options.colour=red"], "cannot be made .TypeError: .*colour"),
    ],
)
def test_a_class_that_is_not_there_or_cannot_be_made_is_refused_in_a_line(
    module: str, target: str, options: list[str], expected: str
):
    with pytest.raises((ConfigError, ModelError), match=expected) as caught:
        load_model("python", f"class={target.format(module)}", *options)
    assert "\n" not in str(caught.value)


def test_a_class_that_fails_or_miscounts_is_named(module: str):
    items = [Item(text="shade 0"), Item(text="shade 60")]
    with pytest.raises(
        ModelError,
        match=r"Plain\.embed failed \(KeyError: 'no such layer'\) in embed, plain_\d+\.py:\d+: `raise KeyError",
    ):
        load_model("python", f"class={module}:Plain", "options.fails=true").embed(items, "query")
    with pytest.raises(ModelError, match=r":Short: expected vectors of 2 items from embed, .*, found 1$"):
        load_model("python", f"class={module}:Short").embed(items, "query")


def test_a_name_that_is_no_class_and_keys_of_another_family_are_refused():
    with pytest.raises(ConfigError, match=r"model\.class: expected MODULE:CLASS, such as .*, found 'plain'"):
        load(["model=python", "model.class=plain"])
    with pytest.raises(ConfigError, match=r"unknown key model\.max_length; expected one of batch_size, class, device"):
        load(["model=python", "model.class=a:B", "model.max_length=5"])
    with pytest.raises(ConfigError, match=r"model\.family: expected one of .*, found 'qwen2_lv' \(did you"):
        load(["model=custom", "model.checkpoint=x", "model.family=qwen2_lv"])
    with pytest.raises(ConfigError, match=r"no folder at x; model\.checkpoint= takes a folder or a hub repository"):
        load(["model=custom", "model.checkpoint=x"])
    with pytest.raises(ConfigError, match=r"model\.family is missing; give model\.family=VALUE"):
        load(["model=custom", "model.checkpoint=owner/name"])
    with pytest.raises(ConfigError, match=r"model\.checkpoint and model\.family are missing; give model\.checkpoint="):
        load(["model=custom"])


def test_an_error_of_a_class_of_ones_own_is_shown_whole_where_that_is_asked_for(
    module: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(TRACEBACK, "")
    words = ["model-check", "model=python", f"model.class={module}:Plain", "model.options.fails=true"]
    assert main([*words, f"cache_dir={tmp_path}"]) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert main([*words, f"cache_dir={tmp_path}", "--traceback"]) == 1
    assert f'{module}.py", line' in capsys.readouterr().err


def test_a_class_that_is_not_there_is_a_wrong_argument_and_leaves_no_folder(module: str, tmp_path: Path):
    words = ["task=visdoc/vidore_arxivqa", "model=python", f"results_dir={tmp_path / 'r'}", "runtime.workers=0"]
    for name in ("Plane", "Mute"):
        assert main([*words, f"model.class={module}:{name}"]) == 2
        assert not (tmp_path / "r").exists()


def test_the_list_of_models_says_which_published_rows_each_reproduces(capsys: pytest.CaptureFixture[str]):
    assert main(["models"]) == 0
    lines = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    rows = {cells[1].strip(): [cell.strip() for cell in cells[2:-1]] for cells in lines}
    assert rows["gme_2b_mmeb"] == [
        "qwen2_vl", "Alibaba-NLP/gme-Qwen2-VL-2B-Instruct", "2.21", "1536", "ce765ae71b8c", "apache-2.0", "54.08",
        "gme_qwen2_vl_2b_instruct", "26 of 29",
    ]  # fmt: skip
    assert rows["gme_2b"][-3:-1] == ["-", "-"]
    pins = {name: rows[name][4] for name in ("lamra_ret", "colqwen2", "cafe_7b", "seed_1_6_0615")}
    assert pins == {
        "lamra_ret": "no pin", "colqwen2": "530094e83a40 over 9fe8a713422a", "cafe_7b": "-", "seed_1_6_0615": "-",
    }  # fmt: skip
    assert set(rows) >= set(choices("model")) - {"custom", "python", "sentence_transformers", "openai"}


def test_model_check_finds_nothing_wrong_with_a_sound_model(checkpoint: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["model-check", "model=rzenembed_v2_7b", f"model.checkpoint={checkpoint}", "model.dim=64"]) == 0
    said = capsys.readouterr().out
    assert said.count(" ok ") == 11
    assert "nothing is wrong" in said


def test_model_check_fails_where_something_is_wrong(module: str, checkpoint: Path, capsys: pytest.CaptureFixture[str]):
    alike = "class Alike:\n    def embed(self, items, side):\n        return [[1.0, 1.0]] * len(items)\n"
    Path(f"{module}.py").write_text(alike)
    assert main(["model-check", "model=python", f"model.class={module}:Alike"]) == 1
    said = capsys.readouterr().out
    failed = "collapse, sensitivity to the text, sensitivity to the instruction, sensitivity to the image"
    assert f"Alike: failed: {failed}, sensitivity to a text beside the image" in said
    assert main(["model-check", "model=rzenembed_v2_7b", f"model.checkpoint={checkpoint}"]) == 1
    assert "64, declared 3584" in capsys.readouterr().out
    assert main(["model-check", "model=rzenembed_v2_7b", "model.checkpoint=/nowhere"]) == 1
    assert "no folder at /nowhere" in capsys.readouterr().out


def test_vectors_of_a_class_need_no_unit_length_to_be_ranked(module: str):
    model = load_model("python", f"class={module}:Plain", "options.scale=0.5")
    assert np.linalg.norm(model.embed([Item(text="shade 0")], "query")) == pytest.approx(0.5)
