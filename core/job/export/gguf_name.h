/* What a GGUF file is called inside: "general.name" and its parts.
 *
 * llama.cpp's converter reads them off a model's name, as authors on the hub build one:
 *
 *     SmolLM2-135M-Instruct-v0.2    name      "SmolLM2 135M Instruct v0.2"
 *                                   basename "SmolLM2", size_label "135M", finetune "Instruct",
 *                                   version "v0.2"
 *
 * The name is config.json's "_name_or_path", where it has one that is none of a folder deep down,
 * and for what that leaves open the file's own, without ".gguf". Other letters than ASCII's have
 * no case here.
 */
#ifndef SPECTRUM_JOB_EXPORT_GGUF_NAME_H
#define SPECTRUM_JOB_EXPORT_GGUF_NAME_H

#include "base/error.h"

#include <stdint.h>

/* Newly allocated, or NULL where a name does not say it; gguf_name_free(). */
struct gguf_name {
    char *name, *organization, *basename, *finetune, *version, *size_label;
};

/* Fills what is still NULL from `id`, "NAME" or "ORGANIZATION/NAME". A size that is nowhere near
 * the model's `elements` is taken for something else, the length of its contexts perhaps. */
int gguf_name_read(struct gguf_name *out, const char *id, uint64_t elements, struct error *err);

/* "135M": where no name says a size. */
int gguf_name_size(struct gguf_name *out, uint64_t elements, struct error *err);

void gguf_name_free(struct gguf_name *name);

#endif
