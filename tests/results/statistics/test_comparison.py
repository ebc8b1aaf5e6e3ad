"""`rzen-eval compare`: the difference of two models, how sure it is, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from rzen_eval.benchmark import published
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import config_dir
from tests.conftest import Command
from tests.runs import MODEL, hits, write

VG = ("mscoco", "refcoco", "refcoco_matching", "visual7w_pointing")


@pytest.fixture
def compare(run: Command) -> Command:
    """Compare `results/a` and `results/b`; gives what it prints."""

    def compare(*words: str, code: int = 0) -> str:
        models = words if words and "=" not in words[0] and words[0][0] != "-" else ("a", "b", *words)
        return run("compare", *models, code=code)

    return compare


@pytest.fixture
def a(tmp_path: Path) -> Path:
    return tmp_path / "results" / "a"


@pytest.fixture
def b(tmp_path: Path) -> Path:
    return tmp_path / "results" / "b"


def found(compare: Command, *words: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(compare("--format", "json", *words))
    return said


def test_a_difference_is_the_one_worked_out_by_hand(compare: Command, a: Path, b: Path):
    # a is right on the first 60 of 100, b on the first 50 and the last 30: 30 wins, 10 losses, 60 ties.
    write(a, "mscoco", hits(60, 100))
    write(b, "mscoco", [*hits(50, 70), *hits(30, 30)])
    (task,) = found(compare)["tasks"]
    assert (task["first"], task["second"], task["difference"]) == (60, 80, 20)
    assert (task["wins"], task["ties"], task["losses"]) == (30, 60, 10)
    # The difference has mean 0.2 and variance 0.4 - 0.04, so a standard error of 0.06: 20 ± 1.96 * 6.
    assert task["interval"] == pytest.approx([8, 32], abs=1)
    # 40 queries differ; 10 or fewer of them one way, or 30 and more: twice P(Binomial(40, 1/2) <= 10) = 0.00222.
    assert task["p"] == task["p_corrected"] == pytest.approx(0.0022, abs=0.0015)
    assert task["verdict"] == "higher"


def test_an_average_is_formed_and_resampled_task_by_task(compare: Command, a: Path, b: Path):
    # The four tasks differ by 10, 0, 0 and 0 points; the one that differs has ten times as many queries and weighs
    # no more for it. Its standard error of sqrt(0.1 - 0.01) / sqrt(1000), a fourth of it in the average.
    for place, task in enumerate(VG):
        n = 100 if place else 1000
        write(a, task, hits(50, n))
        write(b, task, hits(50 if place else 150, n))
    said = found(compare)
    averages = {row["name"]: row for row in said["averages"]}
    assert (averages["I-VG"]["first"], averages["I-VG"]["second"]) == (38.75, 41.25)
    error = 100 * (0.09 / 1000) ** 0.5 / 4
    assert averages["I-VG"]["interval"] == pytest.approx([2.5 - 1.96 * error, 2.5 + 1.96 * error], abs=0.05)
    assert (averages["I-VG"]["wins"], averages["I-VG"]["ties"], averages["I-VG"]["losses"]) == (100, 1200, 0)
    assert (averages["Image"]["found"], averages["Image"]["expected"]) == (4, 36)
    assert [row["name"] for row in said["tasks"]] == list(VG)


def test_p_values_are_corrected_for_the_number_of_tasks(compare: Command, a: Path, b: Path):
    # Eight wins of eight have p = 2 / 256 = 0.0078; four such tasks by Holm's method 4 times that; not by itself.
    for task in VG:
        write(a, task, hits(0, 20))
        write(b, task, hits(8, 20))
    rows = found(compare, "correction=holm")["tasks"]
    assert [row["p"] for row in rows] == pytest.approx([2 / 256] * 4, abs=0.003)
    assert max(row["p_corrected"] for row in rows) <= 4 * max(row["p"] for row in rows)
    assert min(row["p_corrected"] for row in rows) == pytest.approx(4 * min(row["p"] for row in rows))
    assert [row["p_corrected"] for row in found(compare, "correction=none")["tasks"]] == [row["p"] for row in rows]


def test_the_same_command_gives_the_same_text_and_another_seed_nearly_the_same(compare: Command, a: Path, b: Path):
    write(a, "mscoco", hits(60, 100))
    write(b, "mscoco", hits(70, 100))
    assert compare() == compare()
    first, other = (found(compare, "resamples=1000", seed)["tasks"][0] for seed in ("seed=0", "seed=7"))
    assert first["p"] != other["p"]
    assert first["interval"] == pytest.approx(other["interval"], abs=2)


def test_either_reading_can_be_compared(compare: Command, a: Path, b: Path):
    write(a, "mscoco", hits(5, 10))
    write(b, "mscoco", hits(5, 10), exact_values=hits(7, 10))
    assert found(compare)["tasks"][0]["difference"] == 0
    assert found(compare, "reading=exact")["tasks"][0]["difference"] == pytest.approx(20)


def test_results_without_queries_have_a_difference_and_no_interval(compare: Command, a: Path, b: Path):
    write(a, "mscoco", hits(5, 10), kept=False)
    write(b, "mscoco", hits(6, 10))
    (task,) = found(compare)["tasks"]
    assert (task["difference"], task["interval"], task["p"]) == (pytest.approx(10), None, None)
    assert "1 tasks, such as mscoco, have no scores of single queries" in compare()


def test_what_differs_in_protocol_is_said_once(compare: Command, a: Path, b: Path):
    model = MODEL | {"prompt": {"system": "You are.", "instruction": {"query": "none"}}}
    for task in VG:
        write(a, task, hits(5, 10))
        write(b, task, hits(5, 10), provenance={"model": model, "prompts": {"query": "a", "candidate": "Read."}})
    for folder, frames in ((a, 8), (b, 16)):
        of_b = {} if folder == a else {"model": model}
        write(folder, "msvd", hits(5, 10), provenance={"frames": frames} | of_b)
    text = compare()
    assert "* prompt.instruction.query: user in a, none in b\n" in text
    assert '* first prompt of a query: "Find: a" in a, a in b (mscoco and 3 more of 5 tasks)' in text
    assert "* frames: 8 in a, 16 in b (msvd)" in text


def test_tasks_that_one_model_lacks_are_named(compare: Command, a: Path, b: Path):
    for task in VG:
        write(a, task, hits(5, 10))
    write(b, "mscoco", hits(5, 10))
    text = compare()
    assert "a alone has refcoco, refcoco_matching, visual7w_pointing" in text
    assert "| I-VG (1 of 4)" in text


def test_tasks_can_be_chosen(compare: Command, a: Path, b: Path):
    for folder in (a, b):
        write(folder, "mscoco", hits(5, 10))
        write(folder, "msvd", hits(5, 10))
    assert [row["name"] for row in found(compare, "task=image_vg")["tasks"]] == ["mscoco"]


def test_markdown_and_html_hold_the_same_and_html_is_escaped(compare: Command, a: Path, b: Path, tmp_path: Path):
    write(a, "mscoco", hits(60, 100))
    write(b, "mscoco", hits(80, 100), provenance={"prompts": {"query": "<b>|", "candidate": "Read."}})
    compare("--format", "html", "--output", "page.html")
    page, text = (tmp_path / "page.html").read_text(), compare()
    for shown in ("60.00", "80.00", "+20.00", "20 / 80 / 0", "higher"):
        assert shown in text
        assert f"<td>{shown}</td>" in page
    assert "<b>" not in page
    assert "&lt;b&gt;|" in page
    assert "<b>" not in text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"limit": "first:10"}, "limit: none in a, first:10 in b"),
        ({"n_candidates": 11}, "candidates: 10 in a, 11 in b"),
        ({"metric": "hit@5"}, "metric: hit@1 in a, hit@5 in b"),
        (
            {"provenance": {"dataset": {"source": "hub", "judgements": "others"}}},
            'judgements: "of mscoco 10" in a, others in b',
        ),
        ({"provenance": {"dataset": {"source": "sample"}}}, "data: benchmark in a, sample in b"),
    ],
)
def test_scores_of_different_tasks_are_refused_in_one_line(
    compare: Command, a: Path, b: Path, fields: dict[str, Any], said: str
):
    write(a, "mscoco", hits(5, 10))
    write(b, "mscoco", hits(5, 10), **fields)
    error = compare(code=1)
    assert error.startswith("rzen-eval: mscoco cannot be compared: ")
    assert said in error
    assert error.count("\n") == 1


def sampled(n_queries: int, judgements: str) -> dict[str, Any]:
    return {
        "limit": f"sample:{n_queries}",
        "sampled": {"n_queries": 10, "error": 0.1, "judgements": judgements},
        "provenance": {"dataset": {"source": "hub", "judgements": f"of {n_queries} of them"}},
    }


def test_a_sample_is_compared_with_all_queries_by_those_that_both_were_asked(compare: Command, a: Path, b: Path):
    # Of ten queries b was asked the first four; a is right on three of these, b on one.
    write(a, "mscoco", [1, 1, 1, 0, *[1] * 6])
    write(b, "mscoco", [0, 0, 0, 1], **sampled(4, "of mscoco 10"))
    (task,) = found(compare)["tasks"]
    assert (task["first"], task["second"], task["difference"]) == (75, 25, -50)
    assert (task["wins"], task["ties"], task["losses"]) == (1, 0, 3)
    assert "These are scores of 4 random queries of a task." in compare("--format", "md")


def test_samples_of_two_sizes_share_the_smaller_one(compare: Command, a: Path, b: Path):
    write(a, "mscoco", [1, 1, 0], **sampled(3, "of all"))
    write(b, "mscoco", [1, 1, 1, 0, 0], **sampled(5, "of all"))
    (task,) = found(compare)["tasks"]
    assert (task["wins"], task["ties"], task["losses"]) == (1, 2, 0)
    assert "first prompt" not in compare("--format", "md")


def test_a_sample_of_other_data_is_refused(compare: Command, a: Path, b: Path):
    write(a, "mscoco", hits(5, 10))
    write(b, "mscoco", hits(2, 4), **sampled(4, "of others"))
    assert 'judgements: "of mscoco 10" in a, "of others" in b' in compare(code=1)


def test_versions_of_the_data_are_refused(compare: Command, a: Path, b: Path):
    write(a, "momentseeker", hits(5, 10))
    write(b, "momentseeker_v2_0", hits(5, 10))
    assert "a was scored on momentseeker and b on momentseeker_v2_0, which are different versions" in compare(code=1)


def test_models_without_a_task_in_common_are_refused(compare: Command, a: Path, b: Path):
    write(a, "mscoco", hits(5, 10))
    write(b, "refcoco", hits(5, 10))
    assert "have no task in common" in compare(code=1)


def test_queries_of_another_run_are_refused(compare: Command, a: Path, b: Path):
    write(a, "mscoco", hits(5, 10))
    write(b, "mscoco", hits(5, 10))
    (b / "queries/mscoco.json.gz").write_bytes((a / "queries/mscoco.json.gz").read_bytes()[:-9])
    assert "queries/mscoco.json.gz cannot be read" in compare(code=1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a",), "compare: the following arguments are required: B"),
        (("a", "bb"), "no results of 'bb': results holds a, b (did you mean b?)"),
        (("a", "results"), "results holds results of a, b; expected those of one model"),
        (("a", "b", "--level", "95"), "argument --level: expected a number above 0 and below 1, found '95'"),
        (("a", "b", "task=video_ret"), "holds no results of the chosen tasks"),
        (("a", "b", "--colour"), "unknown option --colour"),
    ],
)
def test_wrong_words_are_one_line(compare: Command, a: Path, b: Path, words: tuple[str, ...], said: str):
    for folder in (a, b):
        write(folder, "mscoco", hits(5, 10))
    error = compare(*words, code=2)
    assert said in error
    assert error.count("\n") == 1


def test_one_name_in_two_folders_is_told_apart_by_folder(compare: Command, tmp_path: Path):
    for place, right in (("old", 5), ("new", 6)):
        write(tmp_path / place / "m", "mscoco", hits(right, 10))
    assert "# m (new/m) against m (old/m)" in compare("old/m", "new/m")


def test_several_models_are_each_compared_with_the_first(compare: Command, tmp_path: Path, a: Path, b: Path):
    for folder, right in ((a, 5), (b, 6), (tmp_path / "results/c", 8)):
        write(folder, "mscoco", hits(right, 10))
    said = json.loads(compare("a", "b", "c", "--format", "json"))["comparisons"]
    assert [(one["first"], one["second"]) for one in said] == [("a", "b"), ("a", "c")]
    assert [one["tasks"][0]["difference"] for one in said] == [10, 30]
    # Of the two alone nothing is different, the p-values of a table among them.
    assert said[0] == json.loads(compare("a", "b", "--format", "json"))
    text = compare("a", "b", "c")
    assert "b against a" in text
    assert "c against a" in text
    assert "corrected for within each of these comparisons" in text


def test_a_published_row_is_compared_by_averages_without_interval(compare: Command, a: Path, b: Path):
    for task in VG:
        write(a, task, hits(5, 10))
        write(b, task, hits(6, 10))
    said = json.loads(compare("a", "b", "rzenembed_v2_7b", "--format", "json"))["comparisons"]
    row = published.load([config_dir()], manifest().names)["rzenembed_v2_7b"]
    (average,) = said[1]["averages"]
    assert (average["name"], average["first"], average["second"]) == ("I-VG", 50, row.scores["I-VG"])
    assert average["difference"] == pytest.approx(row.scores["I-VG"] - 50)
    assert [average[key] for key in ("interval", "p", "wins", "verdict")] == [None] * 4
    text = compare("a", "rzenembed_v2_7b")
    assert f"{row.model} (published) has no scores of single queries: its differences stand without interval" in text
    assert "within noise" not in text
    assert "several published rows are called" in compare("a", "GME-Qwen2-VL-7B-Instruct", code=2)


def test_the_made_up_sample_is_not_compared_with_a_published_row(compare: Command, a: Path):
    for task in VG:
        write(a, task, hits(5, 10), provenance={"dataset": {"source": "sample"}})
    assert "a was scored on the made-up sample, and RzenEmbed" in compare("a", "rzenembed_v2_7b", code=1)
