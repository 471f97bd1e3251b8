#include "tui/session/scan_launch.h"

#include "base/folder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/xdg.h"
#include "compute/devices/devices.h"
#include "job/launch.h"
#include "tui/canvas/canvas.h"
#include "tui/session/wording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the job --- */

/* The same relative path is another model in another folder. */
static char *whole_path(const struct scan *scan, struct error *err)
{
    char *whole = sys.realpath(scan->model, NULL);
    return whole ? whole : string_copy(scan->model, err);
}

/* "<state folder>/scans/<hash of the model's path>"; without a home that can be written the scan is
 * made all the same, in a temporary place. */
char *scan_launch_path(const struct scan *scan, struct error *err)
{
    char name[HASH_TEXT_SIZE], *model = whole_path(scan, err);
    struct hash *hash = model ? hash_new(err) : NULL;
    char *folder = hash ? xdg_state_folder("scans", NULL) : NULL, *path = NULL;
    if (hash && folder && sys.access(folder, W_OK | X_OK) != 0) {
        free(folder);
        folder = NULL;
    }
    if (hash && !folder)
        folder = xdg_temporary_folder("scans", err);
    if (folder) {
        hash_update(hash, model, strlen(model));
        hash_text(hash, name);
        path = path_join(folder, name, err);
    }
    if (hash)
        hash_free(hash);
    free(folder);
    free(model);
    return path;
}

int scan_launch(const char *job, const struct scan *scan, const char *device, bool goes_on,
                bool *joined, struct error *err)
{
    char *model = whole_path(scan, err), *name = string_copy(device, err);
    char *arguments[] = {"scan", model, "--device", name, NULL};
    int status =
        model && name ? job_launch_one(job, "/proc/self/exe", arguments, goes_on, joined, err) : -1;
    free(model);
    free(name);
    return status;
}

/* --- what computes --- */

/* The screen passes an id on as an argument: it is one that a device can have, or none. */
static bool is_id(const char *text, size_t size)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789:");
    return length > 0 && text[length] == '\0' && length < size;
}

/* A device as the job wrote it; false: it is not one. Memory that is not a number of bytes, or more
 * of it free than there is, is not known: 0. */
static bool read_device(struct device_info *device, const cJSON *object)
{
    const char *id, *name = "";
    int64_t memory = 0, left = 0;
    if (!json_get_string(object, "device", &id) || !is_id(id, sizeof device->id))
        return false;
    json_get_int64(object, "memory_bytes", &memory);
    json_get_int64(object, "free_bytes", &left);
    *device = (struct device_info){.memory = memory > 0 ? (uint64_t)memory : 0,
                                   .free_memory = left > 0 ? (uint64_t)left : 0};
    if (device->free_memory > device->memory)
        device->free_memory = 0;
    json_get_string(object, "name", &name);
    utf8_copy(device->id, sizeof device->id, id);
    utf8_copy(device->name, sizeof device->name, name);
    return true;
}

/* "device" alone is what computes now; with "module" it is one matrix, and the others stay where
 * they are; "devices", in a job's first such event, is all that there is. */
void scan_devices_take(struct scan_devices *devices, const cJSON *event)
{
    const char *module = NULL, *reason;
    struct device_info device;
    const cJSON *list = json_get(event, "devices"), *item;
    if (cJSON_IsArray(list)) {
        devices->count = 0;
        cJSON_ArrayForEach(item, list)
        {
            if (devices->count < DEVICES_MAX)
                devices->count += read_device(&devices->all[devices->count], item);
        }
    }
    bool alone = json_get_string(event, "module", &module); /* the others stay where they are */
    if (!alone && read_device(&device, event))
        devices->now = device;
    if (json_get_string(event, "reason", &reason)) { /* as the sub-command says it, and shorter */
        char text[ERROR_TEXT_MAX];
        snprintf(text, sizeof text, "%.200s%s%.400s; the CPU computes%s", module ? module : "",
                 module ? ": " : "", reason, module ? " it" : "");
        utf8_copy(devices->reason, sizeof devices->reason, text);
        devices->reasons++;
    }
}

/* What computes is not known until the next job says it. */
void scan_devices_begin(struct scan_devices *devices)
{
    devices->now = (struct device_info){.id = ""};
    devices->reason[0] = '\0';
}

/* The unit is said once where both numbers have the same. */
void device_memory_put(const struct device_info *device, char *out, size_t size)
{
    char all[32], left[32];
    out[0] = '\0';
    if (device->memory == 0)
        return;
    bytes_put((double)device->memory, all, sizeof all);
    if (device->free_memory == 0) {
        snprintf(out, size, "%s", all);
        return;
    }
    bytes_put((double)device->free_memory, left, sizeof left);
    char *unit = strchr(left, ' ');
    if (strcmp(unit, strchr(all, ' ')) == 0)
        *unit = '\0';
    snprintf(out, size, "%s of %s free", left, all);
}

/* From the most to the least that may be said of it, until it fits. */
void device_put(const struct device_info *device, int columns, char *out, size_t size)
{
    char memory[80] = "";
    if (device_is_gpu(device->id))
        device_memory_put(device, memory, sizeof memory);
    snprintf(out, size, "%s%s%s%s%s", device->id, device->name[0] ? " " : "", device->name,
             memory[0] ? ", " : "", memory);
    if (text_columns(out) > columns)
        snprintf(out, size, "%s%s%s", device->id, memory[0] ? ", " : "", memory);
    if (text_columns(out) > columns)
        snprintf(out, size, "%s", device->id);
}
