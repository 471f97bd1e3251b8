/* The Jinja source of a chat template, and a conversation through it. */
#include "fuzz.h"

#include "jinja/jinja.h"

static const char variables[] =
    "{\"messages\": [{\"role\": \"system\", \"content\": \"Be brief.\"}, {\"role\": \"user\", "
    "\"content\": \" What is 2+2? \"}, {\"role\": \"assistant\", \"content\": \"4\", "
    "\"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": {\"x\": 1.5}}}]}], "
    "\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\"}}], "
    "\"add_generation_prompt\": true, \"bos_token\": \"<s>\", \"eos_token\": \"</s>\"}";

static void render(const struct jinja_template *parsed, struct jinja_heap *heap)
{
    const struct jinja_options options = {.heap = heap, .steps = 20000, .output = 1 << 20};
    struct jinja_output out = {0};
    struct jinja_value value;
    cJSON *json = json_parse(variables, sizeof variables - 1, JSON_KEEP_NUMBERS, "fuzz", NULL);
    if (json && jinja_from_json(heap, json, &value, NULL) == 0)
        jinja_render(parsed, &options, value, &out, NULL);
    jinja_output_free(&out);
    cJSON_Delete(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jinja_template *parsed;
    struct jinja_heap *heap = jinja_heap_new(16 << 20, NULL);
    if (heap && jinja_parse(&parsed, (const char *)data, size, NULL) == 0) {
        render(parsed, heap);
        jinja_template_free(parsed);
    }
    jinja_heap_free(heap);
    return 0;
}
