/* What a training run is asked for: the fields of the form, which are `spectrum train`'s options.
 * Values are kept as typed; settings_check() says what is wrong with one.
 * Presets are the sub-command's own defaults; where those depend on the method the field is empty.
 */
#ifndef SPECTRUM_TUI_APP_SETTINGS_H
#define SPECTRUM_TUI_APP_SETTINGS_H

#include "base/error.h"
#include "job/method.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting {
    SETTING_DATA,
    SETTING_COLUMNS,
    SETTING_TEMPLATE,
    SETTING_ADD_TOKENS,
    SETTING_RUN,
    SETTING_METHOD,
    SETTING_RANK,
    SETTING_ALPHA,
    SETTING_STEPS,
    SETTING_EPOCHS,
    SETTING_SEQ_LEN,
    SETTING_BATCH,
    SETTING_ACCUMULATE,
    SETTING_LR,
    SETTING_WARMUP,
    SETTING_SCHEDULE,
    SETTING_CLIP,
    SETTING_WEIGHT_DECAY,
    SETTING_NEFTUNE,
    SETTING_Z_LOSS,
    SETTING_SPIKE_GUARD,
    SETTING_OPTIMIZER,
    SETTING_DTYPE,
    SETTING_MASTER,
    SETTING_FROZEN,
    SETTING_MEMORY_LIMIT,
    SETTING_EVAL_DATA,
    SETTING_EVAL_EVERY,
    SETTING_SAVE_EVERY,
    SETTING_SEED,
    SETTING_DEVICE,
    SETTING_COUNT
};

enum setting_kind {
    SETTING_COLUMN_MAP,    /* --columns, or empty */
    SETTING_FOLDER,        /* of a new job: free, or can be made */
    SETTING_PATH,          /* a file or a folder, which must be there */
    SETTING_PATH_OR_EMPTY, /* must be there if given */
    SETTING_INTEGER,
    SETTING_INTEGER_OR_EMPTY,
    SETTING_NUMBER,
    SETTING_NUMBER_OR_EMPTY,
    SETTING_BYTES_OR_EMPTY, /* "8G" */
    SETTING_CHOICE,         /* one of `choices`, separated by '|' */
    SETTING_TEMPLATE_NAME,  /* one of them, or what else --template takes: a file */
};

struct setting_info {
    const char *option; /* "seq-len": the option of `spectrum train` */
    const char *label;
    enum setting_kind kind;
    double low, high;
    const char *choices;
    const char *preset;
    const char *help; /* one line */
};
const struct setting_info *setting_info(enum setting setting);

enum { SETTING_VALUE_MAX = 1024 };
struct settings {
    char values[SETTING_COUNT][SETTING_VALUE_MAX];
};

/* The defaults; data and run are then still empty. */
void settings_init(struct settings *settings);

/* False, with the reason, where a value cannot be used. */
bool settings_check(const struct settings *settings, enum setting setting, char *why, size_t size);
/* The first field in use that is wrong, and why, with its name in front; SETTING_COUNT: none is. */
enum setting settings_first_wrong(const struct settings *settings, char *why, size_t size);

/* A number that is right, else the field's default. */
double settings_number(const struct settings *settings, enum setting setting);
int64_t settings_integer(const struct settings *settings, enum setting setting);
/* Where the field is empty or wrong: 0. */
uint64_t settings_bytes(const struct settings *settings, enum setting setting);
bool settings_is(const struct settings *settings, enum setting setting, const char *value);

enum training_method settings_method(const struct settings *settings);
/* False for a field that the others make nothing of, as of a rank without adapters: it is neither
 * shown nor checked nor passed on. */
bool settings_uses(const struct settings *settings, enum setting setting);
/* How the frozen linear layers are kept: "none" (as the others), "int8", "nf4". */
const char *settings_frozen(const struct settings *settings);
/* A value as the form shows it: what follows from other fields is "auto (2e-4)". */
void settings_show(const struct settings *settings, enum setting setting, char *out, size_t size);

/* Which of a field's choices a value is; -1: none. */
int setting_choice(enum setting setting, const char *value);

/* The next choice of a field, or the one before. */
void settings_turn(struct settings *settings, enum setting setting, int by);

#endif
