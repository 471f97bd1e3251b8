/* Data sets: files of FORMATS.md's "Data" forms to tokenised documents with a loss mask.
 *
 * Forms, told apart by file name and by the first object's keys: .txt (documents separated by a
 * mark, else the whole file), .jsonl and .json arrays of strings, {"text"}, {"prompt",
 * "completion"}, {"instruction", "input", "output"} (Alpaca), {"messages"}, {"conversations"}
 * (ShareGPT). Plain text trains on every token; the pair forms on the completion, which is put
 * straight behind the prompt; conversations on the assistant's contents, but for messages with
 * "weight" or "loss_weight" 0. Alpaca records become a conversation where the tokenizer has a known
 * chat template, else Stanford's prompt. A document begins with bos where the tokenizer puts one,
 * and ends with eos (conversations: with what their template ends with). Documents of fewer than
 * two tokens are left out.
 */
#ifndef SPECTRUM_TEXT_DATASET_H
#define SPECTRUM_TEXT_DATASET_H

#include "text/template.h"
#include "text/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dataset_options {
    const char *mark;          /* between documents of a .txt file; NULL or "": one document */
    const char *columns;       /* "prompt=question,completion=answer"; NULL: the forms' own names */
    const char *template_name; /* --template; NULL: the tokenizer's own */
};

/* Documents one after another. Document i is [offsets[i], offsets[i+1]) of ids and mask. */
struct dataset {
    int32_t *ids;
    uint8_t *mask;        /* 1 = the loss counts this token as a target */
    uint64_t *offsets;    /* [documents + 1] */
    size_t documents;     /* at least 1 */
    uint64_t tokens;      /* offsets[documents] */
    uint64_t supervised;  /* targets that count: masked tokens but for a document's first */
    char fingerprint[33]; /* of ids, mask and offsets */
};

/* 0 where `columns` (see dataset_options) can be understood, else ERROR_USAGE. */
int dataset_check_columns(const char *columns, struct error *err);

/* Reads and tokenises the files, in their order. Errors name file and line; data without a single
 * supervised token is an error. *out needs dataset_free() only after success. */
int dataset_load(struct dataset *out, const char *const *paths, size_t path_count,
                 const struct dataset_options *options, struct tokenizer *tokenizer,
                 struct error *err);
void dataset_free(struct dataset *dataset);

/* True when every target counts (plain text): worth a line to whoever meant to train on replies. */
bool dataset_all_supervised(const struct dataset *dataset);

#endif
