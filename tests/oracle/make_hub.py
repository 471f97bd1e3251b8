"""The Hugging Face cache as huggingface_hub leaves it after a download, for tests/program/hub_fetch.sh.

    make_hub.py BUILD > tests/data/hub/layout.txt

BUILD has tests/hub_server, which stands for the hub: nothing is asked of any other. Of every file of
org/name that a model is read from, at a branch with a slash in its name, a line: its path in the
cache, and the target where it is a link. What Python alone keeps there is left out (trees: its own
list of a commit's files)."""

import os
import subprocess
import sys
import tempfile
import time

build = os.path.abspath(sys.argv[1])
here = os.path.dirname(os.path.abspath(__file__))
with tempfile.TemporaryDirectory() as work:
    subprocess.run(["bash", os.path.join(here, "../hub/files.sh"), work + "/server"], check=True)
    server = subprocess.Popen([build + "/tests/hub_server", work + "/server"], stdin=subprocess.PIPE)
    while not os.path.exists(work + "/server/port") or not open(work + "/server/port").read():
        time.sleep(0.05)
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("HF_", "HUGGING")):
            del os.environ[name]
    os.environ["HF_ENDPOINT"] = "http://127.0.0.1:" + open(work + "/server/port").read().strip()
    os.environ["HF_HUB_CACHE"] = work + "/cache"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    from huggingface_hub import HfApi, hf_hub_download

    for file in HfApi().model_info("org/name", revision="refs/pr/1").siblings:
        if not file.rfilename.endswith((".md", ".onnx", ".bin", "other/config.json")):
            hf_hub_download("org/name", file.rfilename, revision="refs/pr/1")
    server.stdin.close()
    server.wait()
    lines = []
    for folder, _, files in os.walk(work + "/cache"):
        for file in files:
            path = os.path.join(folder, file)
            name = os.path.relpath(path, work + "/cache")
            if "/trees/" in name:
                continue
            if os.path.islink(path):
                name += " -> " + os.readlink(path)
            elif "/refs/" in name:
                name += " = " + open(path).read()
            lines.append(name)
print("\n".join(sorted(lines)))
