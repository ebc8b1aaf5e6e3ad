"""Every bad input that `../shared/cases` makes gives what its table says: one line, and the rest goes on.

The material lies beside the repository where it lies at all; elsewhere these tests are left out.
"""

import csv
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from rzen_eval import load_model
from rzen_eval.cli import guard
from rzen_eval.cli.main import main
from rzen_eval.errors import ModelError
from tests.forked import Ended, ended

ROOT = Path(__file__).parents[1]
CASES = ROOT.parent / "shared/cases"
VIDEO = ROOT / "tests/fixtures/video/bars.mp4"
MINI = ROOT / "rzen_eval/models/mini"
ALL = "RZEN_EVAL_ALL_CASES" in os.environ
"""Whether to run every case, which takes some minutes more, and not every third one of the table alone."""
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases lie beside the repository")

SCORED = {
    *(
        "good",
        "img_alpha",
        "img_animated",
        "img_cmyk",
        "img_i16",
        "img_one_px",
        "img_webp",
        "img_wide",
        "script",
        "surrogates",
    ),
    *("v_flipvideo", "v_good", "v_goodvideo", "i_good"),
    *("automap", "fp16", "shards", "tokids", "zeros"),
    *(
        "Good",
        "Ints",
        "Bools",
        "Zeros",
        "MultiSide",
        "Constant",
        "Prints",
        "ClosesStdout",
        "Forks",
        "ForksLoose",
        "Chdir",
    ),
    *("Tensor", "BF16", "Threads", "Huge", "RandomScores"),
}
"""Cases that are no fault, or one that the data or the model is none the worse for: they are scored."""
ENDED = {"Hangs": 3.0}
"""Seconds after which a case is ended that waits for its user to do so."""
ALLOWED = {"automap trust=true": {"PWNED_AUTOMAP"}}
"""Files that a case's code leaves where it was asked to run."""
INTERRUPTED = {"KeyboardI": 130}
PUBLIC = {
    "F01": {"2.69": 3, "100.00": 1},
    "F02": {"would be read in place of the hub's": 1, "exit 1": 1},
    "F03": {"100.00": 7, "2.69": 1},
    "F07": {"exit 0": 15, "UnicodeEncodeError": 0},
    "F09": {"(a traceback)": 0, "exit 0": 1, "is damaged": 9},
    "F11": {"cosine to the truth [1.0, 1.0]": 9},
    "F12": {"95.06": 6},
    "F15": {"95.06": 2},
    "F16": {"query [1.0, 1.0] document [1.0, 1.0]": 4},
    "F19": {"remove the older": 1, "100.00": 1},
    "F21": {"cosine 1.0": 4},
    "F25": {"100.00": 1, "14.87": 1, "57.44": 0},
    "F28": {"95.00": 1, "failed": 2},
}
"""How many lines of what the script of a public report prints hold what."""


@dataclass(frozen=True)
class Case:
    """A line of the table."""

    kind: str
    name: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind}-{self.name}"


def table() -> Iterator[Case]:
    if not CASES.is_dir():
        return
    with (CASES / "expected.tsv").open() as stream:
        for line in csv.DictReader(stream, delimiter="\t"):
            yield Case(line["kind"], line["case"], tuple(line["command"].split()))
    for name in ("indexpickle", "indexoutside"):
        words = f"task=visdoc/vidore_arxivqa limit=2 model=mini model.checkpoint=OUT/{name}"
        yield Case("checkpoints", name, tuple(words.split()))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, sample_root: Path) -> dict[str, Path]:
    """Where the generators made their cases, by kind."""
    folder = tmp_path_factory.mktemp("cases")
    places = {kind: folder / kind for kind in ("mirrors", "checkpoints", "bad_models")}
    for kind, words in {
        "mirrors": (sample_root, places["mirrors"], VIDEO),
        "checkpoints": (MINI, places["checkpoints"]),
    }.items():
        done = ended(partial(generate, f"{kind}.py", *map(str, words)), folder, seconds=300)
        assert done.code == 0, done.text
    return places


def generate(script: str, *words: str) -> int:
    sys.argv = [script, *words]
    runpy.run_path(str(CASES / script), run_name="__main__")
    return 0


def command(*words: str) -> int:
    return guard.watched(lambda: main(words))


def run(case: Case, made: dict[str, Path], folder: Path, cache: Path) -> Ended:
    """The command of a case, in a folder of its own."""
    if case.kind == "bad_models":
        shutil.copy(CASES / "bad_models.py", folder)
    words = [word.replace("OUT", str(made[case.kind]), 1) for word in case.words]
    places = [f"results_dir={folder / 'results'}", f"cache_dir={cache}", "runtime.workers=0", "runtime.progress=quiet"]
    return ended(partial(command, *words, *places), folder, seconds=ENDED.get(case.name, 120))


@pytest.mark.parametrize("case", [*table()][:: 1 if ALL else 3], ids=str)
def test_a_bad_input_gives_what_the_table_says(case: Case, made: dict[str, Path], cache: Path, tmp_path: Path):
    done = run(case, made, tmp_path, cache)
    if case.name in ENDED:
        assert done.why == "it took more than its time"
        return
    assert not done.why, done.text
    if case.name in SCORED or str(case) == "checkpoints-good":
        assert done.code == 0, done.text
    else:
        assert done.code in ({INTERRUPTED[case.name]} if case.name in INTERRUPTED else {1, 2}), done.text
        assert done.lines, done.text
    assert "Traceback" not in done.text, done.text
    assert "internal error" not in done.text, done.text
    written = {file.name for file in tmp_path.iterdir()} - {"results", "said", "bad_models.py", "__pycache__"}
    assert written <= ALLOWED.get(case.name, set())


def make(name: str, folder: Path, sample: Path) -> dict[str, str]:
    """Make the inputs of a public report; gives the environment that its script wants."""
    told = {"PY": sys.executable, "RZEN_SAMPLE": str(sample.parents[1]), "HF_HUB_OFFLINE": "1"}
    words = [sys.executable, str(CASES / "public" / name / "make.py"), str(folder)]
    subprocess.run(words, env=os.environ | told, check=True, capture_output=True, timeout=1200)
    return os.environ | told


@pytest.mark.skipif(not ALL, reason="minutes a case: RZEN_EVAL_ALL_CASES=1")
@pytest.mark.parametrize("name", PUBLIC)
def test_an_input_of_a_public_report_gives_what_must_happen(name: str, tmp_path: Path, sample_root: Path):
    environment = make(name, tmp_path, sample_root)
    words = ["bash", str(CASES / "public" / name / "run.sh"), str(tmp_path)]
    done = subprocess.run(words, env=environment, check=False, capture_output=True, text=True, timeout=1200)
    lines = done.stdout.splitlines()
    assert {text: sum(text in line for line in lines) for text in PUBLIC[name]} == PUBLIC[name], done.stdout


def test_layers_of_sentence_transformers_in_a_pickle_are_refused(tmp_path: Path):
    done = ended(partial(generate, "public/F23/make.py", str(tmp_path)), tmp_path, seconds=300)
    assert done.code == 0, done.text
    with pytest.raises(ModelError, match=r"pickled_weights=true"):
        load_model("sentence_transformers", f"checkpoint={tmp_path / 'old'}", "device=cpu")
