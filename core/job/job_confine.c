/* What of a job's folder is a job's. */
#include "base/confine.h"
#include "job/job_dir.h"

int job_dir_confine(const char *path, struct error *err)
{
    static const char *const names[] = {"job.json", "plan.yaml",   "proof.json", "metrics.jsonl",
                                        "log.txt",  "result.json", "lock",       "requests",
                                        "base",     "checkpoints", JOB_TEMPLATE, NULL};
    static const struct confined_names confined = {names, "checkpoints"};
    return confine_folder(path, &confined, err);
}
