#!/usr/bin/env python3
"""The reference's selection on published scans: for each file and percentage the number of modules
and a digest of their names in the reference's order.

    make_plans.py FOLDER OUT.json

The selection is the method's: per type sorted by SNR, descending, Python's own stable sort, then the
first int(len * percent / 100).
"""
import hashlib
import json
import os
import sys

folder, out = sys.argv[1:3]
result = {}
for name in sorted(os.listdir(folder)):
    with open(os.path.join(folder, name)) as f:
        scan = json.load(f)
    for percent in (10, 25, 50, 75):
        types = {}
        for module, row in scan.items():
            types.setdefault(row["type"], []).append((module, row["snr"]))
        chosen = []
        for rows in types.values():
            rows = sorted(rows, key=lambda r: r[1], reverse=True)
            chosen += [module for module, _ in rows[: int(len(rows) * percent / 100)]]
        text = "".join(f"- {module}\n" for module in chosen)
        result[f"{name} {percent}"] = {"count": len(chosen), "sha256": hashlib.sha256(text.encode()).hexdigest()}
with open(out, "w") as f:
    json.dump(result, f, indent=0)
    f.write("\n")
