#!/usr/bin/env python3
"""Do the tools themselves train what a plan says? Their own matching, over every family's plans.

    match_tools.py PLANS.jsonl [--models] [--write TOOLS.txt]

PLANS.jsonl is what tests/unit/test_plan_families.c writes to $SPECTRUM_FAMILY_PLANS: for each family
the names of the model that transformers loads, and plans of it as `spectrum plan --format` writes
them, each with the names that it is to train. What each tool chooses is to be that, name for name:

    yaml, axolotl   Axolotl's freeze_layers_except()
    yaml, trl       re.match, as spectrum.py's readers and TRL's recipes have it
    ms-swift        its freeze_parameters() and activate_parameters(), with its arguments
    peft            PEFT's check_target_module_exists(); with --models an adapter is put in, too
    json            the names as they are

Each function is taken from the file of the installed package and run as it stands; the rest of the
package is not imported, so it needs nothing but the wheels themselves (tools-quick.txt). With --models
(tools.txt) the model is the family's own class, made small as make_families.py has it, on the meta
device, and its parameters' names are held against the table's first. script/test-tools calls it.
"""
import __future__
import argparse
import ast
import bisect
import contextlib
import importlib.metadata
import json
import os
import platform
import re
import shlex
import sys
import types
import warnings

COMMENT = """# Plans of every family that the tools' own matching reads exactly, seen by tests/oracle/match_tools.py
# (script/test-tools --write). A family, then for each format how many plans were read and how many are
# refused, and what tells these exports from others: tests/unit/test_plan_families.c finds one that is
# no longer what was seen.
"""


class Quiet:
    """A logger that says nothing."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


def package_file(package, path):
    return str(importlib.metadata.distribution(package).locate_file(path))


def take(package, path, wanted, given):
    """A function out of a package's file, with what it uses of the same file."""
    with open(package_file(package, path)) as file:
        tree = ast.parse(file.read())
    tops = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            tops[node.name] = node
    used, left = set(), [wanted]
    while left:
        name = left.pop()
        if name in used or name not in tops or name in given:
            continue
        used.add(name)
        left += [n.id for n in ast.walk(tops[name]) if isinstance(n, ast.Name)]
    body = ast.Module([n for n in tree.body if getattr(n, "name", None) in used], [])
    space = dict(given)
    exec(compile(body, path, "exec", flags=__future__.annotations.compiler_flag), space)
    return space[wanted]


# --- the tools ---


def axolotl():
    given = {"re": re, "LOG": Quiet(), "is_main_process": lambda: False}
    freeze = take("axolotl", "axolotl/utils/freeze.py", "freeze_layers_except", given)

    def choose(model, text):
        freeze(model, items(text, "unfrozen_parameters"))
        return trained(model)
    return choose


def regular_expressions():
    def choose(model, text):
        patterns = items(text, "unfrozen_parameters")
        return {name for name, _ in model.named_parameters() if any(re.match(p, name) for p in patterns)}
    return choose


def ms_swift():
    import numpy
    given = {"re": re, "np": numpy, "bisect_right": bisect.bisect_right, "logger": Quiet(),
             "is_deepspeed_zero3_enabled": lambda: False, "nullcontext": contextlib.nullcontext}
    path = "swift/utils/transformers_utils.py"
    freeze = take("ms-swift", path, "freeze_parameters", given)
    activate = take("ms-swift", path, "activate_parameters", given)
    parser = argparse.ArgumentParser()
    parser.add_argument("--freeze_parameters_ratio", type=float)
    parser.add_argument("--trainable_parameters", nargs="*", default=[])
    parser.add_argument("--trainable_parameters_regex")

    def choose(model, text):
        said = parser.parse_args(shlex.split(text))
        freeze(model, said.freeze_parameters_ratio, [], None)
        if said.trainable_parameters or said.trainable_parameters_regex:
            activate(model, said.trainable_parameters, said.trainable_parameters_regex)
        return trained(model)
    return choose


def peft():
    exists = take("peft", "peft/tuners/tuners_utils.py", "check_target_module_exists", {"re": re})

    def choose(model, text):
        config = types.SimpleNamespace(target_modules=set(items(text, "target_modules")))
        names = [name for name, _ in model.named_parameters()]
        return {name for name in names if name.endswith(".weight") and exists(config, name[:-len(".weight")])}
    return choose


def peft_adapters():
    import copy
    from peft import LoraConfig, inject_adapter_in_model
    from peft.tuners.lora import LoraLayer

    def choose(model, text):
        config = LoraConfig(r=2, target_modules=items(text, "target_modules"))
        adapted = inject_adapter_in_model(config, copy.deepcopy(model), low_cpu_mem_usage=True)
        return {name + ".weight" for name, module in adapted.named_modules() if isinstance(module, LoraLayer)}
    return choose


def exact():
    return lambda model, text: set(json.loads(text)["train"])


# --- models ---


class Parameter:
    def __init__(self):
        self.requires_grad = True

    def numel(self):
        return 64

    def __len__(self):
        return 8


class Names:
    """What stands in for a model where only its names are there."""

    def __init__(self, names):
        self.parts = [(name, Parameter()) for name in names]

    def named_parameters(self):
        return iter(self.parts)

    def parameters(self):
        return iter([parameter for _, parameter in self.parts])


def model_on_meta(kind, class_name, names):
    """A family's model without values; a text, why not."""
    import torch
    import transformers
    from transformers import CONFIG_MAPPING
    import make_families
    with torch.device("meta"):
        config = make_families.small_config(CONFIG_MAPPING[kind])
        model = getattr(transformers, class_name)._from_config(config)
    model.tie_weights()
    have = [name for name, _ in model.named_parameters()]
    if sorted(have) != sorted(names):
        odd = sorted(set(have) ^ set(names))
        return f"{len(odd)} names are not those of the table, {odd[0]} first"
    return model


def items(text, key):
    """The list below a key of YAML, as a reader of YAML has it."""
    import yaml
    return yaml.safe_load(text)[key]


def trained(model):
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def release(model):
    for parameter in model.parameters():
        parameter.requires_grad = True


# --- plans ---


def look(family, model, readers):
    """What is wrong with a family's plans: texts."""
    wrong = []
    for plan in family["plans"]:
        want = {family["names"][i] for i in plan["trains"]}
        for tool, choose in readers[plan["format"]]:
            release(model)
            try:
                have = choose(model, plan["text"])
            except ValueError as error:
                wrong.append(f"{family['family']}, {plan['format']}: {tool} refuses it: {error}")
                continue
            if have != want:
                odd = sorted(have ^ want)
                wrong.append(f"{family['family']}, {plan['format']}: {tool} trains {len(have)} tensors of "
                             f"{len(want)}; {odd[0]} is {'not of the plan' if odd[0] in have else 'left out'}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("plans")
    parser.add_argument("--models", action="store_true")
    parser.add_argument("--write")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    version = importlib.metadata.version
    readers = {"yaml": [("Axolotl", axolotl()), ("re.match", regular_expressions())],
               "axolotl": [("Axolotl", axolotl())], "trl": [("re.match", regular_expressions())],
               "ms-swift": [("ms-swift", ms_swift())], "peft": [("PEFT", peft())], "json": [("JSON", exact())]}
    said = (f"Axolotl {version('axolotl')}, ms-swift {version('ms-swift')}, PEFT {version('peft')}, re.match of "
            f"Python {platform.python_version()}")
    if asked.models:
        os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
        readers["peft"].append(("an adapter of PEFT", peft_adapters()))
        said += f"; models of transformers {version('transformers')} on meta"
    print(said)
    lines, wrong, plans, models, names_only = [], [], 0, 0, []
    with open(asked.plans) as file:
        for line in file:
            family = json.loads(line)
            model = Names(family["names"])
            if asked.models:
                made = model_on_meta(family["family"], family["class"], family["names"])
                if isinstance(made, str):
                    names_only.append(f"{family['family']}: {made}")
                else:
                    model, models = made, models + 1
            here = dict(readers, peft=readers["peft"][:1]) if isinstance(model, Names) else readers
            wrong += look(family, model, here)
            plans += len(family["plans"])
            lines.append(family["seen"])
    for text in names_only:
        print(f"by names alone: {text}")
    for text in wrong:
        print(text)
    print(f"{len(lines)} families, {plans} plans, {models} models; {len(wrong)} not exact")
    if wrong:
        return 1
    if asked.write:
        with open(asked.write, "w") as out:
            out.write(f"{COMMENT}# {said}.\n" + "".join(line + "\n" for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
