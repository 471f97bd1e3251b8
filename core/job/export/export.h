/* A run as a folder that other tools load: a complete Hugging Face model, or a PEFT folder of its
 * adapters; or as one GGUF file (export_gguf.h).
 *
 *                                   the base stands alone      it does not: a GGUF file, a lone
 *                                                              .safetensors file, or in the run
 *     no adapters, or --merge       whole model                whole model
 *     adapters                      PEFT folder                PEFT folder, and the base as a whole
 *                                                              model in out/base
 *
 * A whole model is config.json, model.safetensors (export_weights.h) or its shards (shards.h) and
 * the sidecar files of tokenizer and generation (export_sidecars.h). Its trained tensors have the run's type; frozen
 * ones keep the base's bytes, or, from a GGUF base, what the run read: dequantised and rounded
 * once. config.json names the run's type.
 *
 * A PEFT folder is adapter_config.json and adapter_model.safetensors (export_weights.h) with the
 * tokenizer's files, as trainers leave them, and a generation_config.json that names the run's ends
 * of text; nobody reads that by itself there, and `base_lacks_ends` says when it is needed. Where
 * the base is written, too, the adapters name it by its whole path: PEFT takes a relative one from
 * where it runs, or for a name on a hub.
 *
 * A folder is written in this order, so that one that is not whole is known:
 *
 *     folder_make(), locked -> .spectrum-unfinished, locked -> files -> the mark is removed
 *
 * An export that fails or is stopped removes its files; one that was killed leaves the mark, and
 * the next export to the same folder clears it.
 */
#ifndef SPECTRUM_JOB_EXPORT_EXPORT_H
#define SPECTRUM_JOB_EXPORT_EXPORT_H

#include "base/work.h"
#include "job/export/export_cost.h"
#include "job/export/export_gguf.h"
#include "text/generation.h"
#include "train/state.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct export_summary {
    int64_t step;
    struct evaluated evaluated; /* its evaluation; step 0: it has none */
    struct evaluated best;      /* the best of the run; step 0: unknown */
    bool adapters;              /* a PEFT folder was written */
    bool rope_scaled;       /* with --rope-scaling, which adapters cannot say, but `base` does */
    struct end_tokens ends; /* of adapters: where the run's texts end */
    bool base_lacks_ends;   /* the base that is there already ends texts at fewer of them */
    char *base; /* the folder that its adapters name as their base, which was written with them;
                   NULL: the base is there already. free() it */
    uint64_t base_bytes;
    struct export_cost cost;
    uint64_t trained, frozen; /* tensors; frozen ones are not in a PEFT folder */
    uint64_t bytes, files;    /* of weights; files: of a whole model */
    bool is_gguf;             /* it is one file */
    struct gguf_summary gguf;
};

enum export_form { EXPORT_FOLDER, EXPORT_GGUF };

struct export_options {
    bool merge; /* adapters are added to the weights; to GGUF they always are */
    enum export_form form;
    enum export_gguf_type type; /* of a GGUF file (export_gguf.h) */
    uint64_t shard_size;        /* of a whole model's files (shards.h); 0: one file */
};

/* Exports what `choice` means of the run into the folder `out`, which is made; one that is not
 * empty is refused, and so is one in a job's folder; of a GGUF file, one that is there. A merge of a run without adapters is
 * ERROR_USAGE.
 *
 * Where `*interrupted` is set (NULL: never) the export ends with ERROR_INTERRUPTED, and as after
 * any error nothing of it is left; what is measured after it is left out. `work` (NULL: nobody is)
 * is told of the bytes that are written. */
int export_run(const char *run, const struct state_choice *choice, const char *out,
               const struct export_options *options, const volatile sig_atomic_t *interrupted,
               const struct work_watch *work, struct export_summary *summary, struct error *err);

/* The same for the base of a run that begins from this one, a folder of that run's: always a whole
 * model, and what a merge costs is not measured. *state: the state that it was written from, newly
 * allocated. */
int export_base(const char *run, const struct state_choice *choice, const char *out,
                const volatile sig_atomic_t *interrupted, struct export_summary *summary,
                char **state, struct error *err);

#endif
