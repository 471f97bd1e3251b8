#!/usr/bin/env python3
"""Makes demo/text from its two sources; run once, the outputs are committed.

    make_text.py tinyshakespeare.txt gsm8k_train.jsonl demo/text

shakespeare.txt: the first 35,000 lines of the plays (public domain), which the demo model was trained
on from random weights.
problems.jsonl: 400 of GSM8K's problems (MIT licence, OpenAI) as prompt and completion: the text that
the demo fine-tunes on. The calculator marks "<<48/2=24>>" are taken out.
"""
import json
import re
import sys

plays, problems, folder = sys.argv[1:4]
with open(plays) as source, open(f"{folder}/shakespeare.txt", "w") as out:
    out.writelines(list(source)[:35000])
with open(problems) as source, open(f"{folder}/problems.jsonl", "w") as out:
    for line in list(source)[:400]:
        item = json.loads(line)
        answer = re.sub(r"<<[^>]*>>", "", item["answer"])
        out.write(json.dumps({"prompt": item["question"] + "\n", "completion": answer}) + "\n")
