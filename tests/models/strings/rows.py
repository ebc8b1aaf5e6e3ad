"""Queries and candidates of the sample: one task of each of the twelve groups, and each task that is worded otherwise.

For each what its rows say, what the official evaluator makes of that, and what that of Qwen3-VL-Embedding does.

Source: `data_prepare` in the parsers of TIGER-AI-Lab/VLM2Vec at 6e1e1d4 (`src/data/eval_dataset`), whose strings for
rows of this form were printed by running it, and of QwenLM/Qwen3-VL-Embedding at 8ce3aab
(`src/evaluation/mmeb_v2/data/datasets`).
"""

from dataclasses import dataclass

SEEN = "Understand the content of the provided"
PAGE = "Find a document image that matches the given query"
CHOOSE = (
    "Given a video and a question, select the most accurate answer from the provided candidates."
    " Return only the exact text of your chosen answer."
)
REGION = "Select the portion of the image that follows the language expressions:"
DIALOGUE = (
    "Q:how many shapes are there?\nA:two\nQ:is there a diamond?\nA:yes, a blue diamond\nQ:is there a square?\n"
    "A:yes, a yellow square\nQ:where is the diamond?\nA:above the square\nQ:what color is the background?\nA:pink\n"
)
AFTER_LEFT = (
    "what does the diamond do after moving left\n"
    "Options:\n(A) move left\n(B) blink\n(C) shrink\n(D) move up\n(E) move right"
)
BEFORE_CIRCLE = (
    "Which shape is shown just before the circle?\nOptions:\n(A) square\n(B) triangle\n(C) cross\n(D) star\n(E) diamond"
)
DOING = "What is the diamond doing?\nA. Moving up.\nB. Growing.\nC. Moving left.\nD. Changing color."
OVER_TIME = "What happens over the course of the video?"
COURSES = (
    "A. The green diamond blinks and then moves left. B. The green diamond moves down and then blinks."
    " C. The green diamond moves left and then blinks. D. The green diamond moves down and then grows."
    " E. The green diamond moves left and then moves down."
)


@dataclass(frozen=True)
class Row:
    """A query or candidate."""

    told: str = ""
    text: str = ""
    shows: str = ""
    """`image`, `clip` or nothing."""
    user_turn: str | None = None
    """What the official evaluator hands to GME and LamRA, where it is not instruction, space and text."""
    raw: str | None = None
    """What it hands to Qwen2-VL, where a media token, instruction and text with spaces between are not it."""
    qwen3: str | None = None
    """The instruction that the evaluator of Qwen3-VL-Embedding gives, where it is another."""
    kind: str = ""
    """What the evaluator of B3 says that a text stands for."""
    number: int = 0
    """Its place in the task."""

    @property
    def joined(self) -> str:
        return " ".join(part for part in (self.told, self.text) if part)


def image(told: str, text: str = "", end: str = "\n", space: str = " ") -> Row:
    """A row with an image: the instruction stands on its own line after the image token."""
    said = f"{told} {text}" if text else told
    return Row(told, text, "image", f"\n{said}{'' if text and end else space}{end}", f"<|image_pad|>\n{said}{end}")


def captioned(told: str, caption: str) -> Row:
    """An image with a caption as a candidate."""
    said = f"{told} {caption}"
    return Row(told, caption, "image", f"\n{said} \n", f"<|image_pad|>\n{said}\n")


def words(told: str, text: str) -> Row:
    """A text that asks for an image."""
    return Row(told, text, "", f"{told} {text}\n", f"{told} {text}\n")


def stray(told: str, text: str) -> Row:
    """The same of WebQA and EDIS, whose instructions have an image token although there is no image."""
    return Row(told, text, "", f"{told} {text}\n", f"<|image_pad|>\n{told} {text}\n")


def question(text: str) -> Row:
    """A video with a question: the parser's own video token for everyone, and the space after its instruction."""
    said = f"<|video_pad|> {CHOOSE} Question:  {text}"
    return Row(f"{CHOOSE} Question:", text, "clip", said, said, CHOOSE)


def asks_for_video(told: str, text: str) -> Row:
    """A text that asks for a video."""
    return Row(f"{told}:", text, qwen3=f"{told}.")


def shown(told: str, what: str) -> Row:
    """A picture or clip with nothing but an instruction; that of a candidate is left out by Qwen3-VL-Embedding."""
    return Row(told, "", what, f"{told} ")


CLIP = shown(f"{SEEN} video.", "clip")
SEEN_PAGE = shown(f"{SEEN} document image.", "image")


def page(text: str) -> tuple[Row, Row]:
    return Row(f"{PAGE}:", text, qwen3=f"{PAGE}."), SEEN_PAGE


MOMENT = "Find the clip that corresponds to the described scene in the given video"
ROWS: dict[str, tuple[Row, Row]] = {
    "image/imagenet_1k": (
        image("Represent the given image for classification"),
        Row(text="yellow circle", kind="class label"),
    ),
    "image/n24news": (
        image(
            "Represent the given news image with the following caption for domain classification:",
            "Three red shapes were seen at the harbor.",
        ),
        Row(text="red squares", kind="class label"),
    ),
    "image/ok_vqa": (
        image("Represent the given image with the following question:", "What color is the triangle?"),
        Row(text="yellow", kind="answer"),
    ),
    "image/mscoco_i2t": (
        image("Find an image caption describing the given everyday image."),
        Row(text="an orange diamond left of a yellow cross on a white background", kind="image caption"),
    ),
    "image/mscoco_t2i": (
        words(
            "Find me an everyday image that matches the given caption:",
            "a large red triangle at the bottom left on a pink background",
        ),
        image("Represent the given image."),
    ),
    "image/visdial": (
        Row(
            "Represent the given dialogue about an image, which is used for image retrieval:",
            DIALOGUE,
            "",
            f"Represent the given dialogue about an image, which is used for image retrieval: {DIALOGUE}\n\n",
            f"Represent the given dialogue about an image, which is used for image retrieval: {DIALOGUE}\n\n",
        ),
        image("Represent the given image"),
    ),
    "image/webqa": (
        stray("Find a Wikipedia image that answers this question:", "What color is the triangle of Porto?"),
        captioned("Represent the given Wikipedia image with related text information:", "View of Porto"),
    ),
    "image/edis": (
        stray("Find a news image that matches the provided caption:", "A yellow diamond was shown in Malmo on Monday."),
        captioned("Represent the given image with related text information:", "News from Malmo"),
    ),
    "image/cirr": (
        image("Given an image, find a similar everyday image with the described changes:", "make the triangle cyan"),
        image("Represent the given image.", end=""),
    ),
    "image/refcoco_matching": (
        image(REGION, '"the yellow cross"'),
        captioned(REGION, '"the cross at the top left"'),
    ),
    "video/k700": (shown("Recognize the category of the video content.", "clip"), Row(text="blinking")),
    "video/smthsmthv2": (
        shown("What actions or object interactions are being performed by the person in the video?", "clip"),
        Row(text="Spinning something so it continues spinning"),
    ),
    "video/breakfast": (
        Row(
            "Recognize the breakfast type that the person is cooking in the video.",
            "",
            "clip",
            "Recognize the breakfast type that the person is cooking in the video.  ",
            "<|video_pad|> Recognize the breakfast type that the person is cooking in the video. ",
        ),
        Row(text="coffee"),
    ),
    "video/nextqa": (question(AFTER_LEFT), Row(text="move left")),
    "video/mvbench": (question(BEFORE_CIRCLE), Row(text="(A) square")),
    "video/video_mme": (question(DOING), Row(text="Moving up")),
    "video/egoschema": (
        question(f"{OVER_TIME}{COURSES}"),
        Row(text="The green diamond blinks and then moves left"),
    ),
    "video/activitynetqa": (question("is the circle moving down? (A) yes; (B) no."), Row(text="yes")),
    "video/msr_vtt": (
        asks_for_video(
            "Find a video that contains the following visual content", "a blue square blinking on a white background"
        ),
        CLIP,
    ),
    "video/msvd": (
        asks_for_video(
            "Find the video snippet that corresponds to the given summary",
            "a cyan diamond moving up on a gray background",
        ),
        CLIP,
    ),
    "video/didemo": (
        asks_for_video(
            "Find a video that includes the following described scenes",
            "a purple diamond grows. then a purple diamond blinks.",
        ),
        CLIP,
    ),
    "video/youcook2": (
        asks_for_video(
            "Find a video that demonstrates the following action while making a recipe",
            "add the black triangle to the orange tray",
        ),
        CLIP,
    ),
    "video/vatex": (
        asks_for_video(
            "Select a video that fits the description provided", "A yellow cross moving down on a gray background."
        ),
        CLIP,
    ),
    "video/qvhighlight": (
        Row(f"{MOMENT}:", "The blue diamond moves left.", "clip", qwen3=f"{MOMENT}."),
        CLIP,
    ),
    "video/charades_sta": (
        Row(f"{MOMENT}:", "the blue circle is growing.", "clip", qwen3=f"{MOMENT}."),
        CLIP,
    ),
    "visdoc/vidore_arxivqa": page("Which preparation of tungsten has the highest viscosity at 500 K?"),
    "visdoc/vidore_biomedical_lectures_v2": page("What is the level of calcium in the heart after 8 h at rest?"),
    "visdoc/visrag_chartqa": page("What is the literacy index of Valdona in 2022 for the inland?"),
    "visdoc/mmlongbench_doc": page("What does the report of Pelican Museum say about volunteers in 2014?"),
}
MOMENTSEEKER = (
    asks_for_video("Find the clip that corresponds to the given text", "the circle moves down"),
    Row(
        "Select the video clip that aligns with the given text and image:",
        "this shape moves up",
        "image",
        qwen3="Select the video clip that aligns with the given text and image.",
        number=2,
    ),
    Row(
        "Find the clip that corresponds to the given sentence and video segment:",
        "the same shape moves up",
        "clip",
        qwen3="Find the clip that corresponds to the given sentence and video segment.",
        number=3,
    ),
)
"""Its three kinds of queries."""
MOMENTSEEKER_CLIP = shown(f"{SEEN} video clip.", "clip")
