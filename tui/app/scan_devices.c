#include "tui/app/scan_devices.h"

#include "base/utf8.h"
#include "compute/devices/devices.h"
#include "tui/app/units.h"
#include "tui/canvas/canvas.h"

#include <stdio.h>
#include <string.h>

/* The screen passes an id on as an argument: it is one that a device can have, or none. */
static bool is_id(const char *text, size_t size)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789:");
    return length > 0 && text[length] == '\0' && length < size;
}

/* 0, not known, for what is no number of bytes. */
static uint64_t read_bytes(const cJSON *object, const char *key)
{
    int64_t bytes = 0;
    return json_get_int64(object, key, &bytes) && bytes > 0 ? (uint64_t)bytes : 0;
}

static bool read_device(struct device_info *device, const cJSON *object)
{
    const char *id, *name = "";
    if (!json_get_string(object, "device", &id) || !is_id(id, sizeof device->id))
        return false;
    *device = (struct device_info){.memory = read_bytes(object, "memory_bytes"),
                                   .free_memory = read_bytes(object, "free_bytes")};
    if (device->free_memory > device->memory)
        device->free_memory = 0;
    json_get_string(object, "name", &name);
    utf8_copy(device->id, sizeof device->id, id);
    utf8_copy(device->name, sizeof device->name, name);
    return true;
}

static void read_list(struct scan_devices *devices, const cJSON *list)
{
    const cJSON *item;
    devices->count = 0;
    cJSON_ArrayForEach(item, list)
    {
        if (devices->count == DEVICES_MAX)
            return;
        devices->count += read_device(&devices->all[devices->count], item);
    }
}

/* As the sub-command says it, and shorter. */
static void read_reason(struct scan_devices *devices, const char *reason, const char *module)
{
    char text[ERROR_TEXT_MAX];
    snprintf(text, sizeof text, "%.200s%s%.400s; the CPU computes%s", module ? module : "",
             module ? ": " : "", reason, module ? " it" : "");
    utf8_copy(devices->reason, sizeof devices->reason, text);
    devices->reasons++;
}

void scan_devices_take(struct scan_devices *devices, const cJSON *event)
{
    const char *module = NULL, *reason;
    struct device_info device;
    const cJSON *list = json_get(event, "devices");
    if (cJSON_IsArray(list))
        read_list(devices, list);
    bool alone = json_get_string(event, "module", &module); /* the others stay where they are */
    if (!alone && read_device(&device, event))
        devices->now = device;
    if (json_get_string(event, "reason", &reason))
        read_reason(devices, reason, module);
}

void scan_devices_begin(struct scan_devices *devices)
{
    devices->now = (struct device_info){.id = ""};
    devices->reason[0] = '\0';
}

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
