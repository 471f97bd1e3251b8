/* Repository names in the local Hugging Face cache, found where huggingface_hub keeps them. */
#include "test.h"

#include "checkpoint_data.h"

static const char *const variables[] = {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME",
                                        "XDG_CACHE_HOME", "HOME"};

static void add_repository(const char *hub, const char *repository)
{
    char folder[512];
    snprintf(folder, sizeof folder, "%s/%s/refs", hub, repository);
    data_text(folder, "main", "abc123\n");
    snprintf(folder, sizeof folder, "%s/%s/snapshots/abc123", hub, repository);
    data_safetensors(folder, "model.safetensors", "one.weight");
}

static void unset_all(void)
{
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
}

/* Each variable names a place of its own; the earlier ones win, one that is empty is not set. */
static void every_variable_names_the_cache(void **state)
{
    (void)state;
    static const char *const below[] = {"", "", "/hub", "/huggingface/hub",
                                        "/.cache/huggingface/hub"};
    char *folder = data_folder();
    unset_all();
    for (size_t i = sizeof variables / sizeof *variables; i-- > 0;) {
        char value[256], hub[512], name[64], repository[80];
        snprintf(value, sizeof value, "%s/%zu", folder, i);
        snprintf(hub, sizeof hub, "%s%s", value, below[i]);
        snprintf(name, sizeof name, "owner/name%zu", i);
        snprintf(repository, sizeof repository, "models--owner--name%zu", i);
        add_repository(hub, repository);
        setenv(variables[i], "", 1);
        data_open(name, "no such model in the local Hugging Face cache");
        setenv(variables[i], value, 1);
        checkpoint_close(data_open(name, NULL));
    }
    unset_all();
    data_folder_remove(folder);
}

static void a_repository_without_owner_is_found(void **state)
{
    (void)state;
    char *folder = data_folder();
    unset_all();
    setenv("HF_HUB_CACHE", folder, 1);
    add_repository(folder, "models--gpt2");
    struct checkpoint *checkpoint = data_open("gpt2", NULL);
    assert_non_null(strstr(checkpoint_folder(checkpoint), "/models--gpt2/snapshots/abc123"));
    checkpoint_close(checkpoint);
    data_open("gpt3", "no such model");
    data_open("../models--gpt2", "no such model");
    data_open("a/b/c", "no such model");
    data_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_variable_names_the_cache),
        cmocka_unit_test(a_repository_without_owner_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
