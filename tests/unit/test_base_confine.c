/* What is opened below a folder that was noted: no link, nobody else's file, nothing but files and
 * folders, whether the kernel walks or this process does. */
#include "test.h"

#include "base/buffer.h"
#include "base/confine.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const meant[] = {"lock", "requests", "checkpoints", NULL};
static const struct confined_names names = {meant, "checkpoints"};

/* A folder of ours that is confined, with "outside" beside it. */
struct scene {
    char root[64];
    char path[128];
};

static const char *at(struct scene *scene, const char *name)
{
    snprintf(scene->path, sizeof scene->path, "%s/%s", scene->root, name);
    return scene->path;
}

static void write_file(struct scene *scene, const char *name, const char *text)
{
    int fd = open(at(scene, name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void link_to(struct scene *scene, const char *target, const char *name)
{
    assert_int_equal(symlink(target, at(scene, name)), 0);
}

static void make(struct scene *scene)
{
    strcpy(scene->root, "/tmp/confine-XXXXXX");
    assert_non_null(mkdtemp(scene->root));
    const char *const folders[] = {"job", "job/requests", "outside"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(mkdir(at(scene, folders[i]), 0755), 0);
    write_file(scene, "outside/secret", "secret");
    assert_int_equal(confine_folder(at(scene, "job"), &names, NULL), 0);
}

static void remove_scene(struct scene *scene)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", scene->root);
    assert_int_equal(system(command), 0);
}

static void refuse(struct scene *scene, const char *name, int flags, int errno_value)
{
    int fd = sys.open(at(scene, name), flags, 0666), why = errno;
    if (fd >= 0)
        close(fd);
    assert_int_equal(fd, -1);
    if (why != errno_value)
        fail_msg("%s: %s", name, strerror(why));
}

static void test_plain_files(void **state)
{
    (void)state;
    struct scene scene;
    struct stat info;
    struct buffer text = BUFFER_INIT;
    make(&scene);
    assert_int_equal(file_save(at(&scene, "job/lock"), "mine", 4, NULL), 0);
    assert_int_equal(file_read_all(&text, at(&scene, "job/./lock"), 10, NULL), 0);
    assert_string_equal(text.data, "mine");
    int fd = sys.open(at(&scene, "job//lock"), O_WRONLY | O_APPEND, 0);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_APPEND), O_APPEND);
    assert_int_equal(file_write(fd, "!", 1, "lock", NULL), 0);
    sys.close(fd);
    fd = sys.open(at(&scene, "job/lock"), O_WRONLY | O_TRUNC, 0);
    assert_int_equal(sys.stat(scene.path, &info), 0);
    assert_int_equal(info.st_size, 0);
    sys.close(fd);
    assert_int_equal(sys.mkdir(at(&scene, "job/checkpoints"), 0777), 0);
    assert_int_equal(folder_make(at(&scene, "job/checkpoints/step/in"), NULL), 0);
    assert_int_equal(sys.rmdir(scene.path), 0);
    refuse(&scene, "job/requests/none", O_RDONLY, ENOENT);
    assert_int_equal(sys.unlink(at(&scene, "job/lock")), 0);
    assert_int_equal(sys.access(scene.path, F_OK), -1);
    assert_int_equal(errno, ENOENT);
    buffer_free(&text);
    remove_scene(&scene);
}

static void test_links(void **state)
{
    (void)state;
    struct scene scene;
    struct stat info;
    struct error err = ERROR_INIT;
    struct buffer text = BUFFER_INIT;
    make(&scene);
    link_to(&scene, "../outside/secret", "job/lock");
    refuse(&scene, "job/lock", O_RDONLY, ELOOP);
    refuse(&scene, "job/lock", O_WRONLY | O_APPEND | O_CREAT, ELOOP);
    assert_int_equal(file_read_all(&text, at(&scene, "job/lock"), 10, &err), -1);
    assert_non_null(strstr(err.text, "lock is a link; files of a job are never links"));
    assert_int_equal(sys.stat(scene.path, &info), -1);
    assert_int_equal(sys.access(scene.path, R_OK), -1);
    assert_int_equal(sys.access(scene.path, F_OK), 0); /* something is there */
    assert_int_equal(sys.lstat(scene.path, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    /* One that leads nowhere makes nothing there; it itself can be removed. */
    assert_int_equal(sys.unlink(scene.path), 0);
    link_to(&scene, "../outside/new", "job/lock");
    refuse(&scene, "job/lock", O_WRONLY | O_CREAT, ELOOP);
    assert_int_equal(access(at(&scene, "outside/new"), F_OK), -1);
    /* A folder on the way is one. */
    assert_int_equal(rmdir(at(&scene, "job/requests")), 0);
    link_to(&scene, "../outside", "job/requests");
    refuse(&scene, "job/requests/secret", O_RDONLY, ELOOP);
    refuse(&scene, "job/requests/new", O_WRONLY | O_CREAT, ELOOP);
    assert_int_equal(sys.unlink(at(&scene, "job/requests/secret")), -1);
    char from[128];
    snprintf(from, sizeof from, "%s/job/requests/secret", scene.root);
    assert_int_equal(sys.rename(from, at(&scene, "outside/taken")), -1);
    assert_null(sys.opendir(at(&scene, "job/requests")));
    folder_remove(at(&scene, "job/requests"));
    assert_int_equal(access(at(&scene, "outside/secret"), F_OK), 0);
    /* The path to the folder may hold links. */
    link_to(&scene, "job", "way");
    assert_int_equal(confine_folder(at(&scene, "way"), &names, NULL), 0);
    refuse(&scene, "way/lock", O_RDONLY, ELOOP);
    assert_int_equal(sys.unlink(at(&scene, "way/lock")), 0);
    assert_int_equal(file_save(at(&scene, "way/lock"), "x", 1, NULL), 0);
    buffer_free(&text);
    remove_scene(&scene);
}

static void test_ways_out(void **state)
{
    (void)state;
    struct scene scene;
    make(&scene);
    refuse(&scene, "job/requests/../../outside/secret", O_RDONLY, EACCES);
    assert_int_equal(sys.unlink(at(&scene, "job/requests/../../outside/secret")), -1);
    assert_int_equal(access(at(&scene, "outside/secret"), F_OK), 0);
    /* What else lies in a folder of one's own is no file of the job: a model with links. */
    link_to(&scene, "../outside", "job/model");
    int fd = sys.open(at(&scene, "job/model/secret"), O_RDONLY, 0);
    assert_true(fd >= 0);
    sys.close(fd);
    /* Their temporary files are. */
    link_to(&scene, "../outside/secret", "job/.lock.1.tmp");
    refuse(&scene, "job/.lock.1.tmp", O_RDONLY, ELOOP);
    remove_scene(&scene);
}

static void test_the_one_link(void **state)
{
    (void)state;
    struct scene scene;
    make(&scene);
    link_to(&scene, "../outside", "job/checkpoints");
    assert_int_equal(sys.mkdir(at(&scene, "job/checkpoints/step"), 0777), 0);
    assert_int_equal(file_save(at(&scene, "job/checkpoints/step/state"), "x", 1, NULL), 0);
    DIR *folder = sys.opendir(at(&scene, "job/checkpoints"));
    assert_non_null(folder);
    closedir(folder);
    assert_int_equal(access(at(&scene, "outside/step/state"), F_OK), 0);
    /* Behind it there is none. */
    link_to(&scene, "step", "outside/other");
    refuse(&scene, "job/checkpoints/other/state", O_RDONLY, ELOOP);
    remove_scene(&scene);
}

/* Who can write to the folder above can put another one in the job's place. */
static void test_another_in_its_place(void **state)
{
    (void)state;
    struct scene scene;
    make(&scene);
    char aside[80], command[300];
    snprintf(aside, sizeof aside, "%s.aside", scene.root);
    /* away, but there: a file system may give a new folder the number of one that is removed */
    snprintf(command, sizeof command, "mkdir -p %s.away && mv %s %s.away/$$", scene.root, aside,
             scene.root);
    write_file(&scene, "job/lock", "mine");
    write_file(&scene, "outside/lock", "another's");
    assert_int_equal(rename(at(&scene, "job"), aside), 0);
    link_to(&scene, "outside", "job");
    refuse(&scene, "job/lock", O_RDONLY, ELOOP);
    refuse(&scene, "job/lock", O_WRONLY | O_CREAT, ELOOP);
    assert_int_equal(sys.unlink(at(&scene, "job/lock")), -1);
    assert_int_equal(sys.mkdir(at(&scene, "job/checkpoints"), 0777), -1);
    assert_int_equal(access(at(&scene, "outside/lock"), F_OK), 0);
    assert_int_equal(access(at(&scene, "outside/checkpoints"), F_OK), -1);
    /* A link to where it is now leads to the one that it was. */
    assert_int_equal(unlink(at(&scene, "job")), 0);
    link_to(&scene, aside, "job");
    int fd = sys.open(at(&scene, "job/lock"), O_RDONLY, 0);
    assert_true(fd >= 0);
    sys.close(fd);
    assert_int_equal(unlink(at(&scene, "job")), 0);
    assert_int_equal(system(command), 0);
    refuse(&scene, "job/lock", O_RDONLY, ENOENT);
    /* One that its user makes anew is his. */
    assert_int_equal(mkdir(at(&scene, "job"), 0755), 0);
    fd = sys.open(at(&scene, "job/lock"), O_WRONLY | O_CREAT, 0666);
    assert_true(fd >= 0);
    sys.close(fd);
    if (geteuid() == 0) {
        assert_int_equal(rename(at(&scene, "job"), aside), 0);
        assert_int_equal(mkdir(at(&scene, "job"), 0755), 0);
        assert_int_equal(chown(at(&scene, "job"), 4711, 4711), 0);
        refuse(&scene, "job/lock", O_WRONLY | O_CREAT, ELOOP);
        assert_int_equal(system(command), 0);
    } else {
        print_message("SKIPPED: folders of other users need root\n");
    }
    snprintf(command, sizeof command, "rm -rf %s.away", scene.root);
    assert_int_equal(system(command), 0);
    remove_scene(&scene);
}

static void test_odd_files(void **state)
{
    (void)state;
    struct scene scene;
    make(&scene);
    assert_int_equal(mkfifo(at(&scene, "job/lock"), 0666), 0);
    refuse(&scene, "job/lock", O_RDONLY, EACCES); /* and does not hang */
    refuse(&scene, "job/lock", O_WRONLY | O_APPEND, EACCES);
    assert_int_equal(unlink(at(&scene, "job/lock")), 0);
    char secret[128];
    snprintf(secret, sizeof secret, "%s/outside/secret", scene.root);
    assert_int_equal(link(secret, at(&scene, "job/lock")), 0);
    refuse(&scene, "job/lock", O_WRONLY | O_APPEND, EMLINK);
    refuse(&scene, "job/lock", O_WRONLY | O_TRUNC, EMLINK);
    struct stat info;
    assert_int_equal(stat(secret, &info), 0);
    assert_int_equal(info.st_size, 6);
    remove_scene(&scene);
}

/* Needs root, to make what belongs to others. */
static void test_owners(void **state)
{
    (void)state;
    struct scene scene;
    if (geteuid() != 0) {
        print_message("SKIPPED: files of other users need root\n");
        return;
    }
    make(&scene);
    write_file(&scene, "job/lock", "x");
    assert_int_equal(chown(at(&scene, "job/lock"), 4711, 4711), 0);
    refuse(&scene, "job/lock", O_RDONLY, EACCES);
    /* The folder's owner may have files in it; what else is there is confined, too. */
    assert_int_equal(chown(at(&scene, "job"), 4711, 4711), 0);
    int fd = sys.open(at(&scene, "job/lock"), O_RDONLY, 0);
    assert_true(fd >= 0);
    sys.close(fd);
    link_to(&scene, "../outside/secret", "job/data.txt");
    refuse(&scene, "job/data.txt", O_RDONLY, ELOOP);
    /* A hard link to a file of ours is not read either. */
    char secret[128];
    snprintf(secret, sizeof secret, "%s/outside/secret", scene.root);
    assert_int_equal(link(secret, at(&scene, "job/hard")), 0);
    refuse(&scene, "job/hard", O_RDONLY, EMLINK);
    /* The one link that is allowed is ours on both ends. */
    link_to(&scene, "../outside", "job/checkpoints");
    assert_int_equal(lchown(at(&scene, "job/checkpoints"), 4711, 4711), 0);
    refuse(&scene, "job/checkpoints/secret", O_RDONLY, ELOOP);
    assert_int_equal(lchown(at(&scene, "job/checkpoints"), 0, 0), 0);
    assert_int_equal(chown(at(&scene, "outside"), 4711, 4711), 0);
    refuse(&scene, "job/checkpoints/secret", O_RDONLY, EACCES);
    remove_scene(&scene);
}

/* As a container's filter, or an older kernel, answers. */
static bool forbid_openat2(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
           syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0) == -1 && errno == EPERM;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_files),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_ways_out),
        cmocka_unit_test(test_the_one_link),
        cmocka_unit_test(test_odd_files),
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_another_in_its_place),
    };
    int failed = cmocka_run_group_tests_name("as the kernel has it", tests, NULL, NULL);
    if (forbid_openat2())
        failed += cmocka_run_group_tests_name("without openat2()", tests, NULL, NULL);
    else
        print_message("SKIPPED: openat2() cannot be forbidden here\n");
    return failed;
}
