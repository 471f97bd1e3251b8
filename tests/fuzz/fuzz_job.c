/* A job's job.json, as whoever resumes, lists or shows a job reads it: which job a path lies in,
 * what its arguments name and whether the user has to be asked, what a resume refuses; and its
 * progress.json. */
#include "fuzz.h"

#include "job/job_dir.h"
#include "job/job_progress.h"
#include "job/launch.h"
#include "job/trust.h"

#include <sys/stat.h>

/* The program is not there, so the last step of a resume fails. Had it an end, it was started. */
static void relaunch(const char *job, const char *trusted)
{
    struct error err = ERROR_INIT;
    if (fuzz_ok(job_relaunch(job, "/nonexistent/spectrum", &(struct job_restart){0}, trusted, &err),
                &err))
        abort();
}

/* What is trusted is noted, and is not asked again as long as nothing is changed. */
static void trust(const char *path, const cJSON *job)
{
    struct job_trust trust;
    struct error err = ERROR_INIT;
    struct buffer text = BUFFER_INIT;
    char key[DIGEST_TEXT_SIZE];
    if (!fuzz_ok(job_trust_look(&trust, path, job, &err), &err))
        return;
    for (size_t i = 0; i < trust.count; i++)
        if (!trust.files[i].path || trust.files[i].length < 0)
            abort();
    job_trust_put(&text, &trust);
    memcpy(key, trust.key, sizeof key);
    bool asks = trust.asks;
    job_trust_free(&trust);
    buffer_free(&text);
    if (fuzz_ok(job_trust_check(path, job, NULL, &err), &err) == asks)
        abort();
    if (asks)
        fuzz_ok(job_trust_check(path, job, "another key", &err), &err);
    if (job_trust_check(path, job, key, NULL) != 0 || job_trust_check(path, job, NULL, NULL) != 0)
        abort();
    /* The next input is to be asked about again. */
    char name[100];
    snprintf(name, sizeof name, "spectrum/approved/%.64s", key);
    unlink(fuzz_path(name));
}

/* As whoever follows the job reads the same bytes in its progress.json: what is known makes sense. */
static void look_at_progress(const char *job, const uint8_t *data, size_t size)
{
    struct job_progress progress;
    fuzz_file("job/progress.json", data, size);
    bool known = job_progress_read(&progress, job);
    if (known != (progress.phase[0] != '\0') || progress.step < -1 ||
        progress.done > progress.total || (progress.total < 0 && progress.done != -1))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const folders[] = {"job", "job/requests", "job/inside"};
    char job[192], inside[224];
    struct error err = ERROR_INIT;
    snprintf(job, sizeof job, "%s", fuzz_path("job"));
    snprintf(inside, sizeof inside, "%s/inside/model", job);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        mkdir(fuzz_path(folders[i]), 0700);
    fuzz_file("job/job.json", data, size);
    free(job_dir_around(inside, NULL));
    cJSON *json = job_dir_read(job, "job.json", &err);
    if (fuzz_ok(json ? 0 : -1, &err))
        trust(job, json);
    cJSON_Delete(json);
    relaunch(job, NULL);
    look_at_progress(job, data, size);
    return 0;
}
