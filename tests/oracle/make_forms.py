"""Makes tests/data/text/forms.json: records of every form that is known, and the ids and the mask of what is trained.

usage: make_forms.py OUT_FOLDER, from the repository's root (for demo/model and tests/data/text/forms.jinja).

What TRL reads is prepared by TRL's own SFTTrainer. Of messages TRL trains everything, or what a template marks; there,
and in the forms of LLaMA-Factory and Axolotl, what their documentation says is written down here once more, without
their code: a turn is trained from behind the generation prompt of the turns before it to its last mark.
"""
import json
import sys
from pathlib import Path

from datasets import Dataset
from transformers import AutoTokenizer
from trl import SFTConfig, SFTTrainer

MODEL = "demo/model"
OWN = "own"  # the model's template
NONE = "none"  # none
FORMS = "forms.jinja"  # chosen with --template
CHATML = "chatml"  # likewise, by name

tokenizer = AutoTokenizer.from_pretrained(MODEL)
own_template = tokenizer.chat_template
templates = {
    OWN: own_template,
    NONE: None,
    FORMS: Path("tests/data/text/forms.jinja").read_text(),
    CHATML: own_template,
}
settings = SFTConfig(output_dir="/tmp/make_forms", max_length=None, use_cpu=True, bf16=False, report_to=[])
trainer = SFTTrainer(
    model=MODEL,
    args=settings,
    train_dataset=Dataset.from_list([{"prompt": "a", "completion": "b"}]),
    processing_class=tokenizer,
)
trainer.chat_template = None


def by_trl(template, record):
    """Ids and mask as SFTTrainer prepares the record."""
    tokenizer.chat_template = templates[template]
    trainer.completion_only_loss = "prompt" in record
    data = trainer._prepare_dataset(Dataset.from_list([record]), tokenizer, settings, False, None, "train")
    return data[0]["input_ids"], [int(label != -100) for label in data[0]["labels"]]


def render(template, messages, beside, prompt=False):
    return tokenizer.apply_chat_template(
        messages, chat_template=templates[template], tokenize=False, add_generation_prompt=prompt, **beside
    )


def by_turns(template, messages, trained=None, **beside):
    """The same of messages, of which the assistant's turns are trained, or those of the list."""
    text = render(template, messages, beside)
    if trained is None:
        trained = [message["role"] == "assistant" for message in messages]
    spans = []
    for i, yes in enumerate(trained):
        if yes:
            begin = len(render(template, messages[:i], beside, True)) if i else len("<|im_start|>assistant\n")
            spans.append((begin, len(render(template, messages[: i + 1], beside).rstrip("\n"))))
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    mask = [int(any(b < to and e > at for at, to in spans)) for b, e in encoded["offset_mapping"]]
    return encoded["input_ids"], mask


def by_text(prompt, completion):
    """Of a text that goes on: all behind the prompt's tokens, and the eos."""
    ids = tokenizer(prompt + completion)["input_ids"] + [tokenizer.eos_token_id]
    length = len(tokenizer(prompt)["input_ids"])
    return ids, [0] * length + [1] * (len(ids) - length)


def turn(role, content, **more):
    return {"role": role, "content": content, **more}


def says(who, value):
    return {"from": who, "value": value}


USER, ANSWER = turn("user", "Weather in Oslo?"), turn("assistant", "It is cold.")
SYSTEM = turn("system", "Be terse.")
WEATHER = {"name": "weather", "description": "of a place", "parameters": {"type": "object", "properties": {}}}
TOOL = {"type": "function", "function": WEATHER}
CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Oslo", "days": 2.0}}}
CALLING = turn("assistant", "", tool_calls=[CALL])
RESULT = turn("tool", "-3 degrees")
ALPACA = "Below is an instruction that describes a task{}. Write a response that appropriately completes the request."
PAIRED = ", paired with an input that provides further context"
cases = []


def case(form, template, record, result, columns=None, unread=()):
    ids, mask = result
    assert any(mask) or "label" in record or "kto_tag" in record, record
    cases.append(
        {"form": form, "template": template, "columns": columns, "unread": list(unread),
         "record": json.dumps(record, ensure_ascii=False),  # a text: "2.0" stays "2.0"
         "ids": ids, "mask": mask}
    )


def trl(form, template, record, read=None, columns=None, unread=()):
    """`read`: the record as TRL is given it."""
    case(form, template, record, by_trl(template, read or record), columns, unread)


def texts():
    trl("text", OWN, {"text": "The sky is blue."})
    trl("text", OWN, {"text": "Ends so.<|endoftext|>", "id": 7, "empty": ""}, unread=["id"])
    trl("text", NONE, {"text": "label is a class", "label": 1}, unread=["label"])
    for prompt, completion in [
        ("The sky is", " blue."),
        ("unbel", "ievable things"),
        ("Count: 1", "2345"),
        ("", "alone"),
        ("only", ""),
        ("caf", "\u00e9 \U0001f600"),
        ("a\n", "\n\nb"),
        ("The rain", "bow<|endoftext|>"),
    ]:
        trl("prompt and completion, texts", OWN, {"prompt": prompt, "completion": completion})
    both = {"prompt": "The sky is", "completion": " blue.", "messages": [USER, ANSWER], "text": "x"}
    trl("prompt and completion, texts", OWN, both, {k: both[k] for k in ("prompt", "completion")},
        unread=["messages", "text"])
    pair = {"prompt": "Weather in Oslo?", "completion": "It is cold."}
    case("prompt and completion, texts as turns", CHATML, pair, by_turns(CHATML, [USER, ANSWER]))
    case("prompt and completion, texts as turns with system", CHATML, {**pair, "system": "Be terse."},
         by_turns(CHATML, [SYSTEM, USER, ANSWER]))


def turn_pairs():
    name = "prompt and completion, turns"
    for template in (OWN, FORMS):
        trl(name, template, {"prompt": [USER], "completion": [ANSWER]})
        trl(name, template, {"prompt": [SYSTEM, USER], "completion": [ANSWER, turn("user", "And?"), ANSWER]})
        trl(name, template, {"prompt": [USER, ANSWER], "completion": [turn("assistant", "Very.")]})
    one = {"prompt": [USER], "completion": [ANSWER]}
    trl(name, OWN, {"prompt": USER, "completion": ANSWER}, one)
    trl(name + " with tools", FORMS, {"prompt": [USER], "completion": [CALLING, RESULT, ANSWER], "tools": [TOOL]})
    trl(name + " with tools", FORMS, {**one, "tools": json.dumps([TOOL])})
    trl(name, FORMS, {**one, "tools": []})
    trl(name, FORMS, {**one, "chat_template_kwargs": {"manner": "a pirate"}})
    trl(name + " with system", OWN, {**one, "system": "Be terse."}, {"prompt": [SYSTEM, USER], "completion": [ANSWER]})
    said = {"prompt": [USER], "completion": [ANSWER, turn("user", "And?"), turn("assistant", "Warm.", train=False)]}
    case(name, OWN, said, by_turns(OWN, [USER, *said["completion"]], [0, 1, 0, 0]))


def messages():
    case("messages", OWN, {"messages": [SYSTEM, USER, ANSWER]}, by_turns(OWN, [SYSTEM, USER, ANSWER]))
    case("messages", OWN, {"messages": [USER, ANSWER], "prompt": "Weather?", "prompt_id": "7", "text": "t"},
         by_turns(OWN, [USER, ANSWER]), unread=["prompt", "prompt_id", "text"])
    case("messages", OWN, {"messages": json.dumps([USER, ANSWER])}, by_turns(OWN, [USER, ANSWER]))
    case("messages with system", OWN, {"messages": [USER, ANSWER], "system": "Be terse."},
         by_turns(OWN, [SYSTEM, USER, ANSWER]))
    case("messages with system", OWN, {"messages": [SYSTEM, USER, ANSWER], "system": "Be terse."},
         by_turns(OWN, [SYSTEM, USER, ANSWER]))
    case("messages", OWN, {"messages": [SYSTEM, USER, ANSWER], "system": "Be loud."},
         by_turns(OWN, [SYSTEM, USER, ANSWER]), "system=", ["system"])
    case("messages", OWN, {"messages": [says("human", USER["content"]), says("gpt", ANSWER["content"])]},
         by_turns(OWN, [USER, ANSWER]))
    called = [USER, CALLING, RESULT, ANSWER]
    case("messages with tools", FORMS, {"messages": called, "tools": [TOOL]}, by_turns(FORMS, called, tools=[TOOL]))
    null = [USER, {**CALLING, "content": None}, RESULT, ANSWER]
    case("messages", FORMS, {"messages": null}, by_turns(FORMS, null))
    no_content = [USER, {"role": "assistant", "tool_calls": [CALL]}]
    case("messages", FORMS, {"messages": no_content}, by_turns(FORMS, no_content))
    thought = [USER, {**ANSWER, "reasoning_content": "North, winter."}]
    case("messages", FORMS, {"messages": thought}, by_turns(FORMS, thought))
    documents = [{"title": "Oslo", "text": "is north"}]
    case("messages with documents", FORMS, {"messages": [USER, ANSWER], "documents": documents},
         by_turns(FORMS, [USER, ANSWER], documents=documents))
    part = [{"type": "text", "text": "Weather "}, {"type": "text", "text": "in Oslo?"}]
    parts = [turn("user", part), ANSWER]
    case("messages", FORMS, {"messages": parts}, by_turns(FORMS, parts))
    others = [{"type": "text", "value": "Weather "}, {"type": "text", "content": "in Oslo?"}]
    case("messages", FORMS, {"messages": [turn("user", others), ANSWER]}, by_turns(FORMS, parts))
    untrained = [USER, turn("assistant", "Warm.", train=False), USER, ANSWER]
    case("messages", OWN, {"messages": untrained}, by_turns(OWN, untrained, [0, 0, 0, 1]))


def sharegpt():
    """Of LLaMA-Factory: its tags, its tools, which are wrapped, and its system column."""
    name = "ShareGPT conversations"
    talk = [says("human", USER["content"]), says("gpt", ANSWER["content"])]
    case(name, OWN, {"conversations": talk, "id": "x_1"}, by_turns(OWN, [USER, ANSWER]), unread=["id"])
    case(name, OWN, {"conversations": [USER, ANSWER]}, by_turns(OWN, [USER, ANSWER]))
    case(name + " with system", OWN, {"conversations": talk, "system": "Be terse."},
         by_turns(OWN, [SYSTEM, USER, ANSWER]))
    call = json.dumps(CALL["function"])
    tools = [says("human", USER["content"]), says("function_call", call), says("observation", RESULT["content"]),
             says("gpt", ANSWER["content"])]
    called = by_turns(FORMS, [USER, CALLING, RESULT, ANSWER], tools=[TOOL])
    case(name + " with tools", FORMS, {"conversations": tools, "tools": json.dumps([WEATHER])}, called)
    case(name + " with tools", FORMS, {"conversations": tools, "tools": [TOOL]}, called)
    twice = [tools[0], says("function_call", f"[{call}, {call}]"), *tools[2:]]
    case(name, FORMS, {"conversations": twice, "tools": ""},
         by_turns(FORMS, [USER, turn("assistant", "", tool_calls=[CALL, CALL]), RESULT, ANSWER]))


def alpaca():
    """LLaMA-Factory's turns where there is a template, else Axolotl's text."""
    name, text = "Alpaca instruction/input/output, as turns", "Alpaca instruction/input/output, Stanford's prompt"
    record = {"instruction": "Weather", "input": "in Oslo?", "output": "It is cold."}
    asked = turn("user", "Weather\nin Oslo?")
    case(name, OWN, {**record, "text": "rendered"}, by_turns(OWN, [asked, ANSWER]), unread=["text"])
    case(name, CHATML, {**record, "input": ""}, by_turns(OWN, [turn("user", "Weather"), ANSWER]))
    case(name, OWN, {**record, "instruction": ""}, by_turns(OWN, [turn("user", "in Oslo?"), ANSWER]))
    case(name + " with system, history", OWN,
         {**record, "system": "Be terse.", "history": [["Hi", "Hello"], ["Well?", "Yes"]]},
         by_turns(OWN, [SYSTEM, turn("user", "Hi"), turn("assistant", "Hello"), turn("user", "Well?"),
                        turn("assistant", "Yes"), asked, ANSWER]))
    case(name + " with tools", FORMS, {**record, "tools": json.dumps([WEATHER])},
         by_turns(FORMS, [asked, ANSWER], tools=[TOOL]))
    body = "\n\n### Instruction:\nWeather\n\n### Input:\nin Oslo?\n\n### Response:\n"
    case(text, NONE, record, by_text(ALPACA.format(PAIRED) + body, "It is cold."))
    case(text, NONE, {"instruction": "Weather", "output": "It is cold.", "system": ""},
         by_text(ALPACA.format("") + "\n\n### Instruction:\nWeather\n\n### Response:\n", "It is cold."))
    case(text + " with system", NONE, {**record, "system": "Be terse."}, by_text("Be terse." + body, "It is cold."))


def kto():
    pair = {"prompt": "The sky is", "completion": " a fish."}
    trl("KTO, prompt and completion, texts", OWN, {**pair, "label": True}, pair)
    ids, mask = by_trl(OWN, pair)
    case("KTO, prompt and completion, texts", OWN, {**pair, "label": False}, (ids, [0] * len(ids)))
    trl("prompt and completion, texts", OWN, {**pair, "label": "fish"}, pair, unread=["label"])
    talk = {"conversations": [says("human", USER["content"]), says("gpt", ANSWER["content"])]}
    case("KTO, ShareGPT conversations", OWN, {**talk, "kto_tag": True}, by_turns(OWN, [USER, ANSWER]))
    ids, mask = by_turns(OWN, [USER, ANSWER])
    case("KTO, ShareGPT conversations", OWN, {**talk, "kto_tag": False}, (ids, [0] * len(ids)))
    trl("KTO, prompt and completion, turns", OWN, {"prompt": [USER], "completion": [ANSWER], "label": True},
        {"prompt": [USER], "completion": [ANSWER]})


def preferences():
    """With the --columns that their refusals name."""
    bad = turn("assistant", "Warm.")
    case("messages", OWN, {"chosen": [USER, ANSWER], "rejected": [USER, bad]}, by_turns(OWN, [USER, ANSWER]),
         "messages=chosen", ["rejected"])
    trl("prompt and completion, turns", OWN, {"prompt": [USER], "chosen": [ANSWER], "rejected": [bad]},
        {"prompt": [USER], "completion": [ANSWER]}, "prompt=prompt,completion=chosen", ["rejected"])
    trl("prompt and completion, texts", OWN, {"prompt": "The sky is", "chosen": " blue.", "rejected": " a fish."},
        {"prompt": "The sky is", "completion": " blue."}, "prompt=prompt,completion=chosen", ["rejected"])
    trl("prompt and completion, turns", OWN,
        {"conversations": [says("human", USER["content"])], "chosen": says("gpt", ANSWER["content"]),
         "rejected": says("gpt", "Warm.")},
        {"prompt": [USER], "completion": [ANSWER]}, "prompt=conversations,completion=chosen", ["rejected"])
    case("Alpaca instruction/input/output, as turns", OWN,
         {"instruction": "Weather", "input": "in Oslo?", "chosen": "It is cold.", "rejected": "Warm."},
         by_turns(OWN, [turn("user", "Weather\nin Oslo?"), ANSWER]),
         "instruction=instruction,input=input,output=chosen", ["rejected"])


for make in (texts, turn_pairs, messages, sharegpt, alpaca, kto, preferences):
    make()
with open(Path(sys.argv[1]) / "forms.json", "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in cases) + "\n]\n")
print(len(cases), "records")
