"""What a ranking comes to query by query: places, margins, kinds of queries, and which are shown with pictures."""

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rzen_eval.core import Item, Result, Run, TaskData
from rzen_eval.data.query_choice import judgements
from rzen_eval.results.report.judged_run import Judged, judge
from rzen_eval.results.report.pictures import Album
from rzen_eval.results.report.query_browser import browse, worth_seeing
from rzen_eval.results.report.slices import slices
from tests.results.test_store import result

CANDIDATES = ["a", "b", "c", "d"]
DATA = TaskData(
    query_ids=["q0", "q1", "q2", "q3"],
    queries=[Item(text="one"), Item(text="one two"), Item(text="one two three"), Item(text="one two three four")],
    candidate_ids=CANDIDATES,
    candidates=[Item(text=name) for name in CANDIDATES],
    qrels={"q0": {"a": 1.0}, "q1": {"b": 1.0, "c": 1.0}, "q2": {"d": 1.0}, "q3": {"a": 1.0}},
)
RUN = Run(
    {"q0": ["a", "b", "c", "d"], "q1": ["a", "b", "c", "d"], "q2": ["a", "b", "c"], "q3": ["b", "a", "c"]},
    {"q0": [0.9, 0.4, 0.3, 0.2], "q1": [0.8, 0.5, 0.4, 0.1], "q2": [0.7, 0.6, 0.5], "q3": [0.5, 0.5, 0.1]},
)


def scored(score: float = 0.25, **fields: object) -> Result:
    return result("toy", score, **{"metric": "hit@1", "n_queries": 4, "n_candidates": 4, **fields})


def judged() -> Judged:
    found = judge(scored(), RUN, DATA)
    assert isinstance(found, Judged)
    return found


def test_places_and_margins_are_those_worked_out_by_hand():
    found = judged()
    assert found.values.tolist() == [1, 0, 0, 0]
    assert found.ranks == [1, 2, None, 2]
    # 0.9 - 0.4; 0.5 - 0.8, the better of two right answers; not in the run; equal scores.
    assert found.margins == [pytest.approx(0.5), pytest.approx(-0.3), None, 0]
    assert found.tied == [False, False, False, True]


def test_a_candidate_listed_twice_is_no_tie():
    data = TaskData(["q"], [Item(text="x")], ["a", "b"], [Item(text="a"), Item(text="b")], {"q": {"a": 1.0}})
    found = judge(result("toy", 1.0, metric="hit@1"), Run({"q": ["a", "a", "b"]}, {"q": [0.5, 0.5, 0.1]}), data)
    assert isinstance(found, Judged)
    assert found.tied == [False]


@pytest.mark.parametrize(
    ("fields", "run", "said"),
    [
        ({"n_queries": 5}, RUN, "4 queries and 4 candidates, where the result was made of 5 and 4"),
        ({"score": 0.5}, RUN, "a score of 25.00 for the run, where the result says 50.00"),
        ({}, Run({"other": ["a"]}, {"other": [1.0]}), "other query ids than the run's"),
    ],
)
def test_data_that_cannot_be_those_of_the_run_are_refused(fields: dict[str, object], run: Run, said: str):
    assert judge(scored(**fields), run, DATA) == said


def test_other_judgements_are_refused_though_the_score_is_the_same():
    dataset = {"dataset": {"source": "hub", "judgements": judgements(DATA)}}
    assert isinstance(judge(scored(provenance=dataset), RUN, DATA), Judged)
    other = replace(DATA, qrels={**DATA.qrels, "q2": {"b": 1.0}})
    assert judge(scored(provenance=dataset), RUN, other) == (
        "other queries, pools or judgements than those that were scored"
    )


def test_right_answers_among_the_first_five_are_always_shown():
    names = [f"c{place}" for place in range(12)]
    data = TaskData(
        ["q"], [Item(text="x")], names, [Item(text=name) for name in names], {"q": dict.fromkeys(names[:8], 1.0)}
    )
    run = Run({"q": ["c7", "c6", "c9", "c8", "c5", "c4"]}, {"q": [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]})
    one = judge(result("toy", 1.0, metric="hit@1", n_candidates=12), run, data)
    assert isinstance(one, Judged)
    payload = browse(data, {0: one}, 0, 64).payload
    shown = [payload["candidate"]["id"][row] for row in payload["right"][0]]
    assert shown == ["c5", "c6", "c7", "c0", "c1"]
    assert payload["n_right"] == [8]


def test_queries_are_told_apart_by_what_differs():
    data = TaskData(
        query_ids=list("abcdefgh"),
        queries=[Item(text="word " * count) for count in (1, 2, 3, 4, 5, 6, 7, 8)],
        candidate_ids=["x"],
        candidates=[Item(text="x")],
        qrels={query: {"x": 1.0} for query in "abcdefgh"},
        pools={query: ["x"] * (2 if query < "c" else 3) for query in "abcdefgh"},
        languages=["french"] * 3 + ["english"] * 5,
    )
    right = [data.candidates[0]] * 8
    found = {cut.name: {part.label: list(part.queries) for part in cut.parts} for cut in slices(data, right)}
    assert found == {
        "Words in the query": {"1 to 2": [0, 1], "3 to 4": [2, 3], "5 to 6": [4, 5], "7 to 8": [6, 7]},
        "Language": {"english": [3, 4, 5, 6, 7], "french": [0, 1, 2]},
        "Candidates to choose from": {"2": [0, 1], "3": [2, 3, 4, 5, 6, 7]},
    }


def test_images_are_told_apart_by_their_longer_side():
    pictures = [Image.new("RGB", size) for size in ((30, 20), (20, 30), (50, 10))]
    data = TaskData(
        ["a", "b", "c"], [Item(images=[one]) for one in pictures], ["x"], [Item(frames=[pictures[0]] * 8)],
        {query: {"x": 1.0} for query in "abc"},
    )  # fmt: skip
    found = slices(data, [data.candidates[0]] * 3)
    assert [(cut.name, [(part.label, list(part.queries)) for part in cut.parts]) for cut in found] == [
        ("Query image, longer side in pixels", [("30", [0, 1]), ("50", [2])])
    ]


def test_a_picture_is_kept_once_and_no_larger_than_asked():
    red, blue = Image.new("RGB", (400, 200), "red"), Image.new("RGB", (200, 400), "blue")
    album = Album(100)
    places = album.add([Item(images=[red]), Item(text="none"), Item(images=[blue]), Item(images=[red.copy()])])
    assert places == [0, None, 1, 0]
    sizes = [Image.open(io.BytesIO(base64.b64decode(one))).size for one in album.pictures]
    assert sizes == [(100, 50), (50, 100)]


def test_of_many_frames_four_are_shown_from_first_to_last():
    frames = [Image.new("RGB", (60, 60), (30 * place, 0, 0)) for place in range(8)]
    album = Album(102)
    album.add([Item(frames=frames)])
    sheet = Image.open(io.BytesIO(base64.b64decode(album.pictures[0]))).convert("RGB")
    assert sheet.size == (102, 102)
    corners = [sheet.getpixel(place) for place in ((20, 20), (80, 20), (20, 80), (80, 80))]
    reds = [pixel[0] for pixel in corners if isinstance(pixel, tuple)]
    assert reds == pytest.approx([0, 60, 120, 210], abs=8)


def test_a_missing_picture_is_said(tmp_path: Path):
    album = Album(50)
    assert album.add([Item(images=[tmp_path / "gone.png"]), Item(images=[tmp_path / "lost.png"])]) == [None, None]
    assert len(album.notes()) == 1
    assert "gone.png" in album.notes()[0]
    assert "so for 1 more" in album.notes()[0]


def test_pictures_go_to_the_worst_the_nearest_and_some_of_the_rest_by_turns():
    found = Judged(
        values=np.zeros(8),
        ranks=[1, 9, 2, 1, 3, 1, None, 1],
        margins=[0.5, -0.4, -0.1, 0.2, -0.2, 0.3, None, 0.1],
        tied=[False] * 7 + [True],
        top=[[]] * 8,
        scores=[[]] * 8,
    )
    # Worst: 6 (not found). Nearest miss: 2. Tie: 7. Spread: 0. Then the next worst: 1, the next nearest: 4.
    assert worth_seeing([found], 6) == [6, 2, 7, 0, 1, 4]
    assert worth_seeing([found], 0) == []
    assert worth_seeing([found], 9) == list(range(8))
