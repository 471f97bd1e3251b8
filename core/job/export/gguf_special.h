/* Named tokens of a GGUF file, which of them stand around a text, and chat templates. */
#ifndef SPECTRUM_JOB_EXPORT_GGUF_SPECIAL_H
#define SPECTRUM_JOB_EXPORT_GGUF_SPECIAL_H

#include "checkpoint/gguf_write.h"
#include "job/export/gguf_documents.h"

/* Adds their keys in the converter's order (gguf-py, SpecialVocab): merges where they are asked
 * for, ids, flags, templates. An id from `vocab` on (0: no bound) is left out. A true `no_first`
 * has the file say that nothing is put in front of a text, whatever the tokenizer does. */
int gguf_put_special(struct gguf_keys *keys, const struct gguf_documents *documents, bool merges,
                     int64_t vocab, bool no_first, struct error *err);

/* Chat templates alone, by their names. */
int gguf_put_templates(struct gguf_keys *keys, const cJSON *templates, struct error *err);

#endif
