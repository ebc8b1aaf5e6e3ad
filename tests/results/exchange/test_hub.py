"""Results in the forms of the hub, read back by huggingface_hub; mteb's layout, read back by mteb."""

import re
from pathlib import Path

import pytest
import yaml

from rzen_eval.errors import ConfigError
from rzen_eval.results import store
from rzen_eval.results.exchange.hub import into_card
from tests.conftest import Command
from tests.runs import write

PAGE = Path(__file__).parents[3] / "docs/exports.md"


def entries(file: Path) -> list:
    from huggingface_hub import parse_eval_result_entries

    return parse_eval_result_entries(yaml.safe_load(file.read_text()))


def test_evaluation_results_are_read_back_by_the_hubs_library(run: Command):
    for task in ("vidore_arxivqa", "vidore_docvqa"):
        write(Path("results/m"), task, [1.0, 0.5])
    words = ("--format", "eval-results", "--url", "https://example.com/m", "--output", "repo")
    assert run("export", "results/m", *words) == "wrote mmeb_v2-2.1.yaml into repo/.eval_results\n"
    found = entries(Path("repo/.eval_results/mmeb_v2-2.1.yaml"))
    assert [(one.task_id, one.value) for one in found] == [("ViDoRe_arxivqa", 75.0), ("ViDoRe_docvqa", 75.0)]
    first = found[0]
    assert first.dataset_id == "vidore/arxivqa_test_subsampled_beir"
    assert re.fullmatch("[0-9a-f]{40}", first.dataset_revision)
    assert isinstance(first.date, str)
    assert first.source_url == "https://example.com/m"
    assert first.notes.startswith("percent, ndcg_linear@5 of 2 queries, rzen_eval ")


def test_an_average_is_there_where_its_part_is_whole_and_never_else(run: Command):
    from rzen_eval.benchmark.manifest import manifest

    for name in manifest().versions["2.1"].members:
        entry = manifest().entries[name]
        if entry.group == "ViDoRe-V1":
            write(Path("results/m"), name, [1.0, 0.5])
    run("export", "results/m", "--format", "eval-results", "--output", "repo")
    found = entries(Path("repo/.eval_results/mmeb_v2-2.1.yaml"))
    whole = [one for one in found if one.dataset_id == "TIGER-Lab/MMEB-V2"]
    assert [(one.task_id, one.value) for one in whole] == [("ViDoRe-V1", 75.0)]
    assert "mean over 10 tasks" in whole[0].notes


def test_a_model_card_keeps_all_but_its_index(run: Command):
    from huggingface_hub import ModelCard

    write(Path("results/m"), "vidore_arxivqa", [1.0, 0.5])
    Path("README.md").write_text("---\nlicense: mit\ntags: [a]\n---\n# A model\n\ntext\n")
    run("export", "results/m", "--format", "model-index", "--model-name", "Mine", "--output", "README.md")
    card = ModelCard.load(Path("README.md"))
    assert (card.data.license, card.data.tags, card.text.strip()) == ("mit", ["a"], "# A model\n\ntext")
    (found,) = card.data.eval_results
    assert (found.metric_type, found.metric_value, found.dataset_name) == ("ndcg_linear@5", 75.0, "ViDoRe_arxivqa")


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("---\n---\nbody\n", "body\n"),
        ("\ufeff---\na: 1\n---\nbody", "body"),
        ("--- \na: 1\n--- \n", ""),
        ("b\n---\n", "b\n---\n"),
    ],
)
def test_a_card_has_one_head_whatever_it_looked_like(text: str, body: str):
    card = into_card(text, [])
    assert card.count("model-index") == 1
    assert card.endswith(f"model-index: []\n---\n{body}")


def test_a_card_whose_head_holds_no_fields_is_refused():
    with pytest.raises(ConfigError, match="the head of the card holds list; expected fields with names"):
        into_card("---\n- a\n---\n", [])


def test_parts_and_other_data_are_not_exported(run: Command):
    write(Path("results/m"), "vidore_arxivqa", [1.0, 0.5], limit="first:2")
    said = run("export", "results/m", "--format", "eval-results", "--output", "repo", code=2)
    assert "no result of all queries" in said
    write(Path("results/n"), "vidore_arxivqa", [1.0, 0.5], marks=("other_data",))
    said = run("export", "results/n", "--format", "model-index", code=1)
    assert "vidore_arxivqa was scored on other data" in said


def test_mteb_loads_a_folder_of_its_layout(run: Command):
    mteb = pytest.importorskip("mteb")
    for number, language in enumerate(("french", "spanish", "english", "german", "italian", "portuguese")):
        write(Path("results/m"), f"vidore3_hr_{language}", [0.25, number / 3])
    run("export", "results/m", "--format", "mteb", "--output", "cache/results/me__mine/1a2b3c")
    cache = mteb.ResultCache(Path("cache"))
    loaded = cache.load_results(models=["me/mine"], tasks=["Vidore3HrRetrieval"], include_remote=False)
    (model,) = loaded.model_results
    assert (model.model_name, model.model_revision) == ("me/mine", "1a2b3c")
    assert model.task_results[0].task_name == "Vidore3HrRetrieval"


def test_the_commands_of_the_page_run_on_results_of_the_sample(run: Command):
    text = PAGE.read_text()
    blocks = re.findall(r"<!-- run by .*?-->\n```bash\n(.*?)```", text, re.DOTALL)
    lines = [
        line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.startswith("rzen-eval")
    ]
    for task in ("vidore_arxivqa", "vidore3_hr_english"):
        write(Path("results/mine"), task, [1.0, 0.5], provenance={"dataset": {"source": "sample"}})
    Path("their_run").mkdir()
    prediction = '{"prediction": ["a", "b"], "label": ["a"], "rel_scores": null, "prediction_scores": [0.9, 0.9]}\n'
    Path("their_run/ImageNet-1K_pred.jsonl").write_text(prediction * 1000)
    for line in lines:
        run(*line.split("#")[0].split()[1:])
    found = entries(Path("my_repository/.eval_results/mmeb_v2-2.1.yaml"))
    assert all(one.notes.endswith("made-up sample, not the benchmark") for one in found)
    result = store.read(Path("results/theirs/imagenet_1k.json"))
    assert (result.score, result.n_ties, result.other_protocol) == (1.0, 1000, False)
