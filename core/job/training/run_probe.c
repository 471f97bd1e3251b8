#include "job/training/run_probe.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

/* As many steps as there are up to STEPS_MOST, but when enough time has gone: LEAST_SECONDS with
 * STEPS_ENOUGH of them, or MOST_SECONDS with STEPS_LEAST. */
enum { STEPS_LEAST = 3, STEPS_ENOUGH = 8, STEPS_MOST = 40, LEAST_SECONDS = 6, MOST_SECONDS = 60 };
enum { PART_SECONDS = 5 };       /* of an evaluation, and of a sample */
enum { SAVED_BYTES = 32 << 20 }; /* of a checkpoint: it is written at the rate of these */

/* --- steps --- */

/* Of `count` sorted values: the one below which the share lies, between two in proportion. */
static double quantile(const double *sorted, size_t count, double share)
{
    double place = share * (double)(count - 1);
    size_t below = (size_t)place;
    size_t above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Median and quartiles; sorts them. */
static struct probe_seconds quartiles(double *seconds, size_t count)
{
    qsort(seconds, count, sizeof *seconds, compare);
    return (struct probe_seconds){quantile(seconds, count, 0.5), quantile(seconds, count, 0.25),
                                  quantile(seconds, count, 0.75)};
}

static bool is_enough(size_t measured, int64_t steps, double seconds)
{
    return measured >= STEPS_MOST || (int64_t)measured + 1 >= steps ||
           (measured >= STEPS_ENOUGH && seconds >= LEAST_SECONDS) ||
           (measured >= STEPS_LEAST && seconds >= MOST_SECONDS);
}

static int interrupted(struct error *err)
{
    return error_set_kind(err, ERROR_INTERRUPTED, "the probe was interrupted");
}

/* A run of one step has that one alone, warm or not. */
static int measure_steps(struct training_probe *out, const struct run_setup *setup,
                         struct error *err)
{
    struct run_sitting *sitting = setup->sitting;
    double seconds[STEPS_MOST], all = 0;
    uint64_t tokens = 0;
    size_t count = 0;
    for (int taken = 0; taken == 0 || !is_enough(count, out->steps, all); taken++) {
        struct train_report report;
        work_tell(sitting->work, WORK_TRAINING, (uint64_t)taken, 0);
        if (run_should_stop(sitting))
            return interrupted(err);
        if (trainer_step(setup->trainer, &report, err) != 0)
            return -1;
        if (taken == 0 && out->steps > 1)
            continue;
        all += seconds[count++] = report.step_seconds;
        tokens += report.step_tokens;
    }
    out->measured = count;
    out->step = quartiles(seconds, count);
    out->tokens = (uint64_t)((double)tokens / (double)count * (double)out->steps);
    return 0;
}

/* --- a part of what takes long --- */

/* Lets work go on until it has taken its time; `done` of `total` are as it told, and how long each
 * took of the first TIMED. */
enum { TIMED = 256 };
struct part {
    struct run_sitting *sitting;
    struct work_watch watch;
    uint64_t done, total;
    double begun, last;
    double seconds[TIMED];
    size_t timed;
};

static void note_work(void *context, enum work_phase phase, uint64_t done, uint64_t total)
{
    struct part *part = context;
    double now = clock_seconds();
    if (done == part->done + 1 && part->timed < TIMED)
        part->seconds[part->timed++] = now - part->last;
    part->last = now;
    part->done = done;
    part->total = total;
    work_tell(part->sitting->work, phase, done, total);
}

static void part_begin(struct part *part, struct run_sitting *sitting)
{
    double now = clock_seconds();
    *part = (struct part){.sitting = sitting, .begun = now, .last = now};
    part->watch = (struct work_watch){part, note_work};
}

/* Not before there is something to measure. */
static bool part_is_over(void *context)
{
    const struct part *part = context;
    return (part->done > 0 && clock_seconds() - part->begun > PART_SECONDS) ||
           run_should_stop(part->sitting);
}

/* The batches that were done are as long as the others. */
static int measure_evaluation(struct training_probe *out, const struct run_setup *setup,
                              struct error *err)
{
    struct part part;
    struct error why = ERROR_INIT;
    struct evaluation evaluation;
    part_begin(&part, setup->sitting);
    const struct evaluation_watch watch = {part_is_over, &part, &part.watch};
    int status = trainer_evaluate(&evaluation, setup->trainer, &watch, &why);
    double seconds = clock_seconds() - part.begun;
    if (run_should_stop(setup->sitting))
        return interrupted(err);
    if (status != 0 && why.kind != ERROR_INTERRUPTED)
        return error_set_kind(err, why.kind, "%s", why.text);
    if (status != 0)
        seconds *= (double)part.total / (double)part.done;
    out->evaluation = (struct probe_seconds){seconds, seconds, seconds};
    struct probe_seconds batch = {0};
    if (part.timed > 0)
        batch = quartiles(part.seconds, part.timed);
    if (batch.usual > 0) {
        out->evaluation.low = seconds * batch.low / batch.usual;
        out->evaluation.high = seconds * batch.high / batch.usual;
    }
    return 0;
}

/* Each token is a forward of the text before it, so n of them cost
 *
 *     sum over i < n of  (prompt + i)  =  n prompt + n (n - 1) / 2    tokens' forwards */
static double forwards(double prompt, double count)
{
    return count * prompt + count * (count - 1) / 2;
}

/* One sample: the tokens that it has in *made, and its seconds. One for which there was no time until
 * its end is taken for as long as it may be. */
static int time_sample(double *seconds, int64_t *made, bool past_ends,
                       const struct run_setup *setup, struct error *err)
{
    const struct train_settings *s = &setup->settings;
    struct part part;
    part_begin(&part, setup->sitting);
    if (trainer_sample(setup->trainer, past_ends, &part.watch, part_is_over, &part, made, err) != 0)
        return -1;
    *seconds = clock_seconds() - part.begun;
    if (run_should_stop(setup->sitting))
        return interrupted(err);
    bool cut = (*made > 0) && (*made < s->sample.more) && (*seconds > PART_SECONDS);
    if (cut)
        *seconds *= forwards((double)s->sample.count, (double)s->sample.more) /
                    forwards((double)s->sample.count, (double)*made);
    if (cut)
        *made = s->sample.more;
    return 0;
}

/* The model's own, and, where that has ended by itself, another that no token ends. */
static int measure_sample(struct training_probe *out, const struct run_setup *setup,
                          struct error *err)
{
    int64_t own, all;
    double usual, high;
    if (time_sample(&usual, &own, false, setup, err) != 0)
        return -1;
    high = usual;
    all = own;
    if (own < setup->settings.sample.more && time_sample(&high, &all, true, setup, err) != 0)
        return -1;
    double token = all > 0 ? high / (double)all : high;
    out->sample =
        (struct probe_seconds){usual, token < usual ? token : usual, high > usual ? high : usual};
    return 0;
}

/* --- a checkpoint --- */

/* What a save does with its bytes: hashes them, writes them, and waits until they are on the disk;
 * beneath the folder that will have the run, in a file without a name. */
static int measure_writing(double *seconds, const char *folder, struct error *err)
{
    char *bytes = array_alloc(SAVED_BYTES, 1, err);
    struct digest *digest = bytes ? digest_new(err) : NULL;
    int fd = digest ? file_open_nameless(folder, err) : -1;
    int status = -1;
    double begun = clock_seconds();
    if (fd >= 0) {
        digest_update(digest, bytes, SAVED_BYTES);
        status = file_write(fd, bytes, SAVED_BYTES, folder, err);
    }
    if (status == 0)
        status = file_sync(fd) == 0 ? 0 : -1;
    *seconds = clock_seconds() - begun;
    if (fd >= 0)
        sys.close(fd);
    digest_free(digest);
    free(bytes);
    return status;
}

/* And before it every frozen tensor is compared. Where nothing can be written now, only that counts.
 */
static int measure_save(struct training_probe *out, const struct run_setup *setup,
                        struct error *err)
{
    double writing = 0, begun = clock_seconds();
    work_tell(setup->sitting->work, WORK_SAVING, 0, 0);
    if (trainer_check_frozen(setup->trainer, err) != 0)
        return -1;
    out->save = clock_seconds() - begun;
    char *folder = path_existing(setup->sitting->request->run, err);
    if (!folder)
        return -1;
    if (measure_writing(&writing, folder, NULL) == 0)
        out->save += writing * (double)setup->disk.state / SAVED_BYTES;
    free(folder);
    return 0;
}

/* --- the sum --- */

static void add(struct probe_seconds *total, int64_t count, const struct probe_seconds *one)
{
    total->usual += (double)count * one->usual;
    total->low += (double)count * one->low;
    total->high += (double)count * one->high;
}

static void add_up(struct training_probe *probe)
{
    const struct probe_seconds saves = {(double)probe->saves * probe->save,
                                        (double)probe->least_saves * probe->save,
                                        (double)probe->saves * probe->save};
    add(&probe->total, probe->steps, &probe->step);
    add(&probe->total, probe->evaluations, &probe->evaluation);
    add(&probe->total, probe->samples, &probe->sample);
    add(&probe->total, 1, &saves);
}

int run_probe(struct training_probe *out, const struct run_setup *setup, struct error *err)
{
    const struct train_settings *s = &setup->settings;
    bool evaluates = setup->inputs.eval != NULL, samples = s->sample.ids != NULL;
    *out = (struct training_probe){.steps = trainer_steps(setup->trainer)};
    if (setup->inputs.layout_only)
        return error_set(err,
                         "--probe takes steps, for which the run's memory is needed: %s, and %s "
                         "are available here",
                         bytes_text((double)setup->planned_bytes).text,
                         bytes_text((double)setup->free_bytes).text);
    /* and before the first step, unless at the end alone */
    int64_t looks = step_due_count(0, out->steps, s->eval_every) + (s->eval_every > 0);
    out->evaluations = evaluates ? looks : 0;
    out->samples = samples ? looks : 0;
    out->saves = out->least_saves = step_due_count(0, out->steps, s->save_every);
    if (evaluates) /* each may be the best so far, which is saved, too */
        out->saves += step_due_count(0, out->steps, s->eval_every) -
                      step_due_both(0, out->steps, s->eval_every, s->save_every);
    if (measure_steps(out, setup, err) != 0 ||
        (evaluates && measure_evaluation(out, setup, err) != 0) ||
        (samples && measure_sample(out, setup, err) != 0) || measure_save(out, setup, err) != 0)
        return -1;
    add_up(out);
    return 0;
}

/* "step_seconds", "step_seconds_low", "step_seconds_high". */
static void put_seconds(struct json_writer *json, const char *name,
                        const struct probe_seconds *seconds)
{
    char key[64];
    snprintf(key, sizeof key, "%s_seconds", name);
    json_real(json, key, seconds->usual);
    snprintf(key, sizeof key, "%s_seconds_low", name);
    json_real(json, key, seconds->low);
    snprintf(key, sizeof key, "%s_seconds_high", name);
    json_real(json, key, seconds->high);
}

void training_put_probe(struct json_writer *json, const struct training_probe *probe)
{
    json_integer(json, "steps", probe->steps);
    json_count(json, "tokens", probe->tokens);
    json_count(json, "measured_steps", probe->measured);
    put_seconds(json, "step", &probe->step);
    json_integer(json, "evaluations", probe->evaluations);
    put_seconds(json, "evaluation", &probe->evaluation);
    json_integer(json, "samples", probe->samples);
    put_seconds(json, "sample", &probe->sample);
    json_integer(json, "saves", probe->saves);
    json_integer(json, "saves_least", probe->least_saves);
    json_real(json, "save_seconds", probe->save);
    put_seconds(json, "total", &probe->total);
}
