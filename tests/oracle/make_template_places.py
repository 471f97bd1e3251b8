"""Makes tests/data/text/template_places.json: a tokenizer whose chat templates stand in every place that they
may, and which of them transformers' AutoTokenizer has, by name.

usage: make_template_places.py OUT_FILE

Each case has the files of a folder beside tokenizer.json (JSON, or a text as it is), and the templates:
name -> source; "refused" where AutoTokenizer raises.
"""
import json
import sys
import tempfile
from pathlib import Path

from transformers import AutoTokenizer

TOKENIZER = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
             "pre_tokenizer": None, "post_processor": None, "decoder": None,
             "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                       "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                       "ignore_merges": False, "vocab": {"a": 0, "b": 1}, "merges": []}}
CONFIG, FILE, MORE = "tokenizer_config.json", "chat_template.jinja", "additional_chat_templates/"


def config(*template):
    return {"tokenizer_class": "PreTrainedTokenizerFast"} | ({"chat_template": template[0]} if template else {})


def named(**templates):
    return config([{"name": name, "template": source} for name, source in templates.items()])


CASES = {
    "none": {CONFIG: config()},
    "null": {CONFIG: config(None)},
    "one in the configuration": {CONFIG: config("A")},
    "several in the configuration": {CONFIG: named(default="A", tool_use="B", rag="C")},
    "one with a name": {CONFIG: named(default="A")},
    "several without a default": {CONFIG: named(tool_use="B", rag="C")},
    "one said twice": {CONFIG: config([{"name": "default", "template": "A"}, {"name": "default", "template": "B"}])},
    "an empty list": {CONFIG: config([])},
    "an object": {CONFIG: config({"default": "A", "tool_use": "B"})},
    "a file": {CONFIG: config(), FILE: "A"},
    "a file above the configuration": {CONFIG: config("A"), FILE: "B\n"},
    "a file above several": {CONFIG: named(default="A", tool_use="B"), FILE: "C"},
    "files beside a file": {CONFIG: config(), FILE: "A", MORE + "tool_use.jinja": "B", MORE + "rag.jinja": "C"},
    "files alone, above the configuration": {CONFIG: config("A"), MORE + "tool_use.jinja": "B"},
    "a default among the files": {CONFIG: config("A"), FILE: "B", MORE + "default.jinja": "C"},
    "other files": {CONFIG: config("A"), MORE + "read.me": "B"},
    "a list of other things": {CONFIG: config([{"name": "default"}])},
    "a list of texts": {CONFIG: config(["A"])},
}


def run(files):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "tokenizer.json").write_text(json.dumps(TOKENIZER))
        for name, content in files.items():
            Path(folder, name).parent.mkdir(exist_ok=True)
            Path(folder, name).write_text(content if isinstance(content, str) else json.dumps(content))
        try:
            found = AutoTokenizer.from_pretrained(folder).chat_template
        except (TypeError, KeyError):
            return {"refused": True}
        return {"templates": found if isinstance(found, dict) else {"default": found} if found else {}}


out = [{"name": name, "files": files} | run(files) for name, files in CASES.items()]
lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in out)
Path(sys.argv[1]).write_text(f"[{lines}]\n")
