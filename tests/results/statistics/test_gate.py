"""`rzen-eval check`: what shuts the gate, what does not, and what continuous integration reads of it."""

import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import yaml

from rzen_eval.cli import check as command
from rzen_eval.cli.main import COMMANDS, main
from rzen_eval.cli.options import Options
from rzen_eval.core import Item, Side, Vectors
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.evaluation.score import score
from rzen_eval.results import store
from tests import toys
from tests.runs import MODEL, hits, write

CHECK = Callable[..., str]
WORKFLOW = Path(__file__).parents[3] / "examples" / "github_workflow.yml"


@pytest.fixture
def m(tmp_path: Path) -> Path:
    return tmp_path / "results" / "m"


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CHECK:
    """Check `results/m` against `base.json`; gives what it prints."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str, code: int = 0, model: str = "results/m") -> str:
        assert main(["check", model, "--baseline", "base.json", *words]) == code
        captured = capsys.readouterr()
        return captured.err or captured.out

    return run


def rows(text: str) -> dict[str, str]:
    """Verdicts of the summary's table by what they are of."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    return {line[0]: line[3] for line in lines[2:]}


def test_the_same_results_pass(check: CHECK, m: Path):
    write(m, "mscoco", hits(7, 10))
    assert check("--update") == "wrote base.json: 1 tasks of m, tolerance 1 points\n"
    assert (
        check("--strict") == "# m: as good as the baseline\n\n1 tasks and 0 averages were held against the baseline.\n"
    )


def test_a_score_of_many_digits_is_as_good_as_itself(check: CHECK, m: Path):
    write(m, "mscoco", hits(1, 3))
    check("--update", "--tolerance", "0")
    assert "as good as the baseline" in check("--strict")


def test_suites_beside_mmeb_have_averages_of_their_own(check: CHECK, m: Path):
    for name in ("mscoco", "refcoco", "vidore3_hr_english", "vidore3_hr_german"):
        write(m, name, hits(12, 20))
    check("--update")
    for name in ("vidore3_hr_english", "vidore3_hr_german"):
        write(m, name, hits(10, 20))
    lower = ("Public (2 tasks)", "Hr (2 tasks)", "vidore3_hr_english", "vidore3_hr_german")
    assert rows(check(code=1)) == dict.fromkeys(lower, "lower")


def test_a_drop_beyond_the_tolerance_fails_the_task_and_its_averages(check: CHECK, m: Path):
    # I-VG drops from 60 to 57.5 with two tasks, and Image and Overall with it.
    write(m, "mscoco", hits(12, 20))
    write(m, "refcoco", hits(12, 20))
    check("--update")
    write(m, "mscoco", hits(11, 20))
    text = check(code=1)
    assert rows(text) == dict.fromkeys(["Overall (2 tasks)", "Image (2 tasks)", "I-VG (2 tasks)", "mscoco"], "lower")
    assert "1 queries worse and 0 better of 20; beyond the tolerance of 1" in text
    assert "60.00      | 55.00" in text
    check("tolerance=5")
    check("tolerance=4.9", code=1)


def test_a_smaller_drop_fails_where_it_is_beyond_noise(check: CHECK, m: Path):
    write(m, "mscoco", hits(700, 1000))
    check("--update")
    # Ten worse and none better: twice 1 / 1024. Thirty worse and twenty-two better is what coins do.
    write(m, "mscoco", hits(690, 1000))
    assert "10 queries worse and 0 better of 1000; beyond noise" in check(code=1)
    write(m, "mscoco", [*hits(0, 30), *hits(670, 670), *hits(22, 300)])
    check()


def test_a_rise_fails_where_the_gate_is_strict(check: CHECK, m: Path):
    write(m, "mscoco", hits(5, 10))
    check("--update")
    write(m, "mscoco", hits(6, 10))
    text = check()
    assert rows(text) == {"mscoco": "higher"}
    assert "--update takes them into the baseline" in text
    assert rows(check("--strict", code=1)) == {"mscoco": "higher"}


def test_a_missing_task_fails_and_a_new_one_is_said(check: CHECK, m: Path):
    write(m, "mscoco", hits(5, 10))
    write(m, "refcoco", hits(5, 10))
    check("--update")
    (m / "refcoco.json").unlink()
    write(m, "msvd", hits(5, 10))
    text = check(code=1)
    assert rows(text) == {"refcoco": "missing"}
    assert "* not in the baseline: msvd; --update adds them" in text


@pytest.mark.parametrize(
    ("fields", "name", "said"),
    [
        ({"n_candidates": 11}, "candidates", "10 in the baseline, 11 in the results"),
        ({"limit": "first:10"}, "limit", "none in the baseline, first:10 in the results"),
        ({"provenance": {"dataset": {"source": "hub", "judgements": "x"}}}, "judgements", "x in the results"),
        ({"provenance": {"frames": 16}}, "frames", "8 in the baseline, 16 in the results"),
        ({"provenance": {"prompts": {"query": "a", "candidate": "Read."}}}, "first prompt of a query", "Find: a"),
        (
            {"provenance": {"model": MODEL | {"prompt": {"system": "You are.", "instruction": {"query": "none"}}}}},
            "prompt.instruction.query",
            "user in the baseline, none in the results",
        ),
    ],
)
def test_another_protocol_fails_whatever_the_score(check: CHECK, m: Path, fields: dict[str, Any], name: str, said: str):
    write(m, "msvd", hits(5, 10))
    check("--update")
    write(m, "msvd", hits(5, 10), **fields)
    text = check(code=1)
    assert rows(text)[f"protocol: {name}"] == "changed"
    assert said in text


def test_another_number_of_queries_is_another_task(check: CHECK, m: Path):
    write(m, "mscoco", hits(5, 10))
    check("--update")
    write(m, "mscoco", hits(6, 12))
    assert rows(check(code=1))["mscoco"] == "changed"


def test_weights_and_versions_may_change_and_are_said(check: CHECK, m: Path):
    write(m, "mscoco", hits(5, 10), provenance={"model": MODEL | {"weights": "sha256:a"}})
    check("--update")
    write(m, "mscoco", hits(5, 10), provenance={"model": MODEL | {"weights": "sha256:b"}, "software": {"torch": "3"}})
    text = check()
    assert "* weights: sha256:a in the baseline, sha256:b in the results" in text
    assert "* torch: 2.13.0 in the baseline, 3 in the results" in text


def test_junit_annotations_and_the_step_summary_say_the_same(
    check: CHECK, m: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for task, right in (("mscoco", 50), ("refcoco", 50), ("msvd", 50)):
        write(m, task, hits(right, 100))
    check("--update")
    write(m, "mscoco", hits(10, 100))
    write(m, "msvd", hits(80, 100))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    (tmp_path / "summary.md").write_text("before\n")
    text = check("--junit", "out/junit.xml", code=1)
    document, _, commands = text.partition("\n\n::")
    assert (tmp_path / "summary.md").read_text() == f"before\n{document}\n"
    lines = f"::{commands}".splitlines()
    assert lines[-1].startswith("::notice title=rzen-eval check::msvd: higher, 80.00 now, 50.00 in the baseline")
    assert [line.split("::")[2].split(":")[0] for line in lines if line.startswith("::error")] == [
        name for name, verdict in rows(document).items() if verdict == "lower"
    ]
    suite = ET.parse(tmp_path / "out/junit.xml").getroot()[0]  # noqa: S314 - written above
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == [name for name, verdict in rows(document).items() if verdict == "lower"]
    assert suite.get("failures") == str(len(failed))
    assert suite.get("tests") == str(len(suite)) == "6"


def test_a_percent_sign_and_a_line_break_do_not_end_an_annotation():
    from rzen_eval.results.statistics import gate_ci
    from rzen_eval.results.statistics.gate import Check, Gate, Verdict

    gate = Gate([Check("protocol: prompt", "protocol", None, None, Verdict.CHANGED, "50 %\nof it")], [], [], [])
    assert gate_ci.workflow_commands(gate, strict=False) == [
        "::error title=rzen-eval check::protocol: prompt: changed (50 %25%0Aof it)"
    ]


def test_errors_that_github_would_drop_are_counted():
    from rzen_eval.results.statistics import gate_ci
    from rzen_eval.results.statistics.gate import Check, Gate, Verdict

    gate = Gate([], [], [Check(f"t{n}", "g", 50, 0, Verdict.LOWER) for n in range(12)], [])
    lines = gate_ci.workflow_commands(gate, strict=False)
    assert (len(lines), lines[-1]) == (10, "::error title=rzen-eval check::and 3 more, see the summary")


def test_a_baseline_is_stable_small_and_keeps_its_tolerance(check: CHECK, m: Path, tmp_path: Path):
    write(m, "vidore_docvqa", [1.0, 0.0, 1 / np.log2(3)])
    write(m, "mscoco", hits(500, 1000))
    check("--update", "tolerance=2.5")
    first = (tmp_path / "base.json").read_text()
    assert check("--update") == "wrote base.json: 2 tasks of m, tolerance 2.5 points\n"
    assert (tmp_path / "base.json").read_text() == first
    content = json.loads(first)
    assert {"asked", "told", "queries"} < set(content["tasks"]["mscoco"])
    assert content["tasks"]["vidore_docvqa"]["queries"] == [1, 0, 0.6309]
    assert len(first) < 8000
    check("--strict")


def test_results_without_queries_have_the_tolerance_alone(check: CHECK, m: Path):
    write(m, "mscoco", hits(500, 1000), kept=False)
    check("--update")
    write(m, "mscoco", hits(491, 1000), kept=False)
    check()
    write(m, "mscoco", hits(489, 1000), kept=False)
    check(code=1)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--baseline", "none.json"), 2, "check: no baseline at none.json; --update writes one"),
        (("--baseline", "broken.json"), 1, "broken.json: the file: Invalid JSON"),
        (("--tolerance", "-1"), 2, "argument --tolerance: expected a number of points, 0 to 100, found '-1'"),
        (("--strickt",), 2, "unknown option --strickt (did you mean --strict?)"),
    ],
)
def test_wrong_words_are_one_line(check: CHECK, m: Path, words: tuple[str, ...], code: int, said: str):
    write(m, "mscoco", hits(5, 10))
    check("--update")
    Path("broken.json").write_text("{")
    error = check(*words, code=code)
    assert said in error
    assert error.count("\n") == 1


def test_tasks_of_different_settings_make_no_baseline(check: CHECK, m: Path):
    write(m, "mscoco", hits(5, 10))
    write(m, "refcoco", hits(5, 10), provenance={"model": MODEL | {"dtype": "bfloat16"}})
    assert "different settings: dtype: float32 in mscoco, bfloat16 in refcoco" in check("--update", code=1)


class Reader(toys.Oracle):
    """Reads a query token by token: an early state is about the next shade, the last one about the right one."""

    def states(self, item: Item) -> Vectors:
        own = np.eye(4, dtype=np.float32)[toys.shade_of(item) // 60]
        if item.text is None:
            return own[None]
        return np.stack([2 * np.roll(own, 1), own if item.instruction else np.roll(own, 1)])

    def pool(self, states: Vectors) -> Vectors:
        return states[-1]

    def embed(self, items: Sequence[Item], side: Side) -> Vectors:
        vectors = np.stack([self.pool(self.states(item)) for item in items])
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class WithoutInstruction(Reader):
    def states(self, item: Item) -> Vectors:
        return super().states(Item(text=item.text, images=item.images))


class MeanPooled(Reader):
    def pool(self, states: Vectors) -> Vectors:
        return states.mean(axis=0)


class Shuffled(Reader):
    """Gives back the vectors of candidates in another order than theirs."""

    def embed(self, items: Sequence[Item], side: Side) -> Vectors:
        vectors = super().embed(items, side)
        return np.roll(vectors, 1, axis=0) if side is Side.CANDIDATE else vectors


@pytest.mark.parametrize(
    ("broken", "score_now"),
    [
        # The page that is taken for the right one comes first, and then the right one: 1 / log2(3).
        (MeanPooled, 63.09),
        # The other pages are equally far, and come by id. Of the pages p0 to p3 the wrong one is p1, p2, p3 or p0 in
        # turn, and the right one then second, third, fourth and fourth: (0.6309 + 0.5 + 0.4307 + 0.4307) / 4.
        (WithoutInstruction, 49.81),
        (Shuffled, 49.81),
    ],
)
def test_a_broken_prompt_a_wrong_pooling_and_a_shuffled_candidate_list_are_caught(
    check: CHECK, tmp_path: Path, cache: Path, broken: type[Reader], score_now: float
):
    # Nothing but the scores can tell: an embedder of one's own says nothing of its settings.
    task = toys.toy_task(toys.four_pages(tmp_path).parents[1], cache)
    for model, code in ((Reader(), 0), (Reader(), 0), (broken(), 1)):
        with Loader(0) as loader:
            found = score(task, model, loader, tokens_per_batch=1_000_000)
        store.write(tmp_path / "results" / "m", found.result, found.run, found.queries)
        if not (tmp_path / "base.json").exists():
            assert found.result.score == 1
            check("--update")
        text = check(code=code)
    assert rows(text) == {"toy": "lower"}
    assert f"| 100.00     | {score_now:.2f} | lower" in text


@pytest.mark.usefixtures("sample_root")
def test_the_bundled_model_without_its_instruction_is_caught(check: CHECK):
    words = ["task=image/refcoco_matching", "runtime.workers=0", "runtime.progress=quiet", "model.device=cpu"]
    assert main([*words, "results_dir=results"]) == 0
    check("--update", model="results/mini")
    assert main([*words, "results_dir=broken", "model.prompt.instruction={query: none, candidate: none}"]) == 0
    text = check(model="broken/mini", code=1)
    assert rows(text)["protocol: prompt.instruction.query"] == "changed"
    assert rows(text)["protocol: first prompt of a query"] == "changed"


def test_the_example_workflow_runs_what_there_is():
    workflow = yaml.safe_load(WORKFLOW.read_text())
    assert set(workflow[True]) == {"pull_request", "push"}  # YAML 1.1 reads `on` so
    (job,) = workflow["jobs"].values()
    assert all(("uses" in step) != ("run" in step) for step in job["steps"])
    commands = [shlex.split(step["run"]) for step in job["steps"] if step.get("run", "").startswith("rzen-eval")]
    run, gate = commands
    assert [word.split("=")[0] for word in run[1:]] == ["model", "data", "results_dir"]
    parser = Options("check", COMMANDS["check"])
    command.options(parser)
    chosen, _ = parser.read(gate[2:])
    assert (gate[1], chosen.results, chosen.junit) == ("check", "results/mini", Path("junit.xml"))
    upload = job["steps"][-1]
    assert upload["if"] == "always()"
    assert "junit.xml" in upload["with"]["path"]
