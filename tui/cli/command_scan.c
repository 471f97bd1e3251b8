/* `spectrum scan MODEL`: the signal-to-noise ratio of every matrix.
 *
 *     model -> spectra/scan.h, watched by scan_view.h -> a scan file, spectra, JSON or a table
 *
 * What would make the work useless is found before it: an output that cannot be written, or that is
 * a file of the model. Singular values are kept in the cache as they come, so a scan that is
 * interrupted loses the matrices in hand alone.
 */
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/xdg.h"
#include "hub/remote.h"
#include "hub/repository.h"
#include "model/score_table.h"
#include "spectra/cache.h"
#include "spectra/scan.h"
#include "spectra/scan_result.h"
#include "tui/cli/command.h"
#include "tui/cli/options.h"
#include "tui/cli/output.h"
#include "tui/cli/scan_view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct request {
    const char *model, *output, *device, *estimator, *modules, *spectra, *revision;
    enum empty_noise empty_noise;
    bool no_cache, json, split_fused, remote;
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

/* -o FILE has the scan file; standard output has it with -o -, and strict JSON with --json. Each is
 * whole before it is written. */
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

/* For people: a line a matrix that was scanned. */
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

/* --- a model that is on the hub --- */

struct remote {
    struct hub hub;
    struct hub_model *model;
};

static bool is_interrupted(void *context)
{
    const struct scan_view *view = context;
    return *view->interrupted;
}

/* From any thread of the scan: a line on its own, over a bar, which the next row draws again. */
static void say(void *context, const char *line)
{
    const struct scan_view *view = context;
    if (view->terminal)
        fputs("\r\033[K", stderr);
    message_print("%s", line);
}

/* "org/name" is the folder, "org/name/file" a file of it. */
static int open_remote(struct model **out, struct remote *remote, const struct request *request,
                       struct scan_view *view, struct error *err)
{
    struct checkpoint *checkpoint = NULL;
    char *name = string_copy(request->model, err), known[33];
    char *slash = name ? strchr(name, '/') : NULL, *file = slash ? strchr(slash + 1, '/') : NULL;
    const char *revision = request->revision ? request->revision : "main";
    if (!name)
        return -1;
    if (file)
        *file++ = '\0';
    int status = repository_check_name(name, err);
    if (status == 0)
        status = repository_check_revision(revision, err);
    if (status == 0)
        status = hub_open(&remote->hub, is_interrupted, view, err);
    if (status == 0) {
        remote->hub.say = say;
        remote->hub.context = view;
        status =
            hub_model_open(&remote->model, &remote->hub, name, revision, is_interrupted, view, err);
    }
    if (status == 0)
        status = checkpoint_open_place(&checkpoint, hub_model_place(remote->model), file, err);
    if (status == 0 && view->terminal && !spectra_fingerprint_known(checkpoint, known))
        message_print("%s: reading samples of %zu tensors, which tell what is known of it", name,
                      checkpoint_count(checkpoint));
    if (status == 0)
        status = model_of(out, checkpoint, err);
    free(name);
    return status;
}

/* The table goes to a terminal or a pipe where nothing else is asked for. */
static int scan_model(const struct request *request, struct scan_view *view, struct error *err)
{
    struct scan_options options = {.rows = {request->modules, request->split_fused},
                                   .device = request->device,
                                   .use_cache = !request->no_cache,
                                   .empty_noise = request->empty_noise,
                                   .threads = (int)request->threads};
    struct remote remote = {.model = NULL};
    struct model *model = NULL;
    struct scan_result *result = NULL;
    if (estimator_by_name(&options.estimator, request->estimator, err) != 0)
        return -1;
    struct scan_observer observer = scan_view_observer(view);
    int status = -1;
    if ((request->remote ? open_remote(&model, &remote, request, view, err)
                         : model_open(&model, request->model, err)) != 0 ||
        check_outputs(request, model, err) != 0)
        goto out;
    fputs(model_notes(model), stderr);
    tell_cache(request);
    status = scan_run(&result, model, NULL, &options, &observer, err);
    scan_view_end(view);
    if (view->failure.kind != ERROR_NONE) {
        *err = view->failure;
        status = -1;
    }
    if (status != 0)
        goto out;
    status = request->spectra ? spectra_file_write(request->spectra, result, err) : 0;
    if (status == 0)
        status = write_output(result->scan, request, err);
    if (status != 0)
        goto out;
    if (!request->output && !request->json)
        print_table(result->scan);
    scan_view_unscored(result->scan, NULL);
out:
    if (status != 0 && request->remote && err->kind == ERROR_INTERRUPTED)
        error_set_kind(err, ERROR_INTERRUPTED, "interrupted; %s",
                       request->no_cache
                           ? "nothing is kept, as --no-cache says"
                           : "what was computed is kept, and the same command goes on from there");
    scan_result_free(result);
    model_close(model);
    hub_model_close(remote.model);
    hub_close(&remote.hub);
    return status;
}

#define AT(member) offsetof(struct request, member)

/* clang-format off */
static const struct option rows[] = {
    {.name = "o", .kind = OPTION_PATH, .at = AT(output), .argument = "SCAN.json",
     .help = "write the scan there, a file, pipe or device; - is standard output"},
    {.name = "device", .kind = OPTION_TEXT, .at = AT(device), .argument = "DEVICE",
     .choices = OPTION_NAMES("auto", "cpu", "cuda", "reference"), .preset = "auto",
     .help = "auto (default: a GPU if there is one), cpu, cuda, cuda:N, reference"},
    {.name = "estimator", .kind = OPTION_TEXT, .at = AT(estimator), .argument = "NAME",
     .choices = estimator_names, .preset = "reference",
     .help = "{}"},
    ROW_EMPTY_NOISE("", AT(empty_noise)),
    {.name = "modules", .kind = OPTION_TEXT, .at = AT(modules), .argument = "REGEX",
     .help = "modules by name (default: the weights of the blocks)"},
    {.name = "split-fused", .kind = OPTION_FLAG, .at = AT(split_fused),
     .help = "score q, k, v and gate, up apart where one matrix holds them"},
    {.name = "spectra", .kind = OPTION_PATH, .at = AT(spectra), .argument = "FILE",
     .help = "write the singular values there (safetensors)"},
    {.name = "no-cache", .kind = OPTION_FLAG, .at = AT(no_cache),
     .help = "neither read nor write cached spectra"},
    {.name = "remote", .kind = OPTION_FLAG, .at = AT(remote),
     .help = "read ORG/NAME on the hub, in ranges, and keep none of its files"},
    {.name = "revision", .kind = OPTION_TEXT, .at = AT(revision), .argument = "NAME",
     .help = "with --remote: a branch, a tag or a commit (default: main)"},
    ROW_THREADS_OF("a matrix each, or several at one (default: all cores)", AT(threads)),
    ROW_JSON(AT(json)),
};
/* clang-format on */
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

/* A process that $SPECTRUM_JOB names is a job, and tells its folder; it leaves the list when its
 * result is in the cache. */
static int run(int argc, char **argv, struct error *err)
{
    struct scan_view view;
    struct request request = {.model = NULL};
    option_defaults(&table, &request);
    int status = options_parse_one(&command_scan, &request, NULL,
                                   "scan takes one MODEL: a folder, a .safetensors, "
                                   ".gguf or .bin file, or a cached repository's name",
                                   argc, argv, &request.model, err);
    if (status == 0 && request.revision && !request.remote)
        status = error_set_kind(err, ERROR_USAGE,
                                "--revision goes with --remote; a model of the cache is that of "
                                "refs/main, another one a folder by its path");
    if (status == 0) {
        scan_view_begin(&view, request.remote ? "the matrices in hand are given up"
                                              : "the matrices in hand are finished");
        status = scan_view_join(&view, request.model, argc, argv, err);
        if (status == 0)
            status = scan_model(&request, &view, err);
        scan_view_leave(&view, status == 0);
    }
    return status > 0 ? 0 : status;
}

const struct command command_scan = {
    .name = "scan",
    .summary = "the signal-to-noise ratio of every matrix",
    .usage = "spectrum scan MODEL [-o SCAN.json] [--remote]",
    .options = &table,
    .run = run,
    .computes = true,
};
