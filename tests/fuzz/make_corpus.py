#!/usr/bin/env python3
"""Writes the hand-made part of corpus/: small valid files of every form, and the malformed ones that
have a name. What libFuzzer found lies beside them under its own names (hashes).

test_checkpoint_malformed.c has the message that each malformed model file must give.
"""

import gzip
import io
import json
import math
import pathlib
import shutil
import struct
import zipfile

HERE = pathlib.Path(__file__).parent
U64 = (1 << 64) - 1


def put(corpus, name, data):
    folder = HERE / "corpus" / corpus
    folder.mkdir(parents=True, exist_ok=True)
    if not isinstance(data, bytes):
        data = (data if isinstance(data, str) else json.dumps(data)).encode()
    suffix = "." + corpus if corpus in ("safetensors", "gguf") else ""
    (folder / (name + suffix)).write_bytes(data)


# ---- safetensors


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else (
        header if isinstance(header, str) else json.dumps(header, separators=(",", ":"))).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(begin, end, shape, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def tensors(*listed):
    """A safetensors file of ("name", "F32", [2, 2]) or, with its bytes, ("name", "U8", [3], b"abc")."""
    size = {"F64": 8, "F32": 4, "U32": 4, "I32": 4, "F16": 2, "BF16": 2}
    header, data = {}, b""
    for name, dtype, shape, *content in listed:
        count = size.get(dtype, 1)
        for n in shape:
            count *= n
        header[name] = entry(len(data), len(data) + count, shape, dtype)
        data += content[0] if content else bytes(i * 37 % 251 for i in range(count))
    return safetensors(header, data)


def put_quantized():
    def put_one(name, config, *listed):
        text = json.dumps(config).encode()
        put("quantized", name, struct.pack("<H", len(text)) + text + tensors(*listed))

    w, fp8 = "m.0.q.weight", {"quantization_config": {"weight_block_size": [4, 4]}}
    put_one("valid-fp8", fp8, (w, "F8_E4M3", [6, 9]), (w + "_scale_inv", "F32", [2, 3]),
            ("m.0.q.input_scale", "F32", []), ("m.0.e", "F8_E4M3", [2, 4, 4]), ("m.0.e_scale", "U8", [2, 1, 1]))
    put_one("valid-fp8-rows", {"quantization_config": {"quant_method": "fp8", "modules_to_not_convert": ["lm_head"]}},
            ("m.0.k.weight", "F8_E5M2", [3, 5]), ("m.0.k.weight_scale", "BF16", [3, 1]),
            ("m.0.e", "F8_E4M3", [2, 4, 4]), ("m.0.e_scale", "U8", [2, 4, 1]))
    put_one("bad-fp8-blocks", fp8, (w, "F8_E4M3", [6, 9]), (w + "_scale", "F32", [1, 1]))
    put_one("bad-fp8-format", {"quantization_config": {"fmt": "e5m2"}}, (w, "F8_E4M3", [6, 9]),
            (w + "_scale", "F32", [1, 1]))
    put_one("bad-fp8-plain", {"quantization_config": {"modules_to_not_convert": ["x", "m.0", "q"]}},
            (w, "F8_E4M3", [6, 9]), (w + "_scale", "F32", [1, 1]))
    put_one("bad-fp8-grid", fp8, (w, "F8_E4M3", [6, 9]), (w + "_scale", "F32", [3, 3]))
    put_one("bad-fp8-scales-of-scales", fp8, (w, "F8_E4M3", [4, 4]), (w + "_scale", "F8_E4M3", [1, 1]),
            (w + "_scale_scale", "F32", [1, 1]))
    groups = {"config_groups": {"a": {"weights": {"block_structure": [2, 2]}}, "b": {"weights": {"block_structure": [4, 4]}}}}
    put_one("bad-fp8-two-blocks", {"compression_config": groups}, (w, "F8_E4M3", [8, 8]), (w + "_scale", "F32", [2, 2]))

    def mlx(name, bits, words, groups, settings=None):
        put_one(name, {"quantization": {"bits": bits, "group_size": 32, **(settings or {})}},
                (w, "U32", [2, words]), ("m.0.q.scales", "F16", [2, groups]), ("m.0.q.biases", "F16", [2, groups]))

    for bits in (2, 3, 4, 5, 6, 8):
        mlx(f"valid-mlx-{bits}", bits, bits, 1)
    mlx("odd-mlx-own-settings", 4, 8, 1, {"m.0.q": {"bits": 8, "group_size": 64}})
    mlx("bad-mlx-bits", 7, 7, 1)
    mlx("bad-mlx-groups", 4, 4, 2)
    mlx("bad-mlx-mode", 4, 4, 1, {"mode": "mxfp4"})

    def bnb(name, shape, block=64, nested=None, **changes):
        elements = shape[0] * shape[1] if isinstance(shape, list) and shape[0] < 100 else 64
        blocks = -(-elements // 64)
        state = {"quant_type": "nf4", "blocksize": block, "dtype": "bfloat16", "shape": shape}
        parts = [(w, "U8", [(elements + 1) // 2, 1]), (w + ".absmax", "U8" if nested else "F32", [blocks]),
                 (w + ".quant_map", "F32", [16])]
        if nested:
            state |= {"nested_blocksize": nested, "nested_dtype": "float32", "nested_offset": 0.25}
            parts += [(w + ".nested_absmax", "F32", [-(-blocks // nested)]), (w + ".nested_quant_map", "F32", [256])]
        text = json.dumps(state | changes).encode()
        put_one(name, {}, *parts, (w + ".quant_state.bitsandbytes__nf4", "U8", [len(text)], text))

    bnb("valid-nf4", [8, 24])
    bnb("valid-nf4-double", [16, 24], nested=4)
    bnb("odd-nf4-odd", [3, 23])
    bnb("bad-nf4-shape", [1e15, 1e15])
    bnb("bad-nf4-shape-is-a-text", "8")
    bnb("bad-nf4-block", [8, 24], block=48)
    bnb("bad-nf4-nested-block", [16, 24], nested=4, nested_blocksize=0)
    put_one("bad-nf4-state", {}, (w, "U8", [4, 1]), (w + ".quant_state.bitsandbytes__nf4", "U8", [4], b"{..}"))
    put_one("valid-int8", {}, (w, "I8", [3, 5]), ("m.0.q.SCB", "F32", [3]), ("m.0.q.weight_format", "U8", [], b"\0"))
    put_one("bad-int8-layout", {}, (w, "I8", [3, 5]), ("m.0.q.SCB", "F32", [3]), ("m.0.q.weight_format", "U8", [], b"\2"))
    put_one("valid-mxfp4", {}, ("m.0.x_blocks", "U8", [2, 3, 2, 16]), ("m.0.x_scales", "U8", [2, 3, 2]))
    put_one("bad-mxfp4-empty", {}, ("m.0.x_blocks", "U8", [0, 3, 2, 16]), ("m.0.x_scales", "U8", [0, 3, 2]))
    put_one("bad-mxfp4-no-name", {}, ("_blocks", "U8", [1, 1, 1, 16]), ("_scales", "U8", [1, 1, 1]))
    put_one("valid-nvfp4", {}, (w + "_packed", "U8", [3, 16]), (w + "_scale", "F8_E4M3", [3, 2]),
            (w + "_global_scale", "F32", [1]), ("m.0.q.input_global_scale", "F32", [1]))
    put_one("valid-nvfp4-modelopt", {}, (w, "U8", [2, 3, 8]), (w + "_scale", "F8_E4M3", [2, 3, 1]), (w + "_scale_2", "F32", [2]))
    put_one("valid-nvfp4-parameter", {}, ("m.0.x", "U8", [2, 8, 3]), ("m.0.x_weight_scale", "F8_E4M3", [2, 1, 3]),
            ("m.0.x_weight_scale_2", "F32", []), ("m.0.x_input_scale", "F32", []))
    put_one("valid-mxfp4-packed", {}, (w + "_packed", "U8", [3, 16]), (w + "_scale", "U8", [3, 1]))
    put_one("bad-nvfp4-group", {}, (w, "U8", [4, 16]), (w + "_scale", "F8_E4M3", [4, 4]), (w + "_scale_2", "F32", [1]))
    put_one("valid-int8-rows", {}, (w, "I8", [3, 8]), (w + "_scale", "BF16", [3, 2]), (w + "_zero_point", "I8", [3, 2]))
    put_one("valid-int8-scaled", {}, (w, "I8", [3, 8]), (w + "_scale", "F32", [1]), (w + "_zero_point", "I8", [1]))

    def packed(name, rows, cols, bits, groups=1, zeros=True, said=None):
        words = lambda count: -(-count * bits // 32)
        stored = struct.pack("<qq", *(said or (rows, cols)))
        put_one(name, {}, (w + "_packed", "I32", [rows, words(cols)]), (w + "_scale", "F16", [rows, groups]),
                (w + "_shape", "I64", [2], stored), *[(w + "_zero_point", "I32", [words(rows), groups])] * zeros)

    for bits in (2, 4, 8):
        packed(f"valid-packed-{bits}", 9, 36, bits, 2)
    packed("odd-packed-no-zeros", 3, 33, 4, zeros=False)
    packed("bad-packed-bits", 3, 40, 3)
    packed("bad-packed-rows", 3, 40, 4, said=(1 << 40, 40))
    packed("bad-packed-cols", 3, 40, 4, said=(3, -1))
    put_one("bad-gptq", {"quantization_config": {"quant_method": "gptq"}}, ("m.0.q.qweight", "I32", [2, 4]),
            ("m.0.q.scales", "F16", [2, 4]), ("m.0.q.qzeros", "I32", [2, 4]))


# ---- PyTorch's files


def text_of_pickle(text):
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def pickled(shape, strides, storage="FloatStorage", key="0", count=8, first=0):
    """torch.save()'s pickle of {"a.weight": a tensor}."""
    ints = lambda values: b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"
    store = (b"(" + text_of_pickle("storage") + b"ctorch\n" + storage.encode() + b"\n" + text_of_pickle(key) +
             text_of_pickle("cpu") + b"J" + struct.pack("<i", count) + b"tQ")
    return (b"\x80\x02ccollections\nOrderedDict\nq\0)Rq\1" + text_of_pickle("a.weight") +
            b"ctorch._utils\n_rebuild_tensor_v2\n(" + store + b"J" + struct.pack("<i", first) + ints(shape) +
            ints(strides) + b"\x89h\0)RtRs}" + text_of_pickle("_metadata") + b"}sb.")


def untyped(shape, dtype, first=0):
    """The same, of a type whose storages have none, of 32 bytes."""
    text = pickled(shape, [math.prod(shape[i + 1:]) for i in range(len(shape))], count=32, first=first)
    text = text.replace(b"_rebuild_tensor_v2", b"_rebuild_tensor_v3")
    text = text.replace(b"torch\nFloatStorage", b"torch.storage\nUntypedStorage")
    return text.replace(b"\x89h\0)RtRs", b"\x89h\0)Rctorch\n" + dtype.encode() + b"\ntRs")


def put_torch():
    def put_archive(name, entries, how=zipfile.ZIP_STORED, cut=0, comment=b""):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", how) as archive:
            for entry_name, content in entries.items():
                archive.writestr(zipfile.ZipInfo(entry_name), content, how)
            archive.comment = comment
        put("torch", name, file.getvalue()[:len(file.getvalue()) - cut])

    good = {"a/data.pkl": pickled([2, 4], [4, 1]), "a/byteorder": b"little", "a/data/0": bytes(range(32)), "a/version": b"3"}
    put_archive("valid", good)
    put_archive("odd-comment", good, comment=b"PK\5\6 and more")
    put_archive("bad-packed", good, zipfile.ZIP_DEFLATED)
    put_archive("bad-cut", good, cut=7)
    put_archive("bad-big-endian", good | {"a/byteorder": b"big"})
    put_archive("bad-storage-missing", {"a/data.pkl": good["a/data.pkl"]})
    put_archive("bad-storage-short", good | {"a/data/0": bytes(31)})
    put_archive("bad-no-folder", {"data.pkl": good["a/data.pkl"]})
    put_archive("bad-nothing-in-it", {})
    put("torch", "bad-legacy", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")

    pickles = {"valid": pickled([2, 4], [4, 1]), "valid-bf16": pickled([3, 2], [2, 1], "BFloat16Storage", "1", 32, 5),
               "valid-bytes": pickled([64], [1], "ByteStorage", "0", 64), "valid-empty": pickled([0, 3], [3, 1]),
               "bad-transposed": pickled([2, 4], [1, 2]), "bad-too-long": pickled([2, 9], [9, 1], count=16),
               "bad-negative": pickled([-2, 4], [4, 1]), "bad-first": pickled([2, 4], [4, 1], first=-1),
               "bad-large": pickled([1 << 30] * 3, [1 << 30] * 3), "bad-type": pickled([2], [1], "QInt8Storage"),
               "bad-key": pickled([2], [1], key="../0"), "bad-os-system": b"\x80\x02cos\nsystem\n(X\1\0\0\0atR.",
               "bad-inst": b"\x80\x02(ios\nsystem\n.", "bad-newobj": b"\x80\x02ccollections\nOrderedDict\n)\x81.",
               "bad-protocol-4": b"\x80\x04\x95\0\0\0\0\0\0\0\0}.", "bad-itself": b"\x80\x02}q\0X\1\0\0\0ah\0s.",
               "bad-memo": b"\x80\x02}r\xff\xff\xff\x7f.", "bad-long": b"\x80\x02\x8a\xff\0.",
               "bad-list": b"\x80\x02]q\0(K\1K\2M\1\2NG12345678e.", "bad-marks": b"\x80\x02" + b"(" * 1100}
    pickles |= {"valid-float8": untyped([8, 4], "float8_e4m3fn"), "valid-uint32": untyped([4], "uint32", 4),
                "bad-float8-long": untyped([8, 5], "float8_e5m2"), "bad-type-unknown": untyped([8], "float8_e4m3fnuz"),
                "bad-type-twice": untyped([8], "uint32").replace(b"torch.storage\nUntypedS", b"torch\nFloatS"),
                "bad-type-missing": untyped([8], "uint32").replace(b"_v3", b"_v2"),
                "bad-negated": pickled([2, 4], [4, 1]).replace(b"\x89h\0)RtRs", b"\x89h\0)R}" + text_of_pickle("neg") + b"\x88stRs")}
    for name, data in pickles.items():
        put("pickle", name, data)


def put_safetensors():
    block = "model.layers.0."
    shapes = {"model.embed_tokens.weight": [16, 8], "model.norm.weight": [8],
              block + "input_layernorm.weight": [8], block + "self_attn.q_proj.weight": [8, 8],
              block + "self_attn.q_proj.bias": [8], block + "self_attn.qkv_proj.weight": [16, 8],
              block + "mlp.down_proj.weight": [8, 12], "scalar": [], "empty": [0, 8]}
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for i, (name, shape) in enumerate(shapes.items()):
        dtype, size = [("F32", 4), ("BF16", 2), ("F16", 2), ("F64", 8), ("I8", 1)][i % 5]
        count = 1
        for n in shape:
            count *= n
        header[name] = entry(at, at + count * size, shape, dtype)
        at += count * size
    put("safetensors", "valid", safetensors(header, bytes(i * 37 % 256 for i in range(at))))

    one = entry(0, 16, [2, 2])
    put("safetensors", "odd-module-twice",
        safetensors({"a": one, "a.weight": entry(16, 32, [2, 2])}, bytes(32)))
    put("safetensors", "odd-nothing-after-the-number",
        safetensors({"blk.0..weight": one, ".weight": entry(16, 32, [2, 2]), "a.1.": entry(32, 48, [2, 2])}, bytes(48)))
    bad = lambda name, *what: put("safetensors", "bad-" + name, safetensors(*what))
    bad("gap", {"a": one, "b": entry(20, 36, [2, 2])}, bytes(36))
    bad("gap-at-start", {"a": entry(4, 20, [2, 2])}, bytes(20))
    bad("overlap", {"a": one, "b": entry(12, 28, [2, 2])}, bytes(28))
    bad("same-range-twice", {"a": one, "b": one}, bytes(16))
    bad("inverted-offsets", {"a": entry(16, 0, [2, 2])}, bytes(16))
    bad("negative-offset", {"a": entry(-16, 0, [2, 2])}, bytes(16))
    bad("offset-beyond-2-64", {"a": entry(0, 2 ** 64, [2, 2])}, bytes(16))
    bad("fractional-offset", {"a": entry(0, 15.5, [2, 2])}, bytes(16))
    bad("three-offsets", {"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16, 16]}},
        bytes(16))
    bad("beyond-end", {"a": entry(0, 32, [2, 4])}, bytes(16))
    bad("product-overflow", {"a": entry(0, 16, [10 ** 15, 10 ** 15])}, bytes(16))
    bad("product-wraps-to-zero", {"a": entry(0, 0, [2 ** 32, 2 ** 32])})
    bad("bytes-overflow", {"a": entry(0, 16, [2 ** 31, 2 ** 31], "F64")}, bytes(16))
    bad("shape-and-range-differ", {"a": entry(0, 16, [2, 3])}, bytes(16))
    bad("negative-shape", {"a": entry(0, 16, [-2, -2])}, bytes(16))
    bad("fractional-shape", {"a": entry(0, 16, [2.5, 2])}, bytes(16))
    bad("nine-dimensions", {"a": entry(0, 16, [1] * 8 + [4])}, bytes(16))
    bad("duplicate-key", '{"a":%s,"a":%s}' % (json.dumps(one), json.dumps(entry(16, 32, [4]))),
        bytes(32))
    bad("trailing-bytes", {"a": one}, bytes(17))
    bad("trailing-json", json.dumps({"a": one}) + "}", bytes(16))
    bad("name-not-utf8", b'{"\xff\xfe":' + json.dumps(one).encode() + b"}", bytes(16))
    bad("name-with-escape", '{"a\\u001b[31m":%s}' % json.dumps(one), bytes(16))
    bad("name-with-nul", '{"a\\u0000b":%s}' % json.dumps(one), bytes(16))
    bad("name-empty", {"": one}, bytes(16))
    bad("name-too-long", {"a" * 600: one}, bytes(16))
    bad("header-100-mb", {"a": one}, bytes(16), 100 * 1000 * 1000)
    bad("header-over-the-cap", {"a": one}, bytes(16), 100 * 1000 * 1000 + 1)
    bad("header-2-64", {"a": one}, bytes(16), U64)
    bad("header-empty", "", b"")
    bad("header-is-a-list", "[]", b"")
    bad("header-nested", "[" * 5000, b"")
    bad("no-tensors", {"__metadata__": {}})
    bad("dtype-missing", {"a": {"shape": [2, 2], "data_offsets": [0, 16]}}, bytes(16))
    bad("dtype-with-escape", {"a": entry(0, 16, [2, 2], "\x1b[2J")}, bytes(16))
    bad("entry-is-a-number", {"a": 1}, bytes(16))
    put("safetensors", "bad-seven-bytes", bytes(7))
    put("safetensors", "bad-nothing", b"")


# ---- GGUF

TYPES = {"u8": (0, "B"), "i8": (1, "b"), "u16": (2, "H"), "i16": (3, "h"), "u32": (4, "I"),
         "i32": (5, "i"), "f32": (6, "f"), "bool": (7, "?"), "str": (8, None), "u64": (10, "Q"),
         "i64": (11, "q"), "f64": (12, "d")}


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(value)) + value


def scalar(kind, value):
    return text(value) if kind == "str" else struct.pack("<" + TYPES[kind][1], value)


def key(name, kind, value):
    if isinstance(value, list):
        return (text(name) + struct.pack("<IIQ", 9, TYPES[kind][0], len(value)) +
                b"".join(scalar(kind, v) for v in value))
    return text(name) + struct.pack("<I", TYPES[kind][0]) + scalar(kind, value)


def tensor(name, dims, kind=0, offset=0, rank=None):
    return (text(name) + struct.pack("<I", len(dims) if rank is None else rank) +
            b"".join(struct.pack("<Q", d) for d in dims) + struct.pack("<IQ", kind, offset))


def gguf(keys=(), tensors=(), data=bytes(64), version=3, counts=None, align=32):
    tensors_, keys_ = counts or (len(tensors), len(keys))
    out = b"GGUF" + struct.pack("<IQQ", version, tensors_, keys_) + b"".join(keys) + b"".join(tensors)
    return out + bytes(-len(out) % align) + data


LLAMA = [key("general.architecture", "str", "llama"), key("llama.block_count", "u32", 1),
         key("llama.embedding_length", "u32", 8), key("llama.feed_forward_length", "u32", 12),
         key("llama.attention.head_count", "u32", 2), key("llama.attention.head_count_kv", "u32", 1),
         key("llama.context_length", "u32", 64), key("llama.rope.freq_base", "f32", 10000.0),
         key("llama.attention.layer_norm_rms_epsilon", "f32", 1e-5)]


def llama_tensors():
    shapes = {"token_embd.weight": [8, 16], "output_norm.weight": [8], "blk.0.attn_norm.weight": [8],
              "blk.0.attn_q.weight": [8, 8], "blk.0.attn_k.weight": [8, 4],
              "blk.0.attn_v.weight": [8, 4], "blk.0.attn_output.weight": [8, 8],
              "blk.0.ffn_norm.weight": [8], "blk.0.ffn_gate.weight": [8, 12],
              "blk.0.ffn_up.weight": [8, 12], "blk.0.ffn_down.weight": [12, 8]}
    out, at = [], 0
    for name, dims in shapes.items():
        out.append(tensor(name, dims, 0, at))
        size = 4
        for n in dims:
            size *= n
        at += size + -size % 32
    return out, at


def put_valid_gguf():
    tensors, size = llama_tensors()
    byte_letters = [chr(b) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174 else
                    chr(256 + b if b <= 32 else 289 + b - 127 if b <= 160 else 323)
                    for b in range(256)]
    words = byte_letters + ["<|im_start|>", "<|im_end|>", "he", "ll", "Ġ3", "Ġthe", "Ġt"]
    chatml = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + "
              "message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}"
              "{{ '<|im_start|>assistant\\n' }}{% endif %}")
    bpe = [key("tokenizer.ggml.model", "str", "gpt2"), key("tokenizer.ggml.pre", "str", "smollm"),
           key("tokenizer.ggml.tokens", "str", words),
           key("tokenizer.ggml.token_type", "i32", [1] * 256 + [3, 3] + [1] * 5),
           key("tokenizer.ggml.merges", "str", ["h e", "l l", "Ġ 3", "Ġ t"]),
           key("tokenizer.ggml.bos_token_id", "u32", 256),
           key("tokenizer.ggml.eos_token_id", "u32", 257),
           key("tokenizer.ggml.add_bos_token", "bool", True),
           key("tokenizer.chat_template", "str", chatml)]
    put("gguf", "valid-byte-level", gguf(LLAMA + bpe, tensors, bytes(size)))
    pieces = (["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256)] +
              ["▁", "h", "e", "l", "o", "▁t", "he", "▁the", "ll"])
    spm = [key("tokenizer.ggml.model", "str", "llama"),
           key("tokenizer.ggml.tokens", "str", pieces),
           key("tokenizer.ggml.scores", "f32", [0.0] * 259 + [-float(i) for i in range(9)]),
           key("tokenizer.ggml.token_type", "i32", [2, 3, 3] + [6] * 256 + [1] * 9),
           key("tokenizer.ggml.bos_token_id", "u32", 1),
           key("tokenizer.ggml.eos_token_id", "u32", 2),
           key("tokenizer.ggml.unknown_token_id", "u32", 0)]
    put("gguf", "valid-sentencepiece", gguf(LLAMA + spm, tensors, bytes(size)))
    few = ["h", "e", "l", "Ġ", "t", "he", "ll", "Ġt", "<|im_start|>", "<|im_end|>"]
    put("gguf", "valid-byte-level-small", gguf(
        bpe[:1] + [key("tokenizer.ggml.pre", "str", "llama-bpe"),
                   key("tokenizer.ggml.tokens", "str", few),
                   key("tokenizer.ggml.token_type", "i32", [1] * 8 + [3, 4]),
                   key("tokenizer.ggml.merges", "str", ["h e", "l l", "Ġ t"]),
                   key("tokenizer.ggml.bos_token_id", "u32", 8)], [tensor("a", [4, 4])]))
    few = ["<unk>", "<s>", "</s>", "<0x0A>", "▁", "h", "e", "▁t", "he", "▁the", "l", "ll"]
    put("gguf", "valid-sentencepiece-small", gguf(
        spm[:1] + [key("tokenizer.ggml.tokens", "str", few),
                   key("tokenizer.ggml.scores", "f32", [-float(i) for i in range(12)]),
                   key("tokenizer.ggml.token_type", "i32", [2, 3, 3, 6] + [1] * 8)] + spm[4:] +
        [key("tokenizer.ggml.add_space_prefix", "bool", False)], [tensor("a", [4, 4])]))
    qwen = [k.replace(b"llama", b"qwen2") for k in LLAMA]
    put("gguf", "valid-version-2", gguf(qwen, tensors, bytes(size), version=2))
    every = [key("key." + kind, kind, "x" if kind == "str" else 1) for kind in TYPES]
    lists = [key("list." + kind, kind, ["x"] * 2 if kind == "str" else [1] * 2) for kind in TYPES]
    put("gguf", "valid-every-value-type",
        gguf(every + lists + [key("general.alignment", "u32", 64)], [tensor("a", [4, 4])], align=64))
    kinds, at, quantized = {2: 18, 3: 20, 6: 22, 7: 24, 8: 34, 10: 84, 11: 110, 12: 144, 13: 176,
                            14: 210}, 0, []
    for kind, size in kinds.items():
        quantized.append(tensor("blk.0.t%d.weight" % kind, [256, 1], kind, at))
        at += 2048
    put("gguf", "valid-quantized", gguf([], quantized, bytes(i * 73 % 256 for i in range(at))))


def put_bad_gguf():
    bad = lambda name, *what, **more: put("gguf", "bad-" + name, gguf(*what, **more))
    a = tensor("a", [4, 4])
    list_of = lambda kind, count: text("k") + struct.pack("<IIQ", 9, kind, count)
    # Rank written into an array of four.
    bad("cve-2024-21802-five-dimensions", [], [tensor("a", [1, 1, 1, 4, 4])])
    bad("cve-2024-21802-rank-2-32", [], [tensor("a", [4, 4], rank=0xFFFFFFFF)])
    # Sums of padded tensor sizes that wrap round 2^64.
    bad("cve-2025-53630-sizes-wrap", [],
        [tensor("a", [1 << 60], 0, 0), tensor("b", [1 << 60], 0, 1 << 62),
         tensor("c", [1 << 60], 0, 1 << 63), tensor("d", [1 << 60], 0, 3 << 62)])
    bad("cve-2025-53630-padding-wraps", [], [tensor("a", [(1 << 62) - 1, 1], 24, 0)])
    # Its bypass: counts of tensors whose table's size wraps.
    bad("cve-2026-27940-table-wraps", [], [a], counts=(U64 // 368 + 1, 0))
    bad("cve-2026-27940-keys-wrap", [], [a], counts=(1, U64 // 48 + 1))
    # Bytes of a tensor that wrap to few.
    bad("cve-2026-33298-bytes-wrap", [], [tensor("a", [1 << 62, 1], 28)])
    bad("cve-2026-33298-elements-wrap", [], [tensor("a", [1 << 32, 1 << 32], 0)])
    bad("cve-2026-33298-blocks-wrap", [], [tensor("a", [5124095576030431008, 1], 2)])
    # Offset and size beyond the end of the file.
    bad("cve-2026-7482-size-beyond-end", [], [tensor("a", [1024, 1024], 1)])
    bad("cve-2026-7482-offset-beyond-end", [], [tensor("a", [4, 4], 0, 1 << 20)])
    bad("offset-wraps", [], [tensor("a", [4, 4], 0, (1 << 64) - 32)])
    bad("offset-not-aligned", [], [tensor("a", [4, 4], 0, 4)])
    bad("dimension-over-2-63", [], [tensor("a", [1 << 63, 2])])
    bad("tensor-type-unknown-too-large", [], [tensor("a", [1 << 40, 2], 4711)])
    put("gguf", "odd-tensor-type-unknown", gguf([], [tensor("a", [4, 4], 4711)]))
    put("gguf", "odd-tensors-overlap", gguf([], [a, tensor("b", [4, 4])]))
    bad("tensor-twice", [], [a, a])
    bad("tensor-name-2-64", [], [struct.pack("<Q", U64) + b"a"])
    bad("tensor-name-too-long", [], [tensor("a" * 600, [4, 4])])
    bad("tensor-name-with-escape", [], [tensor("a\x1b[31m", [4, 4])])
    bad("tensor-name-not-utf8", [], [tensor(b"a\xff", [4, 4])])
    bad("no-tensors", LLAMA, [])
    bad("value-type-unknown", [text("k") + struct.pack("<IQ", 13, 0)], [a])
    bad("array-of-arrays", [list_of(9, 1) + struct.pack("<IQ", 9, 1) * 40], [a])
    bad("array-of-unknown", [list_of(99, 1)], [a])
    bad("array-2-64", [list_of(10, U64)], [a])
    bad("array-wraps", [list_of(10, 1 << 61)], [a])
    bad("array-of-texts-2-60", [list_of(8, 1 << 60)], [a])
    bad("text-2-64", [text("k") + struct.pack("<IQ", 8, U64)], [a])
    bad("text-2-63", [text("k") + struct.pack("<IQ", 8, 1 << 63)], [a])
    bad("key-2-64", [struct.pack("<Q", U64) + b"k"], [a])
    bad("key-too-long", [key("k" * 2000, "u8", 1)], [a])
    bad("key-not-utf8", [key(b"\xff", "u8", 1)], [a])
    for value in 0, 3, 1 << 31:
        bad("alignment-%d" % value, [key("general.alignment", "u32", value)], [a])
    bad("version-1", [], [a], version=1)
    bad("version-big-endian", [], [a], version=3 << 24)
    put("gguf", "bad-magic", b"GGML" + gguf([], [a])[4:])
    put("gguf", "bad-four-bytes", b"GGUF")
    put("gguf", "bad-nothing", b"")
    put("gguf", "odd-module-twice", gguf(
        LLAMA, [tensor("blk.0.attn_q.weight", [4, 4]), tensor("blk.00.attn_q.weight", [4, 4])]))
    put("gguf", "odd-bias-of-2-60-and-nothing", gguf(
        LLAMA, [tensor("a", [4, 4]), tensor("blk.0.attn_q.bias", [1 << 60, 0])]))
    tokens = [key("tokenizer.ggml.model", "str", "gpt2")]
    put("gguf", "odd-tokens-are-numbers", gguf(tokens + [key("tokenizer.ggml.tokens", "u8", [1])], [a]))
    put("gguf", "odd-token-ids", gguf(
        [key("tokenizer.ggml.model", "str", "llama"), key("tokenizer.ggml.tokens", "str", ["a", ""]),
         key("tokenizer.ggml.scores", "f32", [float("nan"), float("inf")]),
         key("tokenizer.ggml.bos_token_id", "u32", 0xFFFFFFFF),
         key("tokenizer.ggml.eos_token_id", "i64", -1)], [a]))
    put("gguf", "odd-hyperparameters", gguf(
        [LLAMA[0], key("llama.block_count", "u32", 0xFFFFFFFF),
         key("llama.embedding_length", "i64", -8), key("llama.attention.head_count", "u32", 0),
         key("llama.rope.freq_base", "f32", float("nan"))], [tensor("blk.4294967295.attn_q.weight", [4, 4])]))


# ---- everything that is text


def put_configs():
    base = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 16,
            "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
            "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4,
            "hidden_act": "silu", "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0, "tie_word_embeddings": False, "bos_token_id": 1,
            "eos_token_id": [2, 3], "initializer_range": 0.02}
    llama3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
              "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
    put("config", "valid-llama", base)
    put("config", "valid-tied", {**base, "tie_word_embeddings": True})
    put("config", "valid-qwen2", {**base, "model_type": "qwen2",
                                  "architectures": ["Qwen2ForCausalLM"], "use_sliding_window": False})
    put("config", "valid-qwen3", {**base, "model_type": "qwen3"})
    for kind in "gemma", "gemma2", "gemma3_text", "phi3", "mistral":
        put("config", "valid-" + kind, {**base, "model_type": kind, "hidden_activation": "gelu_pytorch_tanh"})
    put("config", "valid-rope-parameters", {**base, "rope_parameters": {**llama3, "rope_theta": 5e5}})
    put("config", "valid-rope-linear", {**base, "rope_scaling": {"type": "linear", "factor": 2}})
    put("config", "odd-unknown", {"model_type": "frobnicate"})
    put("config", "odd-empty", {})
    put("config", "bad-list", [])
    put("config", "bad-nothing", "")
    put("config", "bad-nested", "[" * 100 + "]" * 100)
    for name, changes in {
            "zero": {"num_attention_heads": 0, "head_dim": 0, "hidden_size": 0},
            "negative": {"num_hidden_layers": -1, "vocab_size": -16},
            "huge": {"hidden_size": 2 ** 53, "vocab_size": 2 ** 53, "head_dim": 2 ** 53},
            "layers-2-31": {"num_hidden_layers": 2 ** 31},
            "positions-huge": {"max_position_embeddings": 2 ** 53},
            "infinite": {"rms_norm_eps": float("inf"), "rope_theta": float("nan")},
            "texts": {"hidden_size": "8", "eos_token_id": "2", "hidden_act": 3},
            "rope-yarn": {"rope_scaling": {"rope_type": "yarn", "factor": 4}},
            "rope-zero": {"rope_scaling": {**llama3, "factor": 0, "high_freq_factor": 1}}}.items():
        put("config", "odd-" + name, {**base, **changes})


def put_indices():
    shards = {"one.weight": "a.safetensors", "two.weight": "b.safetensors"}
    put("index", "valid", {"metadata": {"total_size": 32}, "weight_map": shards})
    put("index", "bad-tensor-in-no-shard", {"weight_map": {**shards, "three": "b.safetensors"}})
    put("index", "bad-shard-missing", {"weight_map": {"one.weight": "c.safetensors"}})
    put("index", "bad-shard-is-the-folder", {"weight_map": {"one.weight": "."}})
    put("index", "bad-shard-elsewhere", {"weight_map": {"one.weight": "../a.safetensors"}})
    put("index", "bad-shard-empty", {"weight_map": {"one.weight": ""}})
    put("index", "bad-shard-is-the-index", {"weight_map": {"a": "model.safetensors.index.json"}})
    put("index", "bad-shard-with-escape", {"weight_map": {"one.weight": "\x1b[31m"}})
    put("index", "bad-shard-is-a-number", {"weight_map": {"one.weight": 1}})
    put("index", "bad-map-is-a-list", {"weight_map": ["a.safetensors"]})
    put("index", "bad-map-empty", {"weight_map": {}})
    put("index", "bad-nothing", "")


def put_repositories():
    sha = "0123456789abcdef" * 2 + "01234567"
    files = ["config.json", "tokenizer.json", "model.safetensors.index.json", "a.safetensors", "sub/x.json"]

    def listed(*names, **more):
        return {"sha": sha, "gated": False, "siblings": [{"rfilename": name} for name in names], **more}

    put("repository", "valid", listed(*files))
    put("repository", "valid-single", listed("config.json", "model.safetensors", gated="auto"))
    put("repository", "valid-gguf", listed("a.gguf"))
    put("repository", "valid-bin", listed("pytorch_model.bin"))
    put("repository", "valid-shards", {"weight_map": {"x": "a.safetensors"}})
    put("repository", "odd-two-gguf", listed("a.gguf", "b.gguf"))
    put("repository", "odd-nothing-in-it", listed())
    for name, path in {"parent": "../x", "root": "/x", "dot": "a/./b", "empty": "", "double": "a//b", "end": "a/",
                       "escape": "\x1b[2J", "long": "x" * 256}.items():
        put("repository", "bad-file-" + name, listed(path))
    put("repository", "bad-file-twice", listed("a", "a"))
    put("repository", "bad-file-number", listed(1))
    put("repository", "bad-commit", {"sha": "../..", "siblings": []})
    put("repository", "bad-siblings", {"sha": sha, "siblings": {"rfilename": "a"}})
    put("repository", "bad-nested", "[" * 100 + "]" * 100)
    put("repository", "bad-shard-elsewhere", {"weight_map": {"x": "../a.safetensors"}})
    put("repository", "bad-shard-number", {"weight_map": {"x": 1}})
    for name, text in {"name": "org/name", "name-parent": "org/..", "etag": "abc-1.2", "etag-hidden": ".."}.items():
        put("repository", "odd-" + name, text)


def put_scans():
    down, up = "model.layers.%d.mlp.down_proj", "model.layers.%d.mlp.up_proj"
    row = {"snr": 1.5, "type": "mlp.down_proj", "rows": 576, "cols": 1536, "parameters": 884736,
           "sigma_max": 3.0, "sigma": 0.5, "threshold": 0.7, "signal_count": 9, "noise_count": 567,
           "null_snr": 0.4, "degenerate": False, "snr_mp": 0.3, "snr_gavish_donoho": 0.2,
           "dtype": "BF16", "degenerate_reason": "only 3 noise values", "null_snr_mp": 0.1,
           "null_snr_gavish_donoho": 0.1, "frobenius": 7.0, "stable_rank": 5.0,
           "effective_rank": 4.5, "spike_edge": 0.9, "spikes": 3}
    put("scan", "valid-ours", {down % i: {**row, "snr": i / 3} for i in range(5)})
    put("scan", "valid-reference", '{"%s": {"snr": Infinity, "type": "mlp.down_proj"}, '
        '"%s": {"snr": NaN, "type": "mlp.up_proj"}, "lm_head": {"snr": -Infinity, "type": "lm_head"}}'
        % (down % 0, up % 0))
    put("scan", "valid-grouped", {"mlp.down_proj": {down % i: i * 0.7 for i in range(4)},
                                  "mlp.up_proj": {up % i: 1 for i in range(4)}})
    put("scan", "valid-json", {"format": "spectrum.scan", "version": 1, "model": {
        "path": "/m", "fingerprint": "0" * 32}, "estimator": "mp", "empty_noise": "one",
        "modules": {down % 0: {**row, "snr": None, "snr_kind": "infinite"},
                    up % 0: {"type": "mlp.up_proj", "snr": None, "snr_kind": "nan",
                             "reason": "NaN at row 3, column 7"}}})
    put("scan", "odd-version-2", {"format": "spectrum.scan", "version": 2, "modules": {}})
    put("scan", "odd-numbers", {down % 0: {**row, "rows": 2 ** 53, "cols": 2 ** 53, "snr": 1e308},
                                down % 1: {**row, "rows": -1, "signal_count": -5}})
    put("scan", "odd-names", {"": {"snr": 1, "type": ""}, "a.weight": {"snr": 1, "type": "a"},
                              "a": {"snr": 2, "type": "a"}, "a\x1b[31m\u202eb": {"snr": 1, "type": "\x9b"}})
    put("scan", "bad-module-in-two-groups", {"a": {"m": 1}, "b": {"m": 2}})
    put("scan", "bad-type-empty", {"a": {"snr": 1, "type": ""}})
    put("scan", "bad-duplicate", '{"a": {"snr": 1, "type": "a"}, "a": {"snr": 2, "type": "a"}}')
    put("scan", "bad-nothing", "")
    put("scan", "bad-nul", b'{"a\\u0000": {"snr": 1, "type": "a"}}')


def put_plans():
    names = ["model.layers.0.mlp.down_proj", "model.layers.0.self_attn.q_proj"]
    put("plan", "valid-yaml", "# model: m\nunfrozen_parameters:\n- ^lm_head.weight$\n"
        "- ^model.embed_tokens.weight$\n# mlp.down_proj layers\n- %s\n- %s.weight\n" % tuple(names))
    put("plan", "valid-anchored", "unfrozen_parameters:\n- '^model\\.layers\\.0\\.mlp\\.up_proj\\.weight$'\n")
    put("plan", "valid-json", {"format": "spectrum.plan", "version": 1, "model": "m",
                               "train": [names[0] + ".weight", names[1] + ".bias", "model.norm.weight"]})
    put("plan", "bad-json-version", {"format": "spectrum.plan", "version": 2, "train": []})
    put("plan", "bad-json-entry", {"format": "spectrum.plan", "version": 1, "train": [1]})
    put("plan", "bad-unknown-name", "unfrozen_parameters:\n- nothing.like.it\n")
    put("plan", "bad-aliases", "unfrozen_parameters: &a\n- &b lm_head\n- *b\n- *a\n")
    put("plan", "bad-nested", "unfrozen_parameters:\n- [[[[a]]]]\n")
    put("plan", "bad-flow", "{unfrozen_parameters: [lm_head, {a: b}]}")
    put("plan", "bad-two-documents", "unfrozen_parameters:\n- lm_head\n---\nunfrozen_parameters:\n- lm_head\n")
    put("plan", "bad-tags", "%TAG ! tag:x,2000:\n---\n!!python/object:os.system {unfrozen_parameters: []}\n")
    put("plan", "bad-anchors-only", "unfrozen_parameters:\n- ^$\n- '^'\n- $\n- ''\n")
    put("plan", "bad-nothing", "")
    put("plan", "bad-deep", "[" * 3000)
    put("plan", "bad-utf16", "unfrozen_parameters:\n- lm_head\n".encode("utf-16"))


def put_tokenizers():
    letters = [chr(b) for b in range(33, 127)] + ["Ġ", "Ċ"]
    vocab = {c: i for i, c in enumerate(letters + ["he", "ll", "Ġt", "Ġthe", "hello"])}
    added = [{"id": 200, "content": "<|im_start|>", "special": True},
             {"id": 201, "content": "<|im_end|>", "special": True, "lstrip": True, "rstrip": True},
             {"id": 202, "content": "STOP", "special": False, "single_word": True, "normalized": True}]
    merges = ["h e", "l l", "Ġ t", ["Ġt", "he"], "he ll"]
    byte_level = {
        "version": "1.0", "added_tokens": added, "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": "(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
             " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated",
             "invert": False},
            {"type": "Digits", "individual_digits": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]},
        "post_processor": {"type": "TemplateProcessing", "single": [
            {"SpecialToken": {"id": "<|im_start|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [], "special_tokens": {"<|im_start|>": {"id": "<|im_start|>", "ids": [200],
                                                          "tokens": ["<|im_start|>"]}}},
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "byte_fallback": False,
                  "ignore_merges": True, "vocab": vocab, "merges": merges[:3]}}
    put("tokenizer", "valid-byte-level", byte_level)
    pieces = {c: i for i, c in enumerate(["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(64)] +
                                         ["▁", "t", "h", "e", "l", "▁t", "he", "▁the"])}
    sentence = {
        "added_tokens": [{"id": i, "content": c, "special": True, "normalized": False}
                         for i, c in enumerate(["<unk>", "<s>", "</s>"])],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
        "pre_tokenizer": None,
        "post_processor": byte_level["post_processor"] | {"special_tokens": {
            "<|im_start|>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True,
                  "vocab": pieces, "merges": ["▁ t", "h e", "▁t he"]}}
    put("tokenizer", "valid-sentencepiece", sentence)
    metaspace = {**sentence, "normalizer": None, "pre_tokenizer": {
        "type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}}
    put("tokenizer", "valid-metaspace", metaspace)
    model = byte_level["model"]
    for name, changes in {
            "id-negative": {"model": {**model, "vocab": {"a": -1}, "merges": []}},
            "id-huge": {"model": {**model, "vocab": {"a": 2 ** 31}, "merges": []}},
            "id-twice": {"model": {**model, "vocab": {"a": 1, "b": 1}, "merges": []}},
            "merge-unknown": {"model": {**model, "merges": ["q qq"]}},
            "merge-no-pair": {"model": {**model, "merges": ["hello", ["h"]]}},
            "regex-broken": {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(("},
                                               "behavior": "Isolated"}},
            "regex-slow": {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(\\s*)*(.*)*$x"},
                                             "behavior": "Isolated"}},
            "regex-empty": {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": ""},
                                              "behavior": "Removed"}},
            "wordpiece": {"model": {"type": "WordPiece", "vocab": {}}},
            "nested": {"normalizer": {"type": "Sequence", "normalizers": [
                {"type": "Sequence", "normalizers": [{"type": "NFKC"}]}]}}}.items():
        put("tokenizer", "bad-" + name, {**byte_level, **changes})
    put("tokenizer", "bad-nothing", "")


def put_templates():
    sources = json.loads((HERE / "../data/text/chats.json").read_text())["sources"]
    for name, source in sources.items():
        if not name.startswith("llama"):
            put("template", name, source)
    put("template", "chatml", "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' "
        "+ message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}"
        "{{ '<|im_start|>assistant\\n' }}{% endif %}")
    put("template", "odd-open", "{% for {{ '<|im_start|>system\n")
    put("template", "odd-escapes", "{{- \"\\x41\\u0041\\'\\\\\" -}} {# open")
    put("template", "odd-trim", "  {%- if a -%}\n  {%+ endif +%}\n{{ 'a' ~ \"b\" }}{%")


def put_jinja():
    put("jinja", "valid-chat", "{%- if tools is not none %}{{ tools | tojson }}{% endif %}\n"
        "{%- for m in messages %}\n{{- '<|' + m.role + '|>' }}{% generation %}"
        "{{ m.content if m.content is string else m['content'][0].text | default('', true) | trim }}"
        "{% endgeneration %}{% for c in m.tool_calls %}{{ c.function.arguments | tojson(indent=2) }}"
        "{% endfor %}\n{% endfor %}{% if add_generation_prompt %}{{ bos_token }}{% endif %}\n")
    put("jinja", "valid-calls", "{% macro m(a, b={'k': (1,)}) %}{{ a }}{{ varargs }}{{ kwargs }}{{ caller(b) }}"
        "{% endmacro %}{% call(x) m(1, 2, *[3], c=4, **{'d': 5}) %}{{ x }}{% endcall %}")
    put("jinja", "valid-loops", "{% set ns = namespace(i=0) %}{% for m in messages[1:] if m.role != 'tool' "
        "recursive %}{{ loop.index }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.cycle(1, 2) }}"
        "{% set ns.i = ns.i + 1 %}{% if ns.i < 9 %}{{ loop(messages) }}{% endif %}{% if loop.changed(m) %}"
        "{% continue %}{% else %}{% break %}{% endif %}{% else %}none{% endfor %}")
    put("jinja", "valid-scopes", "{% set a, (b, c) = 1, (2, 3) %}{% with a = b, b = a %}{{ a ~ b }}{% endwith %}"
        "{% set t | upper %}{% filter trim %} x {% endfilter %}{% endset %}{{ t }}{% print a, b %}")
    put("jinja", "valid-literals", "{{ '\\x41\\u00e9\\U0001f600\\101\\q\\\n' \"b\" }}{{ 0x1F + 1_0.5e-1 ** -2 // 3 }}"
        "{{ {1: none, 'a': true}['a'] is not sameas false and not 1 in [2] }}{{ 1 < 2 <= 3 != 4 }}{{ a.0.b[1:][::2] }}")
    put("jinja", "valid-blanks", "  {#- c -#}  {%- raw +%} {% raw -%} {{ x }} {%- endraw +%}\n  {%+ if n -%}\r\n a {%- endif %}\r")
    put("jinja", "odd-open", "{{ [1, {'a': (2")
    put("jinja", "odd-deep", "{{ " + "(" * 120 + "-" * 120 + "1")
    put("jinja", "odd-forever", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}")
    put("jinja", "odd-large", "{% set ns = namespace(a='ab') %}{% for i in range(99) %}{% set ns.a = ns.a * 9 %}"
        "{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}")
    put("jinja", "odd-itself", "{% set ns = namespace() %}{% set ns.a = ns %}{% set ns.l = [ns] %}{{ ns }}{{ ns.l }}{{ ns == ns.a }}")
def zstd(data):
    """A frame of one block that is not compressed."""
    return b"\x28\xb5\x2f\xfd\x20" + bytes([len(data)]) + (len(data) << 3 | 1).to_bytes(3, "little") + data


def put_datasets():
    records = [{"text": "Hello there."}, {"prompt": "2+2=", "completion": "4"},
               {"question": "2+2=", "answer": "4"},
               {"instruction": "Add.", "input": "2 2", "output": "4"},
               {"instruction": "Say hi.", "input": "", "output": "hi"},
               {"messages": [{"role": "system", "content": "Brief."}, {"role": "user", "content": "a"},
                             {"role": "assistant", "content": "b", "weight": 0},
                             {"role": "assistant", "content": [{"type": "text", "text": "c"}]}]},
               {"system": "s", "conversations": [{"from": "human", "value": "x"},
                                                 {"from": "gpt", "value": "y"}]}]
    ask, say = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
    call = {"name": "f", "arguments": {"x": 1.0}}
    records += [{"messages": [ask, {"role": "assistant", "tool_calls": [{"function": call}]}, say], "tools": [{}]},
                {"conversations": [{"from": "human", "value": "x"}, {"from": "function_call", "value": json.dumps(call)}],
                 "tools": json.dumps([call]), "chosen": {"from": "gpt", "value": "y"}, "rejected": 1, "l": True},
                {"prompt": [ask], "completion": say, "documents": [{"text": "d"}], "chat_template_kwargs": {"k": 1}},
                {"prompt": "a", "completion": "b", "label": False, "system": "s"},
                {"instruction": "a", "output": "b", "system": "s", "history": [["c", "d"]], "kto_tag": True},
                {"messages": json.dumps([ask, say]), "system": "s", "images": [], "id": 3}]
    for i, record in enumerate(records):
        put("dataset", "valid-record-%d" % i, record)
    put("dataset", "valid-lines", "\n".join(map(json.dumps, records[:1] * 3)) + "\n\r\n")
    put("dataset", "valid-array", records[3:5])
    put("dataset", "valid-strings", ["one two", "three\nfour"])
    put("dataset", "valid-over-lines", json.dumps(records[5], indent=1))
    put("dataset", "bad-mixed", json.dumps(records[0]) + "\n" + json.dumps(records[5]))
    put("dataset", "bad-parquet", b"PAR1" + bytes(8) + b"PAR1")
    put("dataset", "bad-open-array", '[{"text": "a"}, {"text": "b"')
    put("dataset", "bad-line", '{"text": "a"}\n{"text": \n{"text": "c"}\n')
    put("dataset", "bad-types", '{"messages": [{"role": 1, "content": null}, 3, []]}')
    put("dataset", "bad-surrogate", '{"text": "\\ud800 \\udc00"}')
    put("dataset", "bad-utf8", b'{"text": "\xff\xfe"}')
    put("dataset", "odd-mark", b"\xef\xbb\xbf" + b'{"text": "a mark of byte order"}')
    lines = b'{"text": "one"}\n{"text": "two"}\n'
    packed = gzip.compress(lines, mtime=0)
    put("dataset", "valid-gzip", packed)
    put("dataset", "valid-gzip-in-two", gzip.compress(lines[:20], mtime=0) + gzip.compress(lines[20:], mtime=0) + bytes(9))
    put("dataset", "bad-gzip-cut", packed[:-9])
    put("dataset", "bad-gzip-and-more", packed + b"more")
    put("dataset", "bad-gzip-twice", gzip.compress(packed, mtime=0))
    put("dataset", "valid-zstd", zstd(lines) + b"\x50\x2a\x4d\x18" + struct.pack("<I", 3) + b"abc" + zstd(lines))
    put("dataset", "bad-zstd-cut", zstd(lines)[:-3])
    for encoding in "utf-16", "utf-16-le", "utf-32-be":
        put("dataset", "bad-" + encoding, lines.decode().encode(encoding))
    put("dataset", "bad-half-of-a-pair", '{"text": "\\ud83d"}')
    put("dataset", "bad-wrapped", {"type": "text_only", "instances": [{"text": "a"}]})
    put("dataset", "bad-comma", '[{"text": "a"}, // one\n {"text": "b"},\n]')
    put("dataset", "bad-pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    put("dataset", "odd-array-in-lines", '[\r\n{"text": "a"},\r\n{"text": "b"}]\r\n')
    put("dataset", "odd-line-ends", "\r\n a\r\rb\n\r\n")


def put_metrics():
    put("metrics", "valid", "\n".join([
        '{"event": "start", "time": 1}',
        '{"step": 1, "time_s": 3.5, "loss": 2.31, "memory_bytes": {"weights": 9}}',
        '{"step": 2, "loss": 2.2}', '{"step": 2, "eval_loss": 2.2, "eval_tokens": 4096}',
        '{"event": "resume", "step": 1}', '{"step": 2, "loss": 2.1}', '{"step": 3, "los']))
    put("metrics", "odd-steps", '{"step": 9007199254740993}\n{"step": -3}\n{"step": 1.5}\n{"step": "a"}\n'
        '{"event": "resume", "step": -9}\n{"step": 2}\n{"step": 1}\n')
    put("metrics", "odd-lines", b'\n\n[]\nnull\n{"a": \xff}\n{"step": 1, "step": 2}\n\x00\n{"step": 3}\r\n')


def put_engines():
    """Logs without the frames of torchrun's own tracebacks, Slurm's words, options."""
    for log in ("value", "status", "told", "device_memory", "nodes_value"):
        text = (HERE / "../data/job/engines" / (log + ".log")).read_text()
        put("engine", "valid-" + log, "".join(
            line for line in text.splitlines(True) if "/opt/venv" not in line and not line.startswith("    ")))
    put("engine", "valid-slurm", "=== spectrum: job 7\n"
        "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-11-30T20:28:36 DUE TO NODE FAILURE ***\n"
        "srun: error: Node failure on n2\nsrun: error: n2: task 1: Killed\n"
        "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0.\n")
    put("engine", "valid-nccl", "[rank1]:[E1 P.cpp:6] [Rank 1] Watchdog caught collective operation timeout: "
        "WorkNCCL(SeqNum=1, OpType=BROADCAST, Timeout(ms)=600000) ran\n  what():  [Rank 1]\n")
    put("engine", "valid-job", "JobId=7 JobName=x JobState=PENDING Reason=BeginTime Restarts=1 ExitCode=3:9 "
        "EligibleTime=2026-11-30T20:26:13 StartTime=Unknown NodeList=n[1-2] WorkDir=/a JobState=FAILED\n")
    put("engine", "valid-option", "--comment=a 'b' \\ #\"")
    put("engine", "bad-option", "--time=1 --array=1-3")
    put("engine", "odd-bytes", b"spectrum: \x1b[31m\xff\x00\r\n\x1b[\n\n===== spectrum:\n=== spectrum: \n[rank1]:")


def put_added():
    token = {"content": "<t>", "special": True, "lstrip": True, "normalized": False}
    put("added", "valid-decoder", {"added_tokens_decoder": {"5": token, "9": {"content": "a b"}}})
    put("added", "valid-names", {"eos_token": "</s>", "pad_token": {"__type": "AddedToken", "content": "<p>"},
                                 "own_token": "<own>", "extra_special_tokens": ["<e>", token]})
    put("added", "valid-extra", {"extra_special_tokens": {"image_token": "<i>"}, "additional_special_tokens": ["b"]})
    put("added", "valid-ids", {"<j>": 4, "<k>": 9, "a": 0})
    put("added", "valid-model", {"eos_token_id": [5, 4], "bos_token_id": 0})
    put("added", "bad-decoder", {"added_tokens_decoder": {"-1": token}})
    put("added", "bad-flags", {"added_tokens_decoder": {"3": {"content": "x", "special": 1}}})
    put("added", "bad-collision", {"extra_special_tokens": ["<x>", "<y>", "<z>"]})
    put("added", "bad-names", {"eos_token": [], "mask_token": 3})
    put("added", "odd-control", {"eos_token": {"\u001b[31m": 1}, "own\u001b[0m_token": "\u009b"})


# ---- what a job and a checkpoint leave in writing


def put_jobs():
    """As runs and scans wrote them; "/x" is nowhere, "job" is the folder that the target makes."""
    train = {"format": "spectrum.job", "version": 1, "command": "train", "model": "/x/model",
             "data": ["/x/text.txt"], "add_tokens": False, "method": "lora", "rank": 16, "alpha": 32,
             "seq_len": 32, "batch": 1, "accumulate": 1, "lr": 0.0002, "warmup": 0.03,
             "schedule": "cosine", "clip": 1, "optimizer": "adamw", "dtype": "fp32", "seed": 42,
             "beta1": 0.9, "program": "0.1.0", "threads": 1, "library": "oneDNN 2.6.3",
             "fingerprint": "df96d32b753957b27db3668c2b774f62",
             "data_fingerprints": ["8ef8f8b1eda7b86991b4b3ad77d02150"],
             "data_counts": {"documents": 1, "forms": {"plain text": 1}, "unread_columns": {}},
             "folder": "/x", "arguments": ["train", "model", "--data", "text.txt", "--run", "job",
                                           "--method=lora", "--seq-len", "32", "--dry-run=no"]}
    scan = {"format": "spectrum.job", "version": 1, "command": "scan", "model": "/x/model",
            "folder": "/x", "arguments": ["scan", "model", "--modules", "mlp", "--no-cache"]}
    asks = lambda *what, **more: {**train, "arguments": ["train", *what], **more}
    put("job", "valid-train", train)
    put("job", "valid-scan", scan)
    put("job", "valid-inside", {**asks("inside", "--data", "inside/text.txt"), "folder": "."})
    put("job", "valid-no-folder", {"command": "train", "arguments": ["train", "m", "--", "--data"]})
    put("job", "valid-files", asks("m", "--data", "a", "--data=b", "--template", "t.jinja", "--plan", "p.yaml",
                                   "--template=chatml", "--select", "/etc/passwd", "--eval-data", "c"))
    put("job", "odd-scan-writes", {**scan, "arguments": ["scan", "m", "-o", "/x/out"]})
    put("job", "odd-idle", asks("m", "--help"))
    put("job", "odd-other-command", {**train, "command": "export", "arguments": ["export", "m", "-o", "/"]})
    put("job", "odd-dashes", asks("-", "--", "--", "-", "--=", "--data=", "---data", "x"))
    put("job", "odd-ends-in-option", asks("m", "--data"))
    put("job", "odd-escapes", asks("m\u001b[31m\u202e", "--data", "\u009b"))
    put("job", "odd-long", asks(*["--data", "d" * 300] * 9))
    put("job", "bad-arguments", {**train, "arguments": ["train", 1, None, ["m"], {"a": 2}]})
    put("job", "bad-arguments-text", {**train, "arguments": "train m"})
    put("job", "bad-folder", {**train, "folder": ["/x"]})
    put("job", "bad-list", [train])
    put("job", "bad-cut", json.dumps(train)[:200])
    put("job", "bad-twice", '{"command": "train", "command": "scan", "arguments": ["train"], "arguments": []}')


def put_run_configs():
    job = {"format": "spectrum.job", "version": 1, "command": "train", "folder": "/there"}
    for name, lines in {
        "valid-options": ["model: model", "data: [a.txt, b.txt]", "data_weight:", "  - 1", "  - 0.5", "lr: 2e-5",
                          "add_tokens: true", "init: false", "memory-limit: 8G", "lr_factor: ['norm=0.1']"],
        "valid-json": ['{"model": "m", "data": ["a.txt"], "steps": 3}'],
        "odd-quotes": ['"sample": "a\\tb"', "mark: |", "  two", "  lines"],
        "odd-tag": ["steps: !!str 3"],
        "bad-unknown": ["lerning_rate: 1"],
        "bad-model": ["model: --detach"],
        "bad-twice": ["lr: 1", "lr: 2"],
        "bad-value": ["lr: fast"],
        "bad-list": ["lr: [1]"],
        "bad-empty": ["lr:"],
        "bad-flag": ["init: 1"],
        "bad-nesting": ["data:", "  a: {b: [c]}"],
        "bad-lists": ["data: [[[[a]]]]"],
        "bad-alias": ["data: &a [x, *a]"],
        "bad-bomb": ["a: &a [x, x]", "b: &b [*a, *a]", "c: [*b, *b]"],
        "bad-documents": ["lr: 1", "---", "lr: 2"],
        "bad-command": ["detach: true"],
        "bad-yaml": ["data: [a"],
        "bad-nul": ['mark: "a\\0b"'],
        "bad-scalar": ["a text"],
    }.items():
        put("run_config", name, "\n".join(lines).encode() + b"\n")
    for name, arguments in {
        "valid-record": ["train", "m", "--data", "d.txt", "--lr=1", "--init", "--run", "r", "--detach", "--", "n"],
        "bad-record-option": ["train", "m", "--nothing"],
        "bad-record-end": ["train", "m", "--data"],
        "bad-record-number": ["train", 1],
    }.items():
        put("run_config", name, json.dumps(job | {"arguments": arguments}).encode())
    put("run_config", "bad-record-scan", json.dumps(job | {"command": "scan", "arguments": ["scan"]}).encode())


def put_states():
    """What the target's own run wrote, up to the digest that ends it, and what else may stand there."""
    digest = lambda letter: letter * 64
    state = {"format": "spectrum.checkpoint", "version": 1, "step": 2, "tokens": 16, "supervised_tokens": 14,
             "epoch": 0, "row": 0, "seconds": 0.5, "seq_len": 8, "batch": 1, "accumulate": 1, "seed": 0,
             "spikes": {"count": 2, "left_out": 0, "losses": [2, 3]}, "evaluated": {"step": 2, "eval_loss": 2.5},
             "best": {"step": 2, "eval_loss": 2.5}, "weight_tensors": 12, "frozen": "fp32",
             "model": "0123456789abcdef0123456789abcdef", "configuration": "0" * 31 + "1",
             "tokenizer": "0" * 31 + "2", "data": "0" * 31 + "3", "training_data": "", "evaluation_data": "",
             "trained": "15d5dbf97fef99c72075219fe8aaea5f", "precision": "fp32", "optimizer": "adamw", "exact": "here",
             "files": {
                 "weights.safetensors": {
                     "sha256": "972127336bec182633fe6b6ff45bdf1119d4b4cf837a7941116b8837bad9807f", "bytes": 3224},
                 "optimizer.safetensors": {
                     "sha256": "5b583eb8827e87a784777ca34552f341d243eb7672d8f7f78318f30823cfa9f6", "bytes": 6656}}}
    early = {key: value for key, value in state.items() if key != "files"}
    sealed = lambda name, value: put("state", name, json.dumps(value)[:-1])
    sealed("valid-sealed", state)
    put("state", "valid-early", early)
    sealed("valid-since", {**state, "since": {"model.layers.0.mlp.up_proj.weight": 1}, "for_best": True})
    sealed("valid-adapters", {**state, "rank": 4, "alpha": 8, "frozen": "nf4"})
    sealed("odd-optimizer", {**state, "optimizer": "lion"})
    put("state", "odd-since-unknown", {**early, "since": {"nothing": 1, "model.norm.weight": 1}})
    put("state", "odd-since-list", {**early, "since": [1]})
    put("state", "odd-spikes", {**early, "spikes": {"count": 99, "left_out": 0, "losses": [1]}})
    put("state", "odd-spikes-many", {**early, "spikes": {"count": 50, "left_out": 3, "losses": [0.5] * 100}})
    put("state", "odd-best-later", {**early, "best": {"step": 3, "eval_loss": 1}})
    put("state", "odd-best-infinite", {**early, "best": {"step": 1, "eval_loss": "Infinity"}})
    put("state", "odd-steps", {**early, "step": 2 ** 53, "tokens": -1, "row": 1.5})
    put("state", "odd-identity", {**early, "model": "\u001b[31m", "precision": "x" * 300})
    put("state", "bad-files-without-digest", state)
    sealed("bad-files-missing", {**state, "files": {}})
    sealed("bad-files-other", {**state, "files": {"weights.safetensors": {"sha256": digest("0"), "bytes": 3224}}})
    sealed("bad-files-types", {**state, "files": {"weights.safetensors": [1], "../x": {"bytes": 2 ** 60}}})
    sealed("valid-left", {"format": "spectrum.left-checkpoints", "version": 1,
                          "states": {"step-00000004": digest("a"), "step-00000002": 1}})
    sealed("odd-left", {"states": [digest("a")]})
    put("state", "bad-cut", json.dumps(state)[:-80])


def put_requests():
    """A byte for which are there, by the order of enum job_request, and the text of each."""
    name = b"model.layers.0.mlp.down_proj"
    put("requests", "valid-first", b"\x10" + name)
    put("requests", "valid-pause", b"\x11")
    put("requests", "valid-all", b"\xff" + name)
    put("requests", "odd-unknown", b"\x10nothing of that name\n")
    put("requests", "odd-nul", b"\x10model.layers.0\x00.mlp")
    put("requests", "odd-escape", b"\x1f\x1b[31m\xff\xfe")
    put("requests", "odd-at-the-cap", b"\x10" + b"a" * 4000)
    put("requests", "valid-resume", b"\x02")
    put("requests", "valid-stop", b"\x28")


def put_forms():
    def form(fields, **more):
        return json.dumps({"format": "spectrum.form", "version": 1, "model": "/m", "fields": fields, **more})
    def by(who, *values):
        return {"by": who, "values": list(values)}
    put("form", "valid-empty", form({}))
    put("form", "valid-lists", form({"data": by("hand", "a.jsonl", "b"), "data-weight": by("hand", "", "0.5"),
                                     "lr-factor": by("hand", "head=2"), "eval-data": by("preset", "c.txt")}))
    put("form", "valid-values", form({"method": by("preset", "qlora"), "rank": by("preset", "16"), "lr": by("hand", "1e-4"),
                                      "steps": by("proposal", "60"), "add-tokens": by("hand", "yes")}))
    put("form", "valid-own-plan", form({"select": by("hand", "last:4"), "top": by("hand", "50"), "reselect": by("hand", "5")}))
    put("form", "odd-values", form({"batch": by("hand", "x"), "lr": by("hand", ""), "template": by("hand", "\u00e9"),
                                    "rope-scaling": by("hand", "yarn:"), "columns": by("hand", "=")}))
    put("form", "odd-default", form({"batch": by("hand", "1"), "data": by("hand")}))
    put("form", "bad-field", form({"colour": by("hand", "red")}))
    put("form", "bad-flag", form({"json": by("hand", "yes")}))
    put("form", "bad-by", form({"batch": by("me", "2")}))
    put("form", "bad-number", form({"batch": {"by": "hand", "values": [2]}}))
    put("form", "bad-two", form({"batch": by("hand", "2", "3")}))
    put("form", "bad-control", form({"batch": by("hand", "\u001b[2J")}))
    put("form", "bad-long", form({"sample": by("hand", "x" * 1024)}))
    put("form", "bad-format", "{\"format\": \"spectrum.plan\", \"fields\": {}}")


def put_themes():
    for theme in (HERE / "../../themes").glob("*.theme"):
        put("theme", "copy-" + theme.stem, theme.read_text())
    put("theme", "odd-gradient", "heat_start = #000000\nheat_mid =\nheat_end = #FFFFFF\n")
    put("theme", "odd-gradient-open", "heat_start = #ffffff\nheat_end =\n")
    put("theme", "odd-blanks", "\t text\t=\t#D8dEe9 \r\n\r\n  # text = red\n=\n")
    put("theme", "odd-no-end", "text=#d8dee9")
    put("theme", "bad-colour", "text = red\n")
    put("theme", "bad-digits", "text = #12345g\n")
    put("theme", "bad-key", "text\x1b[31m = #123456\n")
    put("theme", "bad-line", "text #123456\n")
    put("theme", "bad-binary", bytes(range(1, 256)))
    put("theme", "bad-nul", b"text = #d8\x00dee9\n")


def put_spectra():
    """A byte for which file of the cache it is: spectra, record, fingerprint, note."""
    vector = lambda at, count: {"dtype": "F64", "shape": [count], "data_offsets": [at, at + 8 * count]}
    q, down = "model.layers.0.self_attn.q_proj", "model.layers.0.mlp.down_proj"
    metadata = {"format": "spectrum.spectra", "version": "1", "model": "0123456789abcdef" * 2,
                "estimator": "mp", "empty_noise": "infinity", "precision": "F64"}
    values = struct.pack("<16d", *[9 - i % 8 for i in range(16)])
    part = lambda number, name, data: put("spectra", name, bytes([number]) + (
        data if isinstance(data, bytes) else (data if isinstance(data, str) else json.dumps(data)).encode()))
    whole = safetensors({"__metadata__": metadata, q: vector(0, 8), down: vector(64, 8)}, values)
    part(0, "valid-vectors", whole)
    part(0, "valid-other-beside", safetensors({q: vector(0, 8), "lm_head": vector(64, 8)}, values))
    part(0, "odd-count", safetensors({q: vector(0, 7), down: vector(56, 9)}, values))
    part(0, "odd-type", safetensors({q: entry(0, 64, [8], "I64"), down: entry(64, 128, [16])}, values))
    part(0, "odd-shape", safetensors({q: entry(0, 64, [2, 4], "F64"), down: vector(64, 8)}, values))
    part(0, "odd-not-finite", safetensors({q: vector(0, 8), down: vector(64, 8)},
                                          struct.pack("<16d", *[float("nan"), float("inf"), -1, 0] * 4)))
    part(0, "bad-cut", whole[:-9])
    key, files = "2571b69621510395a8460d04ecea3628", "cd762bb53deb51106a97aacb9c093c92"
    record = {"format": "spectrum.cache", "version": 1, "content": {q: [key, files], down: [files, key]}}
    part(1, "valid-record", record)
    part(1, "odd-record-types", {"content": {q: key, down: [1, None], "": [key, files], "a": [key]}})
    part(1, "odd-record-hashes", {"content": {q: [key[:-1], files], down: [key.upper(), files + "0"]}})
    part(1, "odd-record-twice", '{"content": {"%s": ["%s", "%s"], "%s": ["%s", "%s"]}}'
         % (q, key, files, q, files, key))
    part(1, "odd-record-list", {"content": [[key, files]]})
    part(2, "valid-fingerprint", "df96d32b753957b27db3668c2b774f62")
    part(2, "odd-fingerprint", "df96d32b753957b27db3668c2b774f6G\n")
    part(2, "odd-fingerprint-short", "df96")
    note = {"format": "spectrum.cache-note", "version": 1, "model": "/x/model", "data": ["/x/a", "/x/b"], "more": 3}
    part(3, "valid-note", note)
    part(3, "odd-note", {**note, "model": ["\u001b[31m"], "data": "a", "more": -1})
    part(3, "bad-note-version", {**note, "version": 2})


def put_chats():
    """A template, or nothing for the named ones, a NUL byte, a record."""
    sources = json.loads((HERE / "../data/text/chats.json").read_text())["sources"]
    ask, say = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
    talk = [{"role": "system", "content": "a"}, ask, say, {**ask, "content": " b "}, say]
    call = {"role": "assistant", "content": None,
            "tool_calls": [{"type": "function", "id": "1", "function": {"name": "f", "arguments": {"x": 1.50}}}]}
    tools = [{"type": "function", "function": {"name": "f", "description": "a", "parameters": {
        "type": "object", "properties": {"x": {"type": "number"}}}}}]
    use = {"messages": [ask, call, {"role": "tool", "content": "b", "name": "f"}, say], "tools": tools}
    chat = lambda name, source, record: put("chat", name, source.encode() + b"\0" + (
        record if isinstance(record, bytes) else json.dumps(record).encode()))
    for name, source in sources.items():
        if isinstance(source, str) and len(source) < 3500:
            chat("copy-" + name, source, {"messages": talk})
    chatml = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
              "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
    marked = ("{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content or '' }}{% for c in "
              "m.tool_calls %}{{ c.function | tojson }}{% endfor %}<|im_end|>{% endgeneration %}{% else %}{{ m.role }}"
              "{{ m.content }}{% endif %}{% endfor %}{{ tools | tojson if tools }}{{ style }}")
    thinking = ("{% for m in messages %}{{ '<|im_start|>' ~ m.role }}{% if loop.last and m.reasoning_content %}<think>"
                "{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}<|im_end|>{% endfor %}")
    chat("valid-chatml", chatml, {"messages": talk})
    chat("valid-tools-lost", chatml, use)
    chat("valid-marked", marked, {**use, "variables": {"style": "a", "messages": 1}})
    chat("valid-thinking", thinking, {"messages": [ask, {**say, "reasoning_content": "a"}, ask, say]})
    chat("valid-named", "", {"messages": talk})
    chat("valid-named-tools", "", use)
    chat("odd-parts", marked, {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, 1]}, say]})
    chat("odd-only-assistant", chatml, {"messages": [say, say]})
    chat("odd-empty-turns", chatml, {"messages": [{**ask, "content": ""}, {**say, "content": ""}, ask]})
    chat("odd-roles", "", {"messages": [{"role": "\u001b[31m", "content": "a"}, {"role": "", "content": 1}]})
    chat("odd-numbers", "{{ messages[0].x }}{{ messages[0].x * 2 }}",
         b'{"messages": [{"role": "user", "x": 1e999, "content": 0.10}]}')
    chat("odd-changes", "{% set messages = messages[1:] %}{% for m in messages %}{{ m.content }}{% endfor %}",
         {"messages": talk})
    chat("odd-raises", "{{ raise_exception('\x1b[31m' ~ messages[0].content) }}", {"messages": talk})
    chat("odd-counts", "{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}", {"messages": talk})
    chat("bad-record", chatml, b'{"messages": [')
    chat("bad-messages", chatml, {"messages": [1, None]})


def put_pieces():
    """SentencePiece's tokenizer.model: pieces of every kind, and other fields beside them."""
    def varint(value):
        out = b""
        while value > 127:
            out += bytes([value & 127 | 128])
            value >>= 7
        return out + bytes([value])

    def block(number, data):
        return varint(number << 3 | 2) + varint(len(data)) + data

    def piece(text, score=None, kind=None):
        return block(1, block(1, text.encode()) + (b"" if score is None else b"\x15" + struct.pack("<f", score)) +
                     (b"" if kind is None else b"\x18" + varint(kind)))

    good = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("\u2581a", -1.5) + piece("b", None, 4)
    put("pieces", "valid", good + piece("<0x0A>", 0, 6) + piece("c", -2, 5))
    put("pieces", "odd-other-fields", good + block(2, b"trainer") + block(3, b"") + b"\x20\x05" + b"\x29" + bytes(8))
    put("pieces", "odd-twice-in-one", block(1, block(1, b"a") + block(1, b"bc")))
    put("pieces", "bad-cut", good[:-3])
    put("pieces", "bad-no-text", good + block(1, b"\x18\x01"))
    put("pieces", "bad-kind", good + piece("d", 0, 7))
    put("pieces", "bad-not-utf8", good + block(1, block(1, b"\xff\xfe")))
    put("pieces", "bad-nul", good + piece("a\0b"))
    put("pieces", "bad-length", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f")
    put("pieces", "bad-varint", b"\xff" * 11)
    put("pieces", "bad-group", good + b"\x0b\x0c")
    put("pieces", "bad-score", block(1, block(1, b"a") + b"\x10\x01"))
    put("pieces", "bad-text-of-tiktoken", b"IQ== 0\nIg== 1\n")


# ---- logs of other tools: a byte that says which, and for formats with sums records with their lengths


def proto(field, value):
    """A field of a protobuf message: a varint, 64 bits of a float, 32 of one in a tuple, or bytes."""
    def varint(n):
        out = b""
        while n > 127:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])
    if isinstance(value, int):
        return varint(field << 3) + varint(value)
    if isinstance(value, float):
        return varint(field << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, tuple):
        return varint(field << 3 | 5) + struct.pack("<f", value[0])
    return varint(field << 3 | 2) + varint(len(value)) + value


def put_trackers():
    def put_one(name, which, *records):
        put("tracker", name, bytes([which]) + b"".join(struct.pack("<H", len(r)) + r for r in records))

    def lines(name, which, *objects):
        put("tracker", name, bytes([which]) + b"".join(json.dumps(o).encode() + b"\n" for o in objects))

    def event(step, tag, value):
        return proto(1, 1e9) + proto(2, step) + proto(5, proto(1, proto(1, tag) + value))

    lines("valid-llama-factory", 0, {"current_steps": 1, "total_steps": 2, "loss": 8.5, "lr": 5e-05},
          {"current_steps": 2, "total_steps": 2, "eval_loss": 8.25})
    lines("valid-swift", 1, {"loss": 9.5, "learning_rate": 1e-05, "global_step/max_steps": "1/6", "memory(GiB)": 1},
          {"last_model_checkpoint": "x"})
    lines("valid-lines", 2, {"step": 1, "loss": 5}, {"step": 3, "loss": 4}, {"step": 2, "loss": 4.5}, {"step": 1, "a": 1})
    lines("odd-names", 2, {"step": 1, "event": 1, "grad_norms": 2, "": 3, "train/": 4, "eval/": 5, "\u001b[2J": 6})
    lines("odd-steps", 2, {"step": -1, "loss": 1}, {"step": 1e300, "loss": 1}, {"step": 1 << 53, "loss": 1, "b": 2})
    put("tracker", "odd-nan", b"\x02" + b'{"step": 1, "loss": NaN, "x": Infinity}\n')
    put("tracker", "bad-line", b"\x02" + b'{"step": 1, "loss": 2}\n[1, 2]\n{"step": 2, "loss"')
    put("tracker", "bad-pair", b"\x01" + b'{"global_step/max_steps": "1/", "loss": 2}\n')
    put("tracker", "valid-state", b"\x03" + json.dumps({"global_step": 2, "max_steps": 2, "log_history": [
        {"step": 1, "loss": 3.5, "epoch": 0.5}, {"step": 2, "eval_loss": 3.25}]}).encode())
    put("tracker", "bad-state", b"\x03" + b'{"log_history": {"step": 1}}')
    put("tracker", "bad-database", b"\x04" + b"SQLite format 3\0" + bytes(84))
    put_one("valid-events", 5, proto(1, 1e9) + proto(3, b"brain.Event:2"),
            event(1, b"train/loss", proto(2, (2.5,))), event(1, b"eval/loss", proto(8, proto(1, 1) + proto(5, struct.pack(
                "<f", 2.25)))), event(2, b"train/loss", proto(8, proto(1, 2) + proto(4, struct.pack("<d", 2.125)))))
    put_one("odd-events", 5, event(1 << 63, b"a", proto(2, (1.0,))), event(3, b"\xff\x1b", proto(2, (float("nan"),))),
            event(3, b"text", proto(8, proto(1, 7) + proto(8, b"x"))))
    put_one("bad-event", 5, b"\xff\xff\xff")
    item = proto(1, proto(1, b"train/loss") + proto(16, b"2.5")) + proto(1, proto(2, b"eval") + proto(2, b"loss") + proto(
        16, b"2.25"))
    put_one("valid-wandb", 6, b"\x01" + proto(1, 1) + proto(2, item + proto(2, proto(1, 4))),
            b"\x02" + proto(2, item + proto(1, proto(1, b"train/global_step") + proto(16, b"5")))[:20],
            b"\x04" + proto(2, item + proto(1, proto(1, b"train/global_step") + proto(16, b"5")))[20:],
            b"\x01" + proto(18, proto(1, 0)))
    put_one("odd-wandb", 6, b"\x01" + proto(2, proto(1, proto(1, b"a") + proto(16, b"{"))), b"\x01" + proto(2, b""))
    put_one("bad-wandb", 6, b"\x03abc")


def copy_data():
    data = HERE / "../data"
    for config in data.glob("train/*/config.json"):
        shutil.copyfile(config, HERE / "corpus/config" / ("copy-" + config.parent.name))


def put_nothing():
    for corpus in (HERE / "corpus").iterdir():
        put(corpus.name, "bad-nothing", b"")


def main():
    put_safetensors()
    put_quantized()
    put_torch()
    put_valid_gguf()
    put_bad_gguf()
    put_configs()
    put_indices()
    put_repositories()
    put_scans()
    put_plans()
    put_tokenizers()
    put_templates()
    put_jinja()
    put_datasets()
    put_metrics()
    put_engines()
    put_added()
    put_jobs()
    put_run_configs()
    put_states()
    put_requests()
    put_forms()
    put_themes()
    put_spectra()
    put_chats()
    put_pieces()
    put_trackers()
    copy_data()
    put_nothing()


if __name__ == "__main__":
    main()
