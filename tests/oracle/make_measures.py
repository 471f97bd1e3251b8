#!/usr/bin/env python3
"""Norms, ranks, spikes and calibrated scores of a model's matrices in fp64 (numpy).

    make_measures.py model.safetensors OUT.json

Nothing is taken from the program: the Marchenko-Pastur median is found on the law's density over x
(the program integrates over an angle), norms come from the entries, the spike's edge from the
formulas in core/spectra/score.h.
"""
import json
import math
import sys

import numpy as np
from safetensors.torch import load_file


def law(beta, points=400001):
    """Quadrature nodes over x in [1 - sqrt(beta), 1 + sqrt(beta)], and the density there."""
    low, high = 1 - math.sqrt(beta), 1 + math.sqrt(beta)
    x = np.linspace(low, high, points)
    inside = (high**2 - x**2) * (x**2 - low**2)
    x = np.maximum(x, 1e-12)
    density = np.sqrt(np.maximum(inside, 0)) / (math.pi * beta * x)
    if beta == 1:
        density[0] = high / math.pi
    return x, density


def median_of_law(beta):
    x, density = law(beta)
    mass = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(x))])
    median = np.interp(mass[-1] / 2, mass, x)
    return median, np.interp(median, x, density)


def edge(n, m, median, density):
    a, b = math.sqrt(m - 1), math.sqrt(n)
    center, scale = (a + b) ** 2, (a + b) * (1 / a + 1 / b) ** (1 / 3)
    mean, upper = math.sqrt(center - 1.2065336 * scale), math.sqrt(center + 2.0234 * scale)
    part = 2.3263 * math.sqrt(math.log(n) + 1.5) / (math.pi * n * density * median)
    roots = np.roots([1 - part**2, -2 * mean, mean**2 - (upper - mean) ** 2])
    return float(max(roots.real))


def score(s, threshold):
    noise = s[s <= threshold].sum()
    return float(s[s > threshold].sum() / noise / s[0]) if noise > 0 else math.inf


def main():
    source, out = sys.argv[1:3]
    rows, laws = {}, {}
    for name, tensor in sorted(load_file(source).items()):
        if tensor.ndim != 2 or ".layers." not in name:
            continue
        w = tensor.double().numpy()
        n, m = sorted(w.shape)
        s = np.linalg.svd(w, compute_uv=False)
        if n / m not in laws:
            laws[n / m] = median_of_law(n / m)
        median, density = laws[n / m]
        beta, sigma = n / m, np.median(s) / (math.sqrt(m) * median)
        cut = math.sqrt(2 * (beta + 1) + 8 * beta / (beta + 1 + math.sqrt(beta**2 + 14 * beta + 1))) / median
        p = s / s.sum()
        spike_edge = sigma * edge(n, m, median, density)
        rows[name.removesuffix(".weight")] = {
            "frobenius": float(np.linalg.norm(w)), "sigma_max": float(np.linalg.norm(w, 2)),
            "stable_rank": float(np.linalg.norm(w) ** 2 / np.linalg.norm(w, 2) ** 2),
            "effective_rank": float(np.exp(-(p * np.log(p)).sum())),
            "spike_edge": spike_edge, "spikes": int((s > spike_edge).sum()),
            "snr_mp": score(s, sigma * (math.sqrt(n) + math.sqrt(m))),
            "snr_gavish_donoho": score(s, cut * np.median(s)),
        }
    with open(out, "w") as f:
        f.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in rows.items()) + "\n}\n")
    print(f"{out}: {len(rows)} matrices")


main()
