/* How a model's files would have text drawn, where `generate` goes by its options instead. */
#ifndef SPECTRUM_TEXT_GENERATION_KEYS_H
#define SPECTRUM_TEXT_GENERATION_KEYS_H

#include "base/buffer.h"
#include "checkpoint/checkpoint.h"

/* Puts one line, without its end, of the keys of generation_config.json (of a GGUF file: of its
 * "general.sampling.") that would change what is generated and are not obeyed; nothing where there
 * are none. The ids of end tokens are no such: text/end_tokens.h has them. */
int generation_put_ignored(struct buffer *out, const struct checkpoint *checkpoint,
                           struct error *err);

#endif
