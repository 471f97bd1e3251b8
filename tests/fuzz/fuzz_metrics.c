/* A job's metrics.jsonl, read whole and as it grows. */
#include "fuzz.h"

#include "job/metrics.h"

static void follow(const uint8_t *data, size_t size, size_t first)
{
    struct job_metrics metrics = {0};
    size_t added;
    fuzz_file("metrics.jsonl", data, first);
    if (job_metrics_follow(&metrics, fuzz_folder(), NULL) != 0)
        abort();
    job_metrics_update(&metrics, &added, NULL);
    fuzz_file("metrics.jsonl", data, size);
    job_metrics_update(&metrics, &added, NULL);
    job_metrics_last(&metrics, "loss");
    job_metrics_last_step(&metrics);
    job_metrics_free(&metrics);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    follow(data, size, size);
    follow(data, size, size / 2);
    return 0;
}
