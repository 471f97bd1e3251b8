#include "job/training/run_more.h"

#include "base/memory.h"
#include "job/job_dir.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a job.json may hold; nobody continues a run that often. */
enum { PARTS_MAX = 10000 };

/* A part as job.json has it; each number is one that a run can have. */
static int read_part(struct schedule_part *part, const cJSON *json, const char *where,
                     struct error *err)
{
    const int64_t most = INT64_C(1) << 53;
    const char *schedule;
    if (json_need_int64(json, "from", &part->from, 1, most, where, err) != 0 ||
        json_need_int64(json, "steps", &part->steps, 1, most, where, err) != 0 ||
        json_need_string(json, "schedule", &schedule, where, err) != 0)
        return -1;
    if (!json_get_double(json, "lr", &part->rate) || !isfinite(part->rate) || !(part->rate > 0))
        return error_set(err, "%s: \"lr\" is to be a number above 0", where);
    return schedule_by_name(&part->kind, schedule, err) == 0 ? 0 : error_prefix(err, "%s", where);
}

/* Those of job.json; each begins where the one before it had begun already, and not before. */
static int read_parts(struct run_more *more, const cJSON *job, const char *run, struct error *err)
{
    const cJSON *list = json_get(job, "continued"), *item;
    char where[ERROR_TEXT_MAX];
    snprintf(where, sizeof where, "%s/job.json: \"continued\"", run);
    int count = cJSON_GetArraySize(list);
    if (count > PARTS_MAX)
        return error_set(err, "%s has more than %d entries", where, PARTS_MAX);
    /* one more than there are, for the one that may be asked for */
    more->parts = array_alloc((size_t)count + 1, sizeof *more->parts, err);
    if (!more->parts)
        return -1;
    cJSON_ArrayForEach(item, list)
    {
        struct schedule_part *part = &more->parts[more->count];
        if (read_part(part, item, where, err) != 0)
            return -1;
        if (more->count > 0 && part->from <= part[-1].from)
            return error_set(err, "%s: \"from\" is to rise", where);
        more->count++;
    }
    return 0;
}

/* After the checkpoint that the sitting continues from. */
static int add_part(struct run_more *more, const struct run_sitting *sitting, struct error *err)
{
    const struct training_request *request = sitting->request;
    if (!sitting->state)
        return error_set(err,
                         "%s has no checkpoint yet: --more goes on from one; without it "
                         "`spectrum resume` trains to the run's end",
                         request->run);
    int64_t from = state_step_of(strrchr(sitting->state, '/') + 1);
    while (more->count > 0 && more->parts[more->count - 1].from >= from)
        more->count--;
    more->parts[more->count++] = (struct schedule_part){.from = from,
                                                        .steps = request->more.steps,
                                                        .rate = request->more.rate,
                                                        .kind = request->more.schedule};
    more->added = true;
    return 0;
}

/* What earlier resumes have added, and what this one adds. */
int run_more_open(struct run_more *more, const struct run_sitting *sitting, struct error *err)
{
    const char *run = sitting->request->run;
    cJSON *job = job_dir_has(run, "job.json") ? job_dir_read(run, "job.json", err) : NULL;
    *more = (struct run_more){0};
    int status = read_parts(more, job, run, err);
    if (status == 0 && sitting->request->more.steps > 0)
        status = add_part(more, sitting, err);
    cJSON_Delete(job);
    return status;
}

void run_more_close(struct run_more *more)
{
    free(more->parts);
    *more = (struct run_more){0};
}

/* As read_part() reads it. */
void run_more_put(struct json_writer *json, const struct schedule_part *parts, size_t count)
{
    if (count == 0)
        return;
    json_list(json, "continued");
    json_layout(json, JSON_ROWS);
    for (size_t i = 0; i < count; i++) {
        json_object(json, NULL);
        json_integer(json, "from", parts[i].from);
        json_integer(json, "steps", parts[i].steps);
        json_real(json, "lr", parts[i].rate);
        json_text(json, "schedule", schedule_name(parts[i].kind));
        json_end(json);
    }
    json_end(json);
}
