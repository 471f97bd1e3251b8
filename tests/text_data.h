/* What the tests of core/text share: the committed strings and ids, and the shared tokenizers,
 * unpacked into a folder of the test's own. */
#ifndef SPECTRUM_TESTS_TEXT_DATA_H
#define SPECTRUM_TESTS_TEXT_DATA_H

#include "test.h"

#include "base/json.h"
#include "text/tokenizer.h"

#include <string.h>

static inline cJSON *text_data(const char *name)
{
    char path[1024];
    struct error err = ERROR_INIT;
    snprintf(path, sizeof path, "%s/text/%s", getenv("SPECTRUM_TEST_DATA"), name);
    cJSON *tree = json_read_file(path, 64 << 20, JSON_STRICT, &err);
    if (!tree)
        fail_msg("%s", err.text);
    return tree;
}

/* Opens tokenizers/<name>.tar.xz of the shared data; NULL where there is none. */
static inline struct tokenizer *shared_tokenizer(const char *name)
{
    const char *shared = test_folder("SPECTRUM_SHARED_DATA");
    char folder[] = "/tmp/spectrum-text-XXXXXX", command[2048], path[1200];
    struct tokenizer *tokenizer = NULL;
    struct error err = ERROR_INIT;
    if (!shared || !mkdtemp(folder))
        return NULL;
    snprintf(command, sizeof command, "tar -xJf '%s/tokenizers/%s.tar.xz' -C '%s'", shared, name,
             folder);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int status = tokenizer_open(&tokenizer, path, &err);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    assert_int_equal(system(command), 0);
    if (status != 0)
        fail_msg("%s", err.text);
    return tokenizer;
}

#endif
