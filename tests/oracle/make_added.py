"""Makes tests/data/text/added.json: small tokenizers whose added tokens stand in every place that they
may, and what transformers' AutoTokenizer makes of them.

usage: make_added.py OUT_FILE

Each case has the files of a folder, a text, its ids, what decoding them leaves without special
tokens (null where that is not compared), the special_tokens_map, and the ids that add_special_tokens()
gives to NEW; "refused" where AutoTokenizer raises. Ids are numbered from the vocabulary:
a to z and space are 0 to 26, "</s>" is 27, "<pad>" 28.
"""
import json
import sys
import tempfile
from pathlib import Path

from transformers import AutoTokenizer

NEW = ["<new>", "<newer>"]
VOCABULARY = {c: i for i, c in enumerate("abcdefghijklmnopqrstuvwxyz ")} | {"</s>": 27, "<pad>": 28}


def tokenizer(*added, vocab=VOCABULARY, **more):
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
             "vocab": vocab, "merges": []}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": list(added), "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": {"type": "Fuse"}, "model": model} | more


def token(content, special=False, **more):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": not special,
            "special": special} | more


def at(id, content, special=False, **more):
    return {"id": id} | token(content, special, **more)


def typed(content, **more):
    return {"__type": "AddedToken", "content": content} | more


def config(**more):
    return {"tokenizer_class": "PreTrainedTokenizerFast"} | more


UPPER = {"type": "Replace", "pattern": {"String": "k"}, "content": "c"}
CASES = {
    "tokenizer.json alone": ({"tokenizer.json": tokenizer(at(29, "<t>", True), at(30, "<u>"))}, "say<t> it <u>now"),
    "its ids number, not name": ({"tokenizer.json": tokenizer(at(900, "<t>", True), at(77, "<u>"), at(78, "<v>"))},
                                 "<u><t><v>"),
    "out of order": ({"tokenizer.json": tokenizer(at(30, "<t>"), at(29, "<u>"))}, "<t><u>"),
    "a vocabulary with a hole": ({"tokenizer.json": tokenizer(at(50, "<t>"), vocab=VOCABULARY | {"ab": 40})}, "<t>ab"),
    "an added one behind the hole": ({"tokenizer.json": tokenizer(at(40, "ab"), at(41, "<t>"),
                                                                  vocab=VOCABULARY | {"ab": 40})}, "<t>ab"),
    "decoder has more": ({"tokenizer.json": tokenizer(at(29, "<t>", True)), "tokenizer_config.json": config(
        added_tokens_decoder={"29": token("<t>", True), "60": token("<tool>", True), "31": token("<u>", lstrip=True)})},
        "x <tool> y <u>z<t>"),
    "decoder sorts by number": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        added_tokens_decoder={"100": token("<t>"), "99": token("<u>"), "9": token("<v>")})}, "<t><u><v>"),
    "decoder contradicts ids": ({"tokenizer.json": tokenizer(at(29, "<t>", True)), "tokenizer_config.json": config(
        added_tokens_decoder={"29": token("<other>", True), "3": token("<u>", True)})}, "<t><other><u>"),
    "decoder changes flags": ({"tokenizer.json": tokenizer(at(29, "<t>", True), at(30, "<u>")),
                               "tokenizer_config.json": config(added_tokens_decoder={
                                   "29": token("<t>", rstrip=True), "30": token("<u>", True, lstrip=True)})},
                              "a <t> b <u> c"),
    "decoder and single words": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        added_tokens_decoder={"29": token("ok", single_word=True)})}, "ok book ok"),
    "normalized or not": ({"tokenizer.json": tokenizer(at(29, "kk"), at(30, "mk", normalized=False),
                                                       normalizer=UPPER)}, "kk cc mk mc"),
    "both forms": ({"tokenizer.json": tokenizer(at(29, "kk"), normalizer=UPPER), "tokenizer_config.json": config(
        added_tokens_decoder={"29": token("kk", normalized=False)})}, "akkb accb"),
    "a name in the vocabulary": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        eos_token="</s>", pad_token="<pad>")}, "end</s>of <pad>"),
    "a name that is new": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(pad_token="[PAD]")},
                           "x[PAD]y"),
    "a name as an object": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        eos_token=typed("</s>", lstrip=True, normalized=False), bos_token=typed("<b>"))}, "end </s> <b>"),
    "a name makes special": ({"tokenizer.json": tokenizer(at(29, "<t>")), "tokenizer_config.json": config(
        eos_token="<t>")}, "x<t>y"),
    "a name beside a decoder": ({"tokenizer.json": tokenizer(at(29, "<t>")), "tokenizer_config.json": config(
        eos_token="<t>", added_tokens_decoder={"30": token("<u>")}, unk_token="<u>")}, "x<t>y<u>"),
    "names in their order": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        mask_token="<m>", cls_token="<c>", pad_token="<p>", zoom_token="<z>", bos_token="<b>",
        extra_special_tokens=["<e>"])}, "<m><c><p><z><b><e>"),
    "two names of one token": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        eos_token="<end>", pad_token="<end>")}, "<end>a"),
    "extra ones": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        extra_special_tokens=["<e>", typed("<f>", rstrip=True), typed("<g>", special=True)])}, "<e> <f> <g>"),
    "additional ones": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        additional_special_tokens=["<e>", "</s>"])}, "<e></s>"),
    "extra before additional": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        extra_special_tokens=["<e>"], additional_special_tokens=["</s>"])}, "<e></s>"),
    "an extra one that is known": ({"tokenizer.json": tokenizer(at(29, "<t>")), "tokenizer_config.json": config(
        extra_special_tokens=["<t>"])}, "x<t>"),
    "extra ones by name": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        extra_special_tokens={"image_token": "<img>"}, video_token="<vid>")}, "<img><vid>"),
    "special_tokens_map": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(eos_token="<never>"),
                            "special_tokens_map.json": {
                                "eos_token": {"content": "</s>", "lstrip": True, "normalized": False, "rstrip": False,
                                              "single_word": False},
                                "pad_token": "[PAD]", "additional_special_tokens": ["<e>"]}},
                           "end </s>[PAD]<e><never>"),
    "special_tokens_map's extra list": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        extra_special_tokens=["<e>"]), "special_tokens_map.json": {
            "extra_special_tokens": [{"content": "<f>", "lstrip": True}, "<e>"]}}, "x <f><e>"),
    "special_tokens_map beside a decoder": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        added_tokens_decoder={"29": token("<t>", True)}), "special_tokens_map.json": {"eos_token": "</s>"}},
        "<t></s>"),
    "additional ones in both files": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        additional_special_tokens=["<e>"]), "special_tokens_map.json": {"additional_special_tokens": ["<f>"]}},
        "<e><f>"),
    "an empty list goes before the map": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        additional_special_tokens=[]), "special_tokens_map.json": {"additional_special_tokens": ["<f>"]}}, "<f>"),
    "named extra ones and the map": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        extra_special_tokens={"image_token": "<img>"}), "special_tokens_map.json": {
            "additional_special_tokens": ["<f>"]}}, "<f><img>"),
    "added_tokens.json": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(pad_token="<p>"),
                           "added_tokens.json": {"<j>": 31, "<p>": 29, "<i>": 30}}, "<i><j><p>"),
    "added_tokens.json contradicts": ({"tokenizer.json": tokenizer(at(29, "<t>")), "tokenizer_config.json": config(),
                                       "added_tokens.json": {"<j>": 29, "<i>": 4}}, "<t><i><j>"),
    "added_tokens.json and a model's own name": ({"tokenizer.json": tokenizer(normalizer=UPPER),
                                                  "tokenizer_config.json": config(zoom_token="kk", eos_token="mk"),
                                                  "added_tokens.json": {"kk": 29, "mk": 30}}, "kk cc mk mc"),
    "an extra one in both files": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        extra_special_tokens=["<e>"]), "special_tokens_map.json": {
            "extra_special_tokens": [{"content": "<e>", "rstrip": True}]}}, "a<e> b"),
    "added_tokens.json beside a decoder": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        added_tokens_decoder={}), "added_tokens.json": {"<j>": 29}}, "<j>"),
    "padding names a token": ({"tokenizer.json": tokenizer(padding={
        "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0,
        "pad_token": "[Q]"}), "tokenizer_config.json": config()}, "x[Q]"),
    "null for a name": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        eos_token="</s>", pad_token=None, unk_token=None, image_token=None)}, "x</s>"),
    "the map's null for a name": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        eos_token="</s>", pad_token="<pad>"), "special_tokens_map.json": {"pad_token": None}}, "x</s>"),
    "names in the map alone": ({"tokenizer.json": tokenizer(), "special_tokens_map.json": {
        "image_token": {"content": "<img>", "lstrip": False, "rstrip": False, "normalized": False,
                        "single_word": False}, "eos_token": "</s>", "bos_token": "<b>"}}, "<b><img></s>"),
    "ids beside names": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(eos_token="</s>"),
                          "config.json": {"model_type": "llama", "bos_token_id": 28}}, "x</s>"),
    "a number for a name": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(eos_token=5)}, "x"),
    "a list for the decoder": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        added_tokens_decoder=[token("<t>")])}, "x"),
    "a text in the decoder": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        added_tokens_decoder={"29": "<t>"})}, "x"),
    "no number in the decoder": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        added_tokens_decoder={"last": token("<t>")})}, "x"),
    "null for the decoder": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        added_tokens_decoder=None)}, "x"),
    "a text for extra ones": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        extra_special_tokens="<e>")}, "x"),
    "a flag that is none": ({"tokenizer.json": tokenizer(), "tokenizer_config.json": config(
        added_tokens_decoder={"29": token("<t>", lstrip="yes")})}, "x"),
}


def run(files, text):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_text(json.dumps(content))
        if "tokenizer_config.json" not in files:
            Path(folder, "tokenizer_config.json").write_text(json.dumps(config()))
        try:
            made = AutoTokenizer.from_pretrained(folder)
        except (TypeError, AttributeError, ValueError):
            return {"refused": True}
        ids = made(text).input_ids
        left = made.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        if files["tokenizer.json"]["normalizer"]:
            left = None  # tokenizers 0.23 decodes a normalized token to what the normalizer makes of it
        found = {"eos": made.eos_token_id, "ids": ids, "left": left, "map": made.special_tokens_map}
        made.add_special_tokens({"extra_special_tokens": NEW})
        return found | {"new": made.convert_tokens_to_ids(NEW)}


out = []
for name, (files, text) in CASES.items():
    out.append({"name": name, "files": files, "text": text} | run(files, text))
lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in out)
Path(sys.argv[1]).write_text(f"[{lines}]\n")
