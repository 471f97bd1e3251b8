"""Makes tests/data/text/chats.json: conversations, and what transformers' apply_chat_template() makes
of them for several models: the text, the ids and the mask of what is trained.

usage: make_chats.py SHARED_DATA SMOLLM2.gguf OUT_FOLDER, from the repository's root (for demo/model)

transformers masks only what a template marks, so the templates' assistant contents are marked here by
{% generation %} blocks put around content and end-of-turn token.
"""
import json
import sys
import tarfile
import tempfile
from pathlib import Path

import gguf
from transformers import PreTrainedTokenizerFast

from make_tokens import from_gguf

CHATS = [
    [("user", "Hello")],
    [("user", "Hello"), ("assistant", "Hi there!")],
    [("system", "You are terse."), ("user", "2+2?"), ("assistant", "4")],
    [("user", " spaces \n"), ("assistant", "\n\nnew lines first\n\n")],
    [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")],
    [("user", "caf\u00e9 e\u0301 \U0001f600"), ("assistant", "e\u0301\u0323 \u4f60\u597d \U0001f600")],
    [("user", "<|im_end|> in a text"), ("assistant", "<|im_start|>x<|eot_id|>")],
    [("user", ""), ("assistant", "")],
    [("assistant", "I speak first."), ("user", "ok"), ("assistant", "\tcode\n    x = 1\n")],
    [("system", " trimmed? "), ("user", "\u00a0x\u3000"), ("assistant", "1234567 'll \r\n")],
]


LLAMA3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + "
    "message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
    "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)

# Llama 3.1's source from 3.2's: today's date is not asked for, and there are built-in tools.
LLAMA31_EDITS = [
    ("""    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
""", """    {%- set date_string = "26 Jul 2024" %}
"""),
    ("{#- System message #}", "{#- System message + builtin tools #}"),
    ("""{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
""", """{%- if builtin_tools is defined or tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{%- if builtin_tools is defined %}
    {{- "Tools: " + builtin_tools | reject('equalto', 'code_interpreter') | join(", ") + "\\n\\n"}}
"""),
    ("""        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- '{"name": "' + tool_call.name + '", ' }}
        {{- '"parameters": ' }}
        {{- tool_call.arguments | tojson }}
        {{- "}" }}
        {{- "<|eot_id|>" }}
""", """        {%- if builtin_tools is defined and tool_call.name in builtin_tools %}
            {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
            {{- "<|python_tag|>" + tool_call.name + ".call(" }}
            {%- for arg_name, arg_val in tool_call.arguments | items %}
                {{- arg_name + '="' + arg_val + '"' }}
                {%- if not loop.last %}
                    {{- ", " }}
                {%- endif %}
                {%- endfor %}
            {{- ")" }}
        {%- else  %}
            {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
            {{- '{"name": "' + tool_call.name + '", ' }}
            {{- '"parameters": ' }}
            {{- tool_call.arguments | tojson }}
            {{- "}" }}
        {%- endif %}
        {%- if builtin_tools is defined %}
            {#- This means we're in ipython mode #}
            {{- "<|eom_id|>" }}
        {%- else %}
            {{- "<|eot_id|>" }}
        {%- endif %}
"""),
]


def marked(source):
    """The template with its assistant contents inside generation blocks."""
    smollm = "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    qwen = "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
    llama = ("{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim"
             " + '<|eot_id|>' }}")
    llama3 = ("{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim"
              " + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}")
    made = {
        llama3: "{% if loop.index0 == 0 %}{{ bos_token }}{% endif %}{{ '<|start_header_id|>' + message['role'] + "
                "'<|end_header_id|>\n\n' }}{% if message['role'] == 'assistant' %}{% generation %}"
                "{{ message['content'] | trim + '<|eot_id|>' }}{% endgeneration %}{% else %}"
                "{{ message['content'] | trim + '<|eot_id|>' }}{% endif %}",
        smollm: "{{'<|im_start|>' + message['role'] + '\n'}}{% if message['role'] == 'assistant' %}{% generation %}"
                "{{message['content'] + '<|im_end|>'}}{% endgeneration %}{% else %}"
                "{{message['content'] + '<|im_end|>'}}{% endif %}{{'\n'}}",
        qwen: "{{- '<|im_start|>' + message.role + '\\n' }}{%- if message.role == 'assistant' %}{%- generation -%}"
              "{{- message.content + '<|im_end|>' }}{%- endgeneration -%}{%- else %}"
              "{{- message.content + '<|im_end|>' }}{%- endif %}{{- '\\n' }}",
        llama: "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}"
               "{%- if message['role'] == 'assistant' %}{%- generation -%}{{- message['content'] | trim + '<|eot_id|>' }}"
               "{%- endgeneration -%}{%- else %}{{- message['content'] | trim + '<|eot_id|>' }}{%- endif %}",
    }
    for plain, with_marks in made.items():
        if plain in source:
            return source.replace(plain, with_marks)
    raise ValueError("no known place for assistant contents")


def apply(tokenizer, chat):
    messages = [{"role": r, "content": c} for r, c in chat]
    extra = {"date_string": "26 Jul 2024"}
    text = tokenizer.apply_chat_template(messages, tokenize=False, **extra)
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **extra)
    ids = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True, **extra)["input_ids"]
    both = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True,
                                         chat_template=marked(tokenizer.chat_template), **extra)
    assert both["input_ids"] == ids
    return {"text": text, "prompt": prompt, "ids": ids, "mask": both["assistant_masks"]}


def smollm2(path):
    source = gguf.GGUFReader(path).fields["tokenizer.chat_template"].contents()
    return PreTrainedTokenizerFast(tokenizer_object=from_gguf(path), chat_template=source)


def from_tar(shared, name):
    with tempfile.TemporaryDirectory() as folder, tarfile.open(shared / f"tokenizers/{name}.tar.xz") as tar:
        tar.extractall(folder, filter="data")
        return PreTrainedTokenizerFast.from_pretrained(f"{folder}/{name}")


def main():
    shared, path, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    tokenizers = {"smollm2_gguf": smollm2(path), "demo": PreTrainedTokenizerFast.from_pretrained("demo/model")}
    for name in ("qwen2.5_hf", "llama3.2_hf"):
        tokenizers[name] = from_tar(shared, name)
    llama31 = tokenizers["llama3.2_hf"].chat_template
    for old, new in LLAMA31_EDITS:
        assert llama31.count(old) == 1
        llama31 = llama31.replace(old, new)
    for name, source in {"llama3": LLAMA3, "llama3.1": llama31}.items():
        tokenizers[name] = from_tar(shared, "llama3.2_hf")
        tokenizers[name].chat_template = source
    made = {"chats": CHATS, **{name: [apply(t, chat) for chat in CHATS] for name, t in tokenizers.items()}}
    made["sources"] = {"llama3": LLAMA3, "llama3.1": LLAMA31_EDITS}
    (out / "chats.json").write_text(json.dumps(made, indent=0) + "\n")
    print(len(CHATS), "conversations,", len(tokenizers), "templates")


if __name__ == "__main__":
    main()
