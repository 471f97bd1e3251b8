/* What of a model is shown in a row of the library: read from the headers of its files, and from the
 * state folder, which knows its scan and its plans. */
#include "base/folder.h"
#include "base/json.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/xdg.h"
#include "checkpoint/checkpoint.h"
#include "job/job_dir.h"
#include "job/lock.h"
#include "plan/plan_shelf.h"
#include "spectra/cache.h"
#include "tui/session/library.h"
#include "tui/session/scan_launch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- are they the same files --- */

/* FNV-1a over inode, time of change and size; of what is not there, over nothing. */
static uint64_t mix(uint64_t identity, const char *folder, const char *name)
{
    struct stat info;
    char *path = name ? path_join(folder, name, NULL) : NULL;
    if ((path || !name) && sys.stat(path ? path : folder, &info) == 0) {
        uint64_t numbers[] = {info.st_ino, (uint64_t)info.st_mtim.tv_sec,
                              (uint64_t)info.st_mtim.tv_nsec, (uint64_t)info.st_size};
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
            identity = (identity ^ numbers[i]) * UINT64_C(0x100000001b3);
    }
    free(path);
    return identity;
}

static const uint64_t nothing = UINT64_C(0xcbf29ce484222325);

/* A repository of the cache has no files of its own here, and is looked at once. */
uint64_t model_identity(const char *path)
{
    static const char *const names[] = {"config.json", "model.safetensors",
                                        "model.safetensors.index.json", "pytorch_model.bin",
                                        "pytorch_model.bin.index.json"};
    uint64_t identity = mix(nothing, path, NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        identity = mix(identity, path, names[i]);
    return identity ? identity : 1;
}

/* A scan that ends writes in its job's folder alone. */
uint64_t model_state_identity(const struct model_facts *facts)
{
    char *folder = xdg_state_path("", NULL), *scans = xdg_state_path("scans", NULL);
    uint64_t identity = folder ? mix(mix(nothing, folder, "plans"), folder, "scans") : nothing;
    if (scans && facts->scan[0])
        identity = mix(identity, scans, facts->scan);
    free(scans);
    free(folder);
    return identity ? identity : 1;
}

/* --- what is in them --- */

static void take_tensors(struct model_facts *facts, const struct checkpoint *checkpoint)
{
    facts->parameters = facts->bytes = 0;
    for (size_t i = 0; i < checkpoint_count(checkpoint); i++) {
        const struct tensor_info *tensor = checkpoint_tensor(checkpoint, i);
        facts->parameters += (double)tensor->elements;
        facts->bytes += (double)tensor->bytes;
    }
}

/* config.json's "model_type", or GGUF's "general.architecture". */
static void take_type(struct model_facts *facts, const struct checkpoint *checkpoint)
{
    const cJSON *metadata = checkpoint_metadata(checkpoint);
    const char *type = "";
    if (!json_get_string(metadata, "model_type", &type))
        json_get_string(metadata, "general.architecture", &type);
    utf8_copy(facts->type, sizeof facts->type, type);
}

/* Its scan is a job of the screen's, whose folder is named by a hash of the model's path. */
static void take_names(struct model_facts *facts, const struct checkpoint *checkpoint)
{
    struct scan scan = {.model = (char *)checkpoint_path(checkpoint)};
    char *job = scan_launch_path(&scan, NULL);
    if (job)
        utf8_copy(facts->scan, sizeof facts->scan, path_last(job));
    free(job);
    if (!spectra_fingerprint_known(checkpoint, facts->content))
        facts->content[0] = '\0';
}

void model_facts_read(struct model_facts *facts, const char *path)
{
    struct checkpoint *checkpoint;
    *facts = (struct model_facts){.parameters = NAN, .bytes = NAN, .plans = -1};
    if (checkpoint_open(&checkpoint, path, NULL) != 0)
        return;
    take_tensors(facts, checkpoint);
    take_type(facts, checkpoint);
    take_names(facts, checkpoint);
    checkpoint_close(checkpoint);
}

/* --- what the state folder has of it --- */

/* Whether this content is scanned, as the scan's job says. What the files hold now is not known
 * where they have changed since, and so it is not known either whether that is scanned. */
static void read_scan(struct model_facts *facts, const char *job)
{
    const char *status = "", *content = "";
    facts->scanned = SCANNED_NOT;
    if (!job_dir_has(job, "metrics.jsonl"))
        return;
    cJSON *result = job_dir_read(job, "result.json", NULL);
    cJSON *record = job_dir_read(job, "job.json", NULL);
    json_get_string(result, "status", &status);
    json_get_string(record, "fingerprint", &content);
    if (!facts->content[0])
        facts->scanned = SCANNED_UNKNOWN;
    else if (strcmp(facts->content, content) == 0)
        facts->scanned = strcmp(status, "completed") == 0 ? SCANNED_ALL : SCANNED_PART;
    cJSON_Delete(result);
    cJSON_Delete(record);
}

void model_facts_read_state(struct model_facts *facts)
{
    char *scans = xdg_state_path("scans", NULL);
    char *job = scans && facts->scan[0] ? path_join(scans, facts->scan, NULL) : NULL;
    if (job)
        read_scan(facts, job);
    if (job) /* whose content is not known nobody has opened, and it has none */
        facts->plans = plan_shelf_count(facts->content);
    free(job);
    free(scans);
}
