/* A template, rendered twice with one conversation within small bounds. */
#include "fuzz.h"

#include "jinja/jinja.h"

static const char variables[] =
    "{\"messages\": [{\"role\": \"system\", \"content\": \"be\"}, {\"role\": \"user\", "
    "\"content\": "
    "[{\"type\": \"text\", \"text\": \"h\xc3\xa9 <b>\"}]}, {\"role\": \"assistant\", \"content\": "
    "null, \"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": {\"x\": 1.5, \"y\": "
    "[true, -2]}}}]}, {\"role\": \"tool\", \"content\": \"\"}], \"tools\": [], "
    "\"add_generation_prompt\": true, \"bos_token\": \"<s>\", \"n\": 3}";

/* Spans are in order and within the text; origins are all of it. */
static void check_spans(const struct jinja_output *output)
{
    size_t at = 0;
    for (size_t i = 0; i < output->origins.count; i++) {
        const struct jinja_span *span = &output->origins.items[i];
        if (span->begin != at || span->end <= span->begin || span->origin < 0 || span->origin > 4)
            abort();
        at = span->end;
    }
    if (at != output->text.length)
        abort();
    for (size_t i = 0; i < output->generated.count; i++) {
        const struct jinja_span *span = &output->generated.items[i];
        if (span->begin > span->end || span->end > output->text.length ||
            (i && span->begin < span[-1].begin))
            abort();
    }
}

static void render(const struct jinja_template *parsed, const cJSON *json)
{
    struct error err = ERROR_INIT;
    struct jinja_output output = {0}, again = {0};
    struct jinja_value values;
    struct jinja_heap *heap = jinja_heap_new(8 << 20, NULL);
    struct jinja_options options = {
        .heap = heap, .steps = 50000, .output = 1 << 20, .now = 1700000000};
    if (!heap || jinja_from_json(heap, json, &values, NULL) != 0)
        abort();
    for (size_t i = 0; i < values.is.map->entries[0].value.is.list->count; i++)
        values.is.map->entries[0].value.is.list->items[i].is.map->origin = (int)i + 1;
    size_t mark = jinja_heap_mark(heap);
    int first = jinja_render(parsed, &options, values, &output, &err);
    if (fuzz_ok(first, &err))
        check_spans(&output);
    jinja_heap_release(heap, mark);
    if (jinja_render(parsed, &options, values, &again, NULL) != first ||
        (first == 0 && (again.text.length != output.text.length ||
                        strcmp(buffer_string(&again.text), buffer_string(&output.text)) != 0)))
        abort();
    jinja_output_free(&again);
    jinja_output_free(&output);
    jinja_heap_free(heap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cJSON *json;
    struct error err = ERROR_INIT;
    struct jinja_template *parsed;
    if (!json)
        json = json_parse(variables, strlen(variables), JSON_KEEP_NUMBERS, "variables", NULL);
    if (!fuzz_ok(jinja_parse(&parsed, (const char *)data, size, &err), &err))
        return 0;
    render(parsed, json);
    jinja_template_free(parsed);
    return 0;
}
