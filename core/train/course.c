#include "train/course.h"

#include <math.h>

/* Each part goes on from a step that the run has by then, and ends the run. */
static int add_parts(struct course *course, const struct train_settings *settings,
                     struct error *err)
{
    for (size_t i = 0; i < settings->part_count; i++) {
        struct schedule_part *part = &settings->parts[i];
        if (part->from < 1 || part->from > course->steps)
            return error_set(err, "the run has %lld steps: it cannot go on from step %lld",
                             (long long)course->steps, (long long)part->from);
        if (part->rate == 0)
            part->rate = schedule_rate(&course->schedule, part->from - 1);
        if (part->rate == 0)
            return error_set_kind(err, ERROR_USAGE,
                                  "the learning rate of step %lld is 0, and nothing would train "
                                  "with it: --lr says at which one to go on",
                                  (long long)part->from);
        course->schedule.part_count = i + 1;
        course->steps = part->from + part->steps;
    }
    return 0;
}

/* The warm-up's first step has the rate 0, so the last step of a run is never part of it. */
static int fix_schedule(struct course *course, const struct train_settings *settings,
                        struct error *err)
{
    int64_t steps = settings->steps;
    if (steps == 0)
        steps = packing_steps(course->packing, settings->epochs,
                              settings->batch * settings->accumulate);
    if (steps < 1)
        return error_set(err, "the run would have no steps: give --steps or more --epochs");
    double warmup =
        settings->warmup < 1 ? ceil(settings->warmup * (double)steps) : settings->warmup;
    course->steps = steps;
    course->schedule = (struct schedule){.kind = settings->schedule,
                                         .peak = settings->rate,
                                         .floor = settings->least_rate,
                                         .warmup = (int64_t)fmin(warmup, (double)steps - 1),
                                         .steps = steps,
                                         .parts = settings->parts};
    return add_parts(course, settings, err);
}

int course_open(struct course *out, const struct piece_list *pieces,
                const struct train_settings *settings, struct error *err)
{
    *out = (struct course){.rows = settings->batch};
    if (packing_new(&out->packing, pieces, settings->optimizer.seed, true, settings->pad, err) ==
            0 &&
        fix_schedule(out, settings, err) == 0 &&
        batch_alloc(&out->batch, settings->batch, settings->seq_len, err) == 0)
        return 0;
    course_close(out);
    return -1;
}

void course_close(struct course *course)
{
    packing_free(course->packing);
    batch_free(&course->batch);
    *course = (struct course){0};
}

void course_seek(struct course *course, struct packing_position position)
{
    packing_seek(course->packing, position);
}

/* An epoch of small weights can be without a row. */
int course_read(struct course *course, struct taken *taken, struct error *err)
{
    struct packing *packing = course->packing;
    int64_t seq_len = course->batch.tokens / course->rows;
    int rows;
    while ((rows = packing_next(packing, &course->batch, course->rows, err)) == 0) {
        if (taken->supervised > 0)
            return 0;
        packing_seek(packing, (struct packing_position){packing_position(packing).epoch + 1, 0});
    }
    if (rows < 0)
        return -1;
    taken->rows += (uint64_t)rows;
    taken->tokens += (uint64_t)rows * (uint64_t)seq_len;
    taken->supervised += (uint64_t)course->batch.supervised;
    taken->weight += course->batch.weight;
    return 1;
}
