/* `spectrum cache`: what lies in the cache folder, and clearing it. */
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/utf8.h"
#include "base/xdg.h"
#include "tui/cli/command.h"
#include "tui/cli/options.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The folders that this program makes below $XDG_CACHE_HOME/spectrum; nothing else is touched. */
static const struct {
    const char *name, *holds;
} kinds[] = {
    {"data", "tokenised data"},
    {"spectra", "singular values of models"},
    {"models", "fingerprints of models"},
};
enum { KINDS = sizeof kinds / sizeof *kinds, UNFINISHED_SECONDS = 24 * 3600 };

struct entry {
    int kind;
    char *name;
    uint64_t bytes;
    int64_t age; /* seconds since it was written */
    bool removed;
};

struct listing {
    char *folder;
    struct entry *items;
    size_t count, capacity;
};

struct choice {
    int kind;           /* -1: all */
    int64_t older_than; /* days */
    bool clear;
};

static void listing_free(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        free(listing->items[i].name);
    free(listing->items);
    free(listing->folder);
}

/* Plain files of this user alone: no links, no folders. */
static int add_entry(struct listing *listing, int kind, int folder, const char *name,
                     struct error *err)
{
    struct stat info;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode) ||
        info.st_uid != geteuid())
        return 0;
    if (array_reserve((void **)&listing->items, &listing->capacity, listing->count + 1,
                      sizeof *listing->items, err) != 0)
        return -1;
    char *copy = string_copy(name, err);
    if (!copy)
        return -1;
    int64_t age = (int64_t)(time(NULL) - info.st_mtime);
    listing->items[listing->count++] =
        (struct entry){kind, copy, (uint64_t)info.st_blocks * 512, age > 0 ? age : 0, false};
    return 0;
}

static bool is_chosen(const struct choice *choice, const struct entry *entry)
{
    /* What has a temporary name may be in the making. */
    bool making = text_ends_with(entry->name, ".tmp") && entry->age < UNFINISHED_SECONDS;
    return choice->clear && !making && entry->age >= choice->older_than * 86400;
}

/* A run that has one of the files open keeps it: its bytes go when it closes it. */
static int clear_entries(struct listing *listing, size_t from, int folder,
                         const struct choice *choice, struct error *err)
{
    for (size_t i = from; i < listing->count; i++) {
        struct entry *entry = &listing->items[i];
        if (!is_chosen(choice, entry))
            continue;
        if (unlinkat(folder, entry->name, 0) != 0 && errno != ENOENT)
            return error_set_errno(err, errno, "cannot remove %s/%s/%s", listing->folder,
                                   kinds[entry->kind].name, entry->name);
        entry->removed = true;
    }
    return 0;
}

/* Whatever is read and removed is so through the folder's descriptor, which is no link. */
static int read_kind(struct listing *listing, int base, int kind, const struct choice *choice,
                     struct error *err)
{
    size_t from = listing->count;
    int status = 0;
    int fd = openat(base, kinds[kind].name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return error_set_errno(err, errno, "cannot read %s/%s", listing->folder, kinds[kind].name);
    int again = dup(fd);
    DIR *entries = again >= 0 ? fdopendir(again) : NULL;
    for (struct dirent *entry; status == 0 && entries && (entry = readdir(entries));)
        status = add_entry(listing, kind, fd, entry->d_name, err);
    if (entries)
        closedir(entries);
    else
        status =
            error_set_errno(err, errno, "cannot read %s/%s", listing->folder, kinds[kind].name);
    if (status == 0)
        status = clear_entries(listing, from, fd, choice, err);
    close(fd);
    return status;
}

static int read_cache(struct listing *listing, const struct choice *choice, struct error *err)
{
    int status = 0;
    listing->folder = xdg_cache_folder("", err);
    if (!listing->folder)
        return -1;
    int base = open(listing->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (base < 0)
        return error_set_errno(err, errno, "cannot read %s", listing->folder);
    for (int kind = 0; kind < KINDS && status == 0; kind++)
        if (choice->kind < 0 || choice->kind == kind)
            status = read_kind(listing, base, kind, choice, err);
    close(base);
    return status;
}

static int newest_first(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind - y->kind;
    if (x->age != y->age)
        return x->age < y->age ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void put_json(const struct listing *listing, uint64_t total, uint64_t removed)
{
    struct buffer out = BUFFER_INIT;
    buffer_text(&out, "{\"format\": \"spectrum.cache-list\", \"version\": 1, \"folder\": ");
    json_put_string(&out, listing->folder);
    buffer_text(&out, ", \"files\": [");
    for (size_t i = 0; i < listing->count; i++) {
        const struct entry *entry = &listing->items[i];
        buffer_format(&out, "%s{\"kind\": \"%s\", \"name\": ", i ? ",\n" : "\n",
                      kinds[entry->kind].name);
        json_put_string(&out, entry->name);
        buffer_format(&out,
                      ", \"bytes\": %" PRIu64 ", \"age_seconds\": %" PRId64 ", \"removed\": %s}",
                      entry->bytes, entry->age, entry->removed ? "true" : "false");
    }
    buffer_format(&out, "], \"bytes\": %" PRIu64 ", \"removed_bytes\": %" PRIu64 "}\n", total,
                  removed);
    fputs(buffer_string(&out), stdout);
    buffer_free(&out);
}

static void put_lines(const struct listing *listing, const struct choice *choice, uint64_t total,
                      uint64_t removed)
{
    int kind = -1;
    for (size_t i = 0; i < listing->count; i++) {
        const struct entry *entry = &listing->items[i];
        char name[256];
        utf8_copy(name, sizeof name, entry->name);
        if (entry->kind != kind)
            printf("%s: %s\n", kinds[entry->kind].name, kinds[entry->kind].holds);
        kind = entry->kind;
        printf("  %10s  %4" PRId64 " day%s  %s%s\n", bytes_text((double)entry->bytes).text,
               entry->age / 86400, entry->age / 86400 == 1 ? " " : "s", name,
               entry->removed ? "  removed" : "");
    }
    printf("%s in %s", bytes_text((double)total).text, listing->folder);
    if (choice->clear)
        printf(", %s of them removed", bytes_text((double)removed).text);
    printf("\n");
}

static int find_kind(const char *name)
{
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return i;
    return -1;
}

static int check_kind(struct choice *choice, const char *const *rest, size_t count,
                      struct error *err)
{
    if (count > 1)
        return error_set_kind(err, ERROR_USAGE, "cache takes one KIND at most");
    if (count == 1 && (choice->kind = find_kind(rest[0])) < 0)
        return error_set_kind(err, ERROR_USAGE, "\"%.40s\" is no kind: data, spectra or models",
                              rest[0]);
    return 0;
}

int command_cache(int argc, char **argv, struct error *err)
{
    struct choice choice = {.kind = -1};
    struct listing listing = {0};
    bool json = false, aged = false;
    uint64_t total = 0, removed = 0;
    size_t count = 0;
    const struct option_spec specs[] = {
        {"clear", OPTION_FLAG, &choice.clear, NULL,
         "remove the files that are listed; without it nothing is removed", 0, 0, NULL},
        {"older-than", OPTION_INTEGER, &choice.older_than, "DAYS",
         "with --clear: only what was written so many days ago", 0, 100000, &aged},
        {"json", OPTION_FLAG, &json, NULL, "as JSON", 0, 0, NULL},
    };
    const char **rest = array_alloc((size_t)argc, sizeof *rest, err);
    if (!rest)
        return -1;
    int status = options_parse(
        specs, sizeof specs / sizeof *specs,
        "spectrum cache [data | spectra | models] [options]\n\n"
        "Lists what was kept so that it need not be computed again, or clears it. A run that has\n"
        "one of the files open is not disturbed; what is needed again is made again.",
        argc, argv, rest, &count, err);
    if (status == 0)
        status = check_kind(&choice, rest, count, err);
    if (status == 0 && aged && !choice.clear)
        status = error_set_kind(err, ERROR_USAGE, "--older-than goes with --clear");
    free(rest);
    if (status == 0) {
        status = read_cache(&listing, &choice, err);
        if (listing.count > 0)
            qsort(listing.items, listing.count, sizeof *listing.items, newest_first);
        for (size_t i = 0; i < listing.count; i++) {
            total += listing.items[i].bytes;
            removed += listing.items[i].removed ? listing.items[i].bytes : 0;
        }
        if (status == 0 && json)
            put_json(&listing, total, removed);
        else if (status == 0)
            put_lines(&listing, &choice, total, removed);
    }
    listing_free(&listing);
    return status > 0 ? 0 : status;
}
