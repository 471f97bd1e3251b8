#include "train/state.h"

#include "base/file.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "train/state_check.h"
#include "train/state_folder.h"
#include "train/state_tensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const base_keys[] = {
    [BASE_CONFIGURATION] = "configuration", [BASE_TOKENIZER] = "tokenizer"};

/* Which tensors train, as one fingerprint. */
static int hash_trained(const struct optimizer *optimizer, char out[HASH_TEXT_SIZE],
                        struct error *err)
{
    struct hash *hash = hash_new(err);
    if (!hash)
        return -1;
    int status = 0;
    for (size_t i = 0; i < optimizer->count && status == 0; i++) {
        struct run_tensor tensor = optimizer_tensor(optimizer, i);
        char *name = run_tensor_name(&tensor, err);
        status = name ? 0 : -1;
        if (name)
            hash_update(hash, name, strlen(name) + 1);
        free(name);
    }
    hash_text(hash, out);
    hash_free(hash);
    return status;
}

static void put_text(struct buffer *out, const char *key, const char *value)
{
    buffer_format(out, ", \"%s\": ", key);
    json_put_string(out, value);
}

/* The window of a spike guard, where there is one. */
static void put_spikes(struct buffer *out, const struct spike_window *window)
{
    if (window->count == 0)
        return;
    buffer_format(out, ", \"spikes\": {\"count\": %d, \"left_out\": %d, \"losses\": [",
                  window->count, window->left_out);
    for (int i = 0; i < window->count && i < SPIKE_WINDOW; i++) {
        buffer_text(out, i ? ", " : "");
        json_put_number(out, window->losses[i]);
    }
    buffer_text(out, "]}");
}

static int put_since(struct buffer *out, const struct optimizer *optimizer, struct error *err)
{
    bool first = true;
    for (size_t i = 0; i < optimizer->count; i++) {
        struct run_tensor tensor = optimizer_tensor(optimizer, i);
        if (optimizer->since[i] == 0)
            continue;
        char *name = run_tensor_name(&tensor, err);
        if (!name)
            return -1;
        buffer_text(out, first ? ", \"since\": {" : ", ");
        json_put_string(out, name);
        buffer_format(out, ": %" PRId64, optimizer->since[i]);
        free(name);
        first = false;
    }
    buffer_text(out, first ? "" : "}");
    return 0;
}

void state_put_evaluated(struct buffer *out, const char *key, const struct evaluated *evaluated)
{
    if (evaluated->step == 0)
        return;
    buffer_format(out, ", \"%s\": {\"step\": %" PRId64 ", \"eval_loss\": ", key, evaluated->step);
    json_put_number(out, evaluated->loss);
    buffer_byte(out, '}');
}

/* `files`: what to say of the other ones. */
static int save_json(const char *folder, const struct optimizer *optimizer,
                     const struct progress *progress, const struct run_identity *identity,
                     const struct buffer *files, struct error *err)
{
    char trained[HASH_TEXT_SIZE];
    if (hash_trained(optimizer, trained, err) != 0)
        return -1;
    struct buffer out = BUFFER_INIT;
    buffer_format(&out,
                  "{\"format\": \"spectrum.checkpoint\", \"version\": 1, \"step\": %" PRId64
                  ", \"tokens\": %" PRIu64 ", \"supervised_tokens\": %" PRIu64
                  ", \"epoch\": %" PRIu64 ", \"row\": %" PRIu64 ", \"seconds\": ",
                  progress->step, progress->tokens, progress->supervised, progress->position.epoch,
                  progress->position.row);
    json_put_number(&out, progress->seconds);
    buffer_format(&out,
                  ", \"seq_len\": %" PRId64 ", \"batch\": %" PRId64 ", \"accumulate\": %" PRId64
                  ", \"seed\": %" PRId64,
                  identity->seq_len, identity->batch, identity->accumulate, identity->seed);
    if (identity->rank > 0) {
        buffer_format(&out, ", \"rank\": %" PRId64 ", \"alpha\": ", identity->rank);
        json_put_number(&out, identity->alpha);
    }
    put_spikes(&out, &progress->spikes);
    state_put_evaluated(&out, "evaluated", &progress->evaluated);
    state_put_evaluated(&out, "best", &progress->best);
    buffer_text(&out, progress->for_best ? ", \"for_best\": true" : "");
    if (put_since(&out, optimizer, err) != 0) {
        buffer_free(&out);
        return -1;
    }
    buffer_format(&out, ", \"weight_tensors\": %zu", state_weight_count(optimizer));
    put_text(&out, "frozen", storage_name(identity->frozen));
    put_text(&out, "model", identity->model);
    put_text(&out, base_keys[BASE_CONFIGURATION], identity->configuration);
    put_text(&out, base_keys[BASE_TOKENIZER], identity->tokenizer);
    put_text(&out, "data", identity->data);
    put_text(&out, "training_data", identity->training_data);
    put_text(&out, "evaluation_data", identity->evaluation_data);
    put_text(&out, "trained", trained);
    put_text(&out, "precision", identity->precision);
    put_text(&out, "exact", identity->exact);
    buffer_format(&out, ", \"files\": {%s}", buffer_string(files));
    int status = buffer_check(files, err) == 0 ? state_put_seal(&out, err) : -1;
    char *path = status == 0 ? path_join(folder, "state.json", err) : NULL;
    status = path ? file_save(path, out.data, out.length, err) : -1;
    free(path);
    buffer_free(&out);
    return status;
}

int state_save(const char *run, const struct optimizer *optimizer, const struct progress *progress,
               const struct run_identity *identity, struct error *err)
{
    struct state_folder folder;
    if (state_folder_begin(&folder, run, progress->step, err) != 0)
        return -1;
    struct buffer files = BUFFER_INIT;
    int status = state_tensors_save(folder.temporary, optimizer, &files, err);
    if (status == 0)
        status = save_json(folder.temporary, optimizer, progress, identity, &files, err);
    buffer_free(&files);
    if (status == 0)
        return state_folder_commit(&folder, err);
    state_folder_abort(&folder);
    return -1;
}

/* --- reading --- */

static int need_text(const cJSON *json, const char *key, const char *expected, const char *what,
                     const char *where, struct error *err)
{
    const char *found;
    if (json_need_string(json, key, &found, where, err) != 0)
        return -1;
    if (strcmp(found, expected) == 0)
        return 0;
    return error_set(err, "%s was made with %s: start a new run, or give what it was made with",
                     where, what);
}

static int need_number(const cJSON *json, const char *key, int64_t expected, const char *where,
                       struct error *err)
{
    int64_t found;
    if (json_need_int64(json, key, &found, 0, INT64_C(1) << 53, where, err) != 0)
        return -1;
    if (found == expected)
        return 0;
    return error_set(err, "%s was made with %s %" PRId64 ", not %" PRId64 ": start a new run",
                     where, key, found, expected);
}

/* Of adapters; a state without them names neither. */
static int check_adapters(const cJSON *json, const struct run_identity *identity, const char *where,
                          struct error *err)
{
    double alpha = 0;
    if (identity->rank == 0)
        return 0;
    json_get_double(json, "alpha", &alpha);
    if (need_number(json, "rank", identity->rank, where, err) != 0)
        return -1;
    return alpha == identity->alpha
               ? 0
               : error_set(err, "%s was made with alpha %g, not %g: start a new run", where, alpha,
                           identity->alpha);
}

static int check_trained(const cJSON *json, const struct optimizer *optimizer, const char *where,
                         struct error *err)
{
    char trained[HASH_TEXT_SIZE];
    return hash_trained(optimizer, trained, err) == 0
               ? need_text(json, "trained", trained, "another freeze set", where, err)
               : -1;
}

int state_read_base(const cJSON *json, enum base_part part, char out[HASH_TEXT_SIZE],
                    const char *where, struct error *err)
{
    const char *said = "";
    if (json_get(json, base_keys[part]) &&
        json_need_string(json, base_keys[part], &said, where, err) != 0)
        return -1;
    snprintf(out, HASH_TEXT_SIZE, "%s", said);
    return 0;
}

int state_compare_base(enum base_part part, const char *said, const char *found,
                       const struct checkpoint *base, struct error *err)
{
    static const char *const files[] = {
        [BASE_CONFIGURATION] = "config.json",
        [BASE_TOKENIZER] = "tokenizer.json and what is beside it, the chat template, too"};
    bool gguf = checkpoint_format(base) == CHECKPOINT_GGUF;
    if (!said[0] || strcmp(said, found) == 0)
        return 0;
    return error_set(err,
                     "%s: the base's %s (%s) is not what the run began with, and what it trained "
                     "does not belong to it: put the model back that it was, or start a new run",
                     checkpoint_path(base), base_keys[part], gguf ? "metadata" : files[part]);
}

static int check_base(const cJSON *json, enum base_part part, const char *found,
                      const struct model *model, const char *where, struct error *err)
{
    char said[HASH_TEXT_SIZE];
    return state_read_base(json, part, said, where, err) == 0
               ? state_compare_base(part, said, found, model->checkpoint, err)
               : -1;
}

/* A state of an earlier version does not say which of the data is another. */
static int check_data(const cJSON *json, const struct run_identity *identity, const char *where,
                      struct error *err)
{
    const char *training = "", *evaluation = "", *what = "other data";
    bool said = json_get_string(json, "training_data", &training) &&
                json_get_string(json, "evaluation_data", &evaluation);
    bool trains = strcmp(training, identity->training_data) == 0;
    bool evaluates = strcmp(evaluation, identity->evaluation_data) == 0;
    if (said)
        what = trains && evaluates
                   ? "other data: the same files, but cut, split or weighted otherwise"
               : evaluates ? "other data to train on"
               : trains    ? "other data to evaluate on"
                           : "other data to train and to evaluate on";
    return need_text(json, "data", identity->data, what, where, err);
}

/* All but the freeze set. */
static int check_identity(const cJSON *json, const struct run_identity *identity,
                          const struct model *model, const char *where, struct error *err)
{
    if (need_text(json, "model", identity->model, "another model", where, err) != 0 ||
        check_base(json, BASE_CONFIGURATION, identity->configuration, model, where, err) != 0 ||
        check_base(json, BASE_TOKENIZER, identity->tokenizer, model, where, err) != 0 ||
        check_data(json, identity, where, err) != 0 ||
        need_text(json, "precision", identity->precision, "another precision", where, err) != 0 ||
        check_adapters(json, identity, where, err) != 0)
        return -1;
    return need_number(json, "seq_len", identity->seq_len, where, err) != 0 ||
                   need_number(json, "batch", identity->batch, where, err) != 0 ||
                   need_number(json, "accumulate", identity->accumulate, where, err) != 0 ||
                   need_number(json, "seed", identity->seed, where, err) != 0
               ? -1
               : 0;
}

static int read_spikes(const cJSON *json, struct spike_window *out, const char *where,
                       struct error *err)
{
    const cJSON *spikes = json_get(json, "spikes"), *item;
    int64_t count, left_out;
    int read = 0;
    *out = (struct spike_window){0};
    if (!spikes)
        return 0;
    if (json_need_int64(spikes, "count", &count, 0, 2 * SPIKE_WINDOW - 1, where, err) != 0 ||
        json_need_int64(spikes, "left_out", &left_out, 0, SPIKE_IN_A_ROW, where, err) != 0)
        return -1;
    cJSON_ArrayForEach(item, json_get(spikes, "losses"))
    {
        if (read == SPIKE_WINDOW || !cJSON_IsNumber(item) || !isfinite(item->valuedouble))
            return error_set(err, "%s: \"spikes\" has losses that are none, or too many", where);
        out->losses[read++] = item->valuedouble;
    }
    out->count = (int)count;
    out->left_out = (int)left_out;
    return read == (count < SPIKE_WINDOW ? count : SPIKE_WINDOW)
               ? 0
               : error_set(err, "%s: \"spikes\" has %d losses, not as many as it says", where,
                           read);
}

static int read_evaluated(const cJSON *json, const char *key, int64_t step, struct evaluated *out,
                          const char *where, struct error *err)
{
    const cJSON *evaluated = json_get(json, key);
    *out = (struct evaluated){0};
    if (!evaluated)
        return 0;
    if (json_need_int64(evaluated, "step", &out->step, 1, step, where, err) != 0)
        return -1;
    return json_get_double(evaluated, "eval_loss", &out->loss) && isfinite(out->loss)
               ? 0
               : error_set(err, "%s: \"%s\" has no \"eval_loss\" that is a number", where, key);
}

int state_read_evaluations(const cJSON *json, int64_t step, struct evaluated *last,
                           struct evaluated *best, const char *where, struct error *err)
{
    return read_evaluated(json, "evaluated", step, last, where, err) == 0
               ? read_evaluated(json, "best", step, best, where, err)
               : -1;
}

static int read_progress(const cJSON *json, struct progress *out, const char *where,
                         struct error *err)
{
    const int64_t most = INT64_C(1) << 53;
    int64_t tokens, supervised, epoch, row;
    if (json_need_int64(json, "step", &out->step, 1, most, where, err) != 0 ||
        json_need_int64(json, "tokens", &tokens, 0, most, where, err) != 0 ||
        json_need_int64(json, "supervised_tokens", &supervised, 0, most, where, err) != 0 ||
        json_need_int64(json, "epoch", &epoch, 0, most, where, err) != 0 ||
        json_need_int64(json, "row", &row, 0, most, where, err) != 0)
        return -1;
    out->tokens = (uint64_t)tokens;
    out->supervised = (uint64_t)supervised;
    out->position = (struct packing_position){(uint64_t)epoch, (uint64_t)row};
    out->seconds = 0;
    out->for_best = cJSON_IsTrue(json_get(json, "for_best"));
    json_get_double(json, "seconds", &out->seconds);
    if (state_read_evaluations(json, out->step, &out->evaluated, &out->best, where, err) != 0)
        return -1;
    return read_spikes(json, &out->spikes, where, err);
}

/* When tensors began to train that did not from the start: {"name": step}. */
static int read_since(const cJSON *json, struct optimizer *optimizer, int64_t step,
                      const char *where, struct error *err)
{
    const cJSON *list = json_get(json, "since"), *item;
    if (list && !cJSON_IsObject(list))
        return error_set(err, "%s: \"since\" is no object of steps by name", where);
    cJSON_ArrayForEach(item, list)
    {
        size_t number = run_tensor_find(optimizer->transformer->model, item->string);
        size_t count = run_tensor_count(optimizer->transformer->model);
        bool trains =
            number < count && transformer_place(optimizer->transformer, number, TENSOR_M).buffer;
        if (!trains ||
            json_need_int64(list, item->string, &optimizer->since[optimizer->place_of[number]], 0,
                            step, where, err) != 0)
            return trains ? -1
                          : error_set(err, "%s: \"since\" names %.200s, which does not train",
                                      where, item->string);
    }
    return 0;
}

int state_load(const char *folder, struct optimizer *optimizer, struct progress *progress,
               const struct run_identity *identity, bool *exact, struct error *err)
{
    char *path;
    cJSON *json = state_read_json(folder, &path, err);
    const char *machine = "";
    int status =
        json ? check_identity(json, identity, optimizer->transformer->model, path, err) : -1;
    if (status == 0)
        status = check_trained(json, optimizer, path, err);
    if (status == 0)
        status = read_progress(json, progress, path, err);
    if (status == 0)
        status = read_since(json, optimizer, progress->step, path, err);
    if (status == 0)
        status = state_tensors_load(folder, optimizer, err);
    if (status == 0)
        *exact = json_get_string(json, "exact", &machine) && strcmp(machine, identity->exact) == 0;
    cJSON_Delete(json);
    free(path);
    return status;
}

/* Steps before a tensor began: those of the state for what trained in it. */
static int carry_since(const cJSON *json, struct optimizer *optimizer, int64_t step,
                       struct error *err)
{
    const cJSON *list = json_get(json, "since");
    for (size_t i = 0; i < optimizer->count; i++) {
        struct run_tensor tensor = optimizer_tensor(optimizer, i);
        char *name = run_tensor_name(&tensor, err);
        double since = 0;
        if (!name)
            return -1;
        json_get_double(list, name, &since);
        bool right = since >= 0 && since <= (double)step;
        optimizer->since[i] = optimizer->since[i] < 0 || !right ? step : (int64_t)since;
        free(name);
    }
    return 0;
}

int state_carry(const char *folder, struct optimizer *optimizer, struct progress *progress,
                const struct run_identity *identity, struct error *err)
{
    char *path;
    cJSON *json = state_read_json(folder, &path, err);
    int status =
        json ? check_identity(json, identity, optimizer->transformer->model, path, err) : -1;
    if (status == 0)
        status = read_progress(json, progress, path, err);
    if (status == 0)
        status = state_tensors_carry(folder, optimizer, err);
    if (status == 0)
        status = carry_since(json, optimizer, progress->step, err);
    cJSON_Delete(json);
    free(path);
    return status;
}
