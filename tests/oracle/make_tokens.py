"""Makes tests/data/text/: hard strings, and their ids by the `tokenizers` package.

usage: make_tokens.py SHARED_DATA SMOLLM2.gguf OUT_FOLDER

SHARED_DATA/tokenizers/*.tar.xz are read; the GGUF's
tokenizer is rebuilt from its metadata as a `tokenizers` pipeline (Digits, then ByteLevel).
"""
import io
import json
import random
import sys
import tarfile
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

HAND = [
    "", " ", "  ", "   ", "\n", "\n\n", "\n\n\n", "\r\n", "\r", "\t", "\t\t", " \n", "\n ", " \n \n ", "a", "A", "0",
    "Hello", " Hello", "Hello ", "  Hello", "Hello  ", "Hello world", "Hello  world", "Hello   world", "Hello\tworld",
    "Hello\nworld", "Hello\n\nworld", "Hello \n world", "Hello, world!", "Hello (world)", "HELLO WORLD", "hElLo",
    "it's", "It'S", "IT'S", "we'll we've they're I'd I'm can't 'tis", "WE'LL WE'VE THEY'RE I'D I'M CAN'T", "'s", "'S",
    "'ſ", "'ſt", "don’t", "’s", "''''", "'", "\"", "\"quoted\"", "\"quoted,\" he said.", "x'lly", "'ll'll'll",
    "1", "12", "123", "1234", "12345", "123456", "1234567", "12345678901234567890", "3.14159", "1,000,000", "0x1F",
    "1e-5", "2024-01-31", "12:34:56", "a1b2c3", "1st 2nd 3rd", "١٢٣٤", "१२३", "Ⅳ Ⅻ ½ ¾ ² ³ ①", "１２３", "²³¹", "x²+y²",
    "http://www.example.com/path?query=1&b=2#frag", "user@example.com", "C:\\Users\\me\\file.txt", "/usr/local/bin",
    "#include <stdio.h>\n\nint main(void)\n{\n    printf(\"hi\\n\");\n    return 0;\n}\n",
    "def f(x):\n    if x > 0:\n        return x\n    else:\n        return -x\n",
    "\tif (a == b) {\n\t\treturn a && !b || c;\n\t}\n", "for (int i = 0; i < n; i++) a[i] += b[i] * c[i];",
    "SELECT * FROM t WHERE a = 'b' AND c <> 1;", "<html><body class=\"x\">&nbsp;</body></html>",
    "{\"key\": [1, 2.5, null, true], \"s\": \"\\u00e9\"}", "a->b::c.d[e]{f}", "x = y ?? z?.w!", "!!!", "???", "...", "…",
    "----", "====", "____", "****", "~~~~", "a_b_c", "snake_case_name", "camelCaseName", "kebab-case-name", "$HOME",
    "100%", "5 > 3", "5>3", "a<b", "<", ">", "<>", "|", "||", "<|", "|>", "<|>", "@#$%^&*()", "[]{}()<>", ";;;;", "///",
    "café", "cafe\u0301", "naïve", "Ångström", "A\u030angstro\u0308m", "ñ n\u0303", "ﬁ ﬂ ﬀ", "Straße", "İstanbul ısı",
    "a\u0323\u0307", "a\u0307\u0323", "e\u0301\u0302\u0303", "\u0301", "\u0301abc", " \u0301", "q\u0307\u0323",
    "\u1100\u1161\u11a8", "각", "가각갂", "\u0958", "\u2126 Ω \u212b Å \u212a K", "\u0344", "\ufb1d", "\u2adc",
    "Привет, мир!", "Γειά σου Κόσμε", "שלום עולם", "مرحبا بالعالم", "नमस्ते दुनिया", "สวัสดีชาวโลก", "你好，世界！", "こんにちは世界",
    "안녕하세요 세계", "ការពិសេសអាច", "Xin chào thế giới", "გამარჯობა", "Բարեւ", "ሰላም", "ဟယ်လို", "ສະບາຍດີ", "ᠮᠣᠩᠭᠣᠯ", "𐍈𐌰𐌿𐍃",
    "中文没有空格所以这是一个很长的词", "日本語の文章は、句読点で区切られます。", "한국어 문장", "ｆｕｌｌｗｉｄｔｈ", "ＡＢＣ", "全角　空白",
    "😀", "😀😀😀", "👍🏽", "👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "❤️", "❤", "☺️ ok", "🏳️‍🌈", "1️⃣2️⃣", "text😀text", " 😀 ", "🦙", "🤗 Hugging Face", "🫠🫡🪿",
    "\u00a0", "a\u00a0b", "\u2003", "a\u2003b", "\u3000", "\u200b", "a\u200bb", "\ufeff", "\ufeffabc", "\u200d", "\u180e",
    "a\u180eb", " \u180e ", "\u0085", "a\u0085b", "a \u0085 b", "\u2028", "a\u2028b", "\u2029", "\u202f", "1\u202f000",
    "\u1680", "\u205f", "\x0b", "\x0c", "a\x0bb\x0cc", "\x1c", "a\x1cb", "\x1f", "\x7f", "\x01\x02\x03", "\x1b[31mred\x1b[0m",
    "\u202eabc\u202c", "\ufffd", "\ufffe", "\uffff", "\U0010ffff", "\U000e0041", "\ue000", "\U000f0000", "\ud7ff",
    "∀x∈ℝ: x²≥0", "∑∫∂√∞≈≠≤≥", "→←↑↓⇒", "αβγδ", "ℵ₀", "𝕳𝖊𝖑𝖑𝖔", "𝓗𝓮𝓵𝓵𝓸", "€£¥₹₿", "©®™", "§¶†‡", "«»„“”‚‘’", "—–-‐", "·•◦",
    "ⓐⓑ", "🅰🅱", "ªº", "ʰʷ", "ǅ ǈ", "ᾳ ᾼ", "ﷺ", "㍿", "㎏", "〇〡〢", "Ꙩ", "ꓘ", "🄀", "𝟘𝟙𝟚", "߁߂", "𞤀𞤁",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a\u032f\u031e\u0320\u034d"
    "A\u036b\u0357\u0334\u0362\u0335\u031c\u0330\u0354L\u0368\u0367\u0369\u0358\u0320G\u0311\u0357\u030e\u0305O",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ab" * 60, " " * 50, " " * 51 + "x",
    "\n" * 30, "\t" * 17, "= = = =", "=" * 80, "- " * 30, "\n \n \n", "    \n    \n", "x" + " " * 9 + "y", " \t \t ",
    "<s>", "</s>", "<unk>", "a<s>b", "a <s> b", "<s><s>", " <s>", "<s> ", "</s>\n", "<S>", "< s >", "<s", "s>", "<<s>>",
    "<|endoftext|>", "a<|endoftext|>b", "<|endoftext|><|endoftext|>", " <|endoftext|> ", "<|endoftext|", "|endoftext|>",
    "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n", "<|im_start|>", "<|im_end|>", "<|im_end|>\n",
    "<|begin_of_text|>hi<|end_of_text|>", "<|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>", "<|eot_id|>",
    "<|reserved_special_token_0|>", "<|reserved_special_token_10|>", "<|reserved_special_token_1", "<|python_tag|>",
    "<tool_call>\n{\"name\": \"f\"}\n</tool_call>", "<repo_name>x<file_sep>y", "<reponame>", "<empty_output>", "[PAD]",
    "a[PAD]b", "<0x0A>", "<0xFF>", "▁", "▁▁", "▁a", "a▁b", "Ġ", "Ċ", "Ġhello", "ĠĠ", "ĉ", "Â", "Ã©", "<fim_prefix>", "[INST] hi [/INST]",
    "The quick brown fox jumps over the lazy dog.", "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG.",
    "Pneumonoultramicroscopicsilicovolcanoconiosis", "antidisestablishmentarianism", "supercalifragilisticexpialidocious",
    "Once upon a time, there was a little girl named Lily.", "Llama, lama & LLaMA: 3 spellings?!", "e.g., i.e., etc.",
    "Dr. Smith's 2nd-best friend (b. 1970) said: \"No—never!\"", "rock'n'roll", "o'clock", "y'all'd've", "'Twas", "O'Neill's",
    "\\n\\t\\\\", "\\begin{equation} E = mc^2 \\end{equation}", "$x_1^2 + \\frac{a}{b}$", "| a | b |\n|---|---|\n| 1 | 2 |\n",
    "- [ ] todo\n- [x] done\n", "```python\nprint('x')\n```\n", "1. one\n2. two\n   - three\n", "> quote\n\n# Title\n",
    "ACGTACGTACGTTAGC", "deadbeefcafebabe", "QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "asdfghjkl;'", "qwertyuiop[]\\", "zxcvbnm,./",
    "ﬁnance oﬃce", "ĳ Ĳ", "ŉ", "ΐ", "ß ẞ", "Ǆ", "İ", "ſ", "K'K", "'T 'M 'D 'RE", "’ll ’ve", "a'b'c", "it 's", "'s's's", "s's",
]

WORDS = ("the of and to in is that it for was on with as his he be at by this had not are but from or have an they "
         "which one you were all her she there would their we him been has when who will no more if out so up said what "
         "about than into them can only other time new some could these two may first then do any like my now over such "
         "our man me even most made after also did many off before must well back through years where much your way down"
         ).split()
RANGES = [(0x20, 0x7E), (0x20, 0x7E), (0xA1, 0x24F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x5FF),
          (0x600, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1E00, 0x1EFF), (0x2000, 0x206F),
          (0x2100, 0x214F), (0x2200, 0x22FF), (0x2600, 0x26FF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3),
          (0xF900, 0xFAFF), (0x1F300, 0x1F64F), (0x1D400, 0x1D7FF), (0x20000, 0x2A6DF)]
PIECES = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<s>", "</s>", "<|eot_id|>", "<|begin_of_text|>", "\n", "\n\n", "  ",
          " ", "\t", "'s", "'LL", "user", "42", "café", "é", "e\u0301", "你好", "😀", "▁", "<", "|", ">", "\r\n", "...", "."]


def strings():
    rng = random.Random(20240131)
    made = list(HAND)
    for _ in range(90):  # letters of one script
        low, high = rng.choice(RANGES)
        made.append("".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 24))))
    for _ in range(60):  # of many scripts
        made.append("".join(chr(rng.randint(*rng.choice(RANGES))) for _ in range(rng.randint(1, 40))))
    for _ in range(40):  # white space between words
        made.append("".join(rng.choice(WORDS) + rng.choice([" ", "  ", "\n", " \n", "\t", "   ", "\n\n  ", "", "\u3000"])
                            for _ in range(rng.randint(2, 15))))
    for _ in range(60):  # special tokens and their neighbours
        made.append("".join(rng.choice(PIECES) for _ in range(rng.randint(2, 10))))
    for _ in range(25):  # prose
        made.append(" ".join(rng.choice(WORDS).capitalize() if rng.random() < 0.1 else rng.choice(WORDS)
                             for _ in range(rng.randint(10, 40))) + rng.choice(".?!"))
    unique = list(dict.fromkeys(made))
    assert len(unique) >= 500, len(unique)
    return unique


def from_gguf(path):
    import gguf
    fields = gguf.GGUFReader(path).fields
    value = lambda key: fields["tokenizer.ggml." + key].contents()
    assert value("model") == "gpt2" and value("pre") == "smollm"
    tokens, types = value("tokens"), value("token_type")
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, [tuple(m.split(" ")) for m in value("merges")]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t, k in zip(tokens, types) if k == 3])
    return tokenizer


def from_tar(path, name):
    with tarfile.open(path) as tar:
        text = io.TextIOWrapper(tar.extractfile(f"{name}/tokenizer.json"), "utf-8").read()
    return Tokenizer.from_str(text)


def main():
    shared, smollm2, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    made = strings()
    (out / "strings.json").write_text(json.dumps(made, indent=0) + "\n")
    tokenizers = {n: from_tar(shared / f"tokenizers/{n}.tar.xz", n)
                  for n in ("gpt2_hf", "llama2_hf", "llama3.2_hf", "qwen2.5_hf", "smollm_hf")}
    tokenizers["smollm2_gguf"] = from_gguf(smollm2)
    for name, tokenizer in tokenizers.items():
        tokenizer.no_truncation()
        tokenizer.no_padding()
        lines = [json.dumps(tokenizer.encode(s).ids, separators=(",", ":")) for s in made]
        (out / f"{name}.ids.json").write_text("[" + ",\n".join(lines) + "]\n")
    print(len(made), "strings,", len(tokenizers), "tokenizers")


if __name__ == "__main__":
    main()
