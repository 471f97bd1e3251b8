/* A run as one GGUF file, for llama.cpp, Ollama and what else reads it.
 *
 * It has the bytes that llama.cpp's own converter, convert_hf_to_gguf.py, makes of the folder that
 * the same run is exported to, if that has the file's name without ".gguf": same keys in the same
 * order, same tensors. (tests/oracle/make_gguf_export.py says of which commit, and compares.) So it
 * has what that folder has, adapters merged; and what the converter refuses is refused.
 *
 *     keys      gguf_documents.h   the files of the folder, as trees
 *               gguf_name.h        general.name and its parts
 *               gguf_model.h       the architecture
 *               gguf_vocabulary.h, gguf_pre.h, gguf_special.h   the tokenizer
 *     tensors   gguf_model.h       names, order of rows; checkpoint/gguf_write.h: types
 *
 * Matrices have the type that is asked for; norms, biases and rotary factors are F32, and a matrix
 * whose rows are no whole blocks of Q8_0 is F16.
 *
 * Beyond the converter the file has what the run had where files beside one another disagree: its
 * chat templates, wherever they stood; tokens that tokenizer.json alone says were added. Where
 * tokenizer.model has other tokens than tokenizer.json, nothing of the two is right, and it is
 * refused. Of a GGUF base, which no converter reads, its own keys of the tokenizer are kept.
 *
 * The file is streamed, a tensor at a time, and appears whole or not at all.
 */
#ifndef SPECTRUM_JOB_EXPORT_EXPORT_GGUF_H
#define SPECTRUM_JOB_EXPORT_EXPORT_GGUF_H

#include "job/export/export_weights.h"

/* What matrices of a GGUF file are; auto: bf16 of a bf16 run, f32 of another, which is what the run
 * computed with. */
enum export_gguf_type {
    EXPORT_GGUF_AUTO,
    EXPORT_GGUF_F32,
    EXPORT_GGUF_F16,
    EXPORT_GGUF_BF16,
    EXPORT_GGUF_Q8_0
};

struct gguf_summary {
    uint64_t bytes; /* of tensors */
    bool scoreless; /* its tokens have no scores (gguf_vocabulary.h), */
    bool spaced;    /* or it has spaces where the run has none */
    bool windowed;  /* the run's attention had a window, of which the file cannot say anything */
};

/* Before anything is read: the name ends in ".gguf", nothing is there, and it is not in a job's
 * folder nor the base's. */
int export_check_gguf(const struct export *export, const char *out, struct error *err);

/* Writes the file. */
int export_write_gguf(const struct export *export, const char *out, enum export_gguf_type type,
                      struct gguf_summary *summary, struct error *err);

#endif
