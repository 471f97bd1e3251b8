/* A save is all or nothing: faults at every system call leave the old file or the new one. */
#include "test.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/sys.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int calls_until_fault, errno_of_fault = ENOSPC;
static struct sys_table real_sys;

static bool fault(void)
{
    return calls_until_fault-- == 0;
}

static ssize_t faulty_write(int fd, const void *data, size_t count)
{
    if (fault()) {
        errno = errno_of_fault;
        return -1;
    }
    /* Short writes, so that one save takes several calls. */
    return real_sys.write(fd, data, count > 3 ? 3 : count);
}

static int faulty_fsync(int fd)
{
    if (fault()) {
        errno = EIO;
        return -1;
    }
    return real_sys.fsync(fd);
}

static int faulty_rename(const char *from, const char *to)
{
    if (fault()) {
        errno = EACCES;
        return -1;
    }
    return real_sys.rename(from, to);
}

static int count_entries(const char *folder)
{
    DIR *dir = opendir(folder);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.' || strstr(entry->d_name, ".tmp") != NULL;
    closedir(dir);
    return count;
}

static void save_survives_faults(void **state)
{
    (void)state;
    char folder[] = "/tmp/spectrum-file-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = path_join(folder, "plan.yaml", NULL);
    struct buffer read = BUFFER_INIT;
    struct error err = ERROR_INIT;
    assert_int_equal(file_save(path, "old text", 8, &err), 0);

    real_sys = sys;
    bool succeeded = false;
    for (int faulty = 0; !succeeded && faulty < 20; faulty++) {
        sys.write = faulty_write;
        sys.fsync = faulty_fsync;
        sys.rename = faulty_rename;
        calls_until_fault = faulty;
        succeeded = file_save(path, "the new text", 12, &err) == 0;
        sys = real_sys;
        assert_int_equal(file_read_all(&read, path, 100, &err), 0);
        assert_true(strcmp(read.data, "old text") == 0 || strcmp(read.data, "the new text") == 0);
        assert_int_equal(count_entries(folder), 1);
    }
    assert_true(succeeded);
    assert_string_equal(read.data, "the new text");
    assert_true(strlen(err.text) > 0);

    buffer_free(&read);
    unlink(path);
    rmdir(folder);
    free(path);
}

static int no_such_rename(const char *from, const char *to)
{
    (void)from;
    (void)to;
    errno = EIO;
    return -1;
}

static void put_new(struct file_writer *writer, const char *path, const char *text)
{
    assert_int_equal(file_writer_open_new(writer, path, NULL), 0);
    assert_int_equal(file_writer_put(writer, text, strlen(text), NULL), 0);
}

/* Of two that write a new file of one name one has it, and the other is told; a link that leads
 * nowhere is not replaced either, and what failed leaves nothing. */
static void a_new_file_takes_no_name_that_is_taken(void **state)
{
    (void)state;
    char folder[] = "/tmp/spectrum-file-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = path_join(folder, "model.gguf", NULL), *link = path_join(folder, "link", NULL);
    struct file_writer first, second;
    struct buffer read = BUFFER_INIT;
    struct error err = ERROR_INIT;
    put_new(&first, path, "the first");
    put_new(&second, path, "the second");
    assert_int_equal(file_writer_commit(&second, &err), 0);
    assert_int_equal(file_writer_commit(&first, &err), -1);
    assert_non_null(strstr(err.text, "model.gguf has come to be there meanwhile"));
    assert_int_equal(file_read_all(&read, path, 100, &err), 0);
    assert_string_equal(read.data, "the second");
    assert_int_equal(count_entries(folder), 1);

    assert_int_equal(symlink("nowhere", link), 0);
    assert_int_equal(name_find(link, &err), 1);
    struct stat info;
    assert_int_equal(file_look(link, &info, &err), 0);
    assert_int_equal(folder_find(link, &err), 0);
    assert_int_equal(file_find(link, &err), -1);
    assert_non_null(strstr(err.text, "link is a link to nothing: bring back what it leads to"));
    assert_int_equal(file_read_all(&read, link, 100, &err), -1);
    assert_non_null(strstr(err.text, "link is a link to nothing"));
    unlink(path);
    assert_int_equal(file_read_all(&read, path, 100, &err), -1);
    assert_non_null(strstr(err.text, "cannot open "));
    put_new(&first, path, "the first");
    assert_int_equal(file_writer_commit(&first, &err), 0);
    put_new(&first, link, "a link's");
    assert_int_equal(file_writer_commit(&first, &err), -1);
    assert_int_equal(count_entries(folder), 2);
    assert_int_equal(name_find(link, &err), 1);
    assert_int_equal(folder_make(link, &err), -1);
    assert_non_null(strstr(err.text, "a file or a link to nothing has that name"));
    assert_int_equal(folder_make(path, &err), -1);
    assert_int_equal(folder_make(folder, &err), 0);
    unlink(path);

    /* What cannot be named, or not synced, is not there. */
    real_sys = sys;
    put_new(&first, path, "the third");
    sys.rename_new = no_such_rename;
    assert_int_equal(file_writer_commit(&first, &err), -1);
    sys = real_sys;
    put_new(&first, path, "the fourth");
    sys.fsync = faulty_fsync;
    calls_until_fault = 1; /* the folder's */
    assert_int_equal(file_writer_commit(&first, &err), -1);
    sys = real_sys;
    assert_int_equal(name_find(path, &err), 0);
    assert_int_equal(count_entries(folder), 1);
    buffer_free(&read);
    unlink(link);
    rmdir(folder);
    free(link);
    free(path);
}

/* A write that a limit, a quota, a lost handle or a file system stops: the line says what to do,
 * and the old file is there alone. */
static void what_stops_a_write_is_named(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *said;
    } faults[] = {{ENOSPC, "No space left"},
                  {EFBIG, "ulimit -f"},
                  {EDQUOT, "disk quota is used up"},
                  {ESTALE, "stale handle"},
                  {EROFS, "read-only; write elsewhere"}};
    char folder[] = "/tmp/spectrum-file-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = path_join(folder, "state.json", NULL);
    struct error err = ERROR_INIT;
    assert_int_equal(file_save(path, "old text", 8, &err), 0);
    real_sys = sys;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct buffer read = BUFFER_INIT;
        errno_of_fault = faults[i].number;
        calls_until_fault = 1;
        sys.write = faulty_write;
        assert_int_equal(file_save(path, "the new text", 12, &err), -1);
        sys = real_sys;
        if (!strstr(err.text, faults[i].said) || !strstr(err.text, path))
            fail_msg("it says \"%s\"", err.text);
        assert_int_equal(file_read_all(&read, path, 100, &err), 0);
        assert_string_equal(read.data, "old text");
        assert_int_equal(count_entries(folder), 1);
        buffer_free(&read);
    }
    errno_of_fault = ENOSPC;
    unlink(path);
    rmdir(folder);
    free(path);
}

static void reading_is_checked(void **state)
{
    (void)state;
    struct buffer read = BUFFER_INIT;
    struct error err = ERROR_INIT;
    assert_int_equal(file_read_all(&read, "/nonexistent/file", 100, &err), -1);
    assert_non_null(strstr(err.text, "/nonexistent/file"));
    assert_int_equal(file_read_all(&read, "/tmp", 100, &err), -1);
    assert_non_null(strstr(err.text, "regular file"));
    char path[] = "/tmp/spectrum-cap-XXXXXX";
    close(mkstemp(path));
    assert_int_equal(file_save(path, "12345", 5, &err), 0);
    assert_int_equal(file_read_all(&read, path, 4, &err), -1);
    char byte[8];
    uint64_t size = 0;
    int fd = file_open_read(path, &size, &err);
    assert_true(fd >= 0 && size == 5);
    assert_int_equal(file_read_at(fd, byte, 3, 4, "x", &err), -1);
    assert_non_null(strstr(err.text, "truncated"));
    close(fd);
    unlink(path);
    buffer_free(&read);
}

static void one_file_is_known_under_any_name(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char folder[] = "/tmp/spectrum-same-XXXXXX", path[3][100];
    assert_non_null(mkdtemp(folder));
    snprintf(path[0], sizeof path[0], "%s/a", folder);
    snprintf(path[1], sizeof path[1], "%s/./a", folder);
    snprintf(path[2], sizeof path[2], "%s/b", folder);
    assert_true(file_is_same(path[0], path[1])); /* neither is there yet */
    assert_false(file_is_same(path[0], path[2]));
    assert_false(file_is_same("/nonexistent/a", path[0]));
    assert_int_equal(file_save(path[0], "1", 1, NULL), 0);
    assert_true(file_is_same(path[0], path[1]));
    assert_false(file_is_same(path[0], path[2]));
    assert_int_equal(symlink("a", path[2]), 0);
    assert_true(file_is_same(path[0], path[2]));
    assert_int_equal(file_check_apart(path[2], path[0], "the plan", &err), -1);
    assert_non_null(strstr(err.text, "the plan that is read"));
    assert_int_equal(file_check_apart(NULL, path[0], "the plan", NULL), 0);
    unlink(path[2]);
    unlink(path[0]);
    rmdir(folder);
}

static void fifo_does_not_hang(void **state)
{
    (void)state;
    char folder[] = "/tmp/spectrum-fifo-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = path_join(folder, "fifo", NULL);
    assert_int_equal(mkfifo(path, 0600), 0);
    uint64_t size;
    struct error err = ERROR_INIT;
    assert_int_equal(file_open_read(path, &size, &err), -1);
    unlink(path);
    rmdir(folder);
    free(path);
}

static void folders_are_made_with_parents(void **state)
{
    (void)state;
    char folder[] = "/tmp/spectrum-dir-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *inner = path_join(folder, "a/b/c", NULL);
    assert_int_equal(folder_make(inner, NULL), 0);
    assert_int_equal(folder_make(inner, NULL), 0);
    assert_int_equal(access(inner, R_OK), 0);
    for (int i = 0; i < 4; i++) {
        rmdir(inner);
        *strrchr(inner, '/') = '\0';
    }
    free(inner);
}

static void paths_are_taken_apart(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a/b/c.json", "a/b"}, {"c.json", "."}, {"/c.json", "/"}, {"a/", "a"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *folder = path_folder(cases[i][0], NULL);
        assert_string_equal(folder, cases[i][1]);
        free(folder);
    }
    assert_true(text_ends_with("model.gguf", ".gguf"));
    assert_true(text_ends_with(".gguf", ".gguf"));
    assert_false(text_ends_with("gguf", ".gguf"));
    assert_false(text_ends_with("model.gguf.part", ".gguf"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stops_a_write_is_named),
        cmocka_unit_test(save_survives_faults),
        cmocka_unit_test(a_new_file_takes_no_name_that_is_taken),
        cmocka_unit_test(reading_is_checked),
        cmocka_unit_test(fifo_does_not_hang),
        cmocka_unit_test(folders_are_made_with_parents),
        cmocka_unit_test(paths_are_taken_apart),
        cmocka_unit_test(one_file_is_known_under_any_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
