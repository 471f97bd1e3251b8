#include "job/engines/engine_traps.h"

#define FSDP2 (1u << ENGINE_FSDP2)
#define DEEPSPEED (1u << ENGINE_DEEPSPEED)
#define TRL (1u << ENGINE_TRL)
#define AXOLOTL (1u << ENGINE_AXOLOTL)
#define ALL (FSDP2 | DEEPSPEED | TRL | AXOLOTL)

/* clang-format off */
static const struct engine_trap traps[] = {
    /* --- which tensors train --- */
    {ALL, "tied-head",
     "a plan names lm_head.weight of a model whose head is its embeddings",
     "that name is no parameter's: the tensor has one name, that of the embeddings",
     TRAP_SET_RIGHT, "names are those that the loaded model lists", NULL, NULL},
    {ALL, "fused-experts",
     "a plan names experts one by one, as the files of a mixture of experts do",
     "transformers 5 loads them as one tensor a layer: none of the names is there",
     TRAP_SET_RIGHT, "names are those that transformers 5 loads", NULL, NULL},
    {ALL, "pattern",
     "a name is taken for a pattern: layers.1 is also found in layers.10, and a dot is any letter",
     "too much trains, or nothing, without a word",
     TRAP_SET_RIGHT, "names are exact; the script compares the model's with them one by one",
     NULL, NULL},
    {AXOLOTL, "axolotl-dots",
     "dots in unfrozen_parameters are escaped, as in a pattern they should be",
     "Axolotl escapes them once more: nothing matches, and all is frozen",
     TRAP_SET_RIGHT, "the list has ^NAME$ with plain dots", NULL, NULL},
    {AXOLOTL, "axolotl-spectrum",
     "Axolotl's own Spectrum plug-in chooses the tensors",
     "it looks for measurements by the model's name, and always trains the embeddings and the head",
     TRAP_SET_RIGHT, "the plug-in is not used: unfrozen_parameters names the plan's tensors",
     NULL, NULL},
    {ALL, "late-freeze",
     "requires_grad is set after the model is wrapped, sharded or compiled",
     "the wrapper has built its buckets, and renamed parameters (_orig_mod., module.): names do "
     "not match, or gradients are still added up for what is frozen",
     TRAP_SET_RIGHT, "it is set before anything wraps the model", NULL, NULL},
    {FSDP2 | TRL | AXOLOTL, "fsdp1-mixed",
     "FSDP1 without use_orig_params wraps frozen tensors together with others",
     "it ends with an error: they are to be flattened into one tensor",
     TRAP_SET_RIGHT, "FSDP1 is not used: fully_shard() treats each tensor by itself", NULL, NULL},

    /* --- the forward pass --- */
    {FSDP2, "meta-buffers",
     "the model is made on the meta device, and one process reads its file for all",
     "buffers that no file holds (rotary inv_freq) stay as memory was: another loss, no error",
     TRAP_CHECKED, "each process reads the file; what is left on meta ends the run, and the first "
     "loss is compared", NULL, NULL},
    {TRL | AXOLOTL, "packed-mask",
     "rows hold several documents, and an attention mask of ones is given beside the positions",
     "transformers then takes a row for one document: attention crosses their borders",
     TRAP_SET_RIGHT, "rows have positions that begin anew in each document, and no mask", NULL, NULL},
    {ALL, "packed-cache",
     "a model is called as it is made, which has it keep a cache",
     "transformers then takes a row for one document, too",
     TRAP_SET_RIGHT, "it is called without", NULL, NULL},
    {FSDP2 | DEEPSPEED | TRL, "reentrant",
     "activation checkpoints are reentrant, and the embeddings are frozen",
     "no input of a block wants a gradient, so none is computed within it",
     TRAP_SET_RIGHT, "checkpoints are not reentrant", NULL, NULL},
    {DEEPSPEED, "zero3-recompute",
     "ZeRO-3 with activation checkpoints that are not reentrant, and frozen tensors",
     "the recomputation finds tensors of size 0: CheckpointError",
     TRAP_REFUSED, "DeepSpeed below 0.19.3 is not started with", "deepspeed", "0.19.3"},

    /* --- several processes --- */
    {TRL, "accelerate-cpu",
     "`accelerate launch --cpu --num_processes N` starts the script",
     "one process runs, on a part of the rows, and says nothing",
     TRAP_CHECKED, "torchrun starts it, and another number of processes than was asked for ends it",
     NULL, NULL},
    {FSDP2 | DEEPSPEED | TRL, "mean-of-means",
     "each process, or each part of a step, takes the mean of its own targets' loss",
     "rows with few targets weigh as much as those with many: the loss depends on the processes",
     TRAP_SET_RIGHT, "the sum over all of a step's targets is divided once by their weight",
     NULL, NULL},
    {FSDP2, "gloo-average",
     "gradients are averaged over gloo, which has no average",
     "with earlier PyTorch they are added up instead, without a word",
     TRAP_SET_RIGHT, "gradients are added up, and the division is the script's own", NULL, NULL},
    {DEEPSPEED, "shm-build",
     "there is no compiler, or no ninja, and DeepSpeed runs on the CPU",
     "it builds an operation for shared memory at its start, and ends",
     TRAP_SET_RIGHT, "that operation is switched off", NULL, NULL},
    {TRL | AXOLOTL, "shuffled",
     "the trainer shuffles the rows",
     "the steps are others than those of the run that was asked for",
     TRAP_SET_RIGHT, "rows are taken in their order", NULL, NULL},
    {AXOLOTL, "axolotl-cpu",
     "several processes without a GPU",
     "Axolotl asks the driver about them, and ends",
     TRAP_SET_RIGHT, "without a GPU one process alone is started", NULL, NULL},

    /* --- versions --- */
    {ALL, "old-names",
     "transformers 4 loads the model",
     "tensors of some families have other names there",
     TRAP_REFUSED, "transformers below 5.0 is not started with", "transformers", "5.0"},
    {AXOLOTL, "axolotl-python",
     "Python is older than 3.12",
     "pip finds Axolotl 0.19 at most, whose plug-ins are others",
     TRAP_REFUSED, "Python below 3.12 is not started with", "axolotl", "0.21.0"},
};
/* clang-format on */

const struct engine_trap *engine_traps(size_t *count)
{
    *count = sizeof traps / sizeof *traps;
    return traps;
}

const char *trap_way_name(enum trap_way way)
{
    static const char *const names[] = {"refused", "set right", "checked"};
    return names[way];
}
