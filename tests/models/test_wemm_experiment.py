"""`experiment=wemm_2b` gives tasks the words, pools and candidates of WeMM-Embedding's own evaluator."""

from typing import Any

import pytest

from rzen_eval import load_data
from rzen_eval.config.compose import load
from rzen_eval.core import Side
from rzen_eval.models.prompt import render
from tests.models.strings.readers import CLIP, V
from tests.models.strings.rows import CHOOSE, OVER_TIME

TASKS = [
    "image/imagenet_a", "video/hmdb51", "video/k700", "video/msvd", "video/vatex", "video/msr_vtt", "video/video_mme",
    "video/mvbench", "video/nextqa", "video/egoschema", "video/activitynetqa", "visdoc/vidore_arxivqa",
    "video/qvhighlight",
]  # fmt: skip
DOING = "What actions or objects interactions are the person in the video doing?"


@pytest.fixture(scope="module")
def chosen() -> Any:
    return load(["experiment=wemm_2b", f"task=[{','.join(TASKS)}]", "data=sample", "data.strict=false", "frames=2"])


@pytest.fixture(scope="module")
def plain() -> Any:
    return load(["model=wemm_2b", f"task=[{','.join(TASKS)}]", "data=sample", "data.strict=false", "frames=2"])


def turn(chosen: Any, name: str, side: Side) -> str:
    """What stands in the turn of a task's first query or candidate, pictures left out."""
    data = load_data(chosen.tasks[name])
    item = data.queries[0] if side is Side.QUERY else data.candidates[0]
    rendered = render(chosen.model.prompt, item, side)
    assert rendered.startswith("<|im_start|>user\n")
    assert rendered.endswith("<|im_end|>\n")
    return rendered[17:-11].replace(f"<0.5 seconds>{CLIP}", "").replace(V, "")


def test_instructions_are_those_of_its_authors(chosen: Any, plain: Any):
    def query(name: str) -> str:
        return turn(chosen, name, Side.QUERY)

    def candidate(name: str) -> str:
        return turn(chosen, name, Side.CANDIDATE)

    def text(name: str) -> str:
        return str(load_data(plain.tasks[name]).queries[0].text)

    assert query("imagenet_a") == (
        "Represent the given image for robust object classification, considering non-salient, occluded, or unusual"
        " objects as well as prominent ones."
    )
    assert query("hmdb51") == f"{DOING}\nQuestion: {DOING}"
    assert query("msvd") == f"Retrieve a video that matches this description: {text('msvd')}"
    assert candidate("msvd") == "Describe the visual content of this video."
    assert (query("vatex"), candidate("vatex")) == (
        f"Select a video that fits the description provided: {text('vatex')}", "",
    )  # fmt: skip
    assert candidate("msr_vtt") == "Understand the content of the provided video."
    assert query("vidore_arxivqa") == (f"{text('vidore_arxivqa')}\nFind a document image that matches the given query:")
    assert candidate("vidore_arxivqa") == "Describe the content of this document image."


def test_questions_about_videos_are_asked_as_its_authors_do(chosen: Any, plain: Any):
    def asked(name: str) -> tuple[str, str]:
        return turn(chosen, name, Side.QUERY), str(load_data(plain.tasks[name]).queries[0].text)

    given, text = asked("video_mme")
    assert given == f"Question: {text}\nQuestion: {text.partition(chr(10))[0]}"
    given, text = asked("mvbench")
    assert given == f"Question: {text}\nQuestion: {text.partition(chr(10))[0]}"
    given, text = asked("nextqa")
    assert given == f"{CHOOSE} Question: {text}"
    assert turn(chosen, "nextqa", Side.CANDIDATE).startswith("(A) ")
    assert asked("egoschema")[0] == f"{CHOOSE} Question: {OVER_TIME}"
    given, text = asked("activitynetqa")
    assert given == f"{CHOOSE} Question: {text}"


def test_the_pool_of_classes_is_what_occurs(chosen: Any, plain: Any):
    for name in ("hmdb51", "k700"):
        data = load_data(chosen.tasks[name])
        right = {candidate for grades in data.qrels.values() for candidate in grades}
        assert set(data.candidate_ids) == right < set(load_data(plain.tasks[name]).candidate_ids)


def test_what_is_said_of_tasks_stands_in_the_tasks(chosen: Any):
    assert chosen.tasks["k700"].n_candidates == 519
    assert chosen.tasks["hmdb51"].n_candidates is None
    assert chosen.tasks["qvhighlight"].options["every_positive"] is True
    assert chosen.model.prompt.template == load(["model=wemm_2b", "task=video/k700"]).model.prompt.template


@pytest.mark.parametrize("size", ["4b", "9b"])
def test_other_sizes_are_run_alike(chosen: Any, size: str):
    other: Any = load(
        [f"experiment=wemm_{size}", f"task=[{','.join(TASKS)}]", "data=sample", "data.strict=false", "frames=2"]
    )
    assert (other.model.name, other.model.prompt) == (f"wemm_{size}", chosen.model.prompt)
    assert {name: task.model_dump() for name, task in other.tasks.items()} == {
        name: task.model_dump() for name, task in chosen.tasks.items()
    }
