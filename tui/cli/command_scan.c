/* `spectrum scan MODEL`: the signal-to-noise ratio of every matrix. */
#include "base/file.h"
#include "base/sys.h"
#include "base/xdg.h"
#include "spectra/scan.h"
#include "spectra/spectra_file.h"
#include "tui/cli/command.h"
#include "tui/cli/options.h"
#include "tui/cli/scan_progress.h"
#include "tui/cli/unscored.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct request {
    const char *model, *output, *device, *estimator, *empty_noise, *modules, *spectra;
    bool no_cache, json;
    int64_t threads;
};

/* Before the hours of work, and nothing is written to the model itself. */
static int check_outputs(const struct request *request, const struct model *model,
                         struct error *err)
{
    if (request->output && request->spectra && file_is_same(request->output, request->spectra))
        return error_set_kind(err, ERROR_USAGE,
                              "-o and --spectra name one file, %s; give each its own",
                              request->output);
    if (file_check_output(request->output, err) != 0 ||
        file_check_output(request->spectra, err) != 0 ||
        checkpoint_check_output(model->checkpoint, request->spectra, err) != 0)
        return -1;
    return checkpoint_check_output(model->checkpoint, request->output, err);
}

static int write_output(const struct scan *scan, const struct request *request, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    bool to_stdout = request->output && strcmp(request->output, "-") == 0;
    int status = 0;
    if (request->output && !to_stdout) {
        scan_put_file(&out, scan);
        status = buffer_check(&out, err);
        if (status == 0)
            status = file_save_output(request->output, out.data, out.length, err);
        buffer_clear(&out);
    }
    if (status == 0 && (to_stdout || request->json)) {
        (request->json ? scan_put_json : scan_put_file)(&out, scan);
        status = buffer_check(&out, err);
        if (status == 0)
            fwrite(out.data, 1, out.length, stdout);
    }
    buffer_free(&out);
    return status;
}

static void print_table(const struct scan *scan)
{
    printf("%-44s %-12s %10s %10s %10s %7s %7s %10s\n", "module", "shape", "SNR", "sigma_max",
           "threshold", "signal", "noise", "noise SNR");
    for (size_t i = 0; i < scan->count; i++) {
        const struct scan_row *row = &scan->rows[i];
        char shape[48];
        if (!row->known)
            continue;
        snprintf(shape, sizeof shape, "%lldx%lld", (long long)row->rows, (long long)row->cols);
        if (row->detailed)
            printf("%-44s %-12s %10.5g %10.5g %10.5g %7lld %7lld %10.4g%s%s%s\n", row->module,
                   shape, row->snr, row->sigma_max, row->threshold, (long long)row->signal_count,
                   (long long)row->noise_count, row->null_snr,
                   row->degenerate ? "  degenerate" : "", row->degenerate_reason[0] ? ": " : "",
                   row->degenerate_reason);
        else
            printf("%-44s %-12s %10s  not scored: %s\n", row->module, shape, "n/a", row->reason);
    }
}

/* A scan is as good without: it is said, and computed again the next time. */
static void tell_cache(const struct request *request)
{
    struct error why = ERROR_INIT;
    char *folder = request->no_cache ? NULL : xdg_cache_folder("spectra", &why);
    if (folder && sys.access(folder, W_OK | X_OK) != 0)
        error_set_errno(&why, errno, "cannot write to %s (XDG_CACHE_HOME can name another place)",
                        folder);
    if (why.kind != ERROR_NONE)
        fprintf(stderr, "singular values are not kept: %s\n", why.text);
    free(folder);
}

static int scan_model(const struct request *request, struct scan_job *job, struct error *err)
{
    struct scan_options options = {.modules = request->modules,
                                   .device = request->device,
                                   .use_cache = !request->no_cache,
                                   .threads = (int)request->threads};
    struct model *model = NULL;
    struct scan_result *result = NULL;
    if (estimator_by_name(&options.estimator, request->estimator, err) != 0)
        return -1;
    if (empty_noise_by_name(&options.empty_noise, request->empty_noise, err) != 0)
        return -1;
    struct scan_progress progress;
    scan_progress_begin(&progress, job);
    struct scan_observer observer = scan_progress_observer(&progress);
    int status = -1;
    if (model_open(&model, request->model, err) == 0 && check_outputs(request, model, err) == 0) {
        fputs(model_notes(model), stderr);
        tell_cache(request);
        status = scan_run(&result, model, NULL, &options, &observer, err);
    }
    scan_progress_end(&progress);
    if (job->failure.kind != ERROR_NONE) {
        *err = job->failure;
        status = -1;
    }
    if (status == 0 && request->spectra)
        status = spectra_file_write(request->spectra, result, err);
    if (status == 0)
        status = write_output(result->scan, request, err);
    if (status == 0 && !request->output && !request->json)
        print_table(result->scan);
    if (status == 0)
        unscored_print(result->scan, NULL);
    scan_result_free(result);
    model_close(model);
    return status;
}

int command_scan(int argc, char **argv, struct error *err)
{
    struct scan_job job;
    struct request request = {
        .device = "auto", .estimator = "reference", .empty_noise = "infinity"};
    const struct option_spec specs[] = {
        {"o", OPTION_TEXT, &request.output, "SCAN.json",
         "write the scan there, a file, pipe or device; - is standard output", 0, 0, NULL},
        {"device", OPTION_TEXT, &request.device, "DEVICE",
         "auto (default: a GPU if there is one), cpu, cuda, cuda:N, reference", 0, 0, NULL},
        {"estimator", OPTION_TEXT, &request.estimator, "NAME",
         "reference (default), mp, gavish-donoho", 0, 0, NULL},
        {"empty-noise", OPTION_TEXT, &request.empty_noise, "RULE",
         "what an empty noise set gives: infinity (default) or one", 0, 0, NULL},
        {"modules", OPTION_TEXT, &request.modules, "REGEX",
         "modules by name (default: the 2-D weights of the blocks)", 0, 0, NULL},
        {"spectra", OPTION_TEXT, &request.spectra, "FILE",
         "write the singular values there (safetensors)", 0, 0, NULL},
        {"no-cache", OPTION_FLAG, &request.no_cache, NULL, "neither read nor write cached spectra",
         0, 0, NULL},
        {"threads", OPTION_INTEGER, &request.threads, "N", "matrices side by side (default: cores)",
         1, 4096, NULL},
        {"json", OPTION_FLAG, &request.json, NULL, "strict JSON on standard output", 0, 0, NULL},
    };
    enum { COUNT = sizeof specs / sizeof *specs };
    int status = options_parse_one(specs, COUNT, "spectrum scan MODEL [-o SCAN.json]",
                                   "scan takes one MODEL: a folder, a .safetensors "
                                   "or a .gguf file, or a cached repository's name",
                                   argc, argv, &request.model, err);
    if (status == 0) {
        status = scan_job_open(&job, request.model, argc, argv, err);
        if (status == 0)
            status = scan_model(&request, &job, err);
        scan_job_close(&job, status == 0);
    }
    return status > 0 ? 0 : status;
}
