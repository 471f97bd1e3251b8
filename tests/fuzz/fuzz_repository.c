/* What a hub answers to the question what is in a repository, and an index of its; where its files
 * would come to lie is below the cache, whatever they are called. */
#include "fuzz.h"
#include "hub/hub_cache.h"
#include "hub/repository.h"

static void look(const struct repository *repository)
{
    struct file_choice choice;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < repository->count; i++) {
        if (!repository_file_is_safe(repository->files[i]) ||
            !repository_has(repository, repository->files[i]) ||
            strstr(repository->files[i], "/../"))
            abort();
    }
    if (!fuzz_ok(repository_choose(&choice, repository, NULL, 0, "org/name", &err), &err))
        return;
    if (choice.index && !repository_has(repository, choice.index))
        abort();
    file_choice_free(&choice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *files[] = {"a.safetensors", "model.safetensors.index.json"};
    const struct repository two = {.files = files, .count = 2};
    struct repository repository;
    struct file_choice choice;
    struct error err = ERROR_INIT;
    char *text = fuzz_text(data, size);
    if (fuzz_ok(repository_parse(&repository, text, size, "the hub", &err), &err)) {
        look(&repository);
        repository_free(&repository);
    }
    repository_etag_is_safe(text);
    fuzz_ok(repository_check_name(text, &err), &err);
    fuzz_ok(repository_check_revision(text, &err), &err);
    if (repository_choose(&choice, &two, NULL, 0, "org/name", &err) != 0)
        abort();
    fuzz_ok(repository_choose_shards(&choice, &two, text, size, &err), &err);
    file_choice_free(&choice);
    free(text);
    return 0;
}
