/* Runs a fuzz target once over every file of the folders that are named: the corpora as tests, with
 * any compiler. */
#include "fuzz.h"

#include "base/file.h"
#include "base/folder.h"

#include <dirent.h>

static int replay_file(const char *folder, const char *name)
{
    struct buffer content = BUFFER_INIT;
    struct error err = ERROR_INIT;
    char *path = path_join(folder, name, &err);
    int status = path ? file_read_all(&content, path, (size_t)1 << 30, &err) : -1;
    if (status == 0)
        LLVMFuzzerTestOneInput((const uint8_t *)buffer_string(&content), content.length);
    else
        fprintf(stderr, "%s\n", err.text);
    buffer_free(&content);
    free(path);
    return status;
}

static int replay_folder(const char *folder)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    int count = 0, status = 0;
    while (entries && status == 0 && (entry = readdir(entries))) {
        if (entry->d_name[0] == '.')
            continue;
        printf("%s\n", entry->d_name);
        fflush(stdout); /* the last name is the one that fails */
        status = replay_file(folder, entry->d_name);
        count++;
    }
    if (entries)
        closedir(entries);
    printf("%s: %d files\n", folder, count);
    return status == 0 && count > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    int status = argc > 1 ? 0 : -1;
    for (int i = 1; i < argc && status == 0; i++)
        status = replay_folder(argv[i]);
    return status == 0 ? 0 : 1;
}
