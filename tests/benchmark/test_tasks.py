"""The declared tasks: which there are, how they add up, and what it takes to add one."""

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from rzen_eval import Item
from rzen_eval.benchmark.places import config_dir
from rzen_eval.config import compose
from rzen_eval.core import Side, Task
from rzen_eval.data.load import load_data
from rzen_eval.models.prompt import render
from tests.mirrors import load, write_frames, write_rows

FOLDER = config_dir() / "task"
SUITES = {
    "image_cls": 10, "image_qa": 10, "image_ret": 12, "image_vg": 4, "image": 36,
    "video_cls": 5, "video_qa": 5, "video_ret": 5, "video_mret": 3, "video": 18,
    "video_mret_v2_0": 3, "video_v2_0": 18,
    "vidore_v1": 10, "vidore_v2": 4, "visrag": 6, "visdoc_ood": 4, "visdoc": 24,
    "visdoc_ood_v2_0": 4, "visdoc_v2_0": 24,
    "mmeb_v2": 78, "mmeb_v2_0": 78, "variants": 4, "retrieval_44": 44,
    "mmeb_v3_text": 53, "mmeb_v3_tool": 35, "mmeb_v3_memory": 4, "mmeb_v3_new": 93, "mmeb_v3_core": 171,
    "mmeb_v3_text_wemm": 53, "mmeb_v3_tool_wemm": 35, "mmeb_v3_memory_wemm": 4, "mmeb_v3_new_wemm": 93,
    "vidore_v3": 48, "vidore_v3_en": 8, "vidore_v3_1": 48, "vidore_v3_1_en": 8,
}  # fmt: skip
SETS = ("finance_en", "finance_fr", "industrial", "pharmaceuticals", "computer_science", "hr", "energy", "physics")
"""Of ViDoRe V3; each is a suite of six languages, and of as many with the text of the pages."""
SUITES |= {f"{suite}_{name}": 6 for suite in ("vidore_v3", "vidore_v3_1") for name in SETS}
GROUPS = {
    "I-CLS": 10, "I-QA": 10, "I-RET": 12, "I-VG": 4,
    "V-CLS": 5, "V-QA": 5, "V-RET": 5, "V-MRET": 3,
    "ViDoRe-V1": 10, "ViDoRe-V2": 4, "VisRAG": 6, "VisDoc-OOD": 4,
}  # fmt: skip


@cache
def tasks(name: str) -> dict[str, Task]:
    return compose.load([f"task={name}"]).tasks


def test_every_declared_task_composes_under_the_name_of_its_file():
    files = sorted(file.relative_to(FOLDER).with_suffix("").as_posix() for file in FOLDER.glob("*/*.yaml"))
    found = tasks(f"[{','.join(files)}]")
    folders = {"vidore-3": "vidore_v3", "vidore-3.1": "vidore_v3_1"}
    folders |= {"mmeb-v3": "mmeb_v3", "mmeb-v3-wemm": "mmeb_v3_wemm"}
    places = [f"{folders.get(next(iter(task.versions), ''), task.modality)}/{task.id}" for task in found.values()]
    assert sorted(places) == files
    assert all(task.id == name for name, task in found.items())


def test_suites_are_those_of_the_benchmark():
    assert {name: len(tasks(name)) for name in SUITES} == SUITES
    assert {file.stem for file in FOLDER.glob("*.yaml")} == set(SUITES)


@pytest.mark.parametrize(("suite", "version"), [("mmeb_v2", "2.1"), ("mmeb_v2_0", "2.0")])
def test_both_versions_of_the_benchmark_have_the_same_groups_and_names_of_their_own_data(suite: str, version: str):
    found = tasks(suite).values()
    assert Counter(task.group for task in found) == GROUPS
    assert list(dict.fromkeys(task.group for task in found)) == list(GROUPS)
    assert len({task.name for task in found}) == 78
    assert all(version in task.versions for task in found)


def test_versions_differ_in_the_page_labels_and_in_momentseeker_only():
    now, then = tasks("mmeb_v2"), tasks("mmeb_v2_0")
    assert set(now) ^ set(then) == {
        "momentseeker", "momentseeker_v2_0", "vidoseek_page", "vidoseek_page_v2_0", "mmlongbench_page",
        "mmlongbench_page_v2_0",
    }  # fmt: skip
    assert (now["momentseeker"].n_queries, then["momentseeker_v2_0"].n_queries) == (1602, 1800)


def test_variants_are_in_no_average():
    assert {task.name for task in tasks("variants").values() if task.versions == ()} == {
        "MomentSeeker_1k8", "ViDoRe_biomedical_lectures_v2", "ViDoRe_economics_reports_v2", "ViDoRe_esg_reports_v2"
    }  # fmt: skip


def test_images_and_videos_are_scored_by_hit_at_1_and_documents_by_ndcg_at_5():
    found = {(str(task.modality), task.metric) for task in tasks("mmeb_v2").values()}
    assert found == {("image", "hit@1"), ("video", "hit@1"), ("visdoc", "ndcg_linear@5")}


def test_the_benchmark_has_as_many_queries_as_published():
    found = Counter[str]()
    for task in tasks("mmeb_v2").values():
        found[task.modality] += task.n_queries
    assert found == {"image": 36_000, "video": 34_940, "visdoc": 12_590}


def test_a_task_of_a_known_family_takes_under_ten_lines_and_no_python(tmp_path: Path):
    text = (
        "# @package tasks.dogs\n"
        "defaults:\n"
        "  - /family/image_cls@_here_\n"
        "  - _self_\n"
        "name: Dogs\n"
        "group: Own\n"
        "dataset: {repo: me/dogs, config: Dogs}\n"
        "n_queries: 1\n"
    )
    assert text.count("\n") < 10
    (tmp_path / "conf/task").mkdir(parents=True)
    (tmp_path / "conf/task/dogs.yaml").write_text(text)
    row = {"qry_inst": "<|image_1|>\nName the dog", "qry_text": "", "qry_img_path": "1.jpg", "tgt_text": ["pug", "lab"]}
    write_rows(tmp_path, "me/dogs", [row], "Dogs")
    chosen = compose.load(["task=dogs", "data=mirror", f"data.root={tmp_path}"], [tmp_path / "conf"])
    data = load_data(chosen.tasks["dogs"])
    assert (data.queries[0].instruction, data.pools, data.warnings) == ("Name the dog", {"0": ["pug", "lab"]}, [])


def test_image_and_video_tasks_are_declared_in_under_ten_lines_beside_lists():
    lengths = {}
    for file in (*FOLDER.glob("image/*.yaml"), *FOLDER.glob("video/*.yaml")):
        lines = [line for line in file.read_text().splitlines() if not line.startswith(("#", "    "))]
        lengths[file.stem] = len(lines)
    assert [name for name, length in lengths.items() if length >= 10] == ["mvbench"]


CHAT = (
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n"
    "<|im_start|>assistant\n<|endoftext|>"
)
PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"
IMAGE_ROW = {
    "qry_inst": "<|image_1|>\nTell what this is: ", "qry_text": "a hint", "qry_img_path": "q.jpg",
    "tgt_inst": "<|image_1|>\nRepresent the given image.\n", "tgt_text": ["", ""], "tgt_img_path": ["a.jpg", "b.jpg"],
}  # fmt: skip
TEXTS = {**IMAGE_ROW, "tgt_text": ["a cat", "a dog"]}
REPO = "ziyjiang/MMEB_Test_Instruct"
ASKED = "Given a video and a question, select the most accurate answer from the provided candidates."
FAMILIES = {
    "image_cls": ("image/sun397", (REPO, "SUN397"), TEXTS, (f"{PICTURE}Tell what this is: a hint", "a cat")),
    "image_qa": ("image/gqa", (REPO, "GQA"), TEXTS, (f"{PICTURE}Tell what this is: a hint", "a cat")),
    "image_i2t": (
        "image/visualnews_i2t",
        (REPO, "VisualNews_i2t"),
        TEXTS,
        (f"{PICTURE}Tell what this is: a hint", "a cat"),
    ),
    "image_t2i": (
        "image/webqa",
        (REPO, "WebQA"),
        TEXTS,
        ("Tell what this is: a hint", f"{PICTURE}Represent the given image. a cat"),
    ),
    "image_i2i": (
        "image/cirr",
        (REPO, "CIRR"),
        IMAGE_ROW,
        (f"{PICTURE}Tell what this is: a hint", f"{PICTURE}Represent the given image."),
    ),
    "video_cls": (
        "video/breakfast",
        ("VLM2Vec/Breakfast", "default"),
        {"video_id": "v", "pos_text": "scrambledegg"},
        (
            f"{PICTURE * 8}Recognize the breakfast type that the person is cooking in the video.",
            "scrambledegg",
        ),
    ),
    "video_ret": (
        "video/vatex",
        ("VLM2Vec/VATEX", "default"),
        {"videoID": "v", "enCap": ["A boy."]},
        (
            "Select a video that fits the description provided: A boy.",
            f"{PICTURE * 8}Understand the content of the provided video.",
        ),
    ),
    "video_qa": (
        "video/egoschema",
        ("VLM2Vec/EgoSchema", "Subset"),
        {"video_idx": "v", "question": "What?", "answer": "0", "option": ["A. this.", "B. that."]},
        (
            f"{PICTURE * 8}{ASKED} Return only the exact text of your chosen answer. Question: What?A. this. B. that.",
            "this",
        ),
    ),
    "moments": (
        "video/charades_sta",
        ("VLM2Vec/Charades-STA", "default"),
        {"query": "a door opens", "video_path": "v.mp4"},
        (
            f"{PICTURE * 8}Find the clip that corresponds to the described scene in the given video: a door opens",
            f"{PICTURE * 8}Understand the content of the provided video.",
        ),
    ),
    "momentseeker": (
        "video/momentseeker_v2_0",
        ("VLM2Vec/MomentSeeker_1k8", "default"),
        {
            "query": "a door opens",
            "input_frames": "q.jpg",
            "positive_frames": [{"output_path": "v.mp4"}],
            "negative_frames": [{"output_path": "w.mp4"}],
        },
        (
            f"{PICTURE}Select the video clip that aligns with the given text and image: a door opens",
            f"{PICTURE * 8}Understand the content of the provided video clip.",
        ),
    ),
}


@pytest.mark.parametrize(("task", "repo", "row", "prompts"), FAMILIES.values(), ids=FAMILIES)
def test_rzenembed_sees_no_quirk_of_the_official_strings(
    tmp_path: Path, task: str, repo: tuple[str, str], row: dict[str, object], prompts: tuple[str, str]
):
    write_rows(tmp_path, repo[0], [row], repo[1])
    for folder in (
        "video_cls/Breakfast/v", "video_ret/VATEX/v", "video_qa/EgoSchema/v", "video_mret/Charades_STA/v/query",
        "video_mret/Charades_STA/v/positive", "video_mret/MomentSeeker/video_frames/v",
    ):  # fmt: skip
        write_frames(tmp_path, f"video-tasks/frames/{folder}", 8)
    data = load(tmp_path, task)
    prompt = compose.load(["model=rzenembed_v2_7b"]).model.prompt
    sides = ((data.queries[0], Side.QUERY), (data.candidates[0], Side.CANDIDATE))
    assert tuple(str(render(prompt, item, side)) for item, side in sides) == tuple(map(CHAT.format, prompts))


def test_only_a_prompt_that_asks_for_it_takes_the_official_string_and_only_where_there_is_one():
    official, chat = (compose.load([f"model={name}"]).model.prompt for name in ("vlm2vec_v2_2b", "rzenembed_v2_7b"))
    item = Item(text="a cat", instruction="Find:", verbatim="Find:  a cat\n")
    assert str(render(official, item, Side.QUERY)) == "Find:  a cat\n"
    assert str(render(official, replace(item, verbatim=None), Side.QUERY)) == "Find: a cat"
    assert str(render(chat, item, Side.QUERY)) == CHAT.format("Find: a cat")


def test_choices_that_are_words_stay_words():
    assert tasks("video/activitynetqa")["activitynetqa"].options["choices"] == ["yes", "no"]
