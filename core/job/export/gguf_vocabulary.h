/* The tokens of a GGUF file. */
#ifndef SPECTRUM_JOB_EXPORT_GGUF_VOCABULARY_H
#define SPECTRUM_JOB_EXPORT_GGUF_VOCABULARY_H

#include "checkpoint/gguf_write.h"
#include "job/export/gguf_documents.h"

/* Adds all "tokenizer." keys. Of a GGUF base they are the base's. Else which kind of tokenizer it is
 * follows from the files, as for the converter:
 *
 *     tokenizer.model is there               "llama": its pieces and scores; each must be the token
 *                                            that the run had by tokenizer.json
 *     tokenizer.json has byte fallback       "llama": its tokens, all of one score (`of_llama`
 *                                            models alone; else it is refused)
 *     else                                   "gpt2": its tokens, merges, and the way it cuts words
 *
 * `vocab`: tokens that the model has; *cut: how llama.cpp cuts texts beside the run. */
enum gguf_cut {
    GGUF_CUTS_SAME,
    GGUF_CUTS_SCORELESS, /* the second kind: otherwise, as its merges are in no file */
    GGUF_CUTS_SPACED /* with a space after each special token, where the run has one in front of a
                        whole text alone */
};
int gguf_put_vocabulary(struct gguf_keys *keys, const struct gguf_documents *documents,
                        const struct export *export, bool of_llama, int64_t vocab,
                        enum gguf_cut *cut, struct error *err);

#endif
