#include "job/training/run_start.h"

#include "base/folder.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/export/export.h"
#include "job/job_dir.h"
#include "model/sidecars.h"

#include <stdlib.h>

bool run_start_is_made(const char *run)
{
    return job_dir_has(run, "base/config.json") && !job_dir_has(run, "base/" EXPORT_UNFINISHED);
}

/* The state by its digest, as a run that goes back and on has another of the same step. */
static cJSON *describe(const char *state, int64_t step, struct error *err)
{
    char digest[DIGEST_TEXT_SIZE];
    char *whole = sys.realpath(state, NULL), *file = path_join(state, "state.json", err);
    char *checkpoints = whole ? path_folder(whole, err) : NULL;
    char *run = checkpoints ? path_folder(checkpoints, err) : NULL;
    cJSON *start = NULL;
    if (run && file && digest_of_file(file, digest, err) == 0 && (start = cJSON_CreateObject()) &&
        !(cJSON_AddStringToObject(start, "run", run) &&
          cJSON_AddNumberToObject(start, "step", (double)step) &&
          cJSON_AddStringToObject(start, "sha256", digest))) {
        cJSON_Delete(start);
        start = NULL;
    }
    if (!start && err->kind == ERROR_NONE)
        error_set(err, "cannot say where %s is, or not enough memory", state);
    free(whole);
    free(file);
    free(checkpoints);
    free(run);
    return start;
}

static void tell(const struct run_sitting *sitting, const struct export_summary *summary)
{
    run_say(sitting, "begins from step %lld of %s: %llu tensor%s of it trained, %s in all",
            (long long)summary->step, sitting->request->model, (unsigned long long)summary->trained,
            text_s(summary->trained), bytes_text((double)summary->bytes).text);
    if (summary->best.step > 0 && summary->best.step < summary->step &&
        sitting->request->start.step == 0)
        run_say(sitting, "its best evaluation was that of step %lld, which --best begins from",
                (long long)summary->best.step);
}

/* The other run's state becomes this one's base, by the function that exports use. */
int run_start_make(cJSON **start, const struct run_sitting *sitting, const char *out,
                   struct error *err)
{
    const struct training_request *request = sitting->request;
    struct export_summary summary;
    char *state = NULL;
    if (export_base(request->model, &request->start, out, sitting->view->interrupted, &summary,
                    &state, err) != 0)
        return -1;
    tell(sitting, &summary);
    *start = describe(state, summary.step, err);
    free(state);
    return *start ? 0 : -1;
}
