/* A plug-in is code that runs as this user, so where it comes from is looked at as one looks at the
 * program itself: nobody but root, this user and the program's owner (who could have changed the
 * program) may have written it, or may put another one in its place. What was looked at is what is
 * loaded: both go by one open file.
 *
 * The C library is all that this file needs: programs that run beside a device link it without
 * base. */
#include "compute/plugin.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder of the running program, without its last '/'. */
static void program_folder(char *out, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", out, size - 1);
    out[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = '\0';
}

/* The folder that the user names; a program with more rights than he has does not listen. */
static const char *chosen_folder(void)
{
    const char *chosen = secure_getenv("SPECTRUM_PLUGINS");
    return chosen && chosen[0] ? chosen : NULL;
}

/* Opens the first there is: its path, and the descriptor; -1 with errno, ENOENT where there is
 * none. O_NONBLOCK: one that is a FIFO does not hang. */
static int open_file(char *out, size_t size, const char *name)
{
    char program[PATH_MAX];
    const char *chosen = chosen_folder();
    program_folder(program, sizeof program);
    const struct {
        const char *folder, *below;
    } places[] = {{chosen, ""}, {program, ""}, {program, "/../lib/spectrum"}};
    for (size_t i = chosen ? 0 : 1; i < sizeof places / sizeof *places; i++) {
        int length =
            snprintf(out, size, "%s%s/spectrum-%s.so", places[i].folder, places[i].below, name);
        int fd =
            length > 0 && (size_t)length < size ? open(out, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
        if (fd >= 0 || i == 0) /* where the user says where it is, it is nowhere else */
            return fd;
    }
    return -1;
}

/* --- who could have written it --- */

/* Many systems give each user a group of his own, of his name, and let it write what he makes: its
 * only member is he. Root's group does not count. */
static bool is_own_group(gid_t group)
{
    const struct passwd *user = geteuid() != 0 ? getpwuid(geteuid()) : NULL;
    const struct group *own = user && user->pw_gid == group ? getgrgid(group) : NULL;
    if (!own || strcmp(own->gr_name, user->pw_name) != 0)
        return false;
    for (char **member = own->gr_mem; member && *member; member++)
        if (strcmp(*member, user->pw_name) != 0)
            return false;
    return true;
}

static bool is_trusted(uid_t owner)
{
    struct stat program;
    return owner == 0 || owner == geteuid() ||
           (stat("/proc/self/exe", &program) == 0 && owner == program.st_uid);
}

/* `what` is at `path`. With `sticky`, a folder that all may write to will do, in which nobody can
 * rename or remove what is not his: as /tmp, above a folder of one's own. */
static int check_one(const struct stat *info, const char *path, bool sticky, const char *plugin,
                     struct error *err)
{
    mode_t others = info->st_mode & (S_IWGRP | S_IWOTH);
    if (!is_trusted(info->st_uid))
        return error_set(err,
                         "the plug-in %s is not loaded: %s belongs to another user (%ld), who "
                         "could put any code there; `chown` it to you or root, or install "
                         "spectrum in a folder of your own",
                         plugin, path, (long)info->st_uid);
    if (others == 0 || (sticky && S_ISDIR(info->st_mode) && (info->st_mode & S_ISVTX)) ||
        (others == S_IWGRP && is_own_group(info->st_gid)))
        return 0;
    return error_set(err,
                     "the plug-in %s is not loaded: other users can write to %s, and so put any "
                     "code there; `chmod go-w` it, or install spectrum in a folder of your own",
                     plugin, path);
}

/* The folder `path`, and each above it. */
static int check_folders(char *path, const char *plugin, struct error *err)
{
    struct stat info;
    for (bool above = false;; above = true) {
        const char *folder = path[0] ? path : "/";
        if (stat(folder, &info) != 0)
            return error_set(err, "the plug-in %s is not loaded: cannot look at %s: %s", plugin,
                             folder, strerror(errno));
        if (check_one(&info, folder, above, plugin, err) != 0)
            return -1;
        if (!path[0] || !path[1])
            return 0;
        *strrchr(path, '/') = '\0';
    }
}

/* The file itself; the folders that its name lies in; where that is a link, those of its target. */
static int check_safe(int fd, const char *path, struct error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return error_set(err, "cannot read the plug-in %s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return error_set(err, "the plug-in %s is not loaded: it is not a regular file", path);
    char folder[PATH_MAX], *named = NULL, *target = realpath(path, NULL);
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    int status = target && (named = realpath(folder[0] ? folder : "/", NULL))
                     ? check_one(&info, target, false, path, err)
                     : error_set(err, "the plug-in %s is not loaded: cannot look at its folder: %s",
                                 path, strerror(errno));
    if (status == 0)
        status = check_folders(named, path, err);
    if (status == 0) {
        *strrchr(target, '/') = '\0';
        status = check_folders(target, path, err);
    }
    free(named);
    free(target);
    return status;
}

/* --- whether there is anything for it to do --- */

/* One that talks to a driver names its library. (The suite's emulated one does not.) The file is
 * checked: nobody else cuts it off while it is read. */
static bool wants_driver(int fd)
{
    static const char library[] = "libcuda.so";
    struct stat info;
    void *bytes = fstat(fd, &info) == 0 && info.st_size > 0
                      ? mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
                      : MAP_FAILED;
    if (bytes == MAP_FAILED)
        return true;
    bool wants = memmem(bytes, (size_t)info.st_size, library, sizeof library - 1) != NULL;
    munmap(bytes, (size_t)info.st_size);
    return wants;
}

/* What CUDA itself loads first, and cannot be without. */
static bool driver_loads(struct error *err)
{
    if (dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL))
        return true;
    error_set(err,
              "there is no NVIDIA driver (libcuda.so.1 does not load); install it, or use cpu");
    return false;
}

/* A file of sysfs that begins with `text`. */
static bool begins_with(const char *device, const char *file, const char *text)
{
    char path[PATH_MAX], found[16] = "";
    snprintf(path, sizeof path, "/sys/bus/pci/devices/%.200s/%s", device, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool begins =
        fd >= 0 && read(fd, found, sizeof found - 1) > 0 && strncmp(found, text, strlen(text)) == 0;
    if (fd >= 0)
        close(fd);
    return begins;
}

/* Where a GPU of NVIDIA's can be used there is a node of its driver's: on Linux, in Windows'
 * subsystem for it, on boards that have one built in. After a start the driver makes its nodes when
 * a program first asks for them: until then the card is on the bus (vendor 10de, class 03: a
 * display or 3D controller). */
static bool device_is_here(void)
{
    static const char *const nodes[] = {"/dev/nvidiactl", "/dev/nvidia0", "/proc/driver/nvidia",
                                        "/dev/dxg",       "/dev/nvmap",   "/dev/nvhost-ctrl"};
    bool here = false;
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes && !here; i++)
        here = access(nodes[i], F_OK) == 0;
    DIR *bus = here ? NULL : opendir("/sys/bus/pci/devices");
    for (struct dirent *card; bus && !here && (card = readdir(bus));)
        here = begins_with(card->d_name, "vendor", "0x10de") &&
               begins_with(card->d_name, "class", "0x03");
    if (bus)
        closedir(bus);
    return here;
}

/* --- loading --- */

/* Loads by /proc/self/fd the file that was checked, whatever has been put at its path meanwhile. */
static const struct backend_plugin *load(int fd, const char *path, struct error *err)
{
    char opened[40];
    snprintf(opened, sizeof opened, "/proc/self/fd/%d", fd);
    void *library = dlopen(opened, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *why = dlerror();
        error_set(err, "the plug-in %s does not load: %s", path, why ? why : "no reason given");
        return NULL;
    }
    const struct backend_plugin *plugin = dlsym(library, PLUGIN_SYMBOL);
    if (plugin && plugin->version == BACKEND_VERSION)
        return plugin;
    dlclose(library);
    error_set(err, "the plug-in %s is of another version of spectrum; build both together", path);
    return NULL;
}

/* Where it was looked for, and so what to do, depends on $SPECTRUM_PLUGINS. */
static void say_missing(const char *name, struct error *err)
{
    const char *chosen = chosen_folder();
    if (chosen)
        error_set(err, "there is no plug-in spectrum-%s.so in %s ($SPECTRUM_PLUGINS); use cpu",
                  name, chosen);
    else
        error_set(err,
                  "there is no plug-in spectrum-%s.so beside the program or in ../lib/spectrum; "
                  "build spectrum with a CUDA toolkit installed, or use cpu",
                  name);
}

/* With `asked`, whatever is wrong is an error. Without, a missing plug-in, driver or card is none,
 * as most machines have none; but one that is there, would be of use and cannot be trusted or
 * loaded is said. Nothing of a plug-in runs before its owner is checked; nobody waits for a driver
 * to load where no card can be seen and none was asked for. */
const struct backend_plugin *plugin_find(const char *name, bool asked, struct error *err)
{
    char path[2 * PATH_MAX];
    struct error trouble = ERROR_INIT, no_driver = ERROR_INIT;
    const struct backend_plugin *plugin = NULL;
    int fd = open_file(path, sizeof path, name);
    if (fd < 0 && asked && errno != ENOENT && errno != ENOTDIR)
        error_set(err, "cannot read the plug-in %s: %s", path, strerror(errno));
    else if (fd < 0 && asked)
        say_missing(name, err);
    if (fd < 0)
        return NULL;
    bool of_use = asked || chosen_folder() || device_is_here();
    if (check_safe(fd, path, &trouble) == 0) {
        bool wants = wants_driver(fd);
        if (wants && !asked && !device_is_here())
            of_use = false;
        else if (wants && !driver_loads(&no_driver))
            of_use = asked;
        else
            plugin = load(fd, path, &trouble);
    }
    close(fd);
    if (!plugin && of_use && err)
        *err = no_driver.kind != ERROR_NONE ? no_driver : trouble;
    return plugin;
}
