"""Image tasks: the official strings, the clean fields beside them, pools and labels, from one row each."""

from pathlib import Path
from typing import Any

import pytest

from rzen_eval.core import Item
from rzen_eval.errors import DataError
from tests.mirrors import candidates, load, media, write_rows

REPO = "ziyjiang/MMEB_Test_Instruct"
TASKS = {
    "image/imagenet_1k": "ImageNet-1K",
    "image/n24news": "N24News",
    "image/ok_vqa": "OK-VQA",
    "image/mscoco_i2t": "MSCOCO_i2t",
    "image/mscoco_t2i": "MSCOCO_t2i",
    "image/visdial": "VisDial",
    "image/webqa": "WebQA",
    "image/edis": "EDIS",
    "image/cirr": "CIRR",
    "image/nights": "NIGHTS",
    "image/mscoco": "MSCOCO",
    "image/refcoco_matching": "RefCOCO-Matching",
    "image/oven": "OVEN",
}


def row(inst: str, text: str, image: str | None, texts: list[str], **targets: Any) -> dict[str, Any]:
    found = {"qry_inst": inst, "qry_text": text, "tgt_text": texts, **targets}
    return found if image is None else {**found, "qry_img_path": image}


def read(root: Path, task: str, *rows: dict[str, Any], overrides: tuple[str, ...] = ()) -> Any:
    write_rows(root, REPO, rows, TASKS[task])
    return load(root, task, *overrides)


CLASSES = ["sea snake", "tench, Tinca tinca"]
MATCHING = "Select the portion of the image that follows the language expressions:"
WIKI = "Represent the given Wikipedia image with related text information:"
QUERIES = {
    "classification without a text": (
        "image/imagenet_1k",
        row("<|image_1|>\nRepresent the given image for classification", "", "a.jpg", CLASSES),
        "<|image_pad|>\nRepresent the given image for classification\n",
        ("Represent the given image for classification", None, ["image-tasks/a.jpg"]),
    ),
    "classification with a text": (
        "image/n24news",
        row("<|image_1|>\nRepresent the given news image with the following caption for domain classification:",
            "A view of the harbour.", "N24News/abc.jpg", ["Travel", "Sports"]),
        ("<|image_pad|>\nRepresent the given news image with the following caption for domain classification:"
        " A view of the harbour.\n"),
        ("Represent the given news image with the following caption for domain classification:",
         "A view of the harbour.", ["image-tasks/N24News/abc.jpg"]),
    ),
    "classification, mark followed by a space": (
        "image/imagenet_1k",
        row("<|image_1|> Represent the given image for classification", "", "x.jpg", ["a", "b"]),
        "<|image_pad|>  Represent the given image for classification\n",
        ("Represent the given image for classification", None, ["image-tasks/x.jpg"]),
    ),
    "question": (
        "image/ok_vqa",
        row("<|image_1|>\nRepresent the given image with the following question:", "What sport can you use this for?",
            "OK-VQA/1.jpg", ["race", "tennis"]),
        "<|image_pad|>\nRepresent the given image with the following question: What sport can you use this for?\n",
        ("Represent the given image with the following question:", "What sport can you use this for?",
         ["image-tasks/OK-VQA/1.jpg"]),
    ),
    "question, mark followed by a space": (
        "image/ok_vqa",
        row("<|image_1|> Represent the given image with the following question:", "What sport can you use this for?",
            "OK-VQA/1.jpg", ["race", "tennis"]),
        "<|image_pad|>\nRepresent the given image with the following question: What sport can you use this for?\n",
        ("Represent the given image with the following question:", "What sport can you use this for?",
         ["image-tasks/OK-VQA/1.jpg"]),
    ),
    "caption of an image": (
        "image/mscoco_i2t",
        row("<|image_1|>\nFind an image caption describing the given everyday image.", "", "MSCOCO_i2t/1.jpg",
            ["A man riding a red motorcycle.", "A woman cutting a cake."]),
        "<|image_pad|>\nFind an image caption describing the given everyday image.\n",
        ("Find an image caption describing the given everyday image.", None, ["image-tasks/MSCOCO_i2t/1.jpg"]),
    ),
    "image of a caption": (
        "image/mscoco_t2i",
        row("Find me an everyday image that matches the given caption:", "A man riding a red motorcycle.", None,
            ["", ""], tgt_inst="<|image_1|>\nRepresent the given image.", tgt_img_path=["a.jpg", "b.jpg"]),
        "Find me an everyday image that matches the given caption: A man riding a red motorcycle.\n",
        ("Find me an everyday image that matches the given caption:", "A man riding a red motorcycle.", []),
    ),
    "image of a dialogue": (
        "image/visdial",
        row("Represent the given dialogue about an image, which is used for image retrieval:",
            "Q:is it a cat\nA:yes\n", None, ["", ""],
            tgt_inst="<|image_1|>\nRepresent the given image", tgt_img_path=["a.jpg", "b.jpg"]),
        ("Represent the given dialogue about an image, which is used for image retrieval:"
        " Q:is it a cat\nA:yes\n\n\n"),
        ("Represent the given dialogue about an image, which is used for image retrieval:",
         "Q:is it a cat\nA:yes\n", []),
    ),
    "image of a question, with a stray image token": (
        "image/webqa",
        row("<|image_1|>\nFind a Wikipedia image that answers this question:",
            "What colour is the dome of the mosque?", None, ["Blue Mosque 2010", "Red Fort, Delhi"],
            tgt_inst=f"<|image_1|>\n{WIKI}", tgt_img_path=["a.jpg", "b.jpg"]),
        "<|image_pad|>\nFind a Wikipedia image that answers this question: What colour is the dome of the mosque?\n",
        ("Find a Wikipedia image that answers this question:", "What colour is the dome of the mosque?", []),
    ),
    "image of an image and a change": (
        "image/cirr",
        row("<|image_1|>\nGiven an image, find a similar everyday image with the described changes:",
            "make the dog sit", "CIRR/q.jpg", ["", ""],
            tgt_inst="<|image_1|>\nRepresent the given image.", tgt_img_path=["CIRR/a.jpg", "CIRR/b.jpg"]),
        "<|image_pad|>\nGiven an image, find a similar everyday image with the described changes: make the dog sit\n",
        ("Given an image, find a similar everyday image with the described changes:", "make the dog sit",
         ["image-tasks/CIRR/q.jpg"]),
    ),
    "image of an image": (
        "image/nights",
        row("<|image_1|>\nFind a day-to-day image that looks similar to the provided image.", "", "NIGHTS/q.jpg",
            ["", ""], tgt_inst="<|image_1|>\nRepresent the given image.", tgt_img_path=["a.jpg", "b.jpg"]),
        "<|image_pad|>\nFind a day-to-day image that looks similar to the provided image.\n",
        ("Find a day-to-day image that looks similar to the provided image.", None, ["image-tasks/NIGHTS/q.jpg"]),
    ),
    "object of an image": (
        "image/mscoco",
        row("<|image_1|>\nCrop the image to to isolate the object labeled as", '"dog"', "MSCOCO/q.jpg", ["", ""],
            tgt_inst="<|image_1|>\nRepresent the given cropped image of the object.",
            tgt_img_path=["MSCOCO/crop_a.jpg", "MSCOCO/crop_b.jpg"]),
        '<|image_pad|>\nCrop the image to to isolate the object labeled as "dog"\n',
        ("Crop the image to to isolate the object labeled as", '"dog"', ["image-tasks/MSCOCO/q.jpg"]),
    ),
    "object of an image and an expression": (
        "image/refcoco_matching",
        row(f"<|image_1|>\n{MATCHING}", '"left man in white"', "RefCOCO-Matching/q.jpg",
            ['"guy on the left"', '"woman in red"'], tgt_inst=f"<|image_1|>\n{MATCHING}",
            tgt_img_path=["RefCOCO-Matching/q.jpg", "RefCOCO-Matching/r.jpg"]),
        f'<|image_pad|>\n{MATCHING} "left man in white"\n',
        (MATCHING, '"left man in white"', ["image-tasks/RefCOCO-Matching/q.jpg"]),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("task", "given", "verbatim", "clean"), QUERIES.values(), ids=QUERIES)
def test_a_query_has_the_official_string_and_clean_fields(
    tmp_path: Path, task: str, given: dict[str, Any], verbatim: str, clean: tuple[str, str | None, list[str]]
):
    query = read(tmp_path, task, given).queries[0]
    assert query.verbatim == verbatim
    assert (query.instruction, query.text, media(query)[0]) == clean
    assert not query.frames


@pytest.mark.parametrize(
    ("case", "kind"),
    [("classification without a text", "label"), ("question", "answer"), ("caption of an image", "caption")],
)
def test_text_candidates_are_bare_texts_under_their_own_names(tmp_path: Path, case: str, kind: str):
    task, given, *_ = QUERIES[case]
    data = read(tmp_path, task, given)
    assert candidates(data) == {text: Item(text=text, verbatim=text, kind=kind) for text in given["tgt_text"]}
    assert data.qrels == {"0": {given["tgt_text"][0]: 1.0}}
    assert data.pools == {"0": given["tgt_text"]}
    assert not data.integer_ids


CANDIDATES = {
    "image of a caption": (
        "a.jpg", "<|image_pad|>\nRepresent the given image.\n", ("Represent the given image.", None, "a.jpg")
    ),
    "image of a dialogue": (
        "a.jpg", "<|image_pad|>\nRepresent the given image\n", ("Represent the given image", None, "a.jpg")
    ),
    "image of a question, with a stray image token": (
        "b.jpg", f"<|image_pad|>\n{WIKI} Red Fort, Delhi\n", (WIKI, "Red Fort, Delhi", "b.jpg")
    ),
    "image of an image and a change": (
        "CIRR/a.jpg:", "<|image_pad|>\nRepresent the given image.", ("Represent the given image.", None, "CIRR/a.jpg")
    ),
    "object of an image": (
        "MSCOCO/crop_a.jpg:",
        "<|image_pad|>\nRepresent the given cropped image of the object.",
        ("Represent the given cropped image of the object.", None, "MSCOCO/crop_a.jpg"),
    ),
    "object of an image and an expression": (
        "RefCOCO-Matching/r.jpg:woman in red",
        f'<|image_pad|>\n{MATCHING} "woman in red"\n',
        (MATCHING, '"woman in red"', "RefCOCO-Matching/r.jpg"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("case", "expected"), CANDIDATES.items(), ids=CANDIDATES)
def test_an_image_candidate_has_the_official_name_and_string_and_clean_fields(
    tmp_path: Path, case: str, expected: tuple[str, str, tuple[str, str | None, str]]
):
    name, verbatim, (instruction, text, path) = expected
    task, given, *_ = QUERIES[case]
    data = read(tmp_path, task, given)
    found = candidates(data)[name]
    assert found.verbatim == verbatim
    assert (found.instruction, found.text, media(found)[0]) == (instruction, text, [f"image-tasks/{path}"])
    assert list(data.qrels["0"]) == data.pools["0"][:1] == data.candidate_ids[:1]


def test_oven_candidates_are_known_by_path_and_caption(tmp_path: Path):
    captions = ["Eiffel Tower. The tower is ...", ""]
    given = row("<|image_1|>\nRetrieve:", "What is this building?", "OVEN/q.jpg", captions,
                tgt_inst=f"<|image_1|>\n{WIKI}", tgt_img_path=["OVEN/a.jpg", "OVEN/b.jpg"])  # fmt: skip
    data = read(tmp_path, "image/oven", given)
    assert data.pools == {"0": ["OVEN/a.jpg:Eiffel Tower. The tower is ...", "OVEN/b.jpg:"]}
    first, second = data.candidates
    assert first.verbatim == f"<|image_pad|>\n{WIKI} Eiffel Tower. The tower is ...\n"
    assert (second.verbatim, second.text) == (f"<|image_pad|>\n{WIKI} \n", None)


def test_the_first_caption_of_a_row_decides_whether_the_row_has_captions(tmp_path: Path):
    given = row("Find:", "x", None, [" ", "a caption"], tgt_inst="<|image_1|> Represent:", tgt_img_path=["a", "b"])
    data = read(tmp_path, "image/webqa", given)
    assert [item.verbatim for item in data.candidates] == ["<|image_pad|>  Represent:\n"] * 2
    assert [item.text for item in data.candidates] == [None, None]


def test_an_image_that_has_two_captions_is_embedded_with_the_first(tmp_path: Path):
    rows = [
        row("Find:", "x", None, [f"caption {n} of a", f"caption {n} of b"], tgt_inst="<|image_1|>\nSee:",
            tgt_img_path=paths)
        for n, paths in enumerate((["a", "b"], ["b", "a"]))
    ]  # fmt: skip
    data = read(tmp_path, "image/edis", *rows)
    assert {name: item.text for name, item in candidates(data).items()} == {
        "a": "caption 0 of a",
        "b": "caption 0 of b",
    }
    assert data.pools == {"0": ["a", "b"], "1": ["b", "a"]}
    assert data.qrels == {"0": {"a": 1.0}, "1": {"b": 1.0}}


def test_a_candidate_listed_twice_is_kept_twice_in_the_pool_and_counted(tmp_path: Path):
    rows = [row("<|image_1|>\nAnswer:", "?", "q.jpg", texts) for texts in (["yes", "no", "yes"], ["no", "yes"])]
    data = read(tmp_path, "image/ok_vqa", *rows)
    assert data.pools == {"0": ["yes", "no", "yes"], "1": ["no", "yes"]}
    assert data.candidate_ids == ["yes", "no"]
    assert "ok_vqa: 1 of 2 pools list a candidate more than once" in data.warnings


def test_a_limit_keeps_the_first_queries_and_only_their_candidates(tmp_path: Path):
    rows = [row("<|image_1|>\nAnswer:", "?", "q.jpg", [f"right {n}", f"wrong {n}"]) for n in range(3)]
    data = read(tmp_path, "image/ok_vqa", *rows, overrides=("limit=first:2",))
    assert data.query_ids == ["0", "1"]
    assert data.candidate_ids == ["right 0", "wrong 0", "right 1", "wrong 1"]


@pytest.mark.parametrize(
    ("task", "given", "message"),
    [
        (
            "image/ok_vqa",
            row("Answer:", "?", "q.jpg", []),
            "ok_vqa: row 0 of ziyjiang/MMEB_Test_Instruct, OK-VQA: tgt_text lists no candidate",
        ),
        (
            "image/cirr",
            row("Find:", "x", "q.jpg", ["", "", ""], tgt_inst="See:", tgt_img_path=["a", "b"]),
            (
                "cirr: row 0 of ziyjiang/MMEB_Test_Instruct, CIRR: tgt_img_path lists 2 images; expected one for each"
                " of 3 in tgt_text"
            ),
        ),
    ],
)
def test_a_row_that_does_not_fit_is_named(tmp_path: Path, task: str, given: dict[str, Any], message: str):
    # A list without entries has no type of its own: another row gives it one.
    whole = {**given, "tgt_text": ["x"], **({"tgt_img_path": ["x"]} if "tgt_img_path" in given else {})}
    with pytest.raises(DataError) as error:
        read(tmp_path, task, given, whole)
    assert str(error.value) == message
