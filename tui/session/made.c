#include "tui/session/made.h"

#include "base/folder.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "job/job_dir.h"
#include "job/job_index.h"
#include "tui/session/finish.h"
#include "tui/session/wording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double interval = 1; /* seconds between two looks */
enum { ROWS_MAX = 1000 };         /* nobody reads more */

static void free_rows(struct made_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(rows[i].path);
    free(rows);
}

void made_free(struct made *made)
{
    free_rows(made->rows, made->count);
    *made = (struct made){0};
}

/* Was the job made of this run? */
static bool is_of(const cJSON *job, const char *run)
{
    const char *model = NULL;
    char *path = json_get_string(job, "model", &model) ? job_dir_named(job, model, NULL) : NULL;
    bool same = path && file_is_same(path, run);
    free(path);
    return same;
}

static void put_row(struct made_row *row, const struct job_follow *job)
{
    struct buffer result = BUFFER_INIT;
    char argument[96], state[ERROR_TEXT_MAX];
    const struct job_kind *kind = job_kind_of(job->job);
    bool evaluates = strcmp(kind->command, "eval") == 0;
    if (evaluates)
        path_put_last(finish_argument(job->job), argument, sizeof argument);
    else
        utf8_copy_line(argument, sizeof argument, finish_argument(job->job));
    snprintf(row->what, sizeof row->what, "%s%s%s", kind->noun,
             !argument[0] ? ""
             : evaluates  ? " on "
                          : ": ",
             argument);
    row->lives = job_follow_lives(job);
    if (row->lives || !finish_put_result(job->path, &result)) {
        if (!row->lives || !job_follow_phase(job, state, sizeof state))
            job_follow_describe(job, state, sizeof state);
        utf8_copy(row->text, sizeof row->text, state);
    } else {
        utf8_copy_line(row->text, sizeof row->text, buffer_string(&result));
    }
    buffer_free(&result);
}

/* 0 also where it is another run's; -1: there is no memory. */
static int add(struct made *made, const char *path, const char *run)
{
    struct job_follow *job;
    int status = 0;
    if (job_follow_open_end(&job, path, NULL) != 0)
        return 0;
    if (job_kind_of(job->job)->output && is_of(job->job, run)) {
        struct made_row row = {.path = string_copy(path, NULL)};
        status = row.path ? array_reserve((void **)&made->rows, &made->capacity, made->count + 1,
                                          sizeof *made->rows, NULL)
                          : -1;
        if (status == 0) {
            put_row(&row, job);
            made->rows[made->count++] = row;
        } else {
            free(row.path);
        }
    }
    job_follow_close(job);
    return status;
}

static bool is_same(const struct made *a, const struct made *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = strcmp(a->rows[i].path, b->rows[i].path) == 0 &&
               strcmp(a->rows[i].text, b->rows[i].text) == 0 &&
               a->rows[i].lives == b->rows[i].lives;
    return same;
}

bool made_update(struct made *made, const char *run, bool now)
{
    struct made found = {.looked_at = clock_seconds()};
    char **paths;
    size_t count;
    if (!now && found.looked_at - made->looked_at < interval)
        return false;
    if (job_index_list(&paths, &count, NULL) == 0) {
        for (size_t i = 0; i < count && found.count < ROWS_MAX; i++)
            if (strstr(paths[i], "/made/") && add(&found, paths[i], run) != 0)
                break;
        job_index_free(paths, count);
    }
    bool changed = !is_same(made, &found);
    free_rows(made->rows, made->count);
    *made = found;
    return changed;
}
