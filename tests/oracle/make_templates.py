"""Makes tests/data/text/templates.json: what transformers renders of every template in a folder with every conversation
of tests/data/text/conversations.json.

usage: make_templates.py SHARED_DATA OUT_FOLDER

The templates are other people's: of a rendering only the first 16 hexadecimal digits of its SHA-256, its bytes and the
stretches inside {% generation %} (in bytes) are kept, or "error" where transformers refuses. Each template has the
digits of its own source, so that one that was changed is known.
"""
import hashlib
import json
import re
import sys
from datetime import datetime
from pathlib import Path

from transformers.utils import chat_template_utils
from transformers.utils.chat_template_utils import render_jinja_template

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
NOW = datetime(2026, 11, 29, 12, 0)


class Frozen(datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


def digits(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def render(source, conversation):
    """The text and its generated stretches in characters."""
    marked = re.search(r"\{%-?\s*generation\s*-?%\}", source) is not None
    texts, spans = render_jinja_template(
        [conversation["messages"]],
        tools=conversation.get("tools"),
        documents=conversation.get("documents"),
        chat_template=source,
        return_assistant_tokens_mask=marked,
        add_generation_prompt=conversation["prompt"],
        **SPECIAL,
        **conversation.get("variables", {}),
    )
    return texts[0], spans[0] if marked else []


def summary(source, conversation):
    try:
        text, spans = render(source, conversation)
    except Exception:  # whatever a template runs into is how it refuses
        return "error"
    return [digits(text), len(text.encode())] + [len(text[:end].encode()) for span in spans for end in span]


def main():
    folder, out = Path(sys.argv[1]) / "templates", Path(sys.argv[2])
    chat_template_utils.datetime = Frozen
    conversations = json.loads((out / "conversations.json").read_text())
    made = []
    for path in sorted(folder.glob("*/*.jinja")):
        source = path.read_bytes().decode()
        results = {c["name"]: summary(source, c) for c in conversations}
        entry = json.dumps({"source": digits(source), "rendered": results}, separators=(",", ":"))
        made.append(f"{json.dumps(str(path.relative_to(folder)))}: {entry}")
    head = f'"variables": {json.dumps(SPECIAL)},\n"now": {json.dumps([NOW.year, NOW.month, NOW.day, NOW.hour])},\n'
    (out / "templates.json").write_text("{\n" + head + '"templates": {\n' + ",\n".join(made) + "\n}\n}\n")
    print(len(made), "templates,", len(conversations), "conversations")


if __name__ == "__main__":
    main()
