/* What every cmocka test includes first: the framework and where test data lies. */
#ifndef SPECTRUM_TESTS_TEST_H
#define SPECTRUM_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* The folder that the variable names, or NULL with a visible line when it is not there. */
static inline const char *test_folder(const char *variable)
{
    const char *folder = getenv(variable);
    if (folder && access(folder, R_OK) == 0)
        return folder;
    printf("SKIPPED: %s (%s) is not here\n", variable, folder ? folder : "unset");
    return NULL;
}

#define TEST_FOLDER_OR_SKIP(name, variable)                                                        \
    const char *name = test_folder(variable);                                                      \
    if (!name)                                                                                     \
    skip()

#endif
