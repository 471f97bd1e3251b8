#!/usr/bin/env python3
"""What llama.cpp's own converter makes of models that were trained here, for GGUF exports.

    pip install -r tests/oracle/requirements-gguf.txt
    pip download --no-deps --no-binary :all: llama-cpp-python==0.3.36     # and unpack it
    make_gguf_export.py LLAMA_CPP --names >core/job/export/gguf_pre_names.c
    make_gguf_export.py LLAMA_CPP --tokenizers FOLDER    # tests/data/job/gguf/TOKENIZER, below
    make_gguf_export.py LLAMA_CPP --program build/spectrum      # tests/data/job/gguf/cases.json
    make_gguf_export.py LLAMA_CPP --program build/spectrum --full FOLDER       # compares, live

LLAMA_CPP is vendor/llama.cpp of that package: convert_hf_to_gguf.py of a known state. FOLDER has
tokenizers as their authors publish them (gpt2_hf, qwen2.5_hf, smollm_hf; --full: llama3.2_hf and
llama2_hf, too).

Each case is a small model. It is trained so slowly that no weight changes, is exported as a folder,
and the converter converts that; cases.json has the SHA-256 of what comes of it, for each type, and
all that tests/unit/test_job_gguf.c needs to make the same model. --full trains with weights that do
change, and with whole tokenizers, and compares the files themselves.

The tokenizers of the cases are those of the authors less what no case needs: byte-level ones keep
the tokens that occur in the text by which the converter knows them, with the ids that they have, so
the converter takes them for the whole ones; SentencePiece's is trained here.
"""
import argparse
import ast
import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data" / "job" / "gguf"
TYPES = ["f32", "f16", "bf16", "q8_0"]

# --- how the converter knows byte-level tokenizers ---

HEAD = """/* By which ids llama.cpp's converter knows a byte-level tokenizer (gguf_pre.h): the text that it
 * tokenises, and the digests of what comes of it. Made by tests/oracle/make_gguf_export.py. */
#include "job/export/gguf_pre.h"
"""


def c_string(data):
    """The bytes as parts of a C string, none of which is a trigraph."""
    letters = []
    for byte in data:
        char = chr(byte)
        plain = 32 <= byte < 127 and char not in '"\\?'
        letters.append(char if plain else "\\" + char if char in '"\\?' else f"\\{byte:03o}")
    line, lines = "", []
    for letter in letters:
        if len(line) + len(letter) > 90:
            lines.append(line)
            line = ""
        line += letter
    return [f'    "{line}"' for line in lines + [line]]


def known_names(llama_cpp):
    """The text, and digest -> name; of a digest that is there twice the converter takes the last."""
    tree = ast.parse((llama_cpp / "conversion" / "base.py").read_text())
    function = next(node for node in ast.walk(tree)
                    if isinstance(node, ast.FunctionDef) and node.name == "get_vocab_base_pre")
    text, names = None, {}
    for node in function.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "chktxt":
            text = ast.literal_eval(node.value)
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Compare):
            key = node.test.comparators[0]
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                names[key.value] = ast.literal_eval(node.body[0].value)
    return text, names


def put_names(llama_cpp):
    text, names = known_names(llama_cpp)
    print(HEAD)
    print("const char gguf_pre_text[] =")
    print("\n".join(c_string(text.encode())) + ";\n")
    print("const struct gguf_pre_name gguf_pre_names[] = {")
    for digest, name in sorted(names.items()):
        print(f'    {{"{digest}", "{name}"}},')
    print("};\n")
    print("const size_t gguf_pre_name_count = sizeof gguf_pre_names / sizeof *gguf_pre_names;")


# --- the cases' tokenizers ---


def reduce_tokenizer(source, target, text, last):
    """Keeps single letters, added tokens up to the id `last`, and what occurs in the text."""
    from tokenizers import Tokenizer, pre_tokenizers
    target.mkdir(parents=True, exist_ok=True)
    tree = json.loads((source / "tokenizer.json").read_text())
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    spelled = letters.pre_tokenize_str(text)[0][0]
    model = tree["model"]
    added = {token["content"] for token in tree["added_tokens"]}
    model["vocab"] = {token: number for token, number in model["vocab"].items()
                      if number <= last and (len(token) == 1 or token in added or token in spelled)}
    pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
    model["merges"] = [merge for merge, pair in zip(model["merges"], pairs)
                       if all(part in model["vocab"] for part in [*pair, "".join(pair)])]
    tree["added_tokens"] = [token for token in tree["added_tokens"] if token["id"] <= last]
    for token in tree["added_tokens"]:  # else they get the next ids, and there are gaps before them
        model["vocab"][token["content"]] = token["id"]
    (target / "tokenizer.json").write_text(json.dumps(tree, ensure_ascii=False))
    whole = Tokenizer.from_file(str(source / "tokenizer.json"))
    assert Tokenizer.from_file(str(target / "tokenizer.json")).encode(text).ids == \
        whole.encode(text).ids
    config = json.loads((source / "tokenizer_config.json").read_text())
    for number in list(config.get("added_tokens_decoder", {})):
        if int(number) > last:
            del config["added_tokens_decoder"][number]
    (target / "tokenizer_config.json").write_text(json.dumps(config, indent=1))


def make_pieces(target, text):
    """A SentencePiece model with tokens of every kind, and the tokenizer.json that belongs to it."""
    import sentencepiece
    target.mkdir(parents=True, exist_ok=True)
    lines = [word for line in text.split("\n") for word in [line] * 3 if line.strip()]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_prefix=str(target / "tokenizer"), vocab_size=380,
        model_type="bpe", byte_fallback=True, normalization_rule_name="identity", character_coverage=0.98,
        user_defined_symbols=["<tool>", "\u2581wide\u2581open"], control_symbols=["<turn>"],
        minloglevel=2)
    (target / "tokenizer.vocab").unlink()
    vocab, merges = extract(target / "tokenizer.model")
    added = [{"id": number, "content": token, "single_word": False, "lstrip": False,
              "rstrip": False, "normalized": False, "special": True}
             for token, number in vocab.items() if token in ("<unk>", "<s>", "</s>", "<turn>")]
    mark = "\u2581"
    tree = {
        "version": "1.0", "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": mark},
            {"type": "Replace", "pattern": {"String": " "}, "content": mark}]},
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                       {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                     {"Sequence": {"id": "A", "type_id": 0}},
                     {"SpecialToken": {"id": "<s>", "type_id": 1}},
                     {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": mark}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>",
                  "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": True,
                  "byte_fallback": True, "ignore_merges": False, "vocab": vocab,
                  "merges": merges}}
    (target / "tokenizer.json").write_text(json.dumps(tree, ensure_ascii=False))
    config = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>",
              "unk_token": "<unk>", "add_bos_token": True, "add_eos_token": False, "legacy": False,
              "model_max_length": 128}
    (target / "tokenizer_config.json").write_text(json.dumps(config, indent=1))


def extract(path):
    """Pieces by id, and the merges that make them, the best score first."""
    import sentencepiece
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(path))
    vocab = {pieces.IdToPiece(number): number for number in range(pieces.vocab_size())}
    merges = []
    for token, number in vocab.items():
        if pieces.IsUnknown(number) or pieces.IsControl(number) or pieces.IsByte(number):
            continue
        for at in range(1, len(token)):
            if token[:at] in vocab and token[at:] in vocab:
                merges.append((-pieces.GetScore(number), vocab[token[:at]], [token[:at], token[at:]]))
    return vocab, [f"{left} {right}" for _, _, (left, right) in sorted(merges)]


def make_tokenizers(llama_cpp, folder):
    text, _ = known_names(llama_cpp)
    reduce_tokenizer(folder / "gpt2_hf", DATA / "gpt2", text, 50256)
    reduce_tokenizer(folder / "smollm_hf", DATA / "smollm", text, 49151)
    reduce_tokenizer(folder / "qwen2.5_hf", DATA / "qwen2", text, 151664)
    make_pieces(DATA / "pieces", text)


# --- the cases ---

LLAMA = dict(architectures=["LlamaForCausalLM"], model_type="llama", hidden_size=32,
             intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=256, rms_norm_eps=1e-5,
             rope_theta=10000.0, tie_word_embeddings=True, hidden_act="silu",
             torch_dtype="float32")
GPT2 = LLAMA | dict(vocab_size=50257, bos_token_id=50256, eos_token_id=50256)
QWEN2 = LLAMA | dict(architectures=["Qwen2ForCausalLM"], model_type="qwen2", vocab_size=151936,
                     hidden_size=32, num_hidden_layers=1, bos_token_id=151643,
                     eos_token_id=151645, rope_theta=1000000.0)
QWEN3 = LLAMA | dict(architectures=["Qwen3ForCausalLM"], model_type="qwen3", vocab_size=151936,
                     head_dim=16, num_hidden_layers=1, bos_token_id=151643, eos_token_id=151645,
                     rope_theta=1000000, tie_word_embeddings=False)
PIECES = LLAMA | dict(vocab_size=400, bos_token_id=1, eos_token_id=2, pad_token_id=0)
MISTRAL = PIECES | dict(architectures=["MistralForCausalLM"], model_type="mistral",
                        sliding_window=64, vocab_size=400, tie_word_embeddings=False)
CHAT = "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}\n{% endfor %}"
ADDED = {"special": True, "normalized": False, "lstrip": False, "rstrip": False,
         "single_word": False}


def frame(*tokens, pair=()):
    """A post-processor that puts tokens around a text, "A" for it."""
    def item(name):
        kind = "Sequence" if name in "AB" else "SpecialToken"
        return {kind: {"id": name, "type_id": 0}}

    return {"type": "TemplateProcessing", "single": [item(name) for name in tokens],
            "pair": [item(name) for name in pair],
            "special_tokens": {name: {"id": name, "ids": [number], "tokens": [name]}
                               for number, name in ((1, "<s>"), (2, "</s>"), (3, "<turn>"))}}


# name, config.json, tokenizer, and: files (text, tree, or a change of the tokenizer's own), how
# weights are stored, the run's type, method and bytes of a shard, which types are exported.
CASES = [
    ("gpt2", GPT2, "gpt2", dict(dtype="fp32", types=TYPES)),
    ("SmolLM2-135M-Instruct-v0.2", LLAMA | dict(vocab_size=49160, bos_token_id=1, eos_token_id=2,
                                                _name_or_path="/models/a/b"), "smollm",
     dict(store="BF16", types=TYPES,
          files={"generation_config.json": dict(temperature=0.6, top_k=50, top_p=0.9, min_p=0.05,
                                                repetition_penalty=1.1, eos_token_id=[2, 0])})),
    ("granite-49152", LLAMA | dict(vocab_size=49152, bos_token_id=1, eos_token_id=2,
                                   _name_or_path="Some-Org/base-model-chat"), "smollm",
     dict(store="F16")),
    ("qwen2-7b1-it", QWEN2, "qwen2", dict(bias="qkv", dtype="fp32", types=["f16", "q8_0"])),
    ("qwen3", QWEN3, "qwen2",
     dict(norms=True, method="lora", types=["bf16", "q8_0"],
          files={"tokenizer_config.json": lambda tree: tree | {"chat_template": [
              {"name": "default", "template": CHAT}, {"name": "tool_use", "template": "t" + CHAT}]}})),
    ("llama3-rope", LLAMA | dict(vocab_size=50257, bos_token_id=50256, eos_token_id=50256,
                                 hidden_size=16, head_dim=64, rope_theta=500000.0,
                                 rope_scaling=dict(rope_type="llama3", factor=32.0,
                                                   low_freq_factor=1.0, high_freq_factor=4.0,
                                                   original_max_position_embeddings=64)), "gpt2",
     dict(types=["f32", "q8_0"])),
    ("linear", PIECES | dict(rope_scaling=dict(type="linear", factor=2.5), attention_bias=True),
     "pieces", dict(bias="qkvo", method="lora", types=["f16", "q8_0"])),
    ("yarn", GPT2 | dict(rope_scaling=dict(rope_type="yarn", factor=4.0, beta_fast=30.0,
                                           attention_factor=1.1,
                                           original_max_position_embeddings=64)), "gpt2",
     dict(dtype="fp32")),
    ("rope-parameters", {key: value for key, value in GPT2.items() if key != "rope_theta"} |
     dict(rope_parameters=dict(rope_type="linear", factor=2.0, rope_theta=20000.0)), "gpt2", {}),
    ("mistral", MISTRAL, "pieces",
     dict(types=TYPES, files={"chat_template.jinja": CHAT.replace("\n", "\r\n"),
                              "additional_chat_templates/rag-2.jinja": "r" + CHAT})),
    ("pieces-added", PIECES, "pieces",
     dict(files={"added_tokens.json": {"\u2581one": 380, "<|two|>": 381},
                 "tokenizer.json": lambda tree: tree | {"added_tokens": tree["added_tokens"] + [
                     {"id": 380, "content": "\u2581one"} | ADDED | {"special": False},
                     {"id": 381, "content": "<|two|>"} | ADDED | {"special": False}]},
                 "tokenizer_config.json": lambda tree: tree | {
                     "add_prefix_space": True, "added_tokens_decoder": {
                     "1": {"content": "<s>"} | ADDED, "382": {"content": "<|three|>"} | ADDED,
                     "383": {"content": "\u2581four\u2581", "special": False}}}})),
    ("scoreless", PIECES, "pieces",
     dict(without=["tokenizer.model"],
          files={"tokenizer_config.json": lambda tree: tree | {
              "additional_special_tokens": ["<turn>"],
              "pad_token": {"__type": "AddedToken", "content": "</s>"} | ADDED}})),
    ("codellama", PIECES | dict(vocab_size=32016, num_hidden_layers=1), "pieces", {}),
    ("odd-widths", GPT2 | dict(hidden_size=24, intermediate_size=40, num_hidden_layers=1), "gpt2",
     dict(types=["q8_0"])),
    ("in-shards-1.5B", GPT2, "gpt2", dict(shard=20000)),
    ("framed", PIECES, "pieces",
     dict(files={"tokenizer_config.json": lambda tree: tree | {
         "bos_token": "<s>", "eos_token": {"__type": "AddedToken", "content": "</s>"} | ADDED,
         "sep_token": "</s>", "add_bos_token": False, "chat_template": CHAT},
                 "tokenizer.json": lambda tree: tree | {"post_processor": frame(
                     "<s>", "A", "<turn>", pair=("<s>", "A", "</s>", "<turn>", "B", "<turn>"))}})),
    ("user-defined", GPT2 | dict(vocab_size=50270), "gpt2",
     dict(files={"tokenizer.json": lambda tree: tree | {"added_tokens": tree["added_tokens"] + [
         {"id": 50257, "content": "\u2581wide\u2581open"} | ADDED | {"special": False},
         {"id": 50258, "content": "<|looks|>"} | ADDED | {"special": False, "normalized": True},
         {"id": 50259, "content": "\u0120odd"} | ADDED | {"special": False}]}})),
]


def list_tensors(config, bias="", norms=False):
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    dim = config.get("head_dim") or hidden // config["num_attention_heads"]
    query, key = config["num_attention_heads"] * dim, config["num_key_value_heads"] * dim
    tensors = {"model.embed_tokens.weight": [config["vocab_size"], hidden],
               "model.norm.weight": [hidden]}
    if not config["tie_word_embeddings"]:
        tensors["lm_head.weight"] = [config["vocab_size"], hidden]
    for layer in range(config["num_hidden_layers"]):
        block = {"input_layernorm.weight": [hidden], "post_attention_layernorm.weight": [hidden],
                 "self_attn.q_proj.weight": [query, hidden],
                 "self_attn.k_proj.weight": [key, hidden],
                 "self_attn.v_proj.weight": [key, hidden],
                 "self_attn.o_proj.weight": [hidden, query],
                 "mlp.gate_proj.weight": [inner, hidden], "mlp.up_proj.weight": [inner, hidden],
                 "mlp.down_proj.weight": [hidden, inner]}
        for letter in bias:
            size = block[f"self_attn.{letter}_proj.weight"][0]
            block[f"self_attn.{letter}_proj.bias"] = [size]
        if norms:
            block |= {"self_attn.q_norm.weight": [dim], "self_attn.k_norm.weight": [dim]}
        tensors |= {f"model.layers.{layer}.{name}": shape for name, shape in block.items()}
    return dict(sorted(tensors.items()))


def values(number, shape, store):
    """Element i of tensor n: odd multiples of 2^-26 below a quarter, so none is 0."""
    import numpy as np
    import torch
    count = int(np.prod(shape))
    words = (np.arange(count, dtype=np.uint64) * 2654435761 + (number + 1) * 40503) % 2**32
    floats = ((words >> np.uint64(9)) * 2 + 1).astype(np.float64) / 2**26 - 0.125
    tensor = torch.from_numpy(floats.astype(np.float32)).reshape(shape)
    return tensor.to({"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}[store])


def texts_of(case_files, tokenizer, without):
    """Every file of the model but its weights and config.json, as texts; tokenizer.model by name."""
    texts = {}
    for path in sorted(tokenizer.iterdir()):
        if path.name not in without and path.suffix != ".model":
            texts[path.name] = path.read_text()
    for name, content in case_files.items():
        if callable(content):
            content = json.dumps(content(json.loads(texts[name])), ensure_ascii=False)
        texts[name] = content if isinstance(content, str) else json.dumps(content)
    return texts


class Maker:
    def __init__(self, llama_cpp, program, only):
        self.only = only
        sys.path.insert(0, str(llama_cpp))
        import convert_hf_to_gguf
        self.converter = convert_hf_to_gguf
        self.program = Path(program).resolve()
        self.work = Path(tempfile.mkdtemp())
        self.data = self.work / "data.txt"
        self.environment = dict(os.environ, XDG_CACHE_HOME=str(self.work / "cache"),
                                XDG_STATE_HOME=str(self.work / "state"))

    def run(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments)], cwd=self.work, text=True,
                              env=self.environment, capture_output=True)
        if done.returncode != 0:
            sys.exit(f"{arguments}: {done.stderr}")

    def convert(self, folder, kind):
        out = self.work / "converted.gguf"
        sys.argv = ["convert", str(folder), "--outfile", str(out), "--outtype", kind]
        with contextlib.redirect_stderr(io.StringIO()):
            self.converter.main()
        return out.read_bytes()

    def make_base(self, config, tokenizer, texts, options, weight):
        from safetensors.torch import save_file
        base = self.work / "base"
        shutil.rmtree(base, ignore_errors=True)
        base.mkdir()
        for name, text in texts.items():
            (base / name).parent.mkdir(exist_ok=True)
            (base / name).write_bytes(text.encode())
        pieces = tokenizer / "tokenizer.model"
        if pieces.exists() and pieces.name not in options.get("without", []):
            shutil.copy(pieces, base)
        (base / "config.json").write_text(json.dumps(config))
        tensors = list_tensors(config, options.get("bias", ""), options.get("norms", False))
        save_file({name: weight(number, shape, options.get("store", "F32")).contiguous()
                   for number, (name, shape) in enumerate(tensors.items())},
                  base / "model.safetensors")
        return tensors

    def train(self, name, options, rate):
        for left in ("run", name):
            shutil.rmtree(self.work / left, ignore_errors=True)
        method = ["--method", options.get("method", "full")]
        method += ["--rank", 2] if method[1] == "lora" else []
        self.run("train", "base", "--data", self.data, "--run", "run", "--steps", 2, "--seq-len", 32,
                 "--lr", rate, "--eval-every", 0, "--eval-split", 0, "--sample-tokens", 0,
                 "--dtype", options.get("dtype", "bf16"), "--threads", 2, *method)
        merge = ["--merge"] if method[1] == "lora" else []
        shard = ["--shard-size", options["shard"]] if "shard" in options else []
        self.run("export", "run", "-o", name, *merge, *shard)
        return shard

    def ours(self, name, kind, shard):
        out = self.work / "ours"
        out.mkdir(exist_ok=True)
        self.run("export", "run", "--to", "gguf", "--type", kind, "-o", out / f"{name}.gguf", *shard)
        data = (out / f"{name}.gguf").read_bytes()
        (out / f"{name}.gguf").unlink()
        return data


def make_cases(maker):
    """cases.json, or those in it that were asked for; and our own files must be the same."""
    failures, path = 0, DATA / "cases.json"
    written = {case["name"]: case for case in json.loads(path.read_text())} if maker.only else {}
    maker.data.write_text("I've been told he's there. I'll make it, you like some tea?\n" * 8)
    for name, config, tokenizer, options in CASES:
        if maker.only and maker.only not in name:
            continue
        folder = DATA / tokenizer
        own = options.get("files", {})
        texts = texts_of(own, folder, options.get("without", []))
        tensors = maker.make_base(config, folder, texts, options, values)
        shard = maker.train(name, options, "1e-30")
        digests = {}
        for kind in options.get("types", ["bf16"]):
            theirs = maker.convert(maker.work / name, kind)
            digests[kind] = hashlib.sha256(theirs).hexdigest()
            same = maker.ours(name, kind, shard) == theirs
            failures += not same
            print(name, kind, len(theirs), "same" if same else "DIFFERENT", file=sys.stderr)
        written[name] = {
            "name": name, "config": config, "tokenizer": tokenizer,
            "files": {key: texts[key] for key in own},
            "without": options.get("without", []), "store": options.get("store", "F32"),
            "dtype": options.get("dtype", "bf16"), "method": options.get("method", "full"),
            "shard": options.get("shard", 0), "tensors": tensors, "sha256": digests}
    path.write_text(json.dumps(list(written.values()), indent=1, ensure_ascii=False) + "\n")
    return failures


FULL = [("Llama-3.2-1B", LLAMA | dict(vocab_size=128256, bos_token_id=128000,
                                      eos_token_id=[128001, 128009], num_hidden_layers=1),
         "llama3.2_hf", {}),
        ("llama-2-7b", LLAMA | dict(vocab_size=32000, bos_token_id=1, eos_token_id=2), "llama2_hf",
         dict(method="lora")),
        ("gpt2", GPT2, "gpt2_hf", dict(dtype="fp32")),
        ("SmolLM-135M", LLAMA | dict(vocab_size=49160, bos_token_id=0, eos_token_id=0), "smollm_hf",
         {}),
        ("Qwen2.5-0.5B-Instruct", QWEN2, "qwen2.5_hf", dict(bias="qkv", method="lora")),
        ("Qwen3-0.6B", QWEN3, "qwen2.5_hf", dict(norms=True))]


def compare_full(maker, tokenizers):
    import torch
    failures = 0
    maker.data.write_text("Once there was a little boat. It was red, and it loved the sea.\n" * 20)
    generator = torch.Generator().manual_seed(1)

    def weight(number, shape, store):
        return torch.randn(shape, generator=generator) * 0.1

    for name, config, tokenizer, options in FULL:
        folder = tokenizers / tokenizer
        maker.make_base(config, folder, texts_of({}, folder, []), options, weight)
        maker.train(name, options, "1e-2")
        for kind in TYPES:
            same = maker.ours(name, kind, []) == maker.convert(maker.work / name, kind)
            failures += not same
            print(name, kind, "same" if same else "DIFFERENT")
    return failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("llama_cpp", type=Path)
    parser.add_argument("--names", action="store_true")
    parser.add_argument("--tokenizers", type=Path)
    parser.add_argument("--program")
    parser.add_argument("--full", type=Path)
    parser.add_argument("--only", help="cases with this in their name alone")
    arguments = parser.parse_args()
    if arguments.names:
        put_names(arguments.llama_cpp)
    elif arguments.tokenizers:
        make_tokenizers(arguments.llama_cpp, arguments.tokenizers)
    else:
        maker = Maker(arguments.llama_cpp, arguments.program, arguments.only)
        failures = compare_full(maker, arguments.full) if arguments.full else make_cases(maker)
        shutil.rmtree(maker.work)
        sys.exit(failures > 0)


if __name__ == "__main__":
    main()
