/* What llama.cpp's converter would read in the folder of an exported model (export_sidecars.h), as
 * trees: the base's files with what the run has in place of them. Nothing is written for it. */
#ifndef SPECTRUM_JOB_EXPORT_GGUF_DOCUMENTS_H
#define SPECTRUM_JOB_EXPORT_GGUF_DOCUMENTS_H

#include "job/export/export_weights.h"

struct gguf_documents {
    cJSON *config;           /* config.json */
    cJSON *generation;       /* generation_config.json; NULL: there is none */
    const cJSON *templates;  /* chat templates, an object of sources by name: what the run takes */
    cJSON *chosen;           /* where it chose one: that alone, under the default's name; NULL */
    const cJSON *base;       /* of a GGUF base its keys, and all below is NULL; NULL: a folder */
    cJSON *tokenizer;        /* tokenizer.json */
    cJSON *tokenizer_config; /* tokenizer_config.json; NULL */
    cJSON *added_tokens;     /* added_tokens.json; NULL */
    cJSON *special_map;      /* special_tokens_map.json; NULL */
    char *pieces;            /* the path of tokenizer.model; NULL */
};

/* Freed by gguf_documents_free(), also after an error. */
int gguf_documents_open(struct gguf_documents *out, const struct export *export, struct error *err);
void gguf_documents_free(struct gguf_documents *documents);

#endif
