"""Makes tests/data/tasks/oracle.json: what lm-evaluation-harness chooses, item by item, on the files that
`spectrum eval --tasks` reads.

usage: make_tasks.py MODEL_FOLDER EVAL_FOLDER TASKS_FOLDER OUT.json [LIMIT [TASK...]]

EVAL_FOLDER has arc_easy, piqa, hellaswag and gsm8k in the forms that people keep, TASKS_FOLDER (tests/data/tasks)
the other five as they are published. The harness' own task definitions run, in fp32; only where their rows come
from is replaced: each file's rows in the columns of the hub's data set. Of each item: the line's log-likelihoods
of its choices, what acc and acc_norm choose, and whether they are right.
"""
import bz2
import csv
import json
import sys
from pathlib import Path

import datasets
import lm_eval
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager, get_task_dict

model_folder, eval_folder, tasks_folder, out = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
limit = int(sys.argv[5]) if len(sys.argv) > 5 else 40
names = sys.argv[6:] or ["arc_easy", "piqa", "hellaswag", "arc_challenge", "winogrande", "mmlu", "truthfulqa_mc1", "boolq",
                         "gsm8k"]


def lines(path):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").split("\n") if line.strip()]


def question(row):
    text = row["query"].removeprefix("Question: ")
    return text[:-1] if text.endswith("\n") else text


def arc_easy():
    for row in lines(eval_folder / "llmfoundry_arc_easy.jsonl"):
        labels = [str(i) for i in range(len(row["choices"]))]
        yield {"question": question(row), "choices": {"text": row["choices"], "label": labels},
               "answerKey": labels[row["gold"]]}


def piqa():
    for row in lines(eval_folder / "llmfoundry_piqa.jsonl"):
        yield {"goal": question(row), "sol1": row["choices"][0], "sol2": row["choices"][1], "label": row["gold"]}


def hellaswag():  # the file has no border between ctx_a and ctx_b: all of it is ctx_a
    text = bz2.decompress((eval_folder / "hellaswag_val_full.txt.bz2").read_bytes()).decode().split("\n")
    for at in range(0, len(text) - 5, 6):
        activity, context = text[at].split(": ", 1)
        yield {"activity_label": activity, "ctx_a": context, "ctx_b": "", "endings": text[at + 2:at + 6],
               "label": text[at + 1]}


def truthfulqa_mc1():  # as TruthfulQA's own code makes the choices of its table
    def closed(text):
        text = text.strip()
        return text if text.endswith(".") else text + "."
    with open(tasks_folder / "truthfulqa.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            wrong = [closed(text) for text in row["Incorrect Answers"].split(";") if text.strip()]
            choices = [closed(row["Best Answer"])] + wrong
            yield {"question": row["Question"], "mc1_targets": {"choices": choices, "labels": [1] + [0] * len(wrong)}}


def mmlu(subject):
    with open(tasks_folder / f"mmlu/{subject}_test.csv", newline="", encoding="utf-8") as file:
        for row in csv.reader(file):
            yield {"question": row[0], "subject": subject, "choices": row[1:5], "answer": "ABCD".index(row[5])}


def boolq():
    for row in lines(tasks_folder / "boolq.jsonl"):
        yield {"question": row["question"], "passage": row["passage"], "label": int(row["answer"])}


ROWS = {"arc_easy": arc_easy, "piqa": piqa, "hellaswag": hellaswag, "truthfulqa_mc1": truthfulqa_mc1, "boolq": boolq,
        "arc_challenge": lambda: lines(tasks_folder / "arc_challenge.jsonl"),
        "winogrande": lambda: lines(tasks_folder / "winogrande.jsonl"),
        "gsm8k": lambda: lines(eval_folder / "gsm8k_test.jsonl")}


def subtasks(name):
    if name != "mmlu":
        return [(name, ROWS[name])]
    found = sorted(path.name.removesuffix("_test.csv") for path in (tasks_folder / "mmlu").glob("*_test.csv"))
    return [(f"mmlu_{subject}", lambda subject=subject: mmlu(subject)) for subject in found]


def open_task(name, rows, count):
    """The harness' task of that name over the first rows."""
    split = datasets.Dataset.from_list([row for _, row in zip(range(count), rows())])
    original = datasets.load_dataset
    datasets.load_dataset = lambda *a, **k: datasets.DatasetDict(
        {part: split for part in ("train", "validation", "test", "dev")})
    task = get_task_dict([name], TaskManager())[name]
    datasets.load_dataset = original
    task.set_config("num_fewshot", 0)
    return task


def items_of(model, name):
    items = []
    for task_name, rows in subtasks(name):
        task = open_task(task_name, rows, limit)
        scored = lm_eval.evaluate(model, {task_name: task}, log_samples=True, bootstrap_iters=0)
        samples = {}
        for sample in scored["samples"][task_name]:
            entry = samples.setdefault(sample["doc_id"], {})
            if name == "gsm8k":
                entry[sample["filter"]] = int(sample["exact_match"])
                continue
            likelihoods = [float(answer[0]) for answer in sample["filtered_resps"]]
            lengths = [len(choice) for choice in task.doc_to_choice(sample["doc"])]
            by_length = [value / length for value, length in zip(likelihoods, lengths)]
            entry.update(likelihoods=[round(value, 4) for value in likelihoods],
                         chosen=likelihoods.index(max(likelihoods)), chosen_norm=by_length.index(max(by_length)),
                         acc=int(sample["acc"]))
        items += [samples[key] for key in sorted(samples)]
    return items


def main():
    model = HFLM(pretrained=str(model_folder), dtype="float32", device="cpu", batch_size=1)
    text = ",\n".join(f' "{name}": [\n' + ",\n".join("  " + json.dumps(item) for item in items_of(model, name)) + "]"
                      for name in names)
    out.write_text(f'{{"limit": {limit}, "tasks": {{\n{text}}}}}\n')


if __name__ == "__main__":
    main()
