/* A file of options, YAML or a job.json, as `train --config` reads it: what it says, whether the
 * user is to be asked, and the command line that it makes with one that was typed. */
#include "fuzz.h"

#include "job/run_config.h"
#include "job/training_options.h"

/* What is read is what options take: each argument is one that the table has, and takes its value.
 */
static void check_argument(const char *argument)
{
    struct training_request request;
    char name[64];
    const char *equals = strchr(argument, '=');
    snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - argument - 2) : 60, argument + 2);
    size_t row = option_by_name(&training_options, name);
    if (row == training_options.count || training_row_is_of_command(row))
        abort();
    training_request_init(&request);
    if (option_set(&training_options.rows[row], &request, equals ? equals + 1 : NULL, NULL) != 0)
        abort();
    training_request_free(&request);
}

static void merge(const struct run_config *config)
{
    char *const typed[] = {(char[]){"train"}, (char[]){"--lr"}, (char[]){"1"},
                           (char[]){"--config=x"}, NULL};
    struct option_given given = {{0}};
    struct error err = ERROR_INIT;
    int count;
    option_give(&given, TRAINING_ROW(rate));
    char **arguments = run_config_merge(config, &given, "model", 4, typed, &count, &err);
    if (!fuzz_ok(arguments ? 0 : -1, &err))
        return;
    if (count < 3 || arguments[count] || strcmp(arguments[count - 2], "--lr") != 0)
        abort();
    for (int i = 1; i < count - 2; i++)
        check_argument(arguments[i]);
    run_config_free_arguments(arguments);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run_config config;
    struct job_trust trust;
    struct error err = ERROR_INIT;
    char path[192];
    snprintf(path, sizeof path, "%s", fuzz_file("run.yaml", data, size));
    if (fuzz_ok(run_config_read(&config, path, &err), &err)) {
        if (fuzz_ok(run_config_look(&trust, &config, &err), &err))
            job_trust_free(&trust);
        if (config.model && config.model[0] == '-')
            abort();
        merge(&config);
    }
    run_config_free(&config);
    return 0;
}
