"""Configuration: what can be said, and how what cannot is refused."""

from pathlib import Path

import pytest

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.benchmark.places import choices
from rzen_eval.config import compose
from rzen_eval.errors import ConfigError
from tests.config.given import MINE, own_task, refused


def ids(*overrides: str) -> list[str]:
    return list(compose.load(overrides).tasks)


def test_a_task_a_suite_and_a_list_can_be_chosen():
    assert ids("task=visdoc/vidore_arxivqa") == ["vidore_arxivqa"]
    assert len(ids("task=vidore_v1")) == 10
    assert len(ids("task=[vidore_v2,visrag]")) == 10
    assert len(ids("task=visdoc")) == 24


def test_suites_that_overlap_are_de_duplicated():
    assert ids("task=[vidore_v1,visdoc/vidore_arxivqa]") == ids("task=vidore_v1")


def test_a_task_can_be_taken_out_of_a_suite_and_its_keys_set():
    chosen = compose.load(["task=vidore_v1", "~tasks.vidore_arxivqa", "tasks.vidore_docvqa.metric=hit@1"])
    assert len(chosen.tasks) == 9
    assert chosen.tasks["vidore_docvqa"].metric == "hit@1"


def test_a_key_that_no_yaml_mentions_can_be_set_without_a_plus():
    assert compose.load(["task=visdoc/vidore_arxivqa", "model.dtype=bfloat16"]).model.dtype == "bfloat16"


def test_nothing_chosen_is_the_bundled_model_on_the_bundled_sample():
    chosen = compose.load([])
    assert (chosen.model.name, chosen.data.kind, chosen.limit) == ("mini", "sample", None)


def test_the_experiment_of_a_published_row_chooses_model_data_and_task_version():
    chosen = compose.load(["experiment=rzenembed_v2_7b"])
    assert (chosen.model.name, chosen.data.kind) == ("rzenembed_v2_7b", "hub")
    assert all("2.0" in task.versions for task in chosen.tasks.values())
    assert chosen.reference is not None
    assert chosen.reference.scores["Visdoc"] == 77.06


def test_an_experiment_sets_frames_and_options_of_those_of_its_tasks_that_are_chosen():
    whole = compose.load(["experiment=qwen3_vl_embedding_8b"])
    assert {task.frames for task in whole.tasks.values()} == {64}
    assert whole.tasks["egoschema"].options["ask"] == "{question} {choices}"
    assert whole.tasks["egoschema"].options["letters"] == "given"
    assert ids("experiment=qwen3_vl_embedding_8b", "task=visdoc/vidore_arxivqa") == ["vidore_arxivqa"]
    fewer = compose.load(["experiment=qwen3_vl_embedding_8b", "task=visdoc", "frames=8"])
    assert {task.frames for task in fewer.tasks.values()} == {8}
    assert "no such task (did you mean egoschema?)" in refused("task=video", "task_options.egoshema.ask=x")


@pytest.mark.parametrize(
    ("word", "path"),
    [
        ("tasks.hmdb51.options.labels=mine", "tasks.hmdb51.options.labels"),
        ("tasks.hmdb51.options={labels: mine}", "tasks.hmdb51.options.labels"),
        ("task_options.hmdb51.labels=mine", "tasks.hmdb51.options.labels"),
        ("task_fields.hmdb51.options.labels=mine", "tasks.hmdb51.options.labels"),
        ("tasks.hmdb51.instruction.query=mine", "tasks.hmdb51.instruction.query"),
    ],
)
def test_a_word_wins_over_what_an_experiment_says_of_the_same_task_and_leaves_the_rest(word: str, path: str):
    whole = ["experiment=wemm_2b", "task=video/hmdb51"]
    plain, typed = (compose.load([*whole, *more]).tasks["hmdb51"].model_dump() for more in ([], [word]))
    *inside, last = path.split(".")[2:]
    for key in inside:
        plain, typed = plain[key], typed[key]
    assert plain[last] != "mine"
    assert typed == plain | {last: "mine"}


def test_the_same_composition_twice_is_the_same_configuration():
    assert compose.load(["task=visdoc"]) == compose.load(["task=visdoc"])


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("task=visdok", ["unknown task 'visdok'", "did you mean visdoc?"]),
        ("task=[vidore_v1,viisrag]", ["unknown task 'viisrag'", "did you mean visrag?"]),
        ("task=arxivqa", ["unknown task 'arxivqa'", "did you mean vidore_arxivqa or visrag_arxivqa?"]),
        ("task=Visrag", ["did you mean visrag?"]),
        ("task=I-CLS", ["a group of the tables: task=image_cls"]),
        ("model=/models/rzen", ["model=NAME model.checkpoint=/models/rzen", "model=custom"]),
        ("data=/my/data", ["data=mirror data.root=/my/data"]),
        ("model=rzenembed", ["did you mean rzenembed_v1_2b or rzenembed_v2_7b"]),
        ("dtype=bf16", ["unknown key 'dtype'", "did you mean model.dtype?"]),
        ("workers=3", ["did you mean runtime.workers?"]),
        ("prompt=x", ["did you mean model.prompt, which takes template, ending, pictured, system,"]),
        ("model.prompt=x", ["model.prompt takes no value but keys", "model.prompt.template=VALUE", "found 'x'"]),
        ("tasks.vidore_arxivqa.instruction=x", ["tasks.vidore_arxivqa.instruction.query=VALUE", "query, candidate"]),
        ("tasks.ViDoRe_arxivqa.metric=hit@1", ["did you mean vidore_arxivqa?"]),
        (
            "reranker=foo",
            ["unknown reranker 'foo'; expected one of cross_encoder, endpoint, mini_judge, none, python,"],
        ),
        ("model=mimi", ["unknown model 'mimi'", "did you mean mini?", "`rzen-eval models` lists them"]),
        ("mdoel=mini", ["unknown key 'mdoel'", "did you mean model?"]),
        ("model.dtpe=float32", ["command line", "model.dtpe", "did you mean dtype?"]),
        ("model.dtype=float3", ["command line", "model.dtype", "'float32'", "found 'float3'"]),
        ("model.image.max_tokns=3", ["model.image.max_tokns", "did you mean max_tokens?"]),
        ("model.image={min_tokens: 5, max_tokens: 2}", ["min_tokens 5 is above max_tokens 2"]),
        ("model.prompt.template=x", ["model.prompt", "{media} exactly once"]),
        ("tasks.vidore_arxivq.metric=hit@1", ["'vidore_arxivq'", "did you mean vidore_arxivqa?"]),
        ("tasks.vidore_arxivqa.metrc=hit@1", ["metrc", "did you mean metric?"]),
        ("tasks.vidore_arxivqa.versions=[v9]", ["expected some of 2.1, 2.0.1, 2.0", "found 'v9'"]),
        ("tasks.vidore_arxivqa.metric=hit@2", ["tasks.vidore_arxivqa.metric", "hit@2", "did you mean"]),
        ("limit=many", ["command line", "limit", "expected a number of queries", "'many'"]),
        ("limit=0", ["limit", "such as 100, or first:20", "found 0"]),
        ("limit=first:20:3", ["limit", "first:20, or sample:100:7", "found 'first:20:3'"]),
        ("data=mirror", ["data.root is missing", "data.root=VALUE"]),
        ("runtime.workers=-1", ["runtime.workers", "greater than or equal to 0", "-1"]),
        ("visdoc", ["'visdoc' is not an override", "group=choice"]),
        ("data.root=/a (b)", ["is not an override", "quotes"]),
        ("model=mini,rzenembed_v2_7b", ["model=[mini,rzenembed_v2_7b]"]),
        ("tasks.vidore_arxivqa=null", ["tasks.vidore_arxivqa", "found None"]),
        ("results_dir=", ["results_dir is empty"]),
        ("model.name=a/../b", ["model.name", "found 'a/../b'"]),
        ("data.kind=mirror", ["a mirror needs data.root=FOLDER"]),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_the_nearest_match(override: str, said: list[str]):
    message = refused("task=vidore_v1", override) if not override.startswith("task=") else refused(override)
    for part in said:
        assert part in message


def test_a_task_of_a_known_family_is_a_few_lines_in_a_folder_of_ones_own(tmp_path: Path):
    own_task(tmp_path, MINE)
    task = compose.load(["task=visdoc/mine"], [tmp_path]).tasks["mine"]
    assert len(MINE.splitlines()) < 10
    assert (task.metric, task.dataset.split) == ("ndcg_linear@5", "test")
    assert task.instruction.query == "Find a document image that matches the given query:"


def test_a_mistake_in_a_yaml_file_names_the_file(tmp_path: Path):
    own_task(tmp_path, MINE + "n_candidate: 3\n")
    with pytest.raises(ConfigError) as caught:
        compose.load(["task=visdoc/mine"], [tmp_path])
    for part in ("task/visdoc/mine.yaml", "tasks.mine.n_candidate", "did you mean n_candidates?"):
        assert part in str(caught.value)


def test_a_missing_key_of_a_yaml_file_is_named(tmp_path: Path):
    own_task(tmp_path, MINE.replace("n_queries: 10\n", ""))
    with pytest.raises(ConfigError, match=r"task/visdoc/mine\.yaml: tasks\.mine\.n_queries is missing"):
        compose.load(["task=visdoc/mine"], [tmp_path])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "task/visdoc/mine.yaml",
            MINE.replace("tasks.mine", "tasks.other"),
            "expected the first line '# @package tasks.mine'",
        ),
        ("task/visdoc/mine.yaml", "", "expected the first line"),
        ("task/visdoc/vidore_arxivqa.yaml", MINE.replace("mine", "vidore_arxivqa"), "'vidore_arxivqa' is taken by"),
        ("model/mini.yaml", "name: mini\n", "'mini' is taken by"),
        ("task/visdoc/mine.yaml", MINE + "a: [\n", "configuration: while parsing"),
    ],
    ids=["another name inside", "empty", "name of a shipped task", "name of a shipped model", "syntax"],
)
def test_yaml_that_would_be_ignored_or_take_anothers_place_is_refused(tmp_path: Path, name: str, text: str, said: str):
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        compose.load(["task=visdoc/mine"], [tmp_path])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_data_root_alone_means_a_mirror_and_a_tilde_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    chosen = compose.load(["task=visdoc/vidore_arxivqa", "data.root=~/some data"])
    assert (chosen.data.kind, chosen.data.root) == ("mirror", tmp_path / "some data")


def test_a_config_dir_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="no folder at"):
        compose.load([], [tmp_path / "nowhere"])


def test_every_shipped_model_composes():
    own = {
        "custom": ["model.checkpoint=x", "model.family=qwen2_vl"],
        "openai": ["model.endpoint=https://host/v1/embeddings", "model.remote=openai"],
        "python": ["model.class=own:python"],
        "sentence_transformers": ["model.checkpoint=x"],
    }
    for name in choices("model"):
        settings = ["task=visdoc/vidore_arxivqa", f"model={name}", *own.get(name, [])]
        assert compose.load(settings).model.name == ("x" if "model.checkpoint=x" in settings else name)


def test_the_benchmark_has_78_tasks_in_twelve_groups():
    groups = {name: len(tasks) for made_of in manifest().groups().values() for name, tasks in made_of.items()}
    assert groups == {
        "I-CLS": 10, "I-QA": 10, "I-RET": 12, "I-VG": 4, "V-CLS": 5, "V-QA": 5, "V-RET": 5, "V-MRET": 3,
        "ViDoRe-V1": 10, "ViDoRe-V2": 4, "VisRAG": 6, "VisDoc-OOD": 4,
    }  # fmt: skip


def test_tasks_that_are_not_needed_are_not_composed():
    assert compose.load(["model=mini"], need_tasks=False).tasks == {}
    assert compose.load(["experiment=rzenembed_v2_7b"], need_tasks=False).tasks == {}
    assert list(compose.load(["task=visdoc/vidore_arxivqa"], need_tasks=False).tasks) == ["vidore_arxivqa"]


def test_a_setting_of_a_task_that_is_not_composed_is_refused():
    with pytest.raises(ConfigError, match="'vidore_arxivqa' is not among the chosen tasks"):
        compose.load(["tasks.vidore_arxivqa.metric=hit@1"], need_tasks=False)


@pytest.mark.parametrize("word", ["vidore_arxivqa", "ViDoRe_arxivqa", "visdoc/vidore_arxivqa"])
def test_a_task_goes_by_its_path_its_id_and_its_name_on_the_leaderboard(word: str):
    assert list(compose.load([f"task={word}"]).tasks) == ["vidore_arxivqa"]
    assert list(compose.load([f"task=[{word},vidore_docvqa,ViDoRe_docvqa]"]).tasks) == [
        "vidore_arxivqa",
        "vidore_docvqa",
    ]


def test_every_name_of_the_leaderboard_chooses_its_newest_task():
    newest = manifest().versions[manifest().newest].members
    names = [manifest().entries[member].name for member in newest]
    assert list(compose.load([f"task=[{','.join(names)}]"]).tasks) == list(newest)


def test_a_task_of_your_own_goes_by_its_id(tmp_path: Path):
    own_task(tmp_path, MINE)
    assert list(compose.load(["task=mine"], [tmp_path]).tasks) == ["mine"]
