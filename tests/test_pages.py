"""The pages run: every block that is marked for it, with the very commands that a reader copies."""

import ast
import importlib.util
import io
import json
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from PIL import Image

from rzen_eval import errors
from rzen_eval.cli.main import main
from tests.conftest import FIXTURES

CHECKOUT = Path(__file__).parents[1]
BLOCK = re.compile(
    r"<!-- runs(?: in (?P<folder>\S+))?(?: with (?P<words>[^>]+?))? -->\n```bash\n(?P<lines>.*?)```", re.DOTALL
)
PAGES = [page for page in sorted((CHECKOUT / "docs").rglob("*.md")) if "<!-- runs" in page.read_text()]
FIRST = CHECKOUT / "docs/first-hour.md"
CHECKPOINT, MIRROR = str(FIXTURES / "tiny_qwen2vl"), str(FIXTURES / "mirror")
SHELL = re.compile(r"(?:<!-- (?P<mark>[^>]+) -->\n)?```bash\n(?P<lines>.*?)```", re.DOTALL)
ONLY_READ = {
    "sets up an environment; .ci/run does it with the README's": r"^python3 -m venv",
    "asks the hub, a service or a tracker's server": r" data=hub|data fetch|openai\.com|seed_1_6|track\.online=true",
    "takes weights, or results, of a model of billions of parameters": r"_\d+b(?:_|\b)|experiment=|OWNER/NAME|ADAPTER",
    "takes every task of a suite, or their archives": r"task=(?:mmeb_v2|mmeb_v3_new|vidore_v3_hr|available)\b",
    "takes results of every task, or of others' evaluators": r"^rzen-eval (?:export|import) ",
    "takes a cluster": r"^torchrun|runtime=ray|hydra/launcher=submitit",
    "says of a whole disk what is where; run on another page": r"data doctor data\.root=/data",
    "logs to a tracker; tests/results/exchange/test_trackers.py does": r" track=",
}
"""Commands of blocks without a mark, and why they are not run here; all the same their words are read and composed, by
`tests/cli/test_words.py`."""
LINK = re.compile(r"\]\((?P<page>[^)#:\s]*)(?:#(?P<part>[^)\s]+))?\)")


@dataclass(frozen=True)
class Block:
    """Commands of a page that are run."""

    folder: str
    """Where, below the checkout's copy."""
    further: list[str]
    """Words for a run alone, which keep it short."""
    commands: list[list[str]]


def blocks(page: Path) -> Iterator[Block]:
    for found in BLOCK.finditer(page.read_text()):
        lines = found["lines"].replace("\\\n", " ").splitlines()
        commands = [words for line in lines if (words := shlex.split(line, comments=True))]
        yield Block(found["folder"] or "", shlex.split(found["words"] or ""), commands)


def test_every_mark_belongs_to_a_block_and_every_block_to_this_program():
    for page in PAGES:
        found = list(blocks(page))
        assert len(found) == page.read_text().count("<!-- runs"), page
        assert {words[0] for block in found for words in block.commands} == {"rzen-eval"}, page


def test_every_command_of_a_block_that_is_not_run_has_a_reason():
    left: list[tuple[str, str]] = []
    reasons = set()
    for page in sorted((CHECKOUT / "docs").rglob("*.md")):
        for block in SHELL.finditer(page.read_text()):
            mark = block["mark"] or ""
            if other := re.match(r"run by (tests/\S+)$", mark):
                assert (CHECKOUT / other[1]).is_file(), (page, mark)
            if mark.startswith("run"):
                continue
            lines = block["lines"].replace("\\\n", " ").splitlines()
            for line in [line for line in lines if not line.startswith("#")]:
                found = {reason for reason, command in ONLY_READ.items() if re.search(command, line)}
                left += [] if found else [(page.name, line)]
                reasons |= found
    assert left == [], "mark their block with <!-- runs -->"
    assert reasons == {*ONLY_READ}


@pytest.fixture(scope="session")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the bundled model on two tasks of the sample."""
    folder = tmp_path_factory.mktemp("scored")
    words = ["task=[image/objectnet,visdoc/vidore_docvqa]", f"results_dir={folder}", "runtime.workers=0"]
    assert main(words) == 0
    return folder / "mini"


@pytest.mark.parametrize("page", [page for page in PAGES if page != FIRST], ids=lambda page: page.stem)
def test_the_commands_of_a_page_run_in_their_order_where_there_are_results(
    page: Path, scored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("results/mini", "results/mine", "results/theirs", "results/a", "results/b", "my_results/mine"):
        shutil.copytree(scored, tmp_path / name)
    run_page(page, tmp_path, monkeypatch)


def run_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page that are marked to be run, one after another."""
    shutil.copytree(CHECKOUT / "examples", tmp_path / "examples")
    monkeypatch.setattr(sys, "path", list(sys.path))
    for block in blocks(page):
        monkeypatch.chdir(tmp_path / block.folder)
        for _, *words in block.commands:
            given = [word.replace("CHECKPOINT", CHECKPOINT).replace("/data", MIRROR) for word in words]
            scores = not words or "=" in words[0] or words[0].startswith("--config-dir")
            assert main([*given, *(["runtime.workers=0", *block.further] if scores else [])]) == 0, shlex.join(words)


def test_a_stranger_has_tables_failures_a_report_and_a_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    run_page(FIRST, tmp_path, monkeypatch)
    said = capsys.readouterr().out
    for part in (
        "| mini    |",
        "tiny_qwen2vl: nothing is wrong",
        "| mine    |",
        "vidore_docvqa: 8 of 8 queries have another answer first",
        "wrote results/mine/report.html: 7 tasks",
        "mine: as good as the baseline",
    ):
        assert part in said
    assert {file.name for file in tmp_path.iterdir()} >= {"results", "ci", "junit.xml"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["table", "results/mini"], "no folder at results/mini in {here}; expected one with <model>/<task>.json"),
        (["failures", "results/mine"], "no results of 'results/mine': there is no folder results in {here}"),
        (
            ["report", "mine"],
            "no folder at mine in {here}; expected one with <model>/<task>.json, as a run leaves them",
        ),
        (["task=vidore_docvq"], "unknown task 'vidore_docvq' (did you mean vidore_docvqa?)"),
        (["task=visdoc", "model=custom", "model.checkpoint=CHECKPOINT"], "no folder at CHECKPOINT; model.checkpoint="),
        (["model-check", "model=custom", "model.checkpoint={here}"], "{here} holds no config.json"),
        (["task=available", "data=mirror", "data.root=/nowhere"], "of none of 78 tasks are the data there"),
        (["task=visdoc", "data=mirror"], "data.root is missing; give data.root=VALUE (the folder that holds"),
        (["data", "doctor", "data.root=/nowhere"], "data doctor: no folder at /nowhere; data.root=FOLDER is where"),
        (["check", "results/mine", "--baseline", "ci/mine.json"], "there is no folder results in {here}"),
    ],
)
def test_what_goes_wrong_on_the_way_is_answered_by_a_line_that_helps(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    assert main([word.format(here=tmp_path) for word in words]) in {1, 2}
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("rzen-eval: ")]
    assert said.format(here=tmp_path) in line


def test_results_that_are_there_are_named_to_those_who_misspell_them(
    scored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    shutil.copytree(scored, tmp_path / "results/mine")
    monkeypatch.chdir(tmp_path)
    for words, said in (
        (["report", "results/min"], "(did you mean results/mine?)"),
        (["failures", "results/min"], "results holds mine (did you mean mine?)"),
        (["check", "results/mine", "--baseline", "ci/mine.json"], "no baseline at ci/mine.json; --update writes one"),
    ):
        assert main(words) == 2
        assert said in capsys.readouterr().err
    assert main(["table", "mine"]) == 0
    assert "* mine: results in results/mine\n" in capsys.readouterr().out
    assert main(["failures", "mine", "-n", "1"]) == 0
    shown = capsys.readouterr().out
    assert "### objectnet: 10 of 18 queries have another answer first; the worst 1, -n 10 lists all\n" in shown
    assert re.search(r"\n\| 14 +\| \(picture\) +\| heart +\| 4 +\| triangle +\|\n", shown)
    assert "\nNo query has another answer first in vidore_docvqa\n" in shown


def workflow() -> list[str]:
    """The shell lines of the example's steps."""
    steps = yaml.safe_load((CHECKOUT / "examples/github_workflow.yml").read_text())["jobs"]["retrieval"]["steps"]
    return [line for step in steps for line in step.get("run", "").splitlines()]


def test_the_workflow_to_copy_installs_what_there_is_and_stops_a_model_that_got_worse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    torch, harness, score, check = (shlex.split(line) for line in workflow())
    assert torch == ["pip", "install", "torch", "--index-url", "https://download.pytorch.org/whl/cpu"]
    assert harness == ["pip", "install", "rzen-eval @ $RZEN_EVAL"]
    score += ["task=[image/objectnet,visdoc/vidore_docvqa]", "runtime.workers=0"]
    assert main(score[1:]) == 0
    assert main([*check[1:], "--update"]) == 0
    assert main(check[1:]) == 0
    assert Path("junit.xml").is_file()
    Path("results/mini/vidore_docvqa.json").unlink()
    assert main(check[1:]) == 1
    assert "vidore_docvqa" in capsys.readouterr().out


def anchors(page: Path) -> set[str]:
    """What the titles of a page are called in addresses."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    plain = [re.sub(r"[^\w\s-]", "", re.sub(r"[`*]", "", title)).strip().lower() for title in titles]
    return {re.sub(r"[-\s]+", "-", title) for title in plain}


def test_every_link_inside_the_pages_leads_somewhere():
    made = {"commands.md"}
    for page in sorted((CHECKOUT / "docs").rglob("*.md")):
        for found in LINK.finditer(re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)):
            target = (page.parent / found["page"]).resolve() if found["page"] else page
            if target.name in made or target.suffix != ".md":
                assert target.name in made or target.exists(), (page, found[0])
                continue
            assert target.is_file(), (page, found[0])
            assert not found["part"] or found["part"] in anchors(target), (page, found[0])


def literals() -> list[str]:
    """Texts of the package, each f-string as one with … for what it fills in."""
    found = []
    for file in sorted((CHECKOUT / "rzen_eval").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.JoinedStr):
                found.append("…".join(part.value for part in node.values if isinstance(part, ast.Constant)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


def test_every_message_that_the_page_of_troubles_explains_is_one_that_there_is():
    rows = re.findall(r"^\| (`.+?`) \| \S", (CHECKOUT / "docs/troubleshooting.md").read_text(), re.MULTILINE)
    said = "\n".join(literals())
    quoted = [text for row in rows for text in re.findall(r"`([^`]+)`", row)]
    assert len(quoted) > 50
    parts = [part.strip(" ,;:()") for text in quoted for part in text.split("…")]
    assert [part for part in parts if len(part) > 3 and part not in said] == []


def test_every_kind_of_error_leads_to_a_part_of_that_page_which_the_package_carries(
    capsys: pytest.CaptureFixture[str],
):
    known = anchors(CHECKOUT / "docs/troubleshooting.md")
    for kind in [errors.RzenEvalError, *errors.RzenEvalError.__subclasses__()]:
        assert kind.explained in known
        assert main(["help", "troubleshooting", kind.explained]) == 0
    assert main(["help", "troubleshooting"]) == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.split("PART`:\n")[1].splitlines()}
    assert listed == {name for name in known if name != "troubleshooting"}
    wheel = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"]["docs/troubleshooting.md"] == "rzen_eval/troubleshooting.md"


def test_the_pictures_are_of_what_there_is_now_and_small():
    spec = importlib.util.spec_from_file_location("pictures", CHECKOUT / "scripts/pictures.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    made = json.loads((script.PICTURES / "made.json").read_text())
    assert made["of"] == script.made_of(), "what the pictures show has changed; run python scripts/pictures.py"
    files = sorted(script.PICTURES.glob("*.png"))
    assert {file.name: list(Image.open(io.BytesIO(file.read_bytes())).size) for file in files} == made["sizes"]
    assert {f"{name}.png" for name in [*script.SHOTS, "groups"]} == set(made["sizes"])
    assert all(file.stat().st_size < 150_000 for file in script.PICTURES.iterdir())
    pages = "".join(page.read_text() for page in (CHECKOUT / "docs").rglob("*.md"))
    for file in [*files, script.PICTURES / "terminal.svg"]:
        (words,) = set(re.findall(rf"!\[([^\]]*)\]\(pictures/{file.name}\)", pages))
        assert len(words) > 20, f"{file.name} needs words for those who do not see it"


def test_no_picture_asks_the_network():
    drawn = re.sub(
        r'xmlns="[^"]*"|<!--.*?-->', "", (CHECKOUT / "docs/pictures/terminal.svg").read_text(), flags=re.DOTALL
    )
    assert "http" not in drawn
