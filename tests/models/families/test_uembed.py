"""UEmbed: the end of its prompts is that of its checkpoint's own chat template, or it is refused."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from rzen_eval import Item, load_model
from rzen_eval.api import model_from
from rzen_eval.cli.checkpoint_findings import of_tokens
from rzen_eval.config.compose import load
from rzen_eval.core import Side
from rzen_eval.errors import ConfigError, ModelError
from rzen_eval.estimate.checkpoint import known
from rzen_eval.estimate.item_cost import Reader
from tests import tiny

HEAD, ANSWER = "<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\n", "<|im_start|>assistant\n"
ENDINGS = [ANSWER, f"{ANSWER}<think>\n", f"{ANSWER}<think>\n\n</think>\n\n"]
"""Of Qwen3.5's templates: of none that thinks, of one that does, and of one that may."""
PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"
CLIP = "<0.2 seconds><|vision_start|><|video_pad|><|vision_end|>"
OWN = "Represent the user's input."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny.uembed(tmp_path / "uembed")


def opened(folder: Path, *settings: str) -> Any:
    return load_model("uembed_2b", f"checkpoint={folder}", "dim=null", "dtype=float32", "device=cpu", *settings)


def refused(folder: Path, *settings: str) -> str:
    with pytest.raises(ModelError) as caught:
        opened(folder, *settings)
    return str(caught.value)


def template(ending: str) -> str:
    assert tiny.CHAT.count(tiny.ENDING) == 1
    return tiny.CHAT.replace(tiny.ENDING, ending.replace("\n", "\\n"))


def put(folder: Path, form: str, text: str) -> None:
    """A chat template in one of the forms that checkpoints hold it in, and in no other."""
    (folder / "chat_template.jinja").unlink()
    if form == "chat_template.jinja":
        (folder / form).write_text(text)
    elif form == "chat_template.json":
        (folder / form).write_text(json.dumps({"chat_template": text}))
    else:
        file = folder / "tokenizer_config.json"
        named = [{"name": "tool_use", "template": "no"}, {"name": "default", "template": text}]
        said = named if form == "several" else text
        file.write_text(json.dumps(json.loads(file.read_text()) | {"chat_template": said}))


@pytest.mark.parametrize(
    ("form", "ending"),
    [
        ("chat_template.json", ENDINGS[0]),
        ("tokenizer_config.json", ENDINGS[1]),
        ("chat_template.jinja", ENDINGS[2]),
        ("several", ENDINGS[0]),
    ],
)
def test_prompts_end_as_the_checkpoints_template_has_it(folder: Path, form: str, ending: str):
    put(folder, form, template(ending))
    model = opened(folder)
    assert model.prompt(Item(text="a cat"), Side.CANDIDATE) == f"{HEAD.format(OWN)}a cat<|im_end|>\n{ending}"
    assert model.provenance()["prompt"]["ending"] == ending
    told = {finding.check: finding for finding in of_tokens(model)}["end of prompts"]
    file = "tokenizer_config.json" if form == "several" else form
    assert (told.found, told.passed) == (
        f"{ending!r}, of {file}, which has the declared turns and takes white space around a turn",
        True,
    )


@pytest.mark.parametrize(
    ("item", "side", "system", "user"),
    [
        (Item(text=" a cat\n", instruction=" Find it "), Side.QUERY, "Find it.", "a cat"),
        (Item(text="a", instruction="Find it?"), Side.QUERY, "Find it?", "a"),
        (Item(text="a", instruction="画像を探す。"), Side.QUERY, "画像を探す。", "a"),
        (Item(text="a", instruction="Cost in $"), Side.QUERY, "Cost in $.", "a"),
        (Item(text="a", instruction="Find it"), Side.CANDIDATE, OWN, "a"),
        (Item(instruction=" "), Side.QUERY, OWN, "NULL"),
        (Item(text=" "), Side.QUERY, OWN, ""),
        (Item(text=" of \n", images=["one", "two"]), Side.QUERY, OWN, f"{PICTURE}{PICTURE} of"),
        (Item(text=" \n", images=["one"], frames=["one", "two"]), Side.QUERY, OWN, CLIP + PICTURE),
    ],
)
def test_strings(item: Item, side: Side, system: str, user: str, folder: Path):
    assert opened(folder).prompt(item, side) == f"{HEAD.format(system)}{user}<|im_end|>\n{ENDINGS[2]}"


def test_a_template_that_leaves_white_space_has_the_last_word(folder: Path):
    put(folder, "chat_template.jinja", tiny.CHAT.replace(" | trim", ""))
    model, item = opened(folder), Item(text=" a cat\n", instruction=" Find it ")
    assert model.prompt(item, Side.QUERY) == f"{HEAD.format('Find it.')} a cat\n<|im_end|>\n{ENDINGS[2]}"
    assert model.provenance()["prompt"]["turn_trimmed"] is False
    told = {finding.check: finding.found for finding in of_tokens(model)}["end of prompts"]
    assert told.endswith(", which has the declared turns and leaves white space around a turn")


def test_vectors_are_kept_apart_by_the_end_that_was_found(folder: Path):
    model = opened(folder)
    put(folder, "chat_template.jinja", template(ANSWER))
    other = opened(folder)
    assert model.provenance()["prompt"] != other.provenance()["prompt"]
    one, two = (which.embed([Item(text="a cat")])[0] for which in (model, other))
    assert float(one @ two) < 0.999


def test_a_template_that_is_not_there_or_of_another_model_is_refused(folder: Path):
    chat = folder / "chat_template.jinja"
    said = {}
    for name, text in {
        "more": tiny.CHAT.replace("<|im_end|>", "</s>"),
        "own system": "{{- '<|im_start|>system\nBe brief.<|im_end|>\n' -}}" + tiny.CHAT,
        "pictures elsewhere": tiny.CHAT.replace("_pad|><", "_pad|> <"),
        "two ends": tiny.CHAT.replace(
            "{%- if add", "{%- if messages[-1].content | length > 1 -%}{{- 'more' -}}{%- endif -%}{%- if add"
        ),
        "fails": "{{- raise_exception('no system turn') -}}",
        "damaged": "{%- for",
    }.items():
        chat.write_text(text)
        said[name] = refused(folder)
    for name in ("more", "own system", "pictures elsewhere"):
        assert said[name].startswith(f"uembed_2b: the chat template in {chat} is not that of its declaration: of one")
        assert "; give this model's template, or declare its turns" in said[name]
    assert "ends conversations in 2 ways, 'more<|im_start|>" in said["two ends"]
    assert f"{chat}: its chat template fails (" in said["fails"]
    assert "no system turn" in said["fails"]
    assert f"{chat}: its chat template fails (" in said["damaged"]
    chat.unlink()
    assert f"and {folder} has none; expected one in processor_config.json, chat_template.json, " in refused(folder)
    assert opened(folder, "prompt.ending='<|im_start|>assistant'").prompt(Item(text="a"), "query").endswith("assistant")


def test_several_templates_without_a_default_or_of_another_type_are_no_template(folder: Path):
    (folder / "chat_template.jinja").unlink()
    file = folder / "chat_template.json"
    file.write_text(json.dumps({"chat_template": [{"name": "tool_use", "template": "no"}]}))
    assert f"{folder} has none" in refused(folder)
    file.write_text(json.dumps({"chat_template": 5}))
    assert refused(folder) == f"{file} is damaged (chat_template: expected a template, found 5); get it again"


def test_tokens_of_the_sparse_vector_take_room_and_nothing_else(folder: Path):
    long, info = Item(text="word " * 100), folder / "sparse_info.json"
    model = opened(folder, "max_length=50")
    ids = model.plan(long, Side.QUERY).input_ids.tolist()
    info.unlink()
    assert opened(folder, "max_length=50").plan(long, Side.QUERY).length == 50
    assert ids == opened(folder).plan(long, Side.QUERY).input_ids.tolist()[: 50 - tiny.NUM_EOS]
    info.write_text('{"num_eos_tokens": -1}')
    assert refused(folder).startswith(f"{info} is damaged (num_eos_tokens: ")
    info.write_text('{"num_eos_tokens": 50}')
    assert refused(folder, "max_length=50") == f"uembed_2b: {info} leaves no room within model.max_length=50"


def test_the_vector_is_the_state_before_tokens_that_come_behind(folder: Path):
    """And not the one of a token that the tokenizer adds by itself, here `<embedding>`."""
    import transformers

    model = opened(folder)
    ids = model.plan(Item(text="a cat"), Side.QUERY).input_ids.tolist()
    words = model.prompt(Item(text="a cat"), Side.QUERY)
    assert model.tokenizer(words).input_ids == [*ids, model.tokenizer.convert_tokens_to_ids("<embedding>")]
    stock = transformers.Qwen3_5Model.from_pretrained(folder, dtype=torch.float32).eval()
    behind = [model.tokenizer.convert_tokens_to_ids("<|endoftext|>")] * tiny.NUM_EOS
    with torch.inference_mode():
        state = stock(input_ids=torch.tensor([ids + behind])).last_hidden_state[0, -1 - tiny.NUM_EOS]
    unit = torch.nn.functional.normalize(state, dim=-1).numpy()
    assert model.embed([Item(text="a cat")])[0] == pytest.approx(unit, abs=1e-5)


def test_a_module_in_memory_has_the_end_of_its_processors_template(folder: Path):
    import transformers

    module = transformers.Qwen3_5Model.from_pretrained(folder, dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert model_from(module, tokenizer, declaration="uembed_2b").spec.prompt.ending == ENDINGS[2]
    processor = SimpleNamespace(tokenizer=tokenizer, chat_template=template(ANSWER))
    assert model_from(module, processor, declaration="uembed_2b").spec.prompt.ending == ANSWER
    tokenizer.chat_template = None
    with pytest.raises(ModelError, match="chat template, and in memory has none"):
        model_from(module, tokenizer, declaration="uembed_2b")


def test_an_estimate_reckons_with_the_end_that_is_there_or_a_usual_one(folder: Path):
    put(folder, "chat_template.json", template(ANSWER))
    words = {
        name: Reader.of(known(load([f"model={name}", *more], need_tasks=False).model)).prompt(
            Item(text="a"), Side.QUERY
        )
        for name, more in (("uembed_2b", [f"model.checkpoint={folder}"]), ("uembed_4b", []))
    }
    assert words["uembed_2b"].endswith(f"a<|im_end|>\n{ANSWER}")
    assert words["uembed_4b"].endswith(f"a<|im_end|>\n{ENDINGS[2]}")


def test_an_end_stands_at_the_end_of_a_template_alone():
    def said(*settings: str) -> str:
        with pytest.raises(ConfigError) as caught:
            load(["model=uembed_2b", *settings], need_tasks=False)
        return str(caught.value)

    assert "must hold {ending} at its end or not at all" in said("model.prompt.template='{media}{text}{ending} '")
    assert "which template does not hold" in said("model.prompt.template='{media}{text}'", "model.prompt.ending=a")
