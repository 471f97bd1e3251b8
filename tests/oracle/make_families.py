#!/usr/bin/env python3
"""What transformers calls the tensors of a file once it has loaded the model, family by family.

    make_families.py WORK TABLE.txt RULES.c [TYPE...]

Each family of AutoModelForCausalLM and AutoModelForImageTextToText that a text can be trained on is
made small from its configuration class, with values that are all different whole numbers; saved;
and loaded again with the class that Axolotl, TRL and ms-swift load it with (the one for images and
text where there is one). Which tensor of the file became which parameter is seen by the values: no
name is compared, and no table of transformers is read. The same is done with the base model's own
file (AutoModel saves so: no "model." in front), and untied where head and embedding are tied.

WORK keeps what was seen (TYPE.json), so that a second call makes only what is missing. Of families that are not
made in this call the two files keep what they have (all of them take an hour on two cores). TABLE.txt
(tests/data/model/families.txt) has names and dimensions for the suite, RULES.c
(core/model/family_rules.c) the rules that core/model/family.h explains. Beside TABLE.txt, families_missing.txt has
those that cannot be made, each with the reason, for docs/models.md (script/models). Beside requirements.txt some
families' towers want timm, torchvision, pillow and scipy.
"""
import collections
import inspect
import itertools
import json
import os
import re
import shutil
import sys
import tempfile
import warnings

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1")
warnings.filterwarnings("ignore")

# Made for something else than to go on with a text: encoders, translators, speech, boxes.
ELSEWHERE = """bart bert bert-generation big_bird bigbird_pegasus blenderbot blenderbot-small blip camembert cpmant ctrl
data2vec-text electra ernie evolla florence2 git marian mbart megatron-bert moshi moss_transcribe_diarize musicgen
musicgen_melody mvp pegasus pi0 pix2struct plbart pp_formulanet prophetnet reformer rembert roberta
roberta-prelayernorm roc_bert roformer rwkv shieldgemma2 t5gemma2 trocr udop vision-encoder-decoder whisper xlm xlm-roberta
xlm-roberta-xl xlnet xmod""".split()

SMALL = {}


def small(value, names):
    SMALL.update(dict.fromkeys(names.split(), value))


small(32, "hidden_size d_model n_embd dim embed_dim model_dim text_hidden_size encoder_hidden_size out_hidden_size "
          "projection_dim hidden_dim width lru_width embedding_size attention_hidden_size word_embed_proj_dim "
          "cross_attention_hidden_size output_hidden_size feature_size audio_hidden_size mm_hidden_size output_dim "
          "connector_hidden_size projector_hidden_size vision_output_dim projector_input_dim projector_output_dim "
          "base_channels latent_channels image_token_embed_dim num_embeddings codebook_size ple_embed_dim hc_lowrank")
small(48, "intermediate_size ffn_dim n_inner encoder_ffn_dim decoder_ffn_dim d_ff moe_intermediate_size "
          "ffn_hidden_size feed_forward_hidden_size shared_expert_intermediate_size shared_intermediate_size "
          "mlp_hidden_size expert_ffn_hidden_size intermediate_size_mlp mlp_dim dim_ff block_ffn_dim inner_dim "
          "moe_shared_expert_intermediate_size dense_intermediate_size dim_feedforward "
          "prefix_dense_intermediate_size")
small(2, "num_hidden_layers n_layer n_layers num_layers encoder_layers decoder_layers depth num_blocks "
         "num_encoder_layers num_decoder_layers num_key_value_heads num_kv_heads n_kv_heads n_kv_head "
         "num_experts_per_tok num_selected_experts moe_topk moe_top_k top_k_experts num_experts_per_token moe_k")
small(4, "num_attention_heads n_head n_heads encoder_attention_heads decoder_attention_heads num_heads "
         "attention_heads num_experts num_local_experts n_routed_experts moe_num_experts num_moe_experts "
         "linear_num_value_heads linear_num_key_heads mamba_n_heads mamba_num_heads n_mamba_heads "
         "swa_num_attention_heads")
small(8, "head_dim v_head_dim qk_rope_head_dim qk_nope_head_dim rotary_dim kv_channels d_kv attention_head_dim "
         "linear_key_head_dim linear_value_head_dim global_head_dim mamba_d_head mamba_head_dim ssm_head_dim "
         "swa_head_dim swa_v_head_dim mamba_d_state ssm_state_size state_size index_head_dim head_size "
         "hidden_size_per_layer_input")
small(16, "q_lora_rank kv_lora_rank time_step_rank lora_rank adapter_rank")
small(96, "vocab_size text_vocab_size vocab_size_per_layer_input n_vocab encoder_hash_byte_group_vocab "
          "ngram_vocab_size_base")
small(64, "max_position_embeddings n_positions max_seq_len n_ctx max_sequence_length max_target_positions "
          "max_source_positions max_length seq_length max_seq_length")
small(28, "image_size")
small(14, "patch_size")
small(1, "first_k_dense_replace n_shared_experts n_group topk_group num_shared_experts num_expert_group")

# Where widths must go together in a way of the family's own.
OF_ITS_OWN = {
    "bamba": dict(mamba_n_heads=8, mamba_d_head=8),
    "granitemoehybrid": dict(mamba_n_heads=8, mamba_d_head=8),
    "mamba2": dict(num_heads=8, head_dim=8),
    "gpt_neo": dict(attention_types=[[["global", "local"], 1]]),
    "hunyuan_v1_dense": dict(head_dim=8),
    "hunyuan_v1_moe": dict(head_dim=8),
    "ministral": dict(head_dim=8),
    "dots1": dict(n_routed_experts=4, n_shared_experts=1),
    "lfm2_moe": dict(layer_types=["conv", "full_attention"], num_dense_layers=1),
    "zamba2": dict(layers_block_type=["mamba", "hybrid"]),
    "gemma4_assistant": dict(hidden_size_per_layer_input=0),
    "glm5_next": dict(num_key_value_heads=4),
    "glm5_next_text": dict(num_key_value_heads=4),
    "dots3_note_text": dict(num_key_value_heads=4),
    "nemotron": dict(num_key_value_heads=2),
    "emu3": dict(vocabulary_map={"<image>": 5}),
    "chameleon": dict(vocabulary_map={"<image>": 5}),
    "dbrx": dict(attn_config=dict(kv_n_heads=2, clip_qkv=8, rope_theta=10000.0)),
    "zamba": dict(layers_block_type=["linear_attention", "hybrid"]),
    "cohere_compass_text": dict(rope_parameters={k: dict(rope_type="default", rope_theta=10000.0)
                                                 for k in ("sliding_attention", "full_attention")}),
    "qwen4_exp_text": dict(indexer_n_heads=4, indexer_kv_heads=1, indexer_head_dim=8, indexer_budget=16,
                           indexer_compress_ratio=4, split_ngram_parts=2),
    "gemma3n_text": dict(num_kv_shared_layers=0),
    "ernie4_5_vl_moe_text": dict(rope_parameters=dict(rope_type="default", rope_theta=500000.0,
                                                      mrope_section=[1, 1, 2])),
    "cosmos3_edge_text": dict(rope_parameters=dict(rope_type="default", rope_theta=10000.0, mrope_section=[1, 1, 2])),
    "hunyuan_vl_text": dict(head_dim=8),
    "deepseek_ocr2_text": dict(mlp_layer_types=["dense", "sparse"]),
    "diffusion_gemma_text": dict(num_experts=4, top_k_experts=2, moe_intermediate_size=48),
}
MOST = 1 << 24  # values: float32 has no more whole numbers in a row


# --- a small model ---


def small_config(cls, **given):
    from transformers import PreTrainedConfig
    base, values = cls(), {}
    for key, value in base.to_dict().items():
        whole = isinstance(value, int) and not isinstance(value, bool)
        part = vars(base).get(key)
        if isinstance(part, PreTrainedConfig):
            values[key] = small_config(type(part)).to_dict()
        elif key.endswith("token_id") and whole and value >= 96:
            values[key] = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}.get(key, 5)
        elif key == "eos_token_id" and isinstance(value, list):
            values[key] = [2]
        elif key.endswith(("token_index", "token_ids")) and whole and value >= 96:
            values[key] = 5
        elif key in SMALL and (whole or isinstance(value, float)) and value > SMALL[key]:
            values[key] = SMALL[key]
        elif key in ("layer_types", "mlp_layer_types") and isinstance(value, list):
            values[key] = (list(dict.fromkeys(value)) * 2)[:2]
    values.update(OF_ITS_OWN.get(getattr(cls, "model_type", ""), {}))
    values.update(given)
    return cls(**values)


def untie(config):
    for part in [config] + [getattr(config, k) for k in getattr(config, "sub_configs", {}) if getattr(config, k, None)]:
        if hasattr(part, "tie_word_embeddings"):
            part.tie_word_embeddings = False
    return config


def number_values(model):
    """Sets all values to 1, 2, 3, ...; tied tensors once."""
    import torch
    count, seen = 0, set()
    for tensor in list(model.parameters()) + [b for b in model.buffers() if b.is_floating_point()]:
        if tensor.numel() == 0 or tensor.data_ptr() in seen:
            continue
        seen.add(tensor.data_ptr())
        with torch.no_grad():
            tensor.copy_(torch.arange(count + 1, count + 1 + tensor.numel()).reshape(tensor.shape))
        count += tensor.numel()
    assert count < MOST, f"it stays too large: {count} values, and float32 tells {MOST} apart"
    return count


def wholes(tensor, count):
    import numpy
    values = tensor.detach().double().numpy().ravel()
    return values[(values == numpy.round(values)) & (values >= 1) & (values <= count)].astype(int)


def read_files(folder):
    from safetensors import safe_open
    tensors = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            with safe_open(os.path.join(folder, name), "pt") as file:
                tensors.update((key, file.get_tensor(key)) for key in file.keys())
    return tensors


NO_PARAMETER = ["-"]


def trace(tensors, model, count):
    """{tensor of the file: names of the parameters that have its values}"""
    import numpy
    owner, names = numpy.full(count + 1, -1), []
    for name, parameter in model.named_parameters():
        owner[wholes(parameter, count)] = len(names)
        names.append(name)
    seen = {}
    for key, tensor in tensors.items():
        found = set(owner[wholes(tensor, count)].tolist()) if tensor.is_floating_point() else set()
        seen[key] = sorted(names[i] for i in found if i >= 0) or NO_PARAMETER
    return seen


def save_and_load(part, cls, count):
    import torch
    folder = tempfile.mkdtemp()
    try:
        part.save_pretrained(folder)
        again = cls.from_pretrained(folder, dtype=torch.float32)
        tensors = read_files(folder)
        return trace(tensors, again, count), tensors, again
    finally:
        shutil.rmtree(folder)


def adapted_alone(model):
    """Modules with a matrix beside which PEFT puts a LoRA adapter, and no other, when they are named: one of each
    template is tried. It takes some names for others (the parts of a mixture of experts of transformers 4)."""
    import copy
    from peft import LoraConfig, inject_adapter_in_model
    from peft.tuners.lora import LoraLayer, ParamWrapper
    model, tried, alone = model.to("meta"), {}, []
    for name, parameter in model.named_parameters():
        if parameter.dim() != 2 or not name.endswith(".weight"):
            continue
        module = name[: -len(".weight")]
        if template(module) not in tried:
            config = LoraConfig(r=2, target_modules=[module])
            try:
                made = inject_adapter_in_model(config, copy.deepcopy(model), low_cpu_mem_usage=True)
                layers = [(n, m) for n, m in made.named_modules() if isinstance(m, LoraLayer)]
                tried[template(module)] = [n for n, m in layers if not isinstance(m, ParamWrapper)] == [module]
                tried[template(module)] &= len(layers) == 1
            except ValueError:
                tried[template(module)] = False
        if tried[template(module)]:
            alone.append(module)
    return alone


def look_at(kind):
    import transformers
    from transformers import CONFIG_MAPPING
    from transformers.models.auto import modeling_auto as auto
    name = auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES.get(kind) or auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[kind]
    cls = getattr(transformers, name)
    config = small_config(CONFIG_MAPPING[kind])
    seen = {"type": kind, "class": name}
    for tied in (True, False):
        model = cls._from_config(config if tied else untie(config)).float()
        count = number_values(model)
        pairs, tensors, again = save_and_load(model, cls, count)
        if tied:
            seen["map"] = pairs
            seen["ranks"] = {key: tensor.dim() for key, tensor in tensors.items()}
            seen["loaded"] = [n for n, _ in again.named_parameters()]
            seen["tied"] = len(list(model.named_parameters(remove_duplicate=False))) > len(seen["loaded"])
            seen["adaptable"] = adapted_alone(again)
            base = getattr(model, cls.base_model_prefix, None)
            if base is not None and base is not model:
                try:
                    seen["bare"] = save_and_load(base, cls, count)[0]
                except Exception as error:
                    print(kind, "its base model alone:", str(error)[:100], file=sys.stderr)
            if not seen["tied"]:
                break
        else:
            seen["untied"] = pairs
    return seen


# --- rules ---


def template(name):
    return ".".join("*" if c.isdigit() else c for c in name.split("."))


def fit(name, rule):
    """family.c's fit() and put_target(): the names that a rule makes of one; None: it does not fit."""
    have, source, numbers = name.split("."), rule[0].split("."), []
    if len(source) > len(have):
        return None
    for a, b in zip(have, source):
        if b == "*" and (a.isdigit() or a == "*"):
            numbers.append(a)
        elif a != b:
            return None
    made = []
    for target in rule[1].split("|"):
        left = iter(numbers)
        if target.split(".").count("*") > len(numbers):
            raise LookupError(f"{rule[0]} becomes {target}, and no number says which")
        made.append(".".join([next(left) if c == "*" else c for c in target.split(".")] + have[len(source):]))
    return made


def rewrite(name, rules):
    """family.c's family_put_loaded()"""
    for _ in range(4):
        fitting = [(len(r[0].split(".")), -r[0].count("*"), made) for r in rules if (made := fit(name, r))]
        if not fitting:
            break
        made = max(fitting, key=lambda f: f[:2])[2]
        if len(made) > 1:
            return sorted(made)
        if made[0].split(".")[0] == "-":
            return NO_PARAMETER
        if made == [name]:
            break
        name = made[0]
    return [name]


def templates_of(seen):
    """{template of a file's name: those of the loaded names}; where its numbers say which, the name itself."""
    by_template = collections.defaultdict(dict)
    forms = [seen["map"], seen.get("untied", {}), {n: [n] for n in seen["loaded"]}, seen.get("bare", {})]
    for form in forms:
        for name, loaded in form.items():
            if form is forms[2] and template(name) in by_template:
                continue  # a name of the file means what it means there
            if form is forms[3] and any(name in f for f in forms[:3]):
                continue
            by_template[template(name)].setdefault(name, sorted(loaded))
    pairs = {}
    for source, names in by_template.items():
        targets = {tuple(sorted(map(template, loaded))) for loaded in names.values()}
        target = "|".join(min(targets))
        if len(targets) == 1 and all(sorted(fit(n, (source, target))) == l for n, l in names.items()):
            pairs[source] = target.split("|")
        else:
            pairs.update(names)
    return pairs


def without_tail(a, b):
    a, b = a.split("."), b.split(".")
    while len(a) > 1 and len(b) > 1 and a[-1] == b[-1]:
        a.pop()
        b.pop()
    return len(a), len(b)


def derive(pairs):
    """Few short rules by which every name comes to what was seen."""
    def is_right(name, rules):
        return rewrite(name, rules) == sorted(pairs[name])

    rules = []
    for whole in (False, True):
        wrong = sorted((n for n in pairs if not is_right(n, rules)), key=lambda n: (n.count("."), n))
        wrong.sort(key=lambda n: len(pairs[n]) == 1 and without_tail(n, pairs[n][0])[0])
        for name in wrong:
            if is_right(name, rules):
                continue
            loaded = pairs[name]
            if len(loaded) > 1 or loaded == NO_PARAMETER:
                rules.append((name, "|".join(loaded)))
                continue
            have, want = name.split("."), loaded[0].split(".")
            n, m = without_tail(name, loaded[0])
            for more in range(len(have) - n + 1 if whole else 1):
                rule = (".".join(have[:n + more]), ".".join(want[:m + more]))
                tried = [r for r in rules if r[0] != rule[0]] + [rule]
                if is_right(name, tried) and sum(is_right(x, tried) for x in pairs) > sum(
                        is_right(x, rules) for x in pairs):
                    rules = tried
                    break
    for rule in sorted(rules, key=lambda r: -len(r[0])):
        fewer = [r for r in rules if r != rule]
        if all(is_right(n, fewer) for n in pairs):
            rules = fewer
    return tuple(sorted(rules))


def unadaptable(seen):
    """Modules with a matrix for a weight that PEFT refuses, as templates."""
    modules = {n[: -len(".weight")] for key, loaded in seen["map"].items() if seen["ranks"][key] == 2
               for n in loaded if n.endswith(".weight")}
    return sorted({template(m) for m in modules - set(seen["adaptable"])})


def kept_rules(path):
    """What the file has of families: {type: (class, roots, unadapted modules, rules)}"""
    sets, rows = {"NULL": ()}, {}
    with open(path) as file:
        text = file.read()
    for name, body in re.findall(r"struct name_rule (rules_\d+)\[\] = \{\n(.*?)\};", text, re.S):
        sets[name] = tuple(re.findall(r'\{"(.*)", "(.*)"\},', body))
    for kind, name, roots, unadapted, rules in re.findall(
            r'^    \{"(.*)", "(\w+)", "(.*)", "(.*)", (\w+), \d+\},$', text, re.M):
        rows[kind] = (name, roots.strip(), unadapted.strip(), sets[rules])
    return rows


def write_rules(path, families, version):
    sets, rows = {}, kept_rules(path) if os.path.exists(path) else {}
    for seen in families:
        rules = derive(templates_of(seen))
        roots = " ".join(sorted({n.split(".")[0] for n in seen["loaded"]}))
        rows[seen["type"]] = (seen["class"], roots, " ".join(unadaptable(seen)), rules)
    for row in rows.values():
        sets.setdefault(row[3], len(sets))
    with open(path, "w") as out:
        out.write(f"/* Written by tests/oracle/make_families.py from transformers {version}. */\n"
                  '#include "model/family.h"\n\n'
                  f'const char family_transformers[] = "{version}";\n\n/* clang-format off */\n')
        for rules, number in sets.items():
            if rules:
                lines = "".join(f'    {{"{a}", "{b}"}},\n' for a, b in rules)
                out.write(f"static const struct name_rule rules_{number}[] = {{\n{lines}}};\n")
        out.write("const struct family families[] = {\n")
        for kind, (name, roots, unadapted, rules) in sorted(rows.items(), key=lambda r: r[0].encode()):
            named = f"rules_{sets[rules]}" if rules else "NULL"
            out.write(f'    {{"{kind}", "{name}", " {roots} ", " {unadapted} ", {named}, {len(rules)}}},\n')
        out.write("};\nconst size_t family_count = sizeof families / sizeof *families;\n")


# --- the table of the suite ---


def span(numbers):
    numbers = sorted(set(numbers))
    if numbers != list(range(numbers[0], numbers[-1] + 1)):
        return None
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"


def spans_of(names):
    """Names of one template, as few with spans of numbers as can be."""
    numbers = [[int(c) for c in n.split(".") if c.isdigit()] for n in names]
    columns = [span(c) for c in zip(*numbers)]
    product = 1
    for column in zip(*numbers):
        product *= len(set(column))
    if None in columns or product != len(names):
        return [n for name in names for n in [name]]
    left = iter(columns)
    return [".".join(next(left) if c.isdigit() else c for c in names[0].split("."))]


def body_of(seen):
    groups, lines = collections.defaultdict(list), collections.defaultdict(list)
    for name, loaded in seen["map"].items():
        groups[template(name), tuple(sorted(map(template, loaded))), seen["ranks"][name]].append(name)
    for (source, target, rank), names in groups.items():
        literal = not all(sorted(fit(n, (source, "|".join(target)))) == sorted(seen["map"][n]) for n in names)
        for name in names if literal else spans_of(names):
            goal = sorted(seen["map"][name]) if literal else list(target)
            path = name.split(".")
            cut = max(0, len(path) - 2)
            parent, leaf = ".".join(path[:cut]), ".".join(path[cut:])
            lead, tail = parent, source.split(".")[cut:]
            want = goal[0].split(".")
            if len(goal) == 1 and goal != NO_PARAMETER and want[-len(tail):] == tail and not literal:
                lead, goal = ".".join(want[: -len(tail)]), None
            if lead == ".".join(source.split(".")[:cut]):
                lead = parent
            token = leaf[: -len(".weight")] if leaf.endswith(".weight") else leaf + "!"
            token += f":{rank}" if rank != 2 else ""
            token += ">" + "|".join(goal) if goal else ""
            lines[parent, lead].append(token)
    made = []
    for (parent, lead), tokens in sorted(lines.items()):
        made.append(f"{parent or '.'}{'' if lead == parent else ' > ' + (lead or '.')} = {' '.join(sorted(tokens))}")
    return "\n".join(made)


def kept_bodies(path):
    """What the file has of families: {type, with its "+": lines}"""
    shared, kinds, bodies = {}, [], {}
    with open(path) as file:
        for line in file.read().splitlines():
            if line.startswith("@ "):
                kinds = line[2:].split()
                bodies.update((kind, []) for kind in kinds)
            elif kinds and line:
                for kind in kinds:
                    bodies[kind] += [shared[n] for n in line.split()] if line.startswith("%") else [line]
            elif line.startswith("%"):
                shared.__setitem__(*line.split(" ", 1))
    return bodies


def place_of(line):
    """By which lines of the table are sorted: the parent in the file, and in the loaded model."""
    parent, _, lead = line.split(" = ")[0].partition(" > ")
    parent, lead = ("" if name == "." else name for name in (parent, lead or parent))
    return parent, lead


def write_table(path, families, version):
    bodies, kept = collections.defaultdict(list), kept_bodies(path) if os.path.exists(path) else {}
    new = {seen["type"]: seen for seen in families}
    for kind, lines in kept.items():
        if kind.rstrip("+") not in new:
            bodies["\n".join(sorted(lines, key=place_of))].append(kind)
    for seen in families:
        bodies[body_of(seen)].append(seen["type"] + ("+" if seen["tied"] else ""))
    uses = collections.Counter(line for body in bodies for line in body.split("\n"))
    shared = {line: f"%{n}" for n, line in enumerate(line for line, count in uses.items() if count > 1)}
    with open(path, "w") as out:
        out.write(f"""# What files of these families hold and what transformers {version} calls it once loaded; written by
# tests/oracle/make_families.py. "@" begins a family or several ("+": head and embedding are tied). A line is a
# parent, what it becomes, and what is in it: NAME is NAME.weight, NAME! just that; ":3" its dimensions, 2 where
# nothing is said; ">TARGET" where it goes, "|" between several, "-" none. "0-3" are four; "*" keeps a number.
# Lines of several families stand first, numbered.
""")
        for line, number in shared.items():
            out.write(f"{number} {line}\n")
        for body, kinds in sorted(bodies.items(), key=lambda b: b[1][0]):
            lines = body.split("\n")
            out.write(f"@ {' '.join(kinds)}\n{' '.join(shared[l] for l in lines if l in shared)}\n")
            out.write("".join(l + "\n" for l in lines if l not in shared))


def why_not(error):
    """In one line; of its configuration class's own validators what they want."""
    text = " ".join(str(error).split())
    if "validation error" in text:
        return f"its configuration class wants more than small sizes: {text.rsplit('Error: ', 1)[-1][:200]}"
    known = isinstance(error, (AssertionError, LookupError))
    return text[:200] if known else f"small sizes do not go together in it: {type(error).__name__}: {text[:200]}"


def write_missing(path, missing, made):
    """Those of this call, and of the file what this call has not tried."""
    if os.path.exists(path):
        with open(path) as file:
            kept = dict(line.rstrip("\n").split("\t") for line in file)
        missing = {kind: why for kind, why in kept.items() if kind not in made} | missing
    with open(path, "w") as out:
        out.writelines(f"{kind}\t{why}\n" for kind, why in sorted(missing.items()))


def main():
    work, table, rules, *kinds = sys.argv[1:]
    os.makedirs(work, exist_ok=True)
    import torch
    import transformers
    from transformers.models.auto import modeling_auto as auto
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    names = list(auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES) + list(auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES)
    families, missing = [], {}
    for kind in kinds or [k for k in dict.fromkeys(names) if k not in ELSEWHERE]:
        path = os.path.join(work, kind + ".json")
        try:
            if not os.path.exists(path):
                seen = look_at(kind)
                with open(path, "w") as out:
                    json.dump(seen, out)
            with open(path) as file:
                seen = json.load(file)
            found = derive(templates_of(seen))
            for form in ("map", "untied", "bare"):
                for name, loaded in seen.get(form, {}).items():
                    if rewrite(name, found) != sorted(loaded):
                        raise LookupError(f"no short rule makes {'|'.join(loaded)} of {name}")
            families.append(seen)
        except Exception as error:
            missing[kind] = why_not(error)
            print(f"{kind}: not made: {missing[kind]}", flush=True)
    print(len(families), "families")
    write_rules(rules, families, transformers.__version__)
    write_table(table, families, transformers.__version__)
    made = {seen["type"] for seen in families}
    write_missing(os.path.join(os.path.dirname(table), "families_missing.txt"), missing, made)


if __name__ == "__main__":
    main()
