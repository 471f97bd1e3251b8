/* The files beside an exported model's weights: config.json, the tokenizer's,
 * generation_config.json.
 *
 * Of a Hugging Face base they are copied, and what the run has that its base has not goes into the
 * copies; all else in them stays to the byte. Of a GGUF base they are made from its metadata.
 *
 *     config.json            the run's type and RoPE scaling, rows of added tokens; of a whole model
 *     tokenizer.json         added tokens
 *     tokenizer_config.json  added tokens, the chat template that was chosen
 *     chat_template.jinja    that template, where the base has the file or no configuration
 *     generation_config.json the ends of the run's texts
 */
#ifndef SPECTRUM_JOB_EXPORT_EXPORT_SIDECARS_H
#define SPECTRUM_JOB_EXPORT_EXPORT_SIDECARS_H

#include "job/export/export_weights.h"

/* Writes them into `out`, of a `whole` model config.json, too. */
int export_write_sidecars(const struct export *export, const char *out, bool whole,
                          struct error *err);

/* Where texts of the run end; and *base_lacks (NULL: it is written with them): does the base that
 * adapters are loaded on end texts at fewer tokens by its own files? */
int export_find_ends(struct end_tokens *ends, bool *base_lacks, const struct export *export,
                     struct error *err);

#endif
