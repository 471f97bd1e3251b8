/* The requests of a job, small files that anybody who can write into its folder puts there: what the
 * worker takes, and the name in the one that has a text, the module to compute next. */
#include "fuzz.h"

#include "job/requests.h"
#include "model/score_read.h"
#include "model/score_table.h"

#include <sys/stat.h>

static const char scan_text[] =
    "{\"model.layers.0.mlp.down_proj\": {\"snr\": 1.5, \"type\": \"mlp.down_proj\"},"
    " \"lm_head\": {\"snr\": 0.5, \"type\": \"lm_head\"}}";
static const char *const names[] = {"job/requests/pause", "job/requests/resume",
                                    "job/requests/checkpoint", "job/requests/stop",
                                    "job/requests/first"};
enum { REQUESTS = sizeof names / sizeof *names };

static bool at_once(void *context)
{
    (void)context;
    return true;
}

/* The first byte says which requests are there; each has the rest as its text. */
static void put_requests(const uint8_t *data, size_t size, unsigned which)
{
    for (int i = 0; i < REQUESTS; i++)
        if (which >> i & 1)
            fuzz_file(names[i], data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scan *scan;
    unsigned which = size > 0 ? data[0] : 0xFF;
    char job[192];
    bool paused = false;
    struct buffer text = BUFFER_INIT;
    snprintf(job, sizeof job, "%s", fuzz_path("job"));
    if (!scan) {
        mkdir(job, 0700);
        mkdir(fuzz_path("job/requests"), 0700);
        if (scan_parse(&scan, scan_text, sizeof scan_text - 1, "scan.json", NULL) != 0)
            abort();
    }
    data += size > 0;
    size -= size > 0;
    put_requests(data, size, which);
    if (job_request_take(job, JOB_REQUEST_FIRST, &text)) {
        if (text.length != size || (size > 0 && memcmp(text.data, data, size) != 0))
            abort();
        scan_find(scan, buffer_string(&text));
    }
    buffer_free(&text);
    job_holds(job, &paused);
    if (paused != (which & 1))
        abort();
    job_unpause(job, &paused);
    put_requests(data, size, which >> 3 | 2); /* it waits for one of them */
    job_pause(job, at_once, NULL);
    job_requests_drop(job);
    /* What was there has been taken, and nothing is made of it. */
    for (int i = 0; i < REQUESTS; i++)
        if (access(fuzz_path(names[i]), F_OK) == 0)
            abort();
    rmdir(fuzz_path("job/requests"));
    if (mkdir(fuzz_path("job/requests"), 0700) != 0)
        abort(); /* something is left in it */
    return 0;
}
