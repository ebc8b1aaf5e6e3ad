"""What people type: settings, options, guesses, and the commands that the documents show."""

import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from rzen_eval.benchmark.places import GROUPS
from rzen_eval.cli import multirun
from rzen_eval.cli.main import COMMANDS, main
from rzen_eval.cli.options import KEYS, Options
from rzen_eval.config import compose
from rzen_eval.config.schema import RunConfig
from rzen_eval.errors import ConfigError
from rzen_eval.results.exchange import submission

CHECKOUT = Path(__file__).parents[2]
COMMAND = re.compile(r"^(?:- run: |run: |#\s+)?(rzen-eval .*)$")


def options(word: str) -> Options:
    parser = Options(word, COMMANDS[word])
    import_module(f"rzen_eval.cli.{COMMANDS[word].module}").options(parser)
    return parser


def shown() -> list[str]:
    """Every command in a block of the documents, and in the help of a command."""
    found = []
    for name in (
        "README.md",
        "examples/README.md",
        "examples/github_workflow.yml",
        *(page.relative_to(CHECKOUT).as_posix() for page in sorted((CHECKOUT / "docs").rglob("*.md"))),
    ):
        text = (CHECKOUT / name).read_text().replace("\\\n", " ")
        found += [match[1] for line in text.splitlines() if (match := COMMAND.match(line.strip()))]
    return [*found, *(example for word in COMMANDS for example in options(word).examples)]


@pytest.mark.parametrize("line", shown())
def test_every_command_that_is_shown_is_understood(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "CHECKPOINT").mkdir()
    (tmp_path / "CHECKPOINT/config.json").write_text('{"model_type": "qwen2_vl"}')
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line, comments=True)[1:]
    before = [word for word in words if word.startswith("--config-dir")]
    rest = [word for word in words if word not in before]
    word = rest.pop(0) if rest and rest[0] in COMMANDS else "run"
    chosen, settings = options(word).read([*before, *rest])
    if chosen.config_dir:
        return
    if "task=available" in settings:  # which there are is asked of the data
        settings.remove("task=available")
    if word == "multirun":
        settings = [setting.replace("=", "=[", 1) + "]" for setting in settings if not setting.startswith("hydra")]
    compose.load(settings, need_tasks=any(setting.startswith("task=") for setting in settings))


def test_commands_within_sentences_of_the_documents_are_understood():
    found = set()
    for page in [CHECKOUT / "README.md", *(CHECKOUT / "docs").rglob("*.md")]:
        sentences = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        found |= {" ".join(command.split()) for command in re.findall(r"`rzen-eval ([^`]+ [^`]+)`", sentences)}
    assert len(found) > 10
    for command in sorted(found):
        word, *rest = shlex.split(command)
        if word in COMMANDS:
            options(word).read(rest)
        elif word != "help":
            options("run").read([word, *rest])


def test_every_key_of_a_run_is_a_setting_and_every_question_of_the_leaderboard_an_option():
    assert set(KEYS) == {*GROUPS, *RunConfig.model_fields}
    asked = {f"--{name.replace('_', '-')}" for name in submission.Metadata.model_fields}
    assert asked <= set(options("export")._option_string_actions)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--limit", "5"], "settings are written limit=5, without dashes"),
        (["--limit=5"], "settings are written limit=5, without dashes"),
        (["--task", "visdoc", "--model", "mini"], "settings are written task=visdoc model=mini, without dashes"),
        (["run", "--data.root", "/a b"], "settings are written 'data.root=/a b', without dashes"),
        (["--results-dir", "out"], "settings are written results_dir=out, without dashes"),
        (["estimate", "--task"], "estimate: settings are written task=VALUE, without dashes"),
        (["compare", "a", "b", "--task", "visdoc"], "compare: settings are written task=visdoc, without dashes"),
        (["limit", "5"], "settings are written limit=5"),
        (["list"], "did you mean tasks or models?"),
        (["list", "tasks"], "did you mean tasks or models?"),
        (["eval", "task=visdoc"], "did you mean run?"),
        (["taks"], "did you mean tasks?"),
        (["visdoc"], "did you mean task=visdoc?"),
        (["vidore_arxivqa"], "did you mean task=visdoc/vidore_arxivqa?"),
        (["arxivqa"], "did you mean task=visdoc/vidore_arxivqa?"),
        (["mini"], "did you mean model=mini?"),
        (["rzenembed_v2_7b"], "did you mean model=rzenembed_v2_7b?"),
        (["run", "visdoc"], "unexpected 'visdoc' (did you mean task=visdoc?)"),
        (["task=visdoc", "estimate"], "estimate is a command, which comes first"),
        (["help", "taks"], "did you mean tasks?"),
        (
            ["table", "--fromat", "md"],
            "unknown option --fromat (did you mean --format?); see rzen-eval table --help",
        ),
        (["plot", "task=visdoc"], "plot: takes no settings, found 'task=visdoc'"),
        (["cache", "limit=5"], "cache: takes cache_dir=, found 'limit=5'"),
        (["compare", "a", "b", "model=mini"], "takes the settings task=, results_dir= and tasks=, found 'model=mini'"),
        (["sweep", "dim=64"], "sweep: unknown key 'dim' (did you mean --dims?)"),
        (["table", "--digits", "many"], "argument --digits: expected a whole number, 0 to 6, found 'many'"),
        (["--config-dir"], "argument --config-dir: expected one argument"),
    ],
)
def test_a_guess_is_answered_with_the_right_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    assert main(words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("rzen-eval: ")
    assert error.count("\n") == 1


def test_options_and_settings_may_stand_in_any_order():
    parser = options("estimate")
    for words in (
        ["task=visdoc", "--devices", "h100", "limit=2"],
        ["--devices=H100", "task=visdoc", "limit=2"],
        ["task=visdoc", "limit=2", "devices=[h100]"],
    ):
        chosen, settings = parser.read(words)
        assert (chosen.devices, settings) == (["h100"], ["task=visdoc", "limit=2"])


def test_a_value_may_look_like_a_setting():
    chosen, settings = options("export").read(["results/m", "--model-name", "size=2B", "--output", "a=b.json"])
    assert (chosen.model_name, chosen.output, settings) == ("size=2B", Path("a=b.json"), [])


@pytest.mark.parametrize(
    ("word", "old", "new"),
    [
        ("table", "r precision=3 results_dir=s", "r s --digits 3"),
        ("table", "--references --precision 3", "--published-only --digits 3"),
        ("plot", "r --out p --results-dir s", "r s --output p"),
        ("sweep", "dims=[64,128] precision=[int8] out=d", "--dims 64,128 --precision int8 --output d"),
        ("data", "unpack again=true deep=false", "unpack --again"),
        ("import", "mteb d model=m data_version=2.1", "mteb d --model m --data-version 2.1"),
        ("cache", "prune=all", "--prune all"),
        ("prompt", "row=1 side=candidate media=d", "--row 1 --side candidate --media d"),
    ],
)
def test_older_spellings_are_read_and_shown_nowhere(word: str, old: str, new: str):
    parser = options(word)
    former, settings = parser.read(old.split())
    current, _ = parser.read(new.split())
    former.command = current.command
    assert (former, settings) == (current, [])
    assert not [name for name in parser.renamed if f"--{name} " in parser.format_help()]


def test_what_is_no_flag_value_is_refused():
    with pytest.raises(ConfigError, match="expected deep=true or deep=false, found 'deep=maybe'"):
        options("data").read(["verify", "deep=maybe"])


def cpu_seconds(words: list[str]) -> float:
    code = (
        "import resource, sys\nfrom rzen_eval.cli.main import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit as done:\n    assert not done.code\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\nprint(used.ru_utime + used.ru_stime, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "usage: rzen-eval" in done.stdout or "Run:" in done.stdout
    return float(done.stderr)


@pytest.mark.parametrize("word", COMMANDS)
def test_every_command_has_its_own_help_at_once(word: str):
    assert any(cpu_seconds([word, "--help"]) < 0.3 for _ in range(2))


def test_help_of_a_command_can_be_asked_for_in_two_ways(capsys: pytest.CaptureFixture[str]):
    for words in (["compare", "--help"], ["help", "compare"]):
        with pytest.raises(SystemExit) as done:
            main(words)
        assert done.value.code == 0
    first, second = capsys.readouterr().out.split("usage: ")[1:]
    assert first == second
    assert "rzen-eval compare A B [C ...] [KEY=VALUE ...] [OPTIONS]" in first
    assert main(["help"]) == main(["--help"]) == 0
    assert capsys.readouterr().out.count("Decide:") == 2


def test_help_fits_a_terminal_of_80_columns(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("COLUMNS", "80")
    main(["--help"])
    texts = [capsys.readouterr().out, *(options(word).format_help() for word in COMMANDS)]
    assert [line for text in texts for line in text.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("task=memory_peerqa,ViDoRe_arxivqa", "task=mmeb_v3/memory_peerqa,visdoc/vidore_arxivqa"),
        ("task=[memory_peerqa,visrag]", "task=[mmeb_v3/memory_peerqa,visrag]"),
        ("model=mini,wemm_2b", "model=mini,wemm_2b"),
        ("limit=1,2", "limit=1,2"),
        ("hydra/launcher=submitit_slurm", "hydra/launcher=submitit_slurm"),
    ],
)
def test_combinations_go_by_the_names_that_a_run_takes(word: str, expected: str):
    assert multirun.known(word, []) == expected


def test_a_combination_that_there_is_not_is_one_line():
    with pytest.raises(ConfigError, match=r"^unknown model 'nope' \(did you mean"):
        multirun.known("model=mini,nope", [])


@pytest.mark.parametrize("word", ["family.mmeb_v3_tool.metric=hit@5", "family=vidore", "experiment.metric=hit@5"])
def test_what_a_family_or_an_experiment_says_is_not_set_in_vain(word: str):
    with pytest.raises(ConfigError, match=r"read from its YAML alone .*, as tasks.ID.metric=VALUE"):
        compose.load(["task=tool_web_apibank", word])
