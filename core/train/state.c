/* A checkpoint of training, written and read as a whole: state.json says where the run is and which
 * run it is, and the tensors lie beside it (state_tensors.c).
 *
 *     state_save    temporary folder -> tensors -> state.json with their digests -> renamed
 *     state_load    state.json -> is it this run's? -> progress -> tensors
 *     state_carry   as load, but for another freeze set: what trains in both keeps its state
 */
#include "train/state.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "checkpoint/checkpoint.h"
#include "train/state_folder.h"
#include "train/state_tensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The window of a spike guard, where there is one. */
static void put_spikes(struct json_writer *json, const struct spike_window *window)
{
    if (window->count == 0)
        return;
    json_object(json, "spikes");
    json_integer(json, "count", window->count);
    json_integer(json, "left_out", window->left_out);
    json_list(json, "losses");
    for (int i = 0; i < window->count && i < SPIKE_WINDOW; i++)
        json_real(json, NULL, window->losses[i]);
    json_end(json);
    json_end(json);
}

/* Only tensors that began to train later than the run, as --reselect makes them; most runs have
 * none. */
static int put_since(struct json_writer *json, const struct optimizer *optimizer, struct error *err)
{
    bool any = false;
    for (size_t i = 0; i < optimizer->count; i++) {
        struct run_tensor tensor = optimizer_tensor(optimizer, i);
        if (optimizer->since[i] == 0)
            continue;
        char *name = run_tensor_name(&tensor, err);
        if (!name)
            return -1;
        if (!any)
            json_object(json, "since");
        any = true;
        json_integer(json, name, optimizer->since[i]);
        free(name);
    }
    if (any)
        json_end(json);
    return 0;
}

void state_put_identity(struct json_writer *json, const struct run_identity *identity,
                        const char *trained)
{
    json_integer(json, "seq_len", identity->seq_len);
    json_integer(json, "batch", identity->batch);
    json_integer(json, "accumulate", identity->accumulate);
    json_integer(json, "seed", identity->seed);
    if (identity->rank > 0) {
        json_integer(json, "rank", identity->rank);
        json_real(json, "alpha", identity->alpha);
    }
    json_text(json, "frozen", storage_name(identity->frozen));
    json_text(json, "model", identity->model);
    json_text(json, state_base_key(BASE_CONFIGURATION), identity->configuration);
    json_text(json, state_base_key(BASE_TOKENIZER), identity->tokenizer);
    json_text(json, "data", identity->data);
    json_text(json, "training_data", identity->training_data);
    json_text(json, "evaluation_data", identity->evaluation_data);
    json_text(json, "trained", trained);
    json_text(json, "precision", identity->precision);
    json_text(json, "optimizer", optimizer_names[identity->optimizer]);
    json_text(json, "exact", identity->exact);
}

/* `files`: an object that says what the other files hold. */
static int save_json(const char *folder, const struct optimizer *optimizer,
                     const struct progress *progress, const struct run_identity *identity,
                     const struct buffer *files, struct error *err)
{
    char trained[HASH_TEXT_SIZE], *path = NULL;
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    int status = -1;
    if (hash_trained(optimizer, trained, err) != 0 || buffer_check(files, err) != 0)
        goto out;
    json_begin(&json, "spectrum.checkpoint");
    /* where the run stands */
    json_integer(&json, "step", progress->step);
    json_count(&json, "tokens", progress->tokens);
    json_count(&json, "supervised_tokens", progress->supervised);
    json_count(&json, "epoch", progress->position.epoch);
    json_count(&json, "row", progress->position.row);
    json_real(&json, "seconds", progress->seconds);
    put_spikes(&json, &progress->spikes);
    state_put_evaluated(&json, "evaluated", &progress->evaluated);
    state_put_evaluated(&json, "best", &progress->best);
    if (progress->for_best)
        json_flag(&json, "for_best", true);
    if (put_since(&json, optimizer, err) != 0)
        goto out;
    json_count(&json, "weight_tensors", state_weight_count(optimizer));
    state_put_identity(&json, identity, trained);
    /* last what the other files hold, so that its own digest is over that, too */
    json_raw(&json, "files", buffer_string(files));
    if (state_seal_put(&json, err) != 0 || !(path = path_join(folder, "state.json", err)))
        goto out;
    status = file_save(path, out.data, out.length, err);
out:
    free(path);
    buffer_free(&out);
    return status;
}

/* The digests that state.json has of the files are made while those are written. */
int state_save(const char *run, const struct optimizer *optimizer, const struct progress *progress,
               const struct run_identity *identity, const struct work_watch *work,
               struct error *err)
{
    struct state_folder folder;
    if (state_folder_begin(&folder, run, progress->step, err) != 0)
        return -1;
    struct buffer files = BUFFER_INIT;
    struct json_writer said = {.out = &files};
    json_object(&said, NULL);
    int status = state_tensors_save(folder.temporary, optimizer, &said, work, err);
    json_end(&said);
    if (status == 0)
        status = save_json(folder.temporary, optimizer, progress, identity, &files, err);
    buffer_free(&files);
    if (status == 0)
        return state_folder_commit(&folder, err);
    state_folder_abort(&folder);
    return -1;
}

/* --- reading --- */

/* A value that must be what it was, or what follows would not be this run; `what` names it in
 * words. */
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

/* The same of a number, whose key is word enough. */
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

/* A state of an earlier version names none: it is AdamW's, in the storage that "precision" says. */
static int check_optimizer(const cJSON *json, enum optimizer_kind kind, const char *where,
                           struct error *err)
{
    const char *said = NULL;
    if (!json_get_string(json, "optimizer", &said))
        said = optimizer_rows[kind].matrices == &adamw_rule ? optimizer_names[kind] : "adamw";
    if (strcmp(said, optimizer_names[kind]) == 0)
        return 0;
    return error_set(err,
                     "%s was made with --optimizer %.40s, not %s: start a new run, or give what it "
                     "was made with",
                     where, said, optimizer_names[kind]);
}

/* All but the freeze set. */
static int check_identity(const cJSON *json, const struct run_identity *identity,
                          const struct model *model, const char *where, struct error *err)
{
    if (need_text(json, "model", identity->model, "another model", where, err) != 0 ||
        check_base(json, BASE_CONFIGURATION, identity->configuration, model, where, err) != 0 ||
        check_base(json, BASE_TOKENIZER, identity->tokenizer, model, where, err) != 0 ||
        check_data(json, identity, where, err) != 0 ||
        check_optimizer(json, identity->optimizer, where, err) != 0 ||
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

/* The window of losses by which the spike guard judges; absent in states of before there was
 * one. */
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

/* Numbers of a file: each is within what a step count or a count of tokens can be. */
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
        return error_set(err, "%s: \"since\" is not an object of steps by name", where);
    cJSON_ArrayForEach(item, list)
    {
        size_t number = run_tensor_find(optimizer->transformer->network.model, item->string);
        size_t count = run_tensor_count(optimizer->transformer->network.model);
        bool trains =
            number < count &&
            network_place(&optimizer->transformer->network, number, TENSOR_GRADIENT).buffer;
        if (!trains ||
            json_need_int64(list, item->string, &optimizer->since[optimizer->place_of[number]], 0,
                            step, where, err) != 0)
            return trains ? -1
                          : error_set(err, "%s: \"since\" names %.200s, which does not train",
                                      where, item->string);
    }
    return 0;
}

/* Nothing is loaded before identity and freeze set agree. *exact: on such a machine the run goes on
 * to the bit, on others to rounding. */
int state_load(const char *folder, struct optimizer *optimizer, struct progress *progress,
               const struct run_identity *identity, bool *exact, struct error *err)
{
    const struct model *model = optimizer->transformer->network.model;
    const char *machine = "";
    char trained[HASH_TEXT_SIZE], *path;
    cJSON *json = state_read_json(folder, &path, err);
    int status = -1;
    if (!json || check_identity(json, identity, model, path, err) != 0 ||
        hash_trained(optimizer, trained, err) != 0 ||
        need_text(json, "trained", trained, "another freeze set", path, err) != 0)
        goto out;
    if (read_progress(json, progress, path, err) != 0 ||
        read_since(json, optimizer, progress->step, path, err) != 0 ||
        state_tensors_load(folder, optimizer, err) != 0)
        goto out;
    *exact = json_get_string(json, "exact", &machine) && strcmp(machine, identity->exact) == 0;
    status = 0;
out:
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

/* The freeze set may differ, so it is not compared; everything else must agree as for a resume. */
int state_carry(const char *folder, struct optimizer *optimizer, struct progress *progress,
                const struct run_identity *identity, struct error *err)
{
    const struct model *model = optimizer->transformer->network.model;
    char *path;
    cJSON *json = state_read_json(folder, &path, err);
    int status = -1;
    if (json && check_identity(json, identity, model, path, err) == 0 &&
        read_progress(json, progress, path, err) == 0 &&
        state_tensors_carry(folder, optimizer, err) == 0)
        status = carry_since(json, optimizer, progress->step, err);
    cJSON_Delete(json);
    free(path);
    return status;
}
