#include "job/training/run_probe.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"

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
    qsort(seconds, count, sizeof *seconds, compare);
    out->measured = count;
    out->step = quantile(seconds, count, 0.5);
    out->step_low = quantile(seconds, count, 0.25);
    out->step_high = quantile(seconds, count, 0.75);
    out->tokens = (uint64_t)((double)tokens / (double)count * (double)out->steps);
    return 0;
}

/* --- a part of what takes long --- */

/* Lets work go on until it has taken its time; `done` of `total` are as it told. */
struct part {
    struct run_sitting *sitting;
    struct work_watch watch;
    uint64_t done, total;
    double begun;
};

static void note_work(void *context, enum work_phase phase, uint64_t done, uint64_t total)
{
    struct part *part = context;
    part->done = done;
    part->total = total;
    work_tell(part->sitting->work, phase, done, total);
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
    struct part part = {.sitting = setup->sitting, .begun = clock_seconds()};
    struct error why = ERROR_INIT;
    struct evaluation evaluation;
    part.watch = (struct work_watch){&part, note_work};
    const struct evaluation_watch watch = {part_is_over, &part, &part.watch};
    int status = trainer_evaluate(&evaluation, setup->trainer, &watch, &why);
    double seconds = clock_seconds() - part.begun;
    if (run_should_stop(setup->sitting))
        return interrupted(err);
    if (status != 0 && why.kind != ERROR_INTERRUPTED)
        return error_set_kind(err, why.kind, "%s", why.text);
    out->evaluation = status == 0 ? seconds : seconds * (double)part.total / (double)part.done;
    return 0;
}

/* Each token is a forward of the text before it, so n of them cost
 *
 *     sum over i < n of  (prompt + i)  =  n prompt + n (n - 1) / 2    tokens' forwards */
static double forwards(double prompt, double count)
{
    return count * prompt + count * (count - 1) / 2;
}

/* A sample that takes long is cut off, and the rest reckoned: token n costs a pass over n
 * tokens. */
static int measure_sample(struct training_probe *out, const struct run_setup *setup,
                          struct error *err)
{
    struct part part = {.sitting = setup->sitting, .begun = clock_seconds()};
    int64_t made = 0;
    part.watch = (struct work_watch){&part, note_work};
    if (trainer_sample(setup->trainer, &part.watch, part_is_over, &part, &made, err) != 0)
        return -1;
    double seconds = clock_seconds() - part.begun;
    double prompt = (double)setup->settings.sample.count;
    if (run_should_stop(setup->sitting))
        return interrupted(err);
    out->sample = made == 0 ? seconds
                            : seconds * forwards(prompt, (double)setup->settings.sample.more) /
                                  forwards(prompt, (double)made);
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

/* Steps of 1 to `steps` at which something is due that comes every so many, and at the last. */
static int64_t times(int64_t steps, int64_t every)
{
    return every > 0 ? (steps + every - 1) / every : 1;
}

/* Of both together, each step once. */
static int64_t times_either(int64_t steps, int64_t a, int64_t b)
{
    int64_t x = a, y = b;
    if (a <= 0 || b <= 0)
        return times(steps, a > 0 ? a : b);
    while (y != 0) { /* the greatest common divisor */
        int64_t rest = x % y;
        x = y;
        y = rest;
    }
    return (steps - 1) / a + (steps - 1) / b - (steps - 1) / (a / x) / b + 1;
}

static double sum(const struct training_probe *probe, double step)
{
    return (double)probe->steps * step + (double)probe->evaluations * probe->evaluation +
           (double)probe->samples * probe->sample + (double)probe->saves * probe->save;
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
    int64_t looks = times(out->steps, s->eval_every) + (s->eval_every > 0);
    out->evaluations = evaluates ? looks : 0;
    out->samples = samples ? looks : 0;
    out->saves = evaluates ? times_either(out->steps, s->eval_every, s->save_every)
                           : times(out->steps, s->save_every);
    if (measure_steps(out, setup, err) != 0 ||
        (evaluates && measure_evaluation(out, setup, err) != 0) ||
        (samples && measure_sample(out, setup, err) != 0) || measure_save(out, setup, err) != 0)
        return -1;
    out->total = sum(out, out->step);
    out->total_low = sum(out, out->step_low);
    out->total_high = sum(out, out->step_high);
    return 0;
}

/* As tui/session/probe.h reads it. */
void training_put_probe(struct json_writer *json, const struct training_probe *probe)
{
    json_integer(json, "steps", probe->steps);
    json_count(json, "tokens", probe->tokens);
    json_count(json, "measured_steps", probe->measured);
    json_real(json, "step_seconds", probe->step);
    json_real(json, "step_seconds_low", probe->step_low);
    json_real(json, "step_seconds_high", probe->step_high);
    json_integer(json, "evaluations", probe->evaluations);
    json_real(json, "evaluation_seconds", probe->evaluation);
    json_integer(json, "samples", probe->samples);
    json_real(json, "sample_seconds", probe->sample);
    json_integer(json, "saves", probe->saves);
    json_real(json, "save_seconds", probe->save);
    json_real(json, "total_seconds", probe->total);
    json_real(json, "total_seconds_low", probe->total_low);
    json_real(json, "total_seconds_high", probe->total_high);
}
