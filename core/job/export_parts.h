/* The parts of an export, shared by export*.c. Internal to core/job. */
#ifndef SPECTRUM_JOB_EXPORT_PARTS_H
#define SPECTRUM_JOB_EXPORT_PARTS_H

#include "base/buffer.h"
#include "checkpoint/safetensors.h"
#include "job/export.h"
#include "job/source.h"
#include "text/tokenizer.h"

/* One tensor of a whole model and where its bytes are. */
struct part {
    const struct parameter *parameter;
    const struct tensor_info *trained; /* in the run's weights; NULL: frozen */
    const struct tensor_info *a, *b;   /* of its adapter; NULL: has none */
    bool raw;                          /* the base's bytes as they are */
};

struct export
{
    struct source source;
    struct tokenizer *tokenizer; /* the run's */
    struct part *parts;
    struct safetensors_entry *entries;
    size_t count;
    const volatile sig_atomic_t *interrupted; /* NULL: never */
};

static inline bool export_is_stopped(const struct export *export)
{
    return export->interrupted && *export->interrupted;
}

/* export_peft.c: adapter_config.json, which names `base`, and adapter_model.safetensors. */
int export_write_adapters(const struct export *export, const char *out, const char *base,
                          struct error *err);

/* export_cost.c: the losses, of what was exported to `out`; what cannot be measured is no error. */
void export_measure(struct export_cost *cost, const char *run, const struct export *export,
                    const char *out);

/* export_sidecars.c */
enum { EXPORT_STAGING = 1 << 20 };
/* A tensor's bytes as they are; `staging` has EXPORT_STAGING bytes. */
int export_copy_bytes(struct safetensors_writer *writer, const struct checkpoint *from,
                      const struct tensor_info *tensor, void *staging, struct error *err);
/* Frees the text whatever happens. */
int export_save_text(const char *folder, const char *name, struct buffer *text, struct error *err);
/* Where texts of the run end, and does the base that adapters are loaded on say so itself? */
int export_find_ends(struct export_summary *summary, const struct export *export,
                     struct error *err);
/* The tokenizer's files, generation_config.json and the like; of a `whole` model config.json, too.
 */
int export_write_sidecars(const struct export *export, const char *out, bool whole,
                          struct error *err);

#endif
