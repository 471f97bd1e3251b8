/* A folder of a test program's own, which is its user's state and cache, too: give make_folder and
 * remove_folder to cmocka as the group's set-up and tear-down. */
#ifndef SPECTRUM_TESTS_TEST_FOLDER_H
#define SPECTRUM_TESTS_TEST_FOLDER_H

#include "test.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/spectrum-test-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    return setenv("XDG_STATE_HOME", folder, 1) || setenv("XDG_CACHE_HOME", folder, 1);
}

static int remove_folder(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

#endif
