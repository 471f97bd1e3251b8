/* All that the sub-commands ask of an opened model, but for the arithmetic. */
#ifndef SPECTRUM_TESTS_FUZZ_MODEL_H
#define SPECTRUM_TESTS_FUZZ_MODEL_H

#include "fuzz.h"

#include "model/config_write.h"
#include "model/score_read.h"
#include "model/score_rows.h"
#include "model/score_table.h"

enum { FUZZ_TENSORS = 32, FUZZ_ELEMENTS = 4096, FUZZ_PATH = 512 };

/* The first elements and the last block of a tensor. */
static inline void fuzz_read(const struct checkpoint *checkpoint, const struct tensor_info *tensor)
{
    static float narrow[FUZZ_ELEMENTS];
    static double wide[FUZZ_ELEMENTS];
    int64_t block = dtype_traits(tensor->dtype)->block_elements;
    int64_t count = tensor->elements < FUZZ_ELEMENTS ? tensor->elements : FUZZ_ELEMENTS;
    count -= count % block;
    struct error err = ERROR_INIT;
    fuzz_ok(checkpoint_read_f32(checkpoint, tensor, 0, count, narrow, &err), &err);
    checkpoint_read_f64(checkpoint, tensor, 0, count, wide, NULL);
    checkpoint_read_f32(checkpoint, tensor, tensor->elements - block, block, narrow, NULL);
}

static inline void fuzz_modules(const struct model *model)
{
    char name[64];
    for (size_t i = 0; i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        parameter_short_name(parameter, name, sizeof name);
        parameter_is_used(model, parameter);
        if (model_find(model, parameter->name) != parameter)
            abort();
        if (i < FUZZ_TENSORS && parameter->numel <= FUZZ_ELEMENTS) {
            static float weights[FUZZ_ELEMENTS];
            struct error err = ERROR_INIT;
            fuzz_ok(model_read_f32(model, parameter, weights, &err), &err);
        }
    }
    model_numel(model);
}

/* What the scan of a model says of its rows can be read again. */
static inline void fuzz_read_back(struct scan *scan)
{
    struct buffer text = BUFFER_INIT;
    struct scan *again = NULL;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < scan->count; i++)
        scan->rows[i].known = true;
    scan_put_json(&text, scan);
    if (scan_parse(&again, text.data, text.length, "again", &err) != 0) {
        fprintf(stderr, "written and not read back: %s\n", err.text);
        abort();
    }
    scan_free(again);
    buffer_free(&text);
}

static inline void fuzz_walk(const struct model *model)
{
    struct checkpoint *checkpoint = model->checkpoint;
    struct buffer text = BUFFER_INIT;
    struct scan *scan = NULL;
    char fingerprint[33];
    for (size_t i = 0; i < checkpoint_count(checkpoint); i++) {
        const struct tensor_info *tensor = checkpoint_tensor(checkpoint, i);
        if (checkpoint_find(checkpoint, tensor->name) != tensor)
            abort();
        if (i < FUZZ_TENSORS)
            fuzz_read(checkpoint, tensor);
    }
    checkpoint_fingerprint(checkpoint, fingerprint, NULL);
    fuzz_modules(model);
    struct error err = ERROR_INIT;
    if (scan_for_model(&scan, NULL, model, &(struct scan_choice){".", true}, NULL) == 0)
        scan_free(scan);
    if (fuzz_ok(scan_for_model(&scan, NULL, model, &(struct scan_choice){".", false}, &err), &err))
        fuzz_read_back(scan);
    if (model->architecture)
        config_put_json(&text, model, "float32", NULL, 0);
    scan_free(scan);
    buffer_free(&text);
}

#endif
