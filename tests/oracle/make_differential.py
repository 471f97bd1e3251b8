#!/usr/bin/env python3
"""Small random training runs, and what an independent loop of PyTorch makes of them: autograd over transformers' models.

    make_differential.py --count N --seed S > tests/data/train/differential.jsonl
    make_differential.py --fresh N --seed S --program build/spectrum [--only NUMBER]

The first writes N configurations with the loop's losses, gradient norms, rates and counts, one a line, for
tests/unit/test_train_differential.c. The second makes N configurations that nobody has seen, runs both, and says
what differs; its status is 1 where something does. A configuration is named by seed and number, and depends on
nothing else, so --only makes one again, and leaves its folder for a look.

A line is all that its run is made of: `config` is config.json; `tensors` are model.safetensors, in the file's order,
their values from fill(); `files` are its data, in which "<37>" stands for 37 letters from expand(); the tokenizer is
that of write_tokenizer(), whose ids are bytes; `plan` lists what trains; `arguments` follow "train model".

The loop shares no code with the program: its tokens are bytes, its pieces, rows and order are written here from what
core/text/packing promises, its documents are computed side by side, each in a row of its own, where
the program packs them. Both compute in fp32 and add in other orders, so they differ by rounding: by 1e-7 of a loss and
2e-6 of a gradient's norm at most in a first step (of 300). What the steps make of that depends on the configuration, so
the loop is run again from weights that are off in their last bit, and where this changes it by more than a tenth of
WITHIN, which is what is asked of the program, the configuration is passed over. Of the first step a tenth is asked. A
broken rule (a target more, a row in another batch, a factor on a wrong tensor) is off by 1e-3 and more. With --dtype
bf16 weights and activations have 8 bits, and WITHIN_BF16 is a bound, no more: 1e-3 of a loss is usual there, and of a
norm what PyTorch's own bf16 is off from fp32, up to 0.15 where adapters begin.
"""
import argparse
import json
import math
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM, get_scheduler, logging

BOS, EOS, IM_START, IM_END = 256, 257, 258, 259
WITHIN, WITHIN_BF16 = [1e-5, 1e-4], [3e-2, 2e-1]  # of losses, of gradient norms
MOST_STEPS = 16
ALPHABET = "abcdefghijklmnopqrstuvwxyz      "
LINEAR = re.compile(r"\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)\.weight$")
M32, M64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


# --- numbers that both sides make alike ---

def mix(h):
    """MurmurHash3's last step, of numpy's or Python's integers below 2^32."""
    h = h ^ (h >> 16)
    h = h * 0x85EBCA6B & M32
    h = h ^ (h >> 13)
    h = h * 0xC2B2AE35 & M32
    return h ^ (h >> 16)


def fill(seed, number, count, centre, scale):
    """A tensor's values: centre + scale * x, x of 24 bits in [-1, 1); scale is a power of two, so that only the sum is rounded."""
    base = mix(seed + number * 0x9E3779B9 & M32)
    h = mix(np.uint64(base) + np.arange(count, dtype=np.uint64) & np.uint64(M32))
    return (centre + scale * ((h >> np.uint64(8)).astype(np.float64) - 2**23) / 2**23).astype(np.float32)


def expand(text, seed):
    at = 0

    def letters(match):
        nonlocal at
        count = int(match[1])
        out = "".join(ALPHABET[mix(seed + k * 0x9E3779B9 & M32) >> 27] for k in range(at, at + count))
        at += count
        return out
    return re.sub(r"<(\d+)>", letters, text)


def philox(key, counter):
    """Philox4x32-10 (core/base/random.h)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [p1 >> 32 ^ c[1] ^ k[0], p1 & M32, p0 >> 32 ^ c[3] ^ k[1], p0 & M32]
        k = [k[0] + 0x9E3779B9 & M32, k[1] + 0xBB67AE85 & M32]
    return c


class Stream:
    """One word after another; four come of a counter."""

    def __init__(self, seed):
        self.seed, self.position, self.words = seed, 0, None

    def word(self):
        if self.position % 4 == 0:
            block = self.position // 4
            self.words = philox((self.seed & M32, self.seed >> 32), (block & M32, block >> 32, 0, 0))
        self.position += 1
        return self.words[(self.position - 1) % 4]

    def below(self, bound):
        word = self.word()
        while word < 2**32 % bound:
            word = self.word()
        return word % bound

    def uniform(self):
        high = self.word() >> 5
        return (high << 26 | self.word() >> 6) * 2.0**-53


def shuffle(items, seed, what):
    words = philox((seed & M32, seed >> 32), (what & M32, what >> 32, 0x7061636B, 0))
    stream = Stream(words[0] << 32 | words[1])
    for i in range(len(items), 1, -1):
        other = stream.below(i)
        items[i - 1], items[other] = items[other], items[i - 1]


# --- data: documents, pieces, rows ---

class Document:
    """Ids, and the weight of each as a target; `plain`: of a .txt without a mark."""

    def __init__(self, ids, weights, conditional, plain=False):
        self.ids, self.weights, self.conditional, self.plain = ids, weights, conditional, plain


def raw(text):
    return list(text.encode())


def whole(text, bos, weight=1.0, prompt=""):
    """A text, or a prompt with its completion, trained from there on; the end of text is trained, too."""
    ids = [BOS] * bos + raw(prompt) + raw(text) + [EOS]
    masked = bos * (prompt != "") + len(raw(prompt))
    return ids, [0.0] * masked + [weight] * (len(ids) - masked)


def chatml(messages, weight):
    ids, weights = [], []
    for m in messages:
        own = m.get("weight", 1.0) * m.get("train", True) * weight if m["role"] == "assistant" else 0.0
        head, body = [IM_START] + raw(m["role"] + "\n"), raw(m["content"]) + [IM_END]
        ids += head + body + raw("\n")
        weights += [0.0] * len(head) + [own] * len(body) + [0.0]
    return ids, weights


def read_documents(path, mark, bos, template):
    text = path.read_text()
    if path.suffix == ".txt":
        parts = text.split(mark) if mark else [text]
        out = [Document(*whole(part, bos), False, not mark) for part in parts if part]
    else:
        out = []
        for line in text.splitlines():
            record = json.loads(line)
            weight = record.get("weight", 1.0)
            if "messages" in record:
                out.append(Document(*chatml(record["messages"], weight), True))
            elif "prompt" in record and template:
                turns = [{"role": r, "content": record[c]} for r, c in (("user", "prompt"), ("assistant", "completion"))]
                out.append(Document(*chatml(turns, weight), True))
            elif "prompt" in record:
                out.append(Document(*whole(record["completion"], bos, weight, record["prompt"]), True))
            elif record["text"]:
                out.append(Document(*whole(record["text"], bos, weight), False))
    return [d for d in out if len(d.ids) >= 2]


class Piece:
    """What fits a row: ids, and for each its target and the target's weight."""

    def __init__(self, document, part, length, long):
        ids, weights = document.ids, document.weights
        end = min(len(ids), part + length)
        behind = end < len(ids) and long == "split"
        self.document, self.ids = document, ids[part:end]
        self.targets = ids[part + 1:end] + ([ids[end]] if behind else [0])
        self.weights = weights[part + 1:end] + ([weights[end]] if behind else [0.0])


def cut(documents, length, long):
    """The pieces that have something to learn from, in the file's order."""
    pieces = []
    for d in documents:
        how = long or ("truncate" if d.conditional else "split")
        if len(d.ids) > length and how == "drop":
            continue
        last = len(d.ids) if how == "split" else 1
        pieces += [Piece(d, part, length, how) for part in range(0, last, length)]
    return [p for p in pieces if any(w > 0 for w in p.weights)]


def units_of(pieces):
    """What stays together where only a part of the data is taken: documents, but single pieces of a text without marks."""
    units = []
    for p in pieces:
        if p.document.plain or not units or units[-1][0].document is not p.document:
            units.append([])
        units[-1].append(p)
    return units


def split(pieces, share, seed):
    units = units_of(pieces)
    if share == 0 or len(units) < 20:
        return pieces, []
    held = min(max(int(share * len(units) + 0.5), 1), len(units) - 1)
    order = list(range(len(units)))
    shuffle(order, seed, M64)
    chosen = set(order[:held])
    return ([p for i, unit in enumerate(units) if i not in chosen for p in unit],
            [p for i, unit in enumerate(units) if i in chosen for p in unit])


def pack(pieces, length):
    """Each into the open row, of at most 64, that has the least room for it; the fullest is closed for a new one."""
    rows, open_rows = [], []
    for p in pieces:
        fits = [r for r in open_rows if r[0] >= len(p.ids)]
        if fits:
            row = min(fits, key=lambda r: r[0])
        else:
            row = [length, len(rows)]
            rows.append([])
            if len(open_rows) < 64:
                open_rows.append(row)
            else:
                open_rows[open_rows.index(min(open_rows, key=lambda r: r[0]))] = row
        row[0] -= len(p.ids)
        rows[row[1]].append(p)
    return rows


def epoch_rows(sources, seed, epoch, length):
    """`sources`: pieces and weight of each; of a share of a source the units come by turns, in a shuffled order."""
    items = []
    for s, (pieces, weight) in enumerate(sources):
        times, part = int(weight), weight - int(weight)
        items += pieces * times
        if part > 0 and pieces:
            drawn = units_of(pieces)
            shuffle(drawn, seed, M64 - 1 - s)
            begin, end = (math.ceil(e * part * len(drawn) - 1e-6) for e in (epoch, epoch + 1))
            for i in range(begin, end):
                items += drawn[i % len(drawn)]
    shuffle(items, seed, epoch)
    return pack(items, length)


def lay_out_steps(options, sources):
    """The pieces of each step: an epoch's rows in their order, the last step of an epoch short."""
    size, steps = options["batch"] * options["accumulate"], []
    epochs, most = options.get("epochs", 1), options.get("steps")
    for epoch in range(1000):
        rows = epoch_rows(sources, options["seed"], epoch, options["seq_len"])
        own = [sum(rows[i:i + size], []) for i in range(0, len(rows), size)]
        if most is None:
            left = epochs - epoch
            steps += own if left >= 1 else own[:math.ceil(left * len(own) - 1e-9)]
            if left <= 1:
                return steps
        else:
            steps += own
            if len(steps) >= most:
                return steps[:most]
    raise Nothing


class Nothing(Exception):
    """No data is left to learn from, or no tensor to train."""


# --- the model and its steps ---

class Adapter(torch.nn.Module):
    def __init__(self, base, a, scale):
        super().__init__()
        self.base, self.scale = base, scale
        self.lora_A = torch.nn.Parameter(a)
        self.lora_B = torch.nn.Parameter(torch.zeros(base.out_features, a.shape[0]))

    def forward(self, x):
        return self.base(x) + self.scale * ((x @ self.lora_A.T) @ self.lora_B.T)


def select(names, options, layers, tied):
    """What --select trains: modules whole, biases with them; embedding and head unless they are frozen."""
    kind, amount = options["select"].split(":")
    rows = [n for n in names if LINEAR.search(n)]  # in the order in which PyTorch walks a model
    layer = {n: int(n.split(".")[2]) for n in rows}
    if kind == "random":
        stream, chosen = Stream(options["seed"]), set()
        score = {n: stream.uniform() for n in rows}
        for kind in sorted({LINEAR.search(n)[1] for n in rows}):
            own = sorted((n for n in rows if LINEAR.search(n)[1] == kind), key=lambda n: -score[n])
            chosen |= set(own[:int(len(own) * float(amount) / 100)])
    else:
        within = (lambda n: layer[n] >= layers - int(amount)) if kind == "last" else (lambda n: layer[n] < int(amount))
        chosen = {n for n in rows if within(n)}
    chosen |= {n.replace(".weight", ".bias") for n in chosen}
    frozen = options.get("no_embeddings"), options.get("no_head")
    if not (frozen[0] or (tied and frozen[1])):
        chosen.add("model.embed_tokens.weight")
    if not frozen[1]:
        chosen.add("lm_head.weight")
    return {n for n in names if n in chosen}


def prepare(model, spec, options):
    """Freezes, puts adapters beside; the trained parameters by the program's names."""
    named = dict(model.named_parameters())
    files, method = [t[0] for t in spec["tensors"]], options["method"]
    tied, layers = model.config.tie_word_embeddings, model.config.num_hidden_layers
    if method == "full":
        chosen = set(named)
    elif method == "lora":
        chosen = {n for n in named if LINEAR.search(n)}
    elif spec.get("plan"):
        chosen = set(spec["plan"])
    else:
        chosen = select(list(named), options, layers, tied)
    adapted = sorted((n for n in chosen if LINEAR.search(n)), key=files.index) if "lora" in method else []
    if not chosen or ("lora" in method and not adapted):
        raise Nothing
    trained = {}
    for name, p in named.items():
        beside = "lora" in method and (LINEAR.search(name) or name.endswith(".bias"))
        p.requires_grad_(name in chosen and not beside)
        if p.requires_grad:
            trained[name] = p
    rank = options.get("rank", 16)
    for name in adapted:
        parent, child = name.removesuffix(".weight").rsplit(".", 1)
        parent = model.get_submodule(parent)
        base = getattr(parent, child)
        stream = Stream(options["seed"] ^ (len(files) + files.index(name)) << 32)
        bound = 1 / math.sqrt(base.in_features)
        values = np.array([bound * (2 * stream.uniform() - 1) for _ in range(rank * base.in_features)], dtype=np.float32)
        adapter = Adapter(base, torch.tensor(values.reshape(rank, -1)), options.get("alpha", 2 * rank) / rank)
        setattr(parent, child, adapter)
        stem = "base_model.model." + name.removesuffix(".weight")
        trained |= {stem + ".lora_A.weight": adapter.lora_A, stem + ".lora_B.weight": adapter.lora_B}
    return trained


def losses(model, pieces):
    """Sum of weight times cross-entropy, of weight times squared log-sum-exp, and of weights; how many count."""
    longest = max(len(p.ids) for p in pieces)

    def rows(of, kind):
        return torch.tensor([list(of(p)) + [0] * (longest - len(p.ids)) for p in pieces], dtype=kind)
    weights = rows(lambda p: p.weights, torch.float64)
    logits = model(rows(lambda p: p.ids, torch.long), use_cache=False).logits
    lse = logits.logsumexp(-1)
    entropy = lse - logits.gather(-1, rows(lambda p: p.targets, torch.long).unsqueeze(-1)).squeeze(-1)
    return ((weights * entropy).sum(), (weights * lse.square()).sum(), weights.sum().item(), int((weights > 0).sum()))


def evaluate(model, pieces):
    with torch.no_grad():
        parts = [losses(model, pieces[i:i + 32]) for i in range(0, len(pieces), 32)]
    return [sum(p[0].item() for p in parts) / sum(p[2] for p in parts), sum(p[3] for p in parts)]


def load_model(folder):
    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
    return model.eval()


def run_oracle(spec, folder, shaken=False):
    """`shaken`: from weights that are off in their last bit."""
    options = spec["options"]
    mark, bos, long = options.get("mark"), spec["bos"], options.get("long")
    template, length, seed = options.get("template"), options["seq_len"], options["seed"]
    documents = [read_documents(folder / f, mark, bos, template) for f in options["data"]]
    sources = [cut(d, length, long) for d in documents]
    if options.get("eval_data"):
        training = sum(sources, [])
        held = cut(read_documents(folder / options["eval_data"], mark, bos, template), length, long)
    else:
        training, held = split(sum(sources, []), options.get("eval_split", 0.05), seed)
    keep = set(map(id, training))
    weights = options.get("data_weight", [1.0] * len(sources))
    if not training or (options.get("eval_data") and not held):
        raise Nothing
    steps = lay_out_steps(options, [([p for p in s if id(p) in keep], w) for s, w in zip(sources, weights)])
    model = load_model(folder / "model")
    with torch.no_grad():
        for p in model.parameters():
            if options["dtype"] == "bf16":
                p.copy_(p.to(torch.bfloat16).float())
            if shaken:
                p.mul_(1 + (2.0**-8 if options["dtype"] == "bf16" else 2.0**-23) * (torch.arange(p.numel()).reshape(p.shape) % 3 - 1))
    trained = prepare(model, spec, options)
    decay, lr, n = options.get("weight_decay", 0.0), options["lr"], len(steps)
    groups = []
    for name, p in trained.items():
        factor = math.prod(f for pattern, f in options.get("lr_factor", []) if re.search(pattern, name))
        groups.append({"params": [p], "lr": lr * factor, "weight_decay": decay if p.dim() > 1 else 0.0})
    optimizer = torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.999), eps=1e-8)
    warmup = options.get("warmup", 0.03)
    warmup = min(math.ceil(warmup * n) if warmup < 1 else int(warmup), n - 1)
    kind = options.get("schedule", "cosine")
    schedule = get_scheduler(kind if kind != "constant" else "constant_with_warmup", optimizer, warmup, n)
    rate = schedule.lr_lambdas[0]
    every, out, evals = options.get("eval_every", 50), [], []
    if held and every > 0:
        evals.append([0] + evaluate(model, held))
    counted = 0
    for step, pieces in enumerate(steps, 1):
        optimizer.zero_grad()
        entropy, z, weight, count = losses(model, pieces)
        ((entropy + options.get("z_loss", 0.0) * z) / weight).backward()
        clip = options.get("clip", 1.0)
        norm = torch.nn.utils.clip_grad_norm_(trained.values(), clip if clip > 0 else math.inf).item()
        counted += count
        out.append([entropy.item() / weight, norm, lr * rate(step - 1), counted])
        optimizer.step()
        schedule.step()
        if held and (step == n or (every > 0 and step % every == 0)):
            evals.append([step] + evaluate(model, held))
    return {"steps": out, "evals": evals}


# --- files ---

def write_tokenizer(folder, bos):
    """Byte-level BPE without merges: a token's id is its byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    letters = {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(others)}
    special = {BOS: "<s>", EOS: "</s>", IM_START: "<|im_start|>", IM_END: "<|im_end|>"}
    added = [{"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for i, t in special.items()]
    post = {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}] * bos + [{"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [BOS], "tokens": ["<s>"]}} if bos else {}}
    tokenizer = {"version": "1.0", "added_tokens": added, "normalizer": None,
                 "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
                 "post_processor": post, "decoder": {"type": "ByteLevel"},
                 "model": {"type": "BPE", "vocab": {letters[b]: b for b in range(256)}, "merges": []}}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>"} | ({"bos_token": "<s>"} if bos else {})))


def write_weights(path, spec):
    header, data = {}, b""
    for i, (name, shape) in enumerate(spec["tensors"]):
        centre, scale = (1.0, 0.25) if "norm" in name else (0.0, spec["scale"])
        values = fill(spec["seed"], i, math.prod(shape), centre, scale).astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def write_files(spec, folder):
    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps(spec["config"]))
    write_tokenizer(model, spec["bos"])
    write_weights(model / "model.safetensors", spec)
    for i, (name, text) in enumerate(spec["files"].items()):
        (folder / name).write_text(expand(text, spec["seed"] + i))
    if spec.get("plan"):
        (folder / "plan.json").write_text(json.dumps({"format": "spectrum.plan", "version": 1, "train": spec["plan"]}))


def arguments_of(options):
    out = []
    for key, value in options.items():
        flag = "--" + key.replace("_", "-")
        if value is True:
            out.append(flag)
        elif key == "lr_factor":
            out += [x for pattern, f in value for x in (flag, f"{pattern}={f!r}")]
        elif isinstance(value, list):
            out += [x for v in value for x in (flag, str(v))]
        else:
            out += [flag, str(value)]
    return out


# --- configurations by chance ---

def draw_rope(r, head_dim, most):
    theta = r.choice([10000.0, 10000.0, 500.0, 1000000.0])
    original = r.choice([16, 32])
    factor = r.choice([1.5, 2.0, 2.5, 4.0, 8.0])
    kind = r.choice(["default", "default", "default", "linear", "llama3", "yarn", "yarn"])
    rope = {"rope_type": kind, "rope_theta": theta}
    if kind != "default":
        rope["factor"] = factor
    if kind == "llama3":
        rope |= {"low_freq_factor": 1.0, "high_freq_factor": r.choice([2.0, 4.0]), "original_max_position_embeddings": original}
    if kind == "yarn":
        rope |= {"original_max_position_embeddings": original}
        if r.random() < 0.3:
            rope |= {"beta_fast": r.choice([16.0, 24.0]), "beta_slow": r.choice([1.0, 2.0])}
        if r.random() < 0.3:
            rope |= {"mscale": r.choice([0.8, 1.2]), "mscale_all_dim": r.choice([0.6, 1.0])}
        elif r.random() < 0.3:
            rope["attention_factor"] = r.choice([0.9, 1.15])
    return rope


def draw_config(r, least):
    kind = r.choice(["llama", "llama", "mistral", "qwen2", "qwen3"])
    kv, groups, head_dim = r.choice([1, 1, 2, 3]), r.choice([1, 2, 2, 3]), r.choice([4, 6, 8, 10, 12, 16])
    heads = kv * groups
    # LlamaConfig refuses others even beside a head_dim
    hidden = r.choice([h for h in range(16, 49, 2) if kind != "llama" or h % heads == 0])
    if kind == "qwen2":  # it has no head_dim of its own
        hidden = heads * head_dim if 16 <= heads * head_dim <= 48 else 24
        heads, kv = (heads, kv) if heads * head_dim == hidden else (4, r.choice([1, 2, 4]))
        head_dim = hidden // heads
    most = max(least, r.choice([64, 128, 256]))
    config = {"architectures": [{"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3"}[kind] + "ForCausalLM"],
              "model_type": kind, "hidden_size": hidden, "intermediate_size": r.choice(range(16, 65, 4)),
              "num_hidden_layers": r.choice([1, 2, 2, 3]), "num_attention_heads": heads, "num_key_value_heads": kv,
              "vocab_size": r.choice([260, 260, 261, 264, 272]), "max_position_embeddings": most, "hidden_act": "silu",
              "rms_norm_eps": r.choice([1e-5, 1e-6]), "tie_word_embeddings": r.random() < 0.5, "bos_token_id": BOS, "eos_token_id": EOS}
    if kind != "qwen2":
        config["head_dim"] = head_dim
    rope = draw_rope(r, head_dim, most)
    if r.random() < 0.3:  # as transformers 4 wrote it
        config["rope_theta"] = rope.pop("rope_theta")
        config["rope_scaling"] = rope if rope["rope_type"] != "default" else None
    else:
        config["rope_parameters"] = rope
    if kind == "llama":
        config |= {"attention_bias": r.random() < 0.3, "mlp_bias": r.random() < 0.3}
    elif kind == "mistral":
        config["sliding_window"] = r.choice([None, 2, 5, 9])
    else:
        config["attention_bias"] = kind == "qwen3" and r.random() < 0.3
        if r.random() < 0.4:
            config |= {"use_sliding_window": True, "sliding_window": r.choice([3, 6, 11]),
                       "max_window_layers": r.randrange(config["num_hidden_layers"] + 1)}
        else:
            config |= {"use_sliding_window": False, "sliding_window": r.choice([None, 5])}
        if kind == "qwen2":
            del config["attention_bias"]
    return config


def draw_length(r, length, long):
    """Of a text, in tokens about: short ones mostly, some as long as a row, `long` of them longer."""
    x = r.random()
    if x < long:
        return r.randrange(length + 1, 3 * length)
    return max(1, length - r.randrange(4)) if x < long + 0.1 else r.randrange(1, max(2, length * 2 // 3))


def escape(r):
    """Something that is not plain letters, as JSON has it."""
    return r.choice(["", "", "", "", "\\n", "\\\"", "\u00e9", "\\u20ac", " \\\\ "])


def draw_records(r, form, count, length, long, weights):
    lines = []
    for _ in range(count):
        n = draw_length(r, length - 3, long)
        if form == "text":
            lines.append(f'{{"text": "<{n}>{escape(r)}"}}')
            continue
        weight = f', "weight": {r.choice([0, 0.5, 0.25, 2, 1.5])}' if weights and r.random() < 0.4 else ""
        if form == "pairs":
            a = r.randrange(0, n + 1) if n > 1 else 0
            lines.append(f'{{"prompt": "<{a}>{escape(r)}", "completion": "<{n - a}>{escape(r)}"{weight}}}')
            continue
        turns = ['{"role": "system", "content": "<5>"}'] if r.random() < 0.2 else []
        for _ in range(r.choice([1, 1, 2])):
            own = r.choice(["", "", ', "weight": 0', ', "weight": 1'])
            if weights and r.random() < 0.4:
                own = r.choice([', "weight": 0.5', ', "weight": 3', ', "train": false', ', "train": true'])
            turns.append(f'{{"role": "user", "content": "<{r.randrange(1, 6)}>"}}')
            turns.append(f'{{"role": "assistant", "content": "<{max(1, n // 3)}>{escape(r)}"{own}}}')
        lines.append(f'{{"messages": [{", ".join(turns)}]{weight}}}')
    return "\n".join(lines) + "\n"


def draw_data(r, options, files, name, length, long):
    """One file of some form; its name with what the form is called by."""
    form = r.choice(["txt", "marked", "text", "text", "pairs", "pairs", "messages"])
    count = r.choice([r.randrange(4, 19), r.randrange(20, 40)])
    if form in ("txt", "marked"):
        name += ".txt"
        mark = options.get("mark")
        if mark or form == "marked":
            options["mark"] = mark = "%%"
        parts = [f"<{draw_length(r, length - 3, long)}>" for _ in range(count)]
        files[name] = (mark or "\n").join(parts) + r.choice(["", "\n"])
    else:
        name += ".jsonl"
        wide = length * 2 if form == "messages" else length  # their turns take some more
        files[name] = draw_records(r, form, count, wide, long, r.random() < 0.4)
        if form == "messages":
            options["template"] = "chatml"
    return name, form


def draw_tensors(r, model):
    tensors = [[n, list(p.shape)] for n, p in model.named_parameters()]
    order = r.random()
    if order < 0.3:
        tensors.sort()
    elif order < 0.5:
        r.shuffle(tensors)
    return tensors


def draw_method(r, options, spec, names, layers):
    method = r.choice(["full", "full", "spectrum", "spectrum", "spectrum", "lora", "spectrum+lora", "spectrum+lora"])
    options["method"] = method
    if "lora" in method:
        options["rank"] = r.choice([1, 2, 3, 4, 8])
        if r.random() < 0.5:
            options["alpha"] = r.choice([1.0, 4.0, 6.5])
    if "spectrum" not in method:
        return
    if r.random() < 0.6:
        share = r.choice([0.15, 0.4, 0.7])
        linear = [n for n in names if LINEAR.search(n)]
        some = {n for n in names if r.random() < share} | ({r.choice(linear)} if "lora" in method else {r.choice(names)})
        if "lora" in method:  # biases of the plan would stay frozen beside adapters
            some = {n for n in some if not n.endswith(".bias")}
        spec["plan"] = [n for n in names if n in some]
        options["plan"] = "plan.json"
        return
    options["select"] = r.choice([f"last:{r.randrange(1, layers + 1)}", f"first:{r.randrange(1, layers + 1)}",
                                  f"random:{r.choice([50, 67, 100])}"])
    for key in ("no_embeddings", "no_head"):
        if r.random() < 0.3:
            options[key] = True


def draw_training(r, options, spec, names):
    options["lr"] = r.choice([1e-3, 3e-3, 1e-2])
    options["schedule"] = r.choice(["cosine", "linear", "constant"])
    options["warmup"] = r.choice([0, 0, 1, 2, 3, 0.1, 0.25, 0.5])
    if r.random() < 0.7:
        options["clip"] = r.choice([0, 0, 0.1, 0.5, 100.0])
    if r.random() < 0.4:
        options["weight_decay"] = r.choice([0.01, 0.1, 1.0])
    if r.random() < 0.25:
        options["z_loss"] = r.choice([1e-4, 1e-2])
    if r.random() < 0.3:
        patterns = {"layers": "layers\\.0\\.", "embed_tokens": "embed", "lora_B": "lora_B", "norm": "norm", "_proj": "_proj"}
        made = "".join(names if options["method"] == "full" else spec.get("plan", []))
        if "lora" in options["method"]:
            made = "lora_B"
        hits = [p for key, p in patterns.items() if key in made and ".0." in made + ".0."]
        if options["method"] == "full" or "lora_B" in made:
            options["lr_factor"] = [[r.choice(hits), r.choice([0.1, 0.5, 3.0])]]
            if r.random() < 0.3:
                options["lr_factor"].append([hits[0], 0.5])


def draw(seed, number):
    r = random.Random(f"{seed}/{number}")
    length = r.choice([16, 24, 32, 48, 64])
    long = r.choice([0.0, 0.0, 0.15])
    options, files = {"data": []}, {}
    forms = []
    for i in range(r.choice([1, 1, 1, 2])):
        name, form = draw_data(r, options, files, "ab"[i], length, long)
        options["data"].append(name)
        forms.append(form)
    if len(forms) > 1 and r.random() < 0.6:
        options["data_weight"] = [r.choice([1.0, 2.0, 0.5, 1.3]) for _ in forms]
    x = r.random()
    if x < 0.3:
        options["eval_data"], form = draw_data(r, options, files, "held", length, long)
        forms.append(form)
    elif x < 0.5:
        options["eval_split"] = r.choice([0, 0.1, 0.3])
    if r.random() < 0.3:
        options["long"] = r.choice(["drop", "truncate", "split"])
        if options["long"] == "split" and ("pairs" in forms or "messages" in forms):
            del options["long"]
    options["eval_every"] = r.choice([0, 1, 3, 50])
    config = draw_config(r, length)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**{k: v for k, v in config.items() if k != "architectures"}))
    spec = {"name": f"{seed}/{number}", "seed": r.randrange(2**32), "scale": r.choice([0.25, 0.25, 0.5]), "bos": r.random() < 0.5,
            "config": config, "tensors": draw_tensors(r, model), "files": files}
    names = [n for n, _ in model.named_parameters()]
    options["seq_len"] = length
    options["batch"] = r.choice([1, 1, 2, 3])
    options["accumulate"] = r.choice([1, 1, 2, 3, 4])
    options["seed"] = r.choice([0, 1, 42, r.randrange(2**31), r.randrange(2**49)])
    draw_method(r, options, spec, names, config["num_hidden_layers"])
    draw_training(r, options, spec, names)
    if r.random() < 0.5:
        options["steps"] = r.randrange(2, 11)
    else:
        options["epochs"] = r.choice([1, 1, 2, 3, 0.5, 1.5, 2.25, 0.75])
    options["dtype"] = "bf16" if r.random() < 0.06 else "fp32"
    spec["within"] = WITHIN_BF16 if options["dtype"] == "bf16" else WITHIN
    spec["options"] = options
    return spec


def make(seed, number, folder):
    """A configuration in a folder, with what the loop makes of it; None where chance made one that says nothing."""
    spec = draw(seed, number)
    write_files(spec, folder)
    try:
        expected = run_oracle(spec, folder)
    except Nothing:
        return None
    if not 1 <= len(expected["steps"]) <= MOST_STEPS:
        return None
    shaken = distances(run_oracle(spec, folder, shaken=True), expected)
    if any(d > within / 10 for d, within in zip(shaken, spec["within"])):
        return None
    return spec | {"arguments": arguments_of(spec["options"])} | expected


# --- against the program ---

def run_program(spec, folder, program):
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "XDG_STATE_HOME": str(folder / "state"), "OMP_NUM_THREADS": "2"}
    done = subprocess.run([program, "train", "model", *spec["arguments"], "--run", "run", "--save-every", "0", "--sample-tokens", "0"],
                          cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr.strip().splitlines()[-1]
    lines = [json.loads(line) for line in (folder / "run/metrics.jsonl").read_text().splitlines()]
    return {"steps": [[x["loss"], x["grad_norm"], x["lr"], x["supervised_tokens"]] for x in lines if "loss" in x],
            "evals": [[x["step"], x["eval_loss"], x["eval_tokens"]] for x in lines if "eval_loss" in x]}


def off(a, b):
    return abs(a - b) / max(abs(b), 1e-12)


def distances(a, b):
    """The largest of losses, evaluations among them, and of gradient norms."""
    return [max([off(x[0], y[0]) for x, y in zip(a["steps"], b["steps"])] + [off(x[1], y[1]) for x, y in zip(a["evals"], b["evals"])]),
            max(off(x[1], y[1]) for x, y in zip(a["steps"], b["steps"]))]


def difference(spec, got):
    """What differs; None: nothing."""
    if isinstance(got, str):
        return got
    for kind in ("steps", "evals"):
        if len(got[kind]) != len(spec[kind]):
            return f"{len(got[kind])} {kind}, not {len(spec[kind])}"
    for i, (a, b) in enumerate(zip(got["steps"], spec["steps"]), 1):
        loss, norm = (w * (0.1 if i == 1 else 1) for w in spec["within"])
        if a[3] != b[3] or off(a[2], b[2]) > 1e-9 or off(a[0], b[0]) > loss or off(a[1], b[1]) > norm:
            return f"step {i}: loss, norm, rate, tokens are {a}, not {b}"
    for a, b in zip(got["evals"], spec["evals"]):
        if a[0] != b[0] or a[2] != b[2] or off(a[1], b[1]) > spec["within"][0]:
            return f"evaluation: step, loss, tokens are {a}, not {b}"
    return None


def compare(args):
    failures, made, number = 0, 0, 0
    worst = [0.0, 0.0]
    while made < args.fresh:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name) if args.only is None else pathlib.Path(tempfile.mkdtemp())
            number = number if args.only is None else args.only
            spec = make(args.seed, number, folder)
            number += 1
            if spec is None:
                if args.only is not None:
                    raise SystemExit("that configuration is passed over")
                continue
            made += 1
            got = run_program(spec, folder, os.path.abspath(args.program))
            what = difference(spec, got)
            if what:
                failures += 1
                print(f"{spec['name']}: {what}\n    {' '.join(spec['arguments'])}", flush=True)
            elif spec["options"]["dtype"] == "fp32":
                worst = [max(pair) for pair in zip(worst, distances(got, spec))]
            if args.only is not None:
                print(folder)
                break
    print(f"{failures} of {made} differ, {number - made} were passed over; the others by {worst[0]:.1e} of a loss and {worst[1]:.1e} of a norm at most")
    return failures != 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int)
    parser.add_argument("--fresh", type=int)
    parser.add_argument("--only", type=int)
    parser.add_argument("--program")
    args = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if args.fresh:
        raise SystemExit(compare(args))
    made, number = 0, 0
    while made < args.count:
        with tempfile.TemporaryDirectory() as name:
            spec = make(args.seed, number, pathlib.Path(name))
        number += 1
        if spec:
            del spec["options"]
            for rows in (spec["steps"], spec["evals"]):
                rows[:] = [[float(f"{x:.12g}") if isinstance(x, float) else x for x in row] for row in rows]
            print(json.dumps(spec, ensure_ascii=False, separators=(",", ":")), flush=True)
            made += 1


if __name__ == "__main__":
    main()
