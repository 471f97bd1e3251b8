/* "tokenizer.ggml.pre": how a byte-level tokenizer cuts a text into words.
 *
 * llama.cpp has code for each way and knows them by names. Its converter finds the name by
 * tokenising one text that every way cuts otherwise: SHA-256 of the ids, written as Python writes a
 * list, is looked up in a table of the tokenizers that are known. So do we. Text and table are
 * gguf_pre_names.c, which tests/oracle/make_gguf_export.py writes from the converter.
 */
#ifndef SPECTRUM_JOB_EXPORT_GGUF_PRE_H
#define SPECTRUM_JOB_EXPORT_GGUF_PRE_H

#include "text/tokenizer/tokenizer.h"

struct gguf_pre_name {
    const char *digest, *name;
};
extern const char gguf_pre_text[];
extern const struct gguf_pre_name gguf_pre_names[];
extern const size_t gguf_pre_name_count;

/* *name: static. `config` is tokenizer_config.json (NULL: none), whose "tokenizer_class" may put
 * tokens around a text that tokenizer.json does not. A tokenizer that is in no table is refused. */
int gguf_find_pre(const char **name, struct tokenizer *tokenizer, const cJSON *config,
                  struct error *err);

#endif
