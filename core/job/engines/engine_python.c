#include "job/engines/engine_python.h"

#include "base/json.h"
#include "base/quote.h"
#include "base/run_command.h"
#include "base/sys.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Python that is asked starts within a second from a disk, within many from a cluster's shared one; an
 * import of PyTorch takes ten times that. */
enum { ASK_SECONDS = 60, LOOK_SECONDS = 300, ANSWER_MAX = 1 << 20 };

/* --- versions --- */

/* The next number of "2.15.0", 0 where there are no more; *at goes behind it and its dot. */
static unsigned long next_number(const char **at)
{
    if (!isdigit((unsigned char)**at))
        return 0;
    char *end;
    unsigned long number = strtoul(*at, &end, 10);
    *at = end + (end[0] == '.' && isdigit((unsigned char)end[1]));
    return number;
}

/* Of "2.10rc1" and "2.10.dev0" what is behind the numbers says that the release is still to come;
 * "post1" and what is behind "+" come after it. */
static bool is_before_release(const char *rest)
{
    rest += strspn(rest, ".-_");
    return rest[0] && rest[0] != '+' && strncmp(rest, "post", 4) != 0;
}

bool version_reaches(const char *version, const char *least)
{
    bool is_more = false;
    while (isdigit((unsigned char)*version) || isdigit((unsigned char)*least)) {
        unsigned long is = next_number(&version), needed = next_number(&least);
        if (is < needed && !is_more)
            return false;
        is_more = is_more || is > needed;
    }
    return is_more || !is_before_release(version);
}

/* --- which one --- */

/* The path as it is found from anywhere; links in it stay. Takes the text. */
static char *from_root(char *path, struct error *err)
{
    if (!path || path[0] == '/')
        return path;
    char here[4096];
    struct buffer whole = BUFFER_INIT;
    if (sys.getcwd(here, sizeof here)) {
        buffer_format(&whole, "%s/%s", here, path);
        buffer_check(&whole, err);
    } else {
        error_set_errno(err, errno, "cannot find %s", path);
    }
    free(path);
    if (!whole.failed)
        return whole.data;
    buffer_free(&whole);
    return NULL;
}

/* The Python of the environment that the shell has activated; NULL: none is, or it has none. */
static char *active_environment(void)
{
    const char *folder = getenv("VIRTUAL_ENV");
    if (!folder || folder[0] != '/')
        return NULL;
    struct buffer path = BUFFER_INIT;
    buffer_format(&path, "%s/bin/python", folder);
    char *found = path.failed ? NULL : command_find(buffer_string(&path), NULL);
    buffer_free(&path);
    return found;
}

int engine_python_find(struct engine_python *out, const char *given, struct error *err)
{
    const char *environment = getenv("VIRTUAL_ENV");
    *out = (struct engine_python){0};
    if (given) {
        out->program = from_root(command_find(given, err), err);
        snprintf(out->why, sizeof out->why, "--python");
        return out->program ? 0 : error_prefix(err, "--python");
    }
    if ((out->program = active_environment())) {
        snprintf(out->why, sizeof out->why, "$VIRTUAL_ENV");
        return 0;
    }
    out->program = command_find("python3", err);
    if (environment && environment[0])
        snprintf(out->why, sizeof out->why, "python3 on $PATH: $VIRTUAL_ENV (%.150s) has none",
                 environment);
    else
        snprintf(out->why, sizeof out->why, "python3 on $PATH");
    if (out->program)
        return 0;
    return error_set(err, "there is no Python: --python names none, no environment is active "
                          "($VIRTUAL_ENV), and there is no python3 on $PATH");
}

void engine_python_free(struct engine_python *python)
{
    free(python->program);
    python->program = NULL;
}

/* --- a question --- */

/* Runs it with a script of ours; the answer is a JSON object in its last line. NULL: there is none. */
static cJSON *ask(const struct engine_python *python, const char *script, const char *argument,
                  double seconds, const volatile sig_atomic_t *interrupted, struct error *err)
{
    char *argv[] = {python->program, "-c", (char *)(uintptr_t)script, (char *)(uintptr_t)argument,
                    NULL};
    struct command_run run = {
        .argv = argv, .seconds = seconds, .cap = ANSWER_MAX, .interrupted = interrupted};
    struct command_answer answer;
    char words[256];
    cJSON *tree = NULL;
    int status = run_command(&answer, &run, err);
    if (status == 0 && answer.status != 0) {
        command_last_words(&answer, words, sizeof words);
        status = error_set(err, "%s ended with status %d%s%s", python->program, answer.status,
                           words[0] ? ": " : "", words);
    }
    if (status == 0) {
        const char *text = buffer_string(&answer.out);
        size_t end = answer.out.length;
        while (end > 0 && text[end - 1] == '\n')
            end--;
        size_t begin = end;
        while (begin > 0 && text[begin - 1] != '\n')
            begin--;
        tree = json_parse(text + begin, end - begin, JSON_OBJECT, python->program, err);
        if (!tree)
            error_prefix(err, "this is not what Python answers (is it one?)");
    }
    command_answer_free(&answer);
    return tree;
}

/* A member's text as it may be shown, into out[0..size); "" where it has none. */
static void take_text(const cJSON *answer, const char *key, char *out, size_t size)
{
    const char *text = "";
    json_get_string(answer, key, &text);
    utf8_copy_line(out, size, text);
}

static bool take_flag(const cJSON *answer, const char *key)
{
    bool flag = false;
    json_get_bool(answer, key, &flag);
    return flag;
}

/* --- versions of what is there --- */

/* Python 3.8 and later have the versions; of an earlier one its own version says enough. sys is part
 * of the interpreter itself, so what takes the folder off the path comes before any import. */
static const char versions_script[] =
    "import sys\n"
    "sys.path[:] = [p for p in sys.path if p not in ('', '.')]\n"
    "import json, os\n"
    "try:\n"
    "    from importlib import metadata, util\n"
    "except ImportError:\n"
    "    metadata = None\n"
    "def version(name):\n"
    "    try:\n"
    "        return metadata.version(name)\n"
    "    except Exception:\n"
    "        return None\n"
    "def torchrun():\n"
    "    spec = util.find_spec('torch') if metadata else None\n"
    "    places = (spec and spec.submodule_search_locations) or []\n"
    "    return any(os.path.exists(os.path.join(p, 'distributed', 'run.py')) for p in places)\n"
    "print(json.dumps({'python': '%d.%d.%d' % tuple(sys.version_info[:3]),\n"
    "                  'environment': sys.prefix != getattr(sys, 'base_prefix', sys.prefix),\n"
    "                  'torchrun': torchrun(),\n"
    "                  'packages': {n: version(n) for n in sys.argv[1].split(',')}}))\n";

/* Each package that an engine names, once. */
static void list_packages(struct engine_python *python)
{
    for (int e = ENGINE_HERE + 1; e < ENGINE_COUNT; e++) {
        const struct engine_package *package = engine_info((enum engine)e)->packages;
        for (; package->name && python->package_count < PYTHON_PACKAGES_MAX; package++) {
            size_t i = 0;
            while (i < python->package_count &&
                   strcmp(python->packages[i].name, package->name) != 0)
                i++;
            if (i == python->package_count)
                python->packages[python->package_count++].name = package->name;
        }
    }
}

int engine_python_ask(struct engine_python *python, const volatile sig_atomic_t *interrupted,
                      struct error *err)
{
    struct buffer names = BUFFER_INIT;
    python->package_count = 0;
    list_packages(python);
    for (size_t i = 0; i < python->package_count; i++)
        buffer_format(&names, "%s%s", i ? "," : "", python->packages[i].name);
    int status = buffer_check(&names, err);
    cJSON *answer = status == 0 ? ask(python, versions_script, buffer_string(&names), ASK_SECONDS,
                                      interrupted, err)
                                : NULL;
    buffer_free(&names);
    if (!answer)
        return -1;
    const cJSON *packages = json_get(answer, "packages");
    take_text(answer, "python", python->version, sizeof python->version);
    python->environment = take_flag(answer, "environment");
    python->torchrun = take_flag(answer, "torchrun");
    for (size_t i = 0; i < python->package_count; i++)
        take_text(packages, python->packages[i].name, python->packages[i].version,
                  sizeof python->packages[i].version);
    cJSON_Delete(answer);
    if (!isdigit((unsigned char)python->version[0]))
        return error_set(err, "%s does not say which Python it is", python->program);
    python->asked = true;
    return 0;
}

const char *engine_python_has(const struct engine_python *python, const char *package)
{
    for (size_t i = 0; i < python->package_count; i++)
        if (strcmp(python->packages[i].name, package) == 0)
            return python->packages[i].version;
    return "";
}

/* --- what an engine lacks --- */

static bool is_short_of(const struct engine_python *python, const struct engine_package *package)
{
    const char *version = engine_python_has(python, package->name);
    return !version[0] || !version_reaches(version, package->least);
}

size_t engine_python_short(const struct engine_python *python, const struct engine_info *engine,
                           struct buffer *out)
{
    size_t count = 0;
    if (!version_reaches(python->version, engine->python)) {
        buffer_format(out, "Python is %s and %s is needed", python->version, engine->python);
        count++;
    }
    for (const struct engine_package *package = engine->packages; package->name; package++) {
        if (!is_short_of(python, package))
            continue;
        const char *version = engine_python_has(python, package->name);
        buffer_text(out, count++ ? ", " : "");
        if (version[0])
            buffer_format(out, "%s is %s and %s is needed", package->name, version, package->least);
        else
            buffer_format(out, "no %s", package->name);
    }
    if (!python->torchrun && engine_python_has(python, "torch")[0])
        buffer_format(out, "%sno torchrun (torch.distributed.run)", count++ ? ", " : "");
    return count;
}

void engine_python_put_install(struct buffer *out, const struct engine_python *python,
                               const struct engine_info *engine)
{
    bool fits = version_reaches(python->version, engine->python);
    bool here = fits && python->environment;
    if (here) {
        quote_put_shell_word(out, python->program);
        buffer_text(out, " -m pip install");
    } else {
        if (fits)
            quote_put_shell_word(out, python->program);
        else
            buffer_format(out, "python%s", engine->python);
        buffer_format(out, " -m venv %s-venv && %s-venv/bin/pip install", engine->name,
                      engine->name);
    }
    for (const struct engine_package *package = engine->packages; package->name; package++)
        if (!here || is_short_of(python, package))
            buffer_format(out, " %s==%s", package->name, package->tested);
}

int engine_python_check(struct engine_python *out, const char *given, enum engine engine,
                        const volatile sig_atomic_t *interrupted, struct error *err)
{
    const struct engine_info *info = engine_info(engine);
    if (engine_python_find(out, given, err) != 0)
        return -1;
    if (engine_python_ask(out, interrupted, err) != 0)
        return error_prefix(err, "--engine %s", info->name);
    struct buffer lacks = BUFFER_INIT, install = BUFFER_INIT;
    int status = 0;
    if (engine_python_short(out, info, &lacks) > 0) {
        engine_python_put_install(&install, out, info);
        status =
            error_set(err, "--engine %s cannot run with %s (%s): %s. To install it: %s", info->name,
                      out->program, out->why, buffer_string(&lacks), buffer_string(&install));
    }
    buffer_free(&lacks);
    buffer_free(&install);
    return status;
}

/* --- what there is to compute with --- */

/* Messages of packages that are imported go to standard error. */
static const char look_script[] =
    "import sys\n"
    "sys.path[:] = [p for p in sys.path if p not in ('', '.')]\n"
    "import json, os, shutil\n"
    "out, sys.stdout = sys.stdout, sys.stderr\n"
    "found = {}\n"
    "try:\n"
    "    import torch\n"
    "    import torch.distributed as dist\n"
    "    found['cuda'] = torch.version.cuda\n"
    "    found['gloo'] = dist.is_available() and dist.is_gloo_available()\n"
    "    found['nccl'] = dist.is_available() and dist.is_nccl_available()\n"
    "    count = torch.cuda.device_count() if torch.cuda.is_available() else 0\n"
    "    each = [torch.cuda.get_device_properties(i) for i in range(count)]\n"
    "    found['devices'] = [{'name': p.name, 'memory': p.total_memory} for p in each]\n"
    "    if sys.argv[1]:\n"
    "        __import__(sys.argv[1])\n"
    "except Exception as error:\n"
    "    found['trouble'] = '%s: %s' % (type(error).__name__, error)\n"
    "found['ninja'] = bool(shutil.which('ninja'))\n"
    "if not found['ninja']:\n"
    "    found['ninja'] = os.path.exists(os.path.join(os.path.dirname(sys.executable), 'ninja'))\n"
    "found['compiler'] = bool(shutil.which(os.environ.get('CXX') or 'c++'))\n"
    "print(json.dumps(found), file=out)\n";

static void take_devices(struct engine_look *out, const cJSON *list)
{
    const cJSON *device;
    cJSON_ArrayForEach(device, list)
    {
        int at = out->device_count++;
        int64_t memory = 0;
        if (at >= PYTHON_DEVICES_MAX)
            continue;
        take_text(device, "name", out->devices[at].name, sizeof out->devices[at].name);
        json_get_int64(device, "memory", &memory);
        out->devices[at].memory = memory > 0 ? (uint64_t)memory : 0;
    }
}

int engine_python_look(struct engine_look *out, const struct engine_python *python,
                       const struct engine_info *engine, const volatile sig_atomic_t *interrupted,
                       struct error *err)
{
    /* An engine with a package of its own is called as that is. */
    const char *own = "";
    for (const struct engine_package *p = engine ? engine->packages : NULL; p && p->name; p++)
        if (strcmp(p->name, engine->name) == 0)
            own = p->name;
    *out = (struct engine_look){0};
    cJSON *answer = ask(python, look_script, own, LOOK_SECONDS, interrupted, err);
    if (!answer)
        return -1;
    take_text(answer, "trouble", out->trouble, sizeof out->trouble);
    take_text(answer, "cuda", out->cuda, sizeof out->cuda);
    out->gloo = take_flag(answer, "gloo");
    out->nccl = take_flag(answer, "nccl");
    out->ninja = take_flag(answer, "ninja");
    out->compiler = take_flag(answer, "compiler");
    take_devices(out, json_get(answer, "devices"));
    cJSON_Delete(answer);
    return 0;
}
