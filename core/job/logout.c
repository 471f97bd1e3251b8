#include "job/logout.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/sys.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONFIG_CAP = 1 << 20 };

/* The last "KillUserProcesses=" that is not a comment; logind's own default is yes, but Debian and
 * Ubuntu build it as no. */
static bool kills_at_logout(const char *root)
{
    char path[4096];
    struct buffer text = BUFFER_INIT;
    bool kills = false;
    snprintf(path, sizeof path, "%s/etc/systemd/logind.conf", root);
    if (file_read_all(&text, path, CONFIG_CAP, NULL) == 0)
        for (char *rest = text.data, *line; rest && (line = strsep(&rest, "\n"));) {
            static const char key[] = "KillUserProcesses=";
            line += strspn(line, " \t");
            if (strncmp(line, key, strlen(key)) == 0)
                kills = strncmp(line + strlen(key), "yes", 3) == 0 ||
                        strncmp(line + strlen(key), "true", 4) == 0;
        }
    buffer_free(&text);
    return kills;
}

static bool lingers(const char *root)
{
    char path[4096];
    const struct passwd *user = getpwuid(getuid());
    snprintf(path, sizeof path, "%s/var/lib/systemd/linger/%s", root, user ? user->pw_name : "");
    return user && sys.access(path, F_OK) == 0;
}

bool job_logout_warning(const char *root, char *out, size_t size)
{
    const char *batch = getenv("SLURM_JOB_ID");
    out[0] = '\0';
    if (batch && batch[0])
        snprintf(out, size,
                 "jobs end with the batch allocation %.20s: run tmux inside it, and save often",
                 batch);
    else if (kills_at_logout(root) && !lingers(root))
        snprintf(out, size, "logging out ends jobs here: `loginctl enable-linger` prevents that");
    return out[0] != '\0';
}
