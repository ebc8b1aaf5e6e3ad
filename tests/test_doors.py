"""Whatever lies in a file that is read, only our own error comes out, with the file's name in it."""

import contextlib
import copy
import gzip
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rzen_eval.benchmark import published
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.core import Result
from rzen_eval.data import archives, commits
from rzen_eval.errors import ConfigError, RzenEvalError
from rzen_eval.files import digests
from rzen_eval.models.checkpoint import files, image_settings, weight_files
from rzen_eval.models.declaration.local import Checkpointed
from rzen_eval.results import per_query, store
from rzen_eval.results.exchange import imports, submission
from rzen_eval.results.statistics import baseline, comparison, gate
from rzen_eval.results.tables import rows
from tests.runs import hits, write

TASK = "vidore_arxivqa"
LONG = 10**400
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["", "/", "../x", LONG, -1]),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def places(content: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to everything in a document."""
    below = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [here, *(place for key, inner in below for place in places(inner, (*here, key)))]


@st.composite
def damaged(draw: st.DrawFn, whole: Any) -> Any:
    """A document with something else at up to three places, or nothing there."""
    content = [copy.deepcopy(whole)]
    for _ in range(draw(st.integers(1, 3))):
        *above, last = (0, *draw(st.sampled_from(places(content[0]))))
        parent: Any = content
        for key in above:
            parent = parent[key]
        if draw(st.booleans()) or above == []:
            parent[last] = draw(ANYTHING)
        else:
            del parent[last]
    return content[0]


@dataclass(frozen=True)
class Door:
    """A file, what is in it where nothing is wrong, and what reads it."""

    name: str
    whole: Any
    read: Callable[[Path], object]
    silent: bool = False
    """Whether it is a note of our own, which is made again where it is damaged."""
    says: tuple[str, ...] = ()
    """What an error may say in place of the file's name: imports and checkpoints go by the names in them."""
    pack: Callable[[Any], bytes] = lambda content: json.dumps(content).encode()


@cache
def scored() -> Result:
    with tempfile.TemporaryDirectory() as folder:
        return write(Path(folder) / "m", TASK, hits(1, 2), provenance=RICH)


RICH = {
    "imported": {"from": "mteb", "own_protocol": True},
    "files": {"runs": "sha256:a", "queries": "sha256:b"},
    "dataset": {"source": "hub", "judgements": "j", "revision": "a" * 40, "content": "c", "media": {"place": "p"}},
    "model": {"name": "m", "weights": "sha256:a", "parameters_b": 2, "prompt": {"system": "a"}, "dtype": "float32"},
}


def read_result(file: Path) -> None:
    """A result, and all that commands take from it."""
    model = store.read_model(file.parent)
    (result,) = model.results.values()
    rows.of_model(model, manifest())
    per_query.fault(file.parent, result)
    with contextlib.suppress(ConfigError):
        submission.metadata({"model_name": "m"}, [result])
    gate.check(model, baseline.record(model, 1), manifest(), 1)
    comparison.compare(model, model, manifest(), None, comparison.Method())


def read_import(evaluator: str) -> Callable[[Path], None]:
    read, convert = {"official": (imports.official, imports.from_official), "mteb": (imports.mteb, imports.from_mteb)}[
        evaluator
    ]

    def all_of(file: Path) -> None:
        for claim in read(file):
            if isinstance(claim, RzenEvalError):
                raise claim
            convert(claim, "m", [*manifest().entries.values()], "2.1")

    return all_of


SCORES = {"hit@1": 0.5, "ndcg_linear@5": 0.5, "num_pred": 500, "num_data": 500}
SUBSET = {"hf_subset": "default", "ndcg_at_5": 0.5, "ndcg_at_1": 0.25, "main_score": 0.5}


def zipped(content: Any) -> bytes:
    return gzip.compress(json.dumps(content).encode())


def model() -> store.ModelResults:
    return store.ModelResults("m", Path("m"), {TASK: scored()})


def read_weights(file: Path) -> None:
    (file.parent / "model-1.safetensors").touch()
    weight_files.weight_files(Checkpointed(name="m", family="qwen2_vl", checkpoint="m"), file.parent)


MTEB = {
    "task_name": "VidoreArxivQARetrieval",
    "mteb_version": "2",
    "dataset_revision": "r",
    "scores": {"test": [SUBSET]},
}
ROW = {"model": "M", "data_version": "2.1", "source": "s", "scores": {"Overall": 50.5}, "tasks": {"CIRR": 3}}
PICTURES = {
    "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "min_pixels": 3136, "resample": 3,
    "size": {"shortest_edge": 3136, "longest_edge": 1003520}, "rescale_factor": 0.00392,
}  # fmt: skip
DOORS = [
    Door(f"{TASK}.json", scored().model_dump(mode="json"), read_result),
    Door(
        f"runs/{TASK}.jsonl.gz", {"query": "q", "candidates": ["a", "b"], "scores": [0.5, 0.25]},
        lambda file: per_query.read_run(file.parents[1], TASK), pack=zipped,
    ),
    Door(
        f"queries/{TASK}.json.gz", {"query": ["a", "b"], "score": [1.0, 0.0], "exact": [1.0, 0.0]},
        lambda file: per_query.read_queries(file.parents[1], scored()), pack=zipped,
    ),
    Door(
        "base.json", baseline.record(model(), 1).model_dump(mode="json", by_alias=True),
        lambda file: gate.check(model(), baseline.read(file), manifest(), 1),
    ),
    Door("reference/row.yaml", ROW, lambda file: published.load([file.parents[1]], manifest().names)),
    Door("CIRR_score.json", SCORES, read_import("official")),
    Door("all_score.json", {"metrics": {"image": {"CIRR": SCORES}}}, read_import("official"), says=("", )),
    Door("VidoreArxivQARetrieval.json", MTEB, read_import("mteb"), says=("",)),
    Door("Vidore3HrRetrieval.json", MTEB | {"task_name": "Vidore3HrRetrieval"}, read_import("mteb"), says=("",)),
    Door(
        "adapter_config.json", {"peft_type": "LORA", "base_model_name_or_path": "a/b", "rank_pattern": {"q": 1}},
        lambda file: files.adapter_config(file.parent),
    ),
    Door("preprocessor_config.json", PICTURES, lambda file: image_settings.read([file.parent], (0.5,) * 3, (0.5,) * 3)),
    Door("model.safetensors.index.json", {"weight_map": {"a": "model-1.safetensors"}}, read_weights, says=("m: ",)),
    Door("notes.json", {"/a": ["1 2 3 4", "aa"]}, lambda file: digests([Path(__file__)], file), silent=True),
    Door(commits.NOTE, {"a": "a" * 40}, lambda file: commits.commit_of(file.parents[2]), silent=True),
    Door(
        f"image-tasks/{archives.MARKER}", {"archive": "a", "parts": {"a": 1}, "files": 1, "bytes": 2},
        lambda file: [archive.unpacked(file.parents[1]) for archive in archives.ARCHIVES], silent=True,
    ),
]  # fmt: skip
IDS = [door.name.rpartition("/")[2] for door in DOORS]


@pytest.mark.parametrize("door", DOORS, ids=IDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_is_in_a_file_only_our_error_comes_out_and_names_it(door: Door, data: st.DataObject):
    content = data.draw(damaged(door.whole) | ANYTHING)
    check(door, door.pack(content))


@pytest.mark.parametrize("door", DOORS, ids=IDS)
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"<html>", b"\xff\xfe", b"\x1f\x8b\x08", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}", b"null"],
)
def test_what_is_no_document_is_our_error_too(door: Door, content: bytes):
    check(door, content)


@pytest.mark.parametrize("door", DOORS, ids=IDS)
def test_what_is_right_is_read_with_and_without_a_byte_order_mark(door: Door):
    if not door.name.startswith("Vidore3"):
        packed = door.pack(door.whole)
        check(door, packed, sound=True)
        if packed[:1] == b"{":
            check(door, b"\xef\xbb\xbf" + packed, sound=True)


def check(door: Door, content: bytes, *, sound: bool = False) -> None:
    """Read a file through its door."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / door.name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        said = None
        try:
            door.read(file)
        except RzenEvalError as error:
            said = str(error)
        assert said is None or not (sound or door.silent), said
        assert said is None or "\n" not in said
        assert said is None or any(name in said for name in (file.stem.removesuffix("_score"), *door.says)), said
