/* The tokenizer inside a GGUF file: "tokenizer.ggml.*" of its metadata. */
#ifndef SPECTRUM_TEXT_LOAD_GGUF_H
#define SPECTRUM_TEXT_LOAD_GGUF_H

#include "text/tokenizer.h"

/* From a GGUF file's metadata as checkpoint_metadata() gives it ("tokenizer.ggml.*" keys); `where`
 * names the file in messages. */
int tokenizer_from_gguf(struct tokenizer **out, const cJSON *metadata, const char *where,
                        struct error *err);

#endif
