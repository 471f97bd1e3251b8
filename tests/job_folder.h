/* A job's folder in the folder of a test (test_folder.h). */
#ifndef SPECTRUM_TESTS_JOB_FOLDER_H
#define SPECTRUM_TESTS_JOB_FOLDER_H

#include "test_folder.h"

#include "base/folder.h"
#include "job/job_create.h"

/* A new one, called "job"; free() its path. */
static char *make_job(void)
{
    struct error err = ERROR_INIT;
    char *path = path_join(folder, "job", &err);
    assert_int_equal(job_dir_create(path, &err), 0);
    return path;
}

#endif
