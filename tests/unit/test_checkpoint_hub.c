/* Repository names in the local Hugging Face cache, found where huggingface_hub keeps them. */
#include "test.h"

#include "checkpoint_data.h"

#include <pwd.h>

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

/* Each variable names a place of its own, and the earlier ones win. */
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

/* The cache as it is with these variables, each "NAME=value"; NULL ends them. */
static void cache_is(const char *expected, const char *const *set)
{
    unset_all();
    for (; *set; set++) {
        char name[64];
        const char *equals = strchr(*set, '=');
        snprintf(name, sizeof name, "%.*s", (int)(equals - *set), *set);
        setenv(name, equals + 1, 1);
    }
    char *folder = checkpoint_hub_folder();
    assert_string_equal(folder, expected);
    free(folder);
}

/* Expected values are huggingface_hub 2.4.0's: python3 -c "import huggingface_hub.constants as c;
 * print(c.HF_HUB_CACHE)" with these variables. */
static void variables_are_expanded_as_python_does(void **state)
{
    (void)state;
#define CACHE(expected, ...) cache_is(expected, (const char *const[]){__VA_ARGS__, NULL})
    CACHE("/h/hf/hub", "HOME=/h", "HF_HOME=~/hf");
    CACHE("/h/hf/hub", "HOME=/h/", "HF_HOME=~/hf");
    CACHE("/h/hub", "HOME=/h", "HF_HOME=~");
    CACHE("/hub", "HOME=/", "HF_HUB_CACHE=~/hub");
    CACHE("/h/hub", "HOME=/h", "HF_HUB_CACHE=$HOME/hub");
    CACHE("/h/hub", "HOME=/h", "HUGGINGFACE_HUB_CACHE=${HOME}/hub");
    CACHE("/h/c/huggingface/hub", "HOME=/h", "XDG_CACHE_HOME=~/c");
    CACHE("/h/.cache/huggingface/hub", "HOME=/h");
    CACHE("/h/$NOT_SET_ANYWHERE/${}/$/${HOME", "HOME=/h",
          "HF_HUB_CACHE=~/$NOT_SET_ANYWHERE/${}/$/${HOME");
    CACHE("/a~/b", "HF_HUB_CACHE=/a~/b"); /* only at the beginning */
    CACHE("~nobody-of-that-name/b", "HF_HUB_CACHE=~nobody-of-that-name/b");
    const struct passwd *root = getpwuid(0);
    char home[256], named[256];
    if (root && root->pw_dir[0] && root->pw_dir[1]) { /* some systems have it at "/" */
        snprintf(home, sizeof home, "%s/b", root->pw_dir);
        snprintf(named, sizeof named, "HF_HUB_CACHE=~%s/b", root->pw_name);
        CACHE(home, "HOME=/h", named);
    } else {
        printf("SKIPPED: user 0 has no entry with a home\n");
    }
    CACHE("a/b", "HF_HUB_CACHE=a/b");
    CACHE("a/hub", "HF_HOME=a");
    CACHE("x/$HOME/hub", "HOME=/h", "EXPANDED_ONCE=$HOME", "HF_HUB_CACHE=x/$EXPANDED_ONCE/hub");
    CACHE(".", "HOME=/h", "HF_HUB_CACHE=", "HF_HOME=/b"); /* set to nothing: the folder here */
    CACHE("huggingface/hub", "HOME=/h", "XDG_CACHE_HOME=");
#undef CACHE
    unsetenv("EXPANDED_ONCE");
    unset_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_variable_names_the_cache),
        cmocka_unit_test(a_repository_without_owner_is_found),
        cmocka_unit_test(variables_are_expanded_as_python_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
