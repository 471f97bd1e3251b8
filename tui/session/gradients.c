#include "tui/session/gradients.h"

#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "tui/widget/heatmap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- rows --- */

/* What follows the number of the block, "self_attn.q_proj"; outside of blocks all of the name. */
static const char *type_of(const char *module)
{
    for (const char *at = strchr(module, '.'); at; at = strchr(at + 1, '.')) {
        size_t digits = strspn(at + 1, "0123456789");
        if (digits > 0 && at[digits + 1] == '.')
            return at + digits + 2;
    }
    return module;
}

/* FNV-1a. Whoever makes names that meet makes this slow, and bounded by the names of one line. */
static uint64_t name_hash(const char *name, size_t length)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)name[i]) * UINT64_C(1099511628211);
    return hash;
}

/* The slot of a name: the one that has its row, or else the empty one where that belongs. Rows are
 * counted from 1 there. */
static uint32_t *slot_of(const struct gradients *gradients, const char *name, size_t length)
{
    size_t mask = gradients->slot_count - 1, at = name_hash(name, length) & mask;
    while (gradients->slots[at] > 0) {
        const char *tensor = gradients->names[gradients->slots[at] - 1];
        if (strncmp(tensor, name, length) == 0 && tensor[length] == '\0')
            break;
        at = (at + 1) & mask;
    }
    return &gradients->slots[at];
}

/* Twice as many slots as rows at least, so that there is always an empty one near. */
static bool make_slots(struct gradients *gradients)
{
    enum { FIRST = 1024 };
    size_t before = gradients->slot_count;
    if (2 * (gradients->table.count + 1) <= before)
        return true;
    size_t count = before > 0 ? 2 * before : FIRST;
    uint32_t *slots = array_alloc(count, sizeof *slots, NULL);
    if (!slots)
        return false;
    free(gradients->slots);
    gradients->slots = slots;
    gradients->slot_count = count;
    for (size_t row = 0; row < gradients->table.count; row++) {
        const char *name = gradients->names[row];
        *slot_of(gradients, name, strlen(name)) = (uint32_t)row + 1;
    }
    return true;
}

/* A row of that name, as it stands in the file; what is shown of it is printable. */
static bool add_row(struct gradients *gradients, const char *name, size_t length)
{
    struct scan *table = &gradients->table;
    if (table->count == GRADIENT_ROWS_MAX ||
        array_reserve((void **)&table->rows, &gradients->capacity, table->count + 1,
                      sizeof *table->rows, NULL) != 0 ||
        array_reserve((void **)&gradients->names, &gradients->name_capacity, table->count + 1,
                      sizeof *gradients->names, NULL) != 0)
        return false;
    char *own = strndup(name, length), *module = own ? string_copy(own, NULL) : NULL;
    char *type = module ? string_copy(type_of(module), NULL) : NULL;
    if (!type) {
        free(own);
        free(module);
        return false;
    }
    utf8_sanitize(module);
    utf8_sanitize(type);
    gradients->names[table->count] = own;
    table->rows[table->count++] = (struct scan_row){.module = module, .type = type};
    return true;
}

/* The row of a tensor, made where there is none; false: there is no memory, or no place for it. */
static bool need_row(struct gradients *gradients, const char *tensor, size_t *row)
{
    static const char suffix[] = ".weight";
    size_t length = strlen(tensor), tail = sizeof suffix - 1;
    if (length > tail && strcmp(tensor + length - tail, suffix) == 0)
        length -= tail;
    if (!make_slots(gradients))
        return false;
    uint32_t *slot = slot_of(gradients, tensor, length);
    if (*slot == 0) {
        if (!add_row(gradients, tensor, length))
            return false;
        *slot = (uint32_t)gradients->table.count;
    }
    *row = *slot - 1;
    return true;
}

/* "q A" of an adapter's A. */
static void label_adapters(struct grid *grid)
{
    for (int i = 0; i < grid->types; i++) {
        struct grid_type *type = &grid->type[i];
        const char *part = strstr(type->name, ".lora_");
        char base[256];
        if (!part || !part[6])
            continue;
        snprintf(base, sizeof base, "%.*s", (int)(part - type->name), type->name);
        heat_label(base, type->label, sizeof type->label);
        size_t used = strlen(type->label);
        used = used > HEAT_LABEL_COLUMNS - 2 ? HEAT_LABEL_COLUMNS - 2 : used;
        snprintf(type->label + used, sizeof type->label - used, " %c", part[6]);
    }
}

/* Where no row is in a block, or there are more than a map can show, there is no map. */
static void place_rows(struct gradients *gradients)
{
    if (gradients->placed == gradients->table.count)
        return;
    grid_free(&gradients->grid);
    if (grid_make(&gradients->grid, &gradients->table, NULL, NULL) != 0)
        grid_free(&gradients->grid);
    label_adapters(&gradients->grid);
    gradients->placed = gradients->table.count;
}

/* Is a type's own weight at hand, or do adapters stand for it, which are types of their own? */
static bool has_adapters(const struct gradients *gradients, const char *type)
{
    size_t length = strlen(type);
    for (size_t i = 0; i < gradients->table.count; i++) {
        const char *other = gradients->table.rows[i].type;
        if (strncmp(other, type, length) == 0 && strncmp(other + length, ".lora_", 6) == 0)
            return true;
    }
    return false;
}

/* A row of each type in the last block is enough: a grid has all layers up to the last one. */
bool gradients_add_blocks(struct gradients *gradients, const cJSON *proof)
{
    const cJSON *blocks = json_get(proof, "blocks"), *type;
    const char *prefix = NULL;
    int64_t layers = 0;
    int count = 0;
    char name[512];
    size_t row;
    if (!json_get_int64(blocks, "layers", &layers) || layers < 1 || layers > GRID_LAYERS_MAX ||
        !json_get_string(blocks, "prefix", &prefix))
        return false;
    cJSON_ArrayForEach(type, json_get(blocks, "matrices"))
    {
        if (!cJSON_IsString(type) || count++ == GRID_TYPES_MAX)
            break;
        bool adapters = has_adapters(gradients, type->valuestring);
        for (int part = 0; part < (adapters ? 2 : 1); part++) {
            snprintf(name, sizeof name, "%.200s%lld.%.200s%s", prefix, (long long)layers - 1,
                     type->valuestring,
                     !adapters   ? ""
                     : part == 0 ? ".lora_A"
                                 : ".lora_B");
            need_row(gradients, name, &row);
        }
    }
    place_rows(gradients);
    return true;
}

void gradients_add_model(struct gradients *gradients, const struct scan *model)
{
    size_t row;
    for (size_t i = 0; i < model->count; i++)
        need_row(gradients, model->rows[i].module, &row);
    place_rows(gradients);
}

/* --- frames --- */

static void drop_frame(struct gradients *gradients, size_t at)
{
    gradients->values -= gradients->frames[at].count;
    free(gradients->frames[at].norms);
    gradients->frame_count--;
    memmove(&gradients->frames[at], &gradients->frames[at + 1],
            (gradients->frame_count - at) * sizeof *gradients->frames);
}

/* Every second one but the newest. */
static void thin(struct gradients *gradients)
{
    for (size_t i = 1; i + 1 < gradients->frame_count; i++)
        drop_frame(gradients, i);
}

/* The last frame at or before a step; the first where there is none. */
size_t gradients_frame(const struct gradients *gradients, int64_t step)
{
    size_t low = 0, high = gradients->frame_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (gradients->frames[middle].step <= step)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : 0;
}

/* Takes the norms. One of a step that is there takes its place. */
static void insert(struct gradients *gradients, struct gradient_frame frame)
{
    size_t at = gradients_frame(gradients, frame.step);
    if (gradients->frame_count > 0 && gradients->frames[at].step == frame.step)
        drop_frame(gradients, at);
    while (gradients->frame_count == GRADIENT_FRAMES_MAX ||
           (gradients->frame_count > 2 && gradients->values + frame.count > GRADIENT_VALUES_MAX))
        thin(gradients);
    at = gradients_frame(gradients, frame.step);
    at += gradients->frame_count > 0 && gradients->frames[at].step < frame.step;
    memmove(&gradients->frames[at + 1], &gradients->frames[at],
            (gradients->frame_count - at) * sizeof *gradients->frames);
    gradients->frames[at] = frame;
    gradients->frame_count++;
    gradients->values += frame.count;
}

/* Tensors that are new get a row first, so that the frame is made in its full size; of others it
 * has NaN. */
static void take_norms(struct gradients *gradients, int64_t step, const cJSON *norms)
{
    const cJSON *item;
    size_t row;
    cJSON_ArrayForEach(item, norms)
    {
        if (item->string)
            need_row(gradients, item->string, &row);
    }
    struct gradient_frame frame = {.step = step, .count = gradients->table.count};
    frame.norms = array_alloc(frame.count, sizeof *frame.norms, NULL);
    if (!frame.norms)
        return;
    for (size_t i = 0; i < frame.count; i++)
        frame.norms[i] = NAN;
    cJSON_ArrayForEach(item, norms)
    {
        if (item->string && cJSON_IsNumber(item) && need_row(gradients, item->string, &row) &&
            row < frame.count)
            frame.norms[row] = (float)item->valuedouble;
    }
    insert(gradients, frame);
}

static void take_line(struct gradients *gradients, const struct job_metrics *metrics, size_t at)
{
    cJSON *line = job_metrics_json(metrics, at);
    const cJSON *norms = json_get(line, "grad_norms");
    if (cJSON_IsObject(norms))
        take_norms(gradients, metrics->lines[at].step, norms);
    cJSON_Delete(line);
}

/* Lines ceased to count, or some were forgotten: all begins again, but for the rows. */
static void begin_again(struct gradients *gradients)
{
    while (gradients->frame_count > 0)
        drop_frame(gradients, gradients->frame_count - 1);
    gradients->next = gradients->lines = gradients->taken = 0;
}

static bool is_gradients(const struct job_metrics *metrics, size_t at)
{
    return metrics->lines[at].kind == JOB_LINE_GRADIENTS && metrics->lines[at].step >= 0;
}

bool gradients_update(struct gradients *gradients, const struct job_metrics *metrics,
                      double seconds)
{
    double until = clock_seconds() + seconds;
    bool some = false;
    if (metrics->taken - gradients->taken != metrics->count - gradients->lines) {
        begin_again(gradients);
        some = true;
    }
    gradients->lines = metrics->count;
    gradients->taken = metrics->taken;
    if (gradients->next == 0) { /* the newest is what is shown first */
        size_t last = metrics->count;
        while (last > 0 && !is_gradients(metrics, last - 1))
            last--;
        if (last > 0)
            take_line(gradients, metrics, last - 1);
        some = some || last > 0;
    }
    for (bool over = false; gradients->next < metrics->count && !over; gradients->next++) {
        if (!is_gradients(metrics, gradients->next))
            continue;
        take_line(gradients, metrics, gradients->next);
        some = true;
        over = clock_seconds() >= until;
    }
    place_rows(gradients);
    return some;
}

bool gradients_are_behind(const struct gradients *gradients, const struct job_metrics *metrics)
{
    return gradients->next < metrics->count;
}

/* Leaves an empty one. */
void gradients_free(struct gradients *gradients)
{
    begin_again(gradients);
    grid_free(&gradients->grid);
    for (size_t i = 0; i < gradients->table.count; i++) {
        free(gradients->table.rows[i].module);
        free(gradients->table.rows[i].type);
        free(gradients->names[i]);
    }
    free(gradients->table.rows);
    free(gradients->names);
    free(gradients->slots);
    *gradients = (struct gradients){0};
}

/* --- numbers --- */

double gradients_norm(const struct gradient_frame *frame, size_t row)
{
    return row < frame->count ? (double)frame->norms[row] : NAN;
}

/* Of the norms on the grid that a logarithmic scale can show. */
void gradients_range(const struct gradients *gradients, const struct gradient_frame *frame,
                     double *low, double *high)
{
    const struct grid *grid = &gradients->grid;
    *low = *high = NAN;
    for (int type = 0; type < grid->types; type++)
        for (int layer = 0; layer < grid->layers; layer++) {
            double norm = gradients_norm(frame, grid_row(grid, layer, type));
            if (!isfinite(norm) || norm <= 0)
                continue;
            *low = *low <= norm ? *low : norm;
            *high = *high >= norm ? *high : norm;
        }
}
