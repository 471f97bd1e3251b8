#include "checkpoint/place.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- files by name --- */

/* "org/name/config.json" of the place "org/name" is its "config.json"; NULL: it is none of its. */
static const char *name_in(const struct checkpoint_place *place, const char *path)
{
    size_t length = strlen(place->name);
    return strncmp(path, place->name, length) == 0 && path[length] == '/' ? path + length + 1
                                                                          : NULL;
}

static bool has(const struct checkpoint_place *place, const char *name)
{
    for (size_t i = 0; name && i < place->count; i++)
        if (strcmp(place->files[i], name) == 0)
            return true;
    return false;
}

int place_find(const struct checkpoint_place *place, const char *path, struct error *err)
{
    return place ? has(place, name_in(place, path)) : file_find(path, err);
}

/* From a file, or from wherever the place reads; the bound on its size holds for both. */
cJSON *place_read_json(const struct checkpoint_place *place, const char *path, size_t most,
                       enum json_flags flags, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    cJSON *tree = NULL;
    if (!place)
        return json_read_file(path, most, flags, err);
    const char *name = name_in(place, path);
    if (!has(place, name))
        error_set(err, "%s is not there", path);
    else if (place->read(place->context, &text, name, most, err) == 0 && text.length == 0)
        error_set(err, "%s is empty", path);
    else if (text.length > 0)
        tree = json_parse(text.data, text.length, flags, path, err);
    buffer_free(&text);
    return tree;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_name(char ***names, size_t *capacity, int count, const char *name, struct error *err)
{
    if (array_reserve((void **)names, capacity, (size_t)count + 1, sizeof **names, err) != 0)
        return -1;
    (*names)[count] = string_copy(name, err);
    return (*names)[count] ? 0 : -1;
}

/* A name that begins with a dot is hidden. */
static bool is_listed(const char *name, const char *ending)
{
    return name[0] != '.' && !strchr(name, '/') && text_ends_with(name, ending);
}

/* A negative count is an error, and then nothing is to be freed. */
static int list_folder(const char *path, const char *ending, char ***names, size_t *capacity,
                       struct error *err)
{
    struct dirent *entry;
    int count = 0, found = 0;
    DIR *folder = sys.opendir(path);
    if (!folder)
        return error_set_errno(err, errno, "cannot read folder %s", path);
    while ((found = folder_read(folder, path, &entry, err)) > 0) {
        if (!is_listed(entry->d_name, ending))
            continue;
        if (add_name(names, capacity, count, entry->d_name, err) != 0) {
            found = -1;
            break;
        }
        count++;
    }
    sys.closedir(folder);
    if (found == 0)
        return count;
    place_list_free(*names, count);
    *names = NULL;
    return -1;
}

/* Sorted, so that what is found does not depend on the file system. */
int place_list(const struct checkpoint_place *place, const char *folder, const char *ending,
               char ***names, struct error *err)
{
    size_t capacity = 0;
    int count = 0;
    *names = NULL;
    if (!place)
        count = list_folder(folder, ending, names, &capacity, err);
    for (size_t i = 0; place && i < place->count; i++) {
        if (!is_listed(place->files[i], ending))
            continue;
        if (add_name(names, &capacity, count, place->files[i], err) != 0) {
            place_list_free(*names, count);
            return -1;
        }
        count++;
    }
    if (count > 1)
        qsort(*names, (size_t)count, sizeof **names, compare_names);
    return count;
}

void place_list_free(char **names, int count)
{
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

/* --- bytes --- */

/* A file has a descriptor, a place a source of bytes: who reads asks which (place_read_at()). */
int place_open(const struct checkpoint_place *place, struct checkpoint_file *out, struct error *err)
{
    out->fd = -1;
    if (!place) {
        out->fd = file_open_read(out->path, &out->size, err);
        return out->fd < 0 ? -1 : 0;
    }
    const char *name = name_in(place, out->path);
    if (!has(place, name))
        return error_set(err, "%s is not there", out->path);
    if (place->open(place->context, &out->source, name, err) != 0)
        return -1;
    out->size = out->source.size;
    return 0;
}

void place_close(struct checkpoint_file *file)
{
    if (file->fd >= 0)
        sys.close(file->fd);
}

int place_read(const struct checkpoint_file *file, const struct byte_range *ranges, size_t count,
               struct error *err)
{
    if (file->source.read)
        return file->source.read(file->source.context, ranges, count, err);
    for (size_t i = 0; i < count; i++)
        if (file_read_at(file->fd, ranges[i].out, ranges[i].count, ranges[i].offset, file->path,
                         err) != 0)
            return -1;
    return 0;
}

int place_read_at(const struct checkpoint_file *file, void *out, size_t count, uint64_t offset,
                  struct error *err)
{
    const struct byte_range range = {out, offset, count};
    return place_read(file, &range, 1, err);
}

/* A file's are in memory, or read ahead; what is elsewhere is a journey each. */
size_t place_piece(const struct checkpoint_file *file)
{
    return file->source.read ? 8 << 20 : 128 << 10;
}
