#include "tui/cli/train_config.h"

#include "base/folder.h"
#include "base/text.h"
#include "job/run_config.h"
#include "tui/cli/output.h"

#include <stdio.h>
#include <string.h>

void trust_say(const struct job_trust *trust)
{
    for (size_t i = 0; trust->asks && i < trust->count; i++) {
        const struct job_named *file = &trust->files[i];
        struct buffer line = BUFFER_INIT;
        buffer_format(&line, "it would read %.*s: %s%s", file->length, file->option, file->path,
                      file->inside ? ", in its folder" : "");
        if (line.data)
            utf8_sanitize(line.data);
        fprintf(stderr, "%s\n", buffer_string(&line));
        buffer_free(&line);
    }
}

/* What this user has approved, by a run or by --trust, is not asked about again. */
static int check_trust(struct run_config *config, bool trusted, struct error *err)
{
    struct job_trust trust;
    int status = 0;
    if (run_config_look(&trust, config, err) != 0)
        return -1;
    trust_say(&trust);
    if (trust.asks && trusted)
        job_trust_approve(&trust);
    else if (trust.asks && trust.foreign)
        status = error_set(err, "%s is taken with --trust only: it belongs to user %lu, not to you",
                           config->path, (unsigned long)trust.owner);
    else if (trust.asks)
        status =
            error_set(err, "%s is taken with --trust only: %s", config->path,
                      config->record ? "it is of a run that you have neither started nor approved"
                                     : "others may write to it, or to its folder");
    job_trust_free(&trust);
    return status;
}

/* What of the file does not count beside the MODEL that was typed: its own, and from where the run
 * begins, which is of that. */
static void tell_model(const struct run_config *config, const struct training_request *request)
{
    if (!request->model)
        return;
    if (run_config_has_start(config) && request->start.step == 0 && !request->start.best)
        message_print("%s: its --step or --best is of %s and left out: the run begins from %s",
                      config->path, config->model ? config->model : "another model",
                      request->model);
    else if (config->model && !file_is_same(config->model, request->model) &&
             strcmp(config->model, request->model) != 0)
        message_print("%s: its model is %s and left out: the run is of %s", config->path,
                      config->model, request->model);
}

char **train_config_expand(const struct training_request *request, int argc, char *const argv[],
                           int *count, struct error *err)
{
    struct run_config config;
    char **arguments = NULL;
    if (run_config_read(&config, request->config, err) == 0 &&
        check_trust(&config, request->trusted, err) == 0 &&
        (request->model || run_config_check_model(&config, err) == 0)) {
        tell_model(&config, request);
        arguments =
            run_config_merge(&config, &request->given, request->model, argc, argv, count, err);
    }
    run_config_free(&config);
    return arguments;
}
