#include "job/engine.h"

#include <string.h>

const char *const engine_names[ENGINE_COUNT + 1] = {
    [ENGINE_HERE] = "here", [ENGINE_FSDP2] = "fsdp2",     [ENGINE_DEEPSPEED] = "deepspeed",
    [ENGINE_TRL] = "trl",   [ENGINE_AXOLOTL] = "axolotl",
};

#define BIT(method) (1u << (method))
#define WITHOUT_ADAPTERS (BIT(METHOD_SPECTRUM) | BIT(METHOD_FULL))
#define WITH_ADAPTERS (WITHOUT_ADAPTERS | BIT(METHOD_LORA) | BIT(METHOD_SPECTRUM_LORA))

/* clang-format off */

/* What every engine's script reads and loads with. */
#define TORCH {"torch", "2.10", "2.15.0", "FSDP2 that adds up gradients where gloo has no average"}
#define TRANSFORMERS                                                                               \
    {"transformers", "5.0", "5.24.0", "the names of a model's tensors are those of 5.0 and later"}
#define SAFETENSORS {"safetensors", "0.5", "0.8.0", NULL}
#define PEFT {"peft", "0.18", "0.21.2", NULL}
#define PARTS(...) (const char *const[]){__VA_ARGS__, NULL}
#define SHARED                                                                                     \
    {"spectrum_run.py", PARTS("head.py", "proof.py", "checkpoint.py")},                            \
    {"spectrum_rows.py", PARTS("rows.py", "course.py")}
#define ACCELERATE {"accelerate", "1.10.1", "1.15.0", NULL}

static const struct engine_info engines[ENGINE_COUNT] = {
    [ENGINE_HERE] = {
        .name = "here", .title = "spectrum",
        .what = "this program's own trainer, in one process",
        .methods = ~0u, .cpu = true, .evaluation = true, .weights = true,
    },
    [ENGINE_FSDP2] = {
        .name = "fsdp2", .title = "PyTorch FSDP2",
        .what = "PyTorch alone: each process keeps a part of every tensor",
        .python = "3.10",
        .packages = {TORCH, TRANSFORMERS, SAFETENSORS, PEFT},
        .scripts = {{"train.py", PARTS("intro.py", "fsdp2.py", "loop.py")}, SHARED},
        .methods = WITH_ADAPTERS,
        .offload = true, .shards = true, .nodes = true, .cpu = true, .evaluation = true, .weights = true,
    },
    [ENGINE_DEEPSPEED] = {
        .name = "deepspeed", .title = "DeepSpeed",
        .what = "ZeRO stage 3, with states in the host's memory where that is asked for",
        .python = "3.10",
        .packages = {TORCH, TRANSFORMERS, SAFETENSORS, PEFT, ACCELERATE,
            {"deepspeed", "0.19.3", "0.19.8",
             "earlier ones fail at frozen weights below activation checkpoints"}},
        .compiles = true,
        .scripts = {{"train.py", PARTS("intro.py", "deepspeed.py", "loop.py")}, SHARED},
        .methods = WITH_ADAPTERS,
        .offload = true, .shards = true, .nodes = true, .cpu = true, .evaluation = true, .weights = true,
    },
    [ENGINE_TRL] = {
        .name = "trl", .title = "TRL",
        .what = "Hugging Face's SFTTrainer, each process with the whole model",
        .python = "3.10",
        .packages = {TORCH,
            {"transformers", "5.20", "5.24.0", "its Trainer asks a script whether its loss is scaled"},
            SAFETENSORS, PEFT, ACCELERATE,
            {"trl", "1.14", "1.16.0", NULL}, {"datasets", "4.7", "5.2.0", NULL}},
        .scripts = {{"train.py", PARTS("trainer.py", "trl.py")}, SHARED},
        .methods = WITH_ADAPTERS,
        .nodes = true, .cpu = true, .evaluation = true, .weights = true,
    },
    [ENGINE_AXOLOTL] = {
        .name = "axolotl", .title = "Axolotl",
        .what = "Axolotl's own training, from a configuration and a plug-in that are written for it",
        .python = "3.12",
        .packages = { /* it asks for these versions itself */
            {"axolotl", "0.21.0", "0.21.0", "its plug-ins and its freezing are those of 0.21"},
            {"torch", "2.13", "2.14.1", NULL}, {"transformers", "5.20.1", "5.20.1", NULL},
            SAFETENSORS, {"accelerate", "1.15.0", "1.15.0", NULL}},
        .scripts = {{"spectrum_engine.py", PARTS("trainer.py", "axolotl.py")}, SHARED},
        .methods = WITHOUT_ADAPTERS,
        .nodes = true, .evaluation = true, .weights = true,
    },
};
/* clang-format on */

const struct engine_info *engine_info(enum engine engine)
{
    return &engines[engine];
}

enum engine engine_by_name(const char *name)
{
    int engine = 0;
    while (engine < ENGINE_COUNT && strcmp(engine_names[engine], name) != 0)
        engine++;
    return (enum engine)engine;
}
