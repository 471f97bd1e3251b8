"""Makes tests/data/text/chats.json: conversations, and what transformers' apply_chat_template() makes
of them for several models: the text, the ids and the mask of what is trained.

usage: make_chats.py SHARED_DATA SMOLLM2.gguf OUT_FOLDER [MISTRAL_V3.jinja], from the repository's root (for
demo/model). Mistral v0.3's own template is long, nearly all of it for tools: it is not kept here, and where its file
is given it is compared with what stands here for it.

transformers masks only what a template marks, so the templates' assistant contents are marked here by
{% generation %} blocks put around what stands behind the generation prompt, up to the end-of-turn token.
"""
import json
import sys
import tarfile
import tempfile
from pathlib import Path

import gguf
from jinja2 import TemplateError
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
    [("system", "S "), ("user", "x"), ("assistant", " y"), ("user", "z"), ("assistant", "u"), ("user", "x")],
    [("user", "a"), ("assistant", "b </s> c"), ("user", "</s>[INST]"), ("assistant", "### Response:\n")],
]

# Templates of models and tools whose tokenizer is Llama 2's, as they are published. In `made`, what is put around an
# assistant's content and end-of-turn token.
MISTRAL_TURNS = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token@ }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
MISTRAL = """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}

{{- bos_token }}
{%- for message in loop_messages %}
    {%- if (message["role"] == "user") != (loop.index0 % 2 == 0) %}
        {{- raise_exception("After the optional system message, conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif %}
    {%- if message["role"] == "user" %}
        {%- if loop.first and system_message is defined %}
            {{- " [INST] " + system_message + "\\n\\n" + message["content"] + " [/INST]" }}
        {%- else %}
            {{- " [INST] " + message["content"] + " [/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"] + eos_token}}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported, with the exception of an initial optional system message!") }}
    {%- endif %}
{%- endfor %}
"""
# What Mistral v0.3's writes where there are no tools.
MISTRAL_V3 = (
    "{%- if messages[0].role == 'system' %}{%- set system = messages[0].content %}{%- set turns = messages[1:] %}"
    "{%- else %}{%- set turns = messages %}{%- endif %}{%- set users = turns | selectattr('role', 'equalto', 'user') | list %}"
    "{{- bos_token }}{%- for m in turns %}{%- if (m.role == 'user') != (loop.index0 % 2 == 0) or m.role == 'system' %}"
    "{{- raise_exception('turns') }}{%- endif %}{%- if m.role == 'user' %}{{- '[INST] ' }}"
    "{%- if m == users[-1] and system is defined %}{{- system + '\\n\\n' }}{%- endif %}{{- m.content + '[/INST]' }}"
    "{%- else %}{%- generation -%}{{- ' ' + (m.content | trim) + eos_token }}{%- endgeneration -%}{%- endif %}{%- endfor %}"
)
ZEPHYR = (
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"
)
ZEPHYR_LINE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ '<|user|>\n' + message['content'] + eos_token + '\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ '<|assistant|>\n' + message['content'] + eos_token + '\n' }}"
    "{% else %}{{ '<|system|>\n' + message['content'] + eos_token + '\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
ALPACA_SYSTEM = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
ALPACA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] + '\n\n' }}"
    "{% set loop_messages = messages[1:] %}{% else %}{{ '" + ALPACA_SYSTEM + "@' }}{% set loop_messages = messages %}{% endif %}"
    "{% for message in loop_messages %}{% if message['role'] == 'user' %}{{ '### Instruction:\n' + message['content'] + '\n\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ '### Response:\n' + message['content'] + eos_token + '\n\n' }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### Response:\n' }}{% endif %}"
)
ALPACA_TRIMMED = """{% if messages[0]['role'] == 'system' %}
    {% set system_message = messages[0]['content'] | trim + '\\n\\n' %}
    {% set messages = messages[1:] %}
{% else %}
    {% set system_message = '' %}
{% endif %}

{{ bos_token + system_message }}
{% for message in messages %}
    {% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
    {% endif %}

    {% if message['role'] == 'user' %}
        {{ '### Instruction:\\n' + message['content'] | trim + '\\n\\n' }}
    {% elif message['role'] == 'assistant' %}
        {{ '### Response:\\n' + message['content'] | trim + eos_token + '\\n\\n' }}
    {% endif %}
{% endfor %}

{% if add_generation_prompt %}
    {{ '### Response:\\n' }}
{% endif %}
"""
LLAMA2_SOURCES = {
    "mistral_v1": MISTRAL_TURNS.replace("@", " + ' '"),
    "mistral_v2": MISTRAL_TURNS.replace("@", ""),
    "mistral": MISTRAL,
    "zephyr": ZEPHYR,
    "zephyr_line": ZEPHYR_LINE,
    "alpaca": ALPACA.replace("@", "\n\n"),
    "alpaca_sum": ALPACA.replace("@", "' + '\n\n"),
    "alpaca_trimmed": ALPACA_TRIMMED.replace("    ", "").replace("\n", ""),
}


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
    begin, end = "{% generation %}{{ ", " }}{% endgeneration %}{{ '' }}"
    content = "message['content'] + eos_token"
    made.update({
        "{{ " + content + " + ' ' }}": begin + content + end + "{{ ' ' }}",
        "{{ " + content + " }}{% else": begin + content + end + "{% else",
        '{{- " " + message["content"] + eos_token}}': "{%- generation -%}{{- ' ' + " + content + " }}{%- endgeneration -%}",
        "{{ '<|assistant|>\n'  + " + content: "{{ '<|assistant|>\n' }}" + begin + content + end + "{{ ''",
        "{{ '<|assistant|>\n' + " + content + " +": "{{ '<|assistant|>\n' }}" + begin + content + end + "{{",
        "{{ '### Response:\n' + " + content + " +": "{{ '### Response:\n' }}" + begin + content + end + "{{",
        "{{ '### Response:\\n' + message['content'] | trim + eos_token +":
            "{{ '### Response:\\n' }}" + begin + "message['content'] | trim + eos_token" + end + "{{",
    })
    if "generation" in source.replace("add_generation", ""):
        return source
    for plain, with_marks in made.items():
        if plain in source:
            return source.replace(plain, with_marks)
    raise ValueError("no known place for assistant contents")


def apply(tokenizer, chat):
    messages = [{"role": r, "content": c} for r, c in chat]
    extra = {"date_string": "26 Jul 2024"}
    try:
        text = tokenizer.apply_chat_template(messages, tokenize=False, **extra)
    except TemplateError:
        return {"refused": True}
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


def compare(tokenizer, source, made):
    """Another template writes the same."""
    for chat, expected in zip(CHATS, made):
        messages = [{"role": r, "content": c} for r, c in chat]
        try:
            text = tokenizer.apply_chat_template(messages, tokenize=False, chat_template=source)
        except TemplateError:
            assert expected == {"refused": True}, chat
            continue
        assert text == expected["text"] == tokenizer.apply_chat_template(
            messages, tokenize=False, chat_template=source, add_generation_prompt=True), (text, expected)


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
    for name, source in {**LLAMA2_SOURCES, "mistral_v3": MISTRAL_V3}.items():
        tokenizers[name] = from_tar(shared, "llama2_hf")
        tokenizers[name].chat_template = source
    made = {"chats": CHATS, **{name: [apply(t, chat) for chat in CHATS] for name, t in tokenizers.items()}}
    made["sources"] = {"llama3": LLAMA3, "llama3.1": LLAMA31_EDITS, **LLAMA2_SOURCES}
    if len(sys.argv) > 4:
        compare(tokenizers["mistral_v3"], Path(sys.argv[4]).read_text(), made["mistral_v3"])
    (out / "chats.json").write_text(json.dumps(made, indent=0) + "\n")
    print(len(CHATS), "conversations,", len(tokenizers), "templates")


if __name__ == "__main__":
    main()
