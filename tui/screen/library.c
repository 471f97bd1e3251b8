/* The first screen without a target: local models and scan files, and jobs.
 *
 *     Models
 *     ▶ demo/model                            safetensors
 *       HuggingFaceTB/SmolLM2-135M            Hugging Face cache
 *       scan.json                             scan
 *
 *     Jobs
 *       model-1                               completed · train model
 *       model                                 running · scan model
 *
 * What there is to open is looked for in the Hugging Face cache, in the current folder and two
 * levels below it, and in the list of jobs. Of models and scans nothing is read for that: they are
 * known by the names of their files. Each folder that was read is remembered with the time of its
 * last change, so whether anything came or went is one stat() a folder, once a second.
 */
#include "base/folder.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/xdg.h"
#include "checkpoint/checkpoint.h"
#include "job/job_dir.h"
#include "job/job_index.h"
#include "job/lock.h"
#include "tui/screen/parts.h"
#include "tui/screen/screens.h"
#include "tui/session/wording.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Models and scans that are listed at most; jobs are all there. */
enum { LIBRARY_MODELS_MAX = 1000 };

struct library_entry {
    bool job;
    char *path;  /* what to open */
    char *title; /* what to show; printable */
    char *detail;
};

struct library {
    struct library_entry *entries; /* models, then jobs, the newest first */
    size_t count, models, capacity;
    size_t hidden;  /* models and scans beyond LIBRARY_MODELS_MAX */
    char **watched; /* the folders in which it would be seen that something changed */
    size_t watched_count, watched_capacity;
    uint64_t stamp; /* of their times */
};

/* What happens in the folder is seen from now on. */
static int watch(struct library *library, const char *folder, struct error *err)
{
    if (array_reserve((void **)&library->watched, &library->watched_capacity,
                      library->watched_count + 1, sizeof *library->watched, err) != 0)
        return -1;
    char *copy = string_copy(folder, err);
    if (copy)
        library->watched[library->watched_count++] = copy;
    return copy ? 0 : -1;
}

/* The times of all watched folders in one number (FNV-1a over them); another number: something has
 * appeared, gone, begun or ended. */
static uint64_t stamp_of(const struct library *library)
{
    uint64_t stamp = 0;
    for (size_t i = 0; i < library->watched_count; i++) {
        struct stat info;
        uint64_t at =
            sys.stat(library->watched[i], &info) == 0
                ? (uint64_t)info.st_mtim.tv_sec * 1000000000U + (uint64_t)info.st_mtim.tv_nsec
                : 0;
        stamp = (stamp ^ at) * UINT64_C(0x100000001b3);
    }
    return stamp;
}

/* Text of folders may be anything, so what is shown of it is made printable here, once. Models
 * beyond the most are counted, and said in the heading. */
static int add(struct library *library, bool job, const char *path, const char *title,
               const char *detail, struct error *err)
{
    if (!job && library->count >= LIBRARY_MODELS_MAX) {
        library->hidden++;
        return 0;
    }
    if (array_reserve((void **)&library->entries, &library->capacity, library->count + 1,
                      sizeof *library->entries, err) != 0)
        return -1;
    struct library_entry *entry = &library->entries[library->count];
    *entry = (struct library_entry){job, string_copy(path, err), string_copy(title, err),
                                    string_copy(detail, err)};
    library->count++;
    if (!entry->path || !entry->title || !entry->detail)
        return -1;
    utf8_sanitize(entry->title);
    utf8_sanitize(entry->detail);
    return 0;
}

/* The Hugging Face cache: a repository ORG/NAME is a folder models--ORG--NAME. */
static int read_hub(struct library *library, struct error *err)
{
    char *path = checkpoint_hub_folder();
    DIR *open = path ? sys.opendir(path) : NULL;
    int status = open ? watch(library, path, err) : 0;
    for (struct dirent *entry; open && status == 0 && (entry = sys.readdir(open));) {
        char name[512];
        size_t used = 0;
        if (strncmp(entry->d_name, "models--", 8) != 0)
            continue;
        for (const char *at = entry->d_name + 8; *at && used + 1 < sizeof name; at++) {
            bool dashes = at[0] == '-' && at[1] == '-';
            name[used++] = dashes ? '/' : *at;
            at += dashes;
        }
        name[used] = '\0';
        status = add(library, false, name, name, "Hugging Face cache", err);
    }
    if (open)
        sys.closedir(open);
    free(path);
    return status;
}

/* The current folder, and two levels below it: models by their files, GGUF files, and scan files by
 * their names. A job's folder is not looked into, as the list of jobs has it. */

static int read_folder(struct library *library, const char *folder, int depth, struct error *err);

/* An entry of a folder: a folder is looked into as deep as `depth` says, a file is known by its
 * name. */
static int read_entry(struct library *library, const char *folder, const char *name, int depth,
                      struct error *err)
{
    struct stat info;
    char *path = strcmp(folder, ".") == 0 ? string_copy(name, err) : path_join(folder, name, err);
    int status = path ? 0 : -1;
    if (path && sys.stat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode) && depth > 0)
            status = read_folder(library, path, depth - 1, err);
        else if (S_ISREG(info.st_mode) && path_ends_with(name, ".gguf"))
            status = add(library, false, path, path, "GGUF", err);
        else if (S_ISREG(info.st_mode) && path_ends_with(name, ".json") &&
                 (strncmp(name, "scan", 4) == 0 || strncmp(name, "snr", 3) == 0))
            status = add(library, false, path, path, "scan", err);
    }
    free(path);
    return status;
}

/* Can it be read? A folder whose files nobody may read is no more a model than an empty one. */
static bool has(const char *folder, const char *name)
{
    char *path = path_join(folder, name, NULL);
    bool there = path && sys.access(path, R_OK) == 0;
    free(path);
    return there;
}

static int read_folder(struct library *library, const char *folder, int depth, struct error *err)
{
    if (has(folder, "config.json") &&
        (has(folder, "model.safetensors") || has(folder, "model.safetensors.index.json")))
        return add(library, false, folder, folder, "safetensors", err);
    DIR *open = has(folder, "metrics.jsonl") ? NULL : sys.opendir(folder);
    int status = open ? watch(library, folder, err) : 0;
    for (struct dirent *at; open && status == 0 && (at = sys.readdir(open));)
        if (at->d_name[0] != '.')
            status = read_entry(library, folder, at->d_name, depth, err);
    if (open)
        sys.closedir(open);
    return status;
}

/* "completed · train model" beside a run's folder. Of a scan the model is the title, as its
 * folder's name says nothing. Each job's folder is watched, as its state changes there. */
static int read_jobs(struct library *library, struct error *err)
{
    char **paths;
    size_t count;
    if (job_index_list(&paths, &count, NULL) != 0)
        return 0;
    char *index = xdg_state_folder("jobs", NULL);
    int status = index ? watch(library, index, err) : 0;
    free(index);
    for (size_t i = 0; status == 0 && i < count; i++) {
        char detail[256];
        const char *path = paths[i], *command = "", *model = "", *slash = strrchr(path, '/');
        status = watch(library, path, err);
        if (status != 0)
            break;
        cJSON *job = job_dir_read(path, "job.json", NULL), *result = NULL;
        const char *how = job_state_name(job_state(path));
        json_get_string(job, "command", &command);
        json_get_string(job, "model", &model);
        if (strcmp(how, job_state_name(JOB_ENDED)) == 0) {
            result = job_dir_read(path, "result.json", NULL);
            json_get_string(result, "status", &how);
        }
        const char *last = strrchr(model, '/'), *name = last && last[1] ? last + 1 : model;
        const char *title = slash && slash[1] ? slash + 1 : path;
        if (strcmp(command, "scan") == 0 && model[0])
            title = name;
        snprintf(detail, sizeof detail, "%s · %s %s", how, command, name);
        status = add(library, true, path, title, detail, err);
        cJSON_Delete(job);
        cJSON_Delete(result);
    }
    job_index_free(paths, count);
    return status;
}

static int by_title(const void *a, const void *b)
{
    const struct library_entry *x = a, *y = b;
    return strcmp(x->title, y->title);
}

/* Folders that cannot be read are passed over. To be freed after an error, too. */
static int library_read(struct library *library, struct error *err)
{
    *library = (struct library){0};
    if (read_folder(library, ".", 2, err) != 0 || read_hub(library, err) != 0)
        return -1;
    library->models = library->count;
    if (library->models)
        qsort(library->entries, library->models, sizeof *library->entries, by_title);
    int status = read_jobs(library, err);
    library->stamp = stamp_of(library);
    return status;
}

static void library_free(struct library *library)
{
    for (size_t i = 0; library->entries && i < library->count; i++) {
        free(library->entries[i].path);
        free(library->entries[i].title);
        free(library->entries[i].detail);
    }
    for (size_t i = 0; i < library->watched_count; i++)
        free(library->watched[i]);
    free(library->watched);
    free(library->entries);
    *library = (struct library){0};
}

/* --- the view --- */

enum { PAGE = 10 };

struct library_view {
    struct list list;
    struct library library;
    double looked_at; /* clock_seconds() of the last look at what changed */
};

static const double look_interval = 1; /* seconds */

/* A title in the left three fifths, what it is in the rest. */
static void draw_entry(struct app *app, struct area area, const struct library_entry *entry,
                       bool here)
{
    struct style text, dim;
    int column = area.width * 3 / 5;
    list_line(area, &app->theme, here, &text, &dim);
    area_label(area, 2, 0, column - 4, text, entry->title);
    area_label(area, column, 0, area.width - column, dim, entry->detail);
}

/* Lines of the list: a heading, the models, a blank and a heading, the jobs. */
static void library_draw(struct app *app, void *state, struct area area)
{
    struct library_view *view = state;
    const struct library *library = &view->library;
    struct style title = theme_style(&app->theme, THEME_TITLE);
    struct style text = theme_style(&app->theme, THEME_TEXT);
    if (library->count == 0) {
        area_put(area, 2, 2, text, "No models here, and no jobs yet.");
        area_put(area, 2, 4, text, "spectrum MODEL   opens a Hugging Face folder or a .gguf file;");
        area_put(area, 2, 5, text,
                 "                 a repository's name, if it is in the local cache.");
        area_put(area, 2, 6, text, "spectrum SCAN    opens a scan file (.json).");
        return;
    }
    int rows = area.height - 4, first = list_first(&view->list, rows), y = 0;
    for (int i = first; i < view->list.count && y < area.height; i++) {
        if (i == 0 && library->models && library->hidden)
            area_print(area, 0, y++, title, "Models (%zu more are not shown)", library->hidden);
        else if (i == 0 && library->models)
            area_put(area, 0, y++, title, "Models");
        if ((size_t)i == library->models) {
            y += i > 0;
            area_put(area, 0, y++, title, "Jobs");
        }
        draw_entry(app, area_part(area, 0, y++, area.width, 1), &library->entries[i],
                   i == view->list.cursor);
    }
}

/* Opening a model closes the one that is open, and its plan. The same one again is the way back to
 * a plan that is not saved. */
static void open_model(struct app *app, const char *path, bool by_scan, struct error *err)
{
    const struct session *session = &app->session;
    bool back = session->plan_changed && strcmp(session->source, path) == 0;
    if (!back && !app_gives_up_plan(app, REQUEST_OPEN))
        app_message(
            app, "the plan of %s is not saved: Enter again forgets it; open %s to save it with w",
            session->title, session->title);
    else if (back || (by_scan ? session_open_scan : session_open)(&app->session, path, err) == 0)
        screen_open_model(app);
}

/* A job that is a scan is opened as its model, held as it is; any other job is watched. */
static void open_entry(struct app *app, const struct library_entry *entry)
{
    struct error err = ERROR_INIT;
    char *scanned = entry->job ? session_scanned_model(entry->path, &err) : NULL;
    if (!entry->job || scanned)
        open_model(app, scanned ? scanned : entry->path, scanned != NULL, &err);
    else if (session_watch(&app->session, entry->path, &err) == 0)
        screen_open_watch(app);
    free(scanned);
    if (err.kind != ERROR_NONE)
        app_error(app, &err);
}

static bool has_title(const void *context, int line, const char *text)
{
    const struct library *library = context;
    return strstr(library->entries[line].title, text) != NULL;
}

/* Enter opens, / and n find by title; the rest moves. */
static bool library_request(struct app *app, void *state, enum request request,
                            const char *argument)
{
    struct library_view *view = state;
    if (list_move(&view->list, request, PAGE))
        return true;
    switch (request) {
    case REQUEST_OPEN:
        if (view->list.count > 0)
            open_entry(app, &view->library.entries[view->list.cursor]);
        return true;
    default:
        return list_search(app, &view->list, request, argument, has_title, &view->library);
    }
}

/* The cursor stays on what it is on, wherever that is now. */
static void read_again(struct app *app, struct library_view *view)
{
    struct error err = ERROR_INIT;
    struct library before = view->library;
    int cursor = view->list.cursor;
    if (library_read(&view->library, &err) != 0)
        app_error(app, &err);
    view->list.count = (int)view->library.count;
    for (int i = 0; (size_t)cursor < before.count && i < view->list.count; i++)
        if (view->library.entries[i].job == before.entries[cursor].job &&
            strcmp(view->library.entries[i].path, before.entries[cursor].path) == 0)
            view->list.cursor = i;
    if (view->list.cursor >= view->list.count)
        view->list.cursor = 0;
    library_free(&before);
    view->looked_at = clock_seconds();
}

/* Also when one comes back to it: jobs began and ended in the meantime. */
static void library_enter(struct app *app, void *state)
{
    read_again(app, state);
}

/* Also while another window starts and ends jobs: their folders are among those that are watched.
 */
static bool library_tick(struct app *app, void *state)
{
    struct library_view *view = state;
    double now = clock_seconds();
    if (now - view->looked_at < look_interval)
        return false;
    view->looked_at = now;
    if (stamp_of(&view->library) == view->library.stamp)
        return false;
    read_again(app, view);
    return true;
}

static void library_close(void *state)
{
    struct library_view *view = state;
    library_free(&view->library);
    free(view);
}

static const struct view_class library_class = {
    .name = "library",
    .scope = SCOPE_LIST,
    .enter = library_enter,
    .close = library_close,
    .draw = library_draw,
    .request = library_request,
    .tick = library_tick,
};

bool screen_open_library(struct app *app)
{
    return app_push(app, &library_class, array_alloc(1, sizeof(struct library_view), NULL));
}

const struct app_screens screens = {
    .open_library = screen_open_library,
    .open_model = screen_open_model,
    .open_watch = screen_open_watch,
    .open_help = screen_open_help,
};
