"""What each declared model makes of a row, as the code of its authors, or of those who ran it, spells it."""

from rzen_eval.core import Side
from tests.models.strings.rows import Row

V = "<|vision_start|><|image_pad|><|vision_end|>"
CLIP = "<|vision_start|><|video_pad|><|vision_end|>"
HELPFUL = "You are a helpful assistant."


def chat(system: str, user: str, after: str = "<|endoftext|>") -> str:
    return f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n{after}"


def frames(row: Row) -> str:
    """All pictures of a row, a clip's as images."""
    return {"": "", "image": V, "clip": 8 * V}[row.shows]


def official(row: Row) -> str:
    """The user turn that the official evaluator hands to GME and LamRA."""
    return row.joined if row.user_turn is None else row.user_turn


def rzen(row: Row, _side: Side) -> str:
    return chat(HELPFUL, frames(row) + row.joined)


def paper(row: Row, _side: Side) -> str:
    system = "Given an image, summarize the provided image in one word. Given only text, describe the text in one word."
    what = "image" if row.shows else "text"
    return chat(system, f"{frames(row)}{row.joined}\nRepresent the given {what} in one word.")


def gme(row: Row, side: Side) -> str:
    return chat((row.told if side is Side.QUERY else "") or HELPFUL, frames(row) + row.text)


def gme_mteb(row: Row, side: Side) -> str:
    told = row.told if side is Side.QUERY else ""
    return chat(told if told.endswith(".") else f"{told}." if told else HELPFUL, frames(row) + row.text)


def gme_mmeb(row: Row, _side: Side) -> str:
    return chat(HELPFUL, (V if row.shows else "") + official(row))


def lamra(row: Row, side: Side) -> str:
    text = row.joined if side is Side.QUERY else row.text
    seen = {"": "", "image": "image", "clip": "video"}[row.shows]
    what = f"{seen} and sentence" if seen and text else seen or "sentence"
    media = {"": "", "image": V, "clip": CLIP}[row.shows]
    return chat(HELPFUL, f"{media}{text}\nSummarize above {what} in one word: ", "")


def lamra_mmeb(row: Row, _side: Side) -> str:
    user = V + official(row) if row.shows else f"{official(row)}\n"
    return chat(HELPFUL, user, "<emb>.<|im_end|>\n<|im_start|>assistant\n")


def vlm2vec(row: Row, _side: Side) -> str:
    token = {"": "", "image": "<|image_pad|> ", "clip": "<|video_pad|> "}[row.shows]
    return row.raw or token + row.joined


def b3(row: Row, side: Side) -> str:
    return (f"Represent the {row.kind}: " if row.kind else "") + vlm2vec(row, side)


def qwen3_vl(row: Row, side: Side) -> str:
    told = (row.qwen3 or row.told) if side is Side.QUERY else ""
    told += "." * (told[-1:].isalpha())
    times = "".join(f"<{second} seconds>{CLIP}" for second in (0.2, 1.2, 2.2, 3.2))
    media = {"": "", "image": V, "clip": times}[row.shows]
    return chat(told or "Represent the user's input.", media + row.text, "")


def wemm(row: Row, _side: Side) -> str:
    times = "".join(f"<{second} seconds>{CLIP}" for second in (0.5, 2.5, 4.5, 6.5))
    return f"<|im_start|>user\n{ {'': '', 'image': V, 'clip': times}[row.shows] }{row.joined.strip()}<|im_end|>\n"


def uembed(row: Row, side: Side) -> str:
    """The end is the checkpoint's own, and looked up when it is opened."""
    told = row.told if side is Side.QUERY else ""
    told += "." * (told[-1:].isalpha())
    times = "".join(f"<{second} seconds>{CLIP}" for second in (0.2, 1.2, 2.2, 3.2))
    user = {"": "", "image": V, "clip": times}[row.shows] + row.text.rstrip()
    system = told or "Represent the user's input."
    return f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n{{ending}}"


def ovis_vl(row: Row, side: Side) -> str:
    times = "".join(f"<{second} seconds>{CLIP}" for second in (0.5, 2.5, 4.5, 6.5))
    user = {"": "", "image": V, "clip": times}[row.shows] + row.text.rstrip()
    system = (row.told if side is Side.QUERY else "") or "Represent the user's input."
    return chat(system, user, "<think>\n\n</think>\n\n<|endoftext|>")


def cafe(row: Row, _side: Side) -> str:
    media = {"": "", "image": "<image>\n", "clip": "<video>\n"}[row.shows]
    return chat(HELPFUL, media + row.joined, "<|im_end|>")


def colpali(row: Row, _side: Side) -> str:
    return "<image><bos>Describe the image.\n" if row.shows else f"<bos>Query: {row.text}{10 * '<pad>'}\n"


def colpali_mmeb(row: Row, _side: Side) -> str:
    text = f"<bos>Query: {official(row)}{10 * '<pad>'}\n"
    return "<image><bos><bos>Describe the image.\n" if row.shows else text


def colqwen2(row: Row, _side: Side) -> str:
    page = f"<|im_start|>user\n{V}Describe the image.<|im_end|><|endoftext|>"
    return page if row.shows else f"Query: {row.text}{10 * '<|endoftext|>'}"


def colqwen3_5(row: Row, _side: Side) -> str:
    page = f"<|im_start|>user\n{V}Describe the image.<|im_end|><|endoftext|>"
    return page if row.shows else f"{row.text}{10 * '<|endoftext|>'}"


def tomoro(row: Row, _side: Side) -> str:
    text = row.text.strip()
    page = f"<|im_start|>user\n{V}Describe the image.{f' {text}' * bool(text)}<|im_end|><|endoftext|>"
    return page if row.shows else f"{text}{10 * '<|endoftext|>'}"


def ops_colqwen3(row: Row, _side: Side) -> str:
    page = f"<|im_start|>user\n{V}Describe the image.<|im_end|><|im_start|>assistant\n<|endoftext|>"
    return page if row.shows else f"Query: {row.text}{10 * '<|endoftext|>'}"


def jina(row: Row, side: Side) -> str:
    before = "Query: " if side is Side.QUERY else "Passage: "
    return f"<|im_start|>user\n{V}Describe the image.<|im_end|>\n" if row.shows else before + row.text


def nemotron(row: Row, _side: Side) -> str:
    turn = f"{V}passage: {row.text}" if row.shows else f"Query: query: {row.text}"
    return f"<|im_start|>user\n{turn}<|im_end|>\n<|im_start|>assistant\n"


def omni(row: Row, joined: str) -> str:
    media = {"": "", "image": "<|vision_bos|><|IMAGE|><|vision_eos|>", "clip": "<|vision_bos|><|VIDEO|><|vision_eos|>"}
    return chat(HELPFUL, media[row.shows] + (" ".join(joined.split()) or " "))


def omni_nemotron(row: Row, _side: Side) -> str:
    return omni(row, f"{row.told} {row.text}").removesuffix("<|im_start|>assistant\n<|endoftext|>")


def e5_omni(row: Row, _side: Side) -> str:
    return omni(row, row.told + row.text)


READERS = {
    "rzenembed_v2_7b": rzen,
    "rzenembed_v1_2b": rzen,
    "rzenembed_v2_7b_paper": paper,
    "gme_2b": gme,
    "gme_7b": gme,
    "gme_2b_mteb": gme_mteb,
    "gme_2b_mmeb": gme_mmeb,
    "gme_7b_mmeb": gme_mmeb,
    "ops_mm_v1_2b": gme,
    "ops_mm_v1_7b": gme,
    "lamra_ret": lamra,
    "lamra_ret_mmeb": lamra_mmeb,
    "lamra_ret_qwen2_5vl_7b": lamra,
    "lamra_ret_qwen2_5vl_7b_mmeb": lamra_mmeb,
    "vlm2vec_v1_2b": vlm2vec,
    "vlm2vec_v1_7b": vlm2vec,
    "vlm2vec_v2_2b": vlm2vec,
    "b3_qwen2_2b": b3,
    "b3_qwen2_7b": b3,
    "qwen3_vl_embedding_2b": qwen3_vl,
    "qwen3_vl_embedding_8b": qwen3_vl,
    "wemm_2b": wemm,
    "wemm_4b": wemm,
    "wemm_9b": wemm,
    "uembed_2b": uembed,
    "uembed_4b": uembed,
    "uembed_9b": uembed,
    "ovis_vl_2b": ovis_vl,
    "ovis_vl_9b": ovis_vl,
    "omni_embed_nemotron_3b": omni_nemotron,
    "e5_omni_3b": e5_omni,
    "e5_omni_7b": e5_omni,
    "cafe_0_5b": cafe,
    "cafe_7b": cafe,
    "colpali_v1_3": colpali,
    "colpali_v1_3_mmeb": colpali_mmeb,
    "colqwen2": colqwen2,
    "colqwen2_5": colqwen2,
    "colnomic_embed_multimodal_3b": colqwen2,
    "colnomic_embed_multimodal_7b": colqwen2,
    "colqwen3_5": colqwen3_5,
    "vultron_retriever_core_4_5b": colqwen3_5,
    "vultron_retriever_prime_8b": colqwen3_5,
    "tomoro_colqwen3_4b": tomoro,
    "tomoro_colqwen3_8b": tomoro,
    "ops_colqwen3_4b": ops_colqwen3,
    "jina_embeddings_v4": jina,
    "jina_embeddings_v4_multivector": jina,
    "nemotron_colembed_vl_4b_v2": nemotron,
    "nemotron_colembed_vl_8b_v2": nemotron,
}
