/* `spectrum devices`: what there is to compute with, by the names that --device takes, and what is
 * missing for a GPU.
 *
 *     cpu     AMD EPYC, avx512bf16, 16 threads    trains, scans    24.1 GiB free of 31.3 GiB
 *     cuda:0  NVIDIA H200                         scans            139.0 GiB free of 139.8 GiB
 *     cuda: no GPU: libcuda.so.1 is not there; ...
 */
#include "base/limits.h"
#include "base/text.h"
#include "compute/devices/devices.h"
#include "compute/machine.h"
#include "tui/cli/command.h"
#include "tui/cli/options.h"
#include "tui/cli/output.h"

#include <stdio.h>
#include <string.h>

struct request {
    bool json;
};
#define AT(member) offsetof(struct request, member)

struct found {
    struct device_info list[DEVICES_MAX];
    int count;
    char missing[ERROR_TEXT_MAX]; /* why there is no GPU; "": there is one */
};

/* The CPU's memory is what this process may have of it; a GPU's is its own. */
static void look(struct found *found)
{
    struct error err = ERROR_INIT;
    found->count = backend_devices(found->list, DEVICES_MAX);
    found->missing[0] = '\0';
    for (int i = 0; i < found->count; i++)
        if (!device_is_gpu(found->list[i].id))
            found->list[i].free_memory = available_memory();
    if (backend_check("cuda", &err) != 0)
        snprintf(found->missing, sizeof found->missing, "%s", err.text);
}

static bool trains(const struct device_info *device)
{
    return backend_check_training(device->id, NULL) == 0;
}

static void put_memory(const struct device_info *device, char *out, size_t size)
{
    char left[24] = "", all[24] = "";
    out[0] = '\0';
    if (device->free_memory > 0)
        bytes_put((double)device->free_memory, left, sizeof left);
    if (device->memory > 0)
        bytes_put((double)device->memory, all, sizeof all);
    if (left[0] && all[0])
        snprintf(out, size, "%s free of %s", left, all);
    else if (left[0])
        snprintf(out, size, "%s free", left);
}

static void print_lines(const struct found *found)
{
    size_t widest = 0;
    for (int i = 0; i < found->count; i++)
        widest = strlen(found->list[i].name) > widest ? strlen(found->list[i].name) : widest;
    for (int i = 0; i < found->count; i++) {
        char memory[64];
        put_memory(&found->list[i], memory, sizeof memory);
        printf("%-7s %-*s  %-15s  %s\n", found->list[i].id, (int)widest, found->list[i].name,
               trains(&found->list[i]) ? "trains, scans" : "scans", memory);
    }
    if (found->missing[0])
        printf("cuda    no GPU: %s\n", found->missing);
}

static int print_json(const struct found *found, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    json_begin(&json, "spectrum.devices");
    json_list(&json, "devices");
    json_layout(&json, JSON_ROWS);
    for (int i = 0; i < found->count; i++) {
        const struct device_info *device = &found->list[i];
        json_object(&json, NULL);
        json_text(&json, "device", device->id);
        json_text(&json, "name", device->name);
        json_flag(&json, "scans", true);
        json_flag(&json, "trains", trains(device));
        if (device->memory > 0)
            json_count(&json, "memory_bytes", device->memory);
        if (device->free_memory > 0)
            json_count(&json, "free_bytes", device->free_memory);
        json_end(&json);
    }
    json_end(&json);
    json_integer(&json, "threads", machine_threads(0));
    if (found->missing[0])
        json_text(&json, "no_gpu", found->missing);
    json_end(&json);
    return output_json(&json, err);
}

/* clang-format off */
static const struct option rows[] = {
    ROW_JSON(AT(json)),
};
/* clang-format on */
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

static int run(int argc, char **argv, struct error *err)
{
    struct request request = {.json = false};
    struct found found;
    size_t count = 0;
    const char *word = NULL;
    if (argc > 2)
        return error_set_kind(err, ERROR_USAGE, "spectrum devices takes --json alone");
    int status = options_parse(&command_devices, &request, NULL, argc, argv, &word, &count, err);
    if (status != 0)
        return status > 0 ? 0 : status;
    if (count > 0)
        return error_set_kind(err, ERROR_USAGE, "spectrum devices takes no \"%s\"", word);
    look(&found);
    if (request.json)
        return print_json(&found, err);
    print_lines(&found);
    return 0;
}

const struct command command_devices = {
    .name = "devices",
    .summary = "what there is to compute with, by the names that --device takes",
    .usage = "spectrum devices [--json]",
    .options = &table,
    .run = run,
};
