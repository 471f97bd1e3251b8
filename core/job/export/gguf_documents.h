/* What llama.cpp's converter would read in the folder of an exported model (export_sidecars.h), as
 * trees: the base's files with what the run has in place of them. Nothing is written for it. */
#ifndef SPECTRUM_JOB_EXPORT_GGUF_DOCUMENTS_H
#define SPECTRUM_JOB_EXPORT_GGUF_DOCUMENTS_H

#include "job/export/export_weights.h"

struct gguf_documents {
    cJSON *config;           /* config.json */
    cJSON *tokenizer;        /* tokenizer.json */
    cJSON *tokenizer_config; /* tokenizer_config.json; NULL: there is none */
    cJSON *generation;       /* generation_config.json; NULL */
    cJSON *added_tokens;     /* added_tokens.json; NULL */
    cJSON *special_map;      /* special_tokens_map.json; NULL */
    cJSON *templates;        /* [{"name": "default", "template": ...}], of files; NULL: none */
    bool chosen;             /* they are the run's choice */
    char *pieces;            /* the path of tokenizer.model; NULL: there is none */
};

/* Freed by gguf_documents_free(), also after an error. */
int gguf_documents_open(struct gguf_documents *out, const struct export *export, struct error *err);
void gguf_documents_free(struct gguf_documents *documents);

#endif
