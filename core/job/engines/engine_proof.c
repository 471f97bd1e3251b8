#include "job/engines/engine_proof.h"

#include "base/json.h"
#include "job/job_dir.h"

#include <math.h>
#include <string.h>

/* Every name of the list has its member with a gradient; as many members as names are then the same
 * names. */
static int compare(const char *run, const cJSON *asked, const cJSON *trained, struct error *err)
{
    const cJSON *name;
    cJSON_ArrayForEach(name, asked)
    {
        double norm = 0;
        const char *text = cJSON_IsString(name) ? name->valuestring : "";
        const cJSON *tensor = cJSON_GetObjectItemCaseSensitive(trained, text);
        if (!tensor)
            return error_set(err, "%s/proof.json: %.300s was to train, and did not", run, text);
        if (!json_get_double(tensor, "gradient_norm", &norm) || !isfinite(norm) || norm <= 0)
            return error_set(err, "%s/proof.json: %.300s trains and had no gradient", run, text);
    }
    cJSON_ArrayForEach(name, trained)
    {
        bool found = false;
        const cJSON *item;
        if (cJSON_GetArraySize(trained) == cJSON_GetArraySize(asked))
            return 0;
        cJSON_ArrayForEach(item, asked) found |=
            cJSON_IsString(item) && strcmp(item->valuestring, name->string) == 0;
        if (!found)
            return error_set(err, "%s/proof.json: %.300s trained, and was to be frozen", run,
                             name->string);
    }
    return 0;
}

int engine_proof_check(const char *run, int64_t last_step, struct error *err)
{
    int64_t unchanged = -1;
    cJSON *proof = job_dir_read(run, "proof.json", err);
    cJSON *engine = proof ? job_dir_read(run, "engine.json", err) : NULL;
    int status =
        engine ? compare(run, json_get(engine, "trained"), json_get(proof, "trained"), err) : -1;
    if (status == 0 && !cJSON_IsTrue(json_get(proof, "complete")))
        status =
            error_set(err, "%s/proof.json is not complete: not every tensor had a gradient", run);
    json_get_int64(json_get(proof, "frozen"), "unchanged_at_step", &unchanged);
    if (status == 0 && unchanged != last_step)
        status = error_set(err,
                           "%s/proof.json does not say of step %lld that frozen tensors are "
                           "as they were",
                           run, (long long)last_step);
    cJSON_Delete(engine);
    cJSON_Delete(proof);
    return status;
}
