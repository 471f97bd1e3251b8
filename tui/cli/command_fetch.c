/* `spectrum fetch ORG/NAME`: a model of the hub into the local Hugging Face cache.
 *
 *     the hub's list -> what is here of it -> a line a file -> hub/fetch.h -> the snapshot's folder
 *
 * The folder is all that standard output has, for `cd $(spectrum fetch ...)` and the like; what is
 * fetched is shown on standard error where that is a terminal.
 */
#include "base/json_writer.h"
#include "base/process.h"
#include "base/text.h"
#include "hub/fetch.h"
#include "tui/cli/command.h"
#include "tui/cli/options.h"
#include "tui/cli/output.h"
#include "tui/cli/process.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

struct request {
    const char *name, *revision;
    struct option_list include;
    bool dry_run, json;
};

/* --- how far it is --- */

struct view {
    const volatile sig_atomic_t *interrupted;
    bool terminal, bar;
    double shown_at, began; /* clock_seconds() */
    uint64_t total, done;   /* bytes that are to come; of files that came */
    uint64_t at_first;      /* of the file in hand, before this run */
    const struct fetch_file *file;
};

static bool should_stop(void *context)
{
    const struct view *view = context;
    return *view->interrupted;
}

static void end_bar(struct view *view)
{
    if (view->bar)
        fputs("\r\033[K", stderr);
    view->bar = false;
}

/* What the hub makes us wait for. */
static void say(void *context, const char *line)
{
    end_bar(context);
    message_print("%s", line);
}

/* Ten times a second on a terminal, nothing elsewhere. A download that
 * begins again has fewer bytes than before: what it had is not counted then. */
static void on_bytes(void *context, const struct fetch_file *file, uint64_t have)
{
    struct view *view = context;
    double now = clock_seconds();
    if (view->file != file || have < view->at_first)
        view->at_first = view->file != file && have >= file->have ? file->have : 0;
    view->file = file;
    if (!view->terminal || now - view->shown_at < 0.1)
        return;
    uint64_t come = view->done + (have - view->at_first);
    double seconds = now - view->began, speed = seconds > 0 ? (double)come / seconds : 0;
    char name[64];
    utf8_copy(name, sizeof name, file->name);
    fprintf(stderr, "\r\033[K%s of %s, %s/s", bytes_text((double)come).text,
            bytes_text((double)view->total).text, bytes_text(speed).text);
    if (speed > 0 && come < view->total)
        fprintf(stderr, ", %.0f s left", (double)(view->total - come) / speed);
    fprintf(stderr, "  %.40s", name);
    fflush(stderr);
    view->bar = true;
    view->shown_at = now;
}

static void on_file(void *context, const struct fetch_file *file)
{
    struct view *view = context;
    if (file->state != FETCH_DONE)
        return;
    view->done += file->remote.bytes - file->have;
    bool checked = remote_file_is_checked(&file->remote);
    if (!view->terminal && checked)
        return;
    end_bar(view);
    message_print("%s  %s%s", file->name, bytes_text((double)file->remote.bytes).text,
                  checked ? "" : "  (the hub names no digest: its length alone was checked)");
}

/* --- the result --- */

static const char *const state_names[] = {
    [FETCH_THERE] = "there", [FETCH_NEEDED] = "missing", [FETCH_DONE] = "fetched"};

/* A file's state and size are known without --dry-run, too, so both have one form. */
static int print_json(const struct fetch *fetch, const struct request *request, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    json_begin(&json, "spectrum.fetch");
    json_text(&json, "model", request->name);
    json_text(&json, "revision", request->revision);
    json_text(&json, "commit", fetch->repository.commit);
    json_text(&json, "folder", fetch->cache.snapshot);
    if (!fetch->offline)
        json_flag(&json, "gated", fetch->repository.gated);
    json_flag(&json, "dry_run", request->dry_run);
    json_count(&json, "bytes", fetch->bytes);
    json_count(&json, request->dry_run ? "missing_bytes" : "fetched_bytes", fetch->missing);
    json_list(&json, "files");
    json_layout(&json, JSON_ROWS);
    for (size_t i = 0; i < fetch->count; i++) {
        const struct fetch_file *file = &fetch->files[i];
        json_object(&json, NULL);
        json_text(&json, "name", file->name);
        json_count(&json, "bytes", file->remote.bytes);
        json_text(&json, "state", state_names[file->state]);
        if (file->state == FETCH_NEEDED && file->have > 0)
            json_count(&json, "have_bytes", file->have);
        if (file->remote.etag[0])
            json_text(&json, "etag", file->remote.etag);
        json_end(&json);
    }
    json_end(&json);
    json_end(&json);
    return output_json(&json, err);
}

/* --dry-run: a line a file and the sum. */
static int print_plan(const struct fetch *fetch, const struct request *request, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    for (size_t i = 0; i < fetch->count; i++) {
        const struct fetch_file *file = &fetch->files[i];
        buffer_format(&text, "%10s  %-8s %s", bytes_text((double)file->remote.bytes).text,
                      state_names[file->state], file->name);
        if (file->state == FETCH_NEEDED && file->have > 0)
            buffer_format(&text, "  (%s of it are here)", bytes_text((double)file->have).text);
        buffer_byte(&text, '\n');
    }
    buffer_format(&text, "%zu file%s of %s at %.12s, %s; %s to fetch%s\n", fetch->count,
                  text_s(fetch->count), request->name, fetch->repository.commit,
                  bytes_text((double)fetch->bytes).text, bytes_text((double)fetch->missing).text,
                  fetch->repository.gated ? "; the model is gated" : "");
    return output_text(&text, err);
}

static int print_result(const struct fetch *fetch, const struct request *request, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    if (request->json)
        return print_json(fetch, request, err);
    if (request->dry_run)
        return print_plan(fetch, request, err);
    buffer_format(&text, "%s\n", fetch->cache.snapshot);
    return output_text(&text, err);
}

/* --- the command --- */

/* Everything is asked before anything is fetched; an interruption loses nothing. */
static int fetch_model(const struct request *request, struct error *err)
{
    struct view view = {.interrupted = interrupt_watch(NULL), .terminal = isatty(STDERR_FILENO)};
    const struct fetch_options options = {.name = request->name,
                                          .revision = request->revision,
                                          .patterns = request->include.items,
                                          .pattern_count = request->include.count};
    const struct fetch_watch watch = {&view, on_bytes, on_file};
    struct fetch fetch = {.files = NULL};
    struct hub hub;
    if (repository_check_name(request->name, err) != 0 ||
        repository_check_revision(request->revision, err) != 0)
        return -1;
    if (hub_open(&hub, should_stop, &view, err) != 0)
        return -1;
    hub.say = say;
    hub.context = &view;
    int status = fetch_plan(&fetch, &hub, &options, err);
    if (status == 0 && fetch.offline)
        message_print(
            "HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) is set: what the cache has of %s is taken "
            "as it is",
            request->name);
    view.total = fetch.missing;
    view.began = clock_seconds();
    if (status == 0 && !request->dry_run)
        status = fetch_run(&fetch, &hub, &watch, err);
    end_bar(&view);
    if (status != 0 && err->kind == ERROR_INTERRUPTED)
        error_set_kind(err, ERROR_INTERRUPTED,
                       "interrupted; what came is kept, and the same command goes on from there");
    if (status == 0)
        status = print_result(&fetch, request, err);
    fetch_free(&fetch);
    hub_close(&hub);
    return status;
}

#define AT(member) offsetof(struct request, member)

/* clang-format off */
static const struct option rows[] = {
    {.name = "revision", .kind = OPTION_TEXT, .at = AT(revision), .argument = "NAME",
     .preset = "main", .help = "a branch, a tag or a commit ({})"},
    {.name = "include", .kind = OPTION_TEXTS, .at = AT(include), .argument = "PATTERN",
     .help = "the files that match, as *Q4_K_M*, and no others; several times (default: what a model "
             "is read from)"},
    {.name = "dry-run", .kind = OPTION_FLAG, .at = AT(dry_run),
     .help = "list the files with their sizes, and fetch nothing"},
    ROW_JSON(AT(json)),
};
/* clang-format on */
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

static int run(int argc, char **argv, struct error *err)
{
    struct request request = {.name = NULL};
    option_defaults(&table, &request);
    int status = options_parse_one(&command_fetch, &request, NULL,
                                   "fetch takes one model of the hub, as org/name", argc, argv,
                                   &request.name, err);
    if (status == 0)
        status = fetch_model(&request, err);
    option_free(&table, &request);
    return status > 0 ? 0 : status;
}

const struct command command_fetch = {
    .name = "fetch",
    .summary = "a model of the Hugging Face hub, into the local cache",
    .usage =
        "spectrum fetch ORG/NAME [options]\n\n"
        "Fetches a model's configuration, tokenizer and weights into the Hugging Face cache,\n"
        "where it is then known as ORG/NAME, to other programs, too. Goes on where an earlier\n"
        "one ended; every file is held against the digest that the hub has of it.\n"
        "HF_ENDPOINT names another hub; HF_TOKEN, or the token that `hf auth login` keeps,\n"
        "opens private and gated models.",
    .options = &table,
    .run = run,
};
