/* `spectrum cache`: what lies in the cache folder, and clearing it. cache_list.h lists and removes;
 * here it is asked for and printed.
 *
 *     data: tokenised data
 *         1.79 MiB     3 days  5f0c...d1.tokens  a.jsonl, b.txt and 3 more for /models/m
 *     spectra: singular values of models
 *       512.0 KiB     0 days   8e21...9a.safetensors  /models/m  removed
 *     2.29 MiB in /home/u/.cache/spectrum, 512.0 KiB of them removed
 */
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "tui/cli/cache_list.h"
#include "tui/cli/command.h"
#include "tui/cli/options.h"
#include "tui/cli/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what was listed --- */

struct sums {
    uint64_t bytes[2], removed; /* bytes: of the cache folder, of the state folder */
};

/* By folder, as the two are at two places and mean two things: what can be made again, and what a
 * user did. */
static struct sums add_up(const struct cache_list *list)
{
    struct sums sums = {0};
    for (size_t i = 0; i < list->count; i++) {
        const struct cache_entry *entry = &list->items[i];
        sums.bytes[cache_kinds[entry->kind].state] += entry->bytes;
        sums.removed += entry->removed ? entry->bytes : 0;
    }
    return sums;
}

/* The whole paths are here; the lines for people have names alone. */
static int print_json(const struct cache_list *list, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    struct sums sums = add_up(list);
    json_begin(&json, "spectrum.cache-list");
    json_text(&json, "folder", list->folders[0]);
    json_text(&json, "state_folder", list->folders[1]);
    json_list(&json, "files");
    json_layout(&json, JSON_ROWS);
    for (size_t i = 0; i < list->count; i++) {
        const struct cache_entry *entry = &list->items[i];
        json_object(&json, NULL);
        json_text(&json, "kind", cache_kinds[entry->kind].name);
        json_text(&json, "name", entry->name);
        json_count(&json, "bytes", entry->bytes);
        json_integer(&json, "age_seconds", entry->age);
        /* what it is of, as its note says (base/xdg.h); what is not known is absent */
        static const char *const keys[] = {"model", "job", NULL};
        const cJSON *name, *data = json_get(entry->of, "data");
        const char *text = NULL;
        int64_t more = 0;
        for (int k = 0; keys[k]; k++)
            if (json_get_string(entry->of, keys[k], &text))
                json_text(&json, keys[k], text);
        if (cJSON_GetArraySize(data) > 0) {
            json_list(&json, "data");
            cJSON_ArrayForEach(name, data)
                json_text(&json, NULL, cJSON_IsString(name) ? name->valuestring : "");
            json_end(&json);
        }
        if (json_get_int64(entry->of, "more", &more))
            json_integer(&json, "more_data", more);
        if (entry->runs)
            json_flag(&json, "runs", true);
        json_flag(&json, "removed", entry->removed);
        json_end(&json);
    }
    json_end(&json);
    json_count(&json, "bytes", sums.bytes[0]);
    json_count(&json, "state_bytes", sums.bytes[1]);
    json_count(&json, "removed_bytes", sums.removed);
    json_end(&json);
    return output_json(&json, err);
}

/* "a.jsonl, b.txt and 3 more for /models/m": the whole paths are --json's. */
static void put_of(struct buffer *out, const cJSON *of)
{
    const cJSON *name, *data = json_get(of, "data");
    const char *model = NULL, *job = NULL;
    int64_t more = 0;
    cJSON_ArrayForEach(name, data)
    {
        const char *path = cJSON_IsString(name) ? name->valuestring : "";
        const char *slash = strrchr(path, '/');
        buffer_format(out, "%s%s", name == data->child ? "  " : ", ", slash ? slash + 1 : path);
    }
    if (json_get_int64(of, "more", &more))
        buffer_format(out, " and %" PRId64 " more", more);
    if (json_get_string(of, "model", &model))
        buffer_format(out, "%s%s", data ? " for " : "  ", model);
    if (json_get_string(of, "job", &job))
        buffer_format(out, "  %s", job);
    if (buffer_check(out, NULL) == 0)
        utf8_sanitize(out->data);
}

/* By kind, a line a file, and the sums. The state folder counts where something of it was listed.
 */
static void put_lines(const struct cache_list *list, const struct cache_choice *choice)
{
    struct sums sums = add_up(list);
    int kind = -1;
    for (size_t i = 0; i < list->count; i++) {
        const struct cache_entry *entry = &list->items[i];
        if ((int)entry->kind != kind)
            printf("%s: %s\n", cache_kinds[entry->kind].name, cache_kinds[entry->kind].holds);
        kind = (int)entry->kind;
        char name[256]; /* of a file: it may be anything */
        struct buffer of = BUFFER_INIT;
        utf8_copy(name, sizeof name, entry->name);
        buffer_text(&of, ""); /* so that there is a text, whatever is known of the file */
        put_of(&of, entry->of);
        printf("  %10s  %4" PRId64 " day%s  %s%s%s%s\n", bytes_text((double)entry->bytes).text,
               entry->age / 86400, entry->age / 86400 == 1 ? " " : "s", name, buffer_string(&of),
               entry->removed ? "  removed" : "", entry->runs ? "  it runs" : "");
        buffer_free(&of);
    }
    bool state = choice->kind >= 0 && cache_kinds[choice->kind].state;
    printf("%s in %s", bytes_text((double)sums.bytes[state]).text, list->folders[state]);
    if (!state && sums.bytes[1] > 0)
        printf(", %s in %s", bytes_text((double)sums.bytes[1]).text, list->folders[1]);
    if (choice->clear)
        printf(", %s of them removed", bytes_text((double)sums.removed).text);
    printf("\n");
}

/* --- the command --- */

/* "clear" is --clear; another word is a kind. */
static int check_words(struct cache_choice *choice, const char *const *rest, size_t count,
                       struct error *err)
{
    if (count > 0 && strcmp(rest[0], "clear") == 0) {
        choice->clear = true;
        rest++;
        count--;
    }
    if (count > 1)
        return error_set_kind(err, ERROR_USAGE, "cache takes one KIND at most");
    for (int i = 0; count == 1 && i < CACHE_KINDS; i++)
        if (strcmp(cache_kinds[i].name, rest[0]) == 0)
            choice->kind = i;
    if (count == 1 && choice->kind < 0)
        return error_set_kind(
            err, ERROR_USAGE,
            "\"%.40s\" is not a kind: data, spectra, models, scans, plans, forms or "
            "jobs",
            rest[0]);
    return 0;
}

static void say(const char *line)
{
    fprintf(stderr, "%s\n", line);
}

struct request {
    struct cache_choice choice;
    bool json;
};

#define AT(member) offsetof(struct request, member)

/* clang-format off */
static const struct option rows[] = {
    {.name = "clear", .kind = OPTION_FLAG, .at = AT(choice.clear),
     .help = "remove the files that are listed; without it nothing is removed"},
    {.name = "older-than", .kind = OPTION_INTEGER, .at = AT(choice.older_than), .argument = "DAYS",
     .low = 0, .high = 100000, .help = "with --clear: only what was written so many days ago"},
    ROW_JSON_OF("as JSON", AT(json)),
};
/* clang-format on */
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

/* --older-than without --clear would change nothing, so it was meant to do something: it is
 * refused. */
static int run(int argc, char **argv, struct error *err)
{
    struct request r = {.choice.kind = -1};
    struct cache_list list = {0};
    struct option_given given = {{0}};
    size_t count = 0;
    const char **rest = array_alloc((size_t)argc, sizeof *rest, err);
    if (!rest)
        return -1;
    option_defaults(&table, &r);
    int status = options_parse(&command_cache, &r, &given, argc, argv, rest, &count, err);
    if (status != 0) /* 1: --help was printed */
        goto out;
    status = check_words(&r.choice, rest, count, err);
    if (status != 0)
        goto out;
    if (option_is_given(&given, option_by_name(&table, "older-than")) && !r.choice.clear) {
        status = error_set_kind(err, ERROR_USAGE, "--older-than goes with --clear");
        goto out;
    }
    status = cache_list_read(&list, &r.choice, say, err);
    if (status == 0 && r.json)
        status = print_json(&list, err);
    else if (status == 0)
        put_lines(&list, &r.choice);
out:
    cache_list_free(&list);
    free(rest);
    return status > 0 ? 0 : status;
}

const struct command command_cache = {
    .name = "cache",
    .summary = "what is kept in the cache folder; clear it",
    .usage =
        "spectrum cache [clear] [data | spectra | models | scans | plans | forms | jobs] "
        "[options]\n\n"
        "Lists what was kept so that it need not be computed again, and of what, or clears it. A\n"
        "run that has one of the files open is not disturbed; what is needed again is made again.\n"
        "scans (the full screen's), plans and forms (as it keeps them, by model) and jobs "
        "(entries\n"
        "of the list of jobs whose folders are gone) lie in the state folder and are cleared only\n"
        "where they are named; what runs is kept.",
    .options = &table,
    .words = OPTION_NAMES("clear", "data", "spectra", "models", "scans", "plans", "forms", "jobs"),
    .run = run,
};
